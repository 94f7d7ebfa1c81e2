"""Where a stage runs: this process, or another interpreter.

    run("detect-poisoning", arguments, out=out, place=Interpreter("/opt/ml/bin/python"))

The border to another interpreter is the command line with JSON files, never pickle: a request
file goes in, ``result.json`` comes out. That interpreter needs Lockgate and the stage's own
dependencies; the one that asks needs neither numpy nor a model library.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lockgate import artifact, errors
from lockgate.errors import InputError, StageError

if TYPE_CHECKING:
    from lockgate.stage import Stage


class Place(Protocol):
    """Somewhere else that can run a stage; what `lockgate.run.run` takes as ``place``."""

    def carry_out(
        self,
        ref: str | Stage,
        arguments: Mapping[str, Any],
        *,
        out: Path,
        policy: str | os.PathLike[str] | None,
        key: str | None,
    ) -> bool:
        """Run the stage there, leave its result in ``out`` here, and say whether the gate opens."""


@dataclass(frozen=True)
class Interpreter:
    """Another Python interpreter on this machine, with its own packages.

    Attributes:
        python: Path of the interpreter, for example ``/opt/ml/bin/python``.
        timeout: Seconds until the run is stopped and counts as not having run; None for no limit.
    """

    python: str
    timeout: float | None = None

    def carry_out(
        self,
        ref: str | Stage,
        arguments: Mapping[str, Any],
        *,
        out: Path,
        policy: str | os.PathLike[str] | None = None,
        key: str | None = None,
    ) -> bool:
        """Run the stage with that interpreter; see `lockgate.run.run`.

        Raises:
            InputError: As in the other interpreter, or the interpreter cannot be started.
            StageError: As in the other interpreter, or it died or ran out of time.
        """
        request = {
            "stage": ref if isinstance(ref, str) else ref.ref,
            "arguments": {name: _as_json(value) for name, value in arguments.items()},
            "out": str(out),
            "policy": str(Path(policy).absolute()) if policy else None,
            "key": key,
        }
        with artifact.private_folder() as private:
            ask, reply = private / "request.json", private / "reply.json"
            ask.write_text(json.dumps(request), "utf-8")
            self._start([self.python, "-m", "lockgate", "answer", str(ask), str(reply)])
            try:
                said = json.loads(reply.read_text("utf-8"))
            except (OSError, ValueError):
                hint = f"run `{self.python} -m lockgate --help` to see why"
                raise StageError(f"{self.python} ended without an answer; {hint}") from None
        if said["error"]:
            kind = getattr(errors, said["error"]["kind"], StageError)
            raise _revived(kind, said["error"]["message"])
        return bool(said["opens"])

    def _start(self, command: list[str]) -> None:
        try:
            subprocess.run(command, check=False, timeout=self.timeout, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise InputError(
                f"the interpreter {self.python} cannot be started: {error.strerror}; check place="
            ) from None
        except subprocess.TimeoutExpired:
            raise StageError(f"{self.python} was stopped after {self.timeout} s; give it more time") from None


def as_place(value: Place | str) -> Place | None:
    """Return the place that a value names; None for ``inline``. Other text is the path of an interpreter."""
    if isinstance(value, str):
        return None if value == "inline" else Interpreter(value)
    return value


def _as_json(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    return value


def _revived(kind: type[errors.LockgateError], message: str) -> errors.LockgateError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error
