"""Retrain a model behind gates, on Airflow.

    python dags/make_batches.py BATCHES
    export LOCKGATE_KEY=BATCHES/pipeline.key.pem LOCKGATE_POLICY=BATCHES/lockgate.yaml \
        LOCKGATE_POLICY_KEY=BATCHES/security.pub.pem#employment \
        LOCKGATE_EVIDENCE=BATCHES/evidence \
        LOCKGATE_LEDGER=BATCHES/ledger.sqlite LOCKGATE_TRUST_STATE=BATCHES/trust-state.json
    mlflow server --backend-store-uri sqlite:///BATCHES/mlflow.sqlite --artifacts-destination BATCHES/mlflow &
    export MLFLOW_TRACKING_URI=http://127.0.0.1:5000
    airflow dags test secure_retraining --conf '{"batches": "BATCHES", "batch": "clean"}'

The twin of `pipelines/secure_retraining.py`: the same stages with the same parameters, so every
verdict and every body digest is the same. With the batch `poisoned` the run ends red at `hold`, and
nothing is released.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, Asset, Param, get_current_context, task

from lockgate_airflow.branch import DecisionBranchOperator
from lockgate_airflow.detect_poisoning import DetectPoisoningOperator
from lockgate_airflow.gate_release import GateReleaseOperator
from lockgate_airflow.gate_retraining import GateRetrainingOperator
from lockgate_airflow.promote_model import PromoteModelOperator
from lockgate_airflow.record_provenance import RecordProvenanceOperator
from lockgate_airflow.require_pass import RequirePassOperator
from lockgate_airflow.scan_model import ScanModelOperator
from lockgate_airflow.test_robustness import TestRobustnessOperator
from lockgate_airflow.validate_data import ValidateDataOperator
from lockgate_airflow.verify_artifact import VerifyArtifactOperator

HERE = Path(__file__).parent
LABEL, SOURCE = "employed", "source"
BATCHES = os.environ.get("LOCKGATE_BATCHES", str(HERE / "data" / "batches"))
BATCH = "{{ params.batches }}/{{ params.batch }}.parquet"
SIGNATURE = "{{ params.batches }}/{{ params.batch }}.signature/attestation.json"
REFERENCE = "{{ params.batches }}/reference.parquet"
STATE = "{{ params.state or params.batches ~ '/retraining-state.json' }}"

with DAG(
    "secure_retraining",
    description="Verify, validate, look for poison, decide; then train, scan, attack, release, promote.",
    doc_md=__doc__,
    schedule=None,
    tags=["lockgate"],
    params={
        "batches": Param(BATCHES, type="string", description="Folder that make_batches.py wrote"),
        "batch": Param("clean", type="string", description="Name of the new batch: clean or poisoned"),
        "stream": Param("employment", type="string", description="The batches whose evidence adds up"),
        "state": Param(
            "",
            type="string",
            description="Path or URL of what gate-retraining remembers; empty: beside the batches",
        ),
        "schema": Param(str(HERE / "data" / "employment.schema.yaml"), type="string"),
        "code_revision": Param(
            os.environ.get("LOCKGATE_CODE_REVISION", ""),
            type="string",
            description="Git commit of the training code",
        ),
        "published": Param(
            os.environ.get("LOCKGATE_PUBLISHED", f"{BATCHES}/published"),
            type="string",
            description="Folder that serving reads",
        ),
    },
):
    verify_batch = VerifyArtifactOperator(
        task_id="verify_batch",
        artifact=BATCH,
        attestation=SIGNATURE,
        key="{{ params.batches }}/supplier.pub.pem",
    )
    validate = ValidateDataOperator(task_id="validate", data=BATCH, schema="{{ params.schema }}")
    # Its alarm closes nothing here: the gate below weighs it and answers QUARANTINE.
    detect = DetectPoisoningOperator(
        task_id="detect", train=BATCH, baseline=REFERENCE, label=LABEL, source=SOURCE, fail_on=()
    )
    # Runs take turns here: each goes on from the signed state that the one before has left.
    gate = GateRetrainingOperator(
        task_id="gate",
        reference=REFERENCE,
        current=BATCH,
        label=LABEL,
        source=SOURCE,
        stream="{{ params.stream }}",
        state_uri=STATE,
        fail_on=(),
        max_active_tis_per_dag=1,
    )
    decide = DecisionBranchOperator(
        task_id="decide", result=gate.output, retrain="train", keep="in_service", quarantine="hold"
    )
    # Red on purpose: a batch in quarantine is for a person to look at.
    hold = RequirePassOperator(task_id="hold", verdicts=[gate.output])

    @task.branch
    def in_service(params=None):
        """Keep the model in service; on the very first run there is none to keep."""
        return "kept" if (Path(params["published"]) / "model.skops").exists() else "train"

    @task
    def kept():
        """Leave the model in service as it is."""

    @task(multiple_outputs=True, trigger_rule="none_failed_min_one_success")
    def train(verified, params=None):
        """Train on the reference and the very bytes that were verified; hold a fifth of the rows out."""
        from train_model import train as fit

        from lockgate.training import training_step
        from lockgate_airflow.folders import default_out

        batches, out = Path(params["batches"]), default_out(get_current_context())
        out.mkdir(parents=True, exist_ok=True)
        with training_step(
            materials={
                "reference": batches / "reference.parquet",
                "batch": batches / f"{params['batch']}.parquet",
            },
            expect={"batch": verified},
            keys=batches / "pipeline.pub.pem",
            attested_by="verify-artifact",
            parameters={"label": LABEL},
            record=out / "step.json",
        ) as step:
            model, held_out = (
                str(step.product(name, out / file))
                for name, file in (("model", "model.skops"), ("held_out", "held_out.parquet"))
            )
            data = [str(step.materials["reference"]), str(step.materials["batch"])]
            print(fit(data, LABEL, model, test=held_out))
        return {"model": model, "held_out": held_out, "step": str(out / "step.json")}

    trained = train(verify_batch.output["attestation"])
    record = RecordProvenanceOperator(
        task_id="record",
        products=[trained["model"], trained["held_out"]],
        step=trained["step"],
        code_revision="{{ params.code_revision }}",
    )
    scan = ScanModelOperator(task_id="scan", model=trained["model"])
    attack = TestRobustnessOperator(
        task_id="attack", model=trained["model"], data=trained["held_out"], label=LABEL
    )
    release = GateReleaseOperator(task_id="release", subject=trained["model"], environment="production")
    promote = PromoteModelOperator(
        task_id="promote", model=trained["model"], registered_model="employment", environment="production"
    )

    @task(outlets=[Asset("employment_model")])
    def publish(model, attestation, params=None):
        """Put the model and the gate's decision into the folder that serving reads."""
        from lockgate.artifact import place

        folder = Path(params["published"])
        place(Path(attestation), folder / "model.attestation.json")
        place(Path(model), folder / "model.skops")

    published = publish(trained["model"], release.output["attestation"])

    verify_batch >> validate >> detect >> gate >> decide >> [hold, checked := in_service(), trained]
    checked >> [kept(), trained]
    trained >> record >> scan >> attack >> release >> promote >> published
