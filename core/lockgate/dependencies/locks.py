"""Read lock files: `uv.lock`, and `pylock.toml` (PEP 751)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from lockgate.dependencies import address
from lockgate.dependencies.digests import holding, of_table, of_text
from lockgate.dependencies.package import Inventory, Package, Remark, is_name
from lockgate.errors import InputError

MAX_BYTES = 50_000_000
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_UV_VERSION = 1
_PYLOCK_VERSION = "1"  # PEP 751: a reader may go on with another minor version


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return a TOML document; what is none is refused with its line.

    Raises:
        InputError: It is no TOML 1.0, or nests too deep.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is no TOML: {error}; write it again with its tool") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deep; write it again with its tool") from None


def kind_of(document: Mapping[str, Any]) -> str | None:
    """Return which lock a TOML document is, or None."""
    if "lock-version" in document:
        return "pylock.toml"
    if "version" in document and ("package" in document or "requires-python" in document):
        return "uv.lock"
    return None


def read(document: Mapping[str, Any], kind: str, member: str = "") -> Inventory:
    """Return what a lock names; one that its format's version does not cover is refused.

    Raises:
        InputError: It is of a version that is not known here, or a package has no name.
    """
    return _uv(document, member) if kind == "uv.lock" else _pylock(document, member)


def _uv(document: Mapping[str, Any], member: str) -> Inventory:
    if document.get("version") != _UV_VERSION:
        raise InputError(f"uv.lock is of format {document.get('version')!r}; format {_UV_VERSION} is read")
    packages, remarks, unreadable, own = [], list[Remark](), dict[str, str](), 0
    indexes: dict[str, None] = {}
    for number, name, entry in _entries(document.get("package", []), "uv.lock"):
        source = _table(entry.get("source"))
        where = next(((k, str(v)) for k, v in source.items() if k in _UV_SOURCES), None)
        if where is None:
            unreadable[f"package {number}, {name}"] = "its source is of no kind that is known"
            continue
        kind, text = where
        if kind in ("virtual", "editable", "directory") and text in (".", ""):
            own += 1
            continue
        files = [_table(entry.get("sdist")), *map(_table, _list(entry.get("wheels")))]
        digests = holding(of_text(file.get("hash")) for file in files if file)
        shown = _shown(text, remarks, member)
        if kind == "registry":
            indexes.setdefault(shown)
        packages.append(Package(
            name, _version(entry), digests=digests, member=member,
            source=_UV_SOURCES[kind], address=shown.partition("#")[0],
            fixed=bool(digests) or re.search(r"#[0-9a-f]{40}\Z", text) is not None,
        ))  # fmt: skip
    remarks += [Remark("index", index, member=member) for index in indexes]
    return Inventory("uv.lock", tuple(packages), tuple(remarks), True, own, unreadable=unreadable)


_UV_SOURCES: Mapping[str, Any] = {
    "registry": "index", "git": "vcs", "url": "url", "path": "path", "directory": "path",
    "editable": "editable", "virtual": "path",
}  # fmt: skip


def _pylock(document: Mapping[str, Any], member: str) -> Inventory:
    version = str(document.get("lock-version"))
    if version.partition(".")[0] != _PYLOCK_VERSION:
        raise InputError(f"pylock.toml is of version {version[:20]!r}; version {_PYLOCK_VERSION} is read")
    packages, remarks = [], list[Remark]()
    indexes: dict[str, None] = {}
    for _, name, entry in _entries(document.get("packages", []), "pylock.toml"):
        files = [
            _table(entry.get("sdist")),
            *map(_table, _list(entry.get("wheels"))),
            _table(entry.get("archive")),
        ]
        digests = holding(of_table(_table(file.get("hashes"))) for file in files if file)
        vcs, folder, archive = (_table(entry.get(key)) for key in ("vcs", "directory", "archive"))
        place = str(
            vcs.get("url")
            or vcs.get("path")
            or folder.get("path")
            or archive.get("url")
            or archive.get("path")
            or entry.get("index")
            or ""
        )
        source: Any = (
            "vcs" if vcs
            else "editable" if folder.get("editable") is True
            else "path" if folder
            else "url" if archive
            else "index"
        )  # fmt: skip
        shown = _shown(place, remarks, member)
        if source == "index" and shown:
            indexes.setdefault(shown)
        packages.append(Package(
            name, _version(entry), digests=digests, source=source,
            address=shown, fixed=bool(digests) or _COMMIT.match(str(vcs.get("commit-id"))) is not None,
            member=member,
        ))  # fmt: skip
    remarks += [Remark("index", index, member=member) for index in indexes]
    return Inventory("pylock.toml", tuple(packages), tuple(remarks), True)


def _entries(value: Any, what: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    if not isinstance(value, list):
        raise InputError(f"{what} has packages that are no list of tables; write it again with its tool")
    for number, entry in enumerate(value, 1):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not is_name(name):
            raise InputError(f"{what}, package {number} has no name; write it again with its tool")
        yield number, name, entry


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _version(entry: Mapping[str, Any]) -> str | None:
    value = entry.get("version")
    return value if isinstance(value, str) and value else None


def _shown(text: str, remarks: list[Remark], member: str) -> str:
    if "://" not in text:
        return PurePosixPath(text).as_posix() if text else ""
    where = address.parse(text)
    if where.credentials:
        remarks.append(Remark("credentials", where.shown, member=member))
    if where.plain:
        remarks.append(Remark("plain", where.shown, member=member))
    return where.shown
