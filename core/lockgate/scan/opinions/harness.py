"""Runs in the interpreter of another scanner: is told a file a line, answers with a line of JSON.

It is started as a script, so that nothing of Lockgate is imported there, and asks each scanner by its own
Python interface: picklescan's command line writes no JSON, and modelscan's starts anew for each file.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Dict, List  # noqa: UP035 - any Python that the scanners run on

MOST = 100  # findings of one file
_LONGEST = 2_000
Said = Dict[str, Any]  # noqa: UP006


def said(verdict: str, reason: str = "", found: List[Said] | None = None) -> Said:  # noqa: UP006
    """Return an answer: safe, unsafe, silent (it does not read such files) or error."""
    return {"verdict": verdict, "reason": reason[:_LONGEST], "found": (found or [])[:MOST]}


def finding(severity: str, message: str, member: str = "") -> Said:
    """Return a finding as Lockgate reads it."""
    return {"severity": severity, "message": message[:_LONGEST], "member": member[:_LONGEST]}


def picklescan() -> Callable[[str], Said]:
    """Ask `scan_file_path`; what it only logs is part of the answer."""
    scanner = importlib.import_module("picklescan.scanner")
    logged: List[str] = []  # noqa: UP006

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if len(logged) < MOST:
                logged.append(record.getMessage())

    log = logging.getLogger("picklescan")
    log.addHandler(Keep(logging.WARNING))
    log.propagate = False

    def judge(path: str) -> Said:
        logged.clear()
        result = scanner.scan_file_path(path)
        found = [
            finding("CRITICAL", f"imports {g.module}.{g.name}, which it calls dangerous")
            for g in result.globals
            if g.safety.value == "dangerous"
        ]
        if found:
            return said("unsafe", found=found)
        if result.scan_err:
            return said("error", next(iter(logged), "it gave no reason"))
        # It counts these files as scanned and clean.
        if unread := [line for line in logged if "could not parse" in line]:
            return said("silent", unread[0])
        if broken := [line for line in logged if line.startswith("Invalid file")]:
            return said("error", broken[0])
        return said("safe" if result.scanned_files else "silent")

    return judge


def modelscan() -> Callable[[str], Said]:
    """Ask `ModelScan.scan`, with its own default settings."""
    scanner = importlib.import_module("modelscan.modelscan").ModelScan()

    def judge(path: str) -> Said:
        result = scanner.scan(path)
        found = [
            finding(issue["severity"], issue["description"], issue.get("source", "").partition(":")[2])
            for issue in result["issues"]
        ]
        if found:
            return said("unsafe", found=found)
        skipped = result["summary"]["skipped"]["skipped_files"]
        errors = result["errors"] + [one for one in skipped if one["category"] != "SCAN_NOT_SUPPORTED"]
        if errors:
            return said("error", errors[0]["description"])
        return said("safe" if result["summary"]["scanned"]["total_scanned"] else "silent")

    return judge


def fickling() -> Callable[[str], Said]:
    """Ask `scan_file`, or `scan_zip_archive` for zip archives."""
    loader = importlib.import_module("fickling.loader")
    severities = ["INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL", "CRITICAL"]
    # It calls unsafe what it cannot read, arrays of numpy for one; that is no finding.
    broken = ("invalid opcode", "malformed opcode sequences")

    def judge(path: str) -> Said:
        with Path(path).open("rb") as file:
            archive = file.read(4) == b"PK\x03\x04"
        results = (
            loader.scan_zip_archive(path, graceful=True)
            if archive
            else {"": loader.scan_file(path, graceful=True)}
        )
        found: List[Said] = []  # noqa: UP006
        errors: List[str] = []  # noqa: UP006
        for member, result in results.items():
            errors += result.errors
            for one in (one for analysed in result.results for one in analysed.results):
                message = one.message or one.severity.message
                if any(words in message for words in broken):
                    errors.append(message)
                elif one.severity.severity:
                    found.append(finding(severities[one.severity.severity], message, member))
        if any(one["severity"] in ("HIGH", "CRITICAL") for one in found):
            return said("unsafe", found=found)
        if errors:
            return said("error", errors[0], found)
        return said("safe" if results else "silent", found=found)

    return judge


SCANNERS: Dict[str, Callable[[], Callable[[str], Said]]] = {  # noqa: UP006
    "picklescan": picklescan,
    "modelscan": modelscan,
    "fickling": fickling,
}


def main() -> int:
    """Say which version it is, then answer the parent until it closes the pipe."""
    name, limits = sys.argv[1], json.loads(sys.argv[2])
    # Scanners print; only this module writes to the parent.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    warnings.simplefilter("ignore")
    logging.lastResort = None
    for what, value in (
        (resource.RLIMIT_DATA, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    for line in sys.stdin:
        asked = json.loads(line)
        answer: Said
        try:
            if "path" not in asked:
                judge = SCANNERS[name]()
                answer = {"version": version(name)}
            else:
                _limit_time(limits["cpu_seconds"])
                answer = judge(asked["path"])
        except ImportError as error:
            answer = {"missing": str(error)[:_LONGEST]}
        except MemoryError:
            answer = said("error", "it needs more memory than it may take")
        except Exception as error:  # noqa: BLE001 - of another's code on a hostile file
            answer = said("error", f"{type(error).__name__}: {error}")
        out.write(json.dumps(answer) + "\n")
        out.flush()
    return 0


def _limit_time(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


if __name__ == "__main__":
    raise SystemExit(main())
