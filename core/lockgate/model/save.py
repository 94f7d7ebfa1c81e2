"""Write a model so that the same model always gives the same file."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.model.formats.skops import quiet_skops

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip archive can name
_PASSING = re.compile(r'"__id__": \d+|"file": "[^"]*"')


def save(estimator: Any, path: Path) -> None:
    """Write a scikit-learn estimator in the skops format, under a temporary name until it is complete.

    skops numbers objects by their address in memory and stamps members with the time. Here they are
    numbered in the order of the file and the clock is left out, so that equal models have equal
    digests on every run.

    Raises:
        InputError: The estimator holds something that skops cannot write.
    """
    with quiet_skops() as skops:
        try:
            raw = skops.dumps(estimator)
        except Exception as error:  # noqa: BLE001 - skops raises several kinds
            raise InputError(
                f"the model cannot be saved with skops ({type(error).__name__}); "
                "build it from scikit-learn's estimators"
            ) from None
    data = _normal(raw)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _normal(raw: bytes) -> bytes:
    source = zipfile.ZipFile(io.BytesIO(raw))
    members: dict[str, str] = {}
    schema = _renumbered(json.loads(source.read("schema.json")), {}, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        _put(target, "schema.json", json.dumps(schema, indent=1).encode())
        for old, new in members.items():
            data = source.read(old)
            _put(target, new, _zero_padded(data) if new.endswith(".npy") else data)
    return buffer.getvalue()


def _put(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.create_system = 3  # Unix, wherever it is written
    member.external_attr = 0o644 << 16
    target.writestr(member, data)


def _renumbered(node: Any, ids: dict[int, int], members: dict[str, str]) -> Any:
    """Number objects and members in the order in which they come; `ids` and `members` are filled."""
    if isinstance(node, list):
        return [_renumbered(item, ids, members) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("__loader__") == "SetNode":  # a set has no order of its own
        node = {**node, "content": sorted(node["content"], key=_without_numbers)}
    if node.get("__loader__") == "JsonNode":
        # Numbers and text: whether two equal ones are the same object depends on the interpreter.
        return {key: value for key, value in node.items() if key != "__id__"}
    made: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__" and isinstance(value, int):
            made[key] = ids.setdefault(value, len(ids) + 1)
        elif key == "file" and isinstance(value, str) and "__loader__" in node:
            made[key] = members.setdefault(value, f"{len(members) + 1}{Path(value).suffix}")
        else:
            made[key] = _renumbered(value, ids, members)
    return made


def _without_numbers(node: Any) -> str:
    return _PASSING.sub("", json.dumps(node, sort_keys=True))


def _zero_padded(data: bytes) -> bytes:
    """Clear the gaps between the fields of a record array: they hold whatever was in memory."""
    import numpy as np

    array = np.load(io.BytesIO(data), allow_pickle=False)
    if not array.dtype.names:
        return data
    clean = np.zeros_like(array)
    clean.view(np.uint8)[...] = 0
    for name in array.dtype.names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()
