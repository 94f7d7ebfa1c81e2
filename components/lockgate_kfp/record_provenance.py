"""Record which data, code and environment a model was made of, as signed SLSA provenance.

The KFP component of `lockgate record-provenance`, written by hand: KFP passes no list of artifacts of
several steps, and only the pipeline knows which run it is in.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(
    gate=True,
    filled_in={
        "job_name": dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        "job_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        "task_name": dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
        "task_id": dsl.PIPELINE_TASK_ID_PLACEHOLDER,
    },
)
def record_provenance(
    product: dsl.Input[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    product_2: Optional[dsl.Input[dsl.Artifact]] = None,
    material: Optional[dsl.Input[dsl.Artifact]] = None,
    material_2: Optional[dsl.Input[dsl.Artifact]] = None,
    material_3: Optional[dsl.Input[dsl.Artifact]] = None,
    material_4: Optional[dsl.Input[dsl.Artifact]] = None,
    more_materials: Optional[dsl.Input[List[dsl.Artifact]]] = None,
    pipeline: Optional[dsl.Input[dsl.Artifact]] = None,
    environment_lock: Optional[dsl.Input[dsl.Artifact]] = None,
    step: Optional[dsl.Input[dsl.Artifact]] = None,
    code_revision: Optional[str] = None,
    code_repository: Optional[str] = None,
    training_parameters: Optional[str] = None,
    need_step: bool = False,
    need_code: bool = False,
    builder_id: str = "kfp://unnamed",
    started: Optional[str] = None,
    finished: Optional[str] = None,
    job_name: str = "",
    job_id: str = "",
    task_name: str = "",
    task_id: str = "",
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Record which data, code and environment a model was made of, as signed SLSA provenance.

    Train inside `lockgate.training.training_step` in the step before, write its record to an output
    artifact, and give that as `step`: then the materials are those whose bytes were read.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        product: What the training made, for example the model.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed with LOCKGATE_KEY of the step.
        product_2: Something else that it made.
        material: What it was trained on. May be left out with `step`, which names all.
        material_2: The same.
        material_3: The same.
        material_4: The same.
        more_materials: The same: what the steps of a loop wrote, `dsl.Collected(...)`.
        pipeline: The definition of the workflow: the compiled pipeline.
        environment_lock: The lock file that the training's environment was installed from.
        step: The record that `training_step` wrote.
        code_revision: Git commit of the training code, with `-dirty` at its end when the code
            differed from it.
        code_repository: URL of its repository, without user and password.
        training_parameters: What training was called with, as a JSON object.
        need_step: Whether a missing `step` is a FAIL.
        need_code: Whether code that is not known, or differed from its revision, is a FAIL.
        builder_id: URI of what ran the training, such as `kfp://pipelines.example.org`.
        started: When training started, with zone (RFC 3339). The times of `step` outweigh it.
        finished: When training ended.
        job_name: Name of the run. KFP fills in this and the next three; from the YAML file of the
            component it does not, and the pipeline passes `dsl.PIPELINE_JOB_NAME_PLACEHOLDER`.
        job_id: Id of the run.
        task_name: Name of this task.
        task_id: Id of this task.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (always empty) and the body digest.
    """
    from lockgate_kfp import _provenance
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.develop.record_provenance:record_provenance",
        arguments=_provenance.arguments(
            products=[product, product_2],
            materials=[material, material_2, material_3, material_4, *(more_materials or [])],
            run={"job_name": job_name, "job_id": job_id, "task_name": task_name, "task_id": task_id},
            pipeline=pipeline,
            environment_lock=environment_lock,
            step=step,
            code_revision=code_revision,
            code_repository=code_repository,
            training_parameters=training_parameters,
            need_step=need_step,
            need_code=need_code,
            builder_id=builder_id,
            started=started,
            finished=finished,
        ),
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
