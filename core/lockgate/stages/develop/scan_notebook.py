"""Stage `scan-notebook`: look for what is unsafe in notebooks, or should not leave the house with them.

| rule             | what was found                                                             |
|------------------|----------------------------------------------------------------------------|
| LG-NOTEBOOK-001  | a secret: a key, token, password, private key                              |
| LG-NOTEBOOK-002  | random characters that may be a key (shown only)                           |
| LG-NOTEBOOK-003  | a number of a person: bank account, card, national number                  |
| LG-NOTEBOOK-004  | e-mail addresses and telephone numbers, more than the limit                |
| LG-NOTEBOOK-010  | a command that runs what it fetches                                        |
| LG-NOTEBOOK-011  | Python or a magic that runs code from an address                           |
| LG-NOTEBOOK-012  | loading a file that can run code: downloaded, or (shown only) local        |
| LG-NOTEBOOK-013  | running the code that comes with a model                                   |
| LG-NOTEBOOK-014  | a shell command that is put together while it runs (WARN)                  |
| LG-NOTEBOOK-015  | running text that is decoded or unpacked while it runs                     |
| LG-NOTEBOOK-020  | characters that hide something                                             |
| LG-NOTEBOOK-030  | an install that names no version or no fixed content (WARN)                |
| LG-NOTEBOOK-031  | an install from a second index (WARN), or without encryption               |
| LG-NOTEBOOK-040  | a table of more rows than the limit in an output                           |
| LG-NOTEBOOK-041  | a traceback in an output (WARN when it names a user)                       |
| LG-NOTEBOOK-042  | environment variables in an output                                         |
| LG-NOTEBOOK-050  | a script or other active content in an output (WARN)                       |
| LG-NOTEBOOK-051  | a script in an output that reaches for the kernel, the server or cookies   |
| LG-NOTEBOOK-090  | a cell whose code could not be read (INCONCLUSIVE beyond the limit)        |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from lockgate.errors import InputError
from lockgate.outcome import Check, Location, Outcome, Severity, Verdict, of_severity, worst
from lockgate.stage import FileIn, Threshold, stage

if TYPE_CHECKING:
    from lockgate.notebook import Note

_SUFFIX = ".ipynb"
_MOST = 200  # findings of one notebook; the table shows the counts of all
_Count = Annotated[int, Ge(0)]


@stage("scan-notebook", threats=["supply-chain", "disclosure"])
def scan_notebook(
    notebook: FileIn,
    *,
    max_secrets: Threshold[_Count] = 0,
    max_personal_numbers: Threshold[_Count] = 0,
    max_contacts: Threshold[_Count] = 5,
    max_table_rows: Threshold[_Count] = 100,
    max_unpinned_installs: Threshold[_Count] | None = None,
    max_unreadable_cells: Threshold[_Count] = 0,
) -> Outcome:
    """Look for secrets, personal data, remote code and leaking outputs in notebooks, without running them.

    Every notebook gets a check of its own with its path as id. A file that is no strict JSON or not
    of nbformat 4 is INCONCLUSIVE. No value that is found appears in the result.

    Args:
        notebook: A notebook, or a folder; there every file that ends in .ipynb is looked at.
        max_secrets: Most secrets in one notebook.
        max_personal_numbers: Most bank accounts, cards and national numbers in one notebook.
        max_contacts: Most different e-mail addresses and telephone numbers in one notebook.
        max_table_rows: Most rows of tables in one output; a table that pandas shortens has 60 at most.
        max_unpinned_installs: Most packages that one notebook installs without a version; by default
            any number is a WARN.
        max_unreadable_cells: Most cells in one notebook whose code cannot be read, in Python or another
            language; with more, the notebook is INCONCLUSIVE.

    Raises:
        InputError: The folder holds no notebook.
    """
    from lockgate import notebook as notebooks
    from lockgate.documents import read_bytes

    outcome = Outcome()
    rows: list[Mapping[str, Any]] = []
    totals: dict[str, int] = {}
    files = _files(notebook)
    for path, name in files:
        try:
            content = notebooks.read(read_bytes(path, notebooks.reading.MAX_BYTES), name)
            notes = notebooks.scan(content, notebooks.Limits(table_rows=max_table_rows))
        except InputError as error:
            outcome.cannot(name, str(error).replace(str(path), name))
            rows.append({"verdict": str(Verdict.INCONCLUSIVE), "notebook": name})
            continue
        limits: dict[str, int | None] = {
            "LG-NOTEBOOK-001": max_secrets,
            "LG-NOTEBOOK-003": max_personal_numbers,
            "LG-NOTEBOOK-004": max_contacts,
            "LG-NOTEBOOK-030": max_unpinned_installs,
        }
        member = name if notebook.is_dir() else None
        verdict = _judge(outcome, name, member, notes, limits, max_unreadable_cells)
        counts = {rule: _different(notes, rule) for rule in sorted({note.rule for note in notes})}
        for rule, count in counts.items():
            totals[rule] = totals.get(rule, 0) + count
        rows.append(
            {
                "verdict": str(verdict),
                "notebook": name,
                "cells": len(content.cells),
                "secrets": counts.get("LG-NOTEBOOK-001", 0),
                "personal": counts.get("LG-NOTEBOOK-003", 0) + counts.get("LG-NOTEBOOK-004", 0),
                "remote code": sum(counts.get(f"LG-NOTEBOOK-01{n}", 0) for n in range(6)),
                "installs": counts.get("LG-NOTEBOOK-030", 0),
            }
        )
    outcome.metrics = {"notebooks": len(files), "found": totals}
    outcome.facts = {"Notebooks": str(len(files))}
    outcome.tables = {"Notebooks": rows}
    return outcome


def _files(path: Path) -> list[tuple[Path, str]]:
    if not path.is_dir():
        return [(path, "notebook")]
    found = [
        (each, each.relative_to(path).as_posix())
        for each in sorted(path.rglob("*"))
        if each.is_file() and each.name.lower().endswith(_SUFFIX)
    ]
    if not found:
        raise InputError(f"the folder holds no file that ends in {_SUFFIX}; give a folder of notebooks")
    return found


def _different(notes: Sequence[Note], rule: str) -> int:
    """Count what was found by a rule; the same thing in a cell and in its output counts once."""
    return len({note.same or (note.cell, note.line, note.output) for note in notes if note.rule == rule})


def _judge(
    outcome: Outcome,
    name: str,
    member: str | None,
    notes: Sequence[Note],
    limits: dict[str, int | None],
    unreadable: int,
) -> Verdict:
    """Record what was found in one notebook, and return its verdict."""
    verdicts, shown = [Verdict.PASS], 0
    for rule in sorted({note.rule for note in notes}):
        of_rule = [note for note in notes if note.rule == rule]
        limit = limits.get(rule)
        severity = None
        if limit is not None:
            severity = Severity.INFO if _different(notes, rule) <= limit else Severity.HIGH
        for note in _first_of_each(of_rule):
            weighs = severity or note.severity
            verdicts.append(of_severity(weighs))
            shown += 1
            if shown <= _MOST:
                where = note.where if note.cell else "the notebook"
                where = f"{member}, {where}" if member else where[0].upper() + where[1:]
                outcome.find(
                    rule,
                    weighs,
                    f"{where}: {note.message}.",
                    subject="notebook",
                    fix=note.fix,
                    check=name,
                    location=Location(
                        member=member,
                        cell=note.cell or None,
                        output=note.output or None,
                        line=note.line or None,
                    ),
                    threat=_threat(rule),
                )
    unread = _different(notes, "LG-NOTEBOOK-090")
    reason = ""
    if unread > unreadable:
        verdicts.append(Verdict.INCONCLUSIVE)
        reason = f"the code of {unread} cells could not be read"
    verdict = worst(verdicts)
    outcome.checks.append(Check(name, verdict, value=len(notes), reason=reason or "things to look at"))
    return verdict


def _first_of_each(notes: Sequence[Note]) -> list[Note]:
    kept: dict[object, Note] = {}
    for note in notes:
        kept.setdefault(note.same or (note.cell, note.line, note.output, note.message), note)
    return list(kept.values())


def _threat(rule: str) -> str:
    leaks = ("LG-NOTEBOOK-00", "LG-NOTEBOOK-04")
    return "disclosure" if rule.startswith(leaks) else "supply-chain"
