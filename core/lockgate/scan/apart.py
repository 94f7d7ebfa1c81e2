"""Scan files in a child process with limits, so that a file that breaks the scan breaks nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.scan.child import Child
from lockgate.scan.record import Answer, Hit

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
    child: Child | None = None
    try:
        for name, path in files:
            if child is None:
                child = _child(bounds)
            answer = _ask(child, name, path, bounds.seconds)
            if isinstance(answer, str):
                child.end()
                child = None
                answer = Said(name, Answer.UNKNOWN, (), 0, (answer,), ())
            yield answer
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


def _child(bounds: Bounds) -> Child:
    limits = {
        "cpu_seconds": bounds.cpu_seconds,
        "memory_bytes": bounds.memory_bytes,
        "file_bytes": bounds.file_bytes,
        "open_files": bounds.open_files,
    }
    words = [sys.executable, "-I", "-S", "-c", _START, "\n".join(_folders()), json.dumps(limits)]
    return Child(words, "the scan of this file", bounds.cpu_seconds)


def _ask(child: Child, name: str, path: Path, seconds: float) -> Said | str:
    """Return what the child says about a file, or the reason why it says nothing."""
    line = child.ask({"path": str(path.absolute()), "name": name}, seconds)
    if isinstance(line, str):
        return line
    try:
        return _said(name, json.loads(line))
    except (ValueError, LookupError, TypeError):
        return "the scan of this file gave no readable answer"
