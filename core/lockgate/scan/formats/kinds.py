"""What kind of zip archive a model file is, and its members, each judged by its own content."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.scan.context import Context
from lockgate.scan.formats import zips
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source, SourceStream


def scan_zip(source: Source, members: list[Member], context: Context) -> None:
    """Judge all members, with what the kind of archive adds."""
    from lockgate.scan.formats import keras, mar, skops, torch

    held = {m.name for m in members}
    special: dict[str, Callable[[Member, Context], bool]] = {}
    root = torch.root_of(held)
    kind = None
    if root is not None:
        kind = torch.Archive(source, members, root, context)
        special["torch"] = kind.scan_member
    if "schema.json" in held:
        special["skops"] = skops.Archive(source, held, context).scan_member
    if {"metadata.json", "config.json"} <= held:
        special["keras"] = keras.Archive(source, context).scan_member
    if "MAR-INF/MANIFEST.json" in held:
        special["mar"] = mar.Archive(source, held, context).scan_member
    if len(special) > 1:
        context.hit(
            "LG-SCAN-026", "HIGH", f"Is two kinds of model file at once: {', '.join(sorted(special))}."
        )
    for member in members:
        inside = context.inside(member.name)
        if zips.is_link(member):
            inside.hit("LG-SCAN-021", "HIGH", "Is a symbolic link.", offset=member.header)
            continue
        if member.folder:
            if member.size or member.packed:
                inside.cannot("is a folder with content", member.header)
            continue
        try:
            if not any(judge(member, inside) for judge in special.values()):
                scan_member(source, member, inside)
        except DamagedError as error:
            inside.failed(error)
    if kind is not None:
        kind.finish()


def scan_member(source: Source, member: Member, context: Context) -> None:
    """Judge one member by its content."""
    from lockgate.scan import content

    opened = zips.unpacked(source, member, context)
    if isinstance(opened, Source):
        content.scan(opened, context)
        checked = zips.Checked(opened.stream(), member)
    else:
        checked = opened  # type: ignore[assignment]
        content.scan_stream(checked, context, context.limits.spooled)
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
