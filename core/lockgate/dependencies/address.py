"""Addresses of packages: what they name, whether they are fixed, and what of them may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from lockgate.dependencies.digests import of_table
from lockgate.dependencies.package import Source

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_VCS = ("git", "hg", "svn", "bzr")
_COMMIT = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?\Z")


@dataclass(frozen=True)
class Address:
    """What an address names.

    Attributes:
        source: The kind of place.
        shown: It without credentials, query and fragment.
        fixed: Whether it names one content: a whole commit id, or a digest in its fragment.
        digests: Those in its fragment.
        credentials: Whether it carries a password or token.
        plain: Whether it is fetched without encryption.
        egg: The package's name in its fragment, or empty.
    """

    source: Source
    shown: str
    fixed: bool
    digests: tuple[str, ...]
    credentials: bool
    plain: bool
    egg: str


def parse(text: str, *, editable: bool = False) -> Address:
    """Return what an address or path of a requirement names; nothing is fetched.

    Args:
        text: The address or path.
        editable: Whether a path is installed as it lies there; what is fetched is no path.
    """
    match = _SCHEME.match(text)
    scheme = match.group(1).lower() if match else ""
    if not scheme or scheme == "file":
        shown = re.sub(r"[#?].*", "", text)
        return Address("editable" if editable else "path", shown, False, (), False, False, _egg(text))
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    except ValueError:
        return Address("url", f"{scheme}:⟨unreadable⟩", False, (), False, True, "")
    vcs, _, transport = scheme.partition("+")
    path, _, revision = parts.path.rpartition("@")
    is_vcs = vcs in _VCS and bool(transport or scheme == "git")
    if not (is_vcs and path):
        path, revision = parts.path, ""
    told = {key: values[0] for key, values in parse_qs(parts.fragment).items()} if not is_vcs else {}
    digests = tuple(sorted(of_table(told)))
    shown = f"{parts.scheme}://{host}{path}" + (f"@{revision}" if revision else "")
    ssh = (transport or scheme) in ("ssh", "git+ssh")
    return Address(
        "vcs" if is_vcs else "url",
        shown,
        fixed=bool(digests) or (is_vcs and bool(_COMMIT.match(revision))),
        digests=digests,
        credentials=bool(password) or (bool(user) and not ssh and user not in ("git", "hg")),
        plain=(transport or scheme) in ("http", "git", "ftp", "svn"),
        egg=_egg(text),
    )


def _egg(text: str) -> str:
    found = parse_qs(text.partition("#")[2]).get("egg", [""])[0]
    return re.sub(r"\[.*", "", found)
