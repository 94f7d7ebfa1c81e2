"""Judge the Python of a notebook: what fetches code and runs it, and what loads files that can run code."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from lockgate.notebook import commands
from lockgate.notebook.commands import Told
from lockgate.outcome import Severity

REMOTE = "LG-NOTEBOOK-011"
LOADS = "LG-NOTEBOOK-012"
TRUSTS = "LG-NOTEBOOK-013"
SHELL = "LG-NOTEBOOK-014"

_FETCHERS = frozenset([
    "requests.get", "requests.post", "requests.request", "httpx.get", "httpx.post", "urllib.request.urlopen",
    "urlopen", "urllib.request.urlretrieve", "urlretrieve", "wget.download", "gdown.download",
    "pooch.retrieve",
    "huggingface_hub.hf_hub_download", "hf_hub_download", "huggingface_hub.snapshot_download",
    "snapshot_download",
    "torch.hub.download_url_to_file", "torch.hub.load_state_dict_from_url", "tf.keras.utils.get_file",
    "keras.utils.get_file", "tensorflow.keras.utils.get_file", "cached_download", "aiohttp.get",
    "urllib2.urlopen",
    "requests.Session.get", "kagglehub.model_download", "wandb.restore",
])  # fmt: skip
_RUNNERS = frozenset(["eval", "exec", "compile", "builtins.eval", "builtins.exec", "runpy.run_path"])
_LOADERS = frozenset([
    "pickle.load", "pickle.loads", "cPickle.load", "cPickle.loads", "dill.load", "dill.loads",
    "cloudpickle.load",
    "cloudpickle.loads", "joblib.load", "pandas.read_pickle", "marshal.loads", "marshal.load", "torch.load",
    "numpy.load", "shelve.open", "jsonpickle.decode", "yaml.load", "yaml.unsafe_load", "pickle.Unpickler",
    "sklearn.externals.joblib.load", "keras.models.load_model", "tensorflow.keras.models.load_model",
    "pandas.compat.pickle_compat.load", "pickle5.load",
])  # fmt: skip
_SYSTEM = frozenset([
    "os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.Popen", "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput",
])  # fmt: skip
_IPYTHON = ("system", "getoutput", "run_line_magic", "run_cell_magic", "run_cell")
_NICK = {
    "pd": "pandas", "np": "numpy", "sp": "subprocess", "tf": "tensorflow", "pkl": "pickle",
}  # fmt: skip
_TOO_MANY = 200_000  # nodes of one cell


@dataclass
class Seen:
    """What earlier cells did that later ones build on.

    Attributes:
        names: What an imported name stands for: `pd` for `pandas`.
        fetched: Variables that hold what came from elsewhere.
        files: Names of files that were fetched.
    """

    names: dict[str, str] = field(default_factory=lambda: dict(_NICK))
    fetched: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)


def judge(tree: ast.Module, seen: Seen) -> Iterator[tuple[int, Told]]:
    """Yield what is wrong with a cell's Python, with its line; what it fetches is kept in `seen`."""
    nodes = []
    for node in ast.walk(tree):
        nodes.append(node)
        if len(nodes) > _TOO_MANY:
            break
    for node in nodes:
        _remember_import(node, seen)
    ordered = sorted((n for n in nodes if hasattr(n, "lineno")), key=_position)
    for node in ordered:
        if isinstance(node, ast.Call):
            for told in _call(node, seen):
                yield node.lineno, told
        _remember(node, seen)


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def dotted(node: ast.expr, seen: Seen) -> str:
    """Return the full dotted name of an expression, or nothing where it has none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call) and (inner := dotted(node.func, seen)) in (
        "__import__",
        "importlib.import_module",
    ):
        first = _constant(node.args[0]) if node.args else None
        parts.append(first or inner)
    elif isinstance(node, ast.Name):
        parts.append(seen.names.get(node.id, node.id))
    elif isinstance(node, ast.Call):
        parts.append(dotted(node.func, seen) + "()")
    else:
        return ""
    return ".".join(reversed(parts))


def _remember_import(node: ast.AST, seen: Seen) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            seen.names[alias.asname or name] = name
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            seen.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"


def _remember(node: ast.AST, seen: Seen) -> None:
    """Keep which variables and files hold what was fetched."""
    targets: list[ast.expr] = []
    value: ast.expr | None = None
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        targets, value = [node.target], node.value
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None and _is_fetched(item.context_expr, seen):
                seen.fetched.update(_names(item.optional_vars))
            if _is_fetched_file(item.context_expr, seen) and item.optional_vars is not None:
                seen.fetched.update(_names(item.optional_vars))
    if value is not None:
        fetched = _is_fetched(value, seen) or _is_fetched_file(value, seen)
        for target in targets:
            names = _names(target)
            seen.fetched.update(names) if fetched else seen.fetched.difference_update(names)
    if isinstance(node, ast.Call):
        name = dotted(node.func, seen)
        if name in _FETCHERS:
            strings = [
                text
                for arg in (*node.args[1:], *(k.value for k in node.keywords))
                if (text := _constant(arg))
            ]
            seen.files.update(text.rpartition("/")[2] for text in strings if text)
            seen.fetched.update(n for arg in node.args[1:] for n in _names(arg))
        if name.endswith(".write") and any(_is_fetched(arg, seen) for arg in node.args):
            handle = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(handle, ast.Name):
                seen.fetched.add(handle.id)


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
    if name in _RUNNERS and first is not None and _is_fetched(first, seen):
        yield (
            REMOTE,
            Severity.CRITICAL,
            f"{last} runs text that was fetched from elsewhere",
            "Keep the code in your repository, and import it.",
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
    if name in _LOADERS:
        yield from _loader(name, node, words, seen)
    if name in _SYSTEM or (name.startswith("get_ipython") and last in _IPYTHON) or last == "getoutput":
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
    if any(_is_fetched(each, seen) or _is_fetched_file(each, seen) or _is_address(each) for each in given):
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
        if _constant(node.args[0]) == "pip":
            yield from commands.install(["pip", *(_constant(given) or "").split()])
            return
    if isinstance(given, (ast.List, ast.Tuple)):
        parts = [
            _constant(each) or ("python" if "executable" in ast.dump(each) else "{}") for each in given.elts
        ]
        shell = next((p for flag, p in itertools.pairwise(parts) if flag == "-c"), None)
        yield from commands.judge(shell) if shell else commands.install(parts)
        return
    text = _constant(given) if given is not None else None
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


def _is_fetched(node: ast.AST, seen: Seen) -> bool:
    """Whether an expression is made of something that was fetched."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in seen.fetched:
            return True
        if isinstance(each, ast.Call):
            name = dotted(each.func, seen)
            if name in _FETCHERS or (name.endswith((".get", ".post")) and "Session" in name):
                return True
    return False


def _is_fetched_file(node: ast.AST, seen: Seen) -> bool:
    """Whether an expression names a file that was fetched."""
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str)
        and each.value.rpartition("/")[2] in seen.files and bool(each.value)
        for each in ast.walk(node)
    )  # fmt: skip


def _is_address(node: ast.AST) -> bool:
    text = _constant(node)
    return text is not None and text.startswith(("http://", "https://", "ftp://", "s3://", "gs://", "hf://"))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _constant(node: ast.AST | None) -> str | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _constant(node.left), _constant(node.right)
        return left + right if left is not None and right is not None else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value
