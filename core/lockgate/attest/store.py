"""The evidence store: attestations by the digest of what they are about, in a folder or at an fsspec URL.

    store = EvidenceStore("s3://team/evidence")
    store.put(envelope, statement.subjects)
    for stored in store.of({"sha256": "..."}): ...

An attestation lies once for every subject, at ``ALGORITHM/DIGEST/NAME.json``, where NAME is the SHA-256
of its own bytes: putting it twice changes nothing, two can never overwrite each other, and one that was
altered no longer fits its name. Nothing in a store is to be believed before its signature is checked,
and nothing that is missing from it is known not to exist: for that there is the ledger.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lockgate import artifact
from lockgate.attest.envelope import MAX_BYTES
from lockgate.attest.fields import DIGESTS
from lockgate.errors import InputError, StageError
from lockgate.settings import hide, secrets_in

if TYPE_CHECKING:
    from lockgate.attest.statement import Subject

MAX_OF_ONE = 10_000
"""Most attestations of one subject that are read; a subject with more needs a store of its own."""
MOST_BYTES = 512_000_000
"""Most bytes of all attestations of one subject that are read."""
MOST_OTHERS = 100
"""Most attestations that are read beside those that a reader knows the names of."""
_NAME = re.compile(r"([0-9a-f]{64})\.json\Z")
_LOCAL = frozenset(["file", "local"])
_OBJECT_STORES = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "r2"])
_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Stored:
    """What lies in a store under a subject's digest.

    Attributes:
        name: SHA-256 (hex) that it is stored under.
        raw: Its bytes.
    """

    name: str
    raw: bytes

    @property
    def intact(self) -> bool:
        """Whether the bytes are those that the name was made of."""
        return hashlib.sha256(self.raw).hexdigest() == self.name


def name_of(envelope: bytes) -> str:
    """Return the name of an attestation: the SHA-256 (hex) of its bytes."""
    return hashlib.sha256(envelope).hexdigest()


class EvidenceStore:
    """Attestations by subject digest.

    Args:
        url: A folder, or an fsspec URL; it is made when something is put into it.

    Raises:
        InputError: It is no address that can be read here.
    """

    def __init__(self, url: str) -> None:
        self._shown = artifact.display(url)
        self._system, self._root = _open(url, self._shown)

    def __str__(self) -> str:
        return self._shown

    def put(self, envelope: bytes, subjects: Iterable[Subject]) -> str:
        """Keep an attestation under each of its subjects, and return its name.

        Raises:
            StageError: The store cannot be written to.
        """
        name = name_of(envelope)
        try:
            for subject in subjects:
                for algorithm in DIGESTS:
                    if algorithm in subject.digest:
                        self._write(
                            self._folder(algorithm, subject.digest[algorithm]), f"{name}.json", envelope
                        )
        except Exception as error:  # noqa: BLE001 - every kind of store has errors of its own
            raise StageError(
                f"the evidence store {self._shown} cannot be written ({type(error).__name__}); "
                "check the address and the rights"
            ) from None
        return name

    def of(self, digest: Mapping[str, str], known: Collection[str] | None = None) -> list[Stored]:
        """Return what lies under a digest, in no particular order; each once.

        Files that have no name of an attestation, and links, are passed over; one that is larger than
        an attestation may be comes back cut off, and so is not `Stored.intact`.

        Args:
            digest: The subject's DigestSet.
            known: SHA-256 (hex) of those that matter, as a ledger names them. They are read whatever lies
                beside them, and of the others at most `MOST_OTHERS`: whoever can only add to the store
                cannot keep anybody from reading it. None reads all.

        Raises:
            InputError: The store cannot be read, or what is to be read is more than `MAX_OF_ONE`
                attestations or `MOST_BYTES`.
        """
        found: dict[str, Stored] = {}
        for algorithm in DIGESTS:
            if algorithm in digest and _HEX.match(digest[algorithm]):
                for stored in self._read(self._folder(algorithm, digest[algorithm]), known):
                    found.setdefault(stored.name, stored)
        return list(found.values())

    def _folder(self, algorithm: str, hexadecimal: str) -> str:
        return f"{self._root}/{algorithm}/{hexadecimal}"

    def _write(self, folder: str, name: str, envelope: bytes) -> None:
        path = f"{folder}/{name}"
        if self._system.exists(path) and self._system.cat_file(path) == envelope:
            return
        if not _speaks(self._system, _OBJECT_STORES):  # these have no folders, and would make a bucket
            self._system.makedirs(folder, exist_ok=True)
        if _speaks(self._system, _LOCAL):
            from pathlib import Path

            with artifact.written_whole(Path(path)) as temporary:
                temporary.write_bytes(envelope)
        else:
            self._system.pipe_file(path, envelope)

    def _read(self, folder: str, known: Collection[str] | None) -> list[Stored]:
        try:
            self._system.invalidate_cache()  # of a listing that others have added to since
            entries = self._system.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # noqa: BLE001 - every kind of store has errors of its own
            raise self._unreadable(error) from None
        named = [
            _File(match.group(1), entry["name"], entry["size"])
            for entry in entries
            if entry["type"] == "file"
            and not entry.get("islink")
            and (match := _NAME.search(entry["name"].rpartition("/")[2]))
        ]
        if known is not None:
            others = (each for each in _smallest_first(named) if each.name not in known)
            named = [each for each in named if each.name in known] + _few(others)
        if len(named) > MAX_OF_ONE or sum(each.bytes for each in named) > MOST_BYTES:
            raise InputError(
                f"the evidence store {self._shown} holds more than {MAX_OF_ONE} attestations of one subject, "
                f"or more than {MOST_BYTES} bytes of them; move old ones away"
            )
        try:
            return [Stored(name, self._content(path, size)) for name, path, size in named]
        except Exception as error:  # noqa: BLE001 - every kind of store has errors of its own
            raise self._unreadable(error) from None

    def _content(self, path: str, size: int | None) -> bytes:
        """Return the bytes of a file, or their beginning: some stores refuse a range past the end."""
        if _speaks(self._system, _LOCAL):
            return _local(path)
        ends = {} if size is not None and size <= MAX_BYTES else {"start": 0, "end": MAX_BYTES + 1}
        return bytes(self._system.cat_file(path, **ends))

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(
            f"the evidence store {self._shown} cannot be read ({type(error).__name__}); "
            "check the address and the rights"
        )


class _File(NamedTuple):
    """A file in a store that has the name of an attestation."""

    name: str
    path: str
    size: int | None

    @property
    def bytes(self) -> int:
        """How much of it is read."""
        return MAX_BYTES if self.size is None else min(self.size, MAX_BYTES + 1)


def _local(path: str) -> bytes:
    """Read a file of this machine, and wait for none: it may be a FIFO or a link since it was listed."""
    import os
    import stat

    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is no regular file")
        return file.read(MAX_BYTES + 1)


def _smallest_first(files: Iterable[_File]) -> list[_File]:
    return sorted(files, key=lambda each: (each.bytes, each.name))


def _few(files: Iterable[_File]) -> list[_File]:
    """Return the first files, as far as they are no more than one attestation may have in bytes."""
    found: list[_File] = []
    left = MAX_BYTES
    for each in files:
        left -= each.bytes
        if left < 0 or len(found) == MOST_OTHERS:
            break
        found.append(each)
    return found


def _open(url: str, shown: str) -> tuple[Any, str]:
    import fsspec

    if not url or "::" in url:
        raise InputError("the evidence store has no address that is read; give a folder or an fsspec URL")
    try:
        system, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        said = hide(str(error), secrets_in(url))
        raise InputError(f"the evidence store {shown} cannot be reached from here: {said}") from None
    except Exception as error:  # noqa: BLE001 - every kind of store has errors of its own
        raise InputError(
            f"the evidence store {shown} cannot be reached ({type(error).__name__}); "
            "check the address and the rights"
        ) from None
    return system, str(root).rstrip("/")


def _speaks(system: Any, protocols: frozenset[str]) -> bool:
    protocol = system.protocol
    return not protocols.isdisjoint((protocol,) if isinstance(protocol, str) else protocol)
