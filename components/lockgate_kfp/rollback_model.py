"""Point an alias in MLflow back to the newest earlier version that the release gate still allows.

The KFP component of `lockgate rollback-model`, written by `make faces` from
`lockgate.stages.deploy.rollback_model`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def rollback_model(
    registered_model: str,
    reason: str,
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    environment: str = "production",
    alias: Optional[str] = None,
    tracking_uri: Optional[str] = None,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Point an alias in MLflow back to the newest earlier version that the release gate still allows.

    Every version with a smaller number is a candidate, the newest first. Its files are downloaded and
    hashed, and the gate decides on that digest as of now: evidence that was revoked, or has become older
    than the policy allows, closes the gate on it. Tags are not believed. A model that the alias was rolled
    back from is not chosen again until somebody promotes it anew. If no version passes, the alias stays.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        registered_model: Name of the registered model.
        reason: Why, in a sentence; it is kept in the tags of both versions, where others can read
            it.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        environment: The environment of the policy.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from
            MLflow's own variables, never from here.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.deploy.rollback_model:rollback_model",
        arguments={
            "registered_model": registered_model,
            "reason": reason,
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
