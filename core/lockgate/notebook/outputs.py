"""Judge what cells showed when they last ran: tables of data, traces of the machine, active content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape

from lockgate.notebook.commands import Told
from lockgate.outcome import Severity

TABLE = "LG-NOTEBOOK-040"
TRACE = "LG-NOTEBOOK-041"
VARIABLES = "LG-NOTEBOOK-042"
ACTIVE = "LG-NOTEBOOK-050"
ACTS = "LG-NOTEBOOK-051"

_ROW = re.compile(r"<tr[\s>]", re.IGNORECASE)
_HEAD = re.compile(r"<thead[\s>].*?</thead>", re.IGNORECASE | re.DOTALL)
_HOME = re.compile(
    r"(?:/home/|/Users/|[A-Za-z]:\\+Users\\+)(?!runner\b|jovyan\b|root\b|user\b|ubuntu\b|Shared\b)[\w.-]+"
)
_VARIABLE = re.compile(
    r"(?:^|[\s{,])['\"]?(PATH|HOME|USER|SHELL|PWD|HOSTNAME|LOGNAME|LANG|PYTHONPATH|VIRTUAL_ENV|AWS_\w+|LD_LIBRARY_PATH"
    r"|OLDPWD|TERM|SSH_\w+|KUBERNETES_\w+)['\"]?\s*[=:]\s*['\"]?[^\s'\"]",
    re.MULTILINE,
)
_ENVIRONMENT = 4  # different names of variables in one output
_SCRIPT = re.compile(r"<script[\s>/]", re.IGNORECASE)
_ACTIVE = re.compile(
    r"<(?:iframe|object|embed|form|base|meta\s+http-equiv)[\s>/]"
    r"|<[a-z][^<>]{0,500}\son[a-z]{3,20}\s*=|(?:href|src|action)\s*=\s*['\"]?\s*javascript:",
    re.IGNORECASE,
)
_ACTS = re.compile(
    r"kernel\s*\.\s*execute\s*\(|IPython\s*\.\s*notebook\s*\.\s*(?:kernel|execute)|document\s*\.\s*cookie"
    r"|/api/(?:terminals|contents|kernels|sessions)\b|requestExecute\s*\(",
)
_SCRIPTS = ("application/javascript", "text/javascript", "application/x-javascript", "application/ecmascript")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def judge(kind: str, data: Mapping[str, str]) -> Iterator[Told]:
    """Yield what is wrong with an output of a kind (``stream``, ...) by its text of each MIME type."""
    plain = data.get("text/plain", "")
    if kind == "error" or "Traceback (most recent call last)" in plain:
        if _HOME.search(_ANSI.sub("", plain)):
            yield (
                TRACE,
                Severity.MEDIUM,
                "a traceback shows paths with the name of a user",
                "Clear the output, or run the cell without the error.",
                "",
            )
        else:
            yield (
                TRACE,
                Severity.LOW,
                "an output is a traceback",
                "Clear the output, or run the cell again.",
                "",
            )
    if len({m.group(1) for m in _VARIABLE.finditer(plain)}) >= _ENVIRONMENT:
        yield (
            VARIABLES,
            Severity.HIGH,
            "an output lists environment variables",
            "Clear the output, and change whatever secret was among them.",
            "",
        )
    for mime, text in data.items():
        if _ACTS.search(text) and (mime in _SCRIPTS or mime in ("text/html", "image/svg+xml")):
            yield (
                ACTS,
                Severity.HIGH,
                "a script in an output reaches for the kernel, the server or cookies",
                "Clear the output.",
                "",
            )
        elif mime in _SCRIPTS or (mime in ("text/html", "image/svg+xml") and _SCRIPT.search(text)):
            yield (
                ACTIVE,
                Severity.MEDIUM,
                "an output holds a script, which runs when a trusted notebook is opened",
                "Clear the output, or save it as a picture.",
                "script",
            )
        elif mime in ("text/html", "image/svg+xml", "text/markdown") and _ACTIVE.search(text):
            yield (
                ACTIVE,
                Severity.MEDIUM,
                "an output holds active content (a frame, form or handler)",
                "Clear the output, or save it as a picture.",
                "active",
            )
        elif "jupyter.widget" in mime:
            yield (
                ACTIVE,
                Severity.LOW,
                "an output is a widget, whose state lies in the notebook",
                "Clear the output if others read it.",
                "widget",
            )


def rows(data: Mapping[str, str]) -> int:
    """Return how many rows of tables an output shows."""
    html = data.get("text/html", "")
    if "<table" in html.lower():
        return len(_ROW.findall(_HEAD.sub("", html)))
    plain = data.get("text/plain", "")
    # A frame as text: lines that begin with a row number and hold two more columns.
    return sum(bool(re.match(r"\d+(?:\s{1,40}\S+){2,}", line)) for line in plain.split("\n"))


def readable(mime: str, text: str) -> str:
    """Return what a person would read of an output, lines kept; nothing of a picture."""
    if mime.startswith("image/") and mime != "image/svg+xml":
        return ""
    if mime in ("text/html", "image/svg+xml"):
        kept = _UNSEEN.sub(lambda m: "\n" * m.group().count("\n"), text)
        return unescape(_TAG.sub(lambda m: " " + "\n" * m.group().count("\n"), kept))
    return _ANSI.sub("", text)
