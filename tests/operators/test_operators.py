"""Written operators in Airflow: what they need, what they leave behind, and when they fail."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_DAG = """
    from airflow.sdk import DAG, Asset, AssetAlias, task
    from lockgate.place import Interpreter
    from lockgate_airflow.branch import DecisionBranchOperator
    from lockgate_airflow.require_pass import RequirePassOperator
    from my_operators.check_size import CheckSizeOperator

    again = {{"retries": 1, "retry_delay": 0.1}}

    with DAG("many", schedule=None, params={{"data": "{data}"}}, default_args={{"label": "y"}}):

        @task
        def where():
            return "{data}"

        path = where()
        opened = CheckSizeOperator(
            task_id="opened",
            data="{{{{ params.data }}}}",
            min_rows="{{{{ 2 + 2 }}}}",
            outlets=[Asset("batch"), AssetAlias("checked")],
        )
        copied = CheckSizeOperator(task_id="copied", data=opened.output["copy"])
        mapped = CheckSizeOperator.partial(task_id="mapped", label=path).expand(data=["{data}", "{data}"])
        closed = CheckSizeOperator(
            task_id="closed", data=path, min_rows=9, outlets=[AssetAlias("checked")], **again
        )
        unsure = CheckSizeOperator(
            task_id="unsure",
            data=path,
            label="unsure",
            sarif="{out}-{{{{ ti.task_id }}}}.sarif",
            junit="{out}-{{{{ ti.task_id }}}}.xml",
            **again,
        )
        allowed = CheckSizeOperator(task_id="allowed", data=path, label="unsure", policy="{policy}")
        shown = CheckSizeOperator(
            task_id="shown", data=path, min_rows=9, fail_on=(), outlets=[AssetAlias("checked")]
        )
        crash = CheckSizeOperator(task_id="crash", data=path, label="crash", **again)
        missing = CheckSizeOperator(task_id="missing", data="{data}.not", **again)
        elsewhere = CheckSizeOperator(task_id="elsewhere", data=path, place=Interpreter("{python}"))
        there = CheckSizeOperator(task_id="there", data=path, place="{python}", out="{out}", min_rows=9)

        require = RequirePassOperator(task_id="require", verdicts=[opened.output, "WARN"])
        every = RequirePassOperator(task_id="every", verdicts=mapped.output)
        refuse = RequirePassOperator(task_id="refuse", verdicts=[opened.output, shown.output])

        @task(trigger_rule="all_done")
        def after(ti=None):
            return ti.xcom_pull("closed")

        closed >> after()

        def decide(name, said):
            ends = [
                CheckSizeOperator(task_id=f"{{name}}_{{way}}", data=path) for way in ("train", "keep", "hold")
            ]
            branch = DecisionBranchOperator(
                task_id=name,
                result=said,
                retrain=f"{{name}}_train",
                keep=f"{{name}}_keep",
                quarantine=f"{{name}}_hold",
            )
            branch >> ends

        decide("a", {{"opens": True, "decision": "RETRAIN"}})
        decide("b", {{"opens": True, "decision": "KEEP"}})
        decide("c", {{"opens": False, "decision": "QUARANTINE"}})
        decide("d", {{"opens": False, "decision": "RETRAIN"}})
        DecisionBranchOperator(
            task_id="e", result="RETRAIN", retrain="opened", keep="opened", quarantine="opened"
        )
"""


@pytest.fixture(scope="module")
def ran(airflow, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One run of many tasks, all that the tests below look at."""
    folder = tmp_path_factory.mktemp("data")
    data, policy, out = folder / "four.csv", folder / "lockgate.yaml", folder / "out"
    data.write_text("a\nb\nc\nd\n")
    policy.write_text("version: 1\nstages:\n  check-size:\n    on_inconclusive: open\n")
    airflow.dag("many", _DAG.format(data=data, policy=policy, out=out, python=sys.executable))
    airflow.said = airflow.run("airflow", "dags", "test", "many", check=False)
    airflow.data, airflow.out = data, out
    return airflow


def test_an_open_gate_succeeds_and_a_closed_or_unsure_one_fails(ran) -> None:
    states = ran.states("many")
    assert [states[t] for t in ("opened", "copied", "mapped", "elsewhere", "require")] == ["success"] * 5
    assert states["every"] == "success"
    assert [states[t] for t in ("closed", "unsure", "there", "refuse")] == ["failed"] * 4


def test_a_verdict_that_fail_on_leaves_out_does_not_fail_the_task(ran) -> None:
    assert ran.states("many")["shown"] == "success"
    assert ran.xcom("many", "shown")["verdict"] == "FAIL"


