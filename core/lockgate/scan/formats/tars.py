"""Tar archives (POSIX.1-2001 ustar and pax, GNU names): headers by checksum and field, padding by zeros.

The checksum of a header is the sum of its bytes, which stays what it is when some of them change places; so
each field has to be of its kind, too. NeMo models and the oldest files of torch are tar archives.
"""

from __future__ import annotations

import re
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
_NUMBER = re.compile(rb"\0*| *[0-7]+[ \0]*|[\x80\xff].*", re.DOTALL)  # octal, or in base 256
_NUMBERS = (100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (148, 156)
_DEVICE = (329, 337), (337, 345)
_GNU_TIMES = (345, 357), (357, 369)
_USTAR, _GNU = (b"ustar\x0000", b"ustar\0\0\0"), b"ustar  \0"
# Records of POSIX.1-2017 for pax; others have the name of a vendor before a point.
_PAX = {
    b"path": rb"[^\0]+", b"linkpath": rb"[^\0]+", b"uname": rb"[^\0]*", b"gname": rb"[^\0]*",
    b"comment": rb".*", b"charset": rb"[ -~]+", b"hdrcharset": rb"ISO-IR 10646 2000 UTF-8",
    b"uid": rb"\d+", b"gid": rb"\d+",
    **dict.fromkeys((b"mtime", b"atime", b"ctime"), rb"-?\d+(?:\.\d*)?"),
}  # fmt: skip
_VENDOR = re.compile(rb"(?:[A-Z][\w-]*|realtime|security)\.[ -<>-~]+")
_LENGTH = re.compile(rb"([1-9]\d{0,6}) ")


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
    at, longer, before = 0, "", False
    while True:
        head = source.exactly(at, _BLOCK)
        if head.count(0) == _BLOCK:
            if before:
                raise DamagedError("ends where an entry belongs", at)
            _rest_is_empty(source, at, context)
            return found
        if not _checksum(head):
            raise DamagedError("has a header whose checksum is wrong", at)
        size, kind, start = _fields(head, at), head[156:157], at + _BLOCK
        if size < 0:
            raise DamagedError("has an entry with a negative size", at)
        if kind in (b"1", b"2", b"5"):
            size = 0
        source.part(start, size)
        at = start + (size + _BLOCK - 1) // _BLOCK * _BLOCK
        if any(source.exactly(start + size, at - start - size)):
            raise DamagedError("has something in bytes that fill a block up", start + size)
        if kind in (b"L", b"K"):
            name = _gnu_name(source, start, size)
            longer = name if kind == b"L" else longer
            before = True
        elif kind in (b"x", b"g"):
            name = _pax(source, start, size, everywhere=kind == b"g")
            longer, before = name or longer, before or kind == b"x"
        else:
            if longer and head[257:265] == _GNU and not longer.encode().startswith(_text(head, 0, 100, at)):
                raise DamagedError("has an entry with two names that differ", at)
            found.append(Entry(longer or _name(head, at), kind, start, size))
            longer, before = "", False
            if len(found) > context.limits.members:
                raise DamagedError(f"holds more than {context.limits.members:,} members", at)


def _fields(head: bytes, at: int) -> int:
    """Hold the fields of a header against their kinds, and return the size that it says."""
    magic, spans = head[257:265], [*_NUMBERS, *_DEVICE]
    if magic in _USTAR:
        rest = head[500:]
    elif magic == _GNU:
        spans += _GNU_TIMES
        rest = head[369:]
    else:
        rest = magic + head[345:]
    if any(rest) or not all(_NUMBER.fullmatch(head[begin:end]) for begin, end in spans):
        raise DamagedError("has a header that cannot be read", at)
    for begin, end in ((157, 257), (265, 297), (297, 329)):
        _text(head, begin, end, at)
    return int(tarfile.nti(head[124:136]))  # type: ignore[attr-defined]


def _text(head: bytes, begin: int, end: int, at: int) -> bytes:
    """Return a text of a header without the zeros that fill it up."""
    text = head[begin:end].rstrip(b"\0")
    if b"\0" in text:
        raise DamagedError("has a header that cannot be read", at)
    return text


def _name(head: bytes, at: int) -> str:
    name = _text(head, 0, 100, at)
    prefix = _text(head, 345, 500, at) if head[257:265] in _USTAR else b""
    return _readable(prefix + b"/" + name if prefix else name, at)


def _readable(name: bytes, at: int) -> str:
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or any(letter < " " or letter == "\x7f" for letter in text):
        raise DamagedError("has a name that is no text", at)
    return text


def _gnu_name(source: Source, start: int, size: int) -> str:
    if size > _LONGEST_NAME:
        raise DamagedError("has a name that is too long", start)
    return _readable(source.exactly(start, size).removesuffix(b"\0"), start)


def _pax(source: Source, start: int, size: int, *, everywhere: bool) -> str:
    """Hold the records of a pax header against their kinds, and return the name among them."""
    if size > _LONGEST_NAME:
        raise DamagedError("has a name that is too long", start)
    raw = source.exactly(start, size)
    found: dict[bytes, bytes] = {}
    while raw:
        length = _LENGTH.match(raw)
        end = int(length[1]) if length else 0
        if length is None or not length.end() < end <= len(raw) or raw[end - 1] != ord("\n"):
            raise DamagedError("has a pax header that cannot be read", start)
        key, equals, value = raw[length.end() : end - 1].partition(b"=")
        raw = raw[end:]
        if key == b"size" or key.startswith(b"GNU.sparse") or (everywhere and key.endswith(b"path")):
            raise DamagedError("has an entry whose size or name stands in two places", start)
        kind = _PAX.get(key)
        if not equals or key in found or not (kind or _VENDOR.fullmatch(key)):
            raise DamagedError("has a pax header of no known kind", start)
        if kind and not re.fullmatch(kind, value, re.DOTALL):
            raise DamagedError("has a pax header of no known kind", start)
        found[key] = value
    names = [_readable(found[key], start) for key in (b"linkpath", b"path") if key in found]
    return names[-1] if b"path" in found else ""


def _checksum(head: bytes) -> bool:
    try:
        declared = tarfile.nti(head[148:156])  # type: ignore[attr-defined]
    except tarfile.HeaderError:
        return False
    return bool(declared == sum(head[:148]) + 8 * 32 + sum(head[156:_BLOCK]))


def _rest_is_empty(source: Source, at: int, context: Context) -> None:
    # Two empty blocks end an archive; writers that add more fill a record of twenty blocks with them.
    end = at + 2 * _BLOCK
    if source.size not in (end, -(-end // _RECORD) * _RECORD):
        message = "does not end as a tar archive does, with two empty blocks"
        raise BytesFollowError(message, end) if source.size > end else DamagedError(message, at)
    while block := source.read(at, 1 << 18):
        if block.count(0) != len(block):
            context.hit("LG-SCAN-026", "HIGH", "Has bytes after the end of the tar archive.", offset=at)
            return
        at += len(block)
