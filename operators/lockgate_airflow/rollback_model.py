"""Point an alias in MLflow back to the newest earlier version that the release gate still allows.

The Airflow operator of `lockgate rollback-model`, written by `make faces` from
`lockgate.stages.deploy.rollback_model`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class RollbackModelOperator(StageOperator):
    """Point an alias in MLflow back to the newest earlier version that the release gate still allows.

    Every version with a smaller number is a candidate, the newest first. Its files are downloaded and
    hashed, and the gate decides on that digest as of now: evidence that was revoked, or has become older
    than the policy allows, closes the gate on it. Tags are not believed. A model that the alias was rolled
    back from is not chosen again until somebody promotes it anew. If no version passes, the alias stays.

    Every argument of the stage may be a template or the output of another task.

    Args:
        registered_model: Name of the registered model.
        reason: Why, in a sentence; it is kept in the tags of both versions, where others can read
            it.
        environment: The environment of the policy.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from
            MLflow's own variables, never from here.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.deploy.rollback_model:rollback_model"

    def __init__(
        self,
        *,
        registered_model: str,
        reason: str,
        environment: str = "production",
        alias: str | None = None,
        tracking_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "registered_model": registered_model,
                "reason": reason,
                "environment": environment,
                "alias": alias,
                "tracking_uri": tracking_uri,
            },
            **kwargs,
        )
