"""Say ALLOW or DENY to a release, by the signed policy and the evidence about the artifact.

The Airflow operator of `lockgate gate-release`, written by `make faces` from
`lockgate.stages.deploy.gate_release`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class GateReleaseOperator(StageOperator):
    """Say ALLOW or DENY to a release, by the signed policy and the evidence about the artifact.

    Every requirement of the policy is answered with one code: is there an attestation about just these
    bytes, is it the newest, did the stage pass, is it fresh enough, did somebody sign it who may, is it in
    the ledger, were the datasets validated that the model was trained on, and was it approved by somebody
    else than who trained it. PASS is ALLOW (WAIVED where a waiver was needed), FAIL is DENY. The
    attestation of this run is a SLSA verification summary (VSA), also of a DENY.

    The gate remembers the newest policy, ledger and time that it has seen, and refuses what is older the
    next time. Policy, root keys, evidence, ledger and memory come from the settings of the run.

    Every argument of the stage may be a template or the output of another task.

    Args:
        subject: What is to be released: a file or a folder.
        environment: Where to, as the policy calls it.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.deploy.gate_release:gate_release"

    def __init__(
        self,
        *,
        subject: str,
        environment: str = "production",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "subject": subject,
                "environment": environment,
            },
            **kwargs,
        )
