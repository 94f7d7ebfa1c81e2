"""Zip archives (APPNOTE.TXT 6.3.10), read strictly: readers that trust different headers see one thing.

The central directory and the local headers must agree, members may not overlap, and every byte of the
file must belong to one of them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from lockgate.scan.context import Context
from lockgate.scan.formats.compressed import deflated
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import CHUNK, Source, Stream

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FOUR, _TWO = 0xFFFFFFFF, 0xFFFF
_LONGEST_DIRECTORY = 128 << 20
_FOLDER = 0x10
_NEWEST = 63  # version 6.3 of the format
_LINK = 0o120000


@dataclass(frozen=True)
class Member:
    """A member as the central directory has it; ``start`` and ``end`` bound its packed bytes."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    header: int
    start: int
    end: int
    mode: int

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")


def is_zip(source: Source) -> bool:
    """Whether a file ends like a zip archive, whatever it begins with."""
    return _find_end(source) is not None


def end_of(source: Source) -> int:
    """Return where the record is that ends a zip archive; -1 if there is none."""
    found = _find_end(source)
    return found[0] if found else -1


def read(source: Source, context: Context) -> list[Member]:
    """Return the members, in the order of the file; what does not agree is reported or raised."""
    found = _find_end(source)
    if found is None:
        raise DamagedError("has no directory of a zip archive at its end", source.size)
    end, tail = found
    count, size, offset, limit = _directory(source, end, tail)
    if end + _END.size + tail[7] != source.size:
        raise BytesFollowError("bytes follow the end of the zip archive", end)
    if not _is_text(source.read(end + _END.size, tail[7])):
        context.hit("LG-SCAN-026", "HIGH", "Has a comment that is no text.", offset=end)
    if offset + size < limit and source.read(limit - size, 4) == b"PK\x01\x02":
        message = "Has bytes before the archive that its directory does not count."
        context.hit("LG-SCAN-026", "HIGH", message, offset=0)
    if offset + size != limit or size > _LONGEST_DIRECTORY or count > context.limits.members:
        raise DamagedError("the directory of the zip archive is not where it says", offset)
    members = _central(source, source.exactly(offset, size), count, context)
    members.sort(key=lambda member: member.header)
    at = 0
    for member in members:
        if member.header < at:
            context.hit(
                "LG-SCAN-023", "HIGH", "Has members that overlap.", offset=member.header, name=member.name
            )
        elif member.header > at:
            message = "Has bytes between its members that belong to none."
            context.hit("LG-SCAN-026", "HIGH", message, offset=at)
        at = max(at, member.end)
    if at != offset:
        context.hit("LG-SCAN-026", "HIGH", "Has bytes between its members that belong to none.", offset=at)
    return members


def _is_text(comment: bytes) -> bool:
    try:
        return "".join(comment.decode("utf-8").split()).isprintable()
    except UnicodeDecodeError:
        return False


def unpacked(source: Source, member: Member, context: Context) -> Stream | Source:
    """Return the content of a member: a part of the file when it is stored, else a stream.

    Raises:
        DamagedError: It is encrypted, packed in a way that no model file is, or a bomb.
    """
    if member.flags & 0x41:
        # Some readers do not look at the flag, so what is there is read as if it was not set.
        context.hit("LG-SCAN-027", "HIGH", "Is marked as encrypted.", offset=member.header)
    part = source.part(member.start, member.packed)
    if member.method == 0:
        if member.packed != member.size:
            raise DamagedError("is stored with two different sizes", member.header)
        return part
    if member.method != 8:  # noqa: PLR2004 - deflate
        raise DamagedError(f"is packed by method {member.method}, which is not read here", member.header)
    if member.size > max(context.limits.small, member.packed * context.limits.ratio):
        context.hit("LG-SCAN-025", "HIGH", "Unpacks to far more than it is packed to.", offset=member.header)
        raise DamagedError("unpacks to too much", member.header)
    return Checked(deflated(part.stream(), min(member.size, context.limits.unpacked)), member)


class Checked:
    """A stream of which size and CRC are checked at its end; skipping reads."""

    def __init__(self, inner: Stream, member: Member) -> None:
        self.inner = inner
        self.member = member
        self.at = 0
        self.crc = 0

    def read(self, count: int) -> bytes:
        """See `lockgate.scan.source.Stream`."""
        read = self.inner.read(count)
        self.crc = zlib.crc32(read, self.crc)
        self.at += len(read)
        return read

    def skip(self, count: int) -> None:
        """See `lockgate.scan.source.Stream`."""
        while count:
            read = self.read(min(count, CHUNK))
            if not read:
                raise DamagedError("is cut short", self.at)
            count -= len(read)

    def check(self, context: Context) -> None:
        """Read what is left, and report a checksum or size that is not the one declared."""
        while self.read(CHUNK):
            pass
        if self.at != self.member.size or self.crc != self.member.crc:
            message = "Has a member that is not what its checksum and size say."
            context.hit("LG-SCAN-024", "HIGH", message, offset=self.member.header, name=self.member.name)


def _find_end(source: Source) -> tuple[int, tuple[int, ...]] | None:
    """Return where the end record is, and what it says."""
    start = max(0, source.size - _END.size - _TWO)
    tail = source.read(start, source.size - start)
    at = len(tail)
    while (at := tail.rfind(b"PK\x05\x06", 0, at)) >= 0:
        if at + _END.size <= len(tail):
            record = _END.unpack_from(tail, at)
            # Python's zipfile takes the last record there is; a comment need not reach the end.
            if at + _END.size + record[7] <= len(tail):
                return start + at, record
    return None


