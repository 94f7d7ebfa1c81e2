"""Artifacts: where they lie, what they digest to, and the private copy that is looked at.

A stage never reads the path it was given. `take` copies the bytes into a folder that only this
process can enter, and hashes them on the way; what the stage reads is that copy, so a file that is
swapped after it was hashed changes nothing.

Digests are in-toto DigestSets with one entry:

* a file: ``{"sha256": hex}``, SHA-256 of its bytes;
* a folder: ``{"lockgateTree1": hex}``, the *sealed tree digest*. It is the SHA-256 of the line
  ``lockgate-tree-1`` followed by the RFC 8785 canonical JSON of a list with one object for every
  entry below the folder, sorted by the UTF-8 bytes of its path: ``path``, ``type`` (``file`` or
  ``dir``), ``mode`` (permission bits, four octal digits) and, for files, ``size`` and ``sha256``.
  There is no ignore list. Symbolic links, FIFOs, sockets and devices are refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lockgate import remote
from lockgate.address import display, is_remote, local_path
from lockgate.errors import ArtifactError, StageError
from lockgate.private import private_folder, remove
from lockgate.remote import read_remote, write_remote

__all__ = [
    "FILE_DIGEST",
    "TREE_DIGEST",
    "DigestSet",
    "Taken",
    "digest",
    "discard",
    "display",
    "is_remote",
    "local_path",
    "place",
    "private_folder",
    "read_remote",
    "take",
    "write_remote",
    "written_whole",
]

DigestSet = dict[str, str]

FILE_DIGEST = "sha256"
TREE_DIGEST = "lockgateTree1"

_CHUNK = 1 << 20
_DEEPEST = 200  # folders in folders; what is deeper cannot even be removed by ordinary means
_TEMPORARY = ".lockgate-"  # not made of the final name, which may be as long as a name can be


@dataclass(frozen=True)
class Taken:
    """An artifact as it was taken into the private folder.

    Attributes:
        path: The private copy, a file or a folder.
        uri: Where it came from, without credentials or query, fit for a report.
        digest: Its DigestSet.
        size: Bytes in all.
    """

    path: Path
    uri: str
    digest: DigestSet
    size: int


def take(uri: str | os.PathLike[str], into: Path, name: str) -> Taken:
    """Copy the artifact at a path or URI to ``into/name`` and return it with its digest.

    Args:
        uri: A local path, a ``file://`` URI, a URI of a remote store that fsspec reads, or a model in
            MLflow's registry, ``models:/NAME@ALIAS`` or ``models:/NAME/NUMBER``.
        into: A private folder; see `private_folder`.
        name: What to call the copy.

    Raises:
        ArtifactError: It is missing, unreadable, changed while it was read, or has an entry that
            cannot be sealed.
        StageError: There is no room for the copy.
    """
    text = os.fspath(uri)
    copy = into / name
    if is_remote(text):
        remote.download(text, into / f"{name}.download")
        source = into / f"{name}.download"
    else:
        source = local_path(text)
    try:
        digest, size = _walk(source, copy)
    except ArtifactError as error:
        raise ArtifactError(str(error).replace(str(source), display(text))) from None
    return Taken(copy, display(text), digest, size)


def digest(path: Path) -> DigestSet:
    """Return the DigestSet of a local file or folder; see the module's docstring.

    Raises:
        ArtifactError: It is missing, unreadable or cannot be sealed.
    """
    return _walk(path, None)[0]


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, and rename it to ``path`` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def place(staged: Path, target: Path) -> None:
    """Move a staged file or folder to its place, replacing what a former run left there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if staged.is_dir():
        waiting = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=target.parent))
        try:
            shutil.copytree(staged, waiting / "new")
            discard(target)
            (waiting / "new").replace(target)
        finally:
            remove(waiting)
    else:
        with written_whole(target) as temporary:
            shutil.copyfile(staged, temporary)


