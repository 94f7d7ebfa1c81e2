"""The libraries of a model's environment, as a bill of materials names them.

They are read by `lockgate.dependencies`, as an audit reads them: requirement lines, ``uv.lock``,
``pylock.toml``, a folder with one of these, and what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from lockgate.dependencies import Inventory, Package
from lockgate.dependencies.package import is_name
from lockgate.errors import InputError

_MOST = 2_000  # the validator compares each with each
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]{1,200}\Z")
_QUALIFIER = {"url": "download_url", "vcs": "vcs_url"}


@dataclass(frozen=True)
class Library:
    """A library.

    Attributes:
        name: As PEP 503 writes it.
        version: Its version; empty when the file does not pin it.
        digests: Of the archives that the file allows, such as ``sha256:0f…``.
        purl: Its package URL; empty for what lies in a local folder only.
    """

    name: str
    version: str
    digests: tuple[str, ...] = ()
    purl: str = ""


def of(inventory: Inventory) -> list[Library]:
    """Return the libraries of an inventory, each once, by name.

    What has no name of its own (``-e .``, a bare path) is left out; `nameless` tells it.

    Raises:
        InputError: There are more than a bill can name.
    """
    merged: dict[tuple[str, str], list[Package]] = {}
    for package in inventory.packages:
        if is_name(package.name):
            merged.setdefault((package.key, _version(package)), []).append(package)
    if len(merged) > _MOST:
        raise InputError(f"there are more than {_MOST} libraries; give the lock of one environment")
    return [
        Library(name, version, _digests(same), _purl(name, version, same[0]))
        for (name, version), same in sorted(merged.items(), key=lambda pair: pair[0])
    ]


def nameless(inventory: Inventory) -> list[str]:
    """Return the places of what an inventory names by its path or address alone."""
    return [package.address or package.name for package in inventory.packages if not is_name(package.name)]


def _version(package: Package) -> str:
    said = package.version or ""
    return said if _VERSION.match(said) else ""


def _digests(same: Iterable[Package]) -> tuple[str, ...]:
    """Return the digests of all entries of one package; none if one entry has none."""
    each = [package.digests for package in same]
    return tuple(sorted({digest for found in each for digest in found})) if all(each) else ()


def _purl(name: str, version: str, package: Package) -> str:
    """Return the package URL of https://github.com/package-url/purl-spec for the type ``pypi``."""
    if package.source in ("path", "editable"):
        return ""
    key = _QUALIFIER.get(package.source)
    where = f"?{key}={quote(package.address, safe='')}" if key and package.address else ""
    return f"pkg:pypi/{name}{'@' + quote(version, safe='') if version else ''}{where}"
