"""What a gate has seen before: newest policy, newest checkpoint of each ledger, latest time, newest states.

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
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from lockgate import artifact
from lockgate.documents import load_json, read_bytes
from lockgate.errors import EnvelopeError, InputError, StageError
from lockgate.policy import seen as form
from lockgate.policy.errors import TrustStateError
from lockgate.policy.seen import Seen, SeenPolicy, check_policy, check_state

__all__ = ["Seen", "SeenPolicy", "TrustState", "check_policy"]
_MAX_BYTES = 16_000_000
_WAIT = 60.0  # seconds for others that change it, as for a ledger


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
        size = form.size_of(origin, note)
        if size is None:
            raise TrustStateError(
                f"a note of {origin!r} is no checkpoint to remember; take it from the ledger"
            )
        with self._changing() as seen:
            before = seen.checkpoints.get(origin)
            known = None if before is None else form.size_of(origin, before)
            if (
                before is not None
                and known == size
                and form.text_of(origin, before) != form.text_of(origin, note)
            ):
                from lockgate.ledger.errors import ForkedError

                raise ForkedError(
                    f"the ledger {origin} was seen with other contents at {size} entries; "
                    "find out which of the two was shown to whom before anything is released"
                )
            if known is None or size > known:
                self._write(replace(seen, checkpoints={**seen.checkpoints, origin: note}), seen)

    def state(self, stream: str) -> SeenPolicy | None:
        """Return the newest state of a stream of batches that was seen, or None."""
        return self.read().states.get(stream)

    def remember_state(self, stream: str, sequence: int, digest: str) -> None:
        """Remember the newest state of a stream of batches.

        Args:
            stream: The stream's name.
            sequence: The state's number.
            digest: SHA-256 (hex) of its envelope.

        Raises:
            StateRefusedError: A newer one was seen, or another one of the same number.
            TrustStateError: The file cannot be used.
            StageError: It cannot be written.
        """
        with self._changing() as seen:
            check_state(seen.states.get(stream), stream, sequence, digest)
            states = {**seen.states, stream: SeenPolicy(sequence, digest)}
            self._write(replace(seen, states=states), seen)

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
            return form.parse(data)
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
                0o600,  # whoever can open it can lock it
            )
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            self._lock(handle)
            yield self.read()
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        """Lock the memory, and wait for others that change it, but not for ever."""
        until = time.monotonic() + _WAIT
        while not self._locked(handle):
            if time.monotonic() > until:
                raise StageError(
                    f"the memory of the gate, {self.path}, was kept locked for {_WAIT:g} seconds; "
                    "find the process that holds its .lock file"
                )
            time.sleep(0.02)

    def _locked(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._unwritable(error) from None
        return True

    def _write(self, seen: Seen, before: Seen) -> None:
        if seen == before:
            return
        text = json.dumps(form.document(seen), indent=2, ensure_ascii=False) + "\n"
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
