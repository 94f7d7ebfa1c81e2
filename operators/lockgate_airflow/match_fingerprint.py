"""Tell whether a model is a copy of the one that a fingerprint was made of.

The Airflow operator of `lockgate match-fingerprint`, written by `make faces` from
`lockgate.stages.validate.match_fingerprint`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class MatchFingerprintOperator(StageOperator):
    """Tell whether a model is a copy of the one that a fingerprint was made of.

    The model in question answers the made-up rows of the fingerprint. Independent models answered
    them too when it was made; the p value says how likely one more of those agrees with the original
    at least as often. FAIL: it is a copy (the same, fine-tuned, pruned, or taught by the original's
    answers). WARN: p is within ten times ``alpha``. PASS: an independent model may well answer so,
    which is no proof that it is one. INCONCLUSIVE: independent models answer so much like the original
    that not even its own answers have a p value below ``alpha``. A file with the original's bytes is a
    copy whatever the p value. A model that others trained on the very same rows may look like a copy,
    unless `test-extraction` was given those rows when it made the fingerprint.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: The model in question.
        fingerprint: What `test-extraction` wrote.
        key: The public key of the owner, ``NAME.pub.pem``.
        alpha: The p value at or below which it is a copy: how many independent models may be
            accused.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.validate.match_fingerprint:match_fingerprint"

    def __init__(
        self,
        *,
        model: str,
        fingerprint: str,
        key: str,
        alpha: float | str = 0.001,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "fingerprint": fingerprint,
                "key": key,
                "alpha": alpha,
            },
            **kwargs,
        )
