"""What can go wrong, and the exit code each kind of wrong has.

Every error is one sentence: what is wrong, where, and what to do about it. The command line
prints that sentence and nothing else; Airflow shows it as the reason of the failed task.
"""

from __future__ import annotations

_LONGEST = 2_000  # characters; a path alone may have 4,096


class LockgateError(Exception):
    """The root of every error that Lockgate raises on purpose.

    Its text is one line for any terminal or log: names of files and columns come from others, and a
    control or bidirectional character in them is spelled out.
    """

    exit_code = 3

    def __str__(self) -> str:
        said = "".join(c if c.isprintable() else f"⟨U+{ord(c):04X}⟩" for c in super().__str__())
        return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 500]}⟨…⟩{said[-500:]}"


class InputError(LockgateError):
    """The caller's parameters or input cannot be used: wrong usage, exit code 2."""

    exit_code = 2


class PolicyError(InputError):
    """``lockgate.yaml`` cannot be used; the sentence names file, line and key."""


class ArtifactError(InputError):
    """A file or folder cannot be read, digested or sealed."""


class KeyFileError(InputError):
    """A key cannot be read, is of the wrong kind, or its passphrase is wrong."""


class EnvelopeError(InputError):
    """A signed envelope or statement is not one that Lockgate accepts."""


class StageError(LockgateError):
    """The stage could not run to its end: exit code 3."""


class MissingExtraError(StageError):
    """An optional dependency is missing; the sentence carries the install command.

    Args:
        extra: The extra of this distribution that brings it, for example ``robustness``.
        module: The module that could not be imported.
        where: What to add to the command, for an extra that wants an environment of its own.
    """

    def __init__(self, extra: str, module: str, where: str = "") -> None:
        super().__init__(f"{module} is not installed here; run: pip install 'lockgate[{extra}]'{where}")
        self.extra = extra
        self.module = module


class GateClosedError(LockgateError):
    """A gate is closed: a verdict that the caller asked to stop at."""

    exit_code = 1


class EscapeError(StageError):
    """A model did, inside its sandbox, what the sandbox forbids; a run makes a finding of it.

    Args:
        rule: The finding's rule, see `lockgate.sandbox`.
        message: What it tried, one sentence.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
