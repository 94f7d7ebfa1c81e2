"""Text, and files that are programs: what lies beside a model, and what has no business there."""

from __future__ import annotations

import ast
import base64
import re
import warnings

from lockgate.scan.context import Context
from lockgate.scan.formats import names, naming, pairs, prototext, templates
from lockgate.scan.source import CHUNK, BytesStream, Source

_PROGRAMS = {
    b"\x7fELF": "a program or library for Linux",
    b"MZ": "a program or library for Windows",
    b"\xcf\xfa\xed\xfe": "a program or library for macOS",
    b"\xce\xfa\xed\xfe": "a program or library for macOS",
    b"\xfe\xed\xfa\xce": "a program or library for macOS",
    b"\xfe\xed\xfa\xcf": "a program or library for macOS",
    b"\xbe\xba\xfe\xca": "a program for macOS",
    b"\xca\xfe\xba\xbe": "a program for macOS or Java",
    b"dex\n03": "a program for Android",
    b"BC\xc0\xde": "a program of LLVM",
    b"\x1bLua": "compiled Lua",
    b"\x1bLJ": "compiled Lua",
    b"L\0\0\0\x01\x14\x02\0": "a shortcut of Windows",
    b"\x00asm": "WebAssembly",
    b"#!": "a script",
    b"<?php": "a script",
}
_TEXT = bytes([9, 10, 12, 13, 27, *range(32, 127), *range(128, 256)])
_STATEMENT = re.compile(
    rb"^[ \t]*(?:import[ \t]+[\w.]+|from[ \t]+[\w.]+[ \t]+import\b|def[ \t]+\w+[ \t]*\("
    rb"|class[ \t]+\w+[ \t]*[:(]|@\w)",
    re.MULTILINE,
)
_CALL = re.compile(rb"\b(?:__import__|exec|eval|compile|getattr|globals|open|system|popen)[ \t]*\(")
_YAML_TAG = re.compile(
    rb"!!python/[\w/:.]+|!<tag:yaml\.org,2002:python/[\w/:.]+>|^%TAG[^\n]*yaml\.org,2002:python[^\n]*",
    re.MULTILINE,
)
_TARGET = re.compile(rb"""^[ \t-]*["']?_target_["']?[ \t]*:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
_LOADER = re.compile(rb"""^[ \t]*loader_module[ \t]*:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
_CODE = re.compile(rb"""^[ \t]*model_code_path[ \t]*:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
# Lines of a model of LightGBM, which is read as such when it begins like one.
_MODEL = re.compile(
    rb"^(?:tree_sizes=[\d ]+|feature_infos=(?:none|\[|-?\d).*|leaf_value=[\d .e+-]+|\[boosting: \w+\]"
    rb"|end of (?:trees|parameters)|shrinkage=[\d.e+-]+)$",
    re.MULTILINE,
)
_PICKLED = re.compile(rb"^(?:p|[(][dlt]p)\d+$", re.MULTILINE)  # what remembers something
# What is left of JSON whose first byte is another, or of which a part is gone: keys, and little but values.
_KEY = re.compile(rb'"[ \t\r\n]*:')
_JSON = re.compile(rb'"[\w .:/+-]*"|true|false|null|[-+.\deE,:\[\]{}\s]+')
_KEYS, _OF_IT = 3, 0.1

_FLAVORS = re.compile(rb"^flavors[ \t]*:[ \t]*$", re.MULTILINE)
_VALUE = re.compile(rb"""^([ \t]*)[\w-]+[ \t]*:[ \t]*["']?([^\s"'#]*)""", re.MULTILINE)
_EXPRESSION = re.compile(
    rb"""(?:[:,\[]|^[ \t]*-)[ \t]*(["'])([^\n]{4,400}?)\1[ \t]*(?=[,\]\n}]|\Z)""", re.MULTILINE
)
_CALLED = frozenset(["__import__", "eval", "exec", "system", "popen", "getattr"])
_CHECKPOINT = re.compile(rb"model_checkpoint_path:")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")
_LEAST_CARRIED = 24
_ENTITY = re.compile(rb"<!ENTITY\s|<!DOCTYPE\s+[\w:.-]+\s+(?:SYSTEM|PUBLIC)\s[^>]*\[")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[!?]?([A-Za-z][\w:.-]*)")
# What Markdown, as model cards are, begins with.
_IN_PROSE = frozenset(
    b"div p center h1 h2 h3 h4 h5 h6 a img picture table details span ul ol br b i strong em font".split()
)
_SUFFIXES = (
    *(".py", ".pyi", ".pyw", ".pyx", ".pth", ".ipynb", ".sh", ".bash", ".zsh", ".fish", ".bat", ".cmd"),
    *(".ps1", ".psm1", ".vbs", ".hta", ".js", ".mjs", ".cjs", ".ts", ".lua", ".r", ".jl", ".rb", ".pl"),
    *(".java", ".scala", ".kt", ".go", ".rs", ".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".swift", ".tcl"),
    *(".awk", ".php", ".service", ".desktop", ".reg"),
)
_RECIPES = frozenset(["Dockerfile", "Makefile", "Jenkinsfile", "Procfile"])
_XLA = re.compile(rb"\s*(?:HloModule\b|(?:builtin\.)?module\b[^\n]*\{|func\.func\b|#loc\b)")
_TEMPLATE = (b"{%", b"{{-", b"{{ ", b"{{b", b"{#")
_LONGEST_CODE = 4 << 20
_OVERLAP = 4096
# CPython's magic numbers end in \r\n; the two bytes before have grown from 20121 to below 4000.
_COMPILED = re.compile(rb"[\x00-\xff][\x0c-\x10]\r\n[\x00-\x03]\x00\x00\x00")


def program(head: bytes) -> str:
    """Return what kind of program bytes begin, or nothing."""
    if _COMPILED.match(head):
        return "compiled Python"
    return next((what for magic, what in _PROGRAMS.items() if head.startswith(magic)), "")


def scan_program(what: str, context: Context) -> None:
    """Report a program."""
    context.record.met("program")
    context.hit("LG-SCAN-101", "HIGH", f"Is {what}; a model is data.", name=what)


def is_text(source: Source) -> bool:
    """Whether a file is UTF-8 text from end to end."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    at = 0
    while block := source.read(at, CHUNK):
        at += len(block)
        if block.translate(None, _TEXT):
            return False
        try:
            decoder.decode(block, at >= source.size)
        except UnicodeDecodeError:
            return False
    return source.size > 0


def scan(source: Source, context: Context) -> None:
    """Judge text: harmless unless it is Python that would be imported."""
    context.record.met("text")
    if source.size > _LONGEST_CODE:
        _long(source, context)
        return
    raw = source.read(0, _LONGEST_CODE)
    if raw.lstrip()[:64].startswith(_TEMPLATE) or context.name.endswith((".jinja", ".jinja2", ".j2")):
        templates.check(raw.decode("utf-8", "replace"), context)
        return
    _configuration(raw, context)
    _carried(raw, context)
    fields = prototext.fields(raw.decode("utf-8", "replace"))
    if fields and (_CHECKPOINT.match(raw) or any(value is None for _, value in fields)):
        prototext.check(fields, context)
    if _XLA.match(raw):
        context.cannot("is a graph of XLA, which is not read here")
    if _ENTITY.search(raw):
        context.cannot("is XML with entities of its own, which may be files or fill the memory")
    elif (root := _MARKUP.match(raw)) and root.group(1) not in _IN_PROSE:
        context.cannot("is XML or HTML, of which no model is read here")
    if context.name.lower().endswith(_SUFFIXES) or context.name in _RECIPES or _is_python(raw):
        context.hit("LG-SCAN-101", "HIGH", "Is a program; a model is data.", name=context.name)


def _long(source: Source, context: Context) -> None:
    """Judge text that is too long to be parsed, window by window."""
    for at in range(0, source.size, _LONGEST_CODE - _OVERLAP):
        window = source.read(at, _LONGEST_CODE)
        _configuration(window, context)
        if _STATEMENT.search(window) and (_CALL.search(window) or context.name.endswith(".py")):
            context.cannot("is long text that may be a program", at)
            return


def _configuration(raw: bytes, context: Context) -> None:
    """Report what YAML loaders and Hydra would import or call, and what is no text but a damaged model."""
    if _MODEL.search(raw):
        context.cannot("has lines of a model of LightGBM, but does not begin like one")
    if _PICKLED.search(raw) and raw.endswith(b"."):
        context.cannot("has lines of a pickle of protocol 0, and is none")
    if _is_part_of_json(raw):
        context.cannot("reads like a part of JSON, and is none")
    for found in _YAML_TAG.finditer(raw):
        name = found.group().decode("ascii", "replace")
        context.hit(
            "LG-SCAN-062",
            "CRITICAL",
            f"Has YAML that makes Python objects, {name}.",
            offset=found.start(),
            name=name,
        )
    for found in _TARGET.finditer(raw):
        name = found.group(1).decode("utf-8", "replace")
        if not naming.TARGETS.match(name):
            message = f"Has {name} looked up and called by whoever instantiates this configuration."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=name)
    for found in _LOADER.finditer(raw):
        name = found.group(1).decode("utf-8", "replace")
        if not name.startswith("mlflow."):
            message = f"Has MLflow import and call {name} to load the model."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=name)
    pairs.check(raw.decode("utf-8", "replace"), context)
    _model_code(raw, context)
    if flavors := _FLAVORS.search(raw):
        _places(raw, flavors.end(), context)
    for found in _EXPRESSION.finditer(raw) if _CALL.search(raw) else ():
        value = found.group(2).decode("utf-8", "replace")
        if _CALL.search(found.group(2)) and _calls(value):
            message = "Has a value that is Python, for a loader that evaluates it."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=value)


def _is_part_of_json(raw: bytes) -> bool:
    """Whether text has keys, brackets and values of JSON, and hardly anything else."""
    if len(_KEY.findall(raw)) < _KEYS or not {*b"{}[]"} & {*raw}:
        return False
    return len(_JSON.sub(b"", raw)) < _OF_IT * len(raw)


def _places(raw: bytes, start: int, context: Context) -> None:
    """Report the files of an MLflow model that lie elsewhere; MLflow joins them to the folder as they are."""
    for found in _VALUE.finditer(raw, start):
        if not found.group(1):  # back at the outermost keys
            return
        name = found.group(2).decode("utf-8", "replace")
        if names.leads_outside(name):
            message = "Has MLflow read a file from a path that leads out of the model's folder."
            context.hit("LG-SCAN-061", "HIGH", message, offset=found.start(), name=name)


def _calls(value: str) -> bool:
    """Whether a value is an expression that calls what no configuration calls."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(value.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {one.id for one in called if isinstance(one, ast.Name)}
    named |= {one.attr for one in called if isinstance(one, ast.Attribute)}
    return bool(named & _CALLED)


def _carried(raw: bytes, context: Context) -> None:
    """Judge what text that is one word of Base64 stands for, if that is a pickle or an archive."""
    word = b"".join(raw.split())
    if len(word) < _LEAST_CARRIED or not _BASE64.match(word):
        return
    try:
        held = base64.b64decode(word, validate=True)
    except ValueError:
        return
    if held.startswith((b"\x80", b"PK\x03\x04", b"\x1f\x8b")):
        context.inside("base64").scan_stream(BytesStream(held))


def _model_code(raw: bytes, context: Context) -> None:
    for found in _CODE.finditer(raw):
        name = found.group(1).decode("utf-8", "replace")
        if name not in ("null", "~"):
            message = f"Has MLflow run {name} to make the model."
            context.hit("LG-SCAN-062", "HIGH", message, offset=found.start(), name=name)


def _is_python(raw: bytes) -> bool:
    if not (_STATEMENT.search(raw) or _CALL.search(raw)):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(tree.body)
