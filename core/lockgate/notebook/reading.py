"""Read a notebook file: JSON by the strict reader, nbformat 4 by its published schema.

Source: the notebook format, https://nbformat.readthedocs.io/en/latest/format_description.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockgate.documents import load_json
from lockgate.errors import InputError

MAX_BYTES = 100_000_000
"""Of one notebook; pictures in outputs make them large."""
_MAX_DEPTH = 60  # JSON in outputs of plotting libraries nests deep
_FORMAT = 4
_CELLS = ("code", "markdown", "raw")
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


@dataclass(frozen=True)
class Output:
    """One output of a cell.

    Attributes:
        kind: ``stream``, ``display_data``, ``execute_result`` or ``error``.
        data: Text by MIME type; a stream and a traceback are ``text/plain``.
    """

    kind: str
    data: Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        number: From 1, in the order of the file.
        kind: ``code``, ``markdown`` or ``raw``.
        source: Its text.
        outputs: What it showed when it last ran.
    """

    number: int
    kind: str
    source: str
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """A notebook.

    Attributes:
        cells: In order.
        language: Of its kernel, lower case; ``python`` when it does not say.
        other: Text elsewhere that a person wrote: metadata and attachments, by where it is.
    """

    cells: tuple[Cell, ...]
    language: str = "python"
    other: Mapping[str, str] | None = None


def read(raw: bytes, name: str = "the notebook") -> Notebook:
    """Return a notebook.

    Raises:
        InputError: It is not strict JSON, or not of the shape of nbformat 4.
    """
    data = load_json(raw, max_bytes=MAX_BYTES, max_depth=_MAX_DEPTH, name=name).data
    if not isinstance(data, dict) or not isinstance(data.get("cells"), list):
        older = isinstance(data, dict) and "worksheets" in data
        what = (
            "is of an old format; save it again with a current Jupyter" if older else "has no list of cells"
        )
        raise InputError(f"{name} {what}")
    if data.get("nbformat") != _FORMAT or isinstance(data.get("nbformat"), bool):
        raise InputError(f"{name} is of nbformat {str(data.get('nbformat'))[:20]}; format {_FORMAT} is read")
    metadata = _mapping(data.get("metadata", {}), name, "metadata")
    cells = [_cell(number, cell, name) for number, cell in enumerate(data["cells"], 1)]
    other = {"metadata": "\n".join(_texts(metadata))}
    for number, cell in enumerate(data["cells"], 1):
        said = _texts({k: v for k, v in cell.items() if k not in ("source", "outputs", "attachments", "id")})
        other[f"metadata of cell {number}"] = "\n".join(said)
    return Notebook(tuple(cells), _language(metadata), {k: v for k, v in other.items() if v})


def _cell(number: int, cell: Any, name: str) -> Cell:
    where = f"{name}, cell {number}"
    cell = _mapping(cell, name, f"cell {number}")
    kind = cell.get("cell_type")
    if kind not in _CELLS:
        raise InputError(f"{where} is of the type {str(kind)[:40]!r}, which nbformat 4 does not have")
    source = _text(cell.get("source"), f"{where}, source")
    outputs = cell.get("outputs", [])
    if not isinstance(outputs, list) or (outputs and kind != "code"):
        raise InputError(f"{where} has outputs that are no list, or that such a cell cannot have")
    return Cell(
        number,
        kind,
        source,
        tuple(_output(each, f"{where}, output {i}") for i, each in enumerate(outputs, 1)),
    )


def _output(output: Any, where: str) -> Output:
    output = _mapping(output, where, "it")
    kind = output.get("output_type")
    if kind not in _OUTPUTS:
        raise InputError(f"{where} is of the type {str(kind)[:40]!r}, which nbformat 4 does not have")
    if kind == "stream":
        return Output(kind, {"text/plain": _text(output.get("text"), where)})
    if kind == "error":
        lines = [output.get("ename"), output.get("evalue"), *(output.get("traceback") or [])]
        if not all(isinstance(line, str) for line in lines):
            raise InputError(f"{where} is an error whose traceback is no list of texts")
        return Output(kind, {"text/plain": "\n".join(lines)})
    data = _mapping(output.get("data", {}), where, "data")
    return Output(kind, {mime.lower(): _bundle(mime, value, where) for mime, value in data.items()})


def _bundle(mime: str, value: Any, where: str) -> str:
    if mime.partition(";")[0].strip().lower().endswith("json"):
        return value if isinstance(value, str) else "\n".join(_texts(value))
    return _text(value, f"{where}, {mime[:60]}")


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    raise InputError(f"{where} is neither text nor a list of lines")


def _mapping(value: Any, name: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{name}: {what} is no object")
    return value


def _texts(value: Any) -> list[str]:
    """Return every text in a JSON value, each with the key that it stands under."""
    found: list[str] = []
    waiting = [("", value)]
    while waiting:
        key, here = waiting.pop()
        if isinstance(here, str):
            found.append(f'{key} = "{here}"' if key else here)
        elif isinstance(here, dict):
            waiting += [(str(k), v) for k, v in reversed(here.items())]
        elif isinstance(here, list):
            waiting += [(key, v) for v in reversed(here)]
    return found


def _language(metadata: Mapping[str, Any]) -> str:
    for part, key in (("language_info", "name"), ("kernelspec", "language")):
        about = metadata.get(part)
        if isinstance(about, dict) and isinstance(about.get(key), str):
            return str(about[key]).lower()
    return "python"
