"""The bytes of a policy, read once, from a path or a URL."""

from __future__ import annotations

import os

from lockgate import artifact
from lockgate.documents import MAX_BYTES, read_bytes
from lockgate.errors import InputError, PolicyError


def read(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes at a path or URL, so that what is digested is what is read.

    Raises:
        PolicyError: They cannot be read, or there are too many.
    """
    raw = read_if_there(path)
    if raw is None:
        raise PolicyError(f"there is no file {shown(path)}; check the path")
    return raw


def read_if_there(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> bytes | None:
    """Return the bytes at a path or URL, or None when nothing is there.

    Raises:
        PolicyError: They cannot be read, or there are too many.
    """
    text = os.fspath(path)
    try:
        if artifact.is_remote(text):
            return artifact.read_remote(text, max_bytes)
        local = artifact.local_path(text)
        return read_bytes(local, max_bytes) if os.path.lexists(local) else None
    except InputError as error:
        raise PolicyError(str(error)) from None


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path or URL as a sentence may show it, without user, password and query."""
    return artifact.display(os.fspath(path))


def beside(path: str | os.PathLike[str], ending: str) -> str:
    """Return the path or URL of the file beside a policy whose name is the policy's with an ending."""
    text = os.fspath(path)
    if not artifact.is_remote(text):
        return str(artifact.local_path(text)) + ending
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(text)
    return urlunsplit(parts._replace(path=parts.path + ending))
