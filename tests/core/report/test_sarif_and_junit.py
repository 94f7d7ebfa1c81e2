"""A result as SARIF and as JUnit XML: what the standards and GitHub ask for, whatever a name holds."""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate import body
from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.report import junit, result_schema, sarif
from lockgate.report.rules import texts
from lockgate.stages.retrain.check_drift import check_drift

sys.path.insert(0, str(Path(__file__).parent))

from shapes import SHAPE, hold_against_jenkins

HOSTILE = '"><script>]]>&amp;\x00\x1b[31m\u202e\ufffe\ud800[click](https://evil.example){0}\r\n<!--'
HEX = "0123456789abcdef" * 4
RESULT = jsonschema.Draft202012Validator(result_schema())


# --- Results of any kind ----------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=()), max_size=30) | st.just(HOSTILE)
some = text.filter(bool)
entry = st.fixed_dictionaries(
    {
        "name": some,
        "uri": text,
        "digest": st.sampled_from([{"sha256": HEX}, {"lockgateTree1": HEX}]),
    }
)
where = st.builds(
    Location,
    column=st.none() | text,
    rows=st.lists(st.integers(0, 9) | text, max_size=2).map(tuple),
    member=st.none() | text | st.just("../../etc/passwd"),
    offset=st.none() | st.integers(0, 2**40),
    cell=st.none() | st.integers(1, 9),
    output=st.none() | st.integers(1, 9),
    line=st.none() | st.integers(1, 2**40),
)


@st.composite
def documents(draw):
    outcome = Outcome(metrics={"rows": 1})
    names = draw(st.lists(some, max_size=4))
    for name in names:
        outcome.checks.append(
            Check(
                name,
                draw(st.sampled_from(Verdict)),
                draw(st.none() | st.integers(0, 9) | text),
                reason=draw(text),
            )
        )
    for _ in range(draw(st.integers(0, 4))):
        outcome.find(
            draw(st.sampled_from(["LG-DATA-001", "LG-X-001", "LG-GATE-203"])),
            draw(st.sampled_from(Severity)),
            draw(some),
            subject=draw(text | st.just("current")),
            location=draw(where),
            count=draw(st.integers(0, 9)),
            threat=draw(text),
            fix=draw(text),
            check=draw(st.sampled_from([*names, ""])),
        )
    return made(outcome, draw(st.lists(entry, max_size=3)))


def made(outcome: Outcome, subjects=()) -> dict:
    return body.build(
        check_drift,
        outcome,
        subjects=list(subjects),
        parameters={},
        context={},
        policy={"digest": None, "thresholds": {}},
        outputs={},
        evidence=[],
        attachments={},
        started="2026-01-01T00:00:00.000Z",
        finished="2026-01-01T00:20:34.500Z",
    )


def subject(uri: str, name: str = "current", tree: bool = False) -> dict:
    return {"name": name, "uri": uri, "digest": {"lockgateTree1" if tree else "sha256": HEX}}


def run_of(document: dict, root: Path | None = None) -> dict:
    log = json.loads(sarif.render(document, root))
    SHAPE.validate(log)
    return log["runs"][0]


def suite_of(document: dict) -> ET.Element:
    written = junit.render(document)
    root = ET.fromstring(written.encode())  # noqa: S314 - our own
    hold_against_jenkins(root)
    (suite,) = root
    return suite


