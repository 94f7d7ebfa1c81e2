"""The command line: exit codes, one sentence for wrong use, and no heavy import for help."""

import json
import os
import subprocess
import sys

import pytest

from lockgate import stage as stages
from lockgate.cli import main, stage_parser

_MODULE = '''
from lockgate.outcome import Outcome, Severity
from lockgate.stage import DatasetIn, Threshold, stage


@stage("judge-word")
def judge_word(data: DatasetIn, *, words: list[str] | None = None, crash: bool = False) -> Outcome:
    """Give the verdict that the file names.

    Args:
        data: A file with one word, 100 % of it.
        words: Some words.
        crash: Whether to crash.
    """
    if crash:
        raise ZeroDivisionError("nothing to divide")
    word = data.read_text().strip()
    outcome = Outcome(metrics={"words": words})
    if word == "INCONCLUSIVE":
        outcome.cannot("word", "the file says so")
    else:
        outcome.check("word", value=word != "FAIL", comparator="==", threshold=True)
    if word == "WARN":
        outcome.find("X-1", Severity.MEDIUM, "The column a\\x1b[31m\\u202e is odd.")
    return outcome
'''


@pytest.fixture
def judge(tmp_path, monkeypatch, capsys):
    (tmp_path / "judging_stage.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "judging_stage", raising=False)
    for name in ("LOCKGATE_POLICY", "LOCKGATE_KEY", "LOCKGATE_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def call(word, *flags):
        (tmp_path / "word").write_text(word)
        out = tmp_path / "out"
        code = main(["judging_stage:judge_word", "--data", str(tmp_path / "word"), "--out", str(out), *flags])
        return code, capsys.readouterr(), out

    return call


@pytest.mark.parametrize(("word", "code"), [("PASS", 0), ("WARN", 0), ("FAIL", 1), ("INCONCLUSIVE", 1)])
def test_the_exit_code_says_whether_the_gate_opens(judge, word, code):
    found, said, out = judge(word)
    assert found == code
    assert said.out.startswith(word)
    assert json.loads((out / "result.json").read_text())["verdict"] == word


def test_report_only_opens_every_gate_and_keeps_the_verdict(judge):
    code, said, _ = judge("FAIL", "--report-only")
    assert code == 0
    assert said.out.startswith("FAIL")


@pytest.mark.parametrize(
    "flags",
    [
        ["--wrods", "a"],
        ["--words"],
        ["--policy", "missing.yaml"],
        ["--data", "missing"],
        ["--key", "missing.pem"],
    ],
)
def test_wrong_use_is_exit_two_one_sentence_and_no_result_left(judge, flags):
    judge("PASS")
    code, said, out = judge("PASS", *flags)
    assert code == 2
    assert said.err.count("\n") == 1
    assert said.err.startswith("lockgate: ")
    assert "Traceback" not in said.err
    assert not (out / "result.json").exists()


def test_a_crash_is_exit_three_and_one_sentence(judge):
    code, said, out = judge("PASS", "--crash")
    assert code == 3
    assert said.err == "lockgate: judge-word could not run: ZeroDivisionError: nothing to divide\n"
    assert not (out / "result.json").exists()


def test_lists_are_taken_with_commas_with_spaces_and_repeated(judge):
    _, _, out = judge("PASS", "--words", "a,b", "c", "--words", "d")
    assert json.loads((out / "result.json").read_text())["metrics"]["words"] == ["a", "b", "c", "d"]


def test_control_characters_of_untrusted_names_do_not_reach_the_terminal(judge):
    _, said, _ = judge("WARN")
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out


def test_an_unknown_stage_and_a_flag_before_the_stage_are_wrong_use(capsys):
    assert main(["validate-date"]) == 2
    assert "lockgate --help" in capsys.readouterr().err
    assert main(["--data", "x"]) == 2


def test_help_lists_every_stage_and_every_stage_has_help(capsys):
    assert main([]) == 0
    overview = capsys.readouterr().out
    for spec in stages.every():
        assert f"  {spec.name} " in overview
        text = stage_parser(spec).format_help()
        for parameter in spec.parameters:
            assert f"--{parameter.name.replace('_', '-')}" in text


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from lockgate.cli import main; main(['--help']); "
        "heavy = {'numpy', 'pandas', 'pyarrow', 'duckdb', 'scipy', 'sklearn', 'pydantic', 'jinja2', 'rich', "
        "'cryptography', 'art', 'evidently', 'deepchecks', 'torch', 'airflow', 'kfp'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("flags", [["--policy", ""], ["--key="], ["--out", " "]])
def test_a_flag_whose_variable_was_not_set_is_wrong_use_and_not_the_default(judge, flags):
    code, said, _ = judge("PASS", *flags)
    assert code == 2
    assert said.err.count("\n") == 1
    assert "is empty" in said.err


def test_a_list_of_names_with_commas_is_taken_as_json(judge):
    _, _, out = judge("PASS", "--words", '["a, b", "c"]', "[d")
    assert json.loads((out / "result.json").read_text())["metrics"]["words"] == ["a, b", "c", "[d"]


def test_a_mistyped_command_forgets_the_last_result_but_nothing_that_it_was_to_read(judge, tmp_path):
    _, _, out = judge("PASS")
    evidence = str(out / "attestation.json")
    assert main(["verify-artifact", "--attestation", evidence, "--out", str(out), "--typo"]) == 2
    assert (out / "attestation.json").exists()
    assert main(["sign-artifact", "--artifact", str(tmp_path), "--out", str(out), "--typo"]) == 2
    assert (out / "attestation.json").exists()
    assert main(["sign-artifact", "--artifact", str(tmp_path / "word"), "--out", str(out), "--typo"]) == 2
    assert not (out / "attestation.json").exists()


@pytest.mark.parametrize("name", ["nope\x1b[31m\n\u202e", "[x", "\udcff", "http://[x"])
def test_names_of_any_characters_are_one_line_in_an_error(judge, name):
    for flags in (["--data", name], ["--key", name], ["--policy", name], ["--wrong", name]):
        code, said, _ = judge("PASS", *flags)
        assert code == 2
        assert said.err.endswith("\n")
        assert said.err[:-1].isprintable()


@pytest.mark.parametrize(("word", "code"), [("PASS", 0), ("FAIL", 1)])
@pytest.mark.parametrize("stdout", ["closed", "full", "broken", "ascii"])
def test_the_exit_code_holds_even_when_nobody_can_read_the_answer(judge, tmp_path, word, code, stdout):
    (tmp_path / "word").write_text(word)
    call = [sys.executable, "-m", "lockgate", "judging_stage:judge_word", "--data", "word", "--out", "öut"]
    around = {**os.environ, "PYTHONPATH": str(tmp_path)}
    if stdout == "ascii":
        around |= {"PYTHONIOENCODING": "ascii"}
    shell = {
        "closed": "exec >&-",
        "full": "exec >/dev/full",
        "broken": "exec > >(:); sleep 0.3",
        "ascii": ":",
    }
    done = subprocess.run(
        ["bash", "-c", f'{shell[stdout]}; exec "$@"', "bash", *call],
        cwd=tmp_path,
        env=around,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert (tmp_path / "öut" / "result.json").exists()


@pytest.mark.parametrize("ref", [":x", "x:", ".:x", "..x:y", "os:system", "a:b:c"])
def test_a_reference_that_names_no_stage_is_wrong_use(capsys, ref):
    assert main([ref]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_a_seed_that_no_generator_takes_is_wrong_use(judge, tmp_path, capsys, seed):
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")
    flags = ["--train", str(tmp_path / "t.csv"), "--label", "y", "--seed", seed, "--out", str(tmp_path / "o")]
    assert main(["detect-poisoning", *flags]) == 2
    assert "parameter 'seed'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["PASS", ""], ["PASS,"], ["PASS", " "], ["PASS", "--verdicts", ""], [",PASS"]]
)
def test_a_verdict_that_is_missing_among_others_does_not_open_the_gate(tmp_path, capsys, words):
    out = ["--out", str(tmp_path / "out")]
    assert main(["require-pass", "--verdicts", *words, *out]) == 2
    assert "empty item" in capsys.readouterr().err
    assert main(["require-pass", "--verdicts", "PASS", *out]) == 0


def test_an_attestation_that_is_missing_among_others_is_wrong_use(tmp_path, capsys):
    (tmp_path / "a").touch()
    words = ["--attestations", str(tmp_path / "a"), "", "--key", str(tmp_path / "a")]
    assert main(["require-pass", *words, "--out", str(tmp_path / "out")]) == 2
    assert "empty item" in capsys.readouterr().err
