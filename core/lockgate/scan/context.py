"""What the readers of all formats share: lists, limits, the record, and where in the file they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from lockgate.scan.lists import Lists, load
from lockgate.scan.record import DamagedError, Record, TooMuchError
from lockgate.scan.source import Source, Stream


@dataclass(frozen=True)
class Limits:
    """How much of a file is taken apart before it is called too much.

    Attributes:
        depth: Archives in archives.
        members: Members of all archives of a file.
        unpacked: Bytes that compressed data may come to in all.
        ratio: How many times larger than packed a member may be, from `small` bytes on.
        small: Bytes that may come out of any member whatever its ratio.
        spooled: Bytes that go into a temporary file, for formats that are read at any place.
        document: Bytes of a JSON document or of any other text that is parsed as a whole.
    """

    depth: int = 4
    members: int = 200_000
    unpacked: int = 1 << 40
    ratio: int = 1_100  # deflate reaches 1,032 on zeros, which sparse arrays are
    small: int = 1 << 20
    spooled: int = 4 << 30
    document: int = 32 << 20


class Reader(Protocol):
    """Judges what lies in an archive by its content, whatever it is: `lockgate.scan.content`."""

    def scan(self, source: Source, context: Context) -> None:
        """Judge a file that can be read at any place; `DamagedError` when it cannot be read to its end."""
        ...

    def scan_stream(self, stream: Stream, context: Context, most: int) -> None:
        """Judge what comes out of a decompressor, of which at most so many bytes are put aside."""
        ...


@dataclass
class Context:
    """Where a reader is and what it works with.

    Attributes:
        record: Where hits go.
        lists: What is allowed.
        limits: See `Limits`.
        member: The place inside the file: names of members, joined by ``!``; empty for the file.
        name: The file's own last name. It never makes anything safe.
        depth: How many archives this is inside of.
        nested: How many byte strings of pickles this is inside of.
        reader: Judges members of archives, so that the readers of formats need not know each other; None:
            they are not opened.
    """

    record: Record = field(default_factory=Record)
    lists: Lists = field(default_factory=load)
    limits: Limits = field(default_factory=Limits)
    member: str = ""
    name: str = ""
    depth: int = 0
    nested: int = 0
    reader: Reader | None = None

    def scan(self, source: Source) -> None:
        """Judge what is at this place by its content; `DamagedError` when it cannot be read to its end."""
        if self.reader is None:
            self.cannot("is in a place where archives are not opened")
        else:
            self.reader.scan(source, self)

    def scan_stream(self, stream: Stream) -> None:
        """Judge what a decompressor gives, of which at most `Limits.spooled` bytes are put aside."""
        if self.reader is None:
            self.cannot("is in a place where archives are not opened")
        else:
            self.reader.scan_stream(stream, self, self.limits.spooled)

    def inside(self, name: str) -> Context:
        """Return the context of a member of an archive, and count it.

        Raises:
            TooMuchError: The archives are nested too deep or have too many members.
        """
        self.record.members += 1
        if self.record.members > self.limits.members:
            raise TooMuchError(f"holds more than {self.limits.members:,} members")
        if self.depth >= self.limits.depth:
            raise TooMuchError(f"holds archives in archives more than {self.limits.depth} deep")
        member = f"{self.member}!{name}" if self.member else name
        return replace(self, member=member, name=name.rpartition("/")[2], depth=self.depth + 1)

    def hit(
        self, rule: str, severity: str, message: str, *, offset: int | None = None, name: str = ""
    ) -> None:
        """Add a hit at this place."""
        self.record.hit(rule, severity, message, member=self.member, offset=offset, name=name)

    def failed(self, error: DamagedError) -> None:
        """Say that this place could not be read to its end."""
        if isinstance(error, TooMuchError):
            self.hit("LG-SCAN-025", "MEDIUM", f"Reaches a limit of the scan: {error}.", offset=error.offset)
        self.cannot(str(error), error.offset)

    def cannot(self, reason: str, offset: int | None = None) -> None:
        """Say that this place could not be judged."""
        self.record.cannot(reason, self.member, offset)
