"""Tell whether a dataset or model is still the one that was signed.

The Airflow operator of `lockgate verify-artifact`, written by `make faces` from
`lockgate.stages.ingest.verify_artifact`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class VerifyArtifactOperator(StageOperator):
    """Tell whether a dataset or model is still the one that was signed.

    Passes only if the attestation was signed with the given key, comes from the stage asked for,
    names the digest that the artifact has now, and its verdict opens a gate.

    Every argument of the stage may be a template or the output of another task.

    Args:
        artifact: The file or folder to check.
        attestation: The ``attestation.json`` that a run of `attested_by` wrote.
        key: The public key of whoever may sign, ``NAME.pub.pem``.
        attested_by: The stage that must have written the attestation.
        subject: Which input of that stage the artifact must have been; by default its first.
        kwargs: `out`, `policy`, `place`, `fail_on` and `lockgate_conn_id` of `StageOperator`, and
            what every Airflow operator takes.
    """

    stage = "lockgate.stages.ingest.verify_artifact:verify_artifact"

    def __init__(
        self,
        *,
        artifact: str,
        attestation: str,
        key: str,
        attested_by: str = "sign-artifact",
        subject: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "artifact": artifact,
                "attestation": attestation,
                "key": key,
                "attested_by": attested_by,
                "subject": subject,
            },
            **kwargs,
        )
