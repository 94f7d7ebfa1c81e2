"""What OpenLineage hears of a gate that opened, of one that closed, and of a stage that did not run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import attr
import jsonschema
import pytest
from openlineage.client.facet_v2 import data_quality_assertions_dataset, dataset_version_dataset

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_SCHEMAS = Path(__file__).parents[2] / "operators" / "lockgate_airflow" / "schemas"
_DAG = """
    from airflow.sdk import DAG
    from my_operators.check_size import CheckSizeOperator
    from lockgate_airflow.validate_data import ValidateDataOperator

    with DAG("traced", schedule=None):
        CheckSizeOperator(task_id="opened", data="{data}", label="y")
        CheckSizeOperator(task_id="closed", data="file://{data}", label="y", min_rows=9)
        CheckSizeOperator.partial(task_id="mapped", label="y").expand(data=["{data}"])
        CheckSizeOperator(task_id="missing", data="{data}.not", label="y")
        ValidateDataOperator(task_id="columns", data="{data}", schema="{schema}")
"""


@pytest.fixture(scope="module")
def traced(airflow, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One run with OpenLineage's file transport; `events[task]` is what came last of a task."""
    folder = tmp_path_factory.mktemp("traced")
    (folder / "four.csv").write_text("a\nb\nc\nd\n")
    (folder / "schema.yaml").write_text("version: 1\ncolumns:\n  a: {type: string, nullable: false}\n")
    airflow.dag("traced", _DAG.format(data=folder / "four.csv", schema=folder / "schema.yaml"))
    transport = {"type": "file", "log_file_path": str(folder / "events.jsonl"), "append": True}
    airflow.said = airflow.run(
        *("airflow", "dags", "test", "traced"),
        check=False,
        AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport),
    )
    airflow.all = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    airflow.events = {
        event["job"]["name"].partition(".")[2]: event
        for event in airflow.all
        if event["eventType"] in ("COMPLETE", "FAIL")
    }
    airflow.data = folder / "four.csv"
    return airflow


def _inputs(event: dict[str, Any]) -> dict[str, bool]:
    (first,) = (entry for entry in event["inputs"] if entry["inputFacets"])
    assertions = first["inputFacets"]["dataQualityAssertions"]["assertions"]
    return {entry["assertion"]: entry["success"] for entry in assertions}


def test_an_open_gate_tells_of_its_input_with_digest_checks_and_verdict(traced) -> None:
    event = traced.events["opened"]
    assert event["eventType"] == "COMPLETE"
    (data,) = event["inputs"]
    digest = hashlib.sha256(traced.data.read_bytes()).hexdigest()
    assert (data["namespace"], data["name"]) == ("file", str(traced.data))
    assert data["facets"]["version"]["datasetVersion"] == f"sha256:{digest}"
    assert data["facets"]["lockgate_digest"]["digest"] == {"sha256": digest}
    assert _inputs(event) == {"rows": True, "lockgate:verdict": True}


def test_what_the_stage_wrote_is_an_output_with_its_digest(traced) -> None:
    (copy,) = traced.events["opened"]["outputs"]
    assert copy["name"] == traced.xcom("traced", "opened", "copy")
    digest = hashlib.sha256(Path(copy["name"]).read_bytes()).hexdigest()
    assert copy["facets"]["lockgate_digest"]["digest"] == {"sha256": digest}


def test_a_closed_gate_tells_as_much_although_its_task_failed(traced) -> None:
    event = traced.events["closed"]
    assert event["eventType"] == "FAIL"
    assert _inputs(event) == {"rows": False, "lockgate:verdict": False}
    said = event["run"]["facets"]["lockgate_result"]
    summary = traced.xcom("traced", "closed")
    assert (said["verdict"], said["opens"], said["stage"]) == ("FAIL", False, "check-size")
    assert (said["bodyDigest"], said["attestation"]) == (summary["body_digest"], summary["attestation"])
    # the URI and the path of the same file are one dataset
    assert event["inputs"][0]["name"] == traced.events["opened"]["inputs"][0]["name"]


