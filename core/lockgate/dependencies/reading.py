"""Tell by its content what a file or folder of dependencies is, and read it."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.dependencies import environment, locks, requirements
from lockgate.dependencies.package import Inventory
from lockgate.documents import read_bytes
from lockgate.documents.values import text_of
from lockgate.errors import InputError

_TABLE = re.compile(
    r"^[ \t]*(?:\[\[?[\w.\" -]+\]\]?[ \t]*$|(?:lock-)?version[ \t]*=[ \t]*[\"'\d])", re.MULTILINE
)


def read(path: Path) -> Inventory:
    """Return what a requirements file, a lock, or a folder names.

    A folder is one with ``*.dist-info`` in it (a site-packages folder), or one with ``uv.lock``,
    ``pylock.toml`` or ``requirements.txt``, whose includes may lie beside it.

    Raises:
        InputError: It is none of these, or cannot be read.
    """
    if not path.is_dir():
        return _file(path, "")
    if environment.folders(path):
        return environment.read(path)
    names = ["uv.lock", "pylock.toml", *sorted(p.name for p in path.glob("pylock.*.toml"))]
    for name in names:
        if (path / name).is_file():
            return _file(path / name, name)
    if (path / "requirements.txt").is_file():
        return requirements.read(path, "requirements.txt")
    raise InputError(
        "the folder holds no installed package, uv.lock, pylock.toml or requirements.txt; give one of these"
    )


def _file(path: Path, member: str) -> Inventory:
    name = member or "the file"
    text = text_of(read_bytes(path, locks.MAX_BYTES), name)
    if "\x00" in text:
        raise InputError(f"{name} is no text; give a requirements file, uv.lock or pylock.toml")
    if member or _TABLE.search(text):
        document = locks.parse_toml(text, name)
        kind = locks.kind_of(document)
        if kind is None:
            raise InputError(f"{name} is TOML but neither uv.lock nor pylock.toml; give one of these")
        return locks.read(document, kind, member)
    return requirements.read(path)