def _count(suite: ET.Element, tag: str) -> int:
    return len(suite.findall(f"testcase/{tag}"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(documents())
def test_whatever_names_and_texts_hold_both_files_have_the_shape_that_readers_take(document):
    RESULT.validate(document)
    run = run_of(document)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert "](" not in result["message"]["text"]
    suite = suite_of(document)
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    assert int(suite.get("failures")) == _count(suite, "failure")
    assert int(suite.get("errors")) == _count(suite, "error")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(documents())
def test_a_suite_passes_just_when_the_verdict_opens_and_github_never_sees_a_closed_gate_clean(document):
    suite = suite_of(document)
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    opens = Verdict(document["verdict"]).opens
    assert (failed == 0) is opens
    shown = [
        r
        for r in run_of(document)["results"]
        if r["level"] in ("error", "warning") and "suppressions" not in r
    ]
    assert opens or shown


def test_a_name_with_control_characters_is_spelled_out_and_a_plain_one_is_not():
    outcome = Outcome()
    outcome.check('range:AGEP é <b> & "q"', value=1, comparator="==", threshold=1)
    outcome.check("a\x00\x1b\ud800b", value=1, comparator="==", threshold=1)
    names = [case.get("name") for case in suite_of(made(outcome)).findall("testcase")]
    assert names[0] == 'range:AGEP é <b> & "q"'
    assert names[1].startswith("a⟨U+0000⟩⟨U+001B⟩")


# --- What each verdict becomes ----------------------------------------------------------------------


def each_verdict() -> Outcome:
    outcome = Outcome()
    for verdict in Verdict:
        outcome.checks.append(Check(verdict.lower(), verdict, 1, "==", 1, f"because of {verdict}"))
    return outcome


def test_junit_has_a_case_for_each_check_which_fails_errs_or_is_skipped_as_its_verdict_says():
    said = {case.get("name"): [child.tag for child in case] for case in suite_of(made(each_verdict()))[1:]}
    assert said == {
        "pass": [],
        "warn": ["system-out"],
        "fail": ["failure"],
        "inconclusive": ["error"],
        "waived": ["skipped"],
    }


def test_junit_names_verdict_and_digests_as_properties_and_the_time_it_took():
    document = made(each_verdict(), [subject("data/t.csv")])
    suite = suite_of(document)
    properties = {p.get("name"): p.get("value") for p in suite.find("properties")}
    assert properties["verdict"] == "FAIL"
    assert properties["body_digest"] == document["body_digest"]
    assert properties["input:current"] == f"sha256:{HEX}"
    assert (suite.get("timestamp"), suite.get("time")) == ("2026-01-01T00:00:00", "1234.500")


def test_sarif_has_no_result_for_a_check_that_held_and_one_for_each_other():
    run = run_of(made(each_verdict(), [subject("data/t.csv")]))
    assert {r["ruleId"]: r["level"] for r in run["results"]} == {
        "LG-CHECK-FAIL": "error",
        "LG-CHECK-WARN": "warning",
        "LG-CHECK-INCONCLUSIVE": "warning",
        "LG-CHECK-WAIVED": "note",
    }
    assert [r["ruleId"] for r in run["results"] if "suppressions" in r] == ["LG-CHECK-WAIVED"]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["descriptor"]["id"] for note in notes] == ["inconclusive"]


def test_a_waived_finding_is_suppressed_with_its_reason_and_the_same_one_that_is_not_waived_is_not():
    for verdict, suppressed in ((Verdict.WAIVED, True), (Verdict.FAIL, False)):
        outcome = Outcome(checks=[Check("c", verdict, reason="excused until May")])
        outcome.find("LG-DATA-001", Severity.LOW, "A column is missing.", check="c")
        result = next(r for r in run_of(made(outcome))["results"] if r["ruleId"] == "LG-DATA-001")
        assert ("suppressions" in result) is suppressed
        if suppressed:
            assert result["suppressions"][0]["justification"] == "excused until May"


def test_nothing_checked_is_an_error_in_junit_and_a_warning_in_sarif():
    document = made(Outcome())
    assert _count(suite_of(document), "error") == 1
    assert [r["level"] for r in run_of(document)["results"]] == ["warning"]


# --- Where ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("data/t.csv", "data/t.csv"),
        ("./data/../data/t.csv", "data/t.csv"),
        ("{root}/data/a b#é.csv", "data/a%20b%23%C3%A9.csv"),
        ("file://{root}/t.csv", "t.csv"),
        ("/somewhere/else/t.csv", "t.csv"),
        ("../../t.csv", "t.csv"),
        ("s3://bucket/models/m.skops", "bucket/models/m.skops"),
        ("models:/employment@production", "models%3A/employment%40production"),
        ("", "input"),
    ],
)
def test_a_place_is_a_relative_uri_below_the_checkout(tmp_path, given, written):
    document = made(each_verdict(), [subject(given.format(root=tmp_path))])
    run = run_of(document, tmp_path)
    assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]} == {
        written
    }


