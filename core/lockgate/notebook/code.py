"""Judge the Python of a notebook: what fetches code and runs it, and what loads files that can run code."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from lockgate.notebook import commands
from lockgate.notebook.commands import Told
from lockgate.notebook.following import (
    LOADERS,
    REPLACES,
    RUNNERS,
    SYSTEM,
    Seen,
    constant,
    dotted,
    is_decoded,
    is_fetched,
    is_fetched_file,
    remember,
    remember_import,
)
from lockgate.outcome import Severity

REMOTE = "LG-NOTEBOOK-011"
LOADS = "LG-NOTEBOOK-012"
TRUSTS = "LG-NOTEBOOK-013"
SHELL = "LG-NOTEBOOK-014"
DECODED = "LG-NOTEBOOK-015"
_IPYTHON = ("system", "getoutput", "run_line_magic", "run_cell_magic", "run_cell")
_TOO_MANY = 200_000  # nodes of one cell


def judge(tree: ast.Module, seen: Seen) -> Iterator[tuple[int, Told]]:
    """Yield what is wrong with a cell's Python, with its line; what it fetches is kept in `seen`."""
    nodes = []
    for node in ast.walk(tree):
        nodes.append(node)
        if len(nodes) > _TOO_MANY:
            break
    for node in nodes:
        remember_import(node, seen)
    ordered = sorted((n for n in nodes if hasattr(n, "lineno")), key=_position)
    for node in ordered:
        yield from _imports_fetched(node, seen)
        if isinstance(node, ast.Call):
            for told in _call(node, seen):
                yield node.lineno, told
        remember(node, seen)


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _imports_fetched(node: ast.AST, seen: Seen) -> Iterator[tuple[int, Told]]:
    """Yield an import of a module whose file was fetched before."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        modules = [node.module or ""]
    else:
        return
    for module in modules:
        if f"{module.rpartition('.')[2]}.py" in seen.files:
            yield (
                node.lineno,
                (
                    REMOTE,
                    Severity.HIGH,
                    "an import runs a file that was fetched from elsewhere",
                    "Keep the code in your repository, and import it.",
                    "",
                ),
            )


def _call(node: ast.Call, seen: Seen) -> Iterator[Told]:
    name = dotted(node.func, seen)
    last = name.rpartition(".")[2]
    words = {k.arg: k.value for k in node.keywords if k.arg}
    if _is(words.get("trust_remote_code"), True):
        yield (
            TRUSTS,
            Severity.HIGH,
            f"{last} runs code that comes with a model or dataset (trust_remote_code=True)",
            "Read that code, pin its revision to a commit, and keep a copy of your own.",
            "",
        )
    first = node.args[0] if node.args else None
    fetched = first is not None and (is_fetched(first, seen) or is_fetched_file(first, seen))
    if name in RUNNERS and fetched:
        yield (
            REMOTE,
            Severity.CRITICAL,
            f"{last} runs text that was fetched from elsewhere",
            "Keep the code in your repository, and import it.",
            "",
        )
    elif name in RUNNERS and first is not None and is_decoded(first, seen):
        yield (
            DECODED,
            Severity.HIGH,
            f"{last} runs text that is decoded or unpacked while it runs",
            "Write the code out, so that it can be read.",
            "",
        )
    if name == "os.dup2" and isinstance(first, ast.Call) and dotted(first.func, seen).startswith("socket."):
        yield (
            commands.RUNS,
            Severity.CRITICAL,
            "a connection takes the place of the process's input or output",
            "Remove it, and treat the machines that ran it as taken over.",
            "",
        )
    if name == "torch.hub.load" and not _is(words.get("source"), "local"):
        yield (
            TRUSTS,
            Severity.HIGH,
            "torch.hub.load runs code of a repository that may change",
            "Take the weights as safetensors, or keep a copy of the code and load it with source='local'.",
            "",
        )
    if name in LOADERS:
        yield from _loader(name, node, words, seen)
    if name in REPLACES:
        given = next((arg for arg in node.args if isinstance(arg, (ast.List, ast.Tuple))), None)
        if given is not None:
            yield from _list(given)
    if name in SYSTEM or (name.startswith("get_ipython") and last in _IPYTHON) or last == "getoutput":
        yield from _system(name, node, words)


def _loader(name: str, node: ast.Call, words: dict[str, ast.expr], seen: Seen) -> Iterator[Told]:
    if name == "torch.load" and _is(words.get("weights_only"), True):
        return
    if name == "numpy.load" and not _is(words.get("allow_pickle"), True):
        return
    if name.endswith("load_model") and not _is(words.get("safe_mode"), False):
        return
    if name == "yaml.load" and any("Safe" in ast.dump(v) for v in (*node.args[1:], *words.values())):
        return
    given = [*node.args, *words.values()]
    if any(is_fetched(each, seen) or is_fetched_file(each, seen) or _is_address(each) for each in given):
        yield (
            LOADS,
            Severity.HIGH,
            f"{name} loads a downloaded file, and such a file can run code",
            "Scan it with scan-model first, and take a format without code (safetensors, skops, ONNX).",
            "",
        )
    else:
        yield (
            LOADS,
            Severity.LOW,
            f"{name} loads a file of a kind that can run code",
            "Scan it with scan-model first.",
            "",
        )


def _system(name: str, node: ast.Call, words: dict[str, ast.expr]) -> Iterator[Told]:
    given = node.args[0] if node.args else words.get("args")
    if name.endswith("run_line_magic") and len(node.args) > 1:
        given = node.args[1]
        if constant(node.args[0]) == "pip":
            yield from commands.install(["pip", *(constant(given) or "").split()])
            return
    if isinstance(given, (ast.List, ast.Tuple)):
        yield from _list(given)
        return
    text = constant(given) if given is not None else None
    if text is not None:
        yield from commands.judge(text)
    elif isinstance(given, ast.JoinedStr):
        literal = "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in given.values)
        yield from commands.judge(literal)
    elif name in ("os.system", "os.popen") or _is(words.get("shell"), True):
        yield (
            SHELL,
            Severity.MEDIUM,
            f"{name} runs a command that is put together while it runs",
            "Call the program with a list of arguments, without a shell.",
            "",
        )


def _list(given: ast.List | ast.Tuple) -> Iterator[Told]:
    """Judge a command that is given as a list of its words."""
    parts = [constant(each) or ("python" if "executable" in ast.dump(each) else "{}") for each in given.elts]
    shell = next((p for flag, p in itertools.pairwise(parts) if flag == "-c"), None)
    yield from commands.judge(shell) if shell else commands.install(parts)


def _is_address(node: ast.AST) -> bool:
    text = constant(node)
    return text is not None and text.startswith(("http://", "https://", "ftp://", "s3://", "gs://", "hf://"))


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value
