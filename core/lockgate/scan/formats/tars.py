"""Tar archives (POSIX.1-2001 ustar and pax, GNU names): every header is held against its checksum.

NeMo models and the oldest files of torch are tar archives.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass

from lockgate.scan.context import Context
from lockgate.scan.formats import names
from lockgate.scan.record import BytesFollowError, DamagedError
from lockgate.scan.source import Source

_BLOCK = 512
_RECORD = 20 * _BLOCK
_FILES = frozenset([b"0", b"\0", b"7"])
_LINKS = {b"1": "a hard link", b"2": "a symbolic link"}
_DEVICES = {b"3": "a device", b"4": "a device", b"6": "a FIFO"}
_LONGEST_NAME = 1 << 16


@dataclass(frozen=True)
class Entry:
    """One entry: its name, its type flag, and where its content is."""

    name: str
    kind: bytes
    start: int
    size: int


def looks_like_tar(head: bytes) -> bool:
    """Whether 512 bytes are the header of an entry."""
    return len(head) >= _BLOCK and head[:1] != b"\0" and _checksum(head[:_BLOCK])


def scan(source: Source, context: Context) -> None:
    """Judge an archive and everything in it."""
    context.record.met("tar")
    entries = _entries(source, context)
    names.check((entry.name for entry in entries), context)
    for entry in entries:
        inside = context.inside(entry.name)
        what = _LINKS.get(entry.kind) or _DEVICES.get(entry.kind)
        if what:
            inside.hit("LG-SCAN-021", "HIGH", f"Is {what}.", offset=entry.start - _BLOCK)
        elif entry.kind in _FILES:
            try:
                inside.scan(source.part(entry.start, entry.size))
            except DamagedError as error:
                inside.failed(error)
        elif entry.kind != b"5":
            inside.cannot("is an entry of an unknown type", entry.start - _BLOCK)


def holds(source: Source, at: int, context: Context) -> bool:
    """Whether a byte belongs to the content of an entry."""
    try:
        return any(
            entry.start <= at < entry.start + entry.size and entry.kind in _FILES
            for entry in _entries(source, context)
        )
    except DamagedError:
        return False


def _entries(source: Source, context: Context) -> list[Entry]:
    found: list[Entry] = []
    at, longer = 0, ""
    while True:
        head = source.exactly(at, _BLOCK)
        if head.count(0) == _BLOCK:
            _rest_is_empty(source, at, context)
            return found
        if not _checksum(head):
            raise DamagedError("has a header whose checksum is wrong", at)
        try:
            size = tarfile.nti(head[124:136])  # type: ignore[attr-defined]
        except tarfile.HeaderError:
            raise DamagedError("has a header that cannot be read", at) from None
        kind, start = head[156:157], at + _BLOCK
        if size < 0:
            raise DamagedError("has an entry with a negative size", at)
        if kind in b"12345" and kind != b"":
            size = 0 if kind in (b"1", b"2", b"5") else size
        source.part(start, size)
        at = start + (size + _BLOCK - 1) // _BLOCK * _BLOCK
        if kind in (b"L", b"x"):
            longer = _long_name(source, start, size, kind) or longer
        elif kind in (b"g", b"K"):
            continue
        else:
            found.append(Entry(longer or _name(head), kind, start, size))
            longer = ""
            if len(found) > context.limits.members:
                raise DamagedError(f"holds more than {context.limits.members:,} members", at)


def _name(head: bytes) -> str:
    name = head[:100].split(b"\0")[0]
    prefix = head[345:500].split(b"\0")[0] if head[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _long_name(source: Source, start: int, size: int, kind: bytes) -> str:
    if size > _LONGEST_NAME:
        raise DamagedError("has a name that is too long", start)
    raw = source.exactly(start, size)
    if kind == b"L":
        return raw.split(b"\0")[0].decode("utf-8", "replace")
    name = ""
    while raw:
        length, blank, _ = raw.partition(b" ")
        if not blank or not length.isdigit() or not 0 < int(length) <= len(raw):
            raise DamagedError("has a pax header that cannot be read", start)
        record, raw = raw[len(length) + 1 : int(length)], raw[int(length) :]
        key, _, value = record.rstrip(b"\n").partition(b"=")
        if key == b"path":
            name = value.decode("utf-8", "replace")
        elif key == b"size" or key.startswith(b"GNU.sparse"):
            raise DamagedError("has an entry whose size stands in two places", start)
    return name


def _checksum(head: bytes) -> bool:
    try:
        declared = tarfile.nti(head[148:156])  # type: ignore[attr-defined]
    except tarfile.HeaderError:
        return False
    return bool(declared == sum(head[:148]) + 8 * 32 + sum(head[156:_BLOCK]))


def _rest_is_empty(source: Source, at: int, context: Context) -> None:
    # Two empty blocks end an archive; writers that add more fill a record of twenty blocks with them.
    end = at + 2 * _BLOCK
    if source.size - at != 2 * _BLOCK and (source.size - at < 2 * _BLOCK or source.size % _RECORD):
        message = "does not end as a tar archive does, with two empty blocks"
        raise BytesFollowError(message, end) if source.size > end else DamagedError(message, at)
    while block := source.read(at, 1 << 18):
        if block.count(0) != len(block):
            context.hit("LG-SCAN-026", "HIGH", "Has bytes after the end of the tar archive.", offset=at)
            return
        at += len(block)
