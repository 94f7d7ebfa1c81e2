"""Write one page that lists several runs: the stages of a workflow, side by side where it ran twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockgate.outcome import Decision, Verdict
from lockgate.report.html import Limit, cut, fitted, link


@dataclass(frozen=True)
class Run:
    """One line's worth of a run.

    Attributes:
        document: The run's `result.json`.
        report: Path of its `report.html`, relative to the page; empty without one.
        group: The heading that it stands under, for example ``clean batch``.
        place: Where it ran, for example ``Airflow``; each place is a column.
        line: What its line is called; by default the stage.
    """

    document: Mapping[str, Any]
    report: str = ""
    group: str = ""
    place: str = "verdict"
    line: str = ""


def index(runs: Sequence[Run], *, title: str = "Runs") -> str:
    """Return one self-contained HTML page below 500 kB that lists runs, in the order given.

    Each group is a table with a line for every stage and a column for every place. With two places
    or more a last column says whether the body digests are equal, that is whether the places agree.
    """
    return fitted("index.html.j2", lambda limit: _view(runs, title, limit))


def _view(runs: Sequence[Run], title: str, limit: Limit) -> dict[str, Any]:
    groups = list(dict.fromkeys(run.group for run in runs))
    closed = sum(_is_closed(run.document) for run in runs)
    tables = cut(
        groups, limit.columns, lambda group: _table([r for r in runs if r.group == group], group, limit)
    )
    return {"heading": title, "total": len(runs), "closed": closed, "groups": tables}


def _is_closed(document: Mapping[str, Any]) -> bool:
    return not Verdict(document["verdict"]).opens or document["decision"] == Decision.QUARANTINE


def _table(runs: Sequence[Run], group: str, limit: Limit) -> dict[str, Any]:
    places = list(dict.fromkeys(run.place for run in runs))[: limit.columns]
    seen: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, int], dict[str, Run]] = {}
    for run in runs:
        name = run.line or str(run.document["stage"])
        # The second run of a stage in one place pairs with the second run of it in the other.
        seen[run.place, name] += 1
        lines.setdefault((name, seen[run.place, name]), {})[run.place] = run
    return {
        "name": group,
        "places": places,
        "lines": cut(list(lines.items()), limit.rows, lambda line: _line(line[0][0], line[1], places)),
    }


def _line(name: str, runs: Mapping[str, Run], places: Sequence[str]) -> dict[str, Any]:
    cells = [_cell(runs[place]) if place in runs else None for place in places]
    digests = {run.document["body_digest"] for run in runs.values()}
    agree = len(digests) == 1 and all(cells)
    return {"name": name, "cells": cells, "agree": agree, "digest": next(iter(digests)) if agree else ""}


def _cell(run: Run) -> dict[str, Any]:
    return {
        "verdict": run.document["verdict"],
        "decision": run.document["decision"],
        "link": link(run.report) if run.report else "",
    }
