"""Names of archive members: whether they lead outside, and whether two of them are one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from lockgate.scan.context import Context

_DRIVE = re.compile(r"[A-Za-z]:")


def check(names: Iterable[str], context: Context) -> None:
    """Report names that lead out of the folder they are unpacked into, and names that stand twice."""
    seen: dict[str, str] = {}
    for name in names:
        plain = name.replace("\\", "/")
        if leads_outside(name):
            context.hit("LG-SCAN-020", "CRITICAL", "Has a member whose name leads outside.", name=name)
        folded = unicodedata.normalize("NFC", "/".join(p for p in plain.split("/") if p not in ("", ".")))
        if folded in seen:
            context.hit("LG-SCAN-022", "HIGH", "Has two members of the same name.", name=name)
        seen[folded] = name


def leads_outside(name: str) -> bool:
    """Whether a name leads out of the folder that it is looked up in."""
    plain = name.replace("\\", "/")
    return bool(plain.startswith("/") or _DRIVE.match(plain) or ".." in plain.split("/") or "\0" in name)
