"""Protocol Buffers as text (protobuf.dev, text format): graphs and configurations that libraries read.

Without its schema a message cannot be held against anything; its fields are read by their names, and a
graph that is written so is never called safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate.scan.context import Context
from lockgate.scan.formats import names, onnx, operators

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|\#[^\n]*)+)|(?P<name>[A-Za-z_][\w.]*|\[[\w./-]+\])|(?P<mark>[{}<>\[\]:,;])"""
    r"""|(?P<text>(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))|(?P<number>[-+]?[\w.]+(?:[-+]\d+)?)"""
)
_GRAPHS = frozenset(["node", "graph_def", "meta_graphs", "graph", "layer", "layers", "initializer"])
_MOST = 2_000_000  # fields

Field = tuple[str, str | None]
"""A path of names, and the text of a value; none for a message."""


def fields(text: str) -> list[Field] | None:
    """Return every field of a message and its text, in order, messages with none; None if it is no message.

    A field within others is named by its path, as in ``node.op``.
    """
    found: list[Field] = []
    path: list[str] = []
    tokens = _tokens(text)
    before = ""
    try:
        for kind, token in tokens:
            if kind == "mark" and token in "{<" and before:
                path.append(before)
                found.append((".".join(path), None))
                before = ""
            elif kind == "mark" and token in "}>" and path and not before:
                path.pop()
            elif kind == "name" and not before:
                before = token
            elif kind == "mark" and token == ":" and before:
                what, value = next(tokens)
                if what == "mark" and value in "{<":
                    path.append(before)
                    found.append((".".join(path), None))
                elif what == "mark" and value == "[":
                    found += [(".".join([*path, before]), one) for one in _list(tokens)]
                elif what == "mark":
                    return None
                else:
                    found.append((".".join([*path, before]), _plain(what, value)))
                before = ""
            elif kind == "text" and found and not before:  # texts that follow each other are one
                name, so_far = found.pop()
                found.append((name, (so_far or "") + _plain(kind, token)))
            elif not (kind == "mark" and token in ",;" and not before):
                return None
            if len(found) > _MOST:
                return None
    except (StopIteration, ValueError):
        return None
    return None if path or before or not found else found


def check(found: list[Field], context: Context) -> None:
    """Judge the fields of a message by their names."""
    context.record.met("protobuf text")
    paths = {path for path, _ in found}
    key = ""
    for path, value in found:
        if value is None:
            continue
        field = path.rpartition(".")[2]
        if field == "op" and ".node" in f".{path}" and value not in operators.COMPUTES | operators.OWN_FILES:
            message = f"Runs the operator {value}, which is not on the list of those that only compute."
            context.hit("LG-SCAN-040", "HIGH", message, name=value)
        elif field == "type" and path in ("layer.type", "layers.type") and value == "Python":
            context.hit("LG-SCAN-040", "HIGH", "Has a layer of Caffe that runs Python.", name=value)
        elif path == "backend" and value == "python":
            context.hit("LG-SCAN-061", "HIGH", "Has Triton run Python that lies beside it.", name=value)
        elif path.endswith("external_data.key"):
            key = value
        elif path.endswith("external_data.value") and key == "location":
            onnx.location(value, None, context)
        elif (
            field.endswith(("path", "paths", "filename")) or field == "string_value"
        ) and names.leads_outside(value):
            context.cannot(f"names a file out of the model's folder, {value}, by its field {path}")
    if any(_GRAPHS & set(path.split(".")) for path in paths):
        context.cannot("is a graph as text, which is not read to its end here")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError
        at = match.end()
        if match.lastgroup != "space":
            yield str(match.lastgroup), match.group()


def _list(tokens: Iterator[tuple[str, str]]) -> Iterator[str]:
    for kind, token in tokens:
        if kind == "mark" and token == "]":
            return
        if kind != "mark":
            yield _plain(kind, token)
        elif token != ",":
            raise ValueError
    raise ValueError


def _plain(kind: str, token: str) -> str:
    if kind != "text":
        return token
    return token[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
