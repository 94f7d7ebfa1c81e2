from __future__ import annotations

import copy
import datetime as dt

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1.statement import Statement

from lockgate.attest import statement
from lockgate.attest.predicates import provenance
from lockgate.attest.predicates.provenance import Kind, Material
from lockgate.attest.statement import EXTENSION
from lockgate.errors import EnvelopeError

MODEL, BATCH, LOCK, DAG, STEP = ({"sha256": each * 64} for each in "12345")
COMMIT = "c" * 40


def _context(**changes):
    return {
        "training": '{"depth":3,"rate":0.12345678901234}',
        "repository": "https://example.org/code.git",
        "code": {"revision": COMMIT, "dirty": False},
        "recorded": {"batch": BATCH},
        "material_uris": [""],
        "engine": {"name": "airflow", "version": "3.0.0", "dag_id": "retrain"},
        "builder_id": "airflow://example.org",
        "invocation_id": "retrain/run-1",
        "installed": {"sha256": "9" * 64},
        "ran_in": {"python": "3.11.9", "platform": "Linux-x86_64"},
        "started": "2026-01-01T00:00:00.000Z",
        "finished": "2026-01-01T00:10:00.000Z",
    } | changes


def _result(**context):
    return {
        "stage": "record-provenance",
        "version": "0.1.0",
        "verdict": "PASS",
        "decision": None,
        "subjects": [
            {"name": "products[0]", "uri": "/srv/secret/model.skops", "digest": MODEL},
            {"name": "materials[0]", "uri": "s3://bucket/batch.parquet", "digest": BATCH},
            {"name": "pipeline", "uri": "/srv/secret/dag.py", "digest": DAG},
            {"name": "environment_lock", "uri": "/srv/secret/lock.txt", "digest": LOCK},
            {"name": "step", "uri": "/srv/secret/step.json", "digest": STEP},
        ],
        "parameters": {},
        "policy": {"digest": None, "thresholds": {}},
        "checks": [{"id": "materials", "verdict": "PASS"}],
        "metrics": {},
        "findings": [],
        "outputs": {},
        "evidence": [],
        "body_digest": "b" * 64,
        "finished": "2026-01-01T01:00:00.000Z",
        "context": _context(**context),
    }


def _statement(**context):
    return statement.from_result(_result(**context), "provenance")


def test_a_training_becomes_provenance_that_reads_back():
    read = statement.parse(_statement())
    assert [(s.name, s.digest) for s in read.subjects] == [("products[0]", MODEL)]
    said = read.claim
    assert said.datasets == (Material("batch", Kind.DATASET, BATCH, "s3://bucket/batch.parquet"),)
    code = f"git+https://example.org/code.git@{COMMIT}"
    assert said.code == Material("code", Kind.CODE, {"gitCommit": COMMIT}, code)
    assert said.pipeline == Material("pipeline", Kind.PIPELINE, DAG)
    assert said.environment == Material("environment_lock", Kind.ENVIRONMENT, LOCK)
    assert said.parameters == {"depth": 3, "rate": 0.12345678901234}
    assert (said.builder, said.invocation) == ("airflow://example.org", "retrain/run-1")
    assert said.started == dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    assert said.finished - said.started == dt.timedelta(minutes=10)


