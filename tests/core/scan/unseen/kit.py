"""What the unseen techniques are made with: a register, and small writers of formats."""

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MARK = "lockgate-unseen"
"""What a payload would print if it ran; nothing runs it."""

Built = bytes | dict[str, bytes] | Callable[[Path], None]


@dataclass(frozen=True)
class Technique:
    """One way to make a file do harm when it is loaded, and the kind of rule that ought to see it."""

    name: str
    source: str
    kind: str
    file: str
    build: Callable[[], Built]

    def write(self, folder: Path) -> Path:
        """Write it below ``folder`` and return what is to be scanned."""
        built = self.build()
        if isinstance(built, bytes):
            path = folder / self.file
            path.write_bytes(built)
            return path
        root = folder / "model"
        root.mkdir(exist_ok=True)
        if callable(built):
            built(root)
            return root
        for name, content in built.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root


TECHNIQUES: dict[str, Technique] = {}


def technique(source: str, kind: str, file: str = "model.pkl") -> Callable[..., Callable[[], Built]]:
    """Enter a builder into the register under its own name."""

    def enter(build: Callable[[], Built]) -> Callable[[], Built]:
        name = build.__name__.rstrip("_")
        assert name not in TECHNIQUES, name
        TECHNIQUES[name] = Technique(name, source, kind, file, build)
        return build

    return enter


def enter_all(source: str, kind: str, file: str, rows: dict[str, bytes]) -> None:
    """Enter files that differ in nothing but their bytes."""
    for name, content in rows.items():
        technique(source, kind, file)(_named(name, content))


def _named(name: str, content: bytes) -> Callable[[], Built]:
    def build() -> Built:
        return content

    build.__name__ = name
    return build


def literal(value: object) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def name_of(module: str, name: str) -> bytes:
    """The opcode that pushes a global by name."""
    return f"c{module}\n{name}\n".encode()


def stacked(module: str, name: str) -> bytes:
    """The same by STACK_GLOBAL, which alone follows dots."""
    return literal(module) + literal(name) + b"\x93"


def call(function: bytes, *arguments: bytes) -> bytes:
    """The opcodes that call what ``function`` pushes."""
    return function + b"(" + b"".join(arguments) + b"tR"


def program(*parts: bytes, protocol: int = 4) -> bytes:
    """A pickle of these opcodes."""
    head = b"" if protocol == 0 else bytes((0x80, protocol))
    return head + b"".join(parts) + b"."


def calling(module: str, name: str, *values: object) -> bytes:
    """A pickle that calls a global with plain values."""
    return program(call(name_of(module, name), *map(literal, values)))


EVIL = calling("posix", "system", f"echo {MARK}")


def field(number: int, value: int | bytes | str) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these members, in order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def torch_zip(data: bytes, **members: bytes) -> bytes:
    """A checkpoint as torch.save writes it, around this data.pkl."""
    rest = {f"archive/{name.replace('__', '/')}": content for name, content in members.items()}
    return zipped(
        {"archive/data.pkl": data, "archive/version": b"3\n", "archive/byteorder": b"little"} | rest
    )


def tarred(
    *entries: tuple[str, bytes] | tarfile.TarInfo, pax: dict[str, str] | None = None, kind: str = "w"
) -> bytes:
    """A tar of these members; a TarInfo stands for a link or a device."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=kind, format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            info.pax_headers = pax or {}
            archive.addfile(info, io.BytesIO(entry[1]))
    return out.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    """A link, fifo or device in a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def npy(descr: str, shape: str, body: bytes, version: bytes = b"\x01\x00") -> bytes:
    """A NumPy file with this header, true or not."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    wide = "<H" if version[0] == 1 else "<I"
    pad = -(8 + struct.calcsize(wide) + len(text) + 1) % 64
    text += b" " * pad + b"\n"
    return b"\x93NUMPY" + version + struct.pack(wide, len(text)) + text + body


def safetensors(header: bytes, body: bytes) -> bytes:
    """A safetensors file with this header, true or not."""
    return struct.pack("<Q", len(header)) + header + body


def gguf(
    pairs: list[tuple[str, int, bytes]], order: str = "<", version: int = 3, tensors: bytes = b"", n: int = 0
) -> bytes:
    """A GGUF file with these typed key-value pairs."""
    out = b"GGUF" + struct.pack(f"{order}IQQ", version, n, len(pairs))
    for key, kind, value in pairs:
        out += gguf_text(key, order) + struct.pack(f"{order}I", kind) + value
    return out + tensors


def gguf_text(text: str, order: str = "<") -> bytes:
    """A string of GGUF."""
    raw = text.encode()
    return struct.pack(f"{order}Q", len(raw)) + raw
