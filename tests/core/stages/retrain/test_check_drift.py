"""Two real survey years do not drift; what is done to the second one does."""

import math
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError, MissingExtraError
from lockgate.outcome import Verdict
from lockgate.run import run
from lockgate.stages.retrain.check_drift import check_drift

DATA = Path(__file__).parents[4] / "dags" / "data"
BEFORE, NOW = DATA / "2015.parquet", DATA / "2016.parquet"


def changed(folder: Path, column: str, values) -> Path:
    table = pq.read_table(NOW)
    path = folder / "changed"
    pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
    return path


@pytest.fixture
def older(tmp_path):
    """The year 2016 with everyone five years older."""
    return changed(tmp_path, "AGEP", pc.add(pq.read_table(NOW)["AGEP"], 5))


def rules(outcome):
    return {finding.rule for finding in outcome.findings}


def test_two_real_years_pass(tmp_path):
    outcome = check_drift(NOW, tmp_path / "report", BEFORE)
    assert outcome.verdict is Verdict.PASS
    assert outcome.metrics["largest_psi"] < 0.01
    assert list(outcome.metrics["columns_ignored"]) == ["id", "year"]
    assert len(outcome.tables["columns"]) == 17
    assert not (tmp_path / "report").exists()


def test_a_shifted_column_fails_and_is_named_with_its_numbers(tmp_path, older):
    outcome = check_drift(older, tmp_path / "report", BEFORE)
    assert outcome.verdict is Verdict.FAIL
    (finding,) = [f for f in outcome.findings if f.rule == "LG-DRIFT-001"]
    assert finding.location.column == "AGEP"
    assert re.search(r"PSI 0\.147.*distance 0\.130.*below 1e-12 \(ks\)", finding.message)


def test_a_share_of_drifted_columns_can_be_allowed_and_is_still_shown(tmp_path, older):
    outcome = check_drift(older, tmp_path / "report", BEFORE, max_drifted_share=0.1)
    assert outcome.verdict is Verdict.WARN
    assert "LG-DRIFT-001" in rules(outcome)


def test_only_the_named_columns_are_looked_at(tmp_path, older):
    assert check_drift(older, tmp_path / "r", BEFORE, columns=["SEX", "MAR"]).verdict is Verdict.PASS
    assert check_drift(older, tmp_path / "r", BEFORE, ignore=["AGEP"]).verdict is Verdict.PASS
    assert check_drift(older, tmp_path / "r", BEFORE, columns=["AGEP"]).verdict is Verdict.FAIL


def test_a_small_batch_is_inconclusive_and_never_a_pass(tmp_path):
    small = tmp_path / "small"
    pq.write_table(pq.read_table(NOW).slice(0, 200), small)
    outcome = check_drift(small, tmp_path / "report", BEFORE)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "LG-DRIFT-005" in rules(outcome)


def test_missing_new_and_retyped_columns_fail_without_being_drift(tmp_path):
    table = pq.read_table(NOW)
    retyped = changed(tmp_path, "AGEP", table["AGEP"].cast(pa.string()))
    outcome = check_drift(retyped, tmp_path / "report", BEFORE)
    assert (outcome.verdict, "LG-DRIFT-004" in rules(outcome)) == (Verdict.FAIL, True)
    assert outcome.metrics["columns_drifted"] == 0
    other = tmp_path / "other"
    pq.write_table(table.rename_columns([{"SEX": "gender"}.get(n, n) for n in table.column_names]), other)
    outcome = check_drift(other, tmp_path / "report", BEFORE)
    assert outcome.verdict is Verdict.FAIL
    assert rules(outcome) >= {"LG-DRIFT-002", "LG-DRIFT-003"}


def test_no_value_of_the_data_is_shown(tmp_path):
    table = pq.read_table(NOW)
    secret = pa.array(["zanzibar"] * table.num_rows)
    outcome = check_drift(changed(tmp_path, "SCHL", secret), tmp_path / "report", BEFORE)
    assert outcome.verdict is Verdict.FAIL
    assert "zanzibar" not in repr(outcome)


def test_bad_input_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"columns names 'nope'.*'AGEP'"):
        check_drift(NOW, tmp_path / "report", BEFORE, columns=["nope"])
    with pytest.raises(InputError, match="max_psi is nan"):
        check_drift(NOW, tmp_path / "report", BEFORE, max_psi=math.nan)
    with pytest.raises(InputError, match="there is no file"):
        check_drift(NOW, tmp_path / "report", tmp_path / "absent")


def test_a_run_gives_the_same_digest_twice_and_for_strings_as_for_values(tmp_path, older):
    one = run(
        "check-drift", {"reference": BEFORE, "current": older, "columns": ["AGEP", "SEX"]}, out=tmp_path / "1"
    )
    two = run(
        "check-drift",
        {"reference": str(BEFORE), "current": str(older), "columns": "AGEP, SEX", "alpha": "0.01"},
        out=tmp_path / "2",
    )
    assert one.verdict is Verdict.FAIL
    assert one.body_digest == two.body_digest


@pytest.mark.slow
def test_evidently_draws_its_report_in_a_process_of_its_own(tmp_path, older):
    result = run(
        "check-drift", {"reference": BEFORE, "current": older, "report": "evidently"}, out=tmp_path / "out"
    )
    page = (tmp_path / "out" / "evidently_report.html").read_text("utf-8")
    assert result.verdict is Verdict.FAIL
    assert "AGEP" in page
    assert "evidently_report" in result.outputs
    loaded = re.findall(
        r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*["']?(?!data:)[^"'\s>]+""", page
    )
    assert loaded == []
    plain = run("check-drift", {"reference": BEFORE, "current": older}, out=tmp_path / "plain")
    assert plain.document["checks"] == result.document["checks"]


def test_a_missing_evidently_is_said_before_anything_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'lockgate[evidently]'")):
        check_drift(NOW, tmp_path / "report", tmp_path / "absent", report="evidently")


def test_the_sample_for_evidently_is_bounded_seeded_and_in_order():
    from lockgate.suites.evidently import sample

    one, again, other = (sample(NOW, ["id", "AGEP"], 1_000, seed) for seed in (0, 0, 1))
    assert one.num_rows == 1_000
    assert one.equals(again)
    assert not one.equals(other)
    assert one["id"].to_pylist() == sorted(one["id"].to_pylist())


def test_the_statistics_load_neither_scipy_stats_nor_scikit_learn_nor_pandas(tmp_path):
    import subprocess
    import sys

    code = (
        "import sys\nfrom pathlib import Path\n"
        "from lockgate.stages.retrain.check_drift import check_drift\n"
        f"check_drift(Path({str(NOW)!r}), Path('x'), Path({str(BEFORE)!r}))\n"
        "print(sorted({'scipy.stats', 'sklearn', 'pandas', 'evidently'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"
