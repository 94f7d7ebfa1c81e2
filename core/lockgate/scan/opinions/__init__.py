"""What other scanners say about the same files, each asked in an interpreter of its own.

They are never imported here: they are started by the interpreter that ``LOCKGATE_PICKLESCAN_PYTHON``
(``..._MODELSCAN_...``, ``..._FICKLING_...``) or ``LOCKGATE_SECOND_OPINION_PYTHON`` names, else by that of the
environment beside this one whose name ends in ``-scanners``. What they say is text from files that may be
hostile: it is parsed strictly, bounded, and shown on one line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.documents.strict_json import load_json
from lockgate.errors import InputError
from lockgate.scan.apart import Bounds
from lockgate.scan.child import Child
from lockgate.scan.record import clip

SCANNERS = ("picklescan", "modelscan", "fickling")
PYTHON_VARIABLE = "LOCKGATE_SECOND_OPINION_PYTHON"
MEMORY = 4 << 30  # they read files as a whole
_START = 60  # seconds; imports of TensorFlow and h5py, where modelscan finds them
_MOST = 100
_LONGEST_ANSWER = 8 << 20
_VERDICTS = frozenset(["safe", "unsafe", "silent", "error"])
_SEVERITIES = frozenset(["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"])


@dataclass(frozen=True)
class Found:
    """One finding of another scanner: its severity in our words, its text, and the member it is about."""

    severity: str
    message: str
    member: str


@dataclass(frozen=True)
class Opinion:
    """What a scanner says about one file.

    Attributes:
        id: The name that was given for the file.
        verdict: ``safe``, ``unsafe``, ``silent`` (it does not read such files) or ``error``.
        reason: Why it is silent or in error.
        found: Its findings.
    """

    id: str
    verdict: str
    reason: str = ""
    found: tuple[Found, ...] = ()


class Scanner:
    """One other scanner, started when it is first asked and again after it died.

    Args:
        name: One of `SCANNERS`.
        bounds: What one file may cost; memory is `MEMORY`.

    Attributes:
        version: Its version, once it has started.
        problem: Why it cannot be asked at all, or empty.

    Raises:
        InputError: An environment variable names an interpreter that is not there.
    """

    def __init__(self, name: str, bounds: Bounds | None = None) -> None:
        self.name = name
        self.bounds = bounds or Bounds()
        self.version = ""
        self.problem = ""
        self._python = interpreter(name)
        if self._python is None:
            variable = f"LOCKGATE_{name.upper()}_PYTHON"
            self.problem = f"no interpreter with {name} is given; set {variable} or {PYTHON_VARIABLE}"

    def opinions(self, files: Iterable[tuple[str, Path]]) -> Iterator[Opinion]:
        """Ask about files, one after the other; end when it turns out that it cannot be asked."""
        child: Child | None = None
        try:
            for name, path in files:
                child = child or self._started()
                if child is None:
                    return
                opinion = self._ask(child, name, path)
                if opinion is None:
                    child.end()
                    child = None
                    opinion = Opinion(name, "error", self._last)
                yield opinion
        finally:
            if child is not None:
                child.end()

    def _started(self) -> Child | None:
        if self._python is None:
            return None
        limits = {
            "cpu_seconds": self.bounds.cpu_seconds,
            "memory_bytes": MEMORY,
            "file_bytes": self.bounds.file_bytes,
        }
        harness = Path(__file__).with_name("harness.py")
        words = [self._python, "-I", str(harness), self.name, json.dumps(limits)]
        child = Child(words, self.name, self.bounds.cpu_seconds)
        said = _object(child.ask({}, _START))
        version = said.get("version") if isinstance(said, dict) else None
        if isinstance(version, str) and version:
            self.version = clip(version)
            return child
        child.end()
        reason = said if isinstance(said, str) else f"{said.get('missing') or said.get('reason')}"
        self.problem = clip(f"{self.name} does not start in its interpreter: {reason}")
        return None

    def _ask(self, child: Child, name: str, path: Path) -> Opinion | None:
        said = _object(child.ask({"path": str(path.absolute())}, self.bounds.seconds))
        if isinstance(said, str):
            self._last = said
            return None
        try:
            return _opinion(said, name, path)
        except (LookupError, TypeError, ValueError):
            self._last = f"{self.name} gave no readable answer"
            return None


def interpreter(name: str) -> str | None:
    """Return the interpreter that has a scanner, or None when none is given.

    Raises:
        InputError: An environment variable names something that is not there.
    """
    for variable in (f"LOCKGATE_{name.upper()}_PYTHON", PYTHON_VARIABLE):
        named = os.environ.get(variable)
        if named:
            if not Path(named).is_file():
                raise InputError(
                    f"{variable} is {named!r}, which is no file; give the path of a Python interpreter"
                )
            return str(Path(named).absolute())
    beside = Path(f"{sys.prefix}-scanners") / "bin" / "python"
    return str(beside) if beside.is_file() else None


def _object(line: bytes | str) -> dict[str, Any] | str:
    """Return the object that a line holds, or the reason why there is none."""
    if isinstance(line, str):
        return line
    try:
        data = load_json(line, max_bytes=_LONGEST_ANSWER, max_depth=4, name="answer").data
    except InputError:
        data = None
    return data if isinstance(data, dict) else "it gave no readable answer"


def _opinion(said: dict[str, Any], name: str, path: Path) -> Opinion:
    def shown(text: Any) -> str:
        if not isinstance(text, str):
            raise TypeError
        return clip(text.replace(str(path.absolute()), name))

    verdict, found = said["verdict"], said["found"]
    if verdict not in _VERDICTS or not isinstance(found, list) or len(found) > _MOST:
        raise ValueError
    kept = [Found(one["severity"], shown(one["message"]), shown(one["member"])) for one in found]
    if any(one.severity not in _SEVERITIES for one in kept):
        raise ValueError
    return Opinion(name, verdict, shown(said["reason"]), tuple(kept))
