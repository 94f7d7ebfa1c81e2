"""`RecordProvenanceOperator` in Airflow: what it takes from the run, and what it leaves to the step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.run import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_DAG = """
    from airflow.sdk import DAG, task
    from lockgate.training import training_step
    from lockgate_airflow.record_provenance import RecordProvenanceOperator

    with DAG("retrain", schedule=None):

        @task(multiple_outputs=True)
        def train():
            with training_step(
                materials={{"batch": "{folder}/batch.csv"}},
                parameters={{"depth": 3}},
                record="{folder}/step.json",
            ) as step:
                text = step.materials["batch"].read_text()
                step.product("model", "{folder}/model.bin").write_text(text.upper())
            return {{"model": "{folder}/model.bin", "step": "{folder}/step.json"}}

        trained = train()
        RecordProvenanceOperator(
            task_id="bound",
            products=[trained["model"]],
            materials=["{folder}/batch.csv"],
            step=trained["step"],
        )
        RecordProvenanceOperator(
            task_id="named",
            products="{{{{ ti.xcom_pull('train')['model'] }}}}",
            materials=["{folder}/batch.csv"],
            pipeline="{folder}/batch.csv",
            training_parameters={{"depth": "{{{{ 1 + 1 }}}}"}},
            code_revision="{commit}",
            builder_id="https://example.org/builder",
            invocation_id="by hand",
        ).set_upstream(trained)
        RecordProvenanceOperator(
            task_id="altered",
            products=["{folder}/other.bin"],
            step=trained["step"],
            retries=1,
            retry_delay=0.1,
        )
"""
COMMIT = "c" * 40


@pytest.fixture(scope="module")
def ran(airflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("data")
    (folder / "batch.csv").write_text("a,y\n1,0\n")
    (folder / "other.bin").write_text("other")
    pair = keys.generate("signer", folder / "keys", None)
    airflow.file = airflow.dag("retrain", _DAG.format(folder=folder, commit=COMMIT))
    env = {
        "LOCKGATE_KEY": str(pair.private),
        "AIRFLOW__API__BASE_URL": "https://me:pw@flow.example.org/team/",
    }
    airflow.said = airflow.run("airflow", "dags", "test", "retrain", check=False, **env)
    airflow.folder, airflow.pair = folder, pair
    return airflow


def _statement(ran: Any, task: str) -> Any:
    raw = Path(ran.xcom("retrain", task)["attestation"]).read_bytes()
    return envelope.open_envelope(raw, [keys.load_public(ran.pair.public)]).statement


def test_the_run_says_who_trained_when_and_by_which_dag(ran) -> None:
    from importlib.metadata import version

    assert ran.states("retrain")["bound"] == "success", ran.said
    said = _statement(ran, "bound")
    assert said.claim.builder == "airflow://flow.example.org/team"
    dag, run_id, task, tries = said.claim.invocation.split("/")
    assert (dag, task, tries) == ("retrain", "bound", "1")
    assert said.claim.pipeline.digest == artifact.digest(ran.file)
    assert [d.digest for d in said.claim.datasets] == [artifact.digest(ran.folder / "batch.csv")]
    assert said.claim.datasets[0].name == "batch"
    assert said.claim.parameters == {"depth": 3}
    assert [s.digest for s in said.subjects] == [artifact.digest(ran.folder / "model.bin")]
    predicate = said.document["predicate"]
    assert predicate["runDetails"]["builder"]["version"]["airflow"] == version("apache-airflow-core")
    engine = predicate["buildDefinition"]["internalParameters"]["engine"]
    assert (engine["dag_id"], engine["task_id"]) == ("retrain", "bound")
    assert unquote(run_id) == engine["run_id"]
    assert "pw" not in json.dumps(said.document)


def test_what_is_given_outweighs_the_run(ran) -> None:
    said = _statement(ran, "named").claim
    assert said.builder == "https://example.org/builder"
    assert said.invocation == "by hand"
    assert said.code.digest == {"gitCommit": COMMIT}
    assert said.pipeline.digest == artifact.digest(ran.folder / "batch.csv")
    assert said.parameters == {"depth": "2"}


def test_a_product_that_the_step_did_not_make_fails_the_task_at_once(ran) -> None:
    assert ran.states("retrain")["altered"] == "failed"
    assert ran.xcom("retrain", "altered")["verdict"] == "FAIL"
    assert "1 product is not what the training step made" in ran.said


def test_the_body_is_that_of_the_command_line(ran, tmp_path) -> None:
    arguments = {
        "products": [ran.folder / "model.bin"],
        "materials": [ran.folder / "batch.csv"],
        "step": ran.folder / "step.json",
        "pipeline": ran.file,
    }
    here = run("record-provenance", arguments, out=tmp_path / "out", key=str(ran.pair.private))
    assert here.body_digest == ran.xcom("retrain", "bound")["body_digest"]


def test_the_key_is_in_no_argument_of_the_task(ran) -> None:
    rendered = str(ran.rows("select rendered_fields from rendered_task_instance_fields"))
    assert "batch.csv" in rendered
    assert "signer" not in rendered


_CONTEXT = """
import json, sys, types, warnings
warnings.simplefilter("ignore")
from lockgate_airflow import record_provenance as face
version, repository, step = json.loads(sys.argv[1])
bundle = types.SimpleNamespace(name="main", version=version, repo_url=repository)
context = {"ti": types.SimpleNamespace(bundle_instance=bundle)}
print(json.dumps([face._bundle_code(context), face._knows_its_code(step)]))
"""


@pytest.mark.parametrize(
    ("version", "repository", "found"),
    [
        (COMMIT, "https://t:pw@example.org/a.git", [COMMIT, "https://example.org/a.git"]),
        (COMMIT, "git@example.org:a.git", [COMMIT, "ssh://example.org/a.git"]),
        (COMMIT, None, [COMMIT]),
        ("v7", "https://example.org/a.git", []),
        (None, None, []),
    ],
)
def test_a_bundle_from_git_tells_the_revision_of_the_code(airflow, version, repository, found) -> None:
    told, knows = airflow.python(_CONTEXT, json.dumps([version, repository, None]))
    assert list(told.values()) == found
    assert knows is False
