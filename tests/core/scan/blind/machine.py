"""Ways of the pickle machine itself: what is computed, hidden, framed, broken off, or held in another pickle."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import base64
import pickle
import struct
from collections.abc import Callable

from .technique import ECHO, Raw, call, harm, name, one, text, value, whole

MACHINE = "CPython pickletools.py and Modules/_pickle.c: "
NULLIFAI = "ReversingLabs, nullifAI (2025): "


def _straddle() -> bytes:
    """A frame that claims less than the string inside it: the reader of a file runs what the string seems to hold."""
    hidden = b"cos\nsystem\n" + b"V" + ECHO.encode() + b"\n\x85R"
    return (
        b"\x80\x05N"
        b"V"
        + b"a" * (8192 * 16 - 17)
        + b"\n0("
        + b"\x95"
        + struct.pack("<Q", 2)
        + b"B\x07\x01\x00\x00"
        + b"\x00\x00"
        + (hidden + b"(").ljust(261, b"N")
        + b"1."
    )


def _extension() -> bytes:
    return whole(b"\x82\x07" + value((ECHO,)) + b"R")


def _memo_swapped() -> bytes:
    """The same number of the memo twice: what a scanner remembers first is not what is called."""
    return whole(
        text("collections") + b"q\x050" + text("os") + b"q\x050" + text("system") + b"q\x060",
        b"h\x05h\x06\x93" + value((ECHO,)) + b"R",
    )


def _deep() -> bytes:
    return whole(b"(" * 40_000 + call("os", "system", ECHO) + b"l" * 40_000)


def _nested(wrap: Callable[[bytes], bytes]) -> bytes:
    return whole(call("pickle", "loads", wrap(harm())))


def _shelf() -> bytes:
    """A pickle that starts after a stretch of text, as a shelf or a cache file holds it."""
    return b"lockgate blind cache v1\n" + b"\x00" * 64 + harm()


TECHNIQUES = [
    one(
        "INST of protocol 0",
        MACHINE + "INST",
        ("001",),
        lambda: b"(S'" + ECHO.encode() + b"'\nios\nsystem\n.",
    ),
    one(
        "names with escapes in them",
        MACHINE + "UNICODE is raw-unicode-escape",
        ("001",),
        lambda: b"\x80\x04V\\u006f\\u0073\nVsys\\u0074em\n\x93V" + ECHO.encode() + b"\n\x85R.",
    ),
    one("extension code", "modelaudit change log, EXT opcodes (#623)", ("005",), _extension),
    one("number of the memo that is used twice", "picklescan issue 22", ("001",), _memo_swapped),
    one(
        "names that stand in the memo by GET with zeros",
        "picklescan change log, invalid memo keys (#52)",
        ("001",),
        lambda: b"Vos\np7\n0Vsystem\np8\n0g007\ng0000008\n\x93(V" + ECHO.encode() + b"\ntR.",
    ),
    one(
        "name that is joined from pieces",
        "arXiv 2508.19774, names made while loading",
        ("001", "004"),
        lambda: whole(
            call("builtins", "str.join", "", ["o", "s"]), text("system") + b"\x93", value((ECHO,)) + b"R"
        ),
    ),
    one(
        "name that is decoded from bytes",
        MACHINE + "_codecs.encode beside STACK_GLOBAL",
        ("001", "002", "004"),
        lambda: whole(
            call("_codecs", "decode", b"bf", "rot13"), text("system") + b"\x93", value((ECHO,)) + b"R"
        ),
    ),
    one(
        "payload before an opcode that does not exist",
        NULLIFAI + "broken pickle",
        ("001",),
        lambda: harm()[:-1] + b"\xff\xff\xff",
    ),
    one("payload, then the file ends", NULLIFAI + "broken pickle", ("001",), lambda: harm()[:-1]),
    one(
        "payload, then a string longer than the file",
        NULLIFAI + "broken pickle",
        ("001",),
        lambda: harm()[:-1] + b"X\xff\xff\x00\x00abc",
    ),
    one(
        "payload before a get from an empty memo",
        "arXiv 2508.19774, exception-oriented programming",
        ("001",),
        lambda: harm()[:-1] + b"h\xc8.",
    ),
    one(
        "payload before a protocol from the future",
        "arXiv 2508.19774, exception-oriented programming",
        ("001",),
        lambda: harm()[:-1] + b"\x80\x63.",
    ),
    one(
        "frame that ends within a string",
        "CPython issue 154848; fickling test_frame_boundary_divergence",
        ("001", ""),
        _straddle,
    ),
    one(
        "second pickle after STOP", "fickling, stacked pickles", ("001", "008"), lambda: whole(b"N") + harm()
    ),
    one("pickle after text", "fickling README, pickles anywhere in a file", (), _shelf, "cache.bin"),
    one(
        "pickle under the name of a text file",
        "CVE-2025-10155, picklescan and extensions",
        ("001",),
        harm,
        "weights.txt",
    ),
    one(
        "protocol 0 under the name of weights",
        "modelaudit CVE-2025-10155 (#605)",
        ("001",),
        lambda: b"cposix\nsystem\n(S'" + ECHO.encode() + b"'\ntR.",
        "pytorch_model.bin",
    ),
    one("call inside 40,000 marks", MACHINE + "stack depth", ("001", ""), _deep),
    one(
        "result thrown away",
        "fickling GHSA-mxhj-88fx-4pcv",
        ("001",),
        lambda: whole(call("os", "system", ECHO), b"0N"),
    ),
    one(
        "call between MARK and POP_MARK",
        MACHINE + "POP_MARK",
        ("001",),
        lambda: whole(b"(", call("os", "system", ECHO), b"1N"),
    ),
    one(
        "state of slots on a function",
        MACHINE + "BUILD with a pair",
        ("001", "002", "003", "004"),
        lambda: whole(
            name("collections", "OrderedDict"), value((None, {"__init__": name("os", "system")})), b"b"
        ),
    ),
    one(
        "attributes of a module overwritten by BUILD",
        "fickling README; Marco Slaviero, Sour Pickles (2011)",
        ("001", "002", "003", "004"),
        lambda: whole(name("numpy", "linalg"), value({"norm": name("os", "system")}), b"b"),
    ),
    one(
        "default factory that runs a command",
        MACHINE + "defaultdict",
        ("001",),
        lambda: whole(call("collections", "defaultdict", name("os", "system"))),
    ),
    one(
        "keyword arguments by NEWOBJ_EX",
        MACHINE + "NEWOBJ_EX",
        ("001",),
        lambda: whole(name("subprocess", "Popen"), value((["echo", "x"],)), value({"shell": False}), b"\x92"),
    ),
    one(
        "lazy call through map and list",
        "arXiv 2508.19774, iterators as callers",
        ("001",),
        lambda: whole(call("builtins", "list", call("builtins", "map", name("os", "system"), [ECHO]))),
    ),
    one(
        "partial that somebody else calls",
        "picklescan scanner.py, functools.partial",
        ("001",),
        lambda: whole(call("functools", "partial", name("os", "system"), ECHO)),
    ),
    one(
        "pickle in bytes in a pickle",
        "modelaudit, nested payloads (#153)",
        ("001", "007"),
        lambda: _nested(bytes),
    ),
    one(
        "pickle in base64 in a pickle",
        "modelaudit, nested payloads (#153)",
        ("001", "007"),
        lambda: _nested(base64.b64encode),
    ),
    one(
        "bytes that hold a pickle, in a harmless dictionary",
        "picklescan, pickle stored inside a pickle",
        ("007",),
        lambda: pickle.dumps({"weights": [0.1, 0.2], "extra": harm()}, 4),
    ),
    one(
        "bytearray that holds a pickle",
        MACHINE + "BYTEARRAY8",
        ("007",),
        lambda: whole(b"\x96" + struct.pack("<Q", len(harm())) + harm(), protocol=5),
    ),
    one(
        "persistent id that is a call",
        MACHINE + "BINPERSID",
        ("001",),
        lambda: whole(call("os", "system", ECHO), b"Q"),
    ),
    one(
        "attribute of an attribute",
        MACHINE + "getattr in Python 2 pickles",
        ("001", "004"),
        lambda: (
            b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR(S'"
            + ECHO.encode()
            + b"'\ntR."
        ),
    ),
    one(
        "names of Python 2 that are mapped to new ones",
        "CPython _compat_pickle.py",
        ("001",),
        lambda: b"\x80\x02ccommands\ngetoutput\nX" + struct.pack("<I", len(ECHO)) + ECHO.encode() + b"\x85R.",
    ),
    one(
        "items set on something that is no dictionary",
        "CVE-2026-24747, torch and SETITEMS",
        ("001", "002", "003", "004"),
        lambda: whole(name("builtins", "type"), b"(" + text("a") + value(1) + b"u"),
    ),
    one(
        "code object of cloudpickle",
        "picklescan scanner.py, cloudpickle (#60)",
        ("009", "001"),
        lambda: whole(
            call(
                "cloudpickle.cloudpickle",
                "_make_function",
                call("cloudpickle.cloudpickle", "_builtin_type", "CodeType"),
                {},
                "f",
                (),
                (),
            )
        ),
    ),
    one(
        "lambda of dill",
        "AM-Core/modelscan-cloudpickle-dill-false-negative-poc",
        ("009", "001"),
        lambda: whole(
            call("dill._dill", "_create_function", call("dill._dill", "_create_code", 0), {}, "f", None, None)
        ),
    ),
    one(
        "module that dill imports",
        "AM-Core/modelscan-cloudpickle-dill-false-negative-poc",
        ("001", "002"),
        lambda: whole(call("dill._dill", "_import_module", "lockgate_blind")),
    ),
    one(
        "class of an evil base that is made while loading",
        MACHINE + "type() by REDUCE",
        ("001", "002", "004"),
        lambda: whole(
            Raw(call("builtins", "type", "M", (name("subprocess", "Popen"),), {}) + value((["echo"],)) + b"R")
        ),
    ),
    one(
        "instance of what another call returns",
        "picklescan issue 66, importlib then an attribute",
        ("001", "004"),
        lambda: whole(
            Raw(
                call("operator", "attrgetter", "system")
                + b"("
                + call("importlib", "import_module", "os")
                + b"tR"
                + value((ECHO,))
                + b"R"
            )
        ),
    ),
    one(
        "copyreg on a class that opens files",
        MACHINE + "copyreg._reconstructor",
        ("001",),
        lambda: whole(
            call("copyreg", "_reconstructor", name("io", "FileIO"), name("builtins", "object"), None)
        ),
    ),
    one(
        "type that numpy rebuilds",
        MACHINE + "numpy _reconstruct with another class",
        ("001", "003"),
        lambda: whole(
            call("numpy._core.multiarray", "_reconstruct", name("subprocess", "Popen"), (0,), b"b")
        ),
    ),
]
