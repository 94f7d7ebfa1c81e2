"""Tell whether a model is a copy of the one that a fingerprint was made of.

The KFP component of `lockgate match-fingerprint`, written by `make faces` from
`lockgate.stages.validate.match_fingerprint`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def match_fingerprint(
    model: dsl.Input[dsl.Model],
    fingerprint: dsl.Input[dsl.Artifact],
    key: dsl.Input[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    alpha: float = 0.001,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Tell whether a model is a copy of the one that a fingerprint was made of.

    The model in question answers the made-up rows of the fingerprint. Independent models answered
    them too when it was made; the p value says how likely one more of those agrees with the original
    at least as often. FAIL: it is a copy (the same, fine-tuned, pruned, or taught by the original's
    answers). WARN: p is within ten times ``alpha``. PASS: an independent model may well answer so,
    which is no proof that it is one. INCONCLUSIVE: independent models answer so much like the original
    that not even its own answers have a p value below ``alpha``. A file with the original's bytes is a
    copy whatever the p value. A model that others trained on the very same rows may look like a copy,
    unless `test-extraction` was given those rows when it made the fingerprint.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: The model in question.
        fingerprint: What `test-extraction` wrote.
        key: The public key of the owner, ``NAME.pub.pem``.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        alpha: The p value at or below which it is a copy: how many independent models may be
            accused.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.validate.match_fingerprint:match_fingerprint",
        arguments={
            "model": model,
            "fingerprint": fingerprint,
            "key": key,
            "alpha": alpha,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
