"""Which expressions of a Jinja template may give a name that does not stand in it.

`x['__class__']` names what it reads; `x['__ssalc__'[::-1]]` puts the name together, and so do variables,
loops, namespaces, lists and macros that such text goes through. Scopes are not told apart: a variable is
suspect when one of that name is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

# Of the same repository as the template, and so of the same author.
_TOKENS = frozenset(
    [
        *("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"),
        "additional_special_tokens",
    ]
)
_NUMBERS = frozenset(["length", "count", "int", "abs", "round", "wordcount"])
# Filters that leave the texts of a value as they are; the texts they are given pick among them.
_PICKS = frozenset(
    [
        *("list", "items", "dictsort", "sort", "first", "last", "reverse", "unique", "slice", "batch"),
        *("select", "reject", "selectattr", "rejectattr", "groupby"),
    ]
)
_TAKES = frozenset(["append", "extend", "insert", "update"])
# Ways from a generator, a coroutine, a traceback or a function to Python's frames.
FRAMES = frozenset(
    [
        *("gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "ag_frame", "ag_code"),
        *("f_back", "f_globals", "f_locals", "f_builtins", "f_code", "tb_frame", "tb_next", "mro"),
        *("func_globals", "func_code", "func_closure", "im_func", "im_self", "im_class"),
    ]
)


def closed(name: str) -> bool:
    """Whether no template of a model reads an attribute of this name."""
    return name.startswith("_") or name in FRAMES


def text(node: Any) -> str:
    """Return the text that an expression is, or nothing."""
    value = getattr(node, "value", None) if type(node).__name__ == "Const" else None
    return value if isinstance(value, str) else ""


class Names:
    """What the variables of a template may hold.

    Args:
        tree: The parsed template.

    Attributes:
        macros: The macros by name.
        told: Variables that hold text of the template as it stands there.
        made: Variables that hold text that is put together.
    """

    def __init__(self, tree: Any) -> None:
        from jinja2 import nodes

        self.nodes = nodes
        self.macros: dict[str, list[Any]] = {}
        for macro in tree.find_all(nodes.Macro):
            self.macros.setdefault(macro.name, []).append(macro)
        self.told: set[str] = set()
        self.made: set[str] = set(_TOKENS)
        kinds = (nodes.Assign, nodes.AssignBlock, nodes.For, nodes.With, nodes.Macro, nodes.Call)
        found = list(tree.find_all(kinds))
        before = -1
        while before != len(self.told) + len(self.made):
            before = len(self.told) + len(self.made)
            for node in found:
                self._bind(node)

    # --- Expressions ---------------------------------------------------------------------------------

    def composed(self, node: Any, *, data: bool = False) -> bool:
        """Whether an expression may put a name together.

        Args:
            node: The expression.
            data: Whether what filters and methods make of values that are no text of the template is
                taken for data, too.
        """
        n = self.nodes
        for part in (node, *node.find_all(n.Node)):
            if closed(text(part)) or self._key(part) in self.made or isinstance(part, n.Concat):
                return True
            if isinstance(part, (n.Add, n.Mul, n.Mod)) and (
                self._tells(part.left) or self._tells(part.right)
            ):
                return True
            if isinstance(part, n.Getitem) and isinstance(part.arg, n.Slice) and self._tells(part.node):
                return True
            if isinstance(part, n.Filter) and part.name not in _NUMBERS:
                if not data or part.node is None or self._tells(part.node):
                    return True
            elif isinstance(part, n.Call) and (not data or self._is_macro(part) or self._tells(part)):
                return True
        return False

    def _tells(self, node: Any) -> bool:
        """Whether text of the template may be in a value; what only picks from a value is not."""
        n = self.nodes
        if isinstance(node, n.Const):
            return isinstance(node.value, str)
        if (key := self._key(node)) in self.told or key in self.made:
            return True
        if isinstance(node, (n.Getitem, n.Getattr)):
            return self._tells(node.node)
        if isinstance(node, n.Filter) and node.node is not None and _picks(node):
            return self._tells(node.node)
        if isinstance(node, (n.Compare, n.Test)):
            return False
        return any(self._tells(part) for part in node.iter_child_nodes())

    def _is_macro(self, call: Any) -> bool:
        return isinstance(call.node, self.nodes.Name) and call.node.name in self.macros

    def _key(self, node: Any) -> str:
        """Return what a variable or an attribute of a variable is called here, or nothing."""
        n = self.nodes
        if isinstance(node, n.Name):
            return str(node.name)
        if isinstance(node, n.NSRef):
            return f"{node.name}.{node.attr}"
        if isinstance(node, n.Getattr) and isinstance(node.node, n.Name):
            return f"{node.node.name}.{node.attr}"
        if isinstance(node, n.Getitem) and isinstance(node.node, n.Name) and text(node.arg):
            return f"{node.node.name}.{text(node.arg)}"
        return ""

    # --- Variables -----------------------------------------------------------------------------------

    def _put(self, keys: Iterable[str], value: Any, *, data: bool = False) -> None:
        if self.composed(value, data=data):
            self.made.update(keys)
        elif self._tells(value):
            self.told.update(keys)

    def _targets(self, node: Any) -> Iterator[str]:
        if isinstance(node, self.nodes.Tuple):
            for item in node.items:
                yield from self._targets(item)
        else:
            yield self._key(node)

    def _bind(self, node: Any) -> None:
        n = self.nodes
        if isinstance(node, n.Assign):
            self._assign(node.target, node.node)
        elif isinstance(node, n.AssignBlock):
            self.made.update(self._targets(node.target))
        elif isinstance(node, n.With):
            for target, value in zip(node.targets, node.values, strict=False):
                self._assign(target, value)
        elif isinstance(node, n.For):
            self._put([*self._targets(node.target), "loop.previtem", "loop.nextitem"], node.iter, data=True)
        elif isinstance(node, n.Macro):
            for target, value in zip(node.args[::-1], node.defaults[::-1], strict=False):
                self._assign(target, value)
        elif isinstance(node.node, n.Name):
            for macro in self.macros.get(node.node.name, ()):
                self._hand(node, macro)
        elif isinstance(node.node, n.Getattr) and node.node.attr in _TAKES:
            holders = [key for part in _chain(node.node.node) if (key := self._key(part))]
            for value in (*node.args, *(keyword.value for keyword in node.kwargs)):
                self._put(holders[:1], value)

    def _assign(self, target: Any, value: Any) -> None:
        n = self.nodes
        both = isinstance(target, n.Tuple) and isinstance(value, n.Tuple)
        if both and len(target.items) == len(value.items):
            for one, other in zip(target.items, value.items, strict=True):
                self._assign(one, other)
            return
        keys = list(self._targets(target))
        if _is_namespace(value) and not (value.args or value.dyn_args or value.dyn_kwargs):
            for keyword in value.kwargs:
                self._put([f"{key}.{keyword.key}" for key in keys], keyword.value)
        else:
            self._put(keys, value)

    def _hand(self, call: Any, macro: Any) -> None:
        """Hand the arguments of a call to the variables of a macro."""
        names = [argument.name for argument in macro.args]
        for at, value in enumerate(call.args):
            self._put([names[at] if at < len(names) else "varargs"], value)
        for keyword in call.kwargs:
            self._put([keyword.key if keyword.key in names else "kwargs"], keyword.value)
        for value in (call.dyn_args, call.dyn_kwargs):
            if value is not None:
                self._put([*names, "varargs", "kwargs"], value)


def _picks(node: Any) -> bool:
    return node.name in _PICKS or (node.name == "map" and not node.args)


def _is_namespace(node: Any) -> bool:
    return type(node).__name__ == "Call" and getattr(node.node, "name", "") == "namespace"


def _chain(node: Any) -> Iterator[Any]:
    """Yield ``a.b``, then ``a``, for ``a.b[0].c``: what a value is found by, the longest key first."""
    while node is not None:
        yield node
        node = getattr(node, "node", None)
