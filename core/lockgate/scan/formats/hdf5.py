"""HDF5 files (HDF5 File Format Specification 3.0): Keras keeps its configuration in them as JSON.

The file is searched for JSON objects and pickles from end to end: attributes are never compressed, and
what no group leads to is looked at as well. Then its structure is followed from the root to every value
(`lockgate.scan.formats.h5`), so that nothing which a reader would fail on is called safe.
"""

from __future__ import annotations

import json
import re

from lockgate.scan.context import Context
from lockgate.scan.formats import keras
from lockgate.scan.formats.h5 import superblock
from lockgate.scan.pickles.inside import DeepJudge
from lockgate.scan.source import Source

MAGIC = superblock.MAGIC
_WINDOW = 4 << 20
_OBJECT = re.compile(rb'\{[ \t\r\n]*"')
# PyTables unpickles attributes and objects as they are read.
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x95\x8cc}\](]|[(]?[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
_PICKLED = 1 << 16
# A key of a configuration, plain or with any of its letters written as an escape.
_KEY = re.compile(rb'"(?:class_name|[a-z_]*(?:\\u00[0-9a-fA-F]{2}[a-z_]*)+)"[ \t\r\n]*:')


def scan(source: Source, context: Context) -> None:
    """Judge every JSON object in the file."""
    context.record.met("HDF5")
    judge = DeepJudge(context)
    at = 0
    while at < source.size:
        window = source.read(at, _WINDOW + 64)
        last = min(len(window), _WINDOW)
        step = last
        for found in _PICKLE.finditer(window):
            judge.bytes_inside(source.read(at + found.start(), _PICKLED), at + found.start())
        for found in _OBJECT.finditer(window):
            if found.start() >= last:
                break
            length = _document(source, at + found.start(), context)
            if length > 0:
                step = max(1, found.start() + length)
                break
        at += step
    superblock.walk(source, context)


def _document(source: Source, start: int, context: Context) -> int:
    """Judge the JSON object at a place, and return its length; 0 if there is none."""
    head = source.read(start, 512)
    text = head.split(b"\0", 1)[0]
    if len(text) < len(head) and not _KEY.search(text):
        return 0
    raw = head
    size = 1 << 14
    while True:
        raw = source.read(start, size)
        text = raw.split(b"\0", 1)[0]
        if len(text) < len(raw) or len(raw) < size or size > context.limits.document:
            break
        try:
            text[:-4].decode("utf-8", "strict")
        except UnicodeDecodeError as error:
            text = text[: error.start]
            if error.start < size - 8:
                break
        size *= 4
    decoded = text.decode("utf-8", "ignore")
    try:
        config, end = json.JSONDecoder().raw_decode(decoded)
    except (ValueError, RecursionError):
        if _KEY.search(text):
            context.cannot("holds a configuration that is no JSON", start)
        return 0
    if _KEY.search(text[:end] if len(text) == len(decoded) else text):
        context.record.met("Keras")
        keras.check(config, context)
    return len(decoded[:end].encode())
