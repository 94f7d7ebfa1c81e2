"""Where a stage runs: this process, another interpreter, or with its models in a sandbox.

    run("detect-poisoning", arguments, out=out, place=Interpreter("/opt/ml/bin/python"))
    run("test-robustness", arguments, out=out, place=Sandbox(memory="2G"))

The border to another interpreter is the command line with JSON files, never pickle: a request
file goes in, ``result.json`` comes out. That interpreter needs Lockgate and the stage's own
dependencies; the one that asks needs neither numpy nor a model library. The border to a sandbox is
described in `lockgate.sandbox`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lockgate import artifact, errors
from lockgate.errors import InputError, StageError
from lockgate.sandbox.box import Sandbox, parse

if TYPE_CHECKING:
    from lockgate.settings import Settings
    from lockgate.stage import Stage

__all__ = ["Interpreter", "Place", "Sandbox", "as_place"]

_GRACE = 3.0  # seconds; Airflow kills a task that has not ended five seconds after it was told to


class Place(Protocol):
    """Somewhere else that can run a stage; what `lockgate.run.run` takes as ``place``."""

    def carry_out(
        self,
        ref: str | Stage,
        arguments: Mapping[str, Any],
        *,
        out: Path,
        settings: Settings,
    ) -> bool:
        """Run the stage there, leave its result in ``out`` here, and say whether the gate opens."""


@dataclass(frozen=True)
class Interpreter:
    """Another Python interpreter on this machine, with its own packages.

    Attributes:
        python: Path of the interpreter, for example ``/opt/ml/bin/python``.
        timeout: Seconds until the run is stopped and counts as not having run; None for no limit.
        sandbox: What its models are put into there; None for none.
    """

    python: str
    timeout: float | None = None
    sandbox: Sandbox | None = None

    def __str__(self) -> str:
        return self.python

    def carry_out(
        self,
        ref: str | Stage,
        arguments: Mapping[str, Any],
        *,
        out: Path,
        settings: Settings,
    ) -> bool:
        """Run the stage with that interpreter; see `lockgate.run.run`.

        Args:
            ref: As in `run`.
            arguments: As in `run`.
            out: As in `run`.
            settings: As in `run`.

        Raises:
            InputError: As in the other interpreter, or the interpreter cannot be started.
            StageError: As in the other interpreter, or it died or ran out of time.
        """
        request = {
            "stage": ref if isinstance(ref, str) else ref.ref,
            "arguments": {name: _as_json(name, value) for name, value in arguments.items()},
            "out": str(out),
            "sandbox": self.sandbox and asdict(self.sandbox),
        }
        with artifact.private_folder() as private:
            ask, reply = private / "request.json", private / "reply.json"
            ask.write_text(json.dumps(request), "utf-8")
            # TMPDIR, so that even a killed one leaves no copies. Settings go by the environment: a
            # command line shows the password in a ledger's URL to every user.
            around = {**settings.into(os.environ), "TMPDIR": str(private)}
            self._start([self.python, "-m", "lockgate", "answer", str(ask), str(reply)], around)
            try:
                said = json.loads(reply.read_text("utf-8"))
                error, opens = said["error"], said.get("opens") is True
                refused = _revived(error["kind"], error["message"]) if error else None
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                hint = f"run `{self.python} -m lockgate --help` to see why"
                raise StageError(f"{self.python} ended without an answer; {hint}") from None
        if refused is not None:
            raise refused
        return opens

    def _start(self, command: list[str], around: dict[str, str]) -> None:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=around)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"the interpreter {self.python} cannot be started: {reason}; check place="
            ) from None
        try:
            process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise StageError(f"{self.python} was stopped after {self.timeout} s; give it more time") from None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs: ask it first, so that it can end what it has started itself."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def as_place(value: Place | Sandbox | str) -> Place | Sandbox | None:
    """Return the place that a value names; None for ``inline``.

    ``sandbox``, and ``sandbox:memory=2G,required``, name a `Sandbox`; other text is the path of an
    interpreter. A sandbox of another interpreter is that `Interpreter`, with the sandbox in it.
    """
    if isinstance(value, str):
        if value == "sandbox" or value.startswith("sandbox:"):
            value = parse(value)
        else:
            return None if value == "inline" else Interpreter(value)
    if isinstance(value, Sandbox) and value.python is not None and not _is_this(value.python):
        return Interpreter(value.python, sandbox=replace(value, python=None))
    return value


def _is_this(python: str) -> bool:
    return Path(python).absolute() == Path(sys.executable).absolute()


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [_as_json(name, item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise InputError(
        f"argument {name!r} is of the type {type(value).__name__}; give text, a number or a list"
    )


def _revived(kind: str, message: str) -> errors.LockgateError:
    known = getattr(errors, kind, None)
    if not (isinstance(known, type) and issubclass(known, errors.LockgateError)):
        known = StageError
    error = known.__new__(known)
    error.args = (str(message),)
    return error
