"""`lockgate explain-gate`: what is missing, who may produce it, and the command, as a person reads it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from lockgate.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "gate"))

from world import MODEL, World, minutes

DIGEST = f"sha256:{MODEL['sha256']}"


@pytest.fixture(scope="module")
def _built(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(_built, tmp_path, monkeypatch):
    made = _built.copied(tmp_path / "world")
    for field in dataclasses.fields(made.settings):
        monkeypatch.setenv(f"LOCKGATE_{field.name.upper()}", getattr(made.settings, field.name) or "")
    monkeypatch.setenv("COLUMNS", "120")
    return made


def _explain(capsys, *words: str) -> tuple[int, str]:
    code = main(["explain-gate", *words])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_what_is_allowed_is_shown_with_who_signed_it(world, capsys):
    code, said = _explain(capsys, "--digest", DIGEST)
    assert code == 0
    assert said.startswith("ALLOW  sha256:")
    for word in ("employment, revision 3", "4 entries", "LG-GATE-000", "ana", "carla"):
        assert word in said
    assert "To do" not in said


def test_what_is_missing_is_shown_with_the_command_that_produces_it(world, capsys, tmp_path):
    model = tmp_path / "a model.skops"
    model.write_bytes(b"nobody has looked at this")
    code, said = _explain(capsys, "--subject", str(model))
    assert code == 1
    assert said.startswith("DENY")
    for words in (
        f"lockgate test-robustness --model '{model}' --data DATA",
        f"lockgate record-provenance --products '{model}' --materials DATASET",
        f"lockgate sign-artifact --artifact '{model}'",
        "who may: bo, pipeline",
        "LG-GATE-401",
    ):
        assert words in said, said


def test_what_follows_from_missing_provenance_is_no_task_of_its_own(world, capsys, tmp_path):
    model = tmp_path / "model.skops"
    model.write_bytes(b"nobody has looked at this")
    _, said = _explain(capsys, "--subject", str(model))
    assert "clean  Mend trained, which names the data that this is about." in said
    assert said.count("lockgate record-provenance --products") == 1


@pytest.mark.parametrize("columns", ["80", "120", "200"])
def test_no_line_but_a_command_is_wider_than_the_terminal(world, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    world.fail(at=world.now - minutes(3))
    _, said = _explain(capsys, "--digest", DIGEST)
    lines = [line for line in said.splitlines() if not line.startswith("  lockgate ")]
    assert max(map(len, lines)) <= int(columns)
    assert "LG-GATE-301" in said


def test_a_policy_that_was_altered_is_said_with_the_command_that_signs_it(world, capsys):
    with Path(world.settings.policy).open("a") as file:
        file.write("# more\n")
    code, said = _explain(capsys, "--digest", DIGEST)
    assert code == 1
    assert "LG-GATE-103" in said
    assert "lockgate sign-policy" in said


def test_it_leaves_nothing_behind(world, capsys):
    before = sorted(world.folder.rglob("*"))
    _explain(capsys, "--digest", DIGEST)
    assert sorted(world.folder.rglob("*")) == before


def test_flags_outweigh_the_environment(world, capsys, tmp_path):
    code, said = _explain(capsys, "--digest", DIGEST, "--trust-state", str(tmp_path))
    assert code == 1
    assert "LG-GATE-111" in said


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--digest", DIGEST, "--subject", "x"],
        ["--digest", "sha1:abc"],
        ["--digest", DIGEST.upper()],
        ["--subject", "/nowhere/at/all"],
        ["--digest", DIGEST, "--policy", " "],
        ["--digest", DIGEST, "--ledger", "postgresql://u:pa55w0rd@h/d"],
    ],
)
def test_wrong_usage_is_one_sentence(world, capsys, words):
    code, said = _explain(capsys, *words)
    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert "pa55w0rd" not in said


def test_a_name_with_control_characters_does_not_reach_the_terminal(world, capsys):
    _, said = _explain(capsys, "--digest", DIGEST, "--environment", "\x1b[31mred\x07")
    assert "\x1b[31mred" not in said
    assert "\x07" not in said
