import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def turns(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import turns

    return turns


def commands(marks, *tools):
    code = "import json, sys; open(sys.argv[1], 'a').write(sys.argv[2]); print(json.dumps(['x0']))"
    return {tool: [sys.executable, "-c", code, marks, tool] for tool in tools}


def same(*tools):
    return {tool: {"rows": 10} for tool in tools}


def test_tools_take_turns_and_each_run_is_a_line(turns, tmp_path):
    log = turns.Log(tmp_path / "runs.jsonl")
    log.take_turns(commands(tmp_path / "marks", "a", "b"), same("a", "b"), 2, 60)
    assert (tmp_path / "marks").read_text() == "abab"
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 4
    found = log.medians(["a"], same("a"))["a"]
    assert (found.runs, found.said, found.error) == (2, ["x0"], "")
    assert found.processor > 0
    assert 1 < found.peak < 1000


def test_a_cut_run_goes_on_where_it_was(turns, tmp_path):
    path, marks = tmp_path / "runs.jsonl", tmp_path / "marks"
    turns.Log(path).take_turns(commands(marks, "a", "b"), same("a", "b"), 1, 60)
    path.write_text(path.read_text() + '{"tool": "a", "rows": 10, "wal')
    turns.Log(path).take_turns(commands(marks, "a", "b"), same("a", "b"), 2, 60)
    assert marks.read_text() == "abab"
    assert len(turns.Log(path).lines) == 4


def test_runs_of_other_code_do_not_count(turns, tmp_path):
    log = turns.Log(tmp_path / "runs.jsonl")
    log.take_turns(commands(tmp_path / "marks", "a"), {"a": {"code": "old"}}, 1, 60)
    assert log.medians(["a"], {"a": {"code": "new"}}) == {"a": None}


def test_a_tool_that_fails_or_hangs_is_recorded_and_the_next_one_runs(turns, tmp_path):
    log = turns.Log(tmp_path / "runs.jsonl")
    given = {
        "broken": [sys.executable, "-c", "raise ValueError('no such column')"],
        "hangs": [sys.executable, "-c", "import time; time.sleep(60)"],
        **commands(tmp_path / "marks", "a"),
    }
    log.take_turns(given, same(*given), 1, 2)
    found = log.medians(given, same(*given))
    assert found["broken"].error == "ValueError: no such column"
    assert found["hangs"].error == "stopped after 2 s"
    assert found["a"].error == ""