def discard(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# --- Sealing ----------------------------------------------------------------------------------------


def _walk(source: Path, copy: Path | None) -> tuple[DigestSet, int]:
    try:
        mode = source.stat().st_mode  # the name itself may be a link; what is inside may not
    except FileNotFoundError:
        raise ArtifactError(f"{source} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{source} cannot be read: {_reason(error)}; check the path and rights") from None
    if stat.S_ISREG(mode):
        size, digest_hex = _file(source, copy, follow=True)
        return {FILE_DIGEST: digest_hex}, size
    if not stat.S_ISDIR(mode):
        raise ArtifactError(f"{source} is neither a file nor a folder; give one of these")
    entries: list[dict[str, Any]] = []
    if copy is not None:
        copy.mkdir(mode=0o700)
    _folder(source, source, copy, entries)
    if copy is not None:
        _restore_modes(copy, entries)
    import rfc8785

    entries.sort(key=lambda entry: entry["path"].encode())
    sealed = hashlib.sha256(b"lockgate-tree-1\n" + rfc8785.dumps(entries)).hexdigest()
    return {TREE_DIGEST: sealed}, sum(entry.get("size", 0) for entry in entries)


def _folder(root: Path, folder: Path, copy: Path | None, entries: list[dict[str, Any]]) -> None:
    try:
        with os.scandir(folder) as scan:
            found = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise ArtifactError(f"{folder} cannot be read: {_reason(error)}; check the rights") from None
    for entry in found:
        path = Path(entry.path)
        relative = path.relative_to(root).as_posix()
        _check_name(relative, root)
        if relative.count("/") > _DEEPEST:
            raise ArtifactError(f"the folder {root} is nested more than {_DEEPEST} deep; flatten it")
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {_reason(error)}; check the rights") from None
        target = None if copy is None else copy / entry.name
        record: dict[str, Any] = {"path": relative, "mode": f"{stat.S_IMODE(mode):04o}"}
        if stat.S_ISDIR(mode):
            entries.append(record | {"type": "dir"})
            if target is not None:
                target.mkdir(mode=0o700)
            _folder(root, path, target, entries)
        elif stat.S_ISREG(mode):
            size, digest_hex = _file(path, target)
            entries.append(record | {"type": "file", "size": size, "sha256": digest_hex})
        else:
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
            raise ArtifactError(
                f"{relative} in the folder {root} is {kind}, which cannot be sealed; "
                "replace it by the file it stands for, or remove it"
            )


def _file(source: Path, copy: Path | None, *, follow: bool = False) -> tuple[int, str]:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        stream = open(os.open(source, flags), "rb")  # noqa: PTH123, SIM115 - flags that Path.open lacks
    except OSError as error:
        raise _unreadable(source, error) from None
    with stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise ArtifactError(f"{source} is no regular file; give a file")
        sha256, size = hashlib.sha256(), 0
        with _copied_to(copy, before.st_size) as write:
            for chunk in _chunks(stream, before.st_size, source):
                sha256.update(chunk)
                size += len(chunk)
                write(chunk)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
        raise ArtifactError(f"{source} changed while it was read; run again when its writer is done")
    return size, sha256.hexdigest()


def _chunks(stream: BinaryIO, size: int, source: Path) -> Iterator[bytes]:
    """Yield what a file holds, and at most a byte more than it held: a writer may never come to an end."""
    left = size + 1
    try:
        while left and (chunk := stream.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
    except OSError as error:
        raise _unreadable(source, error) from None


@contextlib.contextmanager
def _copied_to(copy: Path | None, size: int) -> Iterator[Callable[[bytes], object]]:
    """Yield what writes to a new private file; without a path, what writes nothing."""
    if copy is None:
        yield lambda _: None
        return
    free = shutil.disk_usage(copy.parent).free
    room = f"make room in {tempfile.gettempdir()}, or set TMPDIR to a folder with more"
    if size > free:
        raise StageError(f"a private copy of {size:,} bytes has no room, {free:,} bytes are free; {room}")
    try:
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - created private
            yield out.write
    except OSError as error:
        raise StageError(f"a private copy cannot be written: {_reason(error)}; {room}") from None


def _unreadable(source: Path, error: OSError) -> ArtifactError:
    return ArtifactError(f"{source} cannot be read: {_reason(error)}; check the path and rights")


def _restore_modes(copy: Path, entries: list[dict[str, Any]]) -> None:
    """Give the copy the modes of the original, innermost first, so that its digest is the same."""
    for entry in reversed(entries):
        (copy / entry["path"]).chmod(int(entry["mode"], 8))


def _check_name(relative: str, root: Path) -> None:
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise ArtifactError(
            f"a name in the folder {root} is not UTF-8 ({relative.encode(errors='replace')!r}); rename it"
        ) from None


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
