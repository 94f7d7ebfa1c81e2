"""A KFP step and an Airflow operator put models into a sandbox by its name, or by a value."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from lockgate.model import save

QUICK = {"label": "y", "attack_rows": 30, "precision": 0.25, "perturbed_rows": 20, "max_queries": 30}
QUICK |= {"min_accuracy_under_attack": 0, "max_accuracy_drop": 1, "max_crashes": 9}


def test_a_kfp_step_takes_its_place_from_its_environment(model, data, tmp_path, monkeypatch):
    from lockgate_kfp import _base

    save(model, tmp_path / "model.skops")
    monkeypatch.setenv("LOCKGATE_PLACE", "sandbox:memory=3G")
    taken = {
        name: SimpleNamespace(path=str(tmp_path / name), log_metric=lambda *_: None)
        for name in ("report_html", "metrics", "result_json", "attestation_json")
    }
    arguments = {"model": str(tmp_path / "model.skops"), "data": str(data), **QUICK}
    said = _base.run_stage("test-robustness", arguments=arguments, outputs={}, policy=None, **taken)
    assert said.verdict in ("PASS", "WARN")
    document = json.loads((tmp_path / "result_json").read_text())
    assert document["environment"]["sandbox"]["form"] in ("bubblewrap", "process limits")


_OPERATOR = """
    import json, sys
    from lockgate.place import Sandbox
    from lockgate_airflow.test_robustness import TestRobustnessOperator

    given = json.loads(sys.argv[1])
    asked = TestRobustnessOperator(task_id="t", place=Sandbox(memory="3G"), lockgate_conn_id=None, **given)
    asked.execute({})  # ends where it tells Airflow of the verdict, which needs a running task
"""


@pytest.mark.slow
def test_an_airflow_operator_takes_a_sandbox_as_a_value(hostile, scanned, signing, data, tmp_path):
    path = hostile(f"open({str(tmp_path / 'marker')!r}, 'w')")
    given = {"model": str(path), "data": str(data), "out": str(tmp_path / "out"), **QUICK}
    given |= {"scan": str(scanned(path)), "scan_key": str(signing[1])}
    words = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(_OPERATOR), json.dumps(given)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert "tried to touch a file outside" in done.stdout, done.stderr
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert [finding["rule"] for finding in document["findings"]] == ["LG-SANDBOX-002"]
    assert document["environment"]["sandbox"]["form"] in ("bubblewrap", "process limits")
    assert not (tmp_path / "marker").exists()
