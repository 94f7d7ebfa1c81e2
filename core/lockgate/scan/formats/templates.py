"""Chat templates: Jinja that is rendered whenever somebody talks to the model.

Rendered without a sandbox, a template reaches Python through attributes with underscores, and through
a few filters and globals (CVE-2024-34359). The template is parsed, never rendered, and held against
what templates of models use.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.record import DamagedError

_LONGEST = 1 << 20
_PASSES = 20
_FUNCTIONS = frozenset(["dict", "joiner", "namespace", "range", "raise_exception", "strftime_now"])
_FILTERS = frozenset(
    [
        *("abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape"),
        *("first", "float", "forceescape", "format", "groupby", "indent", "int", "items", "join", "last"),
        *("length", "list", "lower", "map", "max", "min", "pprint", "reject", "rejectattr", "replace"),
        *("reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string", "striptags"),
        *("sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
    ]
)
_METHODS = frozenset(
    [
        *("append", "capitalize", "count", "endswith", "extend", "find", "get", "index", "insert"),
        *("isdigit", "items", "join", "keys", "lower", "lstrip", "pop", "removeprefix", "removesuffix"),
        *("replace", "rstrip", "split", "splitlines", "startswith", "strip", "title", "update", "upper"),
        *("values", "rfind", "rsplit", "partition", "rpartition", "isalpha", "isspace", "isupper"),
        *("islower"),
    ]
)
# Ways from a generator, a coroutine, a traceback or a function to Python's frames.
_FRAMES = frozenset(
    [
        *("gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "ag_frame", "ag_code"),
        *("f_back", "f_globals", "f_locals", "f_builtins", "f_code", "tb_frame", "tb_next", "mro"),
        *("func_globals", "func_code", "func_closure", "im_func", "im_self", "im_class"),
    ]
)
_SUSPECT = frozenset(
    ["cycler", "lipsum", "self", "config", "request", "url_for", "get_flashed_messages", "caller"]
)


def check(text: str, context: Context, offset: int | None = None) -> None:
    """Judge one template."""
    from jinja2 import TemplateSyntaxError, nodes
    from jinja2.sandbox import SandboxedEnvironment

    context.record.met("chat template")
    if len(text) > _LONGEST:
        raise DamagedError("a chat template is too long", offset)
    environment = SandboxedEnvironment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])
    try:
        # `generation` is a block that transformers adds.
        plain = text.replace("{% generation %}", "").replace("{% endgeneration %}", "")
        plain = plain.replace("{%- generation %}", "").replace("{%- endgeneration %}", "")
        plain = plain.replace("{%- generation -%}", "").replace("{%- endgeneration -%}", "")
        tree = environment.parse(plain)
    except (TemplateSyntaxError, RecursionError):
        context.cannot("a chat template cannot be parsed", offset)
        return
    macros = {node.name for node in tree.find_all(nodes.Macro)}
    made = _names_made(tree, nodes)
    for node in tree.find_all(nodes.Node):
        reason = _why_not(node, nodes, macros, made)
        if reason:
            message = f"Has a chat template that {reason} (line {node.lineno})."
            context.hit("LG-SCAN-060", "HIGH", message, offset=offset, name=reason)


def _why_not(node: Any, nodes: Any, macros: set[str], made: set[str]) -> str:
    if isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        return "reads another template"
    if isinstance(node, nodes.Getattr) and _closed(node.attr):
        return f"reads the attribute {node.attr}"
    if isinstance(node, nodes.Getitem) and _closed(_text(node.arg, nodes)):
        return f"reads the attribute {_text(node.arg, nodes)}"
    if isinstance(node, nodes.Getitem) and _composed(node.arg, nodes, made):
        return "reads an attribute whose name it puts together"
    if (
        isinstance(node, nodes.Const)
        and isinstance(node.value, str)
        and "__" in node.value
        and _dunder(node.value)
    ):
        return f"names {node.value[:40]}"
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        return f"uses the filter {node.name}"
    if (
        isinstance(node, nodes.Filter)
        and node.name == "map"
        and any(k.key == "attribute" for k in node.kwargs)
    ):
        value = next(_text(k.value, nodes) for k in node.kwargs if k.key == "attribute")
        return (
            ""
            if value and "_" not in value[:1] and "._" not in value
            else "picks attributes by computed names"
        )
    if isinstance(node, nodes.Name) and node.name in _SUSPECT:
        return f"uses {node.name}"
    if isinstance(node, nodes.Call):
        return _call(node, nodes, macros)
    return ""


def _closed(name: str) -> bool:
    return name.startswith("_") or name in _FRAMES


def _composed(node: Any, nodes: Any, made: set[str]) -> bool:
    """Whether an expression may put text together that stands nowhere in the template."""
    joined = (nodes.Concat, nodes.Filter, nodes.Call, nodes.Mod)
    for part in (node, *node.find_all(nodes.Node)):
        if isinstance(part, nodes.Name) and part.name in made:
            return True
        if isinstance(part, (nodes.Add, nodes.Mul)) and any(
            isinstance(end, nodes.Const) and isinstance(end.value, str) for end in (part.left, part.right)
        ):
            return True
        if isinstance(part, joined) and not _counts(part, nodes):
            return True
    return False


def _counts(node: Any, nodes: Any) -> bool:
    """Whether a filter, call or remainder gives a number: ``x | length``, ``i % 2``."""
    if isinstance(node, nodes.Mod):
        return not any(
            isinstance(n, nodes.Const) and isinstance(n.value, str) for n in (node.left, node.right)
        )
    return isinstance(node, nodes.Filter) and node.name in (
        "length",
        "count",
        "int",
        "abs",
        "round",
        "wordcount",
    )


def _names_made(tree: Any, nodes: Any) -> set[str]:
    """Return the variables that are set to text that is put together, also through other variables."""
    made: set[str] = set()
    for _ in range(_PASSES):
        before = len(made)
        for node in tree.find_all(nodes.Assign):
            if isinstance(node.target, nodes.Name) and _composed(node.node, nodes, made):
                made.add(node.target.name)
        if len(made) == before:
            break
    return made


def _call(node: Any, nodes: Any, macros: set[str]) -> str:
    function = node.node
    if isinstance(function, nodes.Name):
        known = function.name in _FUNCTIONS or function.name in macros
        return "" if known else f"calls {function.name}"
    if isinstance(function, nodes.Getattr):
        known = function.attr in _METHODS or (
            isinstance(function.node, nodes.Name) and function.node.name == "loop"
        )
        return "" if known else f"calls the method {function.attr}"
    return "calls something that is computed"


def _text(node: Any, nodes: Any) -> str:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else ""


def _dunder(text: str) -> bool:
    return (
        re.search(
            r"__(class|bases?|mro|subclasses|globals|builtins|init|import|dict|getattribute|self)_*", text
        )
        is not None
    )
