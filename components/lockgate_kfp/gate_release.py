"""Say ALLOW or DENY to a release, by the signed policy and the evidence about the artifact.

The KFP component of `lockgate gate-release`, written by `make faces` from
`lockgate.stages.deploy.gate_release`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def gate_release(
    subject: dsl.Input[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    environment: str = "production",
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Say ALLOW or DENY to a release, by the signed policy and the evidence about the artifact.

    Every requirement of the policy is answered with one code: is there an attestation about just these
    bytes, is it the newest, did the stage pass, is it fresh enough, did somebody sign it who may, is it in
    the ledger, were the datasets validated that the model was trained on, and was it approved by somebody
    else than who trained it. PASS is ALLOW (WAIVED where a waiver was needed), FAIL is DENY. The
    attestation of this run is a SLSA verification summary (VSA), also of a DENY.

    The gate remembers the newest policy, ledger and time that it has seen, and refuses what is older the
    next time. Policy, root keys, evidence, ledger and memory come from the settings of the run.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        subject: What is to be released: a file or a folder.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        environment: Where to, as the policy calls it.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.deploy.gate_release:gate_release",
        arguments={
            "subject": subject,
            "environment": environment,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
