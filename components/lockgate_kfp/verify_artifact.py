"""Tell whether a dataset or model is still the one that was signed.

The KFP component of `lockgate verify-artifact`, written by `make faces` from
`lockgate.stages.ingest.verify_artifact`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def verify_artifact(
    artifact: dsl.Input[dsl.Artifact],
    attestation: dsl.Input[dsl.Artifact],
    key: dsl.Input[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    model_sig: Optional[dsl.Input[dsl.Artifact]] = None,
    attested_by: str = "sign-artifact",
    subject: Optional[str] = None,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Tell whether a dataset or model is still the one that was signed.

    Passes only if the attestation was signed with the given key, comes from the stage asked for,
    names the digest that the artifact has now, and its verdict opens a gate.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        artifact: The file or folder to check.
        attestation: The ``attestation.json`` that a run of `attested_by` wrote.
        key: The public key of whoever may sign, ``NAME.pub.pem``.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        model_sig: A signature of the same key in the OpenSSF Model Signing v1.0 format, such as
            `model_signing sign key` makes. Its files are checked as well; what that format leaves out
            (files of git, empty folders, modes) only the attestation covers.
        attested_by: The stage that must have written the attestation.
        subject: Which input or output of that stage the artifact must have been, such as `profile`
            of `profile-data`; by default its first input.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.ingest.verify_artifact:verify_artifact",
        arguments={
            "artifact": artifact,
            "attestation": attestation,
            "key": key,
            "model_sig": model_sig,
            "attested_by": attested_by,
            "subject": subject,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
