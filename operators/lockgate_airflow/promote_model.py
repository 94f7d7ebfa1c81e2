"""Put a model into MLflow's registry and point an alias at it, if the release gate allows it.

The Airflow operator of `lockgate promote-model`, written by `make faces` from
`lockgate.stages.harden.promote_model`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class PromoteModelOperator(StageOperator):
    """Put a model into MLflow's registry and point an alias at it, if the release gate allows it.

    The gate comes first; where it denies, the registry is left as it was. Then the private copy that was
    hashed is uploaded, downloaded again and hashed again, registered as a version with its digest and
    the gate's attestation, and last of all the alias moves, in one step. A run that is stopped on the
    way leaves the alias where it was, and one that is repeated goes on with what it finds: a version that
    carries the digest in its tags, is not older than what the alias points to, and has the same bytes.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A file or folder. A folder with an ``MLmodel`` file can be loaded by MLflow
            afterwards.
        registered_model: Name of the registered model; it is made when it is not there.
        environment: The environment of the policy that it is released into.
        alias: The alias to move; by default called like the environment.
        tracking_uri: The MLflow server; by default ``MLFLOW_TRACKING_URI``. Credentials come from
            MLflow's own variables (``MLFLOW_TRACKING_USERNAME``, ``MLFLOW_TRACKING_PASSWORD``,
            ``MLFLOW_TRACKING_TOKEN``), never from here.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.harden.promote_model:promote_model"

    def __init__(
        self,
        *,
        model: str,
        registered_model: str,
        environment: str = "production",
        alias: str | None = None,
        tracking_uri: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "registered_model": registered_model,
                "environment": environment,
                "alias": alias,
                "tracking_uri": tracking_uri,
            },
            **kwargs,
        )
