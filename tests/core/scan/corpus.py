"""Malicious model files, one documented technique each. Nothing here is ever loaded.

Every payload is ``echo`` or names a file that is not there. The bytes are put together opcode by opcode
and header by header; no pickle is made by pickling an object that does something. ``source`` says where the
technique is published.

    python tests/core/scan/corpus.py FOLDER   # writes one file for each technique
"""

# ruff: noqa: PLR0915 - a list of techniques is as long as it is

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ECHO = "echo lockgate"
PYTHON_DOCS = "Python documentation, pickle, warning at the top"
SOUR_PICKLE = "M. Slaviero, Sour Pickles, Black Hat USA 2011"
PICKLESCAN = "picklescan, tests and GitHub advisories of 2024 and 2025"
FICKLING = "Trail of Bits, fickling, README, tests and advisories"
NULLIFAI = "ReversingLabs, Malicious ML models discovered on Hugging Face (nullifAI), February 2025"
PICKLEBALL = "Kellas et al., PickleBall, CCS 2025"
JFROG = "JFrog, advisories on picklescan (CVE-2025-10155 to 10157), December 2025"
SLEEPY = "Trail of Bits, Sleepy Pickle, June 2024"
ZIP_CONFUSION = "D. Fifield, A better zip bomb, 2019; PyPI, ZIP parser confusion, August 2025"


@dataclass(frozen=True)
class Technique:
    """One malicious file.

    Attributes:
        name: Its file name, which says what it does.
        source: Where the technique is published.
        rules: One of these must be found.
        data: The bytes.
    """

    name: str
    source: str
    rules: frozenset[str]
    data: bytes


# --- Pickle, by hand ------------------------------------------------------------------------------------


