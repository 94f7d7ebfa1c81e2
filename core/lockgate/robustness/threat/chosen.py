"""The threats of a run: names of built-in ones, and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockgate.documents.document import suggest
from lockgate.errors import InputError
from lockgate.robustness.threat.builtin import BUILT_IN
from lockgate.robustness.threat.threat import Kind, Threat

MOST = 20


def chosen(
    named: Sequence[str], file: Path | None, *, kind: Kind, eps: float, columns: Sequence[str] | None
) -> list[Threat]:
    """Return the threats to attack under.

    Args:
        named: Names of built-in threats, or paths of YAML files.
        file: One more file, or None.
        kind: What is attacked.
        eps: The size of built-in threats that have no size of their own.
        columns: The only columns that can move, for threats that say nothing of it; None: no limit.

    Raises:
        InputError: A name is not known, a file does not fit, two threats have one name, or a threat is of
            images and tables are attacked, or the other way round.
    """
    found = [_one(name, eps) for name in named]
    if file is not None:
        found.append(_read(file))
    if len(found) > MOST:
        raise InputError(f"{len(found)} threats are given; give at most {MOST}")
    names = [threat.name for threat in found]
    for threat in found:
        if names.count(threat.name) > 1:
            raise InputError(f"two threats have the name {threat.name!r}; give each its own")
        if threat.kind != kind:
            data = "a table" if kind == "table" else "images"
            raise InputError(
                f"threat {threat.name!r} is of {threat.kind}s and the data is {data}; give one of {kind}s"
            )
    if columns is None:
        return found
    return [
        t
        if t.constraints.move is not None
        else replace(t, constraints=replace(t.constraints, move=tuple(columns)))
        for t in found
    ]


def _one(name: str, eps: float) -> Threat:
    if name in BUILT_IN:
        threat = BUILT_IN[name]
        sized = threat.norm != "l0" and threat.kind == "table"
        return replace(threat, size=eps) if sized else threat
    if not name.lower().endswith((".yaml", ".yml")) and not Path(name).is_file():
        raise InputError(
            f"there is no threat {name[:80]!r}, and no file of that name{suggest(name, BUILT_IN)}"
        )
    return _read(Path(name))


def _read(path: Path) -> Threat:
    from lockgate.robustness.threat.form import read_threat  # pydantic, which is heavy

    return read_threat(path)
