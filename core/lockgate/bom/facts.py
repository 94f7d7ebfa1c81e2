"""What the file of a model says of itself, read without loading it: no code of the file is run.

Read are the class in a skops file, the metadata of an ONNX or safetensors file and the objective of an
XGBoost model in JSON. What cannot be read within limits is left out; whether a file is safe to load is
the business of `scan-model`.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lockgate.errors import InputError

_MAX_JSON = 20_000_000
_MAX_DEPTH = 100
_LONGEST = 500  # characters of a fact
_MAX_FIELDS = 10_000  # of an ONNX file, outermost
_SKOPS = "schema.json"
_UNREADABLE = (
    *(InputError, OSError, ValueError, LookupError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, struct.error),
)


def facts(file: Path) -> dict[str, str]:
    """Return what a file says of itself: its ``format``, when that is known, and more by name."""
    with file.open("rb") as stream:
        head = stream.read(16)
        for looks, read in _READERS:
            if looks(head):
                stream.seek(0)
                try:
                    found = read(stream)
                except _UNREADABLE:
                    continue
                if found:
                    return {name: str(value)[:_LONGEST] for name, value in found.items() if value}
    return {}


def _skops(stream: BinaryIO) -> Mapping[str, Any]:
    with zipfile.ZipFile(stream) as archive:
        entry = archive.getinfo(_SKOPS)
        if entry.file_size > _MAX_JSON:
            return {}
        with archive.open(entry) as member:
            said = _json(member.read(_MAX_JSON + 1))
    return {
        "format": "skops",
        "architecture": f"{said['__module__']}.{said['__class__']}",
        "skops-version": _text(said.get("_skops_version")),
    }


def _safetensors(stream: BinaryIO) -> Mapping[str, Any]:
    (length,) = struct.unpack("<Q", stream.read(8))
    if length > _MAX_JSON:
        return {}
    header = _json(stream.read(length))
    notes = header.get("__metadata__") or {}
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    return {
        "format": "safetensors",
        "tensors": str(len(tensors)),
        "dtypes": ", ".join(sorted({str(entry["dtype"]) for entry in tensors})),
        "framework": _text(notes.get("format")),
    }


def _xgboost(stream: BinaryIO) -> Mapping[str, Any]:
    raw = stream.read(_MAX_JSON + 1)
    said = _json(raw)
    learner = said["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]["name"]
    return {
        "format": "xgboost-json",
        "architecture": f"xgboost {_text(booster)}",
        "objective": _text(objective),
        "xgboost-version": ".".join(str(int(part)) for part in said["version"]),
    }


def _onnx(stream: BinaryIO) -> Mapping[str, Any]:
    """Read the outermost fields of a ModelProto (onnx.proto3); tensors and graph are passed over."""
    names = {2: "producer", 3: "producer-version", 4: "domain"}
    found: dict[str, Any] = {}
    graphs = 0
    for number, value in _fields(stream):
        if number == 1 and isinstance(value, int):
            found["ir-version"] = str(value)
        elif number in names and isinstance(value, bytes):
            found[names[number]] = value.decode("utf-8")
        elif number == 7:  # noqa: PLR2004 - the graph
            graphs += 1
    return {"format": "onnx", **found} if graphs == 1 and "ir-version" in found else {}


def _fields(stream: BinaryIO) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of the outermost fields of a protobuf message; long ones are passed over."""
    size = os.fstat(stream.fileno()).st_size
    for _ in range(_MAX_FIELDS):
        if stream.tell() == size:
            return
        key = _varint(stream)
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, _varint(stream)
        elif kind == 2:  # noqa: PLR2004 - the wire type of bytes
            length = _varint(stream)
            if length > size - stream.tell():
                raise ValueError("a field is longer than the file")
            if length <= _LONGEST:
                yield number, stream.read(length)
            else:
                stream.seek(length, os.SEEK_CUR)
                yield number, b""
        else:
            raise ValueError("not a model in ONNX")
    raise ValueError("too many fields")


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise EOFError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value
    raise ValueError("a number is too long")


def _json(raw: bytes) -> Any:
    from lockgate.documents import load_json

    return load_json(raw, max_bytes=_MAX_JSON, max_depth=_MAX_DEPTH, name="the model").data


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and 2 <= head[1:2][0] <= 5 if len(head) > 1 else False  # noqa: PLR2004


_READERS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO], Mapping[str, Any]]], ...] = (
    (lambda head: head.startswith(b"PK\x03\x04"), _skops),
    (lambda head: head[8:9] == b"{", _safetensors),
    (lambda head: head.lstrip()[:1] == b"{", _xgboost),
    (_is_pickle, lambda _: {"format": "pickle"}),
    (lambda head: head.startswith(b"\x89HDF\r\n\x1a\n"), lambda _: {"format": "hdf5"}),
    (lambda head: head.startswith(b"GGUF"), lambda _: {"format": "gguf"}),
    (lambda head: head[:1] == b"\x08", _onnx),
)
