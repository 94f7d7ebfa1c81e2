"""What a payload is packed into: zip, tar and other archives, compressions, arrays, joblib and torch files."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib

from .technique import Raw, call, harm, name, one, value, whole

SONATYPE = "Sonatype and JFrog on picklescan: "
TORCH = "PyTorch serialization: "
ZIP = "APPNOTE.TXT of the zip format, readers that differ: "
TAR = "POSIX pax, GNU tar, Python tarfile CVE-2007-4559 and its followers: "
PATHS = "arXiv 2508.19774, model loading paths: "

GOOD = whole(value({"weight": [1, 2, 3]}), protocol=2)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive of these members with fixed dates."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data, method)
    return out.getvalue()


def torched(data: bytes, **more: bytes) -> bytes:
    """Return what torch.save writes: data.pkl, version and byteorder in one folder."""
    return zipped({"m/data.pkl": data, "m/version": b"3\n", "m/byteorder": b"little", **more})


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], kind: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar archive of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entry(path: str, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    """Return one member of a tar archive."""
    info = tarfile.TarInfo(path)
    info.size = len(data)
    for key, held in more.items():
        setattr(info, key, held)
    return info, data


def array(descr: str, body: bytes, shape: str = "(1,)", version: int = 1) -> bytes:
    """Return a .npy file with this header and body."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header + body


def _flipped_crc() -> bytes:
    data = bytearray(torched(harm()))
    at = data.index(b"PK\x01\x02")
    data[14] ^= 0xFF
    data[at + 16] ^= 0xFF
    return bytes(data)


def _flag(bit: int) -> bytes:
    data = bytearray(torched(harm()))
    data[6] |= bit
    data[data.index(b"PK\x01\x02") + 8] |= bit
    return bytes(data)


def _two_names() -> bytes:
    return torched(harm()).replace(b"m/data.pkl", b"m/date.txt", 1)


def _doubled() -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w") as archive:
            for data in (GOOD, harm()):
                archive.writestr(zipfile.ZipInfo("m/data.pkl"), data)
    return out.getvalue()


def _renamed_by_extra() -> bytes:
    """The extra field 0x7075 gives a member another name than its header."""
    out = io.BytesIO()
    info = zipfile.ZipInfo("m/data.txt")
    other = b"m/data.pkl"
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(other), 1, zlib.crc32(b"m/data.txt")) + other
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, harm())
    return out.getvalue()


def _stuffed() -> bytes:
    """A local entry between the members that the directory does not name."""
    hidden = harm()
    local = struct.pack(
        "<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, zlib.crc32(hidden), len(hidden), len(hidden), 10, 0
    )
    return local + b"m/data.pkl" + hidden + torched(GOOD)


def _overlapping() -> bytes:
    """Two entries of the directory that point to one local header."""
    data = zipped({"m/data.pkl": GOOD})
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    twin = data[at:end].replace(b"m/data.pkl", b"m/datb.pkl")
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, end - at + len(twin), at, 0)
    return data[:end] + twin + tail


def _directory_with_data() -> bytes:
    return zipped({"m/data.pkl/": harm(), "m/data.pkl": GOOD})


def _unknown_method() -> bytes:
    data = bytearray(torched(harm()))
    struct.pack_into("<H", data, 8, 99)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 99)
    return bytes(data)


def _deep_zip() -> bytes:
    data = harm()
    for _ in range(40):
        data = zipped({"inner.pt": data}, zipfile.ZIP_DEFLATED)
    return data


def _symlink_zip() -> bytes:
    out = io.BytesIO()
    info = zipfile.ZipInfo("m/data.pkl")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, b"/etc/hostname")
    return out.getvalue()


def _pax_renamed() -> bytes:
    return tarred(
        [entry("model/weights.ckpt", GOOD, pax_headers={"path": "../../lockgate-blind"})], tarfile.PAX_FORMAT
    )


def _pickle_named_tar() -> bytes:
    """A tar archive whose first member's name is a pickle: both readers are content."""
    path = "cos\nsystem\n(S'echo x'\ntR."
    return tarred([entry(path, b"text")])


def _legacy_torch() -> bytes:
    """The old format: magic number, protocol, system, object, keys; the payload stands in the system's place."""
    magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    return (
        magic + b"\x80\x02M\xe9\x03." + harm() + whole(value({}), protocol=2) + whole(value([]), protocol=2)
    )


def _joblib_object_array() -> bytes:
    """An array of objects in a joblib file: its own pickle follows the wrapper, inside the outer one."""
    state = {
        "subclass": name("numpy", "ndarray"),
        "shape": (1,),
        "order": "C",
        "dtype": Raw(call("numpy", "dtype", "O8", False, True)),
        "allow_mmap": False,
    }
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + value(state) + b"b"
    return b"\x80\x04" + wrapper + harm() + b"."


