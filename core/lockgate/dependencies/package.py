"""What is known of one dependency, and of all that one file names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Source = Literal["index", "url", "vcs", "path", "editable"]
"""Where a package comes from: a package index, or something that no index stands for."""

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
LONGEST_NAME = 200
"""Characters; PyPI's longest names are shorter."""


def normal(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def is_name(text: str) -> bool:
    """Whether a text is a name that a package may have (PEP 508)."""
    return len(text) <= LONGEST_NAME and bool(_NAME.match(text))


@dataclass(frozen=True)
class Package:
    """One dependency, as its file states it.

    Attributes:
        name: Its name as written.
        version: The one version that it is pinned to, or None.
        specifier: The versions that are allowed when it is not pinned, such as ``>=2,<3``.
        digests: What its files are held against, such as ``sha256:0f…``, sorted; none when one of its files
            has none. Weak ones (MD5, SHA-1) do not count.
        source: Where it comes from.
        address: The URL or path of what no index stands for, or the index; without credentials.
        fixed: Whether that address names one content: a commit, or a file with a digest.
        licence: What it says of its licence, or None when the file does not know.
        line: Where in the file, from 1; 0 when that is not known.
        member: The file inside a folder that names it, or empty.
    """

    name: str
    version: str | None = None
    specifier: str = ""
    digests: tuple[str, ...] = ()
    source: Source = "index"
    address: str = ""
    fixed: bool = False
    licence: str | None = None
    line: int = 0
    member: str = ""

    @property
    def key(self) -> str:
        """Its normalised name."""
        return normal(self.name)


@dataclass(frozen=True)
class Remark:
    """Something that a file says beside its packages and that weighs on them.

    Attributes:
        kind: ``extra-index``, ``index``, ``find-links``, ``trusted-host``, ``credentials`` or ``pre``.
        text: What it names, without credentials.
        line: Where, from 1; 0 when that is not known.
        member: The file inside a folder.
    """

    kind: str
    text: str
    line: int = 0
    member: str = ""


@dataclass(frozen=True)
class Inventory:
    """Everything that one file, folder or environment names.

    Attributes:
        kind: ``requirements``, ``uv.lock``, ``pylock.toml`` or ``environment``.
        packages: In the order of the file.
        remarks: Options and addresses that weigh on all of them.
        closed: Whether it names what its packages depend on as well, so that nothing else is installed.
        own: How many packages are the project's own and were left out.
        knows_licences: Whether it could know a licence at all: an environment can, locks cannot.
        unreadable: What could not be read: place to reason.
    """

    kind: str
    packages: tuple[Package, ...]
    remarks: tuple[Remark, ...] = ()
    closed: bool = False
    own: int = 0
    knows_licences: bool = False
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The normalised names of all packages."""
        return frozenset(package.key for package in self.packages)
