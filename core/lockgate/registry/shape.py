"""The shape of an artifact: what a registry's store forgets of it, and a digest needs.

An artifact store keeps names and bytes. Whether the artifact was one file or a folder, the permission
bits of its entries and its empty folders are lost, and the sealed digest covers all of these (see
`lockgate.artifact`). So they are written down beside the model:

    {"format": "lockgate.shape/1", "kind": "folder", "entries": {"MLmodel": "0644", "empty/": "0755"}}

with the path of a folder ending in a slash. The shape is a hint for putting an artifact together again.
It is not believed: who changes it gets an artifact of another digest.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from lockgate.errors import ArtifactError

FORMAT = "lockgate.shape/1"
MAX_BYTES = 50_000_000
_MODE = re.compile(r"[0-7]{4}\Z")
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755  # of what has no shape, whatever the umask it was downloaded under


def describe(path: Path) -> bytes:
    """Return the shape of a file or folder, as JSON."""
    inside = sorted(path.rglob("*")) if path.is_dir() else []
    entries = {_name(entry, path): f"{stat.S_IMODE(entry.lstat().st_mode):04o}" for entry in inside}
    shape = {"format": FORMAT, "kind": "folder" if path.is_dir() else "file", "entries": entries}
    return json.dumps(shape, ensure_ascii=False).encode()


def restore(folder: Path, shape: bytes | None) -> Path:
    """Put a downloaded folder into its shape, and return the path of the artifact.

    Args:
        folder: What a store returned; nobody else can write to it.
        shape: Its shape, or None for a folder that nobody described: it gets the modes that files and
            folders usually have.

    Raises:
        ArtifactError: The shape is none, or the folder is not of it.
    """
    kind, modes = _read(shape) if shape is not None else ("folder", {})
    if kind == "file":
        held = list(folder.iterdir())
        if len(held) != 1 or not held[0].is_file():
            raise ArtifactError(
                "the stored model was one file, and now it is not alone; find out who changed what is stored"
            )
        return held[0]
    try:
        for name in modes:
            if name.endswith("/"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        found = [(_name(entry, folder), entry) for entry in sorted(folder.rglob("*"))]
        for name, entry in reversed(found):  # innermost first: a folder may not let its owner in
            entry.chmod(modes.get(name, _FOLDER_MODE if name.endswith("/") else _FILE_MODE))
    except OSError as error:
        raise ArtifactError(
            f"the stored model is not of the shape that it was stored in ({error.strerror}); "
            "find out who changed what is stored"
        ) from None
    return folder


def _read(raw: bytes) -> tuple[str, Mapping[str, int]]:
    from lockgate.documents import load_json
    from lockgate.errors import InputError

    try:
        data = load_json(raw, max_bytes=MAX_BYTES, name="it").data
    except InputError as error:
        raise ArtifactError(f"the shape of the stored model cannot be read: {error}") from None
    said = data if isinstance(data, dict) else {}
    kind, entries = said.get("kind"), said.get("entries")
    if (
        said.get("format") != FORMAT
        or kind not in ("file", "folder")
        or not isinstance(entries, dict)
        or not all(_is_entry(name, mode) for name, mode in entries.items())
    ):
        raise ArtifactError(
            "the shape of the stored model is none that Lockgate wrote; promote the model again"
        )
    return kind, {name: int(mode, 8) for name, mode in entries.items()}


def _name(entry: Path, root: Path) -> str:
    return entry.relative_to(root).as_posix() + "/" * entry.is_dir()


def _is_entry(name: str, mode: object) -> bool:
    parts = name.removesuffix("/").split("/")
    inside = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    return inside and isinstance(mode, str) and _MODE.match(mode) is not None
