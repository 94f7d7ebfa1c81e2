"""Linear rules between columns, as people write them: ``low <= high``, ``2 * x - y <= 10``, ``a + b == c``.

A name that is no plain word stands in backticks: `` `hours per week` <= 80 ``. Nothing is evaluated: a rule
is read into factors and a bound.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

from lockgate.errors import InputError
from lockgate.robustness.threat.threat import Rule

MAX_LENGTH = 500
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?)|(?P<name>[^\W\d]\w*)|`(?P<quoted>[^`]+)`"
    r"|(?P<sign><=|>=|==|[-+*]))"
)
_LONGEST = 200


def read_rule(text: str) -> Rule:
    """Read one rule.

    Raises:
        InputError: It is not of the form sum, ``<=`` or ``>=`` or ``==``, sum.
    """
    if len(text) > MAX_LENGTH:
        _refuse(text, f"is longer than {MAX_LENGTH} characters")
    tokens = _tokens(text)
    signs = [i for i, (kind, word) in enumerate(tokens) if kind == "sign" and word in ("<=", ">=", "==")]
    if len(signs) != 1:
        _refuse(text, "does not have exactly one of <=, >= and ==")
    left, right = _sum(tokens[: signs[0]], text), _sum(tokens[signs[0] + 1 :], text)
    turn = -1.0 if tokens[signs[0]][1] == ">=" else 1.0
    weights = {
        name: turn * (left.get(name, 0.0) - right.get(name, 0.0)) for name in {**left, **right} if name
    }
    kept = tuple((name, weight) for name, weight in weights.items() if weight)
    if not kept:
        _refuse(text, "names no column that matters")
    most = turn * (right.get("", 0.0) - left.get("", 0.0)) + 0.0
    if not all(math.isfinite(v) for v in (most, *weights.values())):
        _refuse(text, "holds a number that is too large")
    return Rule(text, kept, most, equal=tokens[signs[0]][1] == "==")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse(text, f"holds {text[at:].strip()[0]!r}, which is none of +, -, *, a number or a column")
        kind = match.lastgroup or ""
        found.append(("name" if kind == "quoted" else kind, match.group(kind)))
        at = match.end()
    return found


def _sum(tokens: list[tuple[str, str]], text: str) -> dict[str, float]:
    """Read ``2 * a - b + 3`` into factors by name; the constant has the name ''."""
    found: dict[str, float] = {}
    at = 0
    while at < len(tokens):
        sign = 1.0
        if tokens[at][0] == "sign":
            if tokens[at][1] == "*":
                _refuse(text, "has a * without a factor")
            sign, at = (-1.0 if tokens[at][1] == "-" else 1.0), at + 1
        elif at:
            _refuse(text, "lacks a + or - between two terms")
        factor, name, at = _term(tokens, at, text)
        found[name] = found.get(name, 0.0) + sign * factor
    if not found:
        _refuse(text, "has a side without anything")
    return found


def _term(tokens: list[tuple[str, str]], at: int, text: str) -> tuple[float, str, int]:
    """Read a number, a name, or a number times a name in either order."""
    factor, name = 1.0, ""
    while True:
        kind, word = tokens[at] if at < len(tokens) else ("", "")
        if kind == "number":
            factor *= float(word)
        elif kind == "name" and not name:
            name = word
        else:
            _refuse(
                text, "multiplies two columns" if kind == "name" else "ends where a number or a column is due"
            )
        at += 1
        if at >= len(tokens) or tokens[at] != ("sign", "*"):
            return factor, name, at
        at += 1


def _refuse(text: str, what: str) -> NoReturn:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    raise InputError(f"rule {shown!r} {what}; write for example 'a + 2 * b <= c'")
