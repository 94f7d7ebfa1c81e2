"""What ``torch.save`` writes: zip archives since 1.6, before that five pickles and raw storages.

A zip has one folder with ``data.pkl``, whose persistent ids name the storages in ``data/``, which are
raw numbers. A folder ``code/`` makes it TorchScript; see `lockgate.scan.formats.torchscript`.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import zips
from lockgate.scan.formats.members import text_of
from lockgate.scan.formats.zips import Member
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.pickles.inside import DeepJudge
from lockgate.scan.pickles.judge import Judge
from lockgate.scan.pickles.machine import Machine
from lockgate.scan.pickles.values import NONE, Global, Storage, Unjudged
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_PROTOCOL = 1001
_ITEM = {
    "DoubleStorage": 8,
    "LongStorage": 8,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
    "FloatStorage": 4,
    "IntStorage": 4,
    "QInt32Storage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "ShortStorage": 2,
    "ByteStorage": 1,
    "CharStorage": 1,
    "BoolStorage": 1,
    "QInt8Storage": 1,
    "QUInt8Storage": 1,
    "QUInt4x2Storage": 1,
    "QUInt2x4Storage": 1,
    "UntypedStorage": 1,
}
_PLAIN = frozenset(
    ["version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"]
)
# torch/csrc/api, c10/core/DeviceType.h
_LOCATION = re.compile(
    r"(?:cpu|cuda|mkldnn|opengl|opencl|ideep|hip|ve|fpga|maia|xla|lazy|vulkan|mps|meta|hpu|mtia|xpu|ipu|npu"
    r"|privateuseone)(?::\d{1,4})?"
)
_TINY = 128
_WORD = re.compile(rb"[\w.+-]*\s*\Z")


def root_of(names: set[str]) -> str | None:
    """Return the one folder of an archive that torch reads, with its slash; None if it is none."""
    roots = {
        name.partition("/")[0] + "/" for name in names if name.endswith("/data.pkl") and name.count("/") == 1
    }
    return roots.pop() if len(roots) == 1 else None


class Storages:
    """The storages that pickles name by persistent ids: key to size in bytes, where it is known."""

    def __init__(self, context: Context, parts: int = 5) -> None:
        self.context = context
        self.parts = parts  # of a persistent id
        self.sizes: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def persistent(self, pid: Any, offset: int) -> Any:
        """Take ``("storage", class, key, location, count)``; anything else torch does not write."""
        if not (isinstance(pid, tuple) and len(pid) == self.parts and pid[0] == "storage"):
            if isinstance(pid, tuple) and pid and pid[0] == "module":  # source texts, in old files
                return pid[1] if len(pid) > 1 else Unjudged()
            raise DamagedError("a persistent id names no storage of torch", offset)
        _, cls, key, location, count, *view = pid
        if isinstance(cls, Unjudged):
            return cls
        if not (isinstance(cls, Global) and isinstance(key, str) and isinstance(count, int) and count >= 0):
            raise DamagedError("a persistent id names no storage of torch", offset)
        if not cls.allowed:
            return Unjudged()
        if any(one is not NONE and not _is_view(one) for one in view):
            raise DamagedError("a persistent id names no storage of torch", offset)
        if not (isinstance(location, str) and _LOCATION.fullmatch(location)):
            raise DamagedError("a storage lies in a place that torch does not know", offset)
        item = _ITEM.get(cls.name) if cls.module in ("torch", "torch.storage") else None
        if item is None:
            raise DamagedError(f"a storage is of the class {cls.path}, which is none of torch's", offset)
        if self.sizes.setdefault(key, count * item) != count * item:
            raise DamagedError("names a storage with two sizes", offset)
        self.counts[key] = count
        return Storage(count)


def _is_view(part: Any) -> bool:
    """Whether it says which part of another storage one was, in files from before 0.4: key, start, size."""
    return isinstance(part, tuple) and list(map(type, part)) == [str, int, int]


class Archive:
    """A zip archive of torch."""

    def __init__(self, source: Source, members: list[Member], root: str, context: Context) -> None:
        self.source = source
        self.root = root
        self.context = context
        self.members = {m.name: m for m in members}
        self.storages: dict[str, Storages] = {}
        self.script = any(name.startswith(f"{root}code/") for name in self.members)
        context.record.met("TorchScript" if self.script else "torch")
        for name in self.members:
            if not name.startswith(root):
                context.hit("LG-SCAN-026", "HIGH", "Has a member outside of its folder.", name=name)

    def scan_member(self, member: Member, context: Context) -> bool:
        """Judge a member that torch reads in its own way; say whether it was one."""
        from lockgate.scan.formats import torchscript

        inside = member.name.removeprefix(self.root)
        folder, _, key = inside.rpartition("/")
        if inside.endswith(".pkl") and not folder:
            self._pickle(member, context)
        elif key.isdigit() and f"{self.root}{folder}.pkl" in self.members:
            # Raw numbers, of which only the checksum can be checked.
            zips.Checked(_stream(self.source, member, context), member).check(context)
        elif inside in _PLAIN and self._is_word(member, context):
            zips.Checked(_stream(self.source, member, context), member).check(context)
        elif inside.startswith("code/") and inside.endswith(".debug_pkl"):
            self._pickle(member, context)
        elif inside.startswith("code/"):
            torchscript.scan(text_of(self.source, member, context), context)
        else:
            return False
        return True

    def _is_word(self, member: Member, context: Context) -> bool:
        """Whether a member is a word or number; anything else is judged by its content."""
        return member.size <= _TINY and bool(_WORD.match(_stream(self.source, member, context).read(_TINY)))

    def _pickle(self, member: Member, context: Context) -> None:
        stream = zips.Checked(_stream(self.source, member, context), member)
        cursor = Cursor(stream)
        context.record.met("pickle")
        storages = self.storages[member.name.removeprefix(self.root).removesuffix(".pkl")] = Storages(context)
        judge = DeepJudge(context, storages.persistent)
        judge.script = self.script
        Machine(cursor, judge).run()
        if not cursor.finished:
            context.hit(
                "LG-SCAN-008", "MEDIUM", "Has bytes after the end of its pickle.", offset=cursor.offset
            )
            context.cannot("bytes follow the end of the pickle", cursor.offset)
        stream.check(context)

    def finish(self) -> None:
        """Hold the storages that were named against those that are there."""
        for folder in ("data", "constants"):  # traced_inputs/ is saved without its numbers
            for key, size in self.storages.get(folder, Storages(self.context)).sizes.items():
                there = self.members.get(f"{self.root}{folder}/{key}")
                if there is None or there.size < size:
                    self.context.cannot(f"storage {folder}/{key} is not there, or shorter than it must be")


def _stream(source: Source, member: Member, context: Context) -> Any:
    opened = zips.unpacked(source, member, context)
    return opened.stream() if isinstance(opened, Source) else opened


def scan_legacy(cursor: Cursor, context: Context) -> None:
    """Judge a file from before 1.6, after its magic number: protocol, system, object, keys, raw storages."""
    context.record.met("torch legacy")
    storages = Storages(context, 6)  # and which part of another storage it was
    judge = DeepJudge(context, storages.persistent)
    if Machine(cursor, judge).run() != _PROTOCOL:
        raise DamagedError("has another protocol than torch's own", cursor.offset)
    Machine(cursor, judge).run()
    Machine(cursor, judge).run()
    offset = cursor.offset
    keys = _keys(cursor, judge)
    if set(keys) != set(storages.sizes):
        raise DamagedError("lists other storages than it names", offset)
    for key in keys:
        count = int.from_bytes(cursor.take(8), "little")
        if count != storages.counts[key]:
            raise DamagedError("a storage has another size than its tensor", cursor.offset)
        cursor.skip(storages.sizes[key])
    if not cursor.finished:
        context.hit("LG-SCAN-008", "MEDIUM", "Has bytes after its last storage.", offset=cursor.offset)
        context.cannot("bytes follow the last storage", cursor.offset)


def _keys(cursor: Cursor, judge: Judge) -> list[str]:
    """Return the list of keys; the machine forgets lists, but every key is in its memo."""
    machine = Machine(cursor, judge)
    offset = cursor.offset
    machine.run()
    keys = [value for value in machine.memo if isinstance(value, str)]
    if len(set(keys)) != len(keys):
        raise DamagedError("lists a storage twice", offset)
    return keys
