"""Load a model only if its release was signed, and only the bytes that were looked at.

    predictor = load_verified(
        "s3://models/credit.skops",
        attestation="s3://models/credit.attestation.json",     # of gate-release, or of sign-artifact
        keys="release.pub.pem",
        environment="production",
    )

The model is copied into a folder that only this process enters, and hashed on the way. The attestation
is held against that digest, and the copy is what is loaded: whoever swaps the file at its place,
before, between or after, changes nothing but whether there is an error.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lockgate import artifact
from lockgate.errors import EnvelopeError, GateClosedError, InputError, LockgateError
from lockgate.model.load import load

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from lockgate.artifact import Taken
    from lockgate.attest.statement import Statement
    from lockgate.model.predictor import Predictor

GATE = "gate-release"


def load_verified(
    uri: str | os.PathLike[str],
    *,
    attestation: str | os.PathLike[str],
    keys: str | Iterable[SSlibKey],
    attested_by: str = GATE,
    environment: str | None = None,
    max_age: dt.timedelta | None = None,
) -> Predictor:
    """Load a model that a signed attestation names, and nothing else.

    Args:
        uri: Path or URI of the model, a file or folder; see `lockgate.artifact.take`.
        attestation: Path or URI of the ``attestation.json`` that lets it be used.
        keys: Paths of the public keys of whoever may sign that, comma between, or the keys.
        attested_by: The stage that must have written it. By default a release that `gate-release`
            allowed; ``sign-artifact`` asks for no more than that somebody signed the model.
        environment: Where the model is to be used, which the release must have been for.
        max_age: The oldest that the attestation may be; None for any age. An old one says nothing of what
            was found out since: a release that was allowed stays so in its attestation.

    Raises:
        GateClosedError: The attestation is of another model, stage or environment, too old, or does not open
            a gate.
        EnvelopeError: It is not signed with a given key, or is no attestation.
        InputError: Model, attestation or keys cannot be read, or no environment is given for a release.
        StageError: There is no room for the copy.
    """
    from lockgate.attest import envelope
    from lockgate.attest import keys as key_files
    from lockgate.documents import read_bytes

    if (environment is None) is (attested_by == GATE):
        raise InputError(
            f"load_verified needs the environment when {GATE} attests, and only then; "
            "give environment=, for example 'production'"
        )
    trusted = key_files.load_publics(keys) if isinstance(keys, str) else list(keys)
    with artifact.private_folder() as private:
        paper = artifact.take(attestation, private, "attestation")
        model = artifact.take(uri, private, "model")
        try:
            raw = read_bytes(paper.path, envelope.MAX_BYTES, EnvelopeError)
            statement = envelope.open_envelope(raw, trusted).statement
            _check(statement, model, attested_by, environment)
            _check_age(statement, model, max_age)
            return load(model.path)
        except LockgateError as error:
            error.args = (_public(str(error), paper, model),)
            raise


def _check(statement: Statement, model: Taken, attested_by: str, environment: str | None) -> None:
    run = statement.run
    if run.stage != attested_by:
        raise GateClosedError(
            f"the attestation of {model.uri} was written by {run.stage}, not by {attested_by}; "
            f"give the one of {attested_by}"
        )
    if not run.opens:
        raise GateClosedError(
            f"{run.stage} said {run.decision or run.verdict} about {model.uri}; look at its report"
        )
    if environment is not None:
        _check_release(statement, model, environment)
    subject = statement.subjects[0]  # the first input of the stage, as in verify-artifact
    if not subject.is_(model.digest):
        raise GateClosedError(
            f"{model.uri} is not the model that {run.stage} attested: it digests to "
            f"{_short(model.digest)}, the attestation names {_short(subject.digest)}; do not use it"
        )


def _check_age(statement: Statement, model: Taken, max_age: dt.timedelta | None) -> None:
    from lockgate.policy.times import CLOCK_SKEW

    age = dt.datetime.now(dt.timezone.utc) - statement.run.finished
    if max_age is not None and not -CLOCK_SKEW <= age <= max_age:
        raise GateClosedError(
            f"the attestation of {model.uri} is of {statement.run.finished:%Y-%m-%d %H:%M} UTC, which is in "
            f"the future or longer ago than {max_age}; run {statement.run.stage} again"
        )


def _check_release(statement: Statement, model: Taken, environment: str) -> None:
    from lockgate.attest.predicates.verification_summary import VerificationSummary

    release = statement.claim
    if not isinstance(release, VerificationSummary) or not release.allowed:
        raise GateClosedError(
            f"the attestation of {model.uri} is no release that was allowed; give the one of {GATE}"
        )
    if release.environment != environment:
        raise GateClosedError(
            f"{model.uri} was released for {release.environment!r}, not for {environment!r}; "
            f"run {GATE} for {environment!r}"
        )


def _public(text: str, *taken: Taken) -> str:
    """Name things as the caller does: the URI instead of the private copy."""
    for each in taken:
        text = text.replace(str(each.path), each.uri)
    return text


def _short(digest: Mapping[str, str]) -> str:
    return " ".join(f"{algorithm}:{value[:16]}" for algorithm, value in digest.items())
