"""Types along the edges of TensorFlow's graphs: what a node makes is what the next one takes.

TensorFlow infers them by its operators' arguments and attributes, and refuses a graph in which they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate.scan.formats.protobuf import LEN, Message
from lockgate.scan.record import DamagedError

_REFERENCE = 100  # added to a type when a variable is handed on and not its value
_LISTED = 6  # the field of AttrValue.ListValue that holds types
_MOST = 100_000  # arguments of one node

Type = int | None  # None when it is not known here
Results = list[tuple[str, list[Type]]]


def listed(message: Message) -> list[int]:
    """Return the types of a ``list(type)``, packed or one by one."""
    found: list[int] = []
    for each in message.fields():
        if each.number != _LISTED:
            continue
        if each.wire != LEN:
            found.append(each.value)
            continue
        found += numbers(message.source.exactly(each.start, each.size))
    return found


def numbers(packed: bytes) -> list[int]:
    """Return the numbers of a packed field."""
    found: list[int] = []
    value, shift = 0, 0
    for byte in packed:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:  # noqa: PLR2004 - the last byte of a number
            found.append(value)
            value, shift = 0, 0
    return found


def expand(spec: str, given: dict[str, Any]) -> list[Type] | None:
    """Return the types that one argument of an operator stands for; None when how many is not known.

    Args:
        spec: A type as a number or an attribute, ``N*T`` for N of them, or ``[Ts`` for a list of types.
        given: Attributes of the node, with the defaults of its operator.
    """
    if spec.startswith("["):
        types = given.get(spec[1:])
        return [one % _REFERENCE for one in types] if isinstance(types, list) else None
    count: Any = 1
    if "*" in spec:
        times, _, spec = spec.partition("*")
        count = given.get(times)
        if not isinstance(count, int) or not 0 <= count < _MOST:
            return None
    of = int(spec) if spec.isdigit() else given.get(spec)
    return [of % _REFERENCE if isinstance(of, int) else None] * count


class Edges:
    """The results of the nodes of one graph or function by the nodes' names."""

    def __init__(self, *, inside: bool) -> None:
        self.inside = inside  # of a function, where results have names
        self.made: dict[str, Results | None] = {}

    def add(self, node: str, results: Sequence[tuple[str, str]] | None, given: dict[str, Any]) -> None:
        """Take what a node makes: results by name, with their types in the operator's terms."""
        made: Results = []
        for name, spec in results or ():
            types = expand(spec, given)
            if types is None:
                results = None
                break
            made.append((name, types))
        self.made[node] = None if results is None else made

    def type(self, name: str, at: int) -> Type:
        """Return the type of what a name stands for: ``node:result:2``, or ``node:2`` outside of functions.

        Raises:
            DamagedError: The node has no such result.
        """
        node, *rest = name.split(":")
        results = self.made.get(node)
        if results is None:
            return None
        if len(rest) > 1 + self.inside or not all(one.isdigit() for one in rest[self.inside :]):
            raise DamagedError("uses a result by a name that is none", at)
        if self.inside and rest:
            types = next((types for one, types in results if one == rest[0]), None)
        else:
            types = [one for _, types in results for one in types]
        place = int(rest[-1]) if len(rest) > self.inside else 0
        if types is None or (place >= len(types) and (rest or types)):
            raise DamagedError("uses a result that its operator does not have", at)
        return types[place] if place < len(types) else None


def same(wanted: list[Type], found: list[Type], at: int) -> None:
    """Hold what a node takes against what it is given.

    Raises:
        DamagedError: They differ in number or type.
    """
    if len(wanted) != len(found):
        raise DamagedError("has a node of another number of inputs than its operator", at)
    if any(one is not None and other not in (None, one) for one, other in zip(wanted, found, strict=True)):
        raise DamagedError("has a node that takes something of another type", at)