def _directory(source: Source, end: int, tail: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the directory's entries, size and offset, and where it must end."""
    _, disk, disk_of, here, count, size, offset, _ = tail
    locator = source.read(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator[:4] == b"PK\x06\x07":
        _, disk, at, disks = _LOCATOR.unpack(locator)
        _, length, _, _, disk64, disk_of64, here64, count64, size64, offset64 = _END64.unpack(
            source.exactly(at, _END64.size)
        )
        if (
            source.read(at, 4) != b"PK\x06\x06"
            or at + 12 + length != end - _LOCATOR.size
            or (disk, disks, disk64, disk_of64) != (0, 1, 0, 0)
            or here64 != count64
        ):
            raise DamagedError("the zip archive's two ends disagree", at)
        for short, long, full in ((count, count64, _TWO), (size, size64, _FOUR), (offset, offset64, _FOUR)):
            if short not in (full, long):
                raise DamagedError("the zip archive's two ends disagree", at)
        return count64, size64, offset64, at
    if disk or disk_of or here != count:
        raise DamagedError("is one part of several of a zip archive", end)
    return count, size, offset, end


def _central(source: Source, raw: bytes, count: int, context: Context) -> list[Member]:
    members = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(raw):
            raise DamagedError("the directory of the zip archive is cut short", at)
        entry = _CENTRAL.unpack_from(raw, at)
        magic, made, needs, flags, method, _, _, crc, packed, size, *lengths = entry
        name_size, extra_size, comment_size, disk, _, attributes, header = lengths
        start = at + _CENTRAL.size
        at = start + name_size + extra_size + comment_size
        if needs & 0xFF > _NEWEST:
            raise DamagedError(
                f"needs version {needs & 0xFF} of the zip format, which does not exist", header
            )
        if disk:
            raise DamagedError("has a member on another disk", header)
        if magic != b"PK\x01\x02" or at > len(raw):
            raise DamagedError("the directory of the zip archive is damaged", at)
        name = raw[start : start + name_size]
        extra = raw[start + name_size : start + name_size + extra_size]
        size, packed, header = _long(extra, size, packed, header)
        if (other := _other_name(extra)) not in (None, name):
            message = "Has a member with a second name, which some readers take."
            context.hit("LG-SCAN-023", "HIGH", message, offset=header, name=repr(other))
        if attributes & _FOLDER and not name.endswith(b"/"):
            message = "Has a member that is a folder to some readers and a file to others."
            context.hit("LG-SCAN-023", "HIGH", message, offset=header, name=repr(name))
        mode = attributes >> 16 if made >> 8 == 3 else 0  # noqa: PLR2004 - made on Unix
        members.append(_local(source, name, flags, method, crc, packed, size, header, mode, context))
    if at != len(raw):
        raise DamagedError("the directory of the zip archive has more than its entries", at)
    return members


def _local(
    source: Source,
    name: bytes,
    flags: int,
    method: int,
    crc: int,
    packed: int,
    size: int,
    header: int,
    mode: int,
    context: Context,
) -> Member:
    """Return a member, and report a local header that says something else than the directory."""
    entry = _LOCAL.unpack(source.exactly(header, _LOCAL.size))
    magic, _, local_flags, local_method, _, _, local_crc, local_packed, local_size, name_size, extra_size = (
        entry
    )
    rest = source.exactly(header + _LOCAL.size, name_size + extra_size)
    local_size, local_packed, _ = _long(rest[name_size:], local_size, local_packed, 0)
    start = header + _LOCAL.size + name_size + extra_size
    end = start + packed
    if magic != b"PK\x03\x04":
        raise DamagedError("a member of the zip archive is not where its directory says", header)
    same = (local_crc, local_packed, local_size) == (crc, packed, size)
    if flags & 8:  # sizes and checksum follow the data
        descriptor = _descriptor(source, end, crc, packed, size)
        end += descriptor
        same = descriptor > 0 and (same or (local_crc, local_packed, local_size) == (0, 0, 0))
    text = name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    if not same or (rest[:name_size], local_method, local_flags) != (name, method, flags):
        message = "Has a member with two headers that disagree."
        context.hit("LG-SCAN-023", "HIGH", message, offset=header, name=text)
    if b"\0" in name:
        message = "Has a member whose name ends early for some readers."
        context.hit("LG-SCAN-023", "HIGH", message, offset=header, name=text)
    return Member(text, method, flags, crc, packed, size, header, start, end, mode)


def _descriptor(source: Source, at: int, crc: int, packed: int, size: int) -> int:
    """Return the length of the data descriptor that says what the directory says; 0 if it does not."""
    raw = source.read(at, 24)
    for mark in (b"PK\x07\x08", b""):
        for layout in ("<LLL", "<LQQ"):
            expected = mark + struct.pack(
                layout, crc, *(n & _FOUR if layout == "<LLL" else n for n in (packed, size))
            )
            if raw.startswith(expected):
                return len(expected)
    return 0


def _other_name(extra: bytes) -> bytes | None:
    """Return the name of Info-ZIP's Unicode path field, if there is one."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 0x7075:  # noqa: PLR2004 - a version, a checksum of the other name, the name
            return extra[at + 9 : at + 4 + length]
        at += 4 + length
    return None


def _long(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Return sizes and offset with those of the Zip64 field put in."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        at += 4 + length
        if kind != 1:
            continue
        values = [int.from_bytes(field[i : i + 8], "little") for i in range(0, len(field) - 7, 8)]
        if size == _FOUR and values:
            size = values.pop(0)
        if packed == _FOUR and values:
            packed = values.pop(0)
        if header == _FOUR and values:
            header = values.pop(0)
    return size, packed, header


def is_link(member: Member) -> bool:
    """Whether a member is a symbolic link."""
    return member.mode & 0o170000 == _LINK
