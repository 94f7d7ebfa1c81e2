"""A graph saves and restores where whoever calls it says, and nowhere of its own choice."""

from __future__ import annotations

import pytest

from lockgate.scan.context import Context
from lockgate.scan.formats import savers
from lockgate.scan.formats.protobuf import Message
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.source import BytesStream, spooled


def _field(number, held):
    data = held.encode() if isinstance(held, str) else held
    size, out = len(data), bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2]) + bytes(out + bytes([size])) + data


def _node(name, op, *inputs, value=None, calls=None):
    made = _field(1, name) + _field(2, op) + b"".join(_field(3, one) for one in inputs)
    if value is not None:
        made += _field(5, _field(1, "value") + _field(2, _field(8, _field(8, value))))
    if calls is not None:
        made += _field(5, _field(1, "f") + _field(2, _field(10, _field(1, calls))))
    return made


def _saver(*arguments):
    signature = _field(1, "save") + b"".join(_field(2, _field(1, one)) for one in arguments)
    body = [
        _node("join", "StringJoin", "prefix", "part:output:0"),
        _node("part", "Const", value="_temp/part"),
    ]
    body += [_node("shard", "ShardedFilename", "join:output:0", "n", "n"), _node("n", "Const")]
    body += [_node("save", "SaveV2", "shard:filename:0", "n", "n")]
    return _field(1, signature) + b"".join(_field(3, one) for one in body)


def _found(*nodes, function=None):
    graph = b"".join(_field(1, one) for one in nodes)
    if function is not None:
        graph += _field(2, _field(1, function))
    context = Context()
    savers.check(Message(spooled(Cursor(BytesStream(graph)), 1 << 20)), context)
    return [hit.name for hit in context.record.hits]


def test_a_path_that_the_caller_gives_is_no_finding():
    assert _found(_node("p", "Placeholder"), _node("s", "SaveV2", "p", "n", "n")) == []
    call = _node("c", "StatefulPartitionedCall", "p", calls="save")
    assert _found(_node("p", "Placeholder"), call, function=_saver("prefix")) == []
    fed = [_node("m", "Const", value="model"), _node("p", "PlaceholderWithDefault", "m")]
    assert _found(*fed, _node("r", "RestoreV2", "p", "n", "n")) == []


@pytest.mark.parametrize("path", ["/etc/lockgate", "../w", "variables/variables", "a\\..\\..\\w"])
def test_a_path_that_the_graph_brings_along_is_found(path):
    place = _node("m", "Const", value=path)
    assert _found(place, _node("s", "SaveV2", "m", "n", "n")) == [path]
    assert _found(place, _node("p", "PlaceholderWithDefault", "m"), _node("s", "RestoreV2", "p", "n", "n"))
    call = _node("c", "StatefulPartitionedCall", "m", calls="save")
    assert _found(place, call, function=_saver("prefix")) == [path]
    joined = [_node("p", "Placeholder"), _node("j", "StringJoin", "m", "p")]
    assert _found(place, *joined, _node("s", "MergeV2Checkpoints", "j", "p")) == [path]


def test_a_path_that_is_computed_or_turns_in_circles_is_found():
    assert _found(_node("d", "DecodeBase64", "p"), _node("p", "Placeholder"), _node("s", "SaveV2", "d"))
    assert _found(_node("a", "Identity", "b"), _node("b", "Identity", "a"), _node("s", "SaveV2", "a"))


def test_a_path_that_is_packed_over_and_over_is_followed_once():
    nodes = [_node("n0", "Placeholder")]
    nodes += [_node(f"n{at}", "Pack", *[f"n{at - 1}"] * 40) for at in range(1, 25)]
    assert _found(*nodes, _node("s", "SaveV2", "n24")) == []
