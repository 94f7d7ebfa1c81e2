"""Keep the state of a stream: read what was signed, refuse what is older or another's, write the next.

    kept = keeping.read(raw, stream="employment", keys=keys, settings=settings)
    sealed = keeping.seal(next_state, signer)
    keeping.store(uri, sealed, kept)                # where it was read, when nothing newer lies there

A state is an envelope like an attestation. Whoever can write where it lies can put back an older one,
or take it away; nobody notices that without a memory elsewhere. So when the run has one
(``LOCKGATE_TRUST_STATE``), the newest sequence and digest of each stream are in it, and an older state,
another one of the same number, and a missing one are refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate import artifact
from lockgate.attest import envelope
from lockgate.errors import EnvelopeError, StageError
from lockgate.policy.errors import StateRefusedError
from lockgate.policy.seen import check_state
from lockgate.retraining.state import State

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

    from lockgate.settings import Settings

_WAIT = 60.0  # seconds for another run that writes the same state


@dataclass(frozen=True)
class Kept:
    """A state that was read.

    Attributes:
        state: What it says.
        name: SHA-256 (hex) of its envelope.
        signers: Ids of the accepted keys that signed it.
    """

    state: State
    name: str
    signers: frozenset[str]


def read(raw: bytes | None, *, stream: str, keys: Sequence[SSlibKey], settings: Settings) -> Kept | None:
    """Return the state of a stream, checked; None on the first run.

    Args:
        raw: The envelope, or None when there is none.
        stream: The stream that it must be of.
        keys: Public keys whose states are believed.
        settings: Where the memory is, if there is one.

    Raises:
        EnvelopeError: It is no state, nobody signed it, or none of the keys did.
        StateRefusedError: It is another stream's, older than one that was seen, a fork, or missing.
    """
    kept = None if raw is None else _opened(raw, keys)
    if kept is not None and kept.state.stream != stream:
        raise StateRefusedError(
            f"the state is of stream {kept.state.stream!r}, and this gate watches {stream!r}; give its own"
        )
    if settings.trust_state:
        from lockgate.policy.memory import TrustState

        seen = TrustState(settings.trust_state).state(stream)
        if seen is not None and kept is None:
            raise StateRefusedError(
                f"the state of the stream {stream!r} is missing, and state {seen.revision} of it was seen "
                "before; give the newest one"
            )
        if seen is not None and kept is not None:
            check_state(seen, stream, kept.state.sequence, kept.name)
    return kept


def _opened(raw: bytes, keys: Sequence[SSlibKey]) -> Kept:
    try:
        opened = envelope.open_envelope(raw, keys)
    except envelope.UnsignedError:
        raise EnvelopeError("the state is not signed, so it counts for nothing; give one of a gate") from None
    except envelope.SignatureError:
        raise EnvelopeError(
            "the state was not signed with this gate's key, or was altered since; give the newest one of "
            "this gate, and its former key as state_keys if the key was replaced"
        ) from None
    except EnvelopeError as error:
        what, _, _ = str(error).partition("; ")  # the advice behind it is for what people write
        raise EnvelopeError(f"the state cannot be used: {what}; give its newest whole copy") from None
    if not isinstance(opened.statement.claim, State):
        raise EnvelopeError(f"the state is an attestation of the kind {opened.statement.kind}; give a state")
    return Kept(opened.statement.claim, hashlib.sha256(raw).hexdigest(), opened.signers)


def seal(state: State, signer: Signer) -> bytes:
    """Return the signed envelope of a state."""
    from lockgate.attest.predicates.retraining_state import build

    return envelope.seal(build(state.trimmed()), signer)


# --- Where it lies ----------------------------------------------------------------------------------


def fetch(uri: str) -> bytes | None:
    """Return what lies at a path or fsspec URL; None when nothing does.

    Raises:
        InputError: It cannot be read, or is larger than a state may be.
    """
    if artifact.is_remote(uri):
        return artifact.read_remote(uri, envelope.MAX_BYTES)
    from lockgate.documents import read_bytes

    path = artifact.local_path(uri)
    return read_bytes(path, envelope.MAX_BYTES, EnvelopeError) if os.path.lexists(path) else None


def store(uri: str, sealed: bytes, before: Kept | None) -> None:
    """Put a state where the one before it lay, unless another run has put one there meanwhile.

    On this machine a lock on a file beside it (``.lock``) holds other runs back between the look and
    the write; a remote store has no such lock.

    Raises:
        StageError: There is another one by now, or it cannot be written.
    """
    with _alone(uri):
        there = fetch(uri)
        now = None if there is None else hashlib.sha256(there).hexdigest()
        if now != (None if before is None else before.name):
            raise StageError(
                f"another run has written the state {artifact.display(uri)} meanwhile; run this batch again"
            )
        if artifact.is_remote(uri):
            artifact.write_remote(uri, sealed)
            return
        try:
            with artifact.written_whole(artifact.local_path(uri)) as temporary, temporary.open("wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StageError(
                f"the state {uri} cannot be written: {error.strerror}; give a path that can"
            ) from None


def remember(settings: Settings, state: State, sealed: bytes) -> None:
    """Remember a state as the newest of its stream, when the run has a memory.

    Raises:
        StateRefusedError: Another run has gone on from the same state meanwhile.
    """
    if settings.trust_state:
        from lockgate.policy.memory import TrustState

        name = hashlib.sha256(sealed).hexdigest()
        TrustState(settings.trust_state).remember_state(state.stream, state.sequence, name)


@contextlib.contextmanager
def _alone(uri: str) -> Iterator[None]:
    if artifact.is_remote(uri):
        yield
        return
    path = artifact.local_path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(Path(f"{path}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StageError(
            f"the state {uri} cannot be locked: {error.strerror}; give a path that can"
        ) from None
    try:
        until = time.monotonic() + _WAIT
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StageError(f"the state {uri} was kept locked for {_WAIT:g} seconds") from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)
