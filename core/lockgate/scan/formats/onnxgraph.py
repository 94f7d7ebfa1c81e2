"""Whether a model of ONNX hangs together (IR.md, "Nodes", "Names Within a Graph"): what its checker asks for.

Operators and attributes must be those of the operator sets that the model names, every value must be made
before it is used, and tensors must have as many numbers as they say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lockgate.scan import schemas
from lockgate.scan.formats.protobuf import LEN, Message
from lockgate.scan.formats.protoschema import Held, Holder
from lockgate.scan.record import DamagedError

_DEEPEST = 32
_VALUES = {
    1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings", 9: "tensors",
    10: "graphs", 11: "sparse_tensor", 12: "sparse_tensors", 13: "tp", 14: "type_protos",
}  # fmt: skip
_EMPTY_ALLOWED = frozenset([1, 2, 3, 6, 7, 8, 9, 10, 12, 14])  # what proto3 does not write when it is zero
# Bits of an item in raw_data, the field its numbers stand in otherwise, and how many an item takes.
_TENSOR = {
    **dict.fromkeys((2, 3, 9, 17, 18, 19, 20, 24), (8, "int32_data", 1)),
    **dict.fromkeys((4, 5, 10, 16), (16, "int32_data", 1)),
    **dict.fromkeys((21, 22, 23), (4, "int32_data", 1)),
    **dict.fromkeys((25, 26), (2, "int32_data", 1)),
    1: (32, "float_data", 1),
    6: (32, "int32_data", 1),
    7: (64, "int64_data", 1),
    8: (0, "string_data", 1),
    11: (64, "double_data", 1),
    12: (32, "uint64_data", 1),
    13: (64, "uint64_data", 1),
    14: (64, "float_data", 2),
    15: (128, "double_data", 2),
}
_DATA = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


@dataclass
class _Scope:
    """What a graph may use: operator sets by domain, functions of the model, and values that are made.

    Attributes:
        opsets: The version of each domain.
        functions: Domain and name of the model's own functions.
        outer: Values of the graphs around, innermost last.
        attributes: Names that attributes of a function may refer to; None outside of functions.
    """

    opsets: dict[str, int]
    functions: set[tuple[str, str]]
    outer: list[set[str]] = field(default_factory=list)
    attributes: set[str] | None = None


def check(model: Message) -> None:
    """Hold a model against the schema and the operators.

    Raises:
        DamagedError: It is not what a library writes, or of a version that is not known here.
    """
    document = schemas.load("onnx-messages")
    holder = Holder(document["messages"])
    holder.check(model, "onnx.ModelProto")
    held = holder.hold(model, "onnx.ModelProto")
    if not 0 < held.number("ir_version") <= document["ir"]:
        raise DamagedError("is of a version of the format that is not known here", model.start)
    _Checker(holder).model(held)


class ForeignOperatorError(DamagedError):
    """A standard domain has an operator that no version of it has: only a library of others could run it."""

    def __init__(self, name: str, offset: int) -> None:
        super().__init__(f"uses the operator {name}, which no version of the operators has", offset)
        self.name = name


class _Checker:
    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        known = schemas.load("onnx-operators")
        self.operators, self.versions = known["operators"], known["versions"]

    def model(self, held: Held) -> None:
        opsets = self._opsets(held)
        if not opsets:
            raise DamagedError("does not say which operators it uses", held.message.end)
        keys = [
            self.holder.hold(one, "onnx.StringStringEntryProto").text("key")
            for one in held.messages("metadata_props")
        ]
        if len(set(keys)) != len(keys):
            raise DamagedError("has a key of its metadata twice", held.message.start)
        functions = [self.holder.hold(one, "onnx.FunctionProto") for one in held.messages("functions")]
        own = {(one.text("domain"), one.text("name")) for one in functions}
        for one in functions:
            named = set(one.texts("attribute"))
            named |= {
                self.holder.hold(a, "onnx.AttributeProto").text("name")
                for a in one.messages("attribute_proto")
            }
            scope = _Scope(self._opsets(one), own, [set(one.texts("input"))], named)
            self._nodes(one, scope, scope.outer[0])
        for graph in held.messages("graph"):
            self._graph(graph, _Scope(opsets, own), main=True)

    def _opsets(self, held: Held) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in held.messages("opset_import"):
            each = self.holder.hold(one, "onnx.OperatorSetIdProto")
            domain, version = each.text("domain"), each.number("version")
            domain = "" if domain == "ai.onnx" else domain
            if version < 1 or version > self.versions.get(domain, 1 << 20):
                raise DamagedError("uses a version of operators that is not known here", one.start)
            if found.setdefault(domain, version) != version:
                raise DamagedError("uses two versions of the same operators", one.start)
        return found

    def _graph(self, graph: Message, scope: _Scope, *, main: bool = False) -> None:
        if len(scope.outer) > _DEEPEST:
            raise DamagedError("has graphs nested too deep", graph.start)
        held = self.holder.hold(graph, "onnx.GraphProto")
        if not held.text("name"):
            raise DamagedError("has a graph without a name", graph.start)
        made: set[str] = set()
        for one in held.messages("input"):
            name = self._value(one, typed=main)
            if not name or name in made:
                raise DamagedError("has two inputs of a name, or one of none", one.start)
            made.add(name)
        for one in held.messages("initializer"):
            made.add(self.tensor(one, named=True))
        for one in held.messages("sparse_initializer"):
            sparse = self.holder.hold(one, "onnx.SparseTensorProto")
            made.update(self.tensor(each, named=True) for each in sparse.messages("values"))
        inner = _Scope(scope.opsets, scope.functions, [*scope.outer, made], scope.attributes)
        self._nodes(held, inner, made)
        for one in held.messages("output"):
            name = self._value(one, typed=main)
            if not any(name in values for values in inner.outer):
                raise DamagedError("has an output that nothing makes", one.start)

    def _value(self, info: Message, *, typed: bool) -> str:
        held = self.holder.hold(info, "onnx.ValueInfoProto")
        if typed and not any(part.size for part in held.fields.get("type", ())):
            raise DamagedError("has an input or output without a type", info.start)
        return held.text("name")

    def _nodes(self, held: Held, scope: _Scope, made: set[str]) -> None:
        for message in held.messages("node"):
            node = self.holder.hold(message, "onnx.NodeProto")
            inputs, outputs = node.texts("input"), node.texts("output")
            self._operator(node, len(inputs), len(outputs), scope)
            for name in inputs:
                if name and not any(name in values for values in scope.outer):
                    raise DamagedError("has a node that uses what nothing made before", message.start)
            for name in outputs:
                if name and name in made:
                    raise DamagedError("has a value that is made twice", message.start)
                made.add(name)

    def _operator(self, node: Held, inputs: int, outputs: int, scope: _Scope) -> None:
        name, domain, at = node.text("op_type"), node.text("domain"), node.message.start
        domain = "" if domain == "ai.onnx" else domain
        version = scope.opsets.get(domain)
        if version is None:
            raise DamagedError("uses operators of a domain that it does not name", at)
        own = (domain, name) in scope.functions
        entries = self.operators.get(domain, {}).get(name, ())
        if not own and not entries and domain in self.operators:
            raise ForeignOperatorError(name, at)
        fitting = [entry for entry in entries if entry[0] <= version]
        if not own and (not fitting or fitting[-1][1]) and domain in self.operators:
            raise DamagedError("uses an operator that its version of the operators does not have", at)
        known, needed = (None, []) if own or not fitting else (fitting[-1][6], fitting[-1][7])
        if known is not None:
            _, _, least, most, least_out, most_out, _, _ = fitting[-1]
            if not (least <= inputs <= most and least_out <= outputs <= most_out):
                raise DamagedError("has a node of another number of inputs or outputs than its operator", at)
        seen = {self._attribute(one, known, scope) for one in node.messages("attribute")}
        if len(seen) != len(node.fields.get("attribute", ())) or not set(needed) <= seen:
            raise DamagedError("has a node with an attribute twice, or without one that it needs", at)

    def _attribute(self, message: Message, known: dict[str, int] | None, scope: _Scope) -> str:
        held = self.holder.hold(message, "onnx.AttributeProto")
        name, kind = held.text("name"), held.number("type")
        if not name or kind not in _VALUES or (known is not None and known.get(name) != kind):
            raise DamagedError("has an attribute that its operator does not have", message.start)
        values = {key for key in _VALUES.values() if key in held.fields or held.counts.get(key)}
        if refers := held.text("ref_attr_name"):
            if values or scope.attributes is None or refers not in scope.attributes:
                raise DamagedError("has an attribute that refers to none", message.start)
            return name
        if values != {_VALUES[kind]} and not (not values and kind in _EMPTY_ALLOWED):
            raise DamagedError("has an attribute of another type than it says", message.start)
        for part in ("t", "tensors"):
            for one in held.messages(part):
                self.tensor(one)
        for part in ("g", "graphs"):
            for one in held.messages(part):
                self._graph(one, scope)
        return name

    def tensor(self, message: Message, *, named: bool = False) -> str:
        """Hold the numbers of a tensor against its dimensions, and return its name."""
        held = self.holder.hold(message, "onnx.TensorProto")
        name, kind = held.text("name"), held.number("data_type")
        if (named and not name) or kind not in _TENSOR:
            raise DamagedError("has a tensor without a name or of no known type", message.start)
        if held.number("data_location"):
            return name
        items = math.prod(_dimensions(held))
        bits, where, each = _TENSOR[kind]
        raw = held.fields.get("raw_data", [])
        typed = {key for key in _DATA if held.counts.get(key)}
        whole = (items * bits + 7) // 8
        if raw and raw[0].size:
            good = not typed and bits and raw[0].size == whole
        else:
            good = typed <= {where} and held.counts.get(where, 0) in {
                items * each,
                whole if bits < 8 else items * each,  # noqa: PLR2004 - packed in bytes
            }
        if not good:
            raise DamagedError("has a tensor of another size than its dimensions", message.start)
        return name


def _dimensions(held: Held) -> list[int]:
    """Return the dimensions of a tensor, also when they are packed."""
    found: list[int] = []
    for one in held.message.fields():
        if one.number != 1:
            continue
        if one.wire != LEN:
            found.append(one.value)
            continue
        value = shift = 0
        for byte in held.message.source.exactly(one.start, one.size):
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004
                found.append(value)
                value = shift = 0
    return found
