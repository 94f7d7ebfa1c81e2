"""Zip archives: which kind of model file one is, and its members, each judged by its own content."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.scan.context import Context
from lockgate.scan.formats import keras, mar, names, skops, torch, zips
from lockgate.scan.formats.members import scan_member
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source


def scan(source: Source, context: Context) -> None:
    """Judge an archive and everything in it, with what its kind adds."""
    context.record.met("zip")
    members = zips.read(source, context)
    names.check((m.name for m in members), context)
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
    if any(name.endswith("/archive_format") and name.count("/") == 1 for name in held):
        # torch/_export/serde/serialize.py gives expressions of the file to sympify, which evaluates them.
        message = (
            "Is a program of torch.export, whose loader evaluates text of the file and loads its libraries."
        )
        context.hit("LG-SCAN-090", "HIGH", message)
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
