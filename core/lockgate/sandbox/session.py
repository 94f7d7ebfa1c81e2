"""The sandbox that is in force, and the processes that were started in it."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate.sandbox.box import Sandbox

if TYPE_CHECKING:
    from lockgate.sandbox.jail import Jail


@dataclass
class Session:
    """A sandbox in force, with what was started in it.

    Attributes:
        box: What it allows.
        said: How its processes were confined; empty as long as there was none.
        jails: Its processes.
    """

    box: Sandbox
    said: dict[str, Any] = field(default_factory=dict)
    jails: list[Jail] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return what is recorded as ``environment.sandbox``."""
        return self.said or {"form": "not used: no model was loaded"}


_IN_FORCE: contextvars.ContextVar[Session | None] = contextvars.ContextVar("lockgate_sandbox", default=None)


def current() -> Session | None:
    """Return the sandbox in force, or None."""
    return _IN_FORCE.get()


@contextlib.contextmanager
def in_force(box: Sandbox) -> Iterator[Session]:
    """Put models that are loaded inside the block into a sandbox, and end their processes after it."""
    session = Session(box)
    token = _IN_FORCE.set(session)
    try:
        yield session
    finally:
        _IN_FORCE.reset(token)
        for jail in session.jails:
            jail.end()
