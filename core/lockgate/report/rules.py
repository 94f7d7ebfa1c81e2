"""What the rules of the stages mean in general: the lines about them in the stages' module docstrings."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lockgate import stage as stages

# A list, a table or a sentence: ``LG-A-001`` text; | LG-A-001 | text |; LG-A-001: text.
_RULE = re.compile(r"\s*(?:Rules:)?[\s|`]*\b(LG(?:-[A-Z0-9]+)*-\d+)[\s|`:]+(?!to LG)(\S.*)\Z")
_END = (".", ";", "|")


@functools.lru_cache(maxsize=1)
def texts() -> Mapping[str, str]:
    """Return every rule that a stage of this distribution lists, and the gate's codes, with their texts.

    The modules are read, not imported. Rules of stages from elsewhere are not among them.
    """
    from lockgate.gate.codes import Code

    found = {str(code): code.meaning for code in Code}
    root = Path(__file__).parents[1]
    for module in stages.names().values():
        source = root.joinpath(*module.split(".")[1:]).with_suffix(".py").read_text("utf-8")
        found.update(_listed(ast.get_docstring(ast.parse(source)) or ""))
    return found


def _listed(docstring: str) -> Iterator[tuple[str, str]]:
    rule, said = "", ""
    for line in [*docstring.splitlines(), ""]:
        match = _RULE.match(line)
        if rule and (match or not line.strip() or said.endswith(_END)):
            yield rule, _sentence(said)
            rule = ""
        if match:
            rule, said = match.group(1), match.group(2).strip()
        elif rule:
            said = f"{said} {line.strip()}"


def _sentence(said: str) -> str:
    words = said.rstrip(" |;.").rstrip()
    return f"{words[:1].upper()}{words[1:]}."