def text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw if len(raw) < 256 else b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def stacked(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def blob(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def call(module: str, attribute: str, *args: bytes, proto: int = 4) -> bytes:
    """A pickle that calls something with arguments that are opcodes already."""
    head = b"" if proto == 0 else b"\x80" + bytes([proto])
    function = stacked(module, attribute) if proto >= 4 else name(module, attribute)
    return head + function + b"(" + b"".join(args) + b"tR."


def system(proto: int = 4) -> bytes:
    argument = text(ECHO) if proto >= 4 else f"V{ECHO}\n".encode()
    return call("os", "system", argument, proto=proto)


def framed(body: bytes) -> bytes:
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


EMPTY_MODEL = b"\x80\x04}."

# Callables that run code, or reach files or the network, by the place that names them.
GADGETS: dict[str, str] = {
    PYTHON_DOCS: """
        os.system builtins.eval builtins.exec subprocess.Popen builtins.compile builtins.getattr
        builtins.__import__ marshal.loads builtins.map posix.system nt.system runpy.run_module
        runpy.run_path importlib.import_module pty.spawn cProfile.run ctypes.CDLL pydoc.locate
        pickle.loads _pickle.loads builtins.open code.InteractiveConsole types.CodeType
        types.FunctionType torch.hub.load dill.loads socket.create_connection shutil.rmtree sys.exit
        platform.popen _io.open pathlib.Path.write_text operator.methodcaller operator.attrgetter
        functools.partial functools.reduce multiprocessing.util.spawnv_passfds tempfile.mktemp
        site.execsitecustomize gc.get_objects atexit.register threading.Thread signal.signal
        zipimport.zipimporter
    """,
    PICKLESCAN: """
        timeit.timeit timeit.main pip.main pip._internal.main bdb.Bdb.run pdb.run profile.run
        profile.Profile.run profile.Profile.runctx cProfile.runctx trace.Trace.run
        trace.Trace.runctx doctest.debug_script ensurepip._run_pip
        lib2to3.pgen2.pgen.ParserGenerator.make_label lib2to3.pgen2.grammar.Grammar.loads
        idlelib.pyshell.ModifiedInterpreter.runcode idlelib.run.Executive.runcode
        idlelib.calltip.get_entity idlelib.autocomplete.AutoComplete.get_entity
        idlelib.debugobj.ObjectTreeItem.SetText code.InteractiveInterpreter.runcode
        numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef
        numpy.f2py.crackfortran.myeval numpy.f2py.crackfortran._eval_length
        torch.jit.unsupported_tensor_ops.execWrapper torch.utils.collect_env.run
        torch.utils.bottleneck.__main__.run_cprofile
        torch.utils.bottleneck.__main__.run_autograd_prof
        torch.utils._config_module.ConfigModule.load_config torch.utils._config_module.load_config
        torch._dynamo.guards.GuardBuilder.get
        torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression
        torch.utils.data.datapipes.utils.decoder.basichandlers
        asyncio.unix_events._UnixSubprocessTransport._start uuid._get_command_stdout
        distutils.file_util.write_file cgitb.lookup pydoc.pipepager pydoc.tempfilepager
        linecache.getline logging.config.fileConfig logging.FileHandler io.FileIO
        urllib.request.urlopen http.client.HTTPSConnection smtplib.SMTP ftplib.FTP requests.get
        aiohttp.client.request webbrowser.open xmlrpc.client.ServerProxy ssl.get_server_certificate
        imaplib.IMAP4 telnetlib.Telnet pkgutil.resolve_name imp.load_source
        test.support.script_helper.assert_python_ok unittest.mock._importer
        _aix_support._read_cmd_output _osx_support._read_output _pyrepl.pager.pipe_pager
        sqlite3.connect shelve.open pickletools.optimize _operator.attrgetter venv.create
        zipfile.ZipFile tarfile.open setuptools.sandbox.run_setup
    """,
    PICKLEBALL: """
        joblib.load joblib.numpy_pickle.load numpy.load numpy.lib.npyio.load numpy.fromfile
        numpy.memmap numpy.save torch.load torch.storage._load_from_bytes torch.serialization.load
        pandas.read_pickle pandas.io.pickle.read_pickle pandas.eval sklearn.utils._joblib.load
        cloudpickle.loads cloudpickle.cloudpickle._make_function dill._dill._create_function
        dill._dill._eval_repr scipy.stats._distn_infrastructure.rv_generic scipy.io.loadmat
        sympy.sympify yaml.unsafe_load jinja2.Template.render tensorflow.keras.models.load_model
        keras.models.load_model mlflow.pyfunc.load_model xgboost.core._load_lib
        numpy.ctypeslib.load_library matplotlib.cbook._unpickle nltk.data.load spacy.util.load_model
        transformers.dynamic_module_utils.get_class_from_dynamic_module
        transformers.pipelines.pipeline fsspec.open _vendor.thing.run sklearn.datasets.fetch_openml
        sklearn.utils.parallel.Parallel numpy.distutils.exec_command.exec_command gradio.load
    """,
}
UNKNOWN = frozenset(["LG-SCAN-001", "LG-SCAN-002", "LG-SCAN-009", "LG-SCAN-003"])
RUNS = frozenset(["LG-SCAN-001"])
USED = frozenset(["LG-SCAN-003"])


def pickles() -> Iterator[Technique]:
    def one(title: str, source: str, rules: set[str] | frozenset[str], data: bytes) -> Technique:
        return Technique(f"{title}.pkl", source, frozenset(rules), data)

    for proto in range(6):
        yield one(f"reduce-protocol-{proto}", PYTHON_DOCS, RUNS, system(proto))
    for source, paths in GADGETS.items():
        for path in paths.split():
            module, _, attribute = path.rpartition(".")
            if attribute[0].islower() and module.rpartition(".")[2][:1].isupper() and module.count("."):
                module, _, cls = module.rpartition(".")
                attribute = f"{cls}.{attribute}"
            yield one(f"call-{path}", source, UNKNOWN, call(module, attribute, text(ECHO)))
    two = "Python documentation, pickle, fix_imports"
    yield one("python2-builtin", two, RUNS, call("__builtin__", "eval", text("1"), proto=2))
    yield one("python2-commands", two, RUNS, call("commands", "getoutput", text(ECHO), proto=2))
    yield one("python2-popen2", two, RUNS, call("popen2", "popen3", text(ECHO), proto=2))
    yield one("python2-os-popen", two, RUNS, b"cos\npopen\n(S'" + ECHO.encode() + b"'\ntR.")
    yield one("inst", SOUR_PICKLE, RUNS, b"(S'" + ECHO.encode() + b"'\nios\nsystem\n.")
    yield one("obj", FICKLING, RUNS, b"(cos\nsystem\nS'" + ECHO.encode() + b"'\no.")
    yield one("newobj", FICKLING, RUNS, b"\x80\x02" + name("subprocess", "Popen") + text(ECHO) + b"\x85\x81.")
    yield one(
        "newobj-ex", FICKLING, RUNS, b"\x80\x04" + stacked("subprocess", "Popen") + text(ECHO) + b"\x85}\x92."
    )
    memo = text("os") + b"\x940" + text("system") + b"\x940h\x00h\x01\x93" + text(ECHO) + b"\x85R."
    yield one("names-from-memo", PICKLESCAN, RUNS, b"\x80\x04" + memo)
    far = (
        text("os")
        + b"r\xff\x00\x00\x000"
        + text("system")
        + b"r\xfe\x00\x00\x000j\xff\x00\x00\x00j\xfe\x00\x00\x00\x93"
    )
    yield one("names-from-far-memo", PICKLESCAN, RUNS, b"\x80\x04" + far + text(ECHO) + b"\x85R.")
    yield one(
        "names-from-old-strings",
        PICKLESCAN,
        RUNS,
        b"\x80\x04S'os'\nS'sys\\x74em'\n\x93" + text(ECHO) + b"\x85R.",
    )
    yield one(
        "names-from-raw-unicode",
        PICKLESCAN,
        RUNS,
        b"\x80\x04Vo\\u0073\nVsystem\n\x93" + text(ECHO) + b"\x85R.",
    )
    yield one(
        "names-from-byte-strings",
        PICKLESCAN,
        RUNS,
        b"\x80\x04U\x02osT\x06\x00\x00\x00system\x93" + text(ECHO) + b"\x85R.",
    )
    yield one(
        "names-from-long-text",
        PICKLESCAN,
        RUNS,
        b"\x80\x04X\x02\0\0\0os\x8d\x06\0\0\0\0\0\0\0system\x93" + text(ECHO) + b"\x85R.",
    )
    yield one(
        "name-swapped-by-dup",
        FICKLING,
        RUNS,
        b"\x80\x04" + text("os") + b"2\x94" + text("system") + b"\x93" + text(ECHO) + b"\x85R0.",
    )
    computed = (
        name("builtins", "str") + text("os") + b"\x85R" + text("system") + b"\x93" + text(ECHO) + b"\x85R."
    )
    yield one("name-computed", FICKLING, {"LG-SCAN-003", "LG-SCAN-004"}, b"\x80\x04" + computed)
    yield one("dotted-name", JFROG, RUNS, call("numpy", "f2py.os.system", text(ECHO)))
    yield one("dotted-name-of-listed-module", JFROG, UNKNOWN, call("sklearn.base", "sys.modules", text(ECHO)))
    yield one(
        "submodule-of-blocked",
        JFROG,
        RUNS,
        call("asyncio.unix_events", "_UnixSubprocessTransport._start", text(ECHO)),
    )
    yield one("reexported", PICKLEBALL, UNKNOWN, call("sklearn.utils._joblib", "joblib.load", text("x")))
    for opcode, size in ((b"\x82", 1), (b"\x83", 2), (b"\x84", 4)):
        data = b"\x80\x02" + opcode + b"\x01".ljust(size, b"\0") + text(ECHO) + b"\x85R."
        yield one(
            f"extension-{size}", "Python documentation, copyreg.add_extension; PEP 307", {"LG-SCAN-005"}, data
        )
    state = b"}" + text("__setstate__") + name("os", "system") + b"sb" + text(ECHO) + b"b."
    yield one(
        "setstate-in-state",
        FICKLING,
        RUNS | USED,
        b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + b")\x81" + state,
    )
    state = b"}" + text("__setstate__") + name("builtins", "print") + b"sb."
    yield one(
        "setstate-late",
        FICKLING,
        RUNS | USED,
        b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + b")\x81" + state,
    )
    late = b"}q\x00bh\x00" + text("__setstate__") + name("numpy", "add") + b"s0."
    yield one(
        "state-changed-after-build",
        FICKLING,
        USED,
        b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + b")\x81" + late,
    )
    patch = b"}" + text("predict") + name("numpy", "add") + b"sb."
    yield one(
        "patch-of-a-class", SLEEPY, USED, b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + patch
    )
    yield one(
        "item-of-a-class",
        FICKLING,
        USED,
        b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + text("a") + b"Ns.",
    )
    yield one(
        "append-to-an-object",
        FICKLING,
        USED,
        b"\x80\x02" + name("sklearn.dummy", "DummyClassifier") + b")\x81K\x01a.",
    )
    result = (
        stacked("builtins", "getattr")
        + stacked("os", "path")
        + text("os")
        + b"\x86R"
        + text(ECHO)
        + b"\x85R."
    )
    yield one("call-of-a-result", FICKLING, RUNS | {"LG-SCAN-004"}, b"\x80\x04" + result)
    allowed = stacked("collections", "OrderedDict") + b")R" + text(ECHO) + b"\x85R."
    yield one("call-of-a-harmless-result", FICKLING, {"LG-SCAN-004"}, b"\x80\x04" + allowed)
    yield one(
        "call-of-what-may-be-named",
        PICKLEBALL,
        USED,
        call("sklearn.metrics._classification", "accuracy_score", text("x")),
    )
    yield one(
        "make-of-what-may-be-named", PICKLEBALL, USED, b"\x80\x04" + stacked("numpy", "add") + b")\x81."
    )
    yield one(
        "codec-of-choice", PICKLEBALL, USED, call("_codecs", "encode", text("x"), text("idna"), proto=2)
    )
    yield one("class-of-choice", PICKLEBALL, USED, call("builtins", "type", text("X"), b")", b"}"))
    yield one(
        "gigabytes-from-a-number", PICKLEBALL, USED, call("builtins", "bytearray", b"J\xff\xff\xff\x7f")
    )
    yield one("dtype-of-choice", PICKLEBALL, USED, call("numpy", "dtype", text("a,b" * 20)))
    yield one(
        "factory-of-choice",
        PICKLEBALL,
        USED | RUNS,
        call("collections", "defaultdict", stacked("os", "getpid")),
    )
    yield one(
        "harmless-factory-slot", PICKLEBALL, USED, call("collections", "defaultdict", stacked("numpy", "add"))
    )
    ufunc = text("os") + text("system")
    yield one("ufunc-of-choice", PICKLEBALL, RUNS, call("numpy.core", "_ufunc_reconstruct", ufunc))
    template = b"}" + text("_parse_arg_template") + text(f"import os; os.system({ECHO!r})") + b"sb."
    rv = stacked("scipy.stats._continuous_distns", "norm_gen") + b")\x81" + template
    yield one(
        "scipy-argument-template",
        "scipy, rv_generic.__setstate__ compiles _parse_arg_template",
        UNKNOWN,
        b"\x80\x04" + rv,
    )
    dummy = stacked("sklearn.dummy", "DummyClassifier") + b")\x81"
    string = stacked("numpy", "dtype") + text("U12") + b"\x85R" + blob("__setstate__".encode("utf-32-le"))
    key = stacked("numpy._core.multiarray", "scalar") + b"(" + string + b"tR"
    data = b"\x80\x04" + dummy + b"}" + key + stacked("numpy", "add") + b"sb."
    yield one("key-that-is-text-only-later", "numpy.str_ is found where str is", USED, data)
    data = b"\x80\x04" + dummy + dummy + b"}" + text("pop") + stacked("numpy", "add") + b"sbb."
    yield one(
        "state-that-is-an-object", "scikit-learn, BaseEstimator.__setstate__ asks its state", USED, data
    )
    inner = system()
    yield one("pickle-in-bytes", SOUR_PICKLE, RUNS | {"LG-SCAN-007"}, call("pickle", "loads", blob(inner)))
    yield one(
        "pickle-in-attribute", FICKLING, {"LG-SCAN-007"}, b"\x80\x04}" + text("payload") + blob(inner) + b"s."
    )
    yield one(
        "long-pickle-in-bytes",
        FICKLING,
        {"LG-SCAN-007"},
        b"\x80\x04" + blob(b"\x80\x04N0" + b"N0" * 4000 + inner[2:]) + b".",
    )
    yield one("old-pickle-in-bytes", FICKLING, {"LG-SCAN-007"}, b"\x80\x04" + blob(system(0)) + b".")
    yield one(
        "twice-nested", FICKLING, {"LG-SCAN-007"}, b"\x80\x04" + blob(b"\x80\x04" + blob(inner) + b".") + b"."
    )
    yield one("second-pickle", FICKLING, RUNS, EMPTY_MODEL + inner)
    yield one("second-pickle-old", FICKLING, RUNS, EMPTY_MODEL + system(0))
    yield one("broken-after-payload", NULLIFAI, RUNS, inner[:-1] + b"0\xff\xff\xff")
    yield one("cut-after-payload", NULLIFAI, RUNS, inner[:-1])
    yield one("payload-popped", SOUR_PICKLE, RUNS, inner[:-1] + b"0}.")
    yield one("payload-before-model", SLEEPY, RUNS, b"\x80\x04" + inner[2:-1] + b"0}" + b".")
    yield one("payload-as-dict-key", FICKLING, RUNS, b"\x80\x04}" + inner[2:-1] + b"Ns.")
    yield one("payload-in-frame", PYTHON_DOCS, RUNS, framed(inner[2:]))
    yield one("payload-across-frames", FICKLING, RUNS, b"\x80\x04\x95\x01\0\0\0\0\0\0\0" + inner[2:])
    yield one("mark-juggled", FICKLING, RUNS, b"\x80\x04((1" + inner[2:])
    yield one("no-protocol-header", FICKLING, RUNS, inner[2:])
    yield one("lambda-by-cloudpickle", "cloudpickle, README, Security", {"LG-SCAN-009"}, _cloudpickled())
    yield one(
        "function-by-dill",
        "dill, documentation, Security",
        {"LG-SCAN-009"},
        call("dill._dill", "_create_function", b"N"),
    )


def _cloudpickled() -> bytes:
    code = stacked("types", "CodeType") + b"(" + b"K\x00" * 6 + blob(b"d\0S\0") + b"))tR"
    return b"\x80\x04" + stacked("cloudpickle.cloudpickle", "_make_function") + b"(" + code + b"}NNNtR."


# --- Arrays and joblib ----------------------------------------------------------------------------------


def npy(body: bytes, descr: str = "|O", shape: str = "(1,)") -> bytes:
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def wrapper(code: str, shape: int, alignment: bool = True) -> bytes:
    """The opcodes of joblib's stand-in for an array, up to BUILD; raw bytes follow."""
    dtype = stacked("numpy", "dtype") + text(code) + b"\x89\x88\x87R"
    items = text("subclass") + stacked("numpy", "ndarray") + text("shape") + b"K" + bytes([shape]) + b"\x85"
    items += text("order") + text("C") + text("dtype") + dtype + text("allow_mmap") + b"\x88"
    items += text("numpy_array_alignment_bytes") + b"K\x10" if alignment else b""
    return stacked("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + items + b"ub"


def arrays() -> Iterator[Technique]:
    numpy_load = "numpy.load, documentation of allow_pickle; CVE-2019-6446"
    joblib = "joblib, documentation of load, warning"
    yield Technique("objects.npy", numpy_load, RUNS, npy(system(2)))
    yield Technique("structured-objects.npy", numpy_load, RUNS, npy(system(2), [("a", "<i4"), ("b", "|O")]))  # type: ignore[arg-type]
    yield Technique(
        "objects.npz", numpy_load, RUNS, zipped({"a.npy": npy(b"\0" * 8, "<f8"), "b.npy": npy(system(2))})
    )
    for codec, pack in (
        ("zlib", zlib.compress),
        ("gzip", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
    ):
        yield Technique(f"model.{codec}", joblib, RUNS, pack(system()))
    alone = lzma.compress(system(), lzma.FORMAT_ALONE)
    yield Technique("model.lzma", joblib, RUNS, alone)
    yield Technique("model.lz4", joblib, RUNS, lz4(system()))
    yield Technique(
        "model.zfile", joblib, RUNS, b"ZF0x" + (b"%x" % len(system())).ljust(17) + zlib.compress(system())
    )
    yield Technique("gzip-in-gzip", joblib, RUNS, gzip.compress(gzip.compress(system())))
    head = b"\x80\x04(" + wrapper("O", 1)
    yield Technique("objects-in-array.joblib", joblib, RUNS, head + system(4) + b"l.")
    after = b"\x80\x04(" + wrapper("f8", 1) + b"\x03" + b"\xff" * 3 + b"\0" * 8 + system()[2:-1] + b"l."
    yield Technique("payload-after-array.joblib", joblib, RUNS, after)
    lie = b"(K\x03" + text("<") + b"NNNK\x01K\x01K\x00tb"
    head = wrapper("f8", 1).replace(b"\x89\x88\x87R", b"\x89\x88\x87R" + lie)
    lied = b"\x80\x04(" + head + b"\x00" + b"\0" * 8 + b"l."
    yield Technique("type-of-two-sizes.joblib", "joblib reads what its dtype says", USED, lied)
    raw = system()[2:]
    both = b"\x80\x04" + wrapper("u1", len(raw), alignment=False) + raw + b"."
    yield Technique("array-that-is-opcodes.joblib", "joblib reads what pickle runs", RUNS, both)
    old = call("joblib.numpy_pickle_compat", "NDArrayWrapper", text("../x.npy"), text("x"))
    yield Technique(
        "array-in-another-file.joblib", "joblib, numpy_pickle_compat", frozenset(["LG-SCAN-002"]), old
    )


def lz4(data: bytes) -> bytes:
    return b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(data) | 1 << 31) + data + b"\0\0\0\0"


# --- Archives -------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for title, data in members.items():
            archive.writestr(zipfile.ZipInfo(title), data, method)
    return made.getvalue()


def torch_zip(pickle: bytes, **more: bytes) -> bytes:
    return zipped({"m/data.pkl": pickle, "m/version": b"3\n", **more})


def archives() -> Iterator[Technique]:
    torch = "PyTorch, documentation of torch.load, warning"
    good = torch_zip(EMPTY_MODEL)
    yield Technique("torch.pt", torch, RUNS, torch_zip(system(2)))
    yield Technique("torch-deflated.pt", JFROG, RUNS, zipped({"m/data.pkl": system(2)}, zipfile.ZIP_DEFLATED))
    yield Technique(
        "torch-other-member.pt", PICKLESCAN, RUNS, torch_zip(EMPTY_MODEL, **{"m/notes.txt": system(2)})
    )
    yield Technique(
        "torch-nested-zip.pt", PICKLESCAN, RUNS, torch_zip(EMPTY_MODEL, **{"m/x": torch_zip(system(2))})
    )
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
    yield Technique("torch-legacy.pt", torch, RUNS, magic + system(2) + b"\x80\x02].")
    yield Technique("torch-tar.pt", torch, RUNS, tarred({"pickle": system(2), "sys_info": b"\x80\x02}."}))
    yield Technique("encrypted-flag.pt", JFROG, RUNS | {"LG-SCAN-027"}, _flagged(torch_zip(system(2))))
    yield Technique("wrong-checksum.pt", JFROG, RUNS, _wrong_crc(torch_zip(system(2))))
    yield Technique(
        "two-of-a-name.pt", ZIP_CONFUSION, frozenset(["LG-SCAN-022"]) | RUNS, _twice(EMPTY_MODEL, system(2))
    )
    yield Technique(
        "other-local-name.pt", ZIP_CONFUSION, RUNS | {"LG-SCAN-023"}, _renamed(torch_zip(system(2)))
    )
    yield Technique("hidden-between.pt", ZIP_CONFUSION, frozenset(["LG-SCAN-026"]), _hidden(system(2)))
    yield Technique("pickle-then-zip.pt", PICKLESCAN, RUNS | {"LG-SCAN-026"}, system(2) + good)
    yield Technique(
        "model-then-zip.pkl", PICKLESCAN, RUNS | {"LG-SCAN-026"}, EMPTY_MODEL + torch_zip(system(2))
    )
    yield Technique(
        "slip.zip", "Snyk, Zip Slip, 2018", frozenset(["LG-SCAN-020"]), zipped({"../../x.txt": b"x"})
    )
    yield Technique(
        "slip-absolute.zip", "Snyk, Zip Slip, 2018", frozenset(["LG-SCAN-020"]), zipped({"/x.txt": b"x"})
    )
    yield Technique(
        "slip-windows.zip", "Snyk, Zip Slip, 2018", frozenset(["LG-SCAN-020"]), zipped({"..\\x.txt": b"x"})
    )
    yield Technique("link.zip", "Snyk, Zip Slip, 2018", frozenset(["LG-SCAN-021"]), _zip_link())
    yield Technique("nested-deep.zip", "42.zip", RUNS | {"LG-SCAN-025"}, _nested(system()))
    yield Technique(
        "overlapping.npz", ZIP_CONFUSION, frozenset(["LG-SCAN-023"]), _overlapping(npy(b"\0" * 8, "<f8"))
    )
    for title, kind, link in (
        ("symlink", tarfile.SYMTYPE, "/etc/passwd"),
        ("hardlink", tarfile.LNKTYPE, "/etc/passwd"),
    ):
        yield Technique(f"{title}.tar", "CVE-2007-4559", frozenset(["LG-SCAN-021"]), tarred({}, kind, link))
    yield Technique(
        "device.tar", "CVE-2007-4559", frozenset(["LG-SCAN-021"]), tarred({}, tarfile.CHRTYPE, "")
    )
    yield Technique("slip.tar", "CVE-2007-4559", frozenset(["LG-SCAN-020"]), tarred({"../x.txt": b"x"}))
    yield Technique(
        "payload.tar.gz",
        "NVIDIA NeMo, CVE-2024-0129 and 2025-23249",
        RUNS,
        gzip.compress(tarred({"model_weights.ckpt": system(2)})),
    )
    nemo = tarred(
        {"model_config.yaml": b"model:\n  _target_: os.system\n  command: echo\n", "model_weights.ckpt": good}
    )
    yield Technique(
        "target.nemo",
        "Unit 42, RCE in AI/ML libraries by Hydra's instantiate, January 2026",
        frozenset(["LG-SCAN-062"]),
        nemo,
    )
    yaml = b"a: !!python/object/apply:os.system ['echo']\n"
    yield Technique(
        "config.yaml", "PyYAML, documentation of load; CVE-2017-18342", frozenset(["LG-SCAN-062"]), yaml
    )
    head = _tar_with_pickle_name()
    yield Technique(
        "pickle-in-a-tar-name.tar",
        "files that are two formats (A. Albertini, Corkami)",
        RUNS | {"LG-SCAN-026"},
        head,
    )
    manifest = {"model": {"handler": "handler.py", "requirementsFile": "requirements.txt"}}
    mar = {
        "MAR-INF/MANIFEST.json": json.dumps(manifest).encode(),
        "handler.py": b"import os\nos.system('echo')\n",
    }
    yield Technique(
        "handler.mar",
        "TorchServe, documentation, Security; CVE-2023-43654",
        frozenset(["LG-SCAN-095"]),
        zipped(mar),
    )
    code = {"m/code/__torch__.py": b"def forward(self, x):\n  return torch.from_file('/x', False, 9)\n"}
    yield Technique(
        "from-file.pt",
        "CVE-2025-32434 and torch.jit operators",
        frozenset(["LG-SCAN-090"]),
        torch_zip(EMPTY_MODEL, **code),
    )
    code = {"m/code/__torch__.py": b"def forward(self, x: Tensor) -> Tensor:\n  return ops.custom.run(x)\n"}
    yield Technique(
        "custom-operator.pt",
        "PyTorch, TorchScript custom operators",
        frozenset(["LG-SCAN-090"]),
        torch_zip(EMPTY_MODEL, **code),
    )


def tarred(members: dict[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for title, data in members.items():
            info = tarfile.TarInfo(title)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if kind != tarfile.REGTYPE:
            info = tarfile.TarInfo("entry")
            info.type, info.linkname = kind, link
            archive.addfile(info)
    return made.getvalue()


def _tar_with_pickle_name() -> bytes:
    title = system(0)[:-1].decode() + "."
    return tarred({title: b"weights"})


def _flagged(data: bytes) -> bytes:
    """The flag says encrypted, in both headers; readers that ignore it read on."""
    made = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = made.find(magic)
        made[start + at] |= 1
    return bytes(made)


def _wrong_crc(data: bytes) -> bytes:
    made = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        made[made.find(magic) + at] ^= 1
    return bytes(made)


def _renamed(data: bytes) -> bytes:
    at = data.find(b"m/data.pkl")
    return data[:at] + b"m/data.txt" + data[at + 10 :]


def _twice(first: bytes, second: bytes) -> bytes:
    data = zipped({"m/data.pkl": first, "m/dat2.pkl": second})
    return data.replace(b"m/dat2.pkl", b"m/data.pkl")


def _hidden(pickle: bytes) -> bytes:
    """Two archives, of which the second's directory does not list the first's members."""
    made = io.BytesIO(zipped({"m/data.pkl": pickle})[: -22 - 46 - 10])
    made.seek(0, 2)
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("m/data.pkl", EMPTY_MODEL)
    return made.getvalue()


def _overlapping(data: bytes) -> bytes:
    """Two entries of the directory for one member, as a better zip bomb has thousands."""
    made = zipped({"a.npy": data})
    start = made.find(b"PK\x01\x02")
    entry = made[start : start + 46 + 5]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, 2 * len(entry), start, 0)
    return made[:start] + entry + entry.replace(b"a.npy", b"b.npy") + end


def _zip_link() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("data.pkl")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return made.getvalue()


def _nested(data: bytes) -> bytes:
    for _ in range(8):
        data = zipped({"inner.zip": data})
    return data


# --- Harmless names, used in harmful ways ---------------------------------------------------------------


def built(module: str, title: str, state: bytes = b"") -> bytes:
    """The opcodes of a bare object, filled."""
    return stacked(module, title) + b")\x81" + (state + b"b" if state else b"")


def items(*pairs: bytes) -> bytes:
    return b"}(" + b"".join(pairs) + b"u"


def uses() -> Iterator[Technique]:
    """Techniques found by reading what the listed classes and functions do when they are unpickled."""

    def one(title: str, source: str, body: bytes, rules: frozenset[str] = USED) -> Technique:
        return Technique(f"use-{title}.pkl", source, rules, b"\x80\x04" + body + b".")

    dummy, other = ("sklearn.dummy", "DummyClassifier"), stacked("sklearn.dummy", "DummyRegressor")
    cls = text("__class__") + other
    run = stacked("os", "system") + text(ECHO) + b"\x85R"

    slots = "CPython, load_build sets the second part of a state by setattr"
    for title, cons in (
        ("ordered", stacked("collections", "OrderedDict") + b")R"),
        ("default", stacked("collections", "defaultdict") + b")R"),
        ("counter", stacked("collections", "Counter") + b")R"),
    ):
        yield one(f"slots-{title}", slots, built(*dummy, b"N" + cons + cls + b"s\x86"))
        yield one(f"state-{title}", slots, built(*dummy, cons + cls + b"s"))
    pairs = stacked("collections", "OrderedDict") + b"](" + cls + b"\x86e\x85R"
    yield one("slots-of-pairs", slots, built(*dummy, b"N" + pairs + b"\x86"))
    yield one("slots-plain", slots, built(*dummy, b"N" + items(cls) + b"\x86"))
    yield one("slots-of-three", slots, built(*dummy, b"N}" + items(cls) + b"\x87"))
    numpy_string = stacked("numpy", "str_") + text("__class__") + b"\x85R"
    yield one("key-by-call", slots, built(*dummy, items(numpy_string + other)))

    # A type that lies makes NumPy take bytes for addresses of objects.
    lies = (
        "NumPy, dtype.__setstate__ takes flags and fields as they are; tried, the process dies at the address"
    )
    objects = stacked("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
    unflagged = objects + b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    plain = stacked("numpy", "dtype") + text("V8") + b"\x89\x88\x87R"

    def fields(at: bytes, of: bytes = objects, flags: int = 63) -> bytes:
        named = b"N" + text("o") + b"\x85" + items(text("o") + of + at + b"\x86")
        return b"(K\x03" + text("|") + named + b"K\x08K\x01K" + bytes([flags]) + b"t"

    def array(of: bytes, data: bytes = blob(b"A" * 8)) -> bytes:
        return b"(K\x01K\x01\x85" + of + b"\x89" + data + b"t"

    empty = stacked("numpy._core.multiarray", "_reconstruct")
    empty += stacked("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    record = empty.replace(stacked("numpy", "ndarray"), stacked("numpy.rec", "recarray"))
    buffer = stacked("numpy._core.numeric", "_frombuffer")
    buffer += (
        b"(" + blob(b"A" * 8) + stacked("numpy", "dtype") + text("f8") + b"\x85RK\x01\x85" + text("C") + b"tR"
    )
    yield one("flags-denied", lies, empty + array(unflagged) + b"b")
    yield one("flags-denied-record", lies, record + array(unflagged) + b"b")
    yield one("flags-denied-by-field", lies, empty + array(plain + fields(b"K\x00", flags=0) + b"b") + b"b")
    yield one("bytes-as-objects-record", lies, record + array(objects) + b"b")
    yield one("bytes-as-objects-buffer", lies, buffer + array(objects) + b"b")
    yield one("text-as-objects", lies, empty + array(objects, text("A" * 8)) + b"b")
    late = plain + b"\x940" + empty + array(b"h\x00") + b"b0h\x00" + fields(b"K\x00") + b"b"
    yield one("type-changed-after-use", lies, late)
    twice = plain + fields(b"K\x00", stacked("numpy", "dtype") + text("f8") + b"\x85R", 0)
    yield one("type-filled-twice", lies, twice + b"b" + fields(b"K\x00") + b"b")
    dictionary = b"}\x94(" + text("o") + stacked("numpy", "dtype") + text("f8") + b"\x85RK\x00\x86u"
    sealed = plain + b"(K\x03" + text("|") + b"N" + text("o") + b"\x85" + dictionary + b"K\x08K\x01K\x00tb"
    yield one("fields-changed-after-use", lies, sealed + b"0h\x00" + text("p") + objects + b"K\x00\x86s")
    yield one("field-outside", lies, plain + fields(b"M\xe8\x03") + b"b")
    yield one("field-before", lies, plain + fields(b"J\xff\xff\xff\xff") + b"b")
    parts = b"(K\x03" + text("|") + stacked("numpy", "dtype") + text("i4") + b"\x85RM\xe8\x03\x85\x86"
    yield one("parts-outside", lies, plain + parts + b"NNK\x08K\x01K\x00tb")
    yield one("type-of-a-class", lies, stacked("numpy", "dtype") + stacked("numpy", "object_") + b"\x85R")
    masked = stacked("numpy.ma.core", "_mareconstruct")
    yield one(
        "masked-of-a-class",
        lies,
        masked + b"(" + stacked(*dummy) + stacked("numpy", "ndarray") + b"K\x00\x85C\x01btR",
    )
    made = (
        masked
        + b"("
        + stacked("numpy.ma", "MaskedArray")
        + stacked("numpy", "ndarray")
        + b"K\x00\x85C\x01btR"
    )
    items_ = b"(K\x01K\x01\x85" + objects + b"\x89" + blob(b"A" * 8) + blob(b"\0") + b"Nt"
    yield one("masked-bytes-as-objects", lies, made + items_ + b"b")

    bare = "NumPy, constructors of arrays take buffers, files and text"
    for module, title, args in (
        ("numpy", "ndarray", b"K\x01\x85" + objects + blob(b"A" * 8) + b"\x87"),
        ("numpy", "matrix", text("1") + b"\x85"),
        ("numpy.rec", "recarray", b"(K\x01\x85" + objects + blob(b"A" * 8) + b"t"),
        ("numpy", "void", blob(b"A" * 8) + objects + b"\x86"),
    ):
        yield one(f"new-{title}", bare, stacked(module, title) + args + b"\x81")
    whole = stacked("numpy._core.multiarray", "scalar") + objects + items(cls) + b"\x86R"
    yield one("state-through-a-scalar", "NumPy, scalar returns an object as it is", built(*dummy, whole))
    yield one("array-of-a-class", bare, empty.replace(stacked("numpy", "ndarray"), stacked(*dummy)))

    attributes = "PyTorch, torch._utils._set_obj_state sets attributes one by one"
    rebuild, v2 = (
        stacked("torch._tensor", "_rebuild_from_type_v2"),
        stacked("torch._utils", "_rebuild_tensor_v2"),
    )
    yield one(
        "tensor-class",
        attributes,
        rebuild + b"(" + v2 + stacked("torch", "Tensor") + b")" + items(cls) + b"tR",
    )
    yield one("tensor-of-a-class", attributes, rebuild + b"(" + v2 + stacked(*dummy) + b")}tR")
    with_state = stacked("torch._utils", "_rebuild_parameter_with_state")
    yield one("parameter-class", attributes, with_state + b"(N\x88}" + items(cls) + b"tR")
    wrapper_ = stacked("torch._utils", "_rebuild_wrapper_subclass")
    yield one("wrapper-of-a-class", attributes, wrapper_ + b"(" + stacked(*dummy) + b"NNNNNNNtR")
    load = stacked("torch.storage", "_load_from_bytes")
    legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}." + system(2)
    both = RUNS | USED
    yield one(
        "torch-in-bytes", "PyTorch, _load_from_bytes is torch.load", load + blob(legacy) + b"\x85R", both
    )
    yield one(
        "torch-in-long-bytes",
        "PyTorch, _load_from_bytes is torch.load",
        load + blob(legacy + b"\x80\x02]." + b"\0" * 9000) + b"\x85R",
        both,
    )
    yield one(
        "pickle-in-torch-bytes",
        "PyTorch, _load_from_bytes is torch.load",
        load + blob(system(2)) + b"\x85R",
        both | {"LG-SCAN-007"},
    )
    yield one(
        "zip-in-torch-bytes",
        "PyTorch, _load_from_bytes is torch.load",
        load + blob(torch_zip(system(2))) + b"\x85R",
        both,
    )

    asks = "the function asks its argument for items and attributes"
    for module, title in (
        ("decimal", "Decimal"), ("datetime", "timezone"), ("fractions", "Fraction"), ("builtins", "str"),
        ("scipy.spatial._ckdtree", "cKDTree"), ("numpy.random.bit_generator", "SeedSequence"),
        ("torch.serialization", "_get_layout"), ("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"),
    ):  # fmt: skip
        yield one(f"object-to-{title}", asks, stacked(module, title) + built(*dummy) + b"\x85R")
    base = (
        stacked("copyreg", "_reconstructor") + stacked(*dummy) + stacked("builtins", "list") + built(*dummy)
    )
    yield one("object-to-a-base", "copyreg._reconstructor hands its state to the base", base + b"\x87R")
    yield one(
        "exponent",
        "Fraction writes an exponent out",
        stacked("fractions", "Fraction") + text("1e999999999") + b"\x85R",
    )
    ctor = (
        stacked("numpy.random._pickle", "__generator_ctor")
        + text("MT19937")
        + stacked("numpy.random.mtrand", "RandomState")
    )
    yield one("generator-of-choice", "NumPy, __generator_ctor calls its second argument", ctor + b"\x86R")
    pyx = stacked("sklearn._loss._loss", "__pyx_unpickle_CyHalfSquaredError")
    pyx += (
        stacked("sklearn._loss._loss", "CyHalfSquaredError")
        + b"K\x00"
        + items(text("__setstate__") + stacked("numpy", "add"))
    )
    yield one("extension-state", "Cython, __pyx_unpickle_ updates __dict__", pyx + b"\x87R")
    frame = "pandas, what unpickling calls"
    index = stacked("pandas.core.indexes.base", "_new_Index")
    yield one("index-of-a-class", frame, index + stacked(*dummy) + b"}\x86R")
    yield one(
        "index-keyword",
        frame,
        index + stacked("pandas.core.indexes.base", "Index") + items(text("copy") + b"\x88") + b"\x86R",
    )
    yield one(
        "index-of-an-object",
        frame,
        index + stacked("pandas.core.indexes.base", "Index") + items(text("data") + built(*dummy)) + b"\x86R",
    )
    zone = items(text("data") + buffer + text("tz") + text("dateutil//etc/passwd"))
    times = stacked("pandas.core.indexes.datetimes", "_new_DatetimeIndex")
    yield one(
        "index-zone-file",
        frame,
        times + stacked("pandas.core.indexes.datetimes", "DatetimeIndex") + zone + b"\x86R",
    )
    yield one("frame-class", frame, built("pandas.core.frame", "DataFrame", items(cls)))
    block = stacked("pandas._libs.internals", "_unpickle_block")
    yield one("block-of-an-object", frame, block + built(*dummy) + b"NK\x02\x87R")
    yield one(
        "manager-of-an-object",
        frame,
        stacked("pandas.core.internals.managers", "BlockManager") + built(*dummy) + b"\x85]\x86R",
    )
    yield one(
        "eval-of-pandas",
        frame,
        stacked("pandas.core.computation.eval", "eval") + text("1") + b"\x85R",
        UNKNOWN,
    )
    yield one(
        "read-pickle", frame, stacked("pandas.compat.pickle_compat", "load") + text("x") + b"\x85R", UNKNOWN
    )
    yield one(
        "function-of-a-step",
        "scikit-learn, FunctionTransformer",
        built(
            "sklearn.preprocessing._function_transformer",
            "FunctionTransformer",
            items(text("func") + stacked("os", "system")),
        ),
        RUNS,
    )
    yield one(
        "hook-of-a-layer",
        "PyTorch, Module.__call__ runs hooks",
        built(
            "torch.nn.modules.linear",
            "Linear",
            items(text("_forward_hooks") + items(b"K\x01" + stacked("os", "system"))),
        ),
        RUNS,
    )
    yield one(
        "objects-of-an-array",
        "NumPy, arrays of objects",
        empty + array(objects, b"](" + run + b"e") + b"b",
        RUNS,
    )
    yield one(
        "qhull",
        "SciPy, Qhull's options name files",
        stacked("scipy.spatial._qhull", "_Qhull") + b")\x81",
        UNKNOWN,
    )


# --- Other formats --------------------------------------------------------------------------------------


def safetensor(header: str, data: bytes = b"\0" * 8) -> bytes:
    raw = header.encode()
    return struct.pack("<Q", len(raw)) + raw + data


def field(number: int, value: bytes | int | str) -> bytes:
    """A field of Protocol Buffers."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def onnx(location: str = "", domain: str = "", operator: str = "Relu") -> bytes:
    tensor = field(1, 2) + field(2, 1) + field(8, "w")
    if location:
        tensor += field(13, field(1, "location") + field(2, location)) + field(14, 1)
    node = field(1, "x") + field(2, "y") + field(4, operator) + (field(7, domain) if domain else b"")
    if not location:
        tensor += field(9, b"\0" * 8)
    ends = [
        field(n, field(1, title) + field(2, field(1, field(1, 1)))) for n, title in ((11, "x"), (12, "y"))
    ]
    graph = field(1, node) + field(2, "g") + field(5, tensor) + b"".join(ends)
    return field(1, 9) + field(2, "pytorch") + field(7, graph) + field(8, field(1, domain) + field(2, 18))


def saved_model(operator: str) -> bytes:
    value = field(5, field(1, "value") + field(2, field(8, field(1, 1) + field(5, b"\0" * 4))))
    given = field(5, field(1, "dtype") + field(2, field(6, 1)))
    constant = field(1, "n") + field(2, "Const") + given + value
    graph = field(1, constant) + field(1, field(1, "m") + field(2, operator))
    graph += field(4, field(1, 1987))
    return field(1, 1) + field(2, field(1, field(4, "serve")) + field(2, graph))


def gguf(template: str) -> bytes:
    def said(value: str) -> bytes:
        raw = value.encode()
        return struct.pack("<Q", len(raw)) + raw

    pair = said("tokenizer.chat_template") + struct.pack("<I", 8) + said(template)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + pair


def keras(layer: dict[str, object]) -> bytes:
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    return zipped(
        {"config.json": json.dumps(config).encode(), "metadata.json": b'{"keras_version": "3.9.0"}'}
    )


def layer(title: str, module: str | None = "keras.layers", **config: object) -> dict[str, object]:
    return {"module": module, "class_name": title, "config": {"name": "a", **config}, "registered_name": None}


TEMPLATE = "{{ messages.__class__.__mro__[1].__subclasses__() }}"


def others() -> Iterator[Technique]:
    def one(title: str, source: str, rule: str, data: bytes) -> Technique:
        return Technique(title, source, frozenset(rule.split()), data)

    lies = "Trail of Bits, safetensors security review, 2023"
    tensor = '"dtype":"F64","shape":[1],"data_offsets"'
    yield one(
        "twice.safetensors",
        lies,
        "LG-SCAN-070",
        safetensor(f'{{"a":{{{tensor}:[0,8]}},"a":{{{tensor}:[0,8]}}}}'),
    )
    two = f'{{"a":{{{tensor}:[0,8]}},"b":{{{tensor}:[0,8]}}}}'
    yield one("overlap.safetensors", lies, "LG-SCAN-070", safetensor(two))
    yield one("hole.safetensors", lies, "LG-SCAN-070", safetensor(f'{{"a":{{{tensor}:[8,16]}}}}', b"\0" * 16))
    yield one(
        "tail.safetensors",
        lies,
        "LG-SCAN-070",
        safetensor(f'{{"a":{{{tensor}:[0,8]}}}}', b"\0" * 8 + system()),
    )
    yield one(
        "size.safetensors",
        lies,
        "LG-SCAN-070",
        safetensor('{"a":{"dtype":"F64","shape":[9],"data_offsets":[0,8]}}'),
    )
    schema: dict[str, object] = {
        "__loader__": "ObjectNode",
        "__module__": "os",
        "__class__": "system",
        "content": None,
    }
    yield one(
        "object.skops",
        "skops, documentation, Security",
        "LG-SCAN-080",
        zipped({"schema.json": json.dumps(schema).encode()}),
    )
    for node, cls, cve in (
        ("OperatorFuncNode", "methodcaller", "CVE-2025-54413"),
        ("MethodNode", "call", "CVE-2025-54412"),
    ):
        schema = {
            "__loader__": node,
            "__module__": "operator",
            "__class__": cls,
            "attrs": None,
            "content": None,
        }
        yield one(f"{node}.skops", cve, "LG-SCAN-080", zipped({"schema.json": json.dumps(schema).encode()}))
    schema = {
        "__loader__": "TreeNode",
        "__module__": "sklearn.linear_model._base",
        "__class__": "LinearRegression",
    }
    yield one(
        "loader.skops",
        "skops, GHSA-378x-6p4f-8jgm",
        "LG-SCAN-080",
        zipped({"schema.json": json.dumps(schema).encode()}),
    )
    yield one("lambda.keras", "CVE-2024-3660", "LG-SCAN-030", keras(layer("Lambda")))
    code = layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "AA=="}})
    yield one("lambda-in-activation.keras", "CVE-2024-3660", "LG-SCAN-030", keras(code))
    function = layer(
        "Dense",
        activation={
            "module": "os",
            "class_name": "function",
            "config": "system",
            "registered_name": "system",
        },
    )
    yield one("function.keras", "CVE-2025-1550", "LG-SCAN-031", keras(function))
    yield one("module.keras", "CVE-2025-1550", "LG-SCAN-031", keras(layer("Popen", "subprocess")))
    yield one("get-file.keras", "CVE-2025-8747", "LG-SCAN-031", keras(layer("get_file", "keras.utils")))
    yield one("torch.keras", "CVE-2025-49655", "LG-SCAN-030", keras(layer("TorchModuleWrapper")))
    yield one(
        "vocabulary.keras",
        "CVE-2025-12058",
        "LG-SCAN-032",
        keras(layer("StringLookup", vocabulary="/etc/passwd")),
    )
    yield one("load.keras", "keras, TFSMLayer", "LG-SCAN-030", keras(layer("TFSMLayer", filepath="/x")))
    yield one(
        "custom.keras",
        "keras, register_keras_serializable",
        "LG-SCAN-031",
        keras(layer("Mine", "my_package.layers")),
    )
    yield one("lambda.json", "CVE-2024-3660", "LG-SCAN-030", json.dumps(layer("Lambda", None)).encode())
    for operator in ("PyFunc", "ReadFile", "WriteFile", "MatchingFiles", "EagerPyFunc", "MyOwnOp"):
        yield one(
            f"{operator}.pb", "TensorFlow, SECURITY.md; modelscan", "LG-SCAN-040", saved_model(operator)
        )
    for number, path in enumerate(("../../etc/passwd", "/etc/passwd", "..\\x", "a/../../x")):
        yield one(
            f"external-{number}.onnx",
            "CVE-2022-25882, CVE-2024-27318, CVE-2024-5187",
            "LG-SCAN-050",
            onnx(path),
        )
    yield one("domain.onnx", "ONNX Runtime, custom operators", "LG-SCAN-051", onnx(domain="my.ops"))
    yield one(
        "python.onnx",
        "ONNX Runtime, PythonOp",
        "LG-SCAN-051",
        onnx(operator="PythonOp", domain="com.microsoft"),
    )
    jinja = "CVE-2024-34359"
    yield one("template.gguf", jinja, "LG-SCAN-060", gguf(TEMPLATE))
    yield one("template-attr.gguf", jinja, "LG-SCAN-060", gguf("{{ ''|attr('__class__') }}"))
    yield one(
        "template-global.gguf",
        jinja,
        "LG-SCAN-060",
        gguf("{{ cycler.__init__.__globals__.os.popen('echo') }}"),
    )
    yield one("template-item.gguf", jinja, "LG-SCAN-060", gguf("{{ ''['__cla' + 'ss__'] }}{{ lipsum }}"))
    yield one("tokenizer_config.json", jinja, "LG-SCAN-060", json.dumps({"chat_template": TEMPLATE}).encode())
    for number, joined in enumerate(
        (
            "{{ ()['_' * 2 ~ 'class' ~ '_' * 2] }}",
            "{% set a = '_' ~ '_class_' ~ '_' %}{% set b = a %}{{ ()[b] }}",
            "{{ ()['%c%cclass%c%c' % (95, 95, 95, 95)] }}",
            "{{ ()['--class--' | replace('-', '_')] }}",
            "{{ ()['__ssalc__'[::-1] | trim] }}",
        )
    ):
        yield one(f"template-joined-{number}.gguf", jinja, "LG-SCAN-060", gguf(joined))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "os.system"}]
    yield one(
        "modules.json",
        "sentence-transformers, import_from_string",
        "LG-SCAN-061",
        json.dumps(modules).encode(),
    )
    for title, pipeline in (
        ("library", {"_class_name": "StableDiffusionPipeline", "unet": ["os", "system"]}),
        ("pipeline", {"_class_name": ["pipeline", "Mine"]}),
    ):
        yield one(
            f"model_index-{title}.json",
            "diffusers, DiffusionPipeline imports what model_index.json names",
            "LG-SCAN-061",
            json.dumps(pipeline).encode(),
        )
    pickled = {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["echo"]}]}
    yield one(
        "jsonpickle.json",
        "jsonpickle, README, Security; CVE-2020-22083",
        "LG-SCAN-062",
        json.dumps(pickled).encode(),
    )
    adapter = {"auto_mapping": {"base_model_class": "x", "parent_library": "my_module"}}
    yield one(
        "adapter_config.json",
        "PEFT, auto_mapping imports parent_library",
        "LG-SCAN-061",
        json.dumps(adapter).encode(),
    )
    flavour = b"flavors:\n  python_function:\n    loader_module: os\n    data: model\n"
    yield one("MLmodel", "MLflow, python_function flavour", "LG-SCAN-062", flavour)
    padded = b"a: 1\n" * 1_200_000 + b"b: !!python/object/apply:os.system ['echo']\n"
    yield one("long.yaml", "CVE-2017-18342 after five megabytes", "LG-SCAN-062", padded)
    superblock = (
        b"\x89HDF\r\n\x1a\n"
        + b"\0" * 5
        + b"\x08\x08\0"
        + b"\x04\0\x10\0"
        + b"\0" * 4
        + b"\0" * 8
        + b"\xff" * 8
    )
    body = b"\0" * 64 + system(2) + b"\0" * 64
    end = struct.pack("<Q", len(superblock) + 16 + len(body)) + b"\xff" * 8
    yield one("attribute.h5", "PyTables unpickles attributes", "LG-SCAN-007", superblock + end + body)
    mapped = {"auto_map": {"AutoModel": "modeling_mine.Mine"}, "model_type": "mine"}
    yield one(
        "config.json",
        "transformers, documentation, Custom models",
        "LG-SCAN-061",
        json.dumps(mapped).encode(),
    )
    yield one(
        "modeling_mine.py",
        "transformers, documentation, Custom models",
        "LG-SCAN-101",
        b"import os\nos.system('echo')\n",
    )
    yield one("library.bin", "a library named as weights", "LG-SCAN-101", b"\x7fELF\x02\x01\x01" + b"\0" * 64)
    yield one("script.bin", "a script named as weights", "LG-SCAN-101", b"#!/bin/sh\necho\n")


def techniques() -> list[Technique]:
    """Return all techniques; their names are unique."""
    makers: tuple[Callable[[], Iterator[Technique]], ...] = (pickles, arrays, uses, archives, others)
    return [technique for maker in makers for technique in maker()]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for made in techniques():
        (folder / made.name).write_bytes(made.data)
