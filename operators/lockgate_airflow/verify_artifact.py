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
        model_sig: A signature of the same key in the OpenSSF Model Signing v1.0 format, such as
            `model_signing sign key` makes. Its files are checked as well; what that format leaves out
            (files of git, empty folders, modes) only the attestation covers.
        attested_by: The stage that must have written the attestation.
        subject: Which input or output of that stage the artifact must have been, such as `profile`
            of `profile-data`; by default its first input.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.ingest.verify_artifact:verify_artifact"

    def __init__(
        self,
        *,
        artifact: str,
        attestation: str,
        key: str,
        model_sig: str | None = None,
        attested_by: str = "sign-artifact",
        subject: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "artifact": artifact,
                "attestation": attestation,
                "key": key,
                "model_sig": model_sig,
                "attested_by": attested_by,
                "subject": subject,
            },
            **kwargs,
        )
