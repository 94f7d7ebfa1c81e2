"""The ledger: what a pipeline appends to and a gate reads from; see the package for how it works."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lockgate.ledger.checkpoint import Checkpoint, check_origin
from lockgate.ledger.database import Database
from lockgate.ledger.errors import EntryMissingError
from lockgate.ledger.reading import Entries, Entry
from lockgate.ledger.writing import Receipt

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from lockgate.ledger.audit import Audit

ORIGIN = "lockgate.local/ledger"


class Ledger:
    """A ledger in a database.

    Args:
        url: Path of an SQLite file, or URL of a database; see `lockgate.ledger.database`.
        origin: The name that its checkpoints must have. None takes the signed one as it is, and names
            a new ledger ``lockgate.local/ledger``.

    Raises:
        LedgerUrlError: The database or the origin cannot be used.
        MissingExtraError: The database's driver is not installed.
    """

    def __init__(self, url: str | os.PathLike[str], origin: str | None = None) -> None:
        self.origin = None if origin is None else check_origin(origin)
        self._database = Database(url)

    def __repr__(self) -> str:
        return f"Ledger({self._database.place!r}, origin={self.origin!r})"

    # --- Writing ------------------------------------------------------------------------------------

    def append(
        self,
        envelope: bytes,
        subjects: Iterable[Any],
        signer: Signer,
        *,
        trusted: Iterable[Any] = (),
        seen: Checkpoint | None = None,
    ) -> Receipt:
        """Log an attestation and sign the ledger's new state; all of it, or nothing.

        Args:
            envelope: The attestation's bytes.
            subjects: What it is about: DigestSets, or anything with one as ``digest``.
            signer: The key that signs checkpoints.
            trusted: Public keys of others who sign for this ledger; the signer's own is trusted.
            seen: A checkpoint of this ledger that the caller has verified before; the ledger must
                continue it, which a database that was put back to an earlier copy does not.

        Returns:
            Where it stands. What is logged already is not logged again.

        Raises:
            LedgerError: The database does not answer, or is not what was signed last; see
                `lockgate.ledger.errors`.
        """
        return self.append_many([(envelope, subjects)], signer, trusted=trusted, seen=seen)[0]

    def append_many(
        self,
        attestations: Iterable[tuple[bytes, Iterable[Any]]],
        signer: Signer,
        *,
        trusted: Iterable[Any] = (),
        seen: Checkpoint | None = None,
    ) -> list[Receipt]:
        """Log several attestations under one signature, in their order; see `append`."""
        from lockgate.ledger import writing

        new = list(attestations)
        with self._database.writing() as connection:
            return writing.append(
                connection,
                new,
                signer,
                origin=self.origin,
                default=ORIGIN,
                trusted=trusted,
                seen=seen,
            )

    def cover(self, signer: Signer, *, trusted: Iterable[Any] = ()) -> Checkpoint | None:
        """Sign a checkpoint over entries that none covers, after the covered ones were verified.

        It vouches that they were there now, not that nothing was taken away before: look at them first.

        Returns:
            The checkpoint that covers every entry; None for an empty ledger.

        Raises:
            LedgerError: What was signed before is not what is there.
        """
        from lockgate.ledger import repair

        with self._database.writing() as connection:
            return repair.cover(connection, signer, origin=self.origin, default=ORIGIN, trusted=trusted)

    # --- Reading ------------------------------------------------------------------------------------

    def checkpoint(self, keys: Iterable[Any]) -> Checkpoint | None:
        """Return the newest signed state; None when nothing was ever logged.

        Args:
            keys: Public keys of who may sign for this ledger.

        Raises:
            UnsignedCheckpointError: Entries are there that no signed checkpoint covers.
            WrongSignerError: None of the keys signed it.
            TruncatedError: Entries that it covers are gone.
            ForeignLedgerError: It is of another ledger.
            LedgerError: The database does not answer; the checkpoint is none.
        """
        from lockgate.ledger import reading

        with self._database.reading() as connection:
            return reading.current(connection, self.origin, keys)

    def entries_of(self, digest: Mapping[str, str], checkpoint: Checkpoint) -> Entries:
        """Return every entry about a subject, proved to be all of them.

        Args:
            digest: Its DigestSet; an entry counts when it has any of these digests.
            checkpoint: A verified state of the ledger; later entries are not in the answer.

        Raises:
            EntryMissingError: An entry that the signed index counts is not there.
            EntryAlteredError: One is not what was logged.
            IndexAlteredError: The index is not the signed one, or shows other entries.
            TreeAlteredError: The tree's hashes do not lead to the signed root.
            LedgerError: The database does not answer.
        """
        from lockgate.ledger import reading

        with self._database.reading() as connection:
            return reading.entries_of(connection, digest, checkpoint)

    def consistent(self, old: Checkpoint, new: Checkpoint) -> None:
        """Check that a newer state continues an older one.

        Args:
            old: A checkpoint that was verified earlier.
            new: One that was verified now.

        Raises:
            TruncatedError: The newer one has fewer entries.
            ForkedError: It was signed over other first entries.
            TreeAlteredError: The hashes that would prove it are not there, or not the signed ones.
            ForeignLedgerError: They are of two ledgers.
        """
        from lockgate.ledger import reading

        with self._database.reading() as connection:
            reading.consistent(connection, old, new)

    def entry_of(self, envelope: bytes, checkpoint: Checkpoint) -> Entry:
        """Return the first entry of an attestation, with its proof of inclusion.

        Raises:
            EntryMissingError: It was not logged, or the database hides it.
            LedgerError: The entry is not what was logged; the database does not answer.
        """
        from lockgate.ledger import reading, rows

        wanted = hashlib.sha256(envelope)
        with self._database.reading() as connection:
            places = rows.logged_at(connection, [wanted.digest()]).get(wanted.digest(), [])
            inside = [index for index in places if 0 <= index < checkpoint.size]
            for entry in reading.entries_at(connection, inside, checkpoint):
                if entry.envelope == wanted.hexdigest():
                    return entry
        raise EntryMissingError(
            "the attestation is not in the ledger; run its stage again with the ledger set"
        )

    def entries_at(self, indices: Iterable[int], checkpoint: Checkpoint) -> list[Entry]:
        """Return entries by their place in the ledger, each with its proof of inclusion.

        Raises:
            LedgerError: One is missing, or is not what was logged; the database does not answer.
        """
        from lockgate.ledger import reading

        with self._database.reading() as connection:
            return reading.entries_at(connection, list(indices), checkpoint)

    def leaves(self, checkpoint: Checkpoint) -> Iterator[bytes]:
        """Give the bytes of each entry that a checkpoint covers, in order, not proved to it."""
        from lockgate.ledger import rows

        with self._database.reading() as connection:
            for position, payload in rows.every_payload(connection):
                if position < checkpoint.size:
                    yield payload

    def verify(self, keys: Iterable[Any]) -> Audit:
        """Audit everything: entries, tree, index, and every checkpoint ever signed.

        Raises:
            LedgerError: The first thing that is wrong; see `lockgate.ledger.errors`.
        """
        from lockgate.ledger import audit

        with self._database.reading() as connection:
            return audit.audit(connection, self.origin, keys)