def test_a_mapped_task_tells_of_itself(traced) -> None:
    assert _inputs(traced.events["mapped"]) == {"rows": True, "lockgate:verdict": True}


def test_a_stage_that_did_not_run_tells_nothing_of_a_verdict(traced) -> None:
    event = traced.events["missing"]
    assert event["eventType"] == "FAIL"
    assert "lockgate_result" not in event["run"]["facets"]
    assert event["inputs"] == []


def test_a_check_of_a_column_names_the_column(traced) -> None:
    (data,) = (i for i in traced.events["columns"]["inputs"] if i["name"] == str(traced.data))
    assertions = data["inputFacets"]["dataQualityAssertions"]["assertions"]
    columns = {entry["assertion"]: entry.get("column") for entry in assertions}
    assert columns["type:a"] == columns["completeness:a"] == "a"
    assert columns["missing-columns"] is None


def test_our_facets_are_as_their_schemas_say_and_the_others_as_the_clients_classes_say(traced) -> None:
    schemas = {
        name: jsonschema.Draft202012Validator(json.loads((_SCHEMAS / f"{name}.json").read_text()))
        for name in ("digest", "result")
    }
    looked = 0
    for event in traced.events.values():
        for dataset in [*event["inputs"], *event["outputs"]]:
            schemas["digest"].validate(dataset["facets"]["lockgate_digest"])
            _as_the_client_has_it(dataset_version_dataset, dataset["facets"]["version"])
            for facet in dataset.get("inputFacets", {}).values():
                _as_the_client_has_it(data_quality_assertions_dataset, facet)
            looked += 1
        if "lockgate_result" in event["run"]["facets"]:
            schemas["result"].validate(event["run"]["facets"]["lockgate_result"])
    assert looked >= 8
    broken = {**dataset["facets"]["lockgate_digest"], "digest": {"sha256": "short"}}
    with pytest.raises(jsonschema.ValidationError):
        schemas["digest"].validate(broken)


def _as_the_client_has_it(module: Any, facet: dict[str, Any]) -> None:
    """Build the facet's class of OpenLineage's client, named by its schema, from what was emitted."""
    made = getattr(module, facet["_schemaURL"].rpartition("/")[2])
    fields = {name: value for name, value in facet.items() if not name.startswith("_")}
    assert attr.asdict(made(**fields))["_schemaURL"] == facet["_schemaURL"]
    for assertion in fields.get("assertions", []):
        data_quality_assertions_dataset.Assertion(**assertion)


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("/data/a.csv", ("file", "/data/a.csv")),
        ("file:///data/a%20b.csv", ("file", "/data/a b.csv")),
        ("s3://team/in/a.csv", ("s3://team", "in/a.csv")),
        ("s3a://team/in/a.csv", ("s3://team", "in/a.csv")),
        ("gcs://team/a.csv", ("gs://team", "a.csv")),
        ("abfs://box@account.dfs.core.windows.net/a", ("abfss://box@account.dfs.core.windows.net", "/a")),
        ("https://host:8443/a.csv", ("https://host:8443", "/a.csv")),
    ],
)
def test_a_dataset_is_called_as_openlineages_naming_rules_say(airflow, uri, named) -> None:
    script = """
        import json, sys
        from lockgate_airflow.lineage import name_of
        print(json.dumps(name_of(sys.argv[1])))
    """
    assert tuple(airflow.python(script, uri)) == named


def test_an_operator_needs_no_openlineage_and_does_not_load_it(airflow) -> None:
    assert airflow.python("""
        import json, sys
        for name in ("openlineage", "airflow.providers.openlineage.extractors"):
            sys.modules[name] = None  # as if they were not installed
        from my_operators.check_size import CheckSizeOperator

        asked = CheckSizeOperator(task_id="asked", data="x", label="y")
        said = asked.get_openlineage_facets_on_complete(None), asked.get_openlineage_facets_on_failure(None)
        loaded = "lockgate_airflow.lineage" in sys.modules
        print(json.dumps([said, loaded]))
    """) == [[None, None], False]
