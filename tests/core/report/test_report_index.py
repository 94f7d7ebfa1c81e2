from __future__ import annotations

import re

from lockgate.report import MAX_BYTES
from lockgate.report.index import Run, index


def run(stage, verdict, place, digest="a" * 64, decision=None, group="clean batch", report=""):
    document = {"stage": stage, "verdict": verdict, "decision": decision, "body_digest": digest}
    return Run(document, report, group, place)


def text_of(page):
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_two_places_that_agree_stand_in_one_line_and_say_so():
    page = text_of(index([run("check-drift", "PASS", "Airflow"), run("check-drift", "PASS", "Kubeflow")]))
    assert "check-drift PASS PASS yes aaaaaaaaaaaa" in page


def test_two_places_that_differ_are_told_apart():
    page = text_of(
        index([run("check-drift", "PASS", "Airflow"), run("check-drift", "PASS", "Kubeflow", "b" * 64)])
    )
    assert "check-drift PASS PASS no" in page


def test_a_stage_that_did_not_run_in_one_place_never_counts_as_the_same():
    runs = [run("check-drift", "PASS", "Airflow"), run("sign-artifact", "PASS", "Kubeflow")]
    page = text_of(index(runs))
    assert "check-drift PASS did not run no" in page
    assert "sign-artifact did not run PASS no" in page


def test_a_stage_that_ran_twice_has_two_lines():
    runs = [run("verify-artifact", v, p) for p in ("Airflow", "Kubeflow") for v in ("PASS", "FAIL")]
    page = text_of(index(runs))
    assert "verify-artifact PASS PASS yes" in page
    assert "verify-artifact FAIL FAIL yes" in page


def test_a_line_may_be_called_otherwise_than_its_stage():
    document = run("gate-release", "FAIL", "Airflow").document
    page = text_of(
        index([Run(document, group="release", line=name) for name in ("one byte changed", "whole")])
    )
    assert "one byte changed FAIL whole FAIL" in page
    assert "gate-release" not in page


def test_a_report_is_linked_only_beside_the_page():
    page = index(
        [run("a", "PASS", "x", report="airflow/a/report.html"), run("b", "PASS", "x", report="/etc/b.html")]
    )
    assert re.findall(r'href="([^"]*)"', page) == ["./airflow/a/report.html"]


def test_a_hostile_label_is_shown_and_the_page_stays_small():
    runs = [
        run(f"s{i}", "FAIL", "<script>", group=f"<script>{'x' * 500}{i % 50}", decision="QUARANTINE")
        for i in range(3000)
    ]
    page = index(runs)
    assert "<script" not in page
    assert len(page.encode()) < MAX_BYTES
    assert "not shown on this page" in page


def test_a_quarantine_counts_as_a_closed_gate_whatever_its_verdict():
    assert "1 run, 1 with a closed gate." in text_of(
        index([run("gate-retraining", "PASS", "x", decision="QUARANTINE")])
    )
    assert "1 run, 0 with a closed gate." in text_of(
        index([run("gate-retraining", "PASS", "x", decision="RETRAIN")])
    )
