from __future__ import annotations

import json

import jsonschema
import pytest

from lockgate.outcome import Outcome, Severity
from lockgate.report import result_schema
from lockgate.run import run
from lockgate.stage import DatasetIn, DatasetOut, ReportOut, Threshold, stage


@stage("count-lines", threats=["data-poisoning"])
def count_lines(
    data: DatasetIn,
    kept: DatasetOut,
    page: ReportOut,
    *,
    min_lines: Threshold[int] = 2,
    name: str | None = None,
) -> Outcome:
    """Count the lines of a file and hold them against a minimum.

    Args:
        data: The file.
        kept: The same lines again.
        page: A page to look at.
        min_lines: Fewest lines that pass.
        name: A name.
    """
    content = data.read_text()
    kept.write_text(content)
    page.write_text("<!doctype html><title>Lines</title>")
    lines = content.count("\n")
    outcome = Outcome(metrics={"lines": lines, "by_kind": {"empty": 0}}, facts={"Lines": str(lines)})
    outcome.tables["lines"] = [{"kind": "empty", "empty_share": 0.0}, {1: float("nan")}]
    if not outcome.check("lines", value=lines, comparator=">=", threshold=min_lines):
        outcome.find(
            "X-LINES-001", Severity.HIGH, "The file has too few lines.", subject="data", fix="Add lines."
        )
    if name:
        outcome.cannot("words", "there is no dictionary")
    return outcome


@pytest.mark.parametrize(
    ("lines", "name", "verdict"), [(3, None, "PASS"), (1, None, "FAIL"), (3, "\u202e<b>", "INCONCLUSIVE")]
)
def test_what_a_run_writes_is_valid_and_its_page_says_the_same(tmp_path, lines, name, verdict):
    (tmp_path / "data.txt").write_text("line\n" * lines)
    run(
        count_lines,
        {"data": str(tmp_path / "data.txt"), "name": name},
        out=tmp_path / "out",
    )
    document = json.loads((tmp_path / "out/result.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(result_schema()).validate(document)
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert document["verdict"] == verdict
    assert f"<title>{verdict} · count-lines · Lockgate</title>" in page
    assert document["body_digest"] in page
    assert 'href="./page.html"' in page


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("verdict",), "MAYBE"),
        (("extra",), 1),
        (("body_digest",), "abc"),
        (("started",), "yesterday"),
        (("subjects", 0, "digest"), {"md5": "0" * 32}),
        (("checks", 0, "value"), [1]),
        (("checks", 0, "comparator"), "~"),
    ],
)
def test_a_changed_result_is_not_valid(tmp_path, place, value):
    (tmp_path / "data.txt").write_text("line\n" * 3)
    document = json.loads(
        json.dumps(run(count_lines, {"data": str(tmp_path / "data.txt")}, out=tmp_path / "out").document)
    )
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    assert not jsonschema.Draft202012Validator(result_schema()).is_valid(document)
