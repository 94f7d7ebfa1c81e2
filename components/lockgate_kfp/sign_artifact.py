"""Sign a dataset or model, so that a later step can tell that it is still the same.

The KFP component of `lockgate sign-artifact`, written by `make faces` from
`lockgate.stages.harden.sign_artifact`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def sign_artifact(
    artifact: dsl.Input[dsl.Artifact],
    model_sig: dsl.Output[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    oms: bool = False,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Sign a dataset or model, so that a later step can tell that it is still the same.

    The attestation of this run is the signature: ``attestation.json`` in the result folder names
    the SHA-256 of the file, or the sealed digest of the folder (every entry with its name, mode and
    content; no ignore list), and is signed with the run's key. Check it with `verify-artifact`.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        artifact: What to sign: a file or a folder of files. A folder with a symbolic link, FIFO,
            socket or device in it is refused.
        model_sig: With `oms`, the signature in the OpenSSF Model Signing format.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        oms: Sign a model in the format of OpenSSF Model Signing v1.0 as well, with the same key,
            for readers that do not know Lockgate: `model_signing verify key` checks it. That format
            leaves out files of git, empty folders and modes; the attestation leaves out nothing.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.harden.sign_artifact:sign_artifact",
        arguments={
            "artifact": artifact,
            "oms": oms,
        },
        outputs={
            "model_sig": model_sig,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
