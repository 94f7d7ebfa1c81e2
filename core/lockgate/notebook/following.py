"""Follow what a notebook's Python fetches, and under which names it calls what.

A hint, not a data-flow analysis: over cells and through variables, files and `with`; not through functions.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

FETCHERS = frozenset([
    "requests.get", "requests.post", "requests.request", "httpx.get", "httpx.post", "urllib.request.urlopen",
    "urlopen", "urllib.request.urlretrieve", "urlretrieve", "wget.download", "gdown.download",
    "pooch.retrieve",
    "huggingface_hub.hf_hub_download", "hf_hub_download", "huggingface_hub.snapshot_download",
    "snapshot_download",
    "torch.hub.download_url_to_file", "torch.hub.load_state_dict_from_url", "tf.keras.utils.get_file",
    "keras.utils.get_file", "tensorflow.keras.utils.get_file", "cached_download", "aiohttp.get",
    "urllib2.urlopen",
    "requests.Session.get", "requests.Session.post", "httpx.Client.get", "httpx.Client.post",
    "kagglehub.model_download", "wandb.restore",
])  # fmt: skip
RUNNERS = frozenset(["eval", "exec", "compile", "builtins.eval", "builtins.exec", "runpy.run_path"])
_MADE = {  # what these make keeps its kind: a name for the calls on it
    "requests.Session": "requests.Session", "requests.session": "requests.Session",
    "httpx.Client": "httpx.Client", "socket.socket": "socket.socket",
}  # fmt: skip
_DECODERS = frozenset([
    "base64.b64decode", "base64.b32decode", "base64.b16decode", "base64.b85decode", "base64.a85decode",
    "base64.urlsafe_b64decode", "base64.standard_b64decode", "base64.decodebytes", "binascii.a2b_base64",
    "binascii.unhexlify", "binascii.a2b_hex", "bytes.fromhex", "codecs.decode", "zlib.decompress",
    "gzip.decompress", "bz2.decompress", "lzma.decompress", "marshal.loads",
])  # fmt: skip
LOADERS = frozenset([
    "pickle.load", "pickle.loads", "cPickle.load", "cPickle.loads", "dill.load", "dill.loads",
    "cloudpickle.load",
    "cloudpickle.loads", "joblib.load", "pandas.read_pickle", "marshal.loads", "marshal.load", "torch.load",
    "numpy.load", "shelve.open", "jsonpickle.decode", "yaml.load", "yaml.unsafe_load", "pickle.Unpickler",
    "sklearn.externals.joblib.load", "keras.models.load_model", "tensorflow.keras.models.load_model",
    "pandas.compat.pickle_compat.load", "pickle5.load",
])  # fmt: skip
SYSTEM = frozenset([
    "os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output",
    "asyncio.create_subprocess_shell", "pty.spawn",
    "subprocess.Popen", "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput",
])  # fmt: skip
REPLACES = frozenset(
    ["os.execv", "os.execve", "os.execvp", "os.execvpe", "os.posix_spawn", "os.spawnv", "os.spawnvp"]
)
_KNOWN = FETCHERS | RUNNERS | LOADERS | SYSTEM | REPLACES | _DECODERS
_ALIASES = _KNOWN | frozenset(_MADE.values())
_NICK = {
    "pd": "pandas", "np": "numpy", "sp": "subprocess", "tf": "tensorflow", "pkl": "pickle",
}  # fmt: skip


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
        first = constant(node.args[0]) if node.args else None
        if first and inner == "__import__":  # gives the package, whatever is named within it
            first = first.partition(".")[0]
        parts.append(first or inner)
    elif isinstance(node, ast.Call) and inner == "getattr" and (named := constant(_second(node))):
        parts += [named, dotted(node.args[0], seen)]
    elif isinstance(node, ast.Name):
        parts.append(seen.names.get(node.id, node.id))
    elif isinstance(node, ast.Call):
        parts.append(dotted(node.func, seen) + "()")
    else:
        return ""
    return ".".join(reversed(parts))


def remember_import(node: ast.AST, seen: Seen) -> None:
    """Keep what an imported name stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            seen.names[alias.asname or name] = name
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            seen.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"


def remember(node: ast.AST, seen: Seen) -> None:
    """Keep which variables and files hold what was fetched."""
    targets: list[ast.expr] = []
    value: ast.expr | None = None
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        targets, value = [node.target], node.value
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None and is_fetched(item.context_expr, seen):
                seen.fetched.update(_names(item.optional_vars))
            if is_fetched_file(item.context_expr, seen) and item.optional_vars is not None:
                seen.fetched.update(_names(item.optional_vars))
    if value is not None:
        made = _stands_for(value, seen)
        for target in targets:
            if isinstance(target, ast.Name):
                if made:
                    seen.names[target.id] = made
                elif seen.names.get(target.id) in _ALIASES:
                    del seen.names[target.id]
        fetched = is_fetched(value, seen) or is_fetched_file(value, seen)
        for target in targets:
            names = _names(target)
            seen.fetched.update(names) if fetched else seen.fetched.difference_update(names)
    if isinstance(node, ast.Call):
        name = dotted(node.func, seen)
        if name in FETCHERS:
            strings = [
                text for arg in (*node.args[1:], *(k.value for k in node.keywords)) if (text := constant(arg))
            ]
            seen.files.update(text.rpartition("/")[2] for text in strings if text)
            seen.fetched.update(n for arg in node.args[1:] for n in _names(arg))
        if name.endswith(".write") and any(is_fetched(arg, seen) for arg in node.args):
            handle = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(handle, ast.Name):
                seen.fetched.add(handle.id)


def _stands_for(value: ast.expr, seen: Seen) -> str:
    """Return what a variable is another name of: a function that matters, or what it is called on."""
    if isinstance(value, (ast.Name, ast.Attribute)):
        name = dotted(value, seen)
        return name if name in _KNOWN else ""
    return _MADE.get(dotted(value.func, seen), "") if isinstance(value, ast.Call) else ""


def is_fetched(node: ast.AST, seen: Seen) -> bool:
    """Whether an expression is made of something that was fetched."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in seen.fetched:
            return True
        if isinstance(each, ast.Call):
            name = dotted(each.func, seen)
            if name in FETCHERS or (name.endswith((".get", ".post")) and "Session" in name):
                return True
    return False


def is_fetched_file(node: ast.AST, seen: Seen) -> bool:
    """Whether an expression names a file that was fetched."""
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str)
        and each.value.rpartition("/")[2] in seen.files and bool(each.value)
        for each in ast.walk(node)
    )  # fmt: skip


def is_decoded(node: ast.AST, seen: Seen) -> bool:
    """Whether an expression decodes or unpacks what is written in it."""
    return any(isinstance(each, ast.Call) and dotted(each.func, seen) in _DECODERS for each in ast.walk(node))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def constant(node: ast.AST | None) -> str | None:
    """Return the text that an expression is, also when it is put together of constants; else None."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = constant(node.left), constant(node.right)
        return left + right if left is not None and right is not None else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _second(node: ast.Call) -> ast.expr | None:
    return node.args[1] if len(node.args) > 1 else None
