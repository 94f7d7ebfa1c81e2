"""Put a model into MLflow's registry and point an alias at it, if the release gate allows it.

The KFP component of `lockgate promote-model`, written by `make faces` from
`lockgate.stages.harden.promote_model`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def promote_model(
    model: dsl.Input[dsl.Model],
    registered_model: str,
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    environment: str = "production",
    alias: Optional[str] = None,
    tracking_uri: Optional[str] = None,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Put a model into MLflow's registry and point an alias at it, if the release gate allows it.

    The gate comes first; where it denies, the registry is left as it was. Then the private copy that was
    hashed is uploaded, downloaded again and hashed again, registered as a version with its digest and
    the gate's attestation, and last of all the alias moves, in one step. A run that is stopped on the
    way leaves the alias where it was, and one that is repeated goes on with what it finds: a version that
    carries the digest in its tags, is not older than what the alias points to, and has the same bytes.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: A file or folder. A folder with an ``MLmodel`` file can be loaded by MLflow
            afterwards.
        registered_model: Name of the registered model; it is made when it is not there.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        environment: The environment of the policy that it is released into.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from
            MLflow's own variables (``MLFLOW_TRACKING_USERNAME``, ``MLFLOW_TRACKING_PASSWORD``,
            ``MLFLOW_TRACKING_TOKEN``), never from here.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.harden.promote_model:promote_model",
        arguments={
            "model": model,
            "registered_model": registered_model,
            "environment": environment,
            "alias": alias,
            "tracking_uri": tracking_uri,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
