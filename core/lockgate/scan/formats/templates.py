"""Chat templates: Jinja that is rendered whenever somebody talks to the model.

Rendered without a sandbox, a template reaches Python through attributes with underscores, and through
a few filters and globals (CVE-2024-34359). The template is parsed, never rendered, and held against
what templates of models use.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats.templatenames import FRAMES, Names, closed
from lockgate.scan.formats.templatenames import text as text_of
from lockgate.scan.record import DamagedError

_LONGEST = 1 << 20
_MOST_ROUNDS = 10_000  # of a loop over numbers; templates of models count to some dozens
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
# Filters that read attributes, and which of their arguments names one.
_BY_ATTRIBUTE = {"groupby": 0, "selectattr": 0, "rejectattr": 0, "sum": 0, "sort": 2, "unique": 1}
_BY_ATTRIBUTE |= {"min": 1, "max": 1, "join": 1, "map": -1}
_SUSPECT = frozenset(
    ["cycler", "lipsum", "self", "config", "request", "url_for", "get_flashed_messages", "caller"]
)


def looks_like_template(value: object) -> bool:
    """Whether a value is text with statements or expressions of Jinja; Go's begin with a dot."""
    return isinstance(value, str) and bool(re.search(r"\{%|\{\{-?\s*[^\s.}-]", value))


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
    names = Names(tree)
    for node in tree.find_all(nodes.Node):
        reason = _why_not(node, nodes, names)
        if reason:
            message = f"Has a chat template that {reason} (line {node.lineno})."
            context.hit("LG-SCAN-060", "HIGH", message, offset=offset, name=reason)


def _why_not(node: Any, nodes: Any, names: Names) -> str:
    if isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        return "reads another template"
    if isinstance(node, nodes.Getattr) and closed(node.attr):
        return f"reads the attribute {node.attr}"
    if isinstance(node, nodes.Getitem) and closed(text_of(node.arg)):
        return f"reads the attribute {text_of(node.arg)}"
    sliced = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    if isinstance(node, nodes.Getitem) and not sliced and names.composed(node.arg):
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
    if isinstance(node, nodes.Filter) and node.name in _BY_ATTRIBUTE:
        return _picks(node)
    if isinstance(node, nodes.Keyword) and (node.key in FRAMES or _dunder(node.key)):
        return f"names {node.key[:40]}"
    if isinstance(node, nodes.Name) and node.name in _SUSPECT:
        return f"uses {node.name}"
    if isinstance(node, nodes.Call):
        return _call(node, nodes, names.macros)
    return ""


def _picks(node: Any) -> str:
    """Say why a filter may not read the attribute that it is given the name of."""
    computed = "picks attributes by computed names"
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return computed
    if node.name == "map" and node.args and text_of(node.args[0]) not in _FILTERS:
        return f"uses the filter {text_of(node.args[0])[:40]}" if text_of(node.args[0]) else computed
    inner = text_of(node.args[0]) if node.name == "map" and node.args else ""
    if inner in _BY_ATTRIBUTE and (node.kwargs or len(node.args) > (2 if inner == "join" else 1)):
        return computed
    at = _BY_ATTRIBUTE[node.name]
    given = [keyword.value for keyword in node.kwargs if keyword.key == "attribute"]
    given += node.args[at : at + 1] if at >= 0 else []
    for value in given:
        if not text_of(value) and not isinstance(getattr(value, "value", ""), int):
            return computed
        if any(map(closed, text_of(value).split("."))):
            return f"reads the attribute {text_of(value)[:40]}"
    return ""


def _call(node: Any, nodes: Any, macros: Container[str]) -> str:
    function = node.node
    if isinstance(function, nodes.Name):
        known = function.name in _FUNCTIONS or function.name in macros
        if function.name == "range" and any(_large(one, nodes) for one in node.args):
            return "counts without end"
        return "" if known else f"calls {function.name}"
    if isinstance(function, nodes.Getattr):
        known = function.attr in _METHODS or (
            isinstance(function.node, nodes.Name) and function.node.name == "loop"
        )
        return "" if known else f"calls the method {function.attr}"
    return "calls something that is computed"


def _large(node: Any, nodes: Any) -> bool:
    """Whether a number may be large, by the numbers that it is made of; it is not worked out."""
    constants = [node, *node.find_all(nodes.Const)]
    numbers = [one.value for one in constants if isinstance(one, nodes.Const) and isinstance(one.value, int)]
    powers = isinstance(node, nodes.Pow) or node.find(nodes.Pow) is not None
    return powers or math.prod(max(abs(n), 1) for n in numbers) > _MOST_ROUNDS


def _dunder(text: str) -> bool:
    return (
        re.search(
            r"__(class|bases?|mro|subclasses|globals|builtins|init|import|dict|getattribute|self)_*", text
        )
        is not None
    )
