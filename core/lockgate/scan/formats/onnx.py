"""ONNX models (onnx.proto 1.20): where tensors lie outside of the file, and whose operators run.

The graph itself is data for the runtime. Paths of external data are opened by whoever loads the model;
operators of a domain that is not ONNX's own are native code that must be loaded beside it.
"""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.formats import onnxgraph
from lockgate.scan.formats.protobuf import LEN, Field, Message
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_DOMAINS = frozenset(
    [
        *("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"),
        *("com.microsoft", "com.microsoft.nchwc", "com.microsoft.experimental", "com.ms.internal.nhwc"),
    ]
)
_PYTHON_OPERATORS = frozenset(
    ["PythonOp", "PythonOpGrad", "PyOp", "PyFunc", "ATen", "ExternalStream", "EPContext"]
)
_DEEPEST = 32
# Field numbers of onnx.proto.
_MODEL = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OP, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_TENSOR_EXTERNAL = 13


def looks_like_onnx(source: Source) -> bool:
    """Whether a file is a message with the fields of a model: a version, a graph, operator sets."""
    if source.read(0, 1) != b"\x08":  # field 1, ir_version; every writer puts it first
        return False
    seen = set()
    try:
        for field in Message(source).fields():
            if _MODEL.get(field.number) != field.wire:
                return False
            seen.add(field.number)
    except DamagedError:
        return 7 in seen or len(seen) > 2  # noqa: PLR2004 - graph; enough to call it a damaged model
    return {1, 7} <= seen


def scan(source: Source, context: Context) -> None:
    """Judge a model."""
    context.record.met("ONNX")
    model = Message(source)
    opsets = 0
    for field in model.fields():
        opsets += field.number == 8  # noqa: PLR2004 - opset_import
        if _MODEL.get(field.number) != field.wire:
            raise DamagedError("has a field that no model has", field.start)
        if field.number == 7:  # noqa: PLR2004 - graph
            _graph(model.message(field), context, 0)
        elif field.number == 8:  # noqa: PLR2004 - opset_import
            for part in model.message(field).fields():
                if part.number == 1:
                    _domain(model.text(part), "", part, context)
        elif field.number == 20:  # noqa: PLR2004 - training_info: initialization and algorithm graphs
            for part in model.message(field).fields():
                if part.number in (1, 2) and part.wire == LEN:
                    _graph(model.message(part), context, 0)
        elif field.number == 25:  # noqa: PLR2004 - functions of the model's own, in any domain
            for part in model.message(field).fields():
                if part.number == 7:  # noqa: PLR2004 - node
                    _node(model.message(part), context, 0)
    if not opsets:
        raise DamagedError("does not say which operators it uses", source.size)
    try:
        onnxgraph.check(model)
    except onnxgraph.ForeignOperatorError as error:
        message = f"Uses the operator {error.name}, which is none of ONNX's own."
        context.hit("LG-SCAN-051", "HIGH", message, offset=error.offset, name=error.name)
        raise


def _graph(graph: Message, context: Context, depth: int) -> None:
    if depth > _DEEPEST:
        raise DamagedError("has graphs nested too deep", graph.start)
    for field in graph.fields():
        if field.number == _GRAPH_NODE:
            _node(graph.message(field), context, depth)
        elif field.number == _GRAPH_INITIALIZER:
            _tensor(graph.message(field), context)
        elif field.number == _GRAPH_SPARSE:
            _sparse(graph.message(field), context)


def _node(node: Message, context: Context, depth: int) -> None:
    operator, domain, at = "", "", None
    for field in node.fields():
        if field.number == _NODE_OP:
            operator = node.text(field)
        elif field.number == _NODE_DOMAIN:
            domain, at = node.text(field), field
        elif field.number == _NODE_ATTRIBUTE:
            _attribute(node.message(field), context, depth)
    if at is not None:
        _domain(domain, operator, at, context)
    if operator in _PYTHON_OPERATORS:
        message = f"Uses the operator {operator}, which runs code from outside of the model."
        context.hit("LG-SCAN-051", "CRITICAL", message, offset=node.start, name=operator)


def _attribute(attribute: Message, context: Context, depth: int) -> None:
    for field in attribute.fields():
        if field.number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS) and field.wire == LEN:
            _tensor(attribute.message(field), context)
        elif field.number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS) and field.wire == LEN:
            _graph(attribute.message(field), context, depth + 1)
        elif field.number in (_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES) and field.wire == LEN:
            _sparse(attribute.message(field), context)


def _sparse(sparse: Message, context: Context) -> None:
    for field in sparse.fields():
        if field.number in (1, 2):
            _tensor(sparse.message(field), context)


def _tensor(tensor: Message, context: Context) -> None:
    for field in tensor.fields():
        if field.number != _TENSOR_EXTERNAL:
            continue
        entry = tensor.message(field)
        pair = {part.number: entry.text(part) for part in entry.fields() if part.number in (1, 2)}
        key, value = pair.get(1, ""), pair.get(2, "")
        if key == "location":
            location(value, field.start, context)
        elif key in ("offset", "length"):
            if not (value.isascii() and value.isdecimal()):
                raise DamagedError(f"has tensors in another file at {key} {value!r}", field.start)
        elif key != "checksum":
            message = "Says something of the file of its tensors that the format does not have."
            context.hit("LG-SCAN-050", "HIGH", message, offset=field.start, name=key)


def location(path: str, offset: int | None, context: Context) -> None:
    """Judge the path of tensors that lie in another file."""
    plain = path.replace("\\", "/")
    if plain.startswith(("/", "~")) or ":" in plain or ".." in plain.split("/") or "\0" in plain or not plain:
        message = "Reads tensors from a path that leads out of the model's folder."
        context.hit("LG-SCAN-050", "CRITICAL", message, offset=offset, name=path)
    else:
        message = "Reads tensors from another file of the model's folder; sign the whole folder."
        context.hit("LG-SCAN-052", "LOW", message, offset=offset, name=path)


def _domain(domain: str, operator: str, field: Field, context: Context) -> None:
    if domain not in _DOMAINS:
        what = f" ({operator})" if operator else ""
        message = f"Uses operators of the domain {domain}{what}, which are code from outside of the model."
        context.hit("LG-SCAN-051", "HIGH", message, offset=field.start, name=domain)