def test_a_member_of_a_folder_is_a_place_of_its_own_and_one_of_an_archive_is_inside_of_it():
    for tree, uri in ((True, "m/sub%20dir/x.pkl"), (False, "m")):
        outcome = Outcome()
        outcome.find(
            "LG-X-001", Severity.HIGH, "No.", subject="current", location=Location(member="sub dir/x.pkl")
        )
        (result,) = run_of(made(outcome, [subject("m", tree=tree)]))["results"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == uri
        assert place["logicalLocations"] == [{"name": "sub dir/x.pkl", "kind": "member"}]


def test_a_line_of_a_file_is_its_region_and_a_cell_of_a_notebook_a_place_inside_of_it():
    outcome = Outcome()
    for where in (Location(line=7), Location(cell=3, output=1, line=7)):
        outcome.find("LG-X-001", Severity.HIGH, "No.", subject="current", location=where)
    document = made(outcome, [subject("a.txt")])
    text, cell = (r for r in run_of(document)["results"] if r["ruleId"] == "LG-X-001")
    assert text["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert cell["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}  # cells lie in JSON
    assert cell["locations"][0]["logicalLocations"] == [
        {"name": "cell 3", "kind": "cell"},
        {"name": "output 1", "kind": "output"},
    ]
    assert {name: cell["properties"][name] for name in ("cell", "output", "line")} == {
        "cell": 3,
        "output": 1,
        "line": 7,
    }
    assert "[current, cell 3, output 1, line 7]" in junit.render(document)


def test_the_fingerprint_of_a_finding_outlives_its_numbers_and_not_its_place():
    def prints(*findings):
        outcome = Outcome()
        for message, column in findings:
            where = Location(column=column, rows=(len(message),), offset=len(message), line=len(message))
            outcome.find("LG-DATA-004", Severity.HIGH, message, subject="current", location=where)
        run = run_of(made(outcome, [subject("t.csv")]))
        return [r["partialFingerprints"]["primaryLocationLineHash"] for r in run["results"]][: len(findings)]

    first, second = prints(("3 values are missing.", "a"), ("17,000 values are missing.", "b"))
    assert prints(("18 values are missing.", "a"), ("4 values are missing.", "b")) == [first, second]
    assert first != second
    same = prints(("One.", "a"), ("Two.", "a"))
    assert len(set(same)) == 2


def test_more_results_than_github_shows_are_counted_and_the_most_severe_stay():
    outcome = Outcome()
    for i in range(sarif.MAX_RESULTS + 10):
        outcome.cannot(f"check-{i}", "too few rows")
    outcome.find("LG-DATA-001", Severity.CRITICAL, "A column is missing.")
    run = run_of(made(outcome))
    assert len(run["results"]) == sarif.MAX_RESULTS
    assert run["results"][0]["ruleId"] == "LG-DATA-001"
    assert "11 more" in run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"]


# --- Rules ------------------------------------------------------------------------------------------


def test_every_rule_that_a_stage_names_in_its_code_has_a_general_text():
    root = Path(sarif.__file__).parents[1]
    named = {
        rule
        for path in (root / "stages").rglob("[a-z]*.py")
        for rule in re.findall(r'"(LG-[A-Z]+-\d{3})"', path.read_text("utf-8"))
    }
    assert len(named) > 30
    assert named <= set(texts())


def test_a_rule_carries_the_text_of_its_stage_the_fix_and_the_threat_and_scores_as_its_worst_finding():
    outcome = Outcome()
    outcome.find(
        "LG-DRIFT-001", Severity.LOW, "Column 'a' has drifted.", threat="data-poisoning", fix="Look *here*."
    )
    outcome.find("LG-DRIFT-001", Severity.CRITICAL, "Column 'b' has drifted.")
    run = run_of(made(outcome, [subject("t.csv")]))
    (rule,) = (r for r in run["tool"]["driver"]["rules"] if r["id"] == "LG-DRIFT-001")
    assert rule["shortDescription"]["text"] == "A column has drifted."
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["defaultConfiguration"]["level"] == "error"
    assert r"Look \*here\*\." in rule["help"]["markdown"]
    assert "data-poisoning" in rule["properties"]["tags"]


def test_the_same_result_gives_the_same_files():
    document = made(each_verdict(), [subject("t.csv")])
    assert sarif.render(document) == sarif.render(copy.deepcopy(document))
    assert junit.render(document) == junit.render(copy.deepcopy(document))
