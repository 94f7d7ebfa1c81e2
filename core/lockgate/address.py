"""Addresses: what a path or URI names, and how a report may show it."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.errors import ArtifactError

REGISTERED = "models:/"
"""How the address of a model in MLflow's registry begins."""
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


def is_remote(uri: str) -> bool:
    """Whether a path or URI names something in a remote store."""
    scheme = _SCHEME.match(uri)
    return uri.startswith(REGISTERED) or (scheme is not None and scheme.group(1).lower() != "file")


def local_path(uri: str) -> Path:
    """Return the local path that a path or ``file://`` URI names."""
    if not uri.lower().startswith("file://"):
        return Path(uri)
    from urllib.parse import unquote

    host, slash, path = uri[len("file://") :].partition("/")
    if host not in ("", "localhost"):
        raise ArtifactError(f"{display(uri)} names another host; use a path on this machine")
    if "?" in path or "#" in path:
        raise ArtifactError(
            f"{uri} has a bare ? or #, which names no file; write %3F or %23, or give the path"
        )
    return Path(slash + unquote(path, errors="surrogateescape"))


def display(uri: str) -> str:
    """Return a URI as a report may show it: without user, password, query and fragment."""
    if not _SCHEME.match(uri):
        return uri
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(uri)
    except ValueError:
        raise ArtifactError("an address is no URL that can be read; check its brackets and host") from None
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
