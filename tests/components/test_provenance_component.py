"""The component `record_provenance` in kfp's local runner: what it takes from artifacts and from the run."""

from __future__ import annotations

import importlib
import json
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.run import run

# kfp's local runner reminds that this interpreter is not the image; here it has what the image has.
pytestmark = pytest.mark.filterwarnings("ignore:You may be attemping to run a task:RuntimeWarning")

_PIPELINES = """
from kfp import dsl
from lockgate_kfp.record_provenance import record_provenance


@dsl.component(base_image="python:3.11", packages_to_install=[], install_kfp_package=False)
def make(text: str, made: dsl.Output[dsl.Dataset]):
    with open(made.path, "w") as file:
        file.write(text)


@dsl.component(base_image="python:3.11", packages_to_install=[], install_kfp_package=False)
def train(batch: dsl.Input[dsl.Dataset], model: dsl.Output[dsl.Model], step: dsl.Output[dsl.Artifact]):
    from pathlib import Path
    from lockgate.training import training_step

    with training_step(materials={"batch": batch.path}, parameters={"depth": 3}, record=step.path) as at:
        Path(at.product("model", model.path)).write_text(at.materials["batch"].read_text().upper())


@dsl.pipeline
def bound():
    batch = make(text="a,y")
    trained = train(batch=batch.output)
    record_provenance(product=trained.outputs["model"], material=batch.output, step=trained.outputs["step"])


@dsl.pipeline
def named():
    first, second, trained = make(text="a"), make(text="b"), make(text="c")
    record_provenance(
        product=trained.output,
        material=first.output,
        material_3=second.output,
        training_parameters='{"depth": 2}',
        builder_id="kfp://pipelines.example.org",
        job_name="by hand",
    )


@dsl.pipeline
def collected():
    with dsl.ParallelFor(["a", "b"]) as text:
        parts = make(text=text)
    record_provenance(product=make(text="m").output, more_materials=dsl.Collected(parts.output))
"""


@pytest.fixture
def pipelines(tmp_path, monkeypatch):
    """The pipelines above, kfp's local runner, and a signing key in the environment of the steps."""
    from kfp import local

    pair = keys.generate("signer", tmp_path / "keys", None)
    monkeypatch.setenv("LOCKGATE_KEY", str(pair.private))
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "root"))
    (tmp_path / "provenance_pipelines.py").write_text(textwrap.dedent(_PIPELINES))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "provenance_pipelines", raising=False)
    module = importlib.import_module("provenance_pipelines")
    return SimpleNamespace(module=module, root=tmp_path / "root", pair=pair)


def _one(root: Path, name: str) -> Path:
    (found,) = root.rglob(name)
    return found


def _claim(pipelines):
    raw = _one(pipelines.root, "attestation_json").read_bytes()
    return envelope.open_envelope(raw, [keys.load_public(pipelines.pair.public)]).statement


def test_a_pipeline_records_what_its_training_step_read_and_in_which_run(pipelines, tmp_path):
    pipelines.module.bound()
    root = pipelines.root
    said = _claim(pipelines)
    (batch,), model = [p for p in root.rglob("made") if p.is_file()], _one(root, "model")
    assert [(d.name, d.digest) for d in said.claim.datasets] == [("batch", artifact.digest(batch))]
    assert [s.digest for s in said.subjects] == [artifact.digest(model)]
    assert said.claim.parameters == {"depth": 3}
    engine = said.document["predicate"]["buildDefinition"]["internalParameters"]["engine"]
    assert engine["name"] == "kfp"
    assert engine["job_name"].startswith("bound-")
    assert engine["task_name"] == "record-provenance"
    assert engine["job_id"].isdigit()
    assert said.claim.invocation == "/".join(engine[part] for part in ("job_name", "job_id", "task_id"))
    # The body is that of the command line.
    result = json.loads(_one(root, "result_json").read_text())
    given = {"products": [model], "materials": [batch], "step": _one(root, "step")}
    here = run("record-provenance", given, out=tmp_path / "out", key=str(pipelines.pair.private))
    assert here.body_digest == result["body_digest"]


def test_without_a_step_the_artifacts_that_were_given_are_the_materials(pipelines):
    pipelines.module.named()
    said = _claim(pipelines).claim
    assert len({d.digest["sha256"] for d in said.datasets}) == 2
    assert said.parameters == {"depth": 2}
    assert said.builder == "kfp://pipelines.example.org"
    assert said.invocation.startswith("by hand/")


def test_a_pipeline_compiles_with_the_placeholders_of_its_run_and_with_collected_materials(
    pipelines, tmp_path
):
    from kfp import compiler

    compiler.Compiler().compile(pipelines.module.collected, str(tmp_path / "p.yaml"))
    task = yaml.safe_load((tmp_path / "p.yaml").read_text())["root"]["dag"]["tasks"]["record-provenance"]
    said = task["inputs"]["parameters"]
    assert said["job_id"]["runtimeValue"]["constant"] == "{{$.pipeline_job_uuid}}"
    assert "more_materials" in task["inputs"]["artifacts"]
    assert not task["cachingOptions"].get("enableCache")


def test_a_placeholder_that_nobody_filled_in_is_no_id():
    from lockgate_kfp import _provenance

    run_of = {"job_name": "", "job_id": "{{$.pipeline_job_uuid}}", "task_name": "", "task_id": ""}
    model = SimpleNamespace(path="/m", uri="s3://b/m")
    made = _provenance.arguments(products=[model, None], materials=[None], run=run_of)
    assert made["invocation_id"] is None
    assert made["materials"] is None
    assert set(json.loads(made["engine"])) == {"name", "version"}


def test_the_addresses_of_the_artifacts_go_with_them():
    from lockgate_kfp import _provenance

    batch = SimpleNamespace(path="/minio/bucket/batch", uri="minio://bucket/batch")
    made = _provenance.arguments(products=[batch], materials=[batch, None, batch], run={})
    assert made["materials"] == ["/minio/bucket/batch"] * 2
    assert made["material_uris"] == ["minio://bucket/batch"] * 2