def test_a_policy_that_opens_on_inconclusive_keeps_the_task_from_failing(ran) -> None:
    assert ran.states("many")["allowed"] == "success"
    assert ran.xcom("many", "allowed")["verdict"] == "INCONCLUSIVE"


def test_a_crash_is_tried_again_and_a_closed_gate_or_a_missing_file_is_not(ran) -> None:
    tries = dict(ran.rows("select task_id, try_number from task_instance where dag_id = 'many'"))
    assert tries["crash"] == 2
    assert [tries[task] for task in ("closed", "unsure", "missing")] == [1, 1, 1]


def test_a_failed_task_says_in_one_sentence_why(ran) -> None:
    assert "AirflowFailException: FAIL: There are 4 lines, fewer than 9." in ran.said
    assert "AirflowFailException: check-size FAIL: There are 4 lines, fewer than 9." in ran.said  # refuse
    assert f"AirflowFailException: input 'data': {ran.data}.not does not exist" in ran.said


def test_templates_are_rendered_inside_the_arguments(ran) -> None:
    query = "select rendered_fields from rendered_task_instance_fields where task_id = 'opened'"
    rendered = json.loads(ran.rows(query)[0][0])
    assert rendered["arguments"]["data"] == str(ran.data)
    assert rendered["arguments"]["min_rows"] == "4"


def test_the_summary_is_in_xcom_without_findings_and_survives_the_failure(ran) -> None:
    summary = ran.xcom("many", "closed")
    assert summary["verdict"] == "FAIL"
    assert summary["opens"] is False
    assert "findings" not in summary
    assert ran.xcom("many", "after") == summary  # a later task can act on it
    assert json.loads(Path(summary["result"]).read_text())["body_digest"] == summary["body_digest"]


def test_outputs_and_verdict_can_be_passed_on_one_by_one(ran) -> None:
    assert ran.xcom("many", "opened", "verdict") == "PASS"
    assert Path(ran.xcom("many", "opened", "copy")).read_text() == ran.data.read_text()
    assert ran.xcom("many", "copied")["body_digest"] != ""


def test_sarif_and_junit_are_written_where_their_templates_say_before_the_task_fails(ran) -> None:
    assert ran.states("many")["unsure"] == "failed"
    log = json.loads(Path(f"{ran.out}-unsure.sarif").read_text())
    assert log["runs"][0]["properties"]["verdict"] == "INCONCLUSIVE"
    assert "<error" in Path(f"{ran.out}-unsure.xml").read_text()


def test_each_mapped_task_keeps_a_result_of_its_own(ran) -> None:
    query = "select value from xcom where task_id = 'mapped' and key = 'result' order by map_index"
    first, second = (Path(json.loads(value)) for (value,) in ran.rows(query))
    assert (first.parent.name, second.parent.name) == ("0", "1")
    assert first.exists()
    assert second.exists()


def test_another_interpreter_gives_the_same_result(ran) -> None:
    assert ran.xcom("many", "elsewhere")["body_digest"] == ran.xcom("many", "copied")["body_digest"]
    assert Path(ran.xcom("many", "there")["result"]).parent == ran.out


def test_assets_carry_verdict_and_digests_and_only_what_passed_enters_an_alias(ran) -> None:
    events = ran.rows(
        "select asset.name, asset_event.extra from asset_event join asset on asset.id = asset_event.asset_id"
    )
    said = {name: json.loads(extra) for name, extra in events}
    assert set(said) == {"batch", "many/opened/copy"}
    assert said["batch"]["verdict"] == "PASS"
    assert said["batch"]["digests"]["data"] == said["many/opened/copy"]["digest"]
    assert said["batch"]["body_digest"] == ran.xcom("many", "opened")["body_digest"]


def test_a_decision_takes_its_branch_and_a_closed_gate_is_held_whatever_it_decided(ran) -> None:
    states = ran.states("many")
    for name, way in (("a", "train"), ("b", "keep"), ("c", "hold"), ("d", "hold")):
        taken = {end for end in ("train", "keep", "hold") if states[f"{name}_{end}"] == "success"}
        assert taken == {way}
    assert states["e"] == "failed"


# --- At DAG parse -----------------------------------------------------------------------------------

