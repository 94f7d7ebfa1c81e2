from __future__ import annotations

from pathlib import Path

import pytest
from world import MODEL, minutes

from lockgate.gate import Answer, Code, Decision, Problem
from lockgate.gate.codes import table
from lockgate.gate.produce import around, missing
from lockgate.outcome import Severity

PAGE = Path(__file__).parents[3] / "core" / "doc" / "gate-codes.md"


def test_the_page_of_codes_is_what_the_code_has():
    """Write it anew with: python -c 'from lockgate.gate import codes; print(codes.table())'."""
    assert table() in PAGE.read_text("utf-8")


def test_every_code_has_a_number_of_its_own_and_two_sentences():
    numbers = [code.number for code in Code]
    assert numbers == sorted(set(numbers))
    for code in Code:
        assert str(code) == f"LG-GATE-{code.number:03}"
        assert code.meaning.endswith(".")
        assert code.fix.endswith(".")
        assert code.holds == (code.number < 100)
        assert (code.severity in (Severity.HIGH, Severity.CRITICAL)) != code.holds
    assert Code.WITHHELD.severity is Code.KEY_COMPROMISED.severity is Severity.CRITICAL
    assert Code.STALE.severity is Severity.HIGH


def test_every_code_is_the_expected_one_of_a_test():
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [code.name for code in Code if f'"{code.name}"' not in tests and not code.holds] == []


def test_a_decision_without_answers_is_a_denial(world):
    empty = Decision(MODEL, "production", world.now)
    held = Answer("a", "b", Code.HELD, "")
    assert not empty.allow
    assert Decision(MODEL, "production", world.now, answers=(held,)).allow
    assert Decision(MODEL, "production", world.now, answers=(Answer("a", "b", Code.WAIVED, ""),)).allow
    assert not Decision(MODEL, "production", world.now, (Problem(Code.FORKED, ""),), (held,)).allow
    assert not Decision(
        MODEL, "production", world.now, answers=(held, Answer("c", "d", Code.STALE, ""))
    ).allow


# --- What would produce what is missing -------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "code", "who", "command"),
    [
        (
            "robust",
            Code.NONE,
            "bo pipeline",
            "lockgate test-robustness --model m.skops --data DATA --label LABEL",
        ),
        (
            "clean",
            Code.DATASET_WITHOUT,
            "bo pipeline",
            "lockgate detect-poisoning --train DATASET --label LABEL",
        ),
        ("trained", Code.NONE, "ana", "lockgate record-provenance --products m.skops --materials DATASET"),
        (
            "clean",
            Code.NO_PROVENANCE,
            "ana",
            "lockgate record-provenance --products m.skops --materials DATASET",
        ),
        ("approved", Code.NONE, "ana carla", "lockgate sign-artifact --artifact m.skops"),
        (
            "robust",
            Code.WAIVER_EXPIRED,
            "ana dan pipeline",
            "lockgate waive --artifact m.skops --stage test-robustness",
        ),
        ("robust", Code.LEDGER_ALTERED, "pipeline", "lockgate ledger verify"),
        ("robust", Code.WITHHELD, "pipeline", "lockgate publish COPY.attestation.json"),
        ("robust", Code.CLOCK_BEHIND, "bo pipeline", ""),
    ],
)
def test_a_command_is_named_for_what_is_missing(world, requirement, code, who, command):
    from lockgate import policy

    answer = Answer(requirement, world.requirement(requirement)["stage"], code, "")
    need = missing(answer, "m.skops", policy.load(world.settings.policy), "production")
    assert " ".join(need.who) == who
    assert need.command.startswith(command)
    assert bool(need.command) == bool(command)
    assert not command or "--key KEY.key.pem" in need.command or "LEDGER.pub.pem" in need.command


def test_who_is_named_for_a_lack_of_separation_is_not_who_signed_already(world):
    from lockgate import policy

    answer = Answer("approved", "sign-artifact", Code.NOT_SEPARATE, "ana signed for approved and for trained")
    assert missing(answer, "m", policy.load(world.settings.policy), "production").who == ("carla",)


def test_a_problem_of_the_policy_names_the_command_that_signs_it(world):
    assert "sign-policy" in around(Problem(Code.POLICY_EXPIRED, ""), world.settings)
    assert "ledger verify" in around(Problem(Code.FORKED, ""), world.settings)
    assert around(Problem(Code.CLOCK_BEHIND, ""), world.settings) == ""


def test_each_named_command_is_one_that_the_command_line_knows(world, capsys):
    """The flags, too: a dry run of the parser alone."""
    import shlex

    from lockgate import policy
    from lockgate.cli import stage_parser
    from lockgate.stage import find

    loaded = policy.load(world.settings.policy)
    for name in ("trained", "robust", "clean", "approved"):
        answer = Answer(name, world.requirement(name)["stage"], Code.NONE, "")
        words = shlex.split(missing(answer, "a b.skops", loaded, "production").command)
        assert words[0] == "lockgate"
        parsed = vars(stage_parser(find(words[1])).parse_args(words[2:]))
        assert parsed["_key"] == "KEY.key.pem"


def test_what_lies_in_the_store_besides_is_told_with_its_reason(world):
    name = world.test(by="carla", at=world.now - minutes(5))
    answer = next(a for a in world.decide().answers if a.requirement == "robust")
    assert [(n, p.code) for n, p in answer.seen] == [(name, Code.WRONG_ROLE)]
