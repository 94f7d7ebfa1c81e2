"""The code of a TorchScript archive: a subset of Python that torch interprets.

It cannot import, but it can call every operator that is registered, and some of those read, write or
map files. Calls are held against a list of names; anything else is unsafe.
"""

from __future__ import annotations

import ast
import re
import warnings

from lockgate.scan.context import Context
from lockgate.scan.record import DamagedError

_LONGEST = 4 << 20
# Operators that touch files, the process or other machines, or run what they are given.
_REACHES_OUT = frozenset(
    ["from_file", "save", "load", "_save_parameters", "import_ir_module", "fork", "wait", "_cuda_getDevice"]
)
_BUILTINS = frozenset(
    [
        *(
            "annotate",
            "unchecked_cast",
            "uninitialized",
            "int",
            "float",
            "bool",
            "str",
            "len",
            "range",
            "list",
        ),
        *(
            "isinstance",
            "getattr",
            "hasattr",
            "print",
            "abs",
            "min",
            "max",
            "round",
            "ord",
            "chr",
            "zip",
            "sorted",
        ),
        *(
            "enumerate",
            "tuple",
            "dict",
            "complex",
            "NamedTuple",
            "torch_dict",
            "torch_list",
            "all",
            "any",
            "sum",
        ),
    ]
)
_NAMESPACES = frozenset(
    ["prim", "aten", "quantized", "quantized_decomposed", "prims", "torchvision", "_quantized"]
)


def scan(raw: bytes, context: Context) -> None:
    """Judge one file of code."""
    context.record.met("TorchScript code")
    if len(raw) > _LONGEST:
        raise DamagedError(f"is code of more than {_LONGEST:,} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise DamagedError("is code that cannot be parsed") from None
    named = _named(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and ast.unparse(node) not in _HEADERS:
            _hit(context, node.lineno, "Imports a module.", ast.unparse(node))
        elif isinstance(node, ast.Call):
            _call(node, context, named)


def _named(tree: ast.AST) -> set[ast.expr]:
    """Return the calls of names that their function gives to functions of the model, and to nothing else."""
    calls: set[ast.expr] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        given: dict[str, bool] = {arg.arg: False for arg in ast.walk(function) if isinstance(arg, ast.arg)}
        within = list(ast.walk(function))
        for node in within:
            if (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                name, own = node.targets[0].id, (_dotted(node.value) or "").startswith("__torch__.")
                given[name] = given.get(name, True) and own
        stored = [n.id for n in within if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        for node in within:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if given.get(name) and stored.count(name) == 1:
                    calls.add(node.func)
    return calls


# Classes written in C++ that are part of torch; others must be loaded from a library.
_CUSTOM = re.compile(r"__torch__\.torch\.classes\.(?!quantized\.|rnn\.|xnnpack\.|sparse\.)")
_HEADERS = frozenset(["import torch", "from torch import Tensor", "from typing import *"])


def _call(node: ast.Call, context: Context, named: set[ast.expr]) -> None:
    if node.func in named:
        return
    path = _dotted(node.func)
    if path is None or "." not in path:
        if path is not None and path not in _BUILTINS and not path.startswith("__torch__"):
            _hit(context, node.lineno, f"Calls {path}, which is no function of TorchScript.", path)
        return
    first, _, rest = path.partition(".")
    if _CUSTOM.match(path):
        _hit(context, node.lineno, f"Uses {path}, a class that is native code from outside.", path)
    elif first == "ops":
        if rest.partition(".")[0] not in _NAMESPACES or rest.rpartition(".")[2] in _REACHES_OUT:
            _hit(context, node.lineno, f"Calls the operator {path}, which is not known to be harmless.", path)
    elif first == "torch" and (
        rest.rpartition(".")[2] in _REACHES_OUT or rest.startswith(("ops.", "classes."))
    ):
        _hit(context, node.lineno, f"Calls {path}, which reaches files or code.", path)


def _dotted(node: ast.expr) -> str | None:
    """Return ``a.b.c``, or None for a method of a value."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _hit(context: Context, line: int, message: str, name: str) -> None:
    context.hit("LG-SCAN-090", "HIGH", f"{message} (line {line})", name=name)
