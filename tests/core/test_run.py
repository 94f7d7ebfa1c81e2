"""A run leaves a whole result or nothing, and the same body digest wherever it takes place."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockgate import body
from lockgate.errors import InputError, StageError
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.place import Interpreter
from lockgate.run import run
from lockgate.stage import DatasetIn, DatasetOut, ReportOut, Threshold, stage

_MODULE = '''
from __future__ import annotations

from lockgate.outcome import Outcome, Severity
from lockgate.stage import DatasetIn, DatasetOut, ReportOut, Threshold, stage
from lockgate.errors import InputError


@stage("count-lines", threats=["data-poisoning"])
def count_lines(
    data: DatasetIn,
    kept: DatasetOut,
    page: ReportOut,
    *,
    min_lines: Threshold[int] = 2,
    crash: bool = False,
) -> Outcome:
    """Count the lines of a file and hold them against a minimum.

    Args:
        data: The file.
        kept: The same lines again.
        page: A page to look at.
        min_lines: Fewest lines that pass.
        crash: Whether to crash half-way.
    """
    text = data.read_text()
    if not text:
        raise InputError(f"{data} is empty; give a file with lines")
    kept.write_text(text)
    if crash:
        raise RuntimeError(f"half-way through {data}")
    outcome = Outcome(metrics={"lines": text.count(chr(10)), "third": 1 / 3})
    if not outcome.check("lines", value=text.count(chr(10)), comparator=">=", threshold=min_lines):
        why = "The file has too few lines."
        outcome.find("X-LINES-001", Severity.HIGH, why, subject="data", fix="Add lines.")
    return outcome
'''
REF = "counting_stage:count_lines"


@pytest.fixture(autouse=True)
def counting_stage(tmp_path, monkeypatch):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "counting_stage.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.delitem(sys.modules, "counting_stage", raising=False)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("a\nb\nc\n")
    return path


def test_a_run_writes_result_report_attestation_and_outputs(data, tmp_path):
    result = run(REF, {"data": data}, out=tmp_path / "out")
    assert result.verdict is Verdict.PASS
    assert result.opens
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"result.json", "report.html", "attestation.json", "kept.parquet"}
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert document == result.document
    assert document["metrics"] == {"lines": 3, "third": 0.333333333}
    assert document["subjects"][0]["digest"] == document["outputs"]["kept"]["digest"]


def test_a_closed_gate_is_still_a_whole_result(data, tmp_path):
    result = run(REF, {"data": data, "min_lines": "10"}, out=tmp_path / "out")
    assert result.verdict is Verdict.FAIL
    assert not result.opens
    assert result.why == "The file has too few lines."
    assert (tmp_path / "out" / "result.json").exists()


def test_the_body_digest_depends_on_content_and_parameters_and_on_nothing_else(data, tmp_path):
    copy = tmp_path / "elsewhere.txt"
    copy.write_bytes(data.read_bytes())
    one = run(REF, {"data": data}, out=tmp_path / "one")
    two = run(REF, {"data": copy, "kept": tmp_path / "named" / "k.txt"}, out=tmp_path / "two")
    strict = run(REF, {"data": data, "min_lines": 3}, out=tmp_path / "three")
    assert one.body_digest == two.body_digest != strict.body_digest
    copy.write_text("a\nb\nd\n")
    assert run(REF, {"data": copy}, out=tmp_path / "two").body_digest != one.body_digest


def test_another_interpreter_gives_the_same_body_over_the_json_border(data, tmp_path):
    here = run(REF, {"data": data}, out=tmp_path / "here")
    there = run(REF, {"data": data}, out=tmp_path / "there", place=Interpreter(sys.executable))
    assert there.body_digest == here.body_digest
    assert there.opens
    assert (tmp_path / "there" / "kept.parquet").read_bytes() == data.read_bytes()


@pytest.mark.parametrize("place", ["inline", sys.executable])
@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"data": "missing.txt"}, InputError, "input 'data': missing.txt does not exist"),
        ({"min_lines": "many"}, InputError, "valid integer"),
        ({"crash": True}, StageError, "count-lines could not run: RuntimeError: half-way through"),
    ],
)
def test_a_run_that_fails_leaves_nothing_of_itself_nor_of_the_run_before(
    data, tmp_path, place, change, error, said
):
    out = tmp_path / "out"
    run(REF, {"data": data}, out=out)
    with pytest.raises(error, match=said) as caught:
        run(REF, {"data": data, **change}, out=out, place=place)
    assert "\n" not in str(caught.value)
    assert not (out / "result.json").exists()
    assert not (out / "attestation.json").exists()
    if error is StageError:
        assert list(out.iterdir()) == []


def test_an_error_names_the_callers_path_and_not_the_private_copy(tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(InputError, match=r"^.*/empty.txt is empty; give a file with lines$") as caught:
        run(REF, {"data": tmp_path / "empty.txt"}, out=tmp_path / "out")
    assert "lockgate-" not in str(caught.value)


def test_an_interpreter_that_is_not_there_is_one_sentence(data, tmp_path):
    with pytest.raises(InputError, match="cannot be started"):
        run(REF, {"data": data}, out=tmp_path / "out", place=Interpreter("/no/such/python"))


def test_an_output_never_overwrites_an_input(data, tmp_path):
    with pytest.raises(InputError, match="would overwrite the input"):
        run(REF, {"data": data, "kept": data}, out=tmp_path / "out")
    assert data.read_text() == "a\nb\nc\n"


def test_nothing_private_stays_behind(data, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    run(REF, {"data": data}, out=tmp_path / "out")
    with pytest.raises(StageError):
        run(REF, {"data": data, "crash": True}, out=tmp_path / "out")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_attached_page_is_in_the_result_and_not_in_its_body(data, tmp_path):
    content = ["one"]

    @stage("show-page")
    def show_page(data: DatasetIn, page: ReportOut) -> Outcome:
        """Show a page."""
        page.write_text(content[0])
        outcome = Outcome()
        outcome.check("seen", value=data.exists(), comparator="==", threshold=True)
        return outcome

    first = run(show_page, {"data": data}, out=tmp_path / "out")
    content[0] = "two"
    second = run(show_page, {"data": data}, out=tmp_path / "out")
    assert first.body_digest == second.body_digest
    assert first.document["attachments"]["page"]["digest"] != second.document["attachments"]["page"]["digest"]


def test_an_output_that_a_stage_forgets_to_write_is_an_error(data, tmp_path):
    @stage("forget-it")
    def forget_it(data: DatasetIn, kept: DatasetOut, *, size: Threshold[int] = 1) -> Outcome:
        """Forget the output."""
        outcome = Outcome()
        outcome.check("size", value=data.stat().st_size, comparator=">", threshold=size)
        return outcome

    with pytest.raises(StageError, match="did not write its output 'kept'"):
        run(forget_it, {"data": data}, out=tmp_path / "out")


def test_findings_are_capped_worst_first_with_the_full_count_in_the_metrics(data, tmp_path):
    @stage("find-many")
    def find_many(data: DatasetIn) -> Outcome:
        """Find many things."""
        outcome = Outcome()
        outcome.check("seen", value=data.exists(), comparator="==", threshold=True)
        for number in range(1500):
            severity = Severity.HIGH if number == 1400 else Severity.LOW
            outcome.find("X-1", severity, f"Thing {number}.")
        return outcome

    document = run(find_many, {"data": data}, out=tmp_path / "out").document
    assert len(document["findings"]) == 1000
    assert document["findings"][0]["message"] == "Thing 1400."
    assert document["metrics"]["findings_in_all"] == 1500


def test_a_result_folder_that_cannot_be_made_is_one_sentence(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((InputError, StageError), match="cannot be"):
        run(REF, {"data": data}, out=tmp_path / "file" / "out")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@example(25_466_759_650_000_001_024)  # no float is written as this integer
@given(_JSON)
def test_whatever_a_stage_says_becomes_json_that_is_canonical_and_settled(value):
    import rfc8785

    said = body.plain(value)
    assert body.plain(said) == said
    # Canonical JSON writes whole floats as integers; a reader of numbers as floats gets them all back.
    assert json.loads(rfc8785.dumps(said), parse_int=float) == said


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300))
def test_floats_that_differ_beyond_nine_digits_are_the_same_in_a_body(value):
    assert body.rounded(value) == body.rounded(value * (1 + 1e-15)) or value * (1 + 1e-15) != value
    assert abs(body.rounded(value) - value) <= 1e-8 * value


def test_relative_paths_work_from_any_folder(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(REF, {"data": "data.txt"}, out="relative-out")
    assert result.out == Path("relative-out").absolute()
    assert result.out.is_dir()
