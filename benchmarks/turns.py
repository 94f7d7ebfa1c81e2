"""Run tools in turn, each in its own process, with one JSON line a run: a cut benchmark goes on from there.

A line holds the tool, what was asked of it, wall and processor seconds, peak memory, what it printed
last, and the load of the machine before it started. A tool that fails or takes too long has its error
in the line, and the others go on.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core" / "lockgate"


@dataclass(frozen=True)
class Measured:
    """Medians of a tool's runs: wall seconds, processor seconds, peak MiB; and what it said last."""

    wall: float
    processor: float
    peak: float
    runs: int
    said: Any
    error: str


def code_digest(folder: Path = CORE) -> str:
    """Return what tells one state of the code from another, so that figures of both are not mixed."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


def run(command: Sequence[str | Path], timeout: float) -> dict[str, Any]:
    """Run a process to its end: its seconds, its peak memory, the JSON of its last line, or its error."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err)
        clock = threading.Timer(timeout, child.kill)
        clock.start()
        _, status, usage = os.wait4(child.pid, 0)
        clock.cancel()
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, problem = out.read().splitlines(), err.read().strip().splitlines()
    line = {
        "wall": wall,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1024,
        "load": load,
    }
    if child.returncode:
        why = f"stopped after {timeout:.0f} s" if wall >= timeout else " ".join(problem[-1:])
        return line | {"error": why[:300] or f"exit {child.returncode}"}
    return line | {"said": json.loads(said[-1]) if said else None}


class Log:
    """The runs so far, in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.read_text("utf-8") if path.exists() else ""
        whole = held[: held.rfind("\n") + 1]
        if whole != held:
            path.write_text(whole, "utf-8")  # the line that a cut run was at
        self.lines: list[dict[str, Any]] = [json.loads(text) for text in whole.splitlines()]

    def take_turns(
        self,
        commands: Mapping[str, Sequence[str | Path]],
        asked: Mapping[str, Mapping[str, Any]],
        repeat: int,
        timeout: float,
    ) -> None:
        """Run every tool until it has `repeat` lines, one after the other, turn by turn.

        Args:
            commands: What to run, by tool.
            asked: What makes two runs of a tool the same, such as rows, columns and the code's digest.
            repeat: How often.
            timeout: Seconds after which a run is killed and recorded as an error.
        """
        for turn in range(1, repeat + 1):
            for tool, command in commands.items():
                if len(self.of(tool, asked[tool])) >= turn:
                    continue
                line = {"tool": tool, **asked[tool], "turn": turn, **run(command, timeout)}
                self.lines.append(line)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                ended = line.get("error", f"{line['peak']:.0f} MiB")
                print(f"turn {turn}: {tool}: {line['wall']:.1f} s, {ended}", file=sys.stderr, flush=True)

    def of(self, tool: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The runs of a tool that were asked the same."""
        return [x for x in self.lines if x["tool"] == tool and all(x.get(k) == v for k, v in asked.items())]

    def medians(
        self, tools: Iterable[str], asked: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Measured | None]:
        """The medians of each tool that ran; an error of any run stands for all of them."""
        found: dict[str, Measured | None] = {}
        for tool in tools:
            lines = self.of(tool, asked[tool])
            if not lines:
                found[tool] = None
                continue
            middle = [statistics.median(x[k] for x in lines) for k in ("wall", "processor", "peak")]
            errors = [x["error"] for x in lines if "error" in x]
            said = lines[-1].get("said")
            found[tool] = Measured(*middle, len(lines), said, errors[0] if errors else "")
        return found
