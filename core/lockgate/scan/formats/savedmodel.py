"""TensorFlow SavedModels and graphs (saved_model.proto, graph.proto): which operators they run.

A graph is a program for TensorFlow's runtime. Most operators only compute; some read and write files,
open connections or call Python. What is not on the list of those that compute is unsafe.
"""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.formats import names, operators, savers, tensorflowgraph
from lockgate.scan.formats.protobuf import LEN, Message
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source


def looks_like_saved_model(source: Source) -> bool:
    """Whether a file is a message of a schema version and meta graphs (with an info and a graph)."""
    if source.read(0, 2) != b"\x08\x01":  # saved_model_schema_version, which has always been 1
        return False
    try:
        return all((f.number, f.wire) in ((1, 0), (2, LEN)) for f in Message(source).fields())
    except DamagedError:
        return False


def looks_like_graph(source: Source) -> bool:
    """Whether a file is a graph alone: nodes (a name and an operator), versions, a library."""
    if source.read(0, 1) != b"\x0a":
        return False
    nodes = 0
    try:
        graph = Message(source)
        for field in graph.fields():
            if (field.number, field.wire) not in ((1, LEN), (2, LEN), (3, 0), (4, LEN)):
                return False
            if field.number == 1:
                node = {part.number for part in graph.message(field).fields()}
                if not {1, 2} <= node or not node <= {1, 2, 3, 4, 5, 6, 7}:
                    return False
                nodes += 1
    except DamagedError:
        return False
    return nodes > 0


def looks_like_meta_graph(source: Source) -> bool:
    """Whether a file is an info and a graph, as TensorFlow 1 writes them beside a checkpoint."""
    if source.read(0, 1) != b"\x0a":
        return False
    try:
        meta = Message(source)
        parts = [(field.number, field) for field in meta.fields() if field.wire == LEN]
        graphs = [meta.message(field) for number, field in parts if number == 2]  # noqa: PLR2004 - graph_def
        if {number for number, _ in parts} - {1, 2, 3, 4, 5, 6, 7} or not graphs:
            return False
        node = next(iter(graphs[0].fields()))
        return node.number == 1 and {1, 2} <= {part.number for part in graphs[0].message(node).fields()}
    except (DamagedError, StopIteration):
        return False


def scan_meta_graph(source: Source, context: Context) -> None:
    """Judge an info and a graph."""
    context.record.met("TensorFlow graph")
    _meta(Message(source), context)
    tensorflowgraph.check_meta_graph(Message(source))


def scan(source: Source, context: Context) -> None:
    """Judge a SavedModel."""
    context.record.met("TensorFlow SavedModel")
    model = Message(source)
    graphs = 0
    for field in model.fields():
        if field.number == 2:  # noqa: PLR2004 - meta_graphs
            graphs += 1
            _meta(model.message(field), context)
    if not graphs:
        raise DamagedError("holds no graph", source.size)
    tensorflowgraph.check_saved_model(model)


def scan_graph(source: Source, context: Context) -> None:
    """Judge a graph alone."""
    context.record.met("TensorFlow graph")
    _graph(Message(source), context)
    tensorflowgraph.check_graph(Message(source))


def _meta(meta: Message, context: Context) -> None:
    for part in meta.fields():
        if part.number == 2:  # noqa: PLR2004 - graph_def
            _graph(meta.message(part), context)
        elif part.number == 6:  # noqa: PLR2004 - asset_file_def
            _asset(meta.message(part), context)


def _graph(graph: Message, context: Context) -> None:
    for field in graph.fields():
        if field.number == 1:
            _node(graph.message(field), context)
        elif field.number == 2:  # noqa: PLR2004 - library
            library = graph.message(field)
            for function in library.fields():
                if function.number == 1:
                    body = library.message(function)
                    for part in body.fields():
                        if part.number == 3:  # noqa: PLR2004 - node_def
                            _node(body.message(part), context)
    savers.check(graph, context)


def _asset(asset: Message, context: Context) -> None:
    for field in asset.fields():
        if field.number == 2 and names.leads_outside(path := asset.text(field)):  # noqa: PLR2004 - filename
            message = "Reads a file from a path that leads out of the model's folder."
            context.hit("LG-SCAN-040", "CRITICAL", message, offset=field.start, name=path)


def _node(node: Message, context: Context) -> None:
    for field in node.fields():
        if field.number != 2:  # noqa: PLR2004 - op
            continue
        operator = node.text(field)
        if operator in operators.COMPUTES or operator in operators.OWN_FILES:
            continue
        if operators.REACHES_OUT.fullmatch(operator):
            message = f"Runs the operator {operator}, which reaches files, other machines or Python."
            context.hit("LG-SCAN-040", "CRITICAL", message, offset=field.start, name=operator)
        elif not operator.startswith("__inference_"):
            message = f"Runs the operator {operator}, which is not on the list of those that only compute."
            context.hit("LG-SCAN-040", "HIGH", message, offset=field.start, name=operator)
