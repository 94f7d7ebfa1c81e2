"""Separate what IPython adds to Python: magics, shell commands and help, line by line.

Source: "IPython magics" and "System shell access", https://ipython.readthedocs.io. The Python that is
left keeps its line numbers, so that findings point to the cell as it is shown.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass, field

_ASSIGNED = re.compile(r"(\s*)([\w.\[\]'\", *]+?)\s*=\s*([!%])(?![=])\s*(.*)")
_LINE = re.compile(r"(\s*)(!{1,2}|%(?!%)|\?{1,2}|[,;/](?=\w))\s*(.*)", re.DOTALL)
_HELP = re.compile(r"\s*[%\w.*]+\?{1,2}\s*\Z")
_LONGEST = 2_000_000  # characters of a cell that are read as Python
_SHELLS = ("bash", "sh", "script", "!", "sx", "system", "cmd", "zsh", "powershell", "pwsh", "shell")
_PYTHON = (
    "time",
    "timeit",
    "capture",
    "prun",
    "python",
    "python3",
    "pypy",
    "memit",
    "mprun",
    "lprun",
    "debug",
    "px",
    "skip",
    "snakeviz",
    "heat",
    "wandb",
    "with_gpu",
)


@dataclass
class Code:
    """A code cell, taken apart.

    Attributes:
        tree: Its Python, or None where it is none.
        shell: Shell commands: line and text.
        magics: Other magics: line, name and the rest.
        foreign: What a cell magic hands to another program or place than Python: its name, or empty.
        broken: Why its Python could not be read, or empty.
    """

    tree: ast.Module | None = None
    shell: list[tuple[int, str]] = field(default_factory=list)
    magics: list[tuple[int, str, str]] = field(default_factory=list)
    foreign: str = ""
    broken: str = ""


def separate(source: str) -> Code:
    """Return a cell's Python, shell commands and magics."""
    code = Code()
    lines = source.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[first].startswith("%%"):
        head, _, rest = lines[first][2:].strip().partition(" ")
        lines[first] = ""
        if head in _SHELLS or (head.startswith("!") and not head[1:]):
            code.magics.append((first + 1, head, rest))
            code.shell += _commands(lines, first + 1)
            return code
        code.magics.append((first + 1, head, rest))
        if head not in _PYTHON:
            code.foreign = head
            code.shell += [(first + 1, rest)] if head == "writefile" else []
            return code
    code.tree, why = _parsed("\n".join(lines))
    if code.tree is not None:
        return code
    code.tree, code.broken = _parsed("\n".join(_without_magics(lines, code)))
    if code.broken:
        code.broken = why if not (code.shell or code.magics) else code.broken
    return code


def _parsed(text: str) -> tuple[ast.Module | None, str]:
    if len(text) > _LONGEST:
        return None, "it is longer than is read as Python"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in what others wrote
            # A cell may await at its top; so may a notebook.
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            return compile(text, "<cell>", "exec", flags, dont_inherit=True), ""
    except (SyntaxError, ValueError) as error:
        return None, str(getattr(error, "msg", error))
    except (RecursionError, MemoryError):
        return None, "it is nested too deep to be read"


def _without_magics(lines: list[str], code: Code) -> list[str]:
    inside = _inside_strings(lines)
    kept, i = list(lines), 0
    while i < len(lines):
        line, start = lines[i], i
        if i in inside or not line.strip():
            i += 1
            continue
        assigned, plain = _ASSIGNED.fullmatch(line), _LINE.match(line)
        if not assigned and not plain:
            if _HELP.match(line):
                kept[i] = _indent(line) + "pass"
            i += 1
            continue
        is_magic = (assigned.group(3) if assigned else plain.group(2)) == "%"  # type: ignore[union-attr]
        while i + 1 < len(lines) and (lines[i].endswith("\\") or (is_magic and _open(lines[start : i + 1]))):
            i += 1
            kept[i] = ""
        text = "\n".join(lines[start : i + 1]).replace("\\\n", " ")
        if assigned:
            mark, rest = assigned.group(3), text.partition(assigned.group(3))[2].strip()
            kept[start] = f"{assigned.group(1)}{assigned.group(2)} = None"
        else:
            mark, rest = plain.group(2), text.strip()[len(plain.group(2)) :].strip()  # type: ignore[union-attr]
            kept[start] = _indent(line) + "pass"
        if mark[0] == "!":
            code.shell.append((start + 1, rest))
        elif mark == "%":
            name, _, more = rest.partition(" ")
            if name in ("sx", "system", "sc"):
                code.shell.append((start + 1, more))
            code.magics.append((start + 1, name, more.strip()))
            if name in ("time", "timeit", "prun", "memit"):  # runs what follows
                ran = " ".join(more.split("\n")).strip()  # on one line, so that the others keep their numbers
                kept[start] = _indent(line) + (ran if _parsed(ran)[0] else "pass")
        i += 1
    return kept


def _inside_strings(lines: list[str]) -> set[int]:
    """Return the 0-based lines that begin inside a string of several lines, as far as tokens can be told."""
    found: set[int] = set()
    # What is no Python stops the tokenizer, so magics are commented out first: strings stay strings.
    text = "\n".join(re.sub(r"^(\s*)[!%?]", r"\1#", line) for line in lines)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.STRING or _is_formatted(token):
                found.update(range(token.start[0], token.end[0]))
    except (tokenize.TokenError, SyntaxError, IndentationError, ValueError):
        pass
    return found


def _is_formatted(token: tokenize.TokenInfo) -> bool:
    return tokenize.tok_name[token.type].startswith(("FSTRING", "TSTRING"))  # since Python 3.12


def _open(lines: list[str]) -> bool:
    """Whether brackets are open at the end of some lines; in magics few stand in strings."""
    text = "".join(lines)
    return sum(map(text.count, "([{")) > sum(map(text.count, ")]}"))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _commands(lines: list[str], start: int) -> list[tuple[int, str]]:
    """Return the lines of a shell script with their numbers; those that go on are joined."""
    found: list[tuple[int, str]] = []
    going_on = False
    for number, line in enumerate(lines[start:], start + 1):
        if going_on:
            found[-1] = (found[-1][0], found[-1][1][:-1] + " " + line.strip())
        elif line.strip():
            found.append((number, line.strip()))
        going_on = line.endswith("\\") and bool(found)
    return found
