"""A member of a zip archive: judged by its content, or read as a document."""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.formats import zips
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source, SourceStream


def scan_member(source: Source, member: Member, context: Context) -> None:
    """Judge one member by its content."""
    opened = zips.unpacked(source, member, context)
    if isinstance(opened, Source):
        context.scan(opened)
        checked = zips.Checked(opened.stream(), member)
    else:
        checked = opened  # type: ignore[assignment]
        context.scan_stream(checked)
    checked.check(context)


def text_of(source: Source, member: Member, context: Context) -> bytes:
    """Return the whole of a member that is a document.

    Raises:
        DamagedError: It is too long, or not what its checksum says.
    """
    if member.size > context.limits.document:
        raise DamagedError(f"is a document of more than {context.limits.document:,} bytes", member.header)
    opened = zips.unpacked(source, member, context)
    stream = zips.Checked(SourceStream(opened) if isinstance(opened, Source) else opened, member)
    parts = []
    while part := stream.read(1 << 20):
        parts.append(part)
    stream.check(context)
    return b"".join(parts)
