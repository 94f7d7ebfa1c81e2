"""The child process that takes files apart: it is told a file a line, and answers with a line of JSON.

It limits itself before it reads the first byte, is limited by its parent besides (`apart`), and loads
nothing but this package and the standard library.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from typing import Any

from lockgate.scan import content
from lockgate.scan.context import Context, Limits
from lockgate.scan.record import DamagedError, Record
from lockgate.scan.source import Source


def scan_path(path: str, name: str, limits: Limits | None = None) -> Record:
    """Judge one file in this process.

    Args:
        path: The file.
        name: What it is called; this never makes anything safe.
        limits: How much is taken apart.
    """
    context = Context(limits=limits or Limits(), name=name.rpartition("/")[2], reader=content)
    collecting = gc.isenabled()
    gc.disable()  # millions of values and no cycles: looking for some takes most of the time
    try:
        with open(path, "rb", buffering=0, opener=_open) as file:
            content.scan(Source(file.fileno()), context)
    except DamagedError as error:
        context.failed(error)
    except MemoryError:
        context.cannot("needs more memory than a scan may take")
    except RecursionError:
        context.cannot("is nested too deep")
    except Exception as error:  # noqa: BLE001
        # A defect of ours that a hostile file found; what it hides behind is not safe.
        context.cannot(f"made the scan stop ({type(error).__name__})")
    finally:
        if collecting:
            gc.enable()
    return context.record


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def main() -> int:
    """Answer the parent until it closes the pipe."""
    limits = json.loads(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        _limit(limits)
        said: dict[str, Any] = scan_path(asked["path"], asked["name"]).plain()
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    return 0


def _limit(limits: dict[str, int]) -> None:
    """Set what the next file may cost: processor time counts from now on, the rest is for good."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits["cpu_seconds"]
    for what, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    raise SystemExit(main())