def test_the_readers_of_in_toto_read_it_as_well():
    made = _statement()
    read = json_format.ParseDict(made["predicate"], provenance_pb2.Provenance(), ignore_unknown_fields=True)
    definition, details = read.build_definition, read.run_details
    assert definition.build_type == "lockgate:training/v1"
    training = json_format.MessageToDict(definition.external_parameters)["training"]
    assert training == {"depth": 3, "rate": 0.12345678901234}
    found = {d.name: (dict(d.digest), d.annotations["kind"]) for d in definition.resolved_dependencies}
    assert found == {
        "batch": (BATCH, "dataset"),
        "code": ({"gitCommit": COMMIT}, "code"),
        "pipeline": (DAG, "pipeline"),
        "environment_lock": (LOCK, "environment"),
        "installed": ({"sha256": "9" * 64}, "environment"),
    }
    assert details.builder.id == "airflow://example.org"
    assert dict(details.builder.version) == {"lockgate": "0.1.0", "airflow": "3.0.0"}
    assert details.metadata.invocation_id == "retrain/run-1"
    assert details.metadata.started_on.ToJsonString() == "2026-01-01T00:00:00Z"
    assert [dict(each.digest) for each in details.byproducts] == [STEP]
    # Our extension is the only field that its schema does not know.
    del made["predicate"][EXTENSION]
    json_format.ParseDict(made["predicate"], provenance_pb2.Provenance())
    Statement(
        [json_format.ParseDict(s, _descriptor()) for s in made["subject"]],
        made["predicateType"],
        made["predicate"],
    ).validate()


def _descriptor():
    from in_toto_attestation.v1 import resource_descriptor_pb2

    return resource_descriptor_pb2.ResourceDescriptor()


def test_no_path_of_the_machine_gets_into_it():
    assert "/srv" not in str(_statement())
    assert "/srv" not in str(_statement(material_uris=["file:///srv/secret/batch"]))


@pytest.mark.parametrize("told", ["batch.parquet", "/srv/secret/odd://batch", "FILE:///srv/secret/batch"])
def test_a_name_on_the_machine_is_no_address_however_it_looks(told):
    assert statement.parse(_statement(material_uris=[told])).claim.datasets[0].uri == ""


def test_the_address_that_the_step_told_is_the_one_and_none_is_lent_to_other_data():
    (told,) = statement.parse(_statement(material_uris=["gs://told/batch"])).claim.datasets
    assert told.uri == "gs://told/batch"
    really, given = statement.parse(_statement(recorded={"really": LOCK})).claim.datasets
    assert (really.uri, given.uri) == ("", "s3://bucket/batch.parquet")


def test_code_that_differs_from_its_commit_says_so():
    assert not statement.parse(_statement()).claim.code.dirty
    assert statement.parse(_statement(code={"revision": COMMIT, "dirty": True})).claim.code.dirty


@pytest.mark.parametrize("engine", [{"name": "airflow"}, {"version": "3.0.0"}, {"name": "a", "version": "3"}])
def test_the_engine_is_told_as_far_as_it_is_known(engine):
    made = _statement(engine=engine)["predicate"]
    assert made["buildDefinition"]["internalParameters"]["engine"] == engine
    assert len(made["runDetails"]["builder"]["version"]) == len(engine)
    assert made["buildDefinition"]["externalParameters"]["repository"] == "https://example.org/code.git"


@pytest.mark.parametrize(
    ("times", "good"),
    [
        ({"started": None}, True),
        ({"finished": None}, True),
        ({"finished": "2026-01-01T00:00:00.000Z"}, True),
        ({"finished": "2025-12-31T23:59:59.999Z"}, False),
    ],
)
def test_a_training_ends_no_earlier_than_it_starts(times, good):
    made = _statement(**times)
    if good:
        assert statement.parse(made).claim.materials
    else:
        with pytest.raises(EnvelopeError, match="ended before it started"):
            statement.parse(made)


def test_a_dataset_is_in_it_whether_the_step_or_only_the_caller_names_it():
    other = {"sha256": "7" * 64}
    both = statement.parse(_statement(recorded={"really": other})).claim
    assert [(d.name, d.digest) for d in both.datasets] == [("really", other), ("materials[0]", BATCH)]
    alone = statement.parse(_statement(recorded={})).claim
    assert [(d.name, d.digest) for d in alone.datasets] == [("materials[0]", BATCH)]


def test_a_dataset_called_as_the_code_is_stays_a_dataset():
    read = statement.parse(_statement(recorded={"code": BATCH, "pipeline": MODEL})).claim
    assert [d.name for d in read.datasets] == ["code", "pipeline"]
    assert read.code.digest == {"gitCommit": COMMIT}
    assert read.pipeline.digest == DAG


