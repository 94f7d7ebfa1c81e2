"""Where operators that save and restore get their path from: whoever calls, or the graph itself.

Every SavedModel saves and restores its own variables with operators that write and read any path. The path
is an argument there. One that the graph brings along is a file of the model's choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lockgate.scan.context import Context
from lockgate.scan.formats import names
from lockgate.scan.formats.protobuf import LEN, Field, Message

# The inputs that are paths (tensorflow/core/ops/io_ops.cc).
_PATHS = {"SaveV2": (0,), "RestoreV2": (0,), "MergeV2Checkpoints": (0, 1)}
# The inputs that a path goes through: its start is the first of what is joined.
_THROUGH: dict[str, tuple[int, ...] | None] = {
    "Identity": (0,), "StringJoin": (0,), "ShardedFilename": (0,), "Pack": None, "Select": (1, 2),
    "SelectV2": (1, 2),
}  # fmt: skip
_DEEPEST = 32


@dataclass
class _Node:
    op: str = ""
    inputs: list[str] = field(default_factory=list)
    text: str | None = None
    calls: str = ""
    at: int = 0


@dataclass
class _Scope:
    name: str
    arguments: list[str]
    nodes: dict[str, _Node]


def check(graph: Message, context: Context) -> None:
    """Report paths of its own choice that a graph, or a function of it, saves to or restores from."""
    scopes = list(_scopes(graph))
    if not any(node.op in _PATHS for scope in scopes for node in scope.nodes.values()):
        return
    paths = _Paths(scopes)
    for scope in scopes:
        for node in scope.nodes.values():
            for place in _PATHS.get(node.op, ()):
                chosen = paths.chosen(node, place, scope)
                if chosen is not None:
                    message = f"Has {node.op} save or restore a file that the graph names."
                    context.hit("LG-SCAN-040", "CRITICAL", message, offset=node.at, name=chosen or node.op)


class _Paths:
    """Follows paths back to where they come from; each node is asked once."""

    def __init__(self, scopes: list[_Scope]) -> None:
        self.calls: dict[str, list[tuple[_Node, _Scope]]] = {}
        for scope in scopes:
            for node in scope.nodes.values():
                self.calls.setdefault(node.calls or node.op, []).append((node, scope))
        self.asked: dict[tuple[str, str], str | None] = {}
        self.depth = 0

    def chosen(self, node: _Node, place: int, scope: _Scope) -> str | None:
        """Return the path that an input brings along, empty if it is computed; None if callers give it."""
        if place >= len(node.inputs) or self.depth > _DEEPEST:
            return ""
        name = node.inputs[place].partition(":")[0]
        key = (scope.name, name)
        if key not in self.asked:
            self.asked[key] = ""  # for one that leads back to itself
            self.depth += 1
            self.asked[key] = self._from(name, scope)
            self.depth -= 1
        return self.asked[key]

    def _from(self, name: str, scope: _Scope) -> str | None:
        if name in scope.arguments:
            calls = self.calls.get(scope.name, [])
            place = scope.arguments.index(name)
            return self._first(self.chosen(call, place, other) for call, other in calls)
        made = scope.nodes.get(name, _Node())
        if made.op == "Placeholder":
            return None
        if made.op == "Const":  # a name such as "model" is what TensorFlow 1 has fed in its place
            text = made.text or ""
            return None if text and "/" not in text and not names.leads_outside(text) else text
        through = (0,) if made.op == "PlaceholderWithDefault" else _THROUGH.get(made.op, ())
        places = range(len(made.inputs)) if through is None else through
        return self._first(self.chosen(made, place, scope) for place in places) if places else ""

    def _first(self, answers: Iterable[str | None]) -> str | None:
        return next((one for one in answers if one is not None), None)


def _scopes(graph: Message) -> Iterator[_Scope]:
    yield _Scope("", [], _nodes(graph, 1))
    for library in _parts(graph, 2):
        held = graph.message(library)
        for one in _parts(held, 1):
            body = held.message(one)
            for said in _parts(body, 1):
                signature = body.message(said)
                arguments = [_text(signature.message(each), 1) for each in _parts(signature, 2)]
                yield _Scope(_text(signature, 1), arguments, _nodes(body, 3))


def _nodes(holder: Message, number: int) -> dict[str, _Node]:
    found = {}
    for part in _parts(holder, number):
        message, made, name = holder.message(part), _Node(at=part.start), ""
        for each in message.fields():
            if each.number == 1:
                name = message.text(each)
            elif each.number == 2:  # noqa: PLR2004 - op
                made.op = message.text(each)
            elif each.number == 3 and not (said := message.text(each)).startswith("^"):  # noqa: PLR2004
                made.inputs.append(said)
            elif each.number == 5 and each.wire == LEN:  # noqa: PLR2004 - attr
                _attribute(message.message(each), made)
        found[name] = made
    return found


def _attribute(pair: Message, made: _Node) -> None:
    if _text(pair, 1) not in ("value", "f"):
        return
    for part in _parts(pair, 2):
        value = pair.message(part)
        for each in _parts(value, 10):  # func
            made.calls = _text(value.message(each), 1)
        for each in _parts(value, 8):  # tensor
            tensor = value.message(each)
            texts = [one for one in _parts(tensor, 8) if one.size < 1 << 12]
            raw = tensor.source.exactly(texts[0].start, texts[0].size) if texts else None
            made.text = None if raw is None else raw.decode("utf-8", "replace")


def _parts(message: Message, number: int) -> Iterator[Field]:
    return (part for part in message.fields() if part.number == number and part.wire == LEN)


def _text(message: Message, number: int) -> str:
    return next((message.text(part) for part in _parts(message, number)), "")