def _joblib_old() -> bytes:
    """The array wrapper of joblib below 0.10, which opens the file that it names."""
    state = {"filename": "/etc/hostname", "subclass": name("numpy", "ndarray"), "allow_mmap": False}
    return whole(name("joblib.numpy_pickle", "NDArrayWrapper"), b")\x81", value(state), b"b")


def _torch_sizes() -> bytes:
    """A tensor that is larger than the storage it is said to lie in."""
    storage = Raw(value(("storage", name("torch", "FloatStorage"), "0", "cpu", 1)) + b"Q")
    return torched(
        whole(
            call(
                "torch._utils",
                "_rebuild_tensor_v2",
                storage,
                0,
                (1 << 20,),
                (1,),
                False,
                call("collections", "OrderedDict"),
            )
        ),
        **{"m/data/0": b"\x00\x00\x00\x00"},
    )


def _gzip_two() -> bytes:
    return gzip.compress(GOOD, mtime=0) + gzip.compress(harm(), mtime=0)


def _lzw() -> bytes:
    return b"\x1f\x9d\x90" + harm()


def _zstd() -> bytes:
    """A frame of one raw block."""
    data = harm()
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def _cpio() -> bytes:
    data = harm()
    head = b"070701" + b"".join(
        b"%08x" % number for number in (1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, 10, 0)
    )
    return head + b"model.pkl\0" + data


def _ar() -> bytes:
    data = harm()
    return (
        b"!<arch>\n" + f"{'model.pkl/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
    )


