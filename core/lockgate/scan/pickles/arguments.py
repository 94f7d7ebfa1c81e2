"""What the conditions on calls and states have in common."""

from __future__ import annotations

from typing import Any

from lockgate.scan.pickles.values import Global, Unjudged


class RefusedError(Exception):
    """The arguments or the state are not what harmless use gives."""


def plain_args(args: Any, least: int, most: int) -> tuple[Any, ...]:
    """Return the arguments if they are a tuple of a length that harmless use has."""
    if not isinstance(args, tuple) or not least <= len(args) <= most:
        raise RefusedError("with arguments that it is not made with")
    return args


def unless_reported(*values: Any) -> bool:
    """Whether an argument is already reported as not allowed, so that nothing needs to be added."""
    return any(isinstance(v, Unjudged) or (isinstance(v, Global) and not v.allowed) for v in values)
