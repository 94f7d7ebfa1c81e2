"""Which format a file is, told by its content alone, and who reads it.

A file that two readers would take for two things is unsafe: one of the two is what the person who
looked at it saw, and the other is what is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from lockgate.scan.context import Context
from lockgate.scan.formats import (
    catboost,
    compressed,
    gguf,
    hdf5,
    jsons,
    kerasmetadata,
    kinds,
    lightgbm,
    natives,
    npy,
    onnx,
    pictures,
    safetensors,
    savedmodel,
    tars,
    text,
    tflite,
    zips,
)  # fmt: skip
from lockgate.scan.pickles import files
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.record import BytesFollowError, DamagedError, Record
from lockgate.scan.source import CHUNK, Source, Stream, spooled

_HEAD = files.HEAD
_LEAST = 12  # bytes of text; less may be what is left of another file
# So may be one word that nothing ends: the first bytes of a tar archive are a path. A digest is none.
# Two begin a pickle of protocol 0 by what it imports.
_LONE = re.compile(rb"(?![0-9a-f]{32,}\Z)[A-Za-z_./-][\w./-]{0,254}|\(?[ci][A-Za-z_][\w.]*\n[\w.]*")
_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_ARCHIVES = {
    _SEVEN_ZIP: "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard", b"MSCF": "CAB", b"!<arch>\n": "ar",
    b"0707": "cpio", b"xar!": "xar", b"hsqs": "SquashFS", b"LZIP": "lzip", b"\x1f\x9d": "compress",
}  # fmt: skip
_FOREIGN = {
    b"PAR1": "Parquet", b"ARROW1": "Arrow", b"%PDF": "PDF", b"SQLite format 3\0": "SQLite",
    b"\xac\xed\0\x05": "objects of Java", b"RDX": "objects of R", b"RKNN": "RKNN",
}  # fmt: skip
# A document of JSON, behind what only some readers pass over. A line in brackets begins a vocabulary or INI.
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|//[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*[{\[]")
_BRACKETED = re.compile(rb"\s*\[[A-Za-z_][\w. :\"'-]*\][ \t]*\r?\n")
# A map of MessagePack whose first key is text; to a pickle it begins with an extension code or a tuple.
_MESSAGE_PACK = re.compile(rb"[\x81-\x8f\xde\xdf][\x00-\xff]{0,4}?[\xa1-\xbf\xd9][\x01-\xff]?[\w/.-]{1,20}")


def scan(source: Source, context: Context) -> None:
    """Judge a file, or a member of one.

    Raises:
        DamagedError: It cannot be read to its end.
    """
    if source.size == 0:
        if context.depth:
            context.record.met("empty")
        else:
            context.cannot("is empty")
        return
    head = source.read(0, _HEAD)
    readers = _readers(source, head, context)
    names = [name for name, _ in readers]
    if len(names) > 1:
        message = f"Reads as {' and as '.join(names)}: whoever looks and whoever loads may see two things."
        context.hit("LG-SCAN-026", "HIGH", message, name="+".join(names))
    for _, reader in readers:
        _try(reader, source, context)
    if not readers:
        _unknown(head, context)


def _try(reader: Callable[[], None], source: Source, context: Context) -> None:
    try:
        reader()
    except DamagedError as error:
        if isinstance(error, BytesFollowError) and error.offset is not None:
            _behind(source, error.offset, context)
        context.failed(error)


def _behind(source: Source, at: int, context: Context) -> None:
    """Say what follows the end of a format, when that is a file of its own."""
    while block := source.read(at, CHUNK):
        rest = block.lstrip(b"\0")
        at += len(block) - len(rest)
        if rest:
            break
    if at >= source.size:
        return
    part = source.part(at, source.size - at)
    names = [name for name, _ in _readers(part, part.read(0, _HEAD), replace(context, record=Record()))]
    found = [name for name in names if name not in ("text", "JSON", "UBJSON")]
    if found:
        message = f"Has a file of another kind behind its end: {' and '.join(found)}."
        context.hit("LG-SCAN-026", "HIGH", message, offset=at, name="+".join(found))


def scan_stream(stream: Stream, context: Context, most: int) -> None:
    """Judge what compressed data unpacks to: pickles and arrays as they come, the rest from a file."""
    cursor = Cursor(stream)
    head = cursor.peek(_HEAD)
    if not head:
        context.record.met("empty")
    elif head.startswith(npy.MAGIC):
        npy.scan(cursor, context)
    elif files.looks_like_pickle(head) and not tars.looks_like_tar(head):
        files.scan(cursor, context)
    else:
        scan(spooled(cursor, most), context)


def _readers(source: Source, head: bytes, context: Context) -> list[tuple[str, Callable[[], None]]]:
    """Return every format that the file is, with what reads it."""
    found: list[tuple[str, Callable[[], None]]] = []

    def is_(name: str, reader: Callable[[], None]) -> None:
        found.append((name, reader))

    tar = tars.looks_like_tar(head)
    ends = zips.is_zip(source) and not (tar and _ends_inside(source, context))
    if ends or head.startswith(b"PK\x03\x04"):
        is_("zip", lambda: kinds.scan(source, context))
    if tar:
        is_("tar", lambda: tars.scan(source, context))
    if compressed.codec(head):
        is_(compressed.codec(head), lambda: compressed.scan(source, context))
    if head.startswith(npy.MAGIC):
        is_("npy", lambda: npy.scan(Cursor(source.stream()), context))
    if head.startswith(hdf5.MAGIC):
        is_("HDF5", lambda: hdf5.scan(source, context))
    if head.startswith(gguf.MAGIC):
        is_("GGUF", lambda: gguf.scan(source, context))
    if head.startswith(catboost.MAGIC):
        is_("CatBoost", lambda: catboost.scan(source, context))
    if head.startswith(lightgbm.MAGIC):
        is_("LightGBM", lambda: lightgbm.scan(source, context))
    if head[4:8] == tflite.MAGIC:
        is_("TFLite", lambda: tflite.scan(source, context))
    if safetensors.looks_like_safetensors(head, source.size):
        is_("safetensors", lambda: safetensors.scan(source, context))
    if natives.looks_like_ubjson(head):
        is_("UBJSON", lambda: natives.scan_ubjson(source, context))
    if files.looks_like_pickle(head) and not _runs_into_nothing(source, head, context):
        is_("pickle", lambda: files.scan(Cursor(source.stream()), context))
    if kind := pictures.kind_of(head):
        is_(kind, lambda: _picture(source, kind, context))
    if what := text.program(head):
        is_("program", lambda: text.scan_program(what, context))
    if not found:
        _by_structure(source, head, context, is_)
    return found


def _picture(source: Source, kind: str, context: Context) -> None:
    context.record.met(kind)
    pictures.check(source, kind)


def _ends_inside(source: Source, context: Context) -> bool:
    """Whether the zip archive that a tar archive ends like is one of its members, and judged as that."""
    return tars.holds(source, zips.end_of(source), replace(context, record=Record()))


def _runs_into_nothing(source: Source, head: bytes, context: Context) -> bool:
    """Whether a model of CatBoost or MessagePack, read as a pickle, breaks off before it names anything.

    CatBoost's magic number is a byte string of 66 bytes to a pickle, and any number stands after that.
    """
    if not head.startswith(catboost.MAGIC) and not _MESSAGE_PACK.match(head):
        return False
    aside = replace(context, record=Record())
    try:
        files.scan(Cursor(source.stream()), aside)
    except DamagedError:
        return {hit.rule for hit in aside.record.hits} <= {"LG-SCAN-005"}
    return False


def _by_structure(
    source: Source, head: bytes, context: Context, is_: Callable[[str, Callable[[], None]], None]
) -> None:
    """Try the formats that have no magic number, most telling first."""
    if head.lstrip()[:2] in (b"{{", b"{%", b"{#") and text.is_text(source):  # a template; no JSON begins so
        is_("text", lambda: text.scan(source, context))
    elif _JSON.match(head) and not (_BRACKETED.match(head) and text.is_text(source)):
        is_("JSON", lambda: jsons.scan(source, context))
    elif kerasmetadata.looks_like_metadata(source):
        is_("Keras", lambda: kerasmetadata.scan(source, context))
    elif savedmodel.looks_like_saved_model(source):
        is_("SavedModel", lambda: savedmodel.scan(source, context))
    elif onnx.looks_like_onnx(source):
        is_("ONNX", lambda: onnx.scan(source, context))
    elif savedmodel.looks_like_graph(source):
        is_("graph", lambda: savedmodel.scan_graph(source, context))
    elif savedmodel.looks_like_meta_graph(source):
        is_("graph", lambda: savedmodel.scan_meta_graph(source, context))
    elif (context.depth or not (source.size < _LEAST or _LONE.fullmatch(head))) and text.is_text(source):
        is_("text", lambda: text.scan(source, context))


def _unknown(head: bytes, context: Context) -> None:
    foreign = next((name for magic, name in (_ARCHIVES | _FOREIGN).items() if head.startswith(magic)), None)
    if foreign is not None and foreign in _ARCHIVES.values():
        # Loaders fail on 7z, after or before they ran what is inside (the "nullifAI" models of 2025).
        # The one library that reads it, py7zr, is under the LGPL.
        message = f"Is an archive ({foreign}), which is not opened; have it packed as zip or tar."
        context.hit("LG-SCAN-100", "MEDIUM", message, name=foreign)
    if foreign is None and _MESSAGE_PACK.match(head):
        foreign = "MessagePack"
    context.cannot(
        f"is {foreign}, which is not read here" if foreign else "is in no format that is known here"
    )
