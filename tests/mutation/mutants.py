"""Ways to switch one check off in Python source: every mutant is the syntax tree with one change."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

REGISTRIES = ("STEPS", "CHECKS", "CHECKS_OF_ALL")
_BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        module: Dotted name.
        where: Function that it is in, or ``module``.
        what: The change, in words that stay the same when lines move.
        line: First line of what was changed.
        source: The whole module with the change.
        registry: For an entry taken out of a registry: the registry and the entry's place.
    """

    module: str
    where: str
    what: str
    line: int
    source: str
    registry: tuple[str, int] | None = None

    @property
    def name(self) -> str:
        """What the mutant is called, in the list of survivors too."""
        return f"{self.module.removeprefix('lockgate.')}:{self.where}: {self.what}"


def of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    names = _functions(tree)
    seen: dict[str, int] = {}
    for number, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            mutated = copy.deepcopy(tree)
            twin = next(n for i, n in enumerate(ast.walk(mutated)) if i == number)
            change(twin)
            text = ast.unparse(ast.fix_missing_locations(mutated))
            where = names.get(id(node), "module")
            count = seen[f"{where}{what}"] = seen.get(f"{where}{what}", 0) + 1
            said = what if count == 1 else f"{what} (#{count})"
            if where == "module" and not isinstance(node, (ast.Assign, ast.AnnAssign, ast.FunctionDef)):
                continue  # a constant, made once when the module is imported
            registry = change.registry if isinstance(change, _Entry) else None
            yield Mutant(module, where, said, _line(node), text, registry)


def control(module: str, source: str) -> Mutant:
    """Return a mutant in which nothing has changed: no test may notice it."""
    return Mutant(module, "module", "nothing", 0, ast.unparse(ast.parse(source)))


def _line(node: ast.AST) -> int:
    return node.target.lineno if isinstance(node, ast.comprehension) else node.lineno


def _functions(tree: ast.Module) -> dict[int, str]:
    found: dict[int, str] = {}

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                inner = child.name if name == "module" else f"{name}.{child.name}"
            found[id(child)] = inner
            walk(child, inner)

    walk(tree, "module")
    return found


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    if isinstance(node, (ast.If, ast.IfExp)) and "TYPE_CHECKING" not in ast.unparse(node.test):
        yield from _guard(node)
    elif isinstance(node, ast.BoolOp):
        for i, value in enumerate(node.values):
            yield f"`{_short(node)}` without `{_short(value)}`", _dropper("values", i)
    elif isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            if type(operator) in _BOUNDARY:
                yield f"`{_short(node)}` at the boundary", _flip(i)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"`{_short(node)}` without not", _unnot
    elif isinstance(node, ast.comprehension):
        for i, test in enumerate(node.ifs):
            yield f"filter `{_short(test)}` off", _dropper("ifs", i)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Tuple):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id in REGISTRIES:
            for i, entry in enumerate(node.value.elts):
                yield f"{target.id} without {ast.unparse(entry)}", _Entry((target.id, i))
    elif isinstance(node, ast.FunctionDef) and _checks(node):
        yield "returns None at once", _at_once


def _guard(node: ast.If | ast.IfExp) -> Iterator[tuple[str, object]]:
    """Switch a guard off: the branch that refuses is not taken, or the one that lets pass always is."""
    passes = (
        isinstance(node, ast.If)
        and isinstance(node.body[0], (ast.Return, ast.Continue))
        and _lets_pass(node.body[0])
    )
    word = passes
    yield f"`if {_short(node.test)}` is {word}", lambda twin: setattr(twin, "test", ast.Constant(word))


def _lets_pass(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Continue):
        return True
    value = statement.value
    return value is None or (isinstance(value, ast.Constant) and value.value in (None, True))


def _checks(node: ast.FunctionDef) -> bool:
    returns = ast.unparse(node.returns) if node.returns else ""
    return returns.endswith("Problem | None") or (returns == "None" and node.name.startswith("check"))


def _dropper(field: str, index: int) -> object:
    def change(twin: ast.AST) -> None:
        values = getattr(twin, field)
        del values[index]
        if field == "values" and len(values) == 1:
            values.append(copy.deepcopy(values[0]))

    return change


def _flip(index: int) -> object:
    def change(twin: ast.Compare) -> None:
        twin.ops[index] = _BOUNDARY[type(twin.ops[index])]()

    return change


def _unnot(twin: ast.UnaryOp) -> None:
    """Turn ``not x`` into ``not not x``, which is as good as ``x`` where a truth value is asked for."""
    twin.operand = ast.UnaryOp(ast.Not(), twin.operand)


@dataclass(frozen=True)
class _Entry:
    registry: tuple[str, int]

    def __call__(self, twin: ast.Assign) -> None:
        del twin.value.elts[self.registry[1]]


def _at_once(twin: ast.FunctionDef) -> None:
    twin.body.insert(0, ast.Return(ast.Constant(None)))


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:87]}..."