def test_what_is_not_known_is_left_out():
    made = _statement(
        code=None, repository="", invocation_id=None, started=None, finished=None, engine={}, installed=None
    )
    assert made["predicate"]["runDetails"]["metadata"] == {}
    read = statement.parse(made).claim
    assert read.code is None
    assert (read.invocation, read.started, read.finished) == (None, None, None)


def _change(made, *path_and_value):
    *path, last, value = path_and_value
    place = made["predicate"]
    for step in path:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return made


DEPENDENCY = ("buildDefinition", "resolvedDependencies", 0)


@pytest.mark.parametrize(
    "change",
    [
        ("buildDefinition", ...),
        ("buildDefinition", "buildType", "lockgate:training/v2"),
        ("buildDefinition", "externalParameters", ...),
        ("buildDefinition", "externalParameters", "training", []),
        ("buildDefinition", "externalParameters", "also", {}),
        ("buildDefinition", "resolvedDependencies", ...),
        ("buildDefinition", "resolvedDependencies", {}),
        (*DEPENDENCY, "batch"),
        (*DEPENDENCY, "digest", ...),
        (*DEPENDENCY, "digest", {"md5": "1" * 32}),
        (*DEPENDENCY, "digest", {"sha256": "A" * 64}),
        (*DEPENDENCY, "name", ""),
        (*DEPENDENCY, "uri", 1),
        (*DEPENDENCY, "annotations", ...),
        (*DEPENDENCY, "annotations", "kind", "byproduct"),
        (*DEPENDENCY, "annotations", "kind", ["dataset"]),
        (*DEPENDENCY, "annotations", "kind", "code"),
        (*DEPENDENCY, "annotations", "dirty", True),
        ("buildDefinition", "resolvedDependencies", 1, "annotations", "dirty", "yes"),
        ("buildDefinition", "resolvedDependencies", 1, "digest", {"gitCommit": "main"}),
        ("buildDefinition", "resolvedDependencies", 1, "digest", {"sha256": "c" * 64}),
        ("runDetails", ...),
        ("runDetails", "builder", ...),
        ("runDetails", "builder", "id", ""),
        ("runDetails", "builder", "version", "lockgate", "9.9.9"),
        ("runDetails", "metadata", "invocationId", 7),
        ("runDetails", "metadata", "startedOn", "2026-01-01T00:00:00"),
        ("runDetails", "metadata", "startedOn", "2026-01-01T00:20:00Z"),
        ("runDetails", "metadata", []),
    ],
)
def test_provenance_of_another_shape_is_refused(change):
    made = _statement()
    statement.parse(copy.deepcopy(made))
    with pytest.raises(EnvelopeError):
        statement.parse(_change(made, *change))


@pytest.mark.parametrize(("index", "name"), [(0, "batch"), (1, "code"), (1, "also_code")])
def test_a_dataset_named_twice_or_a_second_commit_is_refused(index, name):
    made = _statement()
    listed = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    digest = {"sha256": "8" * 64, "gitCommit": "8" * 40}
    listed.append({**listed[index], "name": name, "digest": digest})
    with pytest.raises(EnvelopeError, match="two"):
        statement.parse(made)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["name", "digest", "sha256", "annotations", "kind"]), inner)
    ),
)


@given(st.data(), JSON)
def test_no_value_anywhere_ends_in_another_error(data, value):
    made = _statement()
    place = made["predicate"]
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(sorted(keys)))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.booleans()):
            break
        place = inner
    place[key] = value
    try:
        read = statement.parse(made).claim
    except EnvelopeError:
        return
    assert all(material.digest for material in read.materials)
    assert isinstance(read.parameters, dict)


def test_provenance_that_no_run_recorded_is_refused():
    predicate = {name: value for name, value in _statement()["predicate"].items() if name != EXTENSION}
    with pytest.raises(EnvelopeError, match="comes from a run of a stage"):
        provenance.parse(predicate, None)
