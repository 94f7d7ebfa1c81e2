"""The libraries of an environment, from a lock file or from what is installed in this interpreter.

Read are requirement lines (``numpy==2.1.0 --hash=sha256:...``), ``pylock.toml`` (PEP 751) and ``uv.lock``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.dependencies.package import normal
from lockgate.documents import read_bytes
from lockgate.errors import InputError

_MAX_BYTES = 20_000_000
_MOST = 2_000  # the validator compares each with each
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_LINE = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?\s*(.*)\Z", re.DOTALL)
_PINNED = re.compile(r"===?\s*([A-Za-z0-9.+!_-]+)\s*(?:;.*)?\Z", re.DOTALL)
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]{1,200}\Z")
_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})(?=\s|\Z)")
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")


@dataclass(frozen=True)
class Library:
    """A library.

    Attributes:
        name: As PEP 503 writes it.
        version: Its version; empty when the file does not pin it.
        sha256: Digests of the archives that the file allows.
    """

    name: str
    version: str
    sha256: tuple[str, ...] = ()


def read(path: Path) -> list[Library]:
    """Return the libraries of a lock file, each once, by name.

    Raises:
        InputError: It is none that can be read, or refers to other files.
    """
    text = _text(path)
    if re.match(r"(?:\s|#[^\n]*\n)*(?:lock-version|version|created-by|\[)[^\n]*", text):
        return _once(_toml(text, path))
    return _once(_requirements(text, path))


def installed() -> list[Library]:
    """Return what this interpreter finds, each once, by name."""
    from importlib import metadata

    found = metadata.distributions()
    return _once(
        Library(normal(each.metadata["Name"]), each.version or "") for each in found if each.metadata["Name"]
    )


def _requirements(text: str, path: Path) -> list[Library]:
    found = []
    joined = re.sub(r"\\\r?\n", " ", text)
    for number, line in enumerate(joined.splitlines(), 1):
        said = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if not said or re.match(r"--(?!requirement|constraint|editable)", said) or said.startswith("-i "):
            continue
        if said.startswith("-"):
            raise InputError(
                f"{path}, entry {number}, refers to another file ({said[:40]!r}); give a whole lock"
            )
        match = _LINE.match(_HASH.sub("", said).strip())
        if match is None:
            raise InputError(f"{path}, entry {number}, is no requirement ({said[:40]!r}); give a lock file")
        pinned = _PINNED.match(match.group(2))
        hashes = tuple(sorted(set(_HASH.findall(said))))
        found.append(Library(normal(match.group(1)), pinned.group(1) if pinned else "", hashes))
    return found


def _toml(text: str, path: Path) -> list[Library]:
    try:
        import tomllib
    except ImportError:  # Python 3.10
        raise InputError(f"{path} is TOML, which Python reads since 3.11; give requirement lines") from None
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no TOML ({str(error)[:100]}); give a lock file") from None
    entries = data.get("packages", data.get("package"))
    if not isinstance(entries, list):
        raise InputError(f"{path} lists no packages; give pylock.toml or uv.lock")
    return [_of_toml(entry, path) for entry in entries if not _is_local(entry)]


def _of_toml(entry: Any, path: Path) -> Library:
    name, version = (entry.get(key) if isinstance(entry, dict) else None for key in ("name", "version"))
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise InputError(f"{path} has a package without a name; give a whole lock file")
    fit = isinstance(version, str) and _VERSION.match(version)
    archives = [*_dicts(entry.get("wheels")), *_dicts([entry.get("sdist"), entry.get("archive")])]
    said = [a.get("hash") or (a.get("hashes") or {}).get("sha256") for a in archives]
    hashes = {m.group(1) for h in said if isinstance(h, str) and (m := _HEX.match(h))}
    return Library(normal(name), str(version) if fit else "", tuple(sorted(hashes)))


def _is_local(entry: Any) -> bool:
    """Return whether a package of uv.lock is the project itself."""
    source = entry.get("source") if isinstance(entry, dict) else None
    return isinstance(source, Mapping) and bool({"editable", "virtual", "directory"} & set(source))


def _dicts(value: Any) -> list[dict[str, Any]]:
    found = [each for each in value or [] if isinstance(each, dict)] if isinstance(value, list) else []
    return [each for each in found if isinstance(each.get("hashes", {}), dict)]


def _once(found: Iterable[Library]) -> list[Library]:
    merged: dict[tuple[str, str], set[str]] = {}
    for each in found:
        merged.setdefault((each.name, each.version), set()).update(each.sha256)
    if len(merged) > _MOST:
        raise InputError(f"there are more than {_MOST} libraries; give the lock of one environment")
    return [Library(*key, tuple(sorted(merged[key]))) for key in sorted(merged)]


def _text(path: Path) -> str:
    try:
        return read_bytes(path, _MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; give a lock file") from None
