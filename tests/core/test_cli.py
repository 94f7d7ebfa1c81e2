"""The command line: exit codes, one sentence for wrong use, and no heavy import for help."""

import json
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
