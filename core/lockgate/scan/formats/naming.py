"""Values of configurations that name code: what whoever reads them imports, fetches or runs.

Which keys do that, no list can say for all loaders; what they look like can be said. A value that is a
dotted path, an entry point, a program's file or a repository of the Hub, under a key whose words are about
code, is unsafe, unless the path leads to a class of a library whose classes only compute.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.context import Context

# Hydra calls what `_target_` names; these only make layers, optimizers and data sets of these libraries.
TARGETS = re.compile(
    r"nemo\.(collections|core)\.(?!.*(util|common\.(callbacks|parts\.(utils|preprocessing)))).*[A-Z]\w*\Z"
    r"|torch\.(nn|optim)\.[\w.]*[A-Z]\w*\Z|(pytorch_)?lightning(\.pytorch)?\.Trainer\Z"
)
# Loaders of MLflow and MLServer, and classes that their own library's loader makes.
_KNOWN = re.compile(
    r"mlflow\.\w+|mlserver(_(sklearn|xgboost|lightgbm|catboost))?\.[A-Z]\w*"
    r"|(sklearn|xgboost|lightgbm|catboost)\.[\w.]*[A-Z]\w*"
    r"|(transformers|sentence_transformers|diffusers)\.(\w+\.)*[A-Z]\w*"
)
_WORDS = frozenset(
    [
        *("class", "cls", "classname", "target", "module", "loader", "factory", "callable", "function"),
        *("func", "fn", "handler", "hook", "hooks", "callback", "callbacks", "entrypoint", "import"),
        *("imports", "plugin", "plugins", "impl", "implementation", "component", "constructor", "runner"),
        *("service", "script", "predict", "train", "object", "instantiate", "app", "backend"),
    ]
)
_FETCHED = frozenset(
    ["attn", "attention", "kernel", "kernels", "implementation", "impl", "backend", "remote"]
)
_LOADED = frozenset(
    ["library", "libraries", "lib", "libs", "ops", "preload", "executable", "program", "pythonstartup"]
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:[A-Za-z_]\w*)?|[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w.-]+)?(:[\w.-]+)?")
_PROGRAM = re.compile(r"[^\s:]*[\w)]\.(pyc?|so(\.\d+)*|dll|dylib|pyd|exe|sh|bat|cmd|ps1|jl|lua)(:\w+)?")
# Keys by which MontyDecoder, Json.NET and Jackson look a class up, which need no dot.
_MARKED = frozenset(["@module", "@class", "@callable", "$type", "__module__", "__reduce__", "__callable__"])
_ASSEMBLY = re.compile(r"[\w.]+(`\d+)?(\[.*\])?(, *[\w.]+)?")
_DATA = frozenset(
    [
        *("safetensors", "ckpt", "pt", "pth", "bin", "json", "jsonl", "yaml", "yml", "txt", "model", "onnx"),
        *("h5", "hdf5", "keras", "npz", "npy", "pkl", "pickle", "joblib", "csv", "tsv", "vocab", "gguf"),
        *("msgpack", "tflite", "pb", "pbtxt", "png", "jpg", "jpeg", "wav", "md", "gz", "zip", "tar", "nemo"),
        *("parquet", "arrow", "xml", "toml", "cfg", "ini", "jinja", "bpe", "spm", "skops", "cbm", "ubj"),
    ]
)
# Folders that go onto the search path, and what stands for code of the model's own.
_OWN_CODE = frozenset(
    [
        *("user_dir", "plugin_dir", "plugin_dirs", "code_dir", "code_paths", "module_path", "module_dir"),
        *("python_path", "pythonpath", "extension_dir", "custom_generate"),
    ]
)
_COMMANDS = frozenset(["command", "cmd", "entrypoint", "shell", "exec"])
_NO = frozenset(["", "0", "false", "no", "none", "null", "~"])
_ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+:[A-Za-z_]\w*")
_CLASS_TYPE = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.[A-Z]\w*")
_SPLIT = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")


def check(key: str, value: Any, context: Context, offset: int | None = None) -> None:
    """Report a value, or those of a list or of one level of a dictionary, when it names code."""
    if key in _COMMANDS and isinstance(value, list) and value:
        value = " ".join(map(str, value))
    if isinstance(value, (list, dict)):
        for one in list(value.values()) if isinstance(value, dict) else value:
            if isinstance(one, str):
                check(key, one, context, offset)
    elif key == "trust_remote_code" and str(value).lower() not in _NO:
        context.hit("LG-SCAN-061", "HIGH", "Asks for code from elsewhere to be trusted.", name=key)
    elif isinstance(value, str) and (what := names_code(key, value)):
        context.hit("LG-SCAN-061", "HIGH", f"Has {value} {what} ({key}).", offset=offset, name=value)


def names_code(key: str, value: str) -> str:
    """Return what happens to a value that names code, as a part of a sentence; nothing if it names none."""
    value = value.strip()
    if not value or len(value) > 300:  # noqa: PLR2004 - longer than any path of this kind
        return ""
    if key in _MARKED and _ASSEMBLY.fullmatch(value):
        return "looked up and made by whoever reads this"
    words = {word.lower() for word in _SPLIT.split(key)}
    loaded = _PROGRAM.fullmatch(value) and (words & (_WORDS | _LOADED) or ":" in value)
    if loaded or (key in _COMMANDS and " " in value):
        return "run or loaded by whoever reads this"
    if key in _OWN_CODE and value.lower() not in _NO:
        return "searched for code by whoever reads this"
    if key == "backend" and value == "python":
        return "run by Triton, as model.py beside this"
    if _ENTRY.fullmatch(value) or (key in ("type", "types") and _CLASS_TYPE.fullmatch(value)):
        return "" if _is_known(value) else "imported by whoever reads this"
    if words & _FETCHED and _REPOSITORY.fullmatch(value) and not _is_data(value):
        return "fetched from the Hub and run by whoever reads this"
    if not words & _WORDS or not _DOTTED.fullmatch(value) or _is_data(value):
        return ""
    return "" if _is_known(value) else "imported by whoever reads this"


def _is_known(value: str) -> bool:
    return bool(TARGETS.match(value) or _KNOWN.fullmatch(value))


def _is_data(value: str) -> bool:
    return value.rpartition(".")[2].lower() in _DATA
