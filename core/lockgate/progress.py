"""Show long work on a terminal, and keep quiet in a log.

    for fold in track(folds, "cross-validating"):
        ...

Drawn with rich on standard error when that is a terminal and the caller asked for it (the command
line does); otherwise `track` is the plain iterable.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")
_shown: contextvars.ContextVar[bool] = contextvars.ContextVar("shown", default=False)


@contextlib.contextmanager
def shown(on: bool = True) -> Iterator[None]:
    """Draw progress inside this block, when standard error is a terminal."""
    token = _shown.set(on and sys.stderr.isatty())
    try:
        yield
    finally:
        _shown.reset(token)


def track(items: Iterable[_T], description: str, total: int | None = None) -> Iterator[_T]:
    """Yield the items, with a bar that names what is being done.

    Args:
        items: What to work through.
        description: A few words, for example ``cross-validating``.
        total: How many items there are, when ``len(items)`` does not say.
    """
    if not _shown.get():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description, total=total, console=Console(stderr=True), transient=True)


@contextlib.contextmanager
def working(description: str) -> Iterator[None]:
    """Show a spinner while a step without countable parts runs."""
    if not _shown.get():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(description):
        yield
