"""What lies in the byte strings of a pickle: pickles, storages of torch, models of other libraries."""

from __future__ import annotations

import re
from dataclasses import replace

from lockgate.scan.context import Context
from lockgate.scan.formats import catboost, natives
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.machine import Machine
from lockgate.scan.pickles.values import Blob, Unjudged
from lockgate.scan.record import Answer, DamagedError, Record
from lockgate.scan.source import BytesStream, LimitedStream, Stream, spooled

_NATIVE = 1 << 30  # bytes of a model in a byte string
_NESTED = 3  # pickles in bytes in pickles
# What a pickle in a byte string begins with: a protocol, or in protocol 0 soon an import.
_PICKLE = re.compile(rb"\x80[\x00-\x05]|[(\])}0-9lNKq\x00-\x04]*[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n")
# `torch.serialization.MAGIC_NUMBER` as a pickle of protocol 2.
_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_NAME = re.compile(r"[A-Za-z_][\w.]*\Z")


class DeepJudge(Judge):
    """Judges a pickle with what lies in its byte strings."""

    def bytes_inside(self, data: bytes, offset: int) -> None:
        """Look whether a byte string is itself a pickle that does something."""
        if data.startswith(_TORCH):
            return  # judged when it is loaded, and not loaded by anything else
        if len(data) > 4 and _PICKLE.match(data):  # noqa: PLR2004 - no import is shorter
            self._nested(BytesStream(data), offset)

    def long_bytes_inside(self, stream: Stream, size: int, offset: int) -> Blob:
        """Pass over a long byte string, looking whether it is a pickle; nothing of it is kept."""
        inside = LimitedStream(stream, size)
        head = inside.read(256)
        if head.startswith(_TORCH):
            found = self._torch(_Headed(head, inside), offset)
            inside.end()
            return Blob(size, torch=found)
        if _PICKLE.match(head):
            self._nested(_Headed(head, inside), offset)
        elif natives.looks_like_ubjson(head) or head.startswith(catboost.MAGIC):
            self._native(_Headed(head, inside), offset)
        inside.end()
        return Blob(size)

    def torch_inside(self, blob: Blob, offset: int) -> bool:
        """Say whether a short byte string is a harmless file of torch; what is found is recorded."""
        return bool(blob.data) and self._torch(BytesStream(blob.data or b""), offset)

    def _torch(self, stream: Stream, offset: int) -> bool:
        """Judge a byte string as the file of torch that it is, which a storage is pickled as."""
        inside = self._deeper(offset)
        if inside is None:
            return False
        try:
            inside.scan_stream(stream)
        except DamagedError as error:
            inside.failed(error)
        for hit in inside.record.hits:
            self.record.hit(
                hit.rule, hit.severity, hit.message, member=hit.member, offset=hit.offset, name=hit.name
            )
        return inside.record.answer is Answer.SAFE and "torch legacy" in inside.record.formats

    def _native(self, stream: Stream, offset: int) -> None:
        """Hold the model of a library that lies in a byte string against its frame."""
        try:
            source = spooled(stream, _NATIVE)
            read = catboost.scan if source.read(0, 4) == catboost.MAGIC else natives.scan_ubjson
            read(source, self.context)
        except DamagedError as error:
            self.odd(f"holds a model in bytes, which {error}", offset)

    def _nested(self, stream: Stream, offset: int) -> None:
        inside = self._deeper(offset)
        if inside is None:
            return
        ended = False
        try:
            Machine(Cursor(stream), DeepJudge(inside, lambda *_: Unjudged())).run()
            ended = True
        except DamagedError:
            pass  # most byte strings are no pickles
        for hit in inside.record.hits:
            named = all(map(_NAME.match, hit.name.split(".", 1))) and hit.name
            if hit.unsafe and (ended or (named and hit.severity == "CRITICAL")):
                message = f"Holds a pickle in a byte string: {hit.message}"
                self.hit("LG-SCAN-007", hit.severity, message, offset, hit.name)

    def _deeper(self, offset: int) -> Context | None:
        """Return the place of a pickle in a byte string, with a record of its own; None if it is too deep."""
        if self.context.nested >= _NESTED:
            self.odd("pickles are nested in pickles too deep", offset)
            return None
        member = f"{self.context.member}!bytes"
        return replace(self.context, record=Record(), member=member, nested=self.context.nested + 1)


class _Headed:
    """A stream of which the head was already read."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self.head = head
        self.rest = rest
        self.at = 0

    def read(self, count: int) -> bytes:
        read, self.head = self.head[:count], self.head[count:]
        read = read or self.rest.read(count)
        self.at += len(read)
        return read

    def skip(self, count: int) -> None:
        head, self.head = self.head[:count], self.head[count:]
        self.rest.skip(count - len(head))
        self.at += count
