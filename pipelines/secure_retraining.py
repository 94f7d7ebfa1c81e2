"""Retrain a model behind gates, on Kubeflow Pipelines.

    python pipelines/secure_retraining.py secure_retraining.yaml     compile it for a cluster

The twin of `dags/secure_retraining.py`: the same stages with the same parameters, so every verdict
and every body digest is the same. On a cluster, say with `lockgate_kfp.use_settings` where the steps
find their key, policy, evidence and ledger; see the README.
"""

import argparse
import sys
from pathlib import Path

from kfp import compiler, dsl

import lockgate_kfp
from lockgate_kfp.detect_poisoning import detect_poisoning
from lockgate_kfp.gate_release import gate_release
from lockgate_kfp.gate_retraining import gate_retraining
from lockgate_kfp.promote_model import promote_model
from lockgate_kfp.record_provenance import record_provenance
from lockgate_kfp.require_pass import require_pass
from lockgate_kfp.scan_model import scan_model
from lockgate_kfp.test_robustness import test_robustness
from lockgate_kfp.validate_data import validate_data
from lockgate_kfp.verify_artifact import verify_artifact

sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))
from train_model import train

LABEL, SOURCE = "employed", "source"


@dsl.component(base_image=lockgate_kfp.IMAGE, packages_to_install=[], install_kfp_package=False)
def choose(verdict: str, decision: str, published: str) -> str:
    """Say what to do with the batch: hold it, train on it, or keep the model in service."""
    from pathlib import Path

    if verdict not in ("PASS", "WARN") or decision == "QUARANTINE":
        return "hold"
    # KEEP with nothing in service is the very first run: there is no model to keep.
    return "train" if decision == "RETRAIN" or not (Path(published) / "model.skops").exists() else "keep"


@dsl.component(
    base_image=lockgate_kfp.IMAGE, packages_to_install=[], install_kfp_package=False, additional_funcs=[train]
)
def train_model(
    reference: dsl.Input[dsl.Dataset],
    batch: dsl.Input[dsl.Dataset],
    verified: dsl.Input[dsl.Artifact],
    key: dsl.Input[dsl.Artifact],
    label: str,
    model: dsl.Output[dsl.Model],
    held_out: dsl.Output[dsl.Dataset],
    record: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """Train on the reference and the very bytes that were verified; keep a fifth of the rows for tests."""
    from lockgate.training import training_step

    with training_step(
        materials={"reference": reference.path, "batch": batch.path},
        expect={"batch": verified.path},
        keys=key.path,
        attested_by="verify-artifact",
        parameters={"label": label},
        record=record.path,
    ) as step:
        made, rest = step.product("model", model.path), step.product("held_out", held_out.path)
        data = [str(step.materials["reference"]), str(step.materials["batch"])]
        said = train(data, label, str(made), test=str(rest))
    for name, value in said.items():
        metrics.log_metric(name, value)


@dsl.component(base_image=lockgate_kfp.IMAGE, packages_to_install=[], install_kfp_package=False)
def publish(model: dsl.Input[dsl.Model], attestation: dsl.Input[dsl.Artifact], folder: str):
    """Put the model and the gate's decision into the folder that serving reads."""
    from pathlib import Path

    from lockgate.artifact import place

    place(Path(attestation.path), Path(folder) / "model.attestation.json")
    place(Path(model.path), Path(folder) / "model.skops")


@dsl.pipeline(name="secure-retraining")
def secure_retraining(
    batch: str,
    signature: str,
    reference: str,
    schema: str,
    supplier_key: str,
    pipeline_key: str,
    published: str,
    state: str,
    stream: str = "employment",
    code_revision: str = "",
):
    """Verify, validate, look for poison, decide; then train, scan, attack, release and promote.

    Args:
        batch: URI of the new batch.
        signature: URI of the supplier's attestation of the batch.
        reference: URI of the rows that the model in service was trained on.
        schema: URI of the data schema.
        supplier_key: URI of the supplier's public key.
        pipeline_key: URI of this pipeline's public key.
        published: Folder that serving reads.
        state: URL, or path on a volume, where what gate-retraining remembers is kept between runs.
        stream: Name of the stream of batches whose evidence adds up.
        code_revision: Git commit of the training code.
    """
    new = dsl.importer(artifact_uri=batch, artifact_class=dsl.Dataset).set_display_name("batch")
    old = dsl.importer(artifact_uri=reference, artifact_class=dsl.Dataset).set_display_name("reference")
    rules = dsl.importer(artifact_uri=schema, artifact_class=dsl.Artifact).set_display_name("schema")
    signed = dsl.importer(artifact_uri=signature, artifact_class=dsl.Artifact).set_display_name("signature")
    theirs = dsl.importer(artifact_uri=supplier_key, artifact_class=dsl.Artifact)
    ours = dsl.importer(artifact_uri=pipeline_key, artifact_class=dsl.Artifact)

    delivered = verify_artifact(artifact=new.output, attestation=signed.output, key=theirs.output)
    authentic = require_pass(verdicts=[delivered.outputs["verdict"]])
    validated = validate_data(data=new.output, schema=rules.output).after(authentic)
    sound = require_pass(verdicts=[validated.outputs["verdict"]])
    # Its alarm closes nothing here: the gate below weighs it and answers QUARANTINE.
    poison = detect_poisoning(train=new.output, baseline=old.output, label=LABEL, source=SOURCE).after(sound)
    # Never from the cache: it goes on from the signed state that the run before has left.
    gate = (
        gate_retraining(
            reference=old.output,
            current=new.output,
            label=LABEL,
            source=SOURCE,
            stream=stream,
            state_uri=state,
        )
        .after(poison)
        .set_caching_options(enable_caching=False)
    )
    chosen = choose(
        verdict=gate.outputs["verdict"], decision=gate.outputs["decision"], published=published
    ).set_caching_options(enable_caching=False)

    with dsl.If(chosen.output == "hold", name="hold"):
        require_pass(verdicts=[gate.outputs["verdict"]])

    with dsl.If(chosen.output == "train", name="train"):
        trained = train_model(
            reference=old.output,
            batch=new.output,
            verified=delivered.outputs["attestation_json"],
            key=ours.output,
            label=LABEL,
        )
        model, rest = trained.outputs["model"], trained.outputs["held_out"]
        recorded = record_provenance(
            product=model, product_2=rest, step=trained.outputs["record"], code_revision=code_revision
        )
        traceable = require_pass(verdicts=[recorded.outputs["verdict"]])
        scanned = scan_model(model=model).after(traceable)
        harmless = require_pass(verdicts=[scanned.outputs["verdict"]])
        attacked = test_robustness(model=model, data=rest, label=LABEL).after(harmless)
        release = gate_release(subject=model, environment="production").after(attacked)
        allowed = require_pass(verdicts=[release.outputs["verdict"]])
        promoted = promote_model(model=model, registered_model="employment", environment="production").after(
            allowed
        )
        served = require_pass(verdicts=[promoted.outputs["verdict"]])
        publish(model=model, attestation=release.outputs["attestation_json"], folder=published).after(
            served
        ).set_caching_options(enable_caching=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compile the pipeline for a cluster.")
    parser.add_argument("out", help="the YAML file to write")
    compiler.Compiler().compile(secure_retraining, parser.parse_args().out)
