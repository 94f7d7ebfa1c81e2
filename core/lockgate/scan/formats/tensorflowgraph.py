"""Whether graphs of TensorFlow hang together: what its importer asks for, by TensorFlow's schemas.

Nodes have names of their own, take what other nodes make, and have the attributes of their operators;
tensors have as many numbers as they say; signatures name tensors that are there.
"""

from __future__ import annotations

import math
import re
from typing import Any

from lockgate.scan import schemas
from lockgate.scan.formats.protobuf import LEN, Message
from lockgate.scan.formats.protoschema import Held, Holder
from lockgate.scan.formats.tensorflowtypes import Edges, Type, expand, listed, numbers, same
from lockgate.scan.record import DamagedError

_PACKAGE = "tensorflow."
_TRACED = "__inference_"  # what TensorFlow calls the functions that it traced
_REFERENCE = 100  # added to a type when a variable is handed on and not its value
_SIZES = {
    1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 11: 1, 12: 1, 13: 4, 14: 2, 15: 2, 16: 2, 17: 2,
    18: 16, 19: 2, 22: 4, 23: 8,
}  # fmt: skip
_TYPES = frozenset(range(1, 33))
_NAME = re.compile(r"[A-Za-z0-9_.\\/>-]+")
_DEVICE = re.compile(r"(?:/(?:job:\w+|replica:\d+|task:\d+|(?:device:)?[A-Za-z]\w*:(?:\d+|\*)))*")
_UNKNOWN: Any = (-1, None, (), None, None, {}, {})  # an operator that is a function
_VALUES = (
    *("half_val", "float_val", "double_val", "int_val", "string_val", "scomplex_val", "int64_val"),
    *("bool_val", "dcomplex_val", "resource_handle_val", "variant_val", "uint32_val", "uint64_val"),
    "float8_val",
)
# The field of an attribute by the type that its operator gives it.
_FIELDS = {
    "string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape",
    "tensor": "tensor", "func": "func",
}  # fmt: skip


_REDUCE = frozenset(["Sum", "Mean", "Max", "Min", "Prod", "All", "Any", "ArgMax", "ArgMin", "EuclideanNorm"])
_DIMENSIONS = 254  # TensorShape::MaxDimensions
_SMALL = 4096  # bytes


def check_saved_model(model: Message) -> None:
    """Hold a SavedModel against the schema and its graphs.

    Raises:
        DamagedError: It is not what TensorFlow writes.
    """
    checker = _Checker()
    checker.holder.check(model, f"{_PACKAGE}SavedModel")
    for one in checker.held(model, "SavedModel").messages("meta_graphs"):
        checker.meta(checker.held(one, "MetaGraphDef"))


def check_meta_graph(meta: Message) -> None:
    """Hold an info and its graph against the schema.

    Raises:
        DamagedError: It is not what TensorFlow writes.
    """
    checker = _Checker()
    checker.holder.check(meta, f"{_PACKAGE}MetaGraphDef")
    checker.meta(checker.held(meta, "MetaGraphDef"))


def check_graph(graph: Message) -> None:
    """Hold a graph alone against the schema.

    Raises:
        DamagedError: It is not what TensorFlow writes.
    """
    checker = _Checker()
    checker.holder.check(graph, f"{_PACKAGE}GraphDef")
    checker.graph(graph)


