"""The stage `verify-artifact`.

Rules:
    ``LG-SIGN-010`` the attestation carries no signature.
    ``LG-SIGN-011`` it was signed with another key, or altered after it was signed.
    ``LG-SIGN-012`` it was written by another stage than the one asked for.
    ``LG-SIGN-013`` it is about another artifact, or the artifact was changed.
    ``LG-SIGN-014`` what it says about the artifact closes the gate.
    ``LG-SIGN-015`` the model signature was made with another key, or altered after it was made.
    ``LG-SIGN-016`` files are not those that the model signature lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.outcome import Outcome, Severity
from lockgate.stage import EvidenceIn, FileIn, stage

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

_NAMED = 5  # files in a sentence


@stage("verify-artifact", threats=["supply-chain"], gate=True)
def verify_artifact(
    artifact: FileIn,
    attestation: EvidenceIn,
    key: FileIn,
    model_sig: EvidenceIn | None = None,
    *,
    attested_by: str = "sign-artifact",
    subject: str | None = None,
) -> Outcome:
    """Tell whether a dataset or model is still the one that was signed.

    Passes only if the attestation was signed with the given key, comes from the stage asked for,
    names the digest that the artifact has now, and its verdict opens a gate.

    Args:
        artifact: The file or folder to check.
        attestation: The ``attestation.json`` that a run of `attested_by` wrote.
        key: The public key of whoever may sign, ``NAME.pub.pem``.
        model_sig: A signature of the same key in the OpenSSF Model Signing v1.0 format, such as
            `model_signing sign key` makes. Its files are checked as well; what that format leaves out
            (files of git, empty folders, modes) only the attestation covers.
        attested_by: The stage that must have written the attestation.
        subject: Which input or output of that stage the artifact must have been, such as `profile` of
            `profile-data`; by default its first input.

    Raises:
        InputError: The attestation is no envelope of a run, the model signature is none of that format
            that was made with a key, or the key is of the wrong kind.
        MissingExtraError: There is a model signature, and model-signing is not installed.
    """
    from lockgate.artifact import digest
    from lockgate.attest import envelope, keys
    from lockgate.documents import read_bytes
    from lockgate.errors import EnvelopeError

    outcome = Outcome()
    public = keys.load_public(key)
    raw = read_bytes(attestation, envelope.MAX_BYTES, EnvelopeError)
    try:
        statement = envelope.open_envelope(raw, [public]).statement
    except envelope.SignatureError as error:
        outcome.check("signature", value=False, comparator="==", threshold=True)
        _unsigned(outcome, str(error), unsigned=isinstance(error, envelope.UnsignedError))
        return outcome
    run = statement.run
    outcome.check("signature", value=True, comparator="==", threshold=True)
    outcome.metrics = {
        "attested_by": run.stage,
        "attested_body": run.body_digest,
        "keyid": public.keyid,
    }

    if not outcome.check("stage", value=run.stage, comparator="==", threshold=attested_by):
        _fail(
            outcome,
            "LG-SIGN-012",
            "stage",
            f"The attestation was written by {run.stage}, not by {attested_by}.",
            f"Give the attestation of {attested_by}, or set attested_by to the stage you rely on.",
        )
    now = digest(artifact)
    known = (*statement.subjects, *statement.outputs)
    named = [s for s in known if s.name == subject] if subject else statement.subjects[:1]
    same = any(s.is_(now) for s in named)
    if not outcome.check("digest", value=same, comparator="==", threshold=True):
        _fail(
            outcome,
            "LG-SIGN-013",
            "digest",
            f"The artifact is not the one that was attested: it digests to {_short(now)}, "
            f"the attestation names {', '.join(_short(s.digest) for s in named) or 'nothing of that name'}.",
            "Do not use it; get it again from where it was signed, or find out who changed it.",
        )
    if not outcome.check("verdict", value=run.opens, comparator="==", threshold=True):
        _fail(
            outcome,
            "LG-SIGN-014",
            "verdict",
            f"{run.stage} said {run.decision or run.verdict} about it.",
            f"Look at the report of {run.stage}.",
        )
    if model_sig is not None:
        _check_model_signature(outcome, artifact, model_sig, public)
    outcome.facts |= {"Attested by": run.stage, "Signed with": f"key {public.keyid[:16]}"}
    return outcome


def _check_model_signature(outcome: Outcome, artifact: Path, model_sig: Path, public: SSlibKey) -> None:
    from lockgate.attest import envelope, oms
    from lockgate.documents import read_bytes
    from lockgate.errors import EnvelopeError

    try:
        listed = oms.open_signature(read_bytes(model_sig, oms.MAX_BYTES, EnvelopeError), [public])
    except envelope.SignatureError:
        outcome.check("model-signature", value=False, comparator="==", threshold=True)
        _fail(
            outcome,
            "LG-SIGN-015",
            "model-signature",
            "The model signature was not made with the given key, or was altered since.",
            "Check the key, and take the signature from where it was written.",
        )
        return
    outcome.check("model-signature", value=True, comparator="==", threshold=True)
    differences = listed.differences(artifact)
    outcome.metrics["model_signature_files"] = len(listed.files)
    if not outcome.check("model-files", value=len(differences), comparator="==", threshold=0):
        named = ", ".join(f"{name} ({what})" for name, what in list(differences.items())[:_NAMED])
        more = f" and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
        _fail(
            outcome,
            "LG-SIGN-016",
            "model-files",
            f"The files are not those that the model signature lists: {named}{more}.",
            "Do not use it; get it again from where it was signed, or find out who changed it.",
        )


def _unsigned(outcome: Outcome, said: str, *, unsigned: bool) -> None:
    problem, _, fix = said.partition("; ")
    rule = "LG-SIGN-010" if unsigned else "LG-SIGN-011"
    _fail(outcome, rule, "signature", f"{problem[0].upper()}{problem[1:]}.", f"{fix[0].upper()}{fix[1:]}.")


def _fail(outcome: Outcome, rule: str, check: str, message: str, fix: str) -> None:
    outcome.find(
        rule, Severity.CRITICAL, message, subject="artifact", threat="supply-chain", fix=fix, check=check
    )


def _short(digest: Mapping[str, str]) -> str:
    return " ".join(f"{algorithm}:{value[:16]}" for algorithm, value in digest.items())
