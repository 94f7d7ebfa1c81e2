"""FlatBuffers (flatbuffers.dev, internals): tables held against a schema, and every byte accounted for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from lockgate.scan.record import DamagedError, TooMuchError
from lockgate.scan.source import Source

_MOST = 1_000_000  # tables, texts and vectors
_LONGEST = 8 << 20  # bytes of a text
_PADDING = 16


@dataclass(frozen=True)
class Scalar:
    """A number, a truth value or a struct of some bytes, and the largest value when there is one."""

    size: int
    most: int | None = None


@dataclass(frozen=True)
class Text:
    """A text."""


@dataclass(frozen=True)
class Vector:
    """Items of one kind, one after the other."""

    item: Kind


@dataclass(frozen=True)
class Table:
    """Fields in the order of the schema; the names of those that must be there."""

    fields: tuple[tuple[str, Kind], ...]
    required: frozenset[str] = frozenset()


Kind = Scalar | Text | Vector | Table


class Buffer:
    """A buffer that fills a source.

    Attributes:
        texts: What the texts say, as (field, text).
        vectors: Where the numbers of a vector lie and how many these are, by field.
        counts: Items of all vectors of a field.
        scalars: Raw bytes of the scalars, by field; of the last table that has it.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.texts: list[tuple[str, str]] = []
        self.vectors: dict[str, tuple[int, int]] = {}
        self.scalars: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()
        self._owned: list[tuple[int, int]] = [(0, 4)]
        self._shared: set[int] = set()
        self._tables: dict[int, Table] = {}

    def check(self, root: Table) -> None:
        """Hold the buffer against the schema of its root.

        Raises:
            DamagedError: A table, text or vector is not where it is said to be, two share bytes, or
                bytes belong to none and are not padding.
        """
        self._table(self._number(0, 4), root, 0)
        self._owned.sort()
        end = 0
        for start, stop in self._owned:
            if start < end:
                raise DamagedError("has two values that share bytes", start)
            self._padding(end, start)
            end = stop
        self._padding(end, self.source.size)

    def _padding(self, start: int, stop: int) -> None:
        if stop - start > _PADDING or any(self.source.exactly(start, stop - start)):
            raise DamagedError("has bytes that belong to no value", start)

    def _number(self, at: int, size: int) -> int:
        return int.from_bytes(self.source.exactly(at, size), "little")

    def _own(self, at: int, size: int) -> None:
        self.source.part(at, size)
        self._owned.append((at, at + size))
        if len(self._owned) > _MOST:
            raise TooMuchError(f"has more than {_MOST:,} values", at)

    def _table(self, at: int, table: Table, depth: int) -> None:
        if depth > 32 or at % 4:  # noqa: PLR2004
            raise DamagedError("has a table where none can be", at)
        if at in self._tables:  # the writer keeps what is equal once
            if self._tables[at] is not table:
                raise DamagedError("has a table of two kinds", at)
            return
        self._tables[at] = table
        index = at - int.from_bytes(self.source.exactly(at, 4), "little", signed=True)
        size, own = self._number(index, 2), self._number(index + 2, 2)
        if size < 4 or size % 2 or own < 4 or (size - 4) // 2 > len(table.fields):  # noqa: PLR2004
            raise DamagedError("has a table of no known kind", at)
        if index not in self._shared:
            self._shared.add(index)
            self._own(index, size)
        self._own(at, own)
        offsets = [self._number(index + i, 2) for i in range(4, size, 2)]
        missing = set(table.required)
        used = [(0, 4)]
        for (name, kind), offset in zip(table.fields, offsets, strict=False):
            if not offset:
                continue
            missing.discard(name)
            width = kind.size if isinstance(kind, Scalar) else 4
            used.append((offset, offset + width))
            if offset + width > own:
                raise DamagedError("has a field outside of its table", at)
            self._field(at + offset, name, kind, depth)
        used.sort()
        if missing or any(stop > start for (_, stop), (start, _) in pairwise(used)):
            raise DamagedError("has a table without a field that it needs, or two that share bytes", at)

    def _field(self, at: int, name: str, kind: Kind, depth: int) -> None:
        if isinstance(kind, Scalar):
            raw = self.source.exactly(at, kind.size)
            if kind.most is not None and int.from_bytes(raw, "little") > kind.most:
                raise DamagedError(f"has a {name} that is none", at)
            self.scalars[name] = raw
            return
        target = at + self._number(at, 4)
        if isinstance(kind, Table):
            self._table(target, kind, depth + 1)
            return
        count = self._number(target, 4)
        if isinstance(kind, Text):
            if count > _LONGEST:
                raise DamagedError("has a text that is too long", target)
            raw = self.source.exactly(target + 4, count + 1)
            self._own(target, count + 5)
            try:
                self.texts.append((name, raw[:-1].decode("utf-8")))
            except UnicodeDecodeError:
                raise DamagedError("has a text that is no UTF-8", target) from None
            if raw[-1]:
                raise DamagedError("has a text without an end", target)
            return
        width = kind.item.size if isinstance(kind.item, Scalar) else 4
        self._own(target, 4 + count * width)
        self.vectors[name] = (target + 4, count)
        self.counts[name] += count
        if not isinstance(kind.item, Scalar):
            for n in range(count):
                self._field(target + 4 + 4 * n, name, kind.item, depth + 1)