TECHNIQUES = [
    one(
        "torch file with a wrong checksum",
        SONATYPE + "CVE-2025-10156",
        ("001", "024"),
        _flipped_crc,
        "model.pt",
    ),
    one(
        "torch file whose flag says encrypted",
        SONATYPE + "CVE-2025-1945",
        ("001", "027"),
        lambda: _flag(1),
        "model.pt",
    ),
    one(
        "torch file whose flag says patched",
        SONATYPE + "CVE-2025-1945",
        ("001",),
        lambda: _flag(0x20),
        "model.pt",
    ),
    one(
        "local name that differs from the directory's",
        SONATYPE + "CVE-2025-1944",
        ("001", "023"),
        _two_names,
        "model.pt",
    ),
    one(
        "pickle with another ending inside a torch file",
        SONATYPE + "CVE-2025-1889",
        ("001",),
        lambda: torched(GOOD, **{"m/config.p": harm()}),
        "model.pt",
    ),
    one("two members of one name", ZIP + "the last or the first", ("022", "001"), _doubled, "model.pt"),
    one(
        "name that an extra field changes",
        ZIP + "Info-ZIP Unicode path",
        ("001", "023"),
        _renamed_by_extra,
        "model.pt",
    ),
    one("member that no directory names", ZIP + "streamed readers", ("026", "001"), _stuffed, "model.pt"),
    one(
        "two entries on one header",
        "David Fifield, A better zip bomb (2019)",
        ("023",),
        _overlapping,
        "model.pt",
    ),
    one(
        "folder that holds data",
        ZIP + "entries that end in a slash",
        ("001", "022", "023"),
        _directory_with_data,
        "model.pt",
    ),
    one("compression that nobody reads", ZIP + "method 99", ("",), _unknown_method, "model.pt"),
    one("archives in archives, 40 deep", ZIP + "nesting", ("001", "025", ""), _deep_zip, "model.zip"),
    one("member that is a link", "modelaudit, symlinks in zip (#137)", ("021",), _symlink_zip, "model.zip"),
    one(
        "name with backslashes that leads out",
        "Snyk, Zip Slip (2018)",
        ("020",),
        lambda: zipped({"..\\..\\model.pkl": GOOD}),
        "model.zip",
    ),
    one(
        "name with a drive letter",
        "Snyk, Zip Slip (2018)",
        ("020",),
        lambda: zipped({"C:\\model.pkl": GOOD}),
        "model.zip",
    ),
    one(
        "torch file after a pickle",
        "fickling, polyglots of torch formats",
        ("001", "026"),
        lambda: harm() + torched(GOOD),
        "model.pt",
    ),
    one(
        "torch file with a pickle in its comment",
        ZIP + "comments",
        ("001", "026"),
        lambda: torched(GOOD)[:-2] + struct.pack("<H", len(harm())) + harm(),
        "model.pt",
    ),
    one(
        "two zip archives, one after the other",
        ZIP + "the last directory wins",
        ("001", "026"),
        lambda: torched(harm()) + torched(GOOD),
        "model.pt",
    ),
    one(
        "zip bomb",
        "CVE-2019-9674",
        ("025",),
        lambda: zipped({"m/data/0": bytes(64 << 20)}, zipfile.ZIP_DEFLATED),
        "model.zip",
    ),
    one(
        "source of a torch.package",
        "pytorch issue 194694",
        ("009", "061", "090", "101", "001", "002"),
        lambda: zipped(
            {
                "p/.data/extern_modules": b"",
                "p/.data/version": b"6\n",
                "p/evil.py": b"import os\nos.getcwd()\n",
                "p/model/model.pkl": whole(call("evil", "make")),
            }
        ),
        "model.pt",
    ),
    one(
        "weights of torch.export that are pickled",
        "pytorch pull request 176791",
        ("001",),
        lambda: zipped(
            {
                "a/archive_format": b"pt2",
                "a/version": b"0",
                "a/models/model.json": b"{}",
                "a/data/weights/model_weights_config.json": b'{"config": {"w": {"path_name": "w0", "use_pickle": true}}}',
                "a/data/weights/w0": torched(harm()),
            }
        ),
        "model.pt2",
    ),
    one(
        "library in a compiled torch.export",
        TORCH + "AOTInductor packages",
        ("101",),
        lambda: zipped(
            {"a/archive_format": b"pt2", "a/data/aotinductor/model/m.so": b"\x7fELF\x02\x01\x01" + bytes(60)}
        ),
        "model.pt2",
    ),
    one(
        "call in the byte code of a mobile model",
        TORCH + "bytecode.pkl",
        ("001",),
        lambda: torched(GOOD, **{"m/bytecode.pkl": harm(), "m/constants.pkl": whole(b")")}),
        "model.ptl",
    ),
    one(
        "file written by TorchScript",
        "CVE-2025-32434, torch.save in a script",
        ("090",),
        lambda: torched(
            whole(call("__torch__", "M"), protocol=2),
            **{
                "m/constants.pkl": whole(b")"),
                "m/code/__torch__.py": b'class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    torch.save(x, "/tmp/lockgate-blind")\n    return x\n',
            },
        ),
        "model.pt",
    ),
    one(
        "file read by TorchScript",
        "CVE-2025-32434, torch.from_file in a script",
        ("090",),
        lambda: torched(
            whole(call("__torch__", "M"), protocol=2),
            **{
                "m/constants.pkl": whole(b")"),
                "m/code/__torch__.py": b'class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    return torch.from_file("/etc/hostname", False, 4)\n',
            },
        ),
        "model.pt",
    ),
    one(
        "payload in the old torch format", TORCH + "legacy magic number", ("001",), _legacy_torch, "model.pth"
    ),
    one(
        "tensor that is larger than its storage",
        "CVE-2026-24747, sizes that do not match",
        ("003", "070", ""),
        _torch_sizes,
        "model.pt",
    ),
    one(
        "legacy torch tar",
        TORCH + "tar format",
        ("001",),
        lambda: tarred(
            [
                entry("sys_info", GOOD),
                entry("pickle", harm()),
                entry("storages", GOOD),
                entry("tensors", GOOD),
            ]
        ),
        "model.pt",
    ),
    one("array of objects", "CVE-2019-6446", ("001",), lambda: array("'|O'", harm()), "x.npy"),
    one(
        "object field in a record",
        PATHS + "structured arrays",
        ("001",),
        lambda: array("[('a', '<i4'), ('b', '|O')]", harm()),
        "x.npy",
    ),
    one(
        "header of an array that is no literal",
        "numpy, header parsed as Python",
        ("",),
        lambda: array("__import__('os').getcwd()", b"\x00" * 8),
        "x.npy",
    ),
    one(
        "pickle in the folder of arrays",
        PATHS + "members without .npy",
        ("001",),
        lambda: zipped({"a.npy": array("'<i4'", b"\1\0\0\0"), "b": harm()}),
        "x.npz",
    ),
    one(
        "pickle under the name of an array",
        PATHS + "numpy.load falls back to pickle",
        ("001",),
        harm,
        "x.npy",
    ),
    one("object array inside joblib", PATHS + "joblib", ("001",), _joblib_object_array, "model.joblib"),
    one(
        "array wrapper of the old joblib",
        PATHS + "joblib below 0.10",
        ("001", "002", "003"),
        _joblib_old,
        "model.joblib",
    ),
    one(
        "joblib with xz",
        PATHS + "joblib compressors",
        ("001",),
        lambda: lzma.compress(harm()),
        "model.joblib",
    ),
    one(
        "joblib with raw lzma",
        PATHS + "joblib compressors",
        ("001",),
        lambda: lzma.compress(harm(), lzma.FORMAT_ALONE),
        "model.joblib",
    ),
    one(
        "joblib with bz2 inside gzip",
        PATHS + "two codecs",
        ("001",),
        lambda: gzip.compress(bz2.compress(harm()), mtime=0),
        "model.joblib",
    ),
    one("second gzip member", PATHS + "gzip members", ("001", "008"), _gzip_two, "model.pkl.gz"),
    one(
        "pickle that MLflow unpacks",
        "captainarp/mlflow-compressed-pickle-modelscan-bypass-poc",
        ("001",),
        lambda: gzip.compress(harm(), mtime=0),
        "python_model.pkl.gz",
    ),
    one("old compress format", PATHS + "codecs that no reader has", (), _lzw, "model.pkl.Z"),
    one("zstandard", "pandas read_pickle, compression='zstd'", ("001", "100", ""), _zstd, "model.pkl.zst"),
    one(
        "7-Zip archive",
        "ReversingLabs, nullifAI: 7z instead of zip",
        ("100",),
        lambda: b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(24) + harm(),
        "model.pt",
    ),
    one(
        "RAR archive",
        "modelscan, archives it does not open",
        ("100",),
        lambda: b"Rar!\x1a\x07\x01\x00" + bytes(20) + harm(),
        "model.rar",
    ),
    one("cpio archive", "modelscan, archives it does not open", ("100", "001", ""), _cpio, "model.bin"),
    one("ar archive", "modelscan, archives it does not open", ("100", "001", "101", ""), _ar, "model.a"),
    one(
        "tar with a link out",
        TAR + "links",
        ("021",),
        lambda: tarred([entry("m/w", type=tarfile.SYMTYPE, linkname="/etc/hostname")]),
        "model.tar",
    ),
    one(
        "tar with a hard link",
        TAR + "hard links",
        ("021",),
        lambda: tarred([entry("m/w", type=tarfile.LNKTYPE, linkname="../../x")]),
        "model.tar",
    ),
    one(
        "tar with a device",
        TAR + "devices",
        ("021",),
        lambda: tarred([entry("m/w", type=tarfile.CHRTYPE, devmajor=1, devminor=3)]),
        "model.tar",
    ),
    one("tar member renamed by pax", TAR + "path in a pax header", ("020",), _pax_renamed, "model.tar"),
    one(
        "long name that leads out",
        TAR + "GNU long names",
        ("020",),
        lambda: tarred([entry("a/" * 80 + "../" * 90 + "x", GOOD)]),
        "model.tar",
    ),
    one(
        "bytes after the end of a tar",
        TAR + "what follows two empty blocks",
        ("001", "026"),
        lambda: tarred([entry("m/w.pkl", GOOD)]) + harm(),
        "model.tar",
    ),
    one(
        "tar whose first name is a pickle",
        "fickling, polyglots of torch formats",
        ("001", "026"),
        _pickle_named_tar,
        "model.pt",
    ),
    one(
        "pickle in a tar in a gzip in a zip",
        "modelaudit, nested archives",
        ("001",),
        lambda: zipped({"m.tar.gz": gzip.compress(tarred([entry("m.pkl", harm())]), mtime=0)}),
        "model.zip",
    ),
    one(
        "NeMo configuration that names a callable",
        "CVE-2025-23304; Unit 42 (2026) on Hydra",
        ("062",),
        lambda: tarred(
            [
                entry(
                    "./model_config.yaml",
                    b"target: nemo.X\ntokenizer:\n  _target_: os.system\n  _args_: [echo x]\n",
                ),
                entry("./model_weights.ckpt", torched(GOOD)),
            ]
        ),
        "model.nemo",
    ),
    one(
        "NeMo weights that call",
        "modelaudit, NeMo scanner (#609)",
        ("001",),
        lambda: gzip.compress(
            tarred([entry("model_config.yaml", b"a: 1\n"), entry("model_weights.ckpt", torched(harm()))]),
            mtime=0,
        ),
        "model.nemo",
    ),
    one(
        "handler of a TorchServe archive",
        "modelaudit, torchserve-mar.md",
        ("095",),
        lambda: zipped(
            {
                "MAR-INF/MANIFEST.json": b'{"model": {"handler": "handler.py", "modelName": "m", "serializedFile": "w.pt"}}',
                "handler.py": b"import os\nos.getcwd()\n",
                "w.pt": torched(GOOD),
            }
        ),
        "model.mar",
    ),
    one(
        "requirements of a TorchServe archive",
        "modelaudit, torchserve-mar.md",
        ("095",),
        lambda: zipped(
            {
                "MAR-INF/MANIFEST.json": b'{"model": {"handler": "image_classifier", "modelName": "m", "requirementsFile": "r.txt"}}',
                "r.txt": b"lockgate-blind==1\n",
            }
        ),
        "model.mar",
    ),
]
