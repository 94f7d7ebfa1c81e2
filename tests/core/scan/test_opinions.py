"""Other scanners can add a failure and take none away, and what they say is not trusted either."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Verdict
from lockgate.scan import opinions
from lockgate.scan.apart import Bounds
from lockgate.scan.opinions import Opinion, Scanner
from lockgate.stages.harden.scan_model import scan_model

NAMES = opinions.SCANNERS
HERE = Path(__file__).parents[3] / ".venv-scanners" / "bin" / "python"
REAL = os.environ.get(opinions.PYTHON_VARIABLE) or (str(HERE) if HERE.is_file() else "")
needs_scanners = pytest.mark.skipif(
    not REAL, reason=f"needs {opinions.PYTHON_VARIABLE}: an interpreter with {', '.join(NAMES)}"
)


@pytest.fixture(autouse=True)
def no_interpreter(monkeypatch):
    for name in (*(f"LOCKGATE_{name.upper()}_PYTHON" for name in NAMES), opinions.PYTHON_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "prefix", "/nowhere")


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    return path


def talking(tmp_path, monkeypatch, *lines: str) -> Scanner:
    """An interpreter in which a scanner says what it is told to, line by line, and then ends."""
    told = tmp_path / "interpreter"
    body = "\n".join(f"read asked\ncat <<'END'\n{line}\nEND" for line in lines)
    told.write_text(f"#!/bin/sh\n{body}\n")
    told.chmod(0o755)
    monkeypatch.setenv("LOCKGATE_PICKLESCAN_PYTHON", str(told))
    return Scanner("picklescan", Bounds(seconds=5))


def checks(outcome: Outcome) -> dict[str, Verdict]:
    return {check.id.removeprefix("second-opinion:"): check.verdict for check in outcome.checks}


HELLO = '{"version": "9"}'
SAFE = '{"verdict": "safe", "reason": "", "found": []}'


def test_a_scanner_that_is_not_there_is_inconclusive_and_says_how_to_give_it(good):
    outcome = scan_model(good, second_opinion=["modelscan"])
    assert checks(outcome) == {"good.pkl": Verdict.PASS, "modelscan": Verdict.INCONCLUSIVE}
    assert "LOCKGATE_MODELSCAN_PYTHON" in outcome.checks[1].reason


def test_an_interpreter_without_the_scanner_is_inconclusive_with_its_reason(good, monkeypatch):
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, sys.executable)
    outcome = scan_model(good, second_opinion=["picklescan"])
    assert checks(outcome)["picklescan"] is Verdict.INCONCLUSIVE
    assert "No module named 'picklescan'" in outcome.checks[1].reason


def test_what_names_no_scanner_or_no_interpreter_is_refused(good, monkeypatch):
    with pytest.raises(InputError, match="'clamav', which is no scanner"):
        scan_model(good, second_opinion=["clamav"])
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, "/nowhere/python")
    with pytest.raises(InputError, match="which is no file"):
        scan_model(good, second_opinion=["picklescan"])


def test_a_second_opinion_is_not_asked_for_by_default(good):
    assert checks(scan_model(good)) == {"good.pkl": Verdict.PASS}


def test_an_answer_is_read(good, tmp_path, monkeypatch):
    found = {"severity": "HIGH", "message": f"in {good}", "member": "m"}
    unsafe = json.dumps({"verdict": "unsafe", "reason": "", "found": [found]})
    scanner = talking(tmp_path, monkeypatch, HELLO, SAFE, unsafe)
    said = list(scanner.opinions([("a", good), ("b", good)]))
    assert [one.verdict for one in said] == ["safe", "unsafe"]
    assert said[1].found == (opinions.Found("HIGH", "in b", "m"),)
    assert scanner.version == "9"


@pytest.mark.parametrize(
    "line",
    [
        "", "safe", "[]", "{}", "null", '{"verdict": "safe"}', SAFE.replace("safe", "clean"),
        SAFE.replace('""', "7"), SAFE.replace("[]", "{}"), SAFE.replace("[]", "[7]"),
        SAFE.replace("[]", '[{"severity": "NONE", "message": "", "member": ""}]'),
        SAFE.replace('"reason"', '"verdict"'), SAFE.replace("[]", "[" * 99 + "]" * 99),
        SAFE.replace("[]", "[" + ",".join(['{"severity": "LOW", "message": "", "member": ""}'] * 101) + "]"),
        SAFE + SAFE, "\x00" * 9, "x" * (9 << 20),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error_and_never_safe(good, tmp_path, monkeypatch, line):
    (said,) = talking(tmp_path, monkeypatch, HELLO, line).opinions([("a", good)])
    assert said.verdict == "error"
    assert said.reason


def test_a_scanner_that_dies_is_started_again_for_the_next_file(good, tmp_path, monkeypatch):
    scanner = talking(tmp_path, monkeypatch, HELLO)
    said = list(scanner.opinions([("a", good), ("b", good)]))
    assert said == [Opinion(name, "error", "picklescan died (exit code 0)") for name in ("a", "b")]
    outcome = scan_model(good, second_opinion=["picklescan"])
    assert checks(outcome) == {"good.pkl": Verdict.PASS, "picklescan": Verdict.INCONCLUSIVE}


def test_a_scanner_that_hangs_is_ended(good, tmp_path, monkeypatch):
    scanner = talking(tmp_path, monkeypatch, HELLO)
    told = tmp_path / "interpreter"
    told.write_text(told.read_text() + "exec sleep 60\n")
    scanner.bounds = Bounds(seconds=0.3)
    (said,) = scanner.opinions([("a", good)])
    assert said.reason == "picklescan took longer than 0.3 s"


def test_what_a_scanner_says_is_shown_on_one_line(good, tmp_path, monkeypatch):
    found = {"severity": "HIGH", "message": "\x1b[2J\r\nPASS " + "x" * 900, "member": "a\u202eb"}
    unsafe = json.dumps({"verdict": "unsafe", "reason": "", "found": [found]})
    (said,) = talking(tmp_path, monkeypatch, HELLO, unsafe).opinions([("a", good)])
    assert said.found[0].message.startswith("<1b>[2J<0d><0a>PASS ")
    assert len(said.found[0].message) <= 300
    assert said.found[0].member == "a<202e>b"


def test_a_file_that_we_call_unsafe_stays_so_whatever_they_say(corpus, tmp_path, monkeypatch):
    bad = tmp_path / "bad.pkl"
    bad.write_bytes(corpus.system())
    talking(tmp_path, monkeypatch, HELLO, SAFE)
    outcome = scan_model(bad, second_opinion=["picklescan"])
    assert checks(outcome) == {"bad.pkl": Verdict.FAIL, "picklescan": Verdict.PASS}
    assert outcome.verdict is Verdict.FAIL


def test_a_file_that_only_they_call_unsafe_fails(good, tmp_path, monkeypatch):
    found = {"severity": "CRITICAL", "message": "bad", "member": ""}
    unsafe = json.dumps({"verdict": "unsafe", "reason": "", "found": [found]})
    talking(tmp_path, monkeypatch, HELLO, unsafe)
    outcome = scan_model(good, second_opinion=["picklescan", "picklescan"])
    assert checks(outcome) == {"good.pkl": Verdict.PASS, "picklescan": Verdict.FAIL}
    (finding,) = outcome.findings
    assert (finding.rule, finding.message) == ("LG-SCAN-110", "picklescan 9 says of good.pkl: bad.")


def test_giving_up_on_arrays_of_joblib_is_noted_and_on_a_plain_pickle_is_not_enough(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    joblib.dump({"a": np.arange(9.0)}, folder / "a.joblib")
    (folder / "b.pkl").write_bytes(pickle.dumps({"a": 1}))
    error = '{"verdict": "error", "reason": "no opcode", "found": []}'
    talking(tmp_path, monkeypatch, HELLO, error, SAFE)
    outcome = scan_model(folder, second_opinion=["picklescan"])
    assert checks(outcome)["picklescan"] is Verdict.PASS
    assert [finding.rule for finding in outcome.findings] == ["LG-SCAN-111"]
    (folder / "b.pkl").unlink()
    talking(tmp_path, monkeypatch, HELLO, error)
    alone = scan_model(folder, second_opinion=["picklescan"])
    assert checks(alone)["picklescan"] is Verdict.INCONCLUSIVE  # it said nothing about anything
    (folder / "a.joblib").rename(tmp_path / "a.joblib")
    (folder / "b.pkl").write_bytes(pickle.dumps({"a": 1}))
    talking(tmp_path, monkeypatch, HELLO, error)
    broken = scan_model(folder, second_opinion=["picklescan"])
    assert checks(broken)["picklescan"] is Verdict.INCONCLUSIVE
    assert "could not read b.pkl: no opcode" in broken.checks[-1].reason


@needs_scanners
@pytest.mark.parametrize("name", NAMES)
def test_each_scanner_tells_a_plain_attack_from_plain_data(name, corpus, tmp_path, monkeypatch, good):
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, REAL)
    bad, archive = tmp_path / "bad.pkl", tmp_path / "bad.pt"
    bad.write_bytes(corpus.system())
    archive.write_bytes(corpus.torch_zip(corpus.system(2)))
    said = list(Scanner(name).opinions([("good", good), ("bad", bad), ("archive", archive)]))
    assert [one.verdict for one in said] == ["safe", "unsafe", "unsafe"], said
    assert all(found.severity == "CRITICAL" for one in said for found in one.found[:1])


@needs_scanners
@pytest.mark.parametrize("name", NAMES)
def test_no_scanner_passes_what_it_cannot_read(name, tmp_path, monkeypatch):
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, REAL)
    for title, data in (("cut.pkl", pickle.dumps({"a": 1})[:-3]), ("text.txt", b"words\n"), ("no.pt", b"PK")):
        (tmp_path / title).write_bytes(data)
        (said,) = Scanner(name).opinions([(title, tmp_path / title)])
        assert said.verdict != "safe", said


@needs_scanners
def test_the_stage_asks_them_all(corpus, tmp_path, monkeypatch):
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, REAL)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.pkl").write_bytes(pickle.dumps({"a": 1}))
    joblib.dump({"a": np.arange(9.0)}, folder / "b.joblib")
    clean = scan_model(folder, second_opinion=["picklescan", "modelscan"])
    assert clean.verdict is Verdict.PASS
    assert {finding.rule for finding in clean.findings} == {"LG-SCAN-111"}
    (folder / "c.pkl").write_bytes(corpus.system())
    outcome = scan_model(folder, second_opinion=[*NAMES])
    assert all(checks(outcome)[name] is Verdict.FAIL for name in NAMES)
    assert {one["unsafe"] for one in outcome.metrics["second_opinions"].values()} <= {1, 2}