_PARSE = """
    import json, sys
    from airflow.sdk import DAG, task
    from my_operators.check_size import CheckSizeOperator

    said = {}
    with DAG("parsed", schedule=None, default_args={"min_rows": 7}):
        for name, arguments in {
            "missing": {"data": "x"},
            "unknown": {"data": "x", "label": "y", "rows": 3},
            "fail_on": {"data": "x", "label": "y", "fail_on": ("FAILED",)},
        }.items():
            try:
                CheckSizeOperator(task_id=name, **arguments)
            except Exception as error:
                said[name] = f"{type(error).__name__}: {error}"

        @task
        def where():
            return "x"

        path = where()
        said["default"] = CheckSizeOperator(task_id="default", data="x", label="y").arguments["min_rows"]
        said["upstream"] = sorted(CheckSizeOperator(task_id="up", data=path, label="y").upstream_task_ids)
        partial = CheckSizeOperator.partial(task_id="mapped", label=path)
        said["mapped"] = sorted(partial.expand(data=["a", "b"]).upstream_task_ids)
    heavy = "numpy pandas pyarrow sklearn torch art evidently deepchecks my_stages.check_size".split()
    said["loaded"] = [name for name in heavy if name in sys.modules]
    print(json.dumps(said))
"""


def test_wrong_arguments_are_errors_when_the_dag_is_parsed(airflow) -> None:
    said = airflow.python(_PARSE)
    assert "missing keyword argument 'label'" in said["missing"]
    assert "rows" in said["unknown"]
    assert "FAILED" in said["fail_on"]
    assert said["default"] == 7
    assert said["upstream"] == ["where"]
    assert said["mapped"] == ["where"]
    assert said["loaded"] == []


# --- Settings ---------------------------------------------------------------------------------------


def test_a_policy_whose_template_came_out_empty_fails_the_task_and_is_not_left_out(airflow) -> None:
    with pytest.raises(AssertionError, match=r"AirflowFailException: policy of sign is empty"):
        airflow.python("""
            from lockgate_airflow.sign_artifact import SignArtifactOperator

            SignArtifactOperator(task_id="sign", artifact="x", policy="").execute({})
        """)


# --- Being told to end ------------------------------------------------------------------------------

_ENDED = """
    import json, os, signal, sys, threading, time
    from pathlib import Path
    from lockgate_airflow.sign_artifact import SignArtifactOperator

    tmp = os.environ["TMPDIR"]
    place = sys.argv[1]
    asked = SignArtifactOperator(task_id="sign", artifact="x", place=place, lockgate_conn_id=None)
    signal.signal(signal.SIGTERM, lambda *_: asked.on_kill())  # as Airflow's task runner does
    asked.arguments = {"artifact": sys.argv[2]}
    os.environ["LOCKGATE_KEY"] = sys.argv[2]
    asked.out = str(Path(tmp).parent / "out")

    def kill():
        while not Path(place + ".begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=kill).start()
    try:
        asked.execute({})
        ended = "not at all"
    except SystemExit as end:
        ended = str(end.code)
    print(json.dumps({"ended": ended, "left": os.listdir(tmp), "out": os.path.exists(asked.out)}))
"""


def test_a_task_that_is_told_to_end_leaves_no_private_copy(airflow, tmp_path, monkeypatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setitem(airflow.env, "TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "key").touch()
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\ntouch $0.begun\nexec sleep 30\n")
    sleeper.chmod(0o755)
    data = str(tmp_path / "key")
    said = airflow.python(_ENDED, str(sleeper), data)
    assert said == {"ended": "sign was told to end", "left": [], "out": False}


# --- What Airflow sees of the distribution ----------------------------------------------------------


def test_the_provider_and_the_plugin_load_and_load_nothing_heavy(airflow) -> None:
    said = airflow.python("""
        import json, sys
        from airflow.providers_manager import ProvidersManager
        from lockgate_airflow.plugin import LockgatePlugin
        light = "fastapi" not in sys.modules or "lockgate_airflow.reports" not in sys.modules
        manager = ProvidersManager()
        hook = manager.hooks["lockgate"]
        links = list(manager.extra_links_class_names)
        print(json.dumps({"hook": hook.hook_class_name, "links": links, "light": light}))
    """)
    assert said["hook"] == "lockgate_airflow.hook.LockgateHook"
    assert "lockgate_airflow.links.ReportLink" in said["links"]
    assert said["light"]


def test_different_runs_never_share_a_folder_and_no_id_leads_out_of_it(airflow) -> None:
    said = airflow.python("""
        import json, types
        from lockgate_airflow.folders import default_out, home
        ids = ["manual__2026-01-01T00:00:00+00:00", "a/b", "a_b", "a%2Fb", "..", ".", "\u00e4"]
        ids += ["x" * 250, "x" * 249, "\u00e4" * 250]
        found = []
        for run in ids:
            ti = types.SimpleNamespace(dag_id="dag", run_id=run, task_id="task", map_index=-1)
            found.append(str(default_out({"ti": ti}).relative_to(home())))
        print(json.dumps(found))
    """)
    assert len(set(said)) == len(said)
    for path in said:
        parts = Path(path).parts
        assert len(parts) == 3
        assert not {"..", "."} & set(parts)
        assert max(len(os.fsencode(part)) for part in parts) < 255
