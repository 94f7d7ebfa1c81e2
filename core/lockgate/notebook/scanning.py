"""Look at every cell of a notebook: its code, its text and what it showed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lockgate.errors import InputError
from lockgate.notebook import code as python
from lockgate.notebook import commands, hidden, magics, outputs, personal, secret
from lockgate.notebook.commands import Told
from lockgate.notebook.following import Seen
from lockgate.notebook.note import Note
from lockgate.notebook.reading import Cell, Notebook, Output
from lockgate.outcome import Severity

SECRET = "LG-NOTEBOOK-001"
MAYBE = "LG-NOTEBOOK-002"
PERSONAL = "LG-NOTEBOOK-003"
CONTACT = "LG-NOTEBOOK-004"
UNREAD = "LG-NOTEBOOK-090"
_MAX_TEXT = 30_000_000  # characters of one notebook, pictures aside
_PYTHON = ("python", "ipython", "python3", "python2", "sage")
_URL = re.compile(r"https?://|ftp://")
_RUNS_FILE = ("run", "load", "loadpy")


@dataclass(frozen=True)
class Limits:
    """How much of what a notebook may show.

    Attributes:
        table_rows: Most rows of tables in one output.
    """

    table_rows: int = 100


def scan(notebook: Notebook, limits: Limits | None = None) -> list[Note]:
    """Return everything that is to be said of a notebook, in the order of its cells.

    Raises:
        InputError: It holds more text than is looked at.
    """
    limits = limits or Limits()
    size = sum(_size(cell) for cell in notebook.cells)
    if size > _MAX_TEXT:
        raise InputError(
            f"the notebook holds {size:,} characters of text; at most {_MAX_TEXT:,} are looked at"
        )
    seen = Seen()
    notes: list[Note] = []
    for cell in notebook.cells:
        notes += _source(cell, notebook.language, seen)
        for number, output in enumerate(cell.outputs, 1):
            notes += _output(cell, number, output, limits)
    for where, text in (notebook.other or {}).items():
        for each in secret.find(text, words=True):
            if each.sure:
                notes.append(_secret_note(each, 0, where=f" in the {where}"))
    return list(dict.fromkeys(notes))


def _size(cell: Cell) -> int:
    return len(cell.source) + sum(
        len(text) for o in cell.outputs for mime, text in o.data.items() if not mime.startswith("image/")
    )


def _source(cell: Cell, language: str, seen: Seen) -> Iterator[Note]:
    yield from _text(cell, cell.source, words=cell.kind == "code")
    is_code = cell.kind == "code"
    for found in hidden.find(cell.source, code=is_code):
        yield Note(
            hidden.RULE,
            found.severity,
            f"holds {found.message}",
            "Write the line again, without them.",
            cell.number,
            found.line,
        )
    if not is_code:
        if outputs._ACTIVE.search(cell.source) or outputs._SCRIPT.search(cell.source):  # noqa: SLF001 - one package
            yield Note(
                outputs.ACTIVE,
                Severity.LOW,
                "holds HTML with active content, which Jupyter leaves out",
                "Remove it.",
                cell.number,
            )
        return
    if language not in _PYTHON:
        yield Note(
            UNREAD,
            Severity.INFO,
            f"is in {language[:30]!r}, whose code is looked at as text only",
            "Review it by hand.",
            cell.number,
        )
        for number, line in enumerate(cell.source.split("\n"), 1):
            yield from (_note(cell, number, told) for told in commands.judge(line))
        return
    taken = magics.separate(cell.source)
    if taken.broken:
        yield Note(
            UNREAD,
            Severity.INFO,
            f"is no Python that can be read ({taken.broken[:100]})",
            "Correct the cell, or make it a raw cell.",
            cell.number,
        )
        for number, line in enumerate(cell.source.split("\n"), 1):
            yield from (_note(cell, number, told) for told in commands.judge(line))
    for number, command in taken.shell:
        seen.files |= commands.saved_by(command)
        yield from (_note(cell, number, told) for told in commands.judge(command, seen.files))
    for number, name, rest in taken.magics:
        yield from (_note(cell, number, told) for told in _magic(name, rest, seen))
    if taken.foreign in ("javascript", "js", "html", "svg"):
        for told in outputs.judge(
            "display_data", {"text/html" if taken.foreign != "js" else "text/javascript": cell.source}
        ):
            yield _note(cell, 1, told)
    if taken.tree is not None:
        for number, told in python.judge(taken.tree, seen):
            yield _note(cell, number, told)


def _magic(name: str, rest: str, seen: Seen) -> Iterator[Told]:
    if name in ("pip", "conda", "mamba", "uv"):
        yield from commands.install([name, *rest.split()])
    elif name in _RUNS_FILE and any(word.rpartition("/")[2] in seen.files for word in rest.split()):
        yield (
            python.REMOTE,
            Severity.CRITICAL,
            f"%{name} runs a file that was fetched from elsewhere",
            "Keep the code in your repository.",
            "",
        )
    elif name in _RUNS_FILE and _URL.search(rest):
        yield (
            python.REMOTE,
            Severity.CRITICAL,
            f"%{name} takes code from an address",
            "Keep the code in your repository.",
            "",
        )
    elif name in ("load_ext", "install_ext") and _URL.search(rest):
        yield (
            python.REMOTE,
            Severity.CRITICAL,
            f"%{name} takes an extension from an address",
            "Install it as a pinned package.",
            "",
        )
    elif name in ("env", "set_env") and "=" in rest:
        key, _, value = rest.partition("=")
        for each in secret.find(f'{key.strip()} = "{value.strip()}"', words=True):
            if each.sure:
                yield SECRET, Severity.HIGH, f"%env sets a secret ({each.kind})", _SECRET_FIX, each.digest


def _output(cell: Cell, at: int, output: Output, limits: Limits) -> Iterator[Note]:
    data = output.data
    for told in outputs.judge(output.kind, data):
        yield _note(cell, 0, told, output=at)
    count = outputs.rows(data)
    if count > limits.table_rows:
        yield Note(
            outputs.TABLE,
            Severity.HIGH,
            f"shows a table of {count} rows",
            "Clear the output, or show a summary.",
            cell.number,
            0,
            at,
        )
    elif count:
        yield Note(
            outputs.TABLE,
            Severity.INFO,
            f"shows a table of {count} rows",
            "Clear the output if the rows are of people.",
            cell.number,
            0,
            at,
        )
    for mime, text in data.items():
        if mime.startswith("image/") and mime != "image/svg+xml":
            continue
        plain = mime in ("text/plain", "text/markdown", "application/json")
        # The plain form of a table repeats its HTML form; what is in both counts once, by `same`.
        yield from _text(cell, outputs.readable(mime, text), words=plain, output=at)
        if mime == "text/html":
            for each in secret.find(text, words=False):
                yield _secret_note(each, cell.number, output=at)
        for found in hidden.find(text, code=False):
            yield Note(
                hidden.RULE,
                found.severity,
                f"holds {found.message}",
                "Clear the output.",
                cell.number,
                found.line,
                at,
            )


_SECRET_FIX = "Change the secret now, then remove it from the notebook and from its history."


def _text(cell: Cell, text: str, *, words: bool, output: int = 0) -> Iterator[Note]:
    for each in secret.find(text, words=words):
        yield _secret_note(each, cell.number, output=output)
    for found in personal.find(text):
        yield Note(
            PERSONAL if found.grave else CONTACT,
            Severity.HIGH if found.grave else Severity.INFO,
            f"holds what looks like a person's {found.kind}",
            "Remove it, and clear the outputs.",
            cell.number,
            found.line,
            output,
            f"{found.kind}:{found.same}",
        )


def _secret_note(each: secret.Secret, cell: int, *, output: int = 0, where: str = "") -> Note:
    mark = f", SHA-256 {each.prefix}…" if each.prefix else ""
    if not each.sure:
        return Note(
            MAYBE,
            Severity.LOW,
            f"holds random characters{where} ({each.kind}{mark})",
            "If it is a key, change and remove it.",
            cell,
            each.line,
            output,
            each.digest,
        )
    return Note(
        SECRET,
        Severity.HIGH,
        f"holds a secret{where} ({each.kind}{mark})",
        _SECRET_FIX,
        cell,
        each.line,
        output,
        each.digest,
    )


def _note(cell: Cell, line: int, told: Told, *, output: int = 0) -> Note:
    rule, severity, message, fix, same = told
    return Note(rule, severity, message, fix, cell.number, line, output, same)
