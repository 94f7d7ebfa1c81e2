"""ONNX, the recommended format, on onnxruntime: one thread, no operators but its own.

What scikit-learn's converters write (a label and probabilities, with and without a ZipMap) and what torch
writes (scores or probabilities). Labels come from the file's metadata (``classes``, a JSON list), from the
nodes of `ai.onnx.ml`, or from a ``lockgate.json``; else they are numbered.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.adapter import NamedAdapter
from lockgate.model.describe import Description
from lockgate.model.formats.outputs import Outputs

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}
_MOST_CLASSES = 1_000_000


class OnnxAdapter(NamedAdapter):
    """A model in the ONNX format.

    Args:
        file: The file; tensors that lie beside it are read from its folder.
        told: What `lockgate.json` says.
    """

    def __init__(self, file: Path, told: Description) -> None:
        self.kind = "ONNX"
        self._session = _session(file)
        super().__init__(told.classes or _classes_of(self._session, file))
        self._inputs = self._session.get_inputs()
        self._take_shape(told)
        self._take_outputs()
        self._outputs = Outputs(self.kind, None if self._names is None else len(self._names))
        self._probe()

    def _take_shape(self, told: Description) -> None:
        unknown = [i.type for i in self._inputs if i.type not in _TYPES]
        if unknown or not self._inputs:
            raise InputError(
                f"the ONNX model reads {', '.join(unknown) or 'nothing'}; give one that reads tensors"
            )
        if len(self._inputs) > 1:
            if any(len(i.shape) != 2 or i.shape[1] != 1 for i in self._inputs):  # noqa: PLR2004
                raise InputError(
                    "the ONNX model has several inputs that are not one column each; export one input"
                )
            self.reads = "frame"
            self.features = tuple(i.name for i in self._inputs)
            self.shape = (len(self._inputs),)
            return
        sizes = tuple(n if isinstance(n, int) and n > 0 else None for n in self._inputs[0].shape[1:])
        if not sizes:
            raise InputError(
                "the ONNX model reads one value a row; export it with an input of rows by columns"
            )
        if told.shape is not None:
            sizes = told.shape
        self.shape = sizes
        self.features = told.features
        self.precision = _TYPES[self._inputs[0].type]
        if self.precision == "object":
            self.reads = "frame"

    def _take_outputs(self) -> None:
        outputs = self._session.get_outputs()
        maps = [o.name for o in outputs if o.type.startswith("seq(map(")]
        tables = [o.name for o in outputs if o.type in ("tensor(float)", "tensor(double)")]
        labels = [o.name for o in outputs if o.type in ("tensor(int64)", "tensor(string)")]
        self._label = labels[0] if labels and (maps or tables) else None
        self._maps = bool(maps)
        if not maps and not tables:
            raise InputError("the ONNX model gives no scores or probabilities; export it with them")
        self._score = (maps or tables)[0]

    def _probe(self) -> None:
        import numpy as np

        if self.shape is None or any(n is None for n in self.shape):
            if self._names is not None:
                self.found(len(self._names))
            return
        if any(_TYPES[i.type] == "object" for i in self._inputs):
            if self._names is not None:
                self.found(len(self._names))
            return
        row: Any = self.shape
        probe = np.stack([np.full(row, 0.0), np.full(row, 1.0)])
        try:
            raw = self._scores(self._feed(probe))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - onnxruntime's own errors have one base class, Exception
            raise InputError(
                f"the ONNX model fails on any row ({type(error).__name__}); export it again, with rows "
                "as its first dimension"
            ) from None
        self.found(self._outputs.classes(raw))
        if self._label is None:
            self._outputs.probabilities(raw)

    def _feed(self, rows: Any) -> dict[str, Any]:
        import numpy as np

        if len(self._inputs) == 1:
            return {self._inputs[0].name: np.asarray(rows, dtype=_TYPES[self._inputs[0].type])}
        columns = (
            [rows[name].to_numpy() for name in self.features or ()] if hasattr(rows, "iloc") else list(rows.T)
        )
        return {
            i.name: np.asarray(column, dtype=_TYPES[i.type]).reshape(-1, 1)
            for i, column in zip(self._inputs, columns, strict=True)
        }

    def _scores(self, feed: dict[str, Any]) -> Any:
        import numpy as np

        raw = self._session.run([self._score], feed)[0]
        if not self._maps:
            return np.asarray(raw)
        order = list(raw[0]) if raw else []
        if self._names is None:
            self._names = tuple(order)
        if any(list(each) != order for each in raw) or set(order) != set(self._names):
            raise InputError(
                "the ONNX model gives probabilities of other classes than it says; export it again"
            )
        return np.array([[each[name] for name in self._names] for each in raw], dtype=np.float32)

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        raw = self._scores(self._feed(rows))
        if self._count is None:
            self.found(self._outputs.classes(raw))
        if self._label is not None:
            self._outputs.ready = True  # converters of scikit-learn end in probabilities
        return self._outputs.probabilities(raw)


def _session(file: Path) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtraError("onnx", error.name or "onnxruntime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # sums in one order
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(os.fspath(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors have one base class, Exception
        raise InputError(
            f"model {file} cannot be opened by onnxruntime ({type(error).__name__}); "
            "export it again, in a folder with the tensors that lie beside it"
        ) from None


# --- Names of classes -------------------------------------------------------------------------------


def _classes_of(session: Any, file: Path) -> tuple[Any, ...] | None:
    said = session.get_modelmeta().custom_metadata_map.get("classes")
    if said is not None:
        from lockgate.model import describe

        return describe.read(b'{"classes": ' + said.encode() + b"}", "the metadata of the ONNX model").classes
    found = {names for names in _named_in(file) if names}
    return found.pop() if len(found) == 1 else None


def _named_in(file: Path) -> list[tuple[Any, ...]]:
    """Return every list of class names that a node or a constant ``classes`` holds (onnx.proto's fields)."""
    from lockgate.scan.formats.protobuf import LEN, Message
    from lockgate.scan.record import DamagedError
    from lockgate.scan.source import Source

    found = []
    with file.open("rb") as opened:
        model = Message(Source(opened.fileno()))
        try:
            for graph in (model.message(f) for f in model.fields() if f.number == 7 and f.wire == LEN):  # noqa: PLR2004
                for field in graph.fields():
                    if field.number == 1:  # node
                        found += _of_node(graph.message(field))
                    elif field.number == 5:  # noqa: PLR2004 - initializer
                        found += _of_constant(graph.message(field))
        except (DamagedError, struct.error, UnicodeDecodeError):
            return []  # onnxruntime has read it; it then has no names
    return found


def _of_node(node: Any) -> list[tuple[Any, ...]]:
    found = []
    for attribute in (node.message(f) for f in node.fields() if f.number == 5):  # noqa: PLR2004
        fields = list(attribute.fields())
        name = next((attribute.text(f) for f in fields if f.number == 1), "")
        if name in ("classlabels_int64s", "classlabels_ints"):
            found.append(_whole_numbers(attribute, fields, 8))
        elif name in ("classlabels_strings", "classlabels_string"):
            found.append(tuple(attribute.text(f) for f in fields if f.number == 9))  # noqa: PLR2004
    return found


def _of_constant(tensor: Any) -> list[tuple[Any, ...]]:
    fields = list(tensor.fields())
    if next((tensor.text(f) for f in fields if f.number == 8), "") != "classes":  # noqa: PLR2004
        return []
    names = tuple(tensor.text(f) for f in fields if f.number == 6)  # noqa: PLR2004 - string_data
    if names:
        return [names]
    raw = b""
    for field in fields:
        if field.number == 9:  # noqa: PLR2004 - raw_data
            raw = tensor.source.exactly(field.start, min(field.size, 8 * _MOST_CLASSES))
    kind = next((f.value for f in fields if f.number == 2), 0)  # noqa: PLR2004 - data_type
    if raw and kind in (6, 7):
        width = {6: "i", 7: "q"}[kind]
        return [struct.unpack(f"<{len(raw) // struct.calcsize(width)}{width}", raw)]
    return [_whole_numbers(tensor, fields, {6: 5, 7: 7}.get(kind, 7))]


def _whole_numbers(message: Any, fields: list[Any], number: int) -> tuple[int, ...]:
    """Return repeated int64s, packed or not."""
    found: list[int] = []
    for field in fields:
        if field.number != number:
            continue
        if not field.size:
            found.append(field.value)
            continue
        raw, value, shift = message.source.exactly(field.start, field.size), 0, 0
        for byte in raw:
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004 - the last byte of a number
                found.append(value)
                value = shift = 0
    return tuple(n - (1 << 64) if n >= 1 << 63 else n for n in found)
