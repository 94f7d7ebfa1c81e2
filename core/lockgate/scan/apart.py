"""Scan files in a child process with limits, so that a file that breaks the scan breaks nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.errors import StageError
from lockgate.scan.record import Answer, Hit

_LONGEST_ANSWER = 8 << 20
# Without site, user or PYTHON* settings: what the child imports is the standard library, this package,
# and Jinja's parser when it meets a chat template.
_START = (
    "import sys; sys.path += sys.argv.pop(1).split(chr(10)); "
    "from lockgate.scan.worker import main; sys.exit(main())"
)


@dataclass(frozen=True)
class Bounds:
    """What the scan of one file may cost.

    Attributes:
        seconds: Time on the clock.
        cpu_seconds: Time on a processor.
        memory_bytes: Private memory.
        file_bytes: Size of a temporary file.
        open_files: Files open at once.
    """

    seconds: float = 600
    cpu_seconds: int = 600
    memory_bytes: int = 224 << 20
    file_bytes: int = 5 << 30
    open_files: int = 64


@dataclass(frozen=True)
class Said:
    """What the scan of one file said.

    Attributes:
        id: The name that was given for it.
        answer: Safe, unsafe or unknown.
        hits: What was found.
        more: How many hits were not kept.
        problems: Why it could not be judged, if so.
        formats: What was recognised in it.
    """

    id: str
    answer: Answer
    hits: tuple[Hit, ...]
    more: int
    problems: tuple[str, ...]
    formats: tuple[str, ...]


def scan_files(files: Iterable[tuple[str, Path]], bounds: Bounds | None = None) -> Iterator[Said]:
    """Judge files, one after the other, in a child process.

    Args:
        files: A name and a path for each; the name is what the answer is called.
        bounds: What one file may cost.

    Raises:
        StageError: No child process can be started.
    """
    bounds = bounds or Bounds()
    child: _Child | None = None
    try:
        for name, path in files:
            if child is None:
                child = _Child(bounds)
            answer = child.ask(name, path)
            if isinstance(answer, str):
                child.end()
                child = None
                yield Said(name, Answer.UNKNOWN, (), 0, (answer,), ())
            else:
                yield _said(name, answer)
    finally:
        if child is not None:
            child.end()


def _said(name: str, answer: dict[str, Any]) -> Said:
    hits = tuple(Hit(**hit) for hit in answer["hits"])
    said = Answer(answer["answer"])
    return Said(name, said, hits, answer["more"], tuple(answer["problems"]), tuple(answer["formats"]))


def _folders() -> list[str]:
    """Return the folders that the child imports from, this package's first."""
    from importlib.util import find_spec

    folders = [str(Path(__file__).resolve().parents[2])]
    for name in ("jinja2", "markupsafe"):
        found = find_spec(name)
        if found is not None and found.origin is not None:
            folders.append(str(Path(found.origin).parents[1]))
    return list(dict.fromkeys(folders))


class _Child:
    """One child process, which answers question by question until something goes wrong."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        limits = {
            "cpu_seconds": bounds.cpu_seconds,
            "memory_bytes": bounds.memory_bytes,
            "file_bytes": bounds.file_bytes,
            "open_files": bounds.open_files,
        }
        words = [sys.executable, "-I", "-S", "-c", _START, "\n".join(_folders()), json.dumps(limits)]
        kept = {key: os.environ[key] for key in ("TMPDIR", "LD_LIBRARY_PATH") if key in os.environ}
        try:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=kept,
                cwd="/",
            )
        except OSError as error:
            raise StageError(
                f"the scan cannot start a process: {error.strerror}; free memory or processes"
            ) from None

    def ask(self, name: str, path: Path) -> dict[str, Any] | str:
        """Return what the child says about a file, or the reason why it says nothing."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        question = json.dumps({"path": str(path.absolute()), "name": name}) + "\n"
        try:
            self.process.stdin.write(question.encode())
            self.process.stdin.flush()
        except OSError:
            return self._death()
        line = self._line(self.process.stdout.fileno())
        if isinstance(line, str):
            return line
        try:
            answer = json.loads(line)
            _said(name, answer)
        except (ValueError, LookupError, TypeError):
            return "the scan of this file gave no readable answer"
        return dict(answer)

    def _line(self, descriptor: int) -> bytes | str:
        until = time.monotonic() + self.bounds.seconds
        parts = b""
        while not parts.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return f"the scan of this file took longer than {self.bounds.seconds:g} s"
            part = os.read(descriptor, 1 << 16)
            if not part:
                return self._death()
            parts += part
            if len(parts) > _LONGEST_ANSWER:
                return "the scan of this file said too much"
        return parts

    def _death(self) -> str:
        code = self.process.wait()
        if code == -signal.SIGXCPU:
            return f"the scan of this file took more than {self.bounds.cpu_seconds} s of processor time"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"the scan of this file died ({how})"

    def end(self) -> None:
        """End the child."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
