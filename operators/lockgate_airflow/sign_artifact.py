"""Sign a dataset or model, so that a later step can tell that it is still the same.

The Airflow operator of `lockgate sign-artifact`, written by `make faces` from
`lockgate.stages.harden.sign_artifact`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class SignArtifactOperator(StageOperator):
    """Sign a dataset or model, so that a later step can tell that it is still the same.

    The attestation of this run is the signature: ``attestation.json`` in the result folder names
    the SHA-256 of the file, or the sealed digest of the folder (every entry with its name, mode and
    content; no ignore list), and is signed with the run's key. Check it with `verify-artifact`.

    Every argument of the stage may be a template or the output of another task.

    Args:
        artifact: What to sign: a file or a folder of files. A folder with a symbolic link, FIFO,
            socket or device in it is refused.
        model_sig: With `oms`, the signature in the OpenSSF Model Signing format.
        oms: Sign a model in the format of OpenSSF Model Signing v1.0 as well, with the same key,
            for readers that do not know Lockgate: `model_signing verify key` checks it. That format
            leaves out files of git, empty folders and modes; the attestation leaves out nothing.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.harden.sign_artifact:sign_artifact"

    def __init__(
        self,
        *,
        artifact: str,
        model_sig: str | None = None,
        oms: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "artifact": artifact,
                "model_sig": model_sig,
                "oms": oms,
            },
            **kwargs,
        )