class _Checker:
    def __init__(self) -> None:
        self.holder = Holder(schemas.load("tensorflow-messages")["messages"])
        self.operators = schemas.load("tensorflow-operators")["operators"]

    def held(self, message: Message, kind: str) -> Held:
        return self.holder.hold(message, _PACKAGE + kind)

    def meta(self, meta: Held) -> None:
        nodes: set[str] = set()
        for graph in meta.messages("graph_def"):
            nodes |= self.graph(graph)
        for entry in meta.messages("signature_def"):
            pair = self.held(entry, "MetaGraphDef.SignatureDefEntry")
            for one in pair.messages("value"):
                self._signature(self.held(one, "SignatureDef"), nodes)
        for one in meta.messages("object_graph_def"):
            objects = self.held(one, "SavedObjectGraph").messages("nodes")
            for each in objects:
                for child in self.held(each, "SavedObject").messages("children"):
                    to = self.held(child, "TrackableObjectGraph.TrackableObject.ObjectReference").number(
                        "node_id"
                    )
                    if not 0 <= to < len(objects):
                        raise DamagedError("has an object that leads to none", child.start)

    def _signature(self, signature: Held, nodes: set[str]) -> None:
        for part, entry in (("inputs", "InputsEntry"), ("outputs", "OutputsEntry")):
            for one in signature.messages(part):
                for value in self.held(one, f"SignatureDef.{entry}").messages("value"):
                    info = self.held(value, "TensorInfo")
                    name = info.text("name")
                    if name and name.partition(":")[0] not in nodes:
                        raise DamagedError("has a signature of a tensor that is not there", value.start)
                    if info.number("dtype") not in _TYPES | {0}:  # an operator that makes nothing has none
                        raise DamagedError("has a signature of no known type", value.start)

    def graph(self, message: Message) -> set[str]:
        """Hold a graph and its library, and return the names of its nodes."""
        graph = self.held(message, "GraphDef")
        if not {"versions", "version"} & graph.fields.keys():  # stands behind the nodes
            raise DamagedError("does not say for which version of TensorFlow it is", message.end)
        functions: set[str] = set()
        bodies: list[Held] = []
        for one in graph.messages("library"):
            for each in self.held(one, "FunctionDefLibrary").messages("function"):
                body = self.held(each, "FunctionDef")
                signature = (
                    self.held(body.messages("signature")[0], "OpDef") if "signature" in body.fields else None
                )
                if signature is None or not signature.text("name"):
                    raise DamagedError("has a function without a name", each.start)
                functions.add(signature.text("name"))
                bodies.append(body)
        for body in bodies:
            self._function(body, functions)
        return self._nodes(graph.messages("node"), Edges(inside=False), functions, message)

    def _function(self, body: Held, functions: set[str]) -> None:
        signature = self.held(body.messages("signature")[0], "OpDef")
        edges = Edges(inside=True)
        for one in signature.messages("input_arg"):
            self._argument(one, edges)
        args = set(edges.made)
        nodes = self._nodes(body.messages("node_def"), edges, functions, body.message)
        said = [self.held(one, "OpDef.ArgDef") for one in signature.messages("output_arg")]
        types = {one.text("name"): one.number("type") for one in said if "number_attr" not in one.fields}
        for part in ("ret", "control_ret"):
            kind = "RetEntry" if part == "ret" else "ControlRetEntry"
            for one in body.messages(part):
                name = self.held(one, f"FunctionDef.{kind}").text("value")
                if name.partition(":")[0] not in nodes | args:
                    raise DamagedError("has a function that returns what is not there", one.start)
                wanted = types.get(self.held(one, f"FunctionDef.{kind}").text("key"), 0)
                if part == "ret" and wanted and edges.type(name, one.start) not in (None, wanted):
                    raise DamagedError("has a function that returns something of another type", one.start)
        made = [self.held(one, "FunctionDef.RetEntry").text("key") for one in body.messages("ret")]
        if sorted(one.text("name") for one in said) != sorted(made):
            raise DamagedError("has a function of other results than it says", body.message.start)

    def _argument(self, message: Message, edges: Edges) -> None:
        arg = self.held(message, "OpDef.ArgDef")
        name, kind = arg.text("name"), arg.number("type")
        known = kind and not {"type_attr", "number_attr", "type_list_attr"} & arg.fields.keys()
        edges.add(name, [("", str(kind))] if known else None, {})

    def _nodes(self, messages: list[Message], edges: Edges, functions: set[str], around: Message) -> set[str]:
        args = set(edges.made)
        names = [self.held(one, "NodeDef").text("name") for one in messages]
        known = set(names)
        if len(known) != len(names) or "" in known or known & args:
            raise DamagedError("has two nodes of a name, or one of none", around.start)
        if not all(map(_NAME.fullmatch, names)):
            raise DamagedError("has a node of a name that TensorFlow does not take", around.start)
        known |= args
        wanted: list[tuple[list[Type], list[str], Message]] = []
        axes: dict[str, list[int]] = {}  # the whole numbers of constants
        along: list[tuple[str, Message]] = []
        for one in messages:
            node = self.held(one, "NodeDef")
            inputs = node.texts("input")
            if any(name.removeprefix("^").partition(":")[0] not in known for name in inputs):
                raise DamagedError("has a node that uses what is not there", one.start)
            if not _DEVICE.fullmatch(node.text("device")):
                raise DamagedError("has a node on a device of no known kind", one.start)
            data = [name for name in inputs if not name.startswith("^")]
            given = self._node(node, len(data), functions)
            operator = self.operators.get(node.text("op"))
            edges.add(node.text("name"), operator[4] if operator else None, given)
            if node.text("op") == "Const":
                axes[node.text("name")] = self._wholes(node)
            elif node.text("op") in _REDUCE and len(data) > 1:
                along.append((data[1].partition(":")[0], one))
            parts = [expand(spec, given) for spec in operator[3]] if operator else [None]
            if None not in parts:
                wanted.append(([kind for part in parts if part is not None for kind in part], data, one))
        for name, one in along:
            if any(abs(axis) > _DIMENSIONS for axis in axes.get(name, [])):
                raise DamagedError("has a sum along a dimension that nothing has", one.start)
        for types, data, one in wanted:  # a loop takes what is made after it
            same(types, [edges.type(name, one.start) for name in data], one.start)
        return known

    def _node(self, node: Held, inputs: int, functions: set[str]) -> dict[str, Any]:
        """Hold a node, and return its types and numbers by the names of its attributes."""
        name, at = node.text("op"), node.message.start
        takes, known, needed, _, _, defaults, allowed = self.operators.get(name, _UNKNOWN)
        if not name or (name.startswith(_TRACED) and name not in functions):
            raise DamagedError("uses a function that is not there", at)
        if takes not in (-1, inputs):
            raise DamagedError("has a node of another number of inputs than its operator", at)
        seen = set()
        given: dict[str, Any] = dict(defaults)
        for one in node.messages("attr"):
            pair = self.held(one, "NodeDef.AttrEntry")
            key, values = pair.text("key"), pair.messages("value")
            if key in seen or not key:
                raise DamagedError("has an attribute twice", one.start)
            seen.add(key)
            value = self.held(values[0], "AttrValue") if values else None
            field = self._value(value) if value else ""
            if value and field in ("type", "i"):
                given[key] = value.number(field)
            elif value and field == "list":
                given[key] = listed(value.messages("list")[0])
            elif value and field == "tensor" and name == "Const":
                given["value"] = self.held(value.messages("tensor")[0], "TensorProto").number("dtype")
            if key in allowed and given.get(key) not in allowed[key] and field == "type":
                raise DamagedError("has a node of a type that its operator does not take", one.start)
            if known is None or key.startswith("_"):
                continue
            wanted = known.get(key)
            expected = "list" if wanted and wanted.startswith("list(") else _FIELDS.get(wanted or "", "?")
            if field not in (expected, "") or wanted is None:
                raise DamagedError("has an attribute that its operator does not have", one.start)
        if not set(needed) <= seen:
            raise DamagedError("has a node without an attribute that it needs", at)
        if name == "Const" and given.get("value") != given.get("dtype"):
            raise DamagedError("has a constant of another type than it says", at)
        return given

    def _wholes(self, node: Held) -> list[int]:
        """Return the numbers of a small constant of whole ones; none of another."""
        for one in node.messages("attr"):
            pair = self.held(one, "NodeDef.AttrEntry")
            for value in pair.messages("value") if pair.text("key") == "value" else ():
                for message in self.held(value, "AttrValue").messages("tensor"):
                    tensor = self.held(message, "TensorProto")
                    width = {3: 4, 9: 8}.get(tensor.number("dtype"), 0)
                    raw = tensor.fields.get("tensor_content", [])
                    if not width or (raw and raw[0].size > _SMALL):
                        return []
                    if raw and raw[0].size:
                        data = message.source.exactly(raw[0].start, raw[0].size)
                        parts = (data[at : at + width] for at in range(0, len(data), width))
                        return [int.from_bytes(part, "little", signed=True) for part in parts]
                    found = tensor.fields.get("int_val" if width == 4 else "int64_val", [])  # noqa: PLR2004
                    packed = found and found[0].wire == LEN
                    data = message.source.exactly(found[0].start, found[0].size) if packed else b""
                    values = numbers(data) if packed else [one.value for one in found]
                    return [value - (1 << 64) if value >> 63 else value for value in values]
        return []

    def _value(self, value: Held) -> str:
        """Return the name of the field that is set."""
        if len(value.fields) > 1:
            raise DamagedError("has an attribute of two values", value.message.start)
        if "type" in value.fields and value.number("type") % _REFERENCE not in _TYPES:
            raise DamagedError("has a type that is not known", value.message.start)
        for one in value.messages("tensor"):
            self._tensor(self.held(one, "TensorProto"))
        for one in value.messages("shape"):
            self._shape(one)
        for one in value.messages("list"):
            for each in self.held(one, "AttrValue.ListValue").messages("shape"):
                self._shape(each)
            if any(each % _REFERENCE not in _TYPES for each in listed(one)):
                raise DamagedError("has a type that is not known", one.start)
        return next(iter(value.fields), "")

    def _shape(self, message: Message) -> list[int]:
        sizes = []
        for one in self.held(message, "TensorShapeProto").messages("dim"):
            size = self.held(one, "TensorShapeProto.Dim").number("size")
            size = size - (1 << 64) if size >> 63 else size
            if size < -1:
                raise DamagedError("has a shape that is none", one.start)
            sizes.append(size)
        return sizes

    def _tensor(self, tensor: Held) -> None:
        kind, at = tensor.number("dtype"), tensor.message.start
        sizes = [size for one in tensor.messages("tensor_shape") for size in self._shape(one)]
        if kind not in _TYPES or any(size < 0 for size in sizes):
            raise DamagedError("has a tensor of no known type or shape", at)
        items = math.prod(sizes)
        raw = tensor.fields.get("tensor_content")
        numbers = sum(tensor.counts.get(name, 0) for name in _VALUES)
        if raw and raw[0].size:
            # Texts are written behind each other, without a size for each that could be held here.
            if numbers or (kind in _SIZES and raw[0].size != items * _SIZES[kind]):
                raise DamagedError("has a tensor of another size than its shape", at)
        elif numbers > items * (2 if kind in (8, 18) else 1):
            raise DamagedError("has a tensor of another size than its shape", at)
