"""Tell whether a model is a copy of another one, by the fingerprint of that.

Rules:
    LG-FINGERPRINT-001: The model answers as only a copy does.
    LG-FINGERPRINT-002: The fingerprint was signed with another key, or altered.
"""

from __future__ import annotations

from lockgate.model import load, one_thread
from lockgate.outcome import Check, Outcome, Severity, Verdict
from lockgate.stage import EvidenceIn, FileIn, ModelIn, Share, Threshold, stage

_THREAT = "model-theft"
_DOUBT = 10.0  # a p value so many times alpha is worth a look
_KINDS = {
    "same": "same algorithm, other rows",
    "boosting": "boosting, other rows",
    "extra": "extremely random trees, other rows",
    "linear": "linear, other rows",
    "own": "same algorithm, the original's rows",
}
_USELESS = "independent models answer so much like the original that not even its own answers show a copy"


@stage("match-fingerprint", threats=[_THREAT])
def match_fingerprint(
    model: ModelIn,
    fingerprint: EvidenceIn,
    key: FileIn,
    *,
    alpha: Threshold[Share] = 0.001,
) -> Outcome:
    """Tell whether a model is a copy of the one that a fingerprint was made of.

    The model in question answers the made-up rows of the fingerprint. Independent models answered
    them too when it was made; the p value says how likely one more of those agrees with the original
    at least as often. FAIL: it is a copy (the same, fine-tuned, pruned, or taught by the original's
    answers). WARN: p is within ten times ``alpha``. PASS: an independent model may well answer so,
    which is no proof that it is one. INCONCLUSIVE: independent models answer so much like the original
    that not even its own answers have a p value below ``alpha``. A file with the original's bytes is a
    copy whatever the p value. A model that others trained on the very same rows may look like a copy,
    unless `test-extraction` was given those rows when it made the fingerprint.

    Args:
        model: The model in question.
        fingerprint: What `test-extraction` wrote.
        key: The public key of the owner, ``NAME.pub.pem``.
        alpha: The p value at or below which it is a copy: how many independent models may be accused.

    Raises:
        InputError: The model cannot read the fingerprint's rows, or the fingerprint or key cannot be used.
    """
    from lockgate.artifact import digest
    from lockgate.attest import envelope, keys
    from lockgate.extraction import fingerprint as prints

    outcome = Outcome()
    public = keys.load_public(key)
    try:
        found, original = prints.open_fingerprint(fingerprint, public)
    except envelope.SignatureError as error:
        outcome.check("signature", value=False, comparator="==", threshold=True)
        outcome.find(
            "LG-FINGERPRINT-002",
            Severity.HIGH,
            str(error)[:1].upper() + str(error)[1:] + ".",
            subject="fingerprint",
            threat=_THREAT,
            fix="Take the fingerprint, and the owner's key, from where they were written.",
            check="signature",
        )
        return outcome
    outcome.check("signature", value=True, comparator="==", threshold=True)
    predictor = load(model)
    with one_thread():
        agreed = prints.agreement(predictor, found)
    size, p = len(found.labels), prints.chance(found, agreed)
    everyone = [count for group in found.agreements.values() for count in group]
    usual, most = sum(everyone) / (len(everyone) * found.asked), max(everyone) / found.asked
    same = dict(digest(model)) == original
    outcome.metrics = {
        "agreement": agreed / size,
        "rows": size,
        "p_value": p,
        "independent_models": {name: len(group) for name, group in found.agreements.items()},
        "agreement_of_independent_models": {"mean": usual, "most": most},
        "same_bytes": same,
    }
    outcome.facts["Model"] = predictor.kind
    said = f"{agreed} of {size} answers are the original's; independent models give {usual:.0%} of them, "
    said += f"{most:.0%} at most"
    outcome.facts["Agreement"] = said
    outcome.tables["Answers that are the original's"] = [
        {"models": "this one", "count": 1} | dict.fromkeys(("mean", "least", "most"), agreed / size),
        *(
            {
                "models": _KINDS.get(name, name),
                "count": len(group),
                "mean": sum(group) / (len(group) * found.asked),
                "least": min(group) / found.asked,
                "most": max(group) / found.asked,
            }
            for name, group in found.agreements.items()
        ),
    ]
    if same:
        outcome.check("same-bytes", value=True, comparator="==", threshold=False)
    if prints.chance(found, size) > alpha:
        verdict = Verdict.INCONCLUSIVE
        outcome.cannot("p-value", _USELESS, alpha, ">")
    else:
        verdict = Verdict.PASS if p > alpha * _DOUBT else Verdict.WARN if p > alpha else Verdict.FAIL
        outcome.checks.append(Check("p-value", verdict, p, ">", alpha, said))
    if same or verdict in {Verdict.WARN, Verdict.FAIL}:
        sure = same or verdict is Verdict.FAIL
        what = "is a copy, or was taught by the original" if sure else "may be a copy"
        outcome.find(
            "LG-FINGERPRINT-001",
            Severity.HIGH if sure else Severity.MEDIUM,
            f"The model {'is the same file as the original' if same else what}: {said} (p = {p:.1e}).",
            subject="model",
            threat=_THREAT,
            fix="Ask whoever trained it for its provenance, and compare training data and code.",
            check="same-bytes" if same else "p-value",
        )
    return outcome
