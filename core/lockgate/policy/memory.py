"""What a gate has seen before: newest policy, newest checkpoint of each ledger, latest time.

    state = TrustState("/var/lib/lockgate/trust.json")
    state.remember_policy("employment", 3, digest)     # refuses revision 2 from now on
    state.remember_checkpoint(origin, note)
    state.remember_time(now)

A file of the machine that decides. Nobody can show that machine an older policy, a shorter ledger or
an earlier time than it knows, whoever holds which key. A file that is not there is the first use:
keep it on a disk that outlives the run. One that cannot be read is an error, never a new beginning.

Nothing in it goes backwards. Several processes may use one file: each change is read, made and
written under a lock on a file beside it (``.lock``), and the file itself is replaced whole.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from lockgate import artifact
from lockgate.attest import fields
from lockgate.documents import load_json, read_bytes
from lockgate.errors import EnvelopeError, InputError, StageError
from lockgate.policy.errors import PolicyForkedError, PolicyRolledBackError, TrustStateError

FORMAT = "lockgate.trust-state/1"
_MAX_BYTES = 16_000_000
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_CHECKPOINT_LINES = 3  # C2SP tlog-checkpoint: origin, tree size, root hash; extensions may follow


@dataclass(frozen=True)
class SeenPolicy:
    """The newest revision of a policy that was seen.

    Attributes:
        revision: The revision.
        digest: SHA-256 (hex) of its bytes.
    """

    revision: int
    digest: str


@dataclass(frozen=True)
class Seen:
    """All that was seen.

    Attributes:
        policies: Newest revisions by policy name.
        checkpoints: Newest checkpoints, as signed notes, by origin of the ledger.
        latest: The latest time of a decision; None before the first.
    """

    policies: Mapping[str, SeenPolicy] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    latest: dt.datetime | None = None


class TrustState:
    """The memory in a file.

    Args:
        path: The file; it is made, with its folder, when there is something to remember.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))

    def policy(self, name: str) -> SeenPolicy | None:
        """Return the newest revision of a policy that was seen, or None."""
        return self.read().policies.get(name)

    def checkpoint(self, origin: str) -> str | None:
        """Return the newest checkpoint of a ledger that was seen, as a signed note, or None."""
        return self.read().checkpoints.get(origin)

    @property
    def latest_time(self) -> dt.datetime | None:
        """The latest time of a decision, or None."""
        return self.read().latest

    def remember_policy(self, name: str, revision: int, digest: str) -> None:
        """Remember a revision of a policy, unless a newer one was seen.

        Args:
            name: The policy's name.
            revision: Its revision.
            digest: SHA-256 (hex) of its bytes.

        Raises:
            PolicyRolledBackError: A newer revision was seen.
            PolicyForkedError: This revision was seen with another digest.
            TrustStateError: The file cannot be used.
            StageError: It cannot be written.
        """
        with self._changing() as seen:
            check_policy(seen.policies.get(name), name, revision, digest)
            self._write(replace(seen, policies={**seen.policies, name: SeenPolicy(revision, digest)}), seen)

    def remember_checkpoint(self, origin: str, note: str) -> None:
        """Remember a checkpoint of a ledger, unless a larger one was seen: that one then stays.

        Whether the ledger only grew from one to the other is for the ledger to prove, before this.

        Args:
            origin: The ledger's name.
            note: The checkpoint, as the signed note that it is.

        Raises:
            ForkedError: A checkpoint of the same size with another root was seen.
            TrustStateError: The file cannot be used, or the note is no checkpoint of this ledger.
            StageError: The file cannot be written.
        """
        size = _size(origin, note)
        if size is None:
            raise TrustStateError(
                f"a note of {origin!r} is no checkpoint to remember; take it from the ledger"
            )
        with self._changing() as seen:
            before = seen.checkpoints.get(origin)
            known = None if before is None else _size(origin, before)
            if before is not None and known == size and _text(origin, before) != _text(origin, note):
                from lockgate.ledger.errors import ForkedError

                raise ForkedError(
                    f"the ledger {origin} was seen with other contents at {size} entries; "
                    "find out which of the two was shown to whom before anything is released"
                )
            if known is None or size > known:
                self._write(replace(seen, checkpoints={**seen.checkpoints, origin: note}), seen)

    def remember_time(self, now: dt.datetime) -> None:
        """Remember the time of a decision; an earlier one than is known changes nothing."""
        with self._changing() as seen:
            moment = now.astimezone(dt.timezone.utc)
            if seen.latest is None or moment > seen.latest:
                self._write(replace(seen, latest=moment), seen)

    def read(self) -> Seen:
        """Return all that was seen.

        Raises:
            TrustStateError: The file is there and cannot be used.
        """
        if not os.path.lexists(self.path):
            return Seen()
        try:
            data = load_json(
                read_bytes(self.path, _MAX_BYTES), max_bytes=_MAX_BYTES, name=str(self.path)
            ).data
        except InputError as error:
            raise TrustStateError(f"{error}; {_WHAT_TO_DO}") from None
        try:
            return _parsed(data)
        except EnvelopeError:
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise TrustStateError(f"{self.path} is no memory that a gate of this version wrote; {_WHAT_TO_DO}")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Seen]:
        """Yield what was seen, while no other process changes it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(
                self.path.with_name(self.path.name + ".lock"),
                os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
                0o666,
            )
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.read()
        finally:
            os.close(handle)

    def _write(self, seen: Seen, before: Seen) -> None:
        if seen == before:
            return
        text = json.dumps(_document(seen), indent=2, ensure_ascii=False) + "\n"
        try:
            with artifact.written_whole(self.path) as temporary, temporary.open("wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())  # a crash leaves the old memory or the new one, not an empty file
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> StageError:
        return StageError(
            f"the memory of the gate, {self.path}, cannot be written: {error.strerror}; "
            "give --trust-state a path that can"
        )


_WHAT_TO_DO = "restore it from a copy; without it the gate would trust what it has refused before"


def check_policy(seen: SeenPolicy | None, name: str, revision: int, digest: str) -> None:
    """Refuse a policy when a newer revision, or another policy of the same revision, was seen.

    Raises:
        PolicyRolledBackError: A newer revision was seen.
        PolicyForkedError: This revision was seen with another digest.
    """
    if seen is None or seen.revision < revision:
        return
    if seen.revision > revision:
        raise PolicyRolledBackError(
            f"the policy {name!r} is of revision {revision}, but revision {seen.revision} was seen before; "
            "take the newest, or sign what it shall say as a revision above that"
        )
    if seen.digest != digest:
        raise PolicyForkedError(
            f"the policy {name!r} was seen with the same revision {revision} and another content "
            f"(sha256 {seen.digest}); give every change a revision of its own"
        )


def _parsed(data: Any) -> Seen:
    document = fields.mapping(data, "the memory")
    fields.exactly(document, {"format", "policies", "checkpoints", "latestTime"}, "the memory")
    if document["format"] != FORMAT:
        fields.refuse("its format is another")
    checkpoints = fields.mapping(document["checkpoints"], "the checkpoints")
    for origin, note in checkpoints.items():
        if not isinstance(note, str) or _size(origin, note) is None:
            fields.refuse("a checkpoint is none")
    return Seen(
        {
            name: _policy(entry)
            for name, entry in fields.mapping(document["policies"], "the policies").items()
        },
        checkpoints,
        None if document["latestTime"] is None else fields.time(document, "latestTime"),
    )


def _policy(value: Any) -> SeenPolicy:
    entry = fields.mapping(value, "a policy")
    fields.exactly(entry, {"revision", "digest"}, "a policy")
    revision = entry["revision"]
    if type(revision) is not int or revision < 1:
        fields.refuse("a revision is no positive whole number")
    return SeenPolicy(revision, fields.hex_256(entry["digest"], "digest"))


def _document(seen: Seen) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "policies": {
            name: {"revision": policy.revision, "digest": policy.digest}
            for name, policy in sorted(seen.policies.items())
        },
        "checkpoints": dict(sorted(seen.checkpoints.items())),
        "latestTime": None if seen.latest is None else fields.written(seen.latest),
    }


def _text(origin: str, note: str) -> str | None:
    """Return what is signed in a checkpoint; None when it is none of this ledger."""
    text, found, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < _CHECKPOINT_LINES or lines[0] != origin or not _SIZE.match(lines[1]):
        return None
    return text


def _size(origin: str, note: str) -> int | None:
    text = _text(origin, note)
    return None if text is None else int(text.split("\n")[1])
