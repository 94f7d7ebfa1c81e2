"""The output folder of a run: what may be removed from it, what must not be lost, whose it is.

A run removes what a former run left in its folder, and nothing else: nothing that it reads, nothing
inside a folder that it reads, no folder, no link. While it runs, the folder is locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate import artifact
from lockgate.errors import InputError, StageError
from lockgate.result import ATTESTATION, REPORT, RESULT

if TYPE_CHECKING:
    from lockgate.stage import Stage


def clear(out: Path, spec: Stage | None = None) -> None:
    """Remove the result that a former run left, so that nobody takes it for the result of this one.

    Args:
        out: The output folder.
        spec: The stage; what it writes by default is removed as well.
    """
    outputs = spec.outputs if spec else ()
    defaults = [f"{p.name}{p.artifact.suffix}" for p in outputs if p.artifact and not p.optional]
    try:
        for name in (RESULT, ATTESTATION, REPORT, *defaults):
            if (out / name).is_dir():
                raise InputError(
                    f"{out / name} is a folder, where this run writes a file; choose another --out"
                )
            artifact.discard(out / name)
    except OSError as error:
        raise InputError(
            f"the output folder {out} cannot be used: {error.strerror}; choose another"
        ) from None


def spare(out: Path, read: Iterable[str]) -> None:
    """Refuse an output folder in which a result would replace, or add to, something that is read.

    Args:
        out: The output folder.
        read: Paths and URIs that the run reads.

    Raises:
        InputError: One of them is a file of the same name as one of the result, or a folder around it.
    """
    paths = list(read)
    own = {os.path.realpath(out / name) for name in (RESULT, REPORT, ATTESTATION)}
    for uri in paths:
        if is_local(uri) and os.path.realpath(artifact.local_path(uri)) in own:
            raise InputError(
                f"the result in {out} would replace {uri}, which this run reads; choose another --out"
            )
    if (around := holder(out, paths)) is not None:
        raise InputError(f"the output folder {out} lies in the input {around}; choose one outside of it")


def check_target(target: Path, called: str, *, out: Path, read: Iterable[str], taken: Iterable[Path]) -> None:
    """Refuse a path to write to at which anything else would be lost.

    Args:
        target: The path.
        called: What errors call it, for example ``output 'scores'``.
        out: The output folder, whose result has files of its own.
        read: Paths and URIs that the run reads.
        taken: What else the run writes.

    Raises:
        InputError: It is an input or in one, another output, a folder, a link, or cannot be written.
    """
    paths, real = list(read), os.path.realpath(target)
    if real in {os.path.realpath(artifact.local_path(uri)) for uri in paths if is_local(uri)}:
        raise InputError(f"{called} would overwrite the input {target}; give it another path")
    if any(real == os.path.realpath(other) for other in taken):
        raise InputError(f"{called} has the path of another output, {target}; give it one of its own")
    if real in {os.path.realpath(out / name) for name in (RESULT, REPORT, ATTESTATION)}:
        raise InputError(f"{called} has the path of the run's own {target.name}; give it another path")
    if (around := holder(target, paths)) is not None:
        raise InputError(f"{called} would lie in the input {around}; give it a path outside of it")
    check_writable(target.parent, called)
    try:
        if target.is_dir():
            raise InputError(f"{called} is a folder, {target}; give the path of a file")
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise InputError(f"{called} is a link or a device, {target}; give the path of a file")
    except OSError as error:
        raise InputError(f"{called} cannot be {target}: {error.strerror}; give another path") from None


def holder(path: Path, read: Iterable[str]) -> str | None:
    """Return the folder among what is read that a path is or lies in."""
    real = Path(os.path.realpath(path))
    for uri in read:
        if is_local(uri):
            folder = Path(os.path.realpath(artifact.local_path(uri)))
            if (folder == real or folder in real.parents) and folder.is_dir():
                return uri
    return None


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Make the folder, keep other runs out of it, and take it away again if it is left empty."""
    check_writable(out, "the output folder")
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(
            f"the output folder {out} cannot be used: {error.strerror}; choose another"
        ) from None
    try:
        _lock(handle, out)
        try:
            yield
        finally:
            for folder in made:
                with contextlib.suppress(OSError):  # it holds something, or is gone
                    folder.rmdir()
    finally:
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    """Lock the folder itself: the lock leaves no file, and goes with the process however that ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StageError(f"another run is writing into {out}; wait for it, or choose another --out") from None
    except OSError:
        return  # a file system without locks


def check_writable(folder: Path, what: str) -> None:
    """Find out before a long run, not after it, that its result cannot be written."""
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        usable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        reason = "permission denied or read-only" if there.is_dir() else f"{there} is no folder"
    except OSError as error:
        usable, reason = False, str(error.strerror).lower()
    if not usable:
        raise InputError(f"{what} cannot be written to {folder}: {reason}; choose another place")


def on_this_machine(given: str | os.PathLike[str], what: str) -> Path:
    """Return the absolute path that a caller names for writing."""
    text = os.fspath(given)
    if not is_local(text):
        raise InputError(
            f"{what} is {artifact.display(text)}, and is written to this machine only; give a path"
        )
    return artifact.local_path(text).absolute()


def is_local(uri: str) -> bool:
    """Return whether a path or URI names something on this machine.

    Raises:
        InputError: It has a null character in it.
    """
    scheme, there, _ = uri.partition("://")
    if "\0" in uri:
        raise InputError(f"{uri[:80]!r} is no path, for it has a null character in it; correct it")
    return not there or "/" in scheme or scheme.lower() == "file"
