"""Write the page that a person opens after a run: `report.html`, one file, readable in ten seconds.

The page holds no script and loads nothing; a Content Security Policy inside it says so. It stays
below 500 kB whatever the run saw: lists are cut, and say how much was cut and where the rest is.

Every text in it may come from an attacker (column names, file names, messages of parsers). Jinja
escapes it, and `lockgate.report.text.visible` spells out characters that would hide.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from lockgate.body import plain
from lockgate.errors import StageError
from lockgate.report import figure, text
from lockgate.report.picture import Picture, draw

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_BYTES = 500_000
"""No page is larger, in bytes."""
_CELLS = 8_000  # cells of all tables together that are worth a try
_UNDRAWN = 50  # a page cut to so few rows has no room for pictures
_FEWEST = 4  # rows that every table shows, however many tables there are
_NOTHING = Markup("")
_MUCH_PSI = 0.25  # a full bar at least: "significant shift" in Siddiqi, Credit Risk Scorecards, 2006
_SHORT = 30  # longest text, in characters, that a table's cell keeps on one line

_WORST_FIRST = ("FAIL", "INCONCLUSIVE", "WARN", "WAIVED", "PASS")
_HEAVIEST_FIRST = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO")
_SAYS = {
    "PASS": "Every check ran and held. The gate opens.",
    "WARN": "Nothing failed, but there is something to look at. The gate opens.",
    "FAIL": "A check did not hold. The gate stays closed.",
    "INCONCLUSIVE": "A check could not be decided. The gate stays closed, unless the policy says otherwise.",
    "WAIVED": "What was found is covered by a signed waiver. The gate opens.",
}
_OPEN = ("PASS", "WARN", "WAIVED")
_CLOSED = "No check failed, but the decision keeps the gate closed."
_DECISIONS = {
    "KEEP": "Keep the model in service; the new batch asks for nothing.",
    "RETRAIN": "Train on the new batch; it moved, and it looks honest.",
    "QUARANTINE": "Set the new batch aside and train nothing on it.",
}
_NOWHERE: dict[str, Any] = {
    "rows": (),
    **dict.fromkeys(("column", "member", "offset", "cell", "output", "line")),
}
_NEXT = {
    "PASS": "Go on to the next stage, and keep the attestation beside the artifact.",
    "WARN": "Read the findings below; nothing is blocked.",
    "FAIL": "Read the failed checks below, mend the input, and run the stage again.",
    "INCONCLUSIVE": "See below what was missing, supply it, and run the stage again.",
    "WAIVED": "Mend what was found before the waiver ends.",
}


@dataclass(frozen=True)
class Limit:
    """How much of a long thing is shown: rows of a list, columns of a table, characters of a text."""

    rows: int
    columns: int
    chars: int


# Tried in turn until the page is small enough. The last one bounds every page: at most 6 tables of
# 4 x 6 cells and a few short lists, of texts that take at most 900 bytes each.
_LIMITS = (
    Limit(500, 40, 400),
    Limit(250, 30, 300),
    Limit(120, 24, 200),
    Limit(50, 16, 160),
    Limit(20, 12, 120),
    Limit(10, 8, 100),
    Limit(4, 6, 90),
)


def render(
    document: Mapping[str, Any],
    *,
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    facts: Mapping[str, str] | None = None,
    pictures: Mapping[str, Picture] | None = None,
    attachments: Mapping[str, str] | None = None,
) -> str:
    """Return the report of one run as one self-contained HTML page below 500 kB.

    Args:
        document: The run's `result.json`, valid under `lockgate.report.result_schema()`.
        tables: Named tables of the stage, each a list of rows. A cell is drawn beside its number
            when its column's name ends in ``_share`` or ``_score`` (a bar out of 1) or in ``psi``
            (a bar out of 0.25, or of the column's largest above), or when it is a mapping: ``{"value": 0.31,
            "limit": 0.2}`` is a bar with a tick at its limit, ``{"reference": [...], "current":
            [...]}`` are two distributions over the same bins, and ``{"trend": [...], "limit": 1}`` is
            a line over time. A column ``verdict`` or ``severity``
            is shown as a badge, and the worst rows come first.
        facts: Short lines for the head of the page, label to text.
        pictures: Named pictures; a page that would become too large leaves them out.
        attachments: Pages and files that lie beside the report: name to relative file name.
    """
    drawn = [(name, draw(picture)) for name, picture in (pictures or {}).items()]
    more = (tables or {}, facts or {}, drawn, attachments or {})
    return fitted("report.html.j2", lambda limit: _view(document, *more, limit))


def fitted(template: str, view: Callable[[Limit], Mapping[str, Any]]) -> str:
    """Return a page, cut in steps until it is smaller than `MAX_BYTES`.

    Args:
        template: Name of a template in this package.
        view: Makes what the template shows, under a limit.
    """
    for limit in _LIMITS:
        page = _within(_environment(limit.chars).get_template(template).generate(view(limit)))
        if page is not None:
            return page
    raise StageError(f"{template} makes a page larger than {MAX_BYTES:,} bytes; report this as a defect")


def _within(parts: Iterable[str]) -> str | None:
    """Join the parts of a page; stop with None as soon as they are too many."""
    page, size = [], 0
    for part in parts:
        page.append(part)
        size += len(part.encode())
        if size >= MAX_BYTES:
            return None
    return "".join(page)


@lru_cache(maxsize=len(_LIMITS))
def _environment(longest: int) -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else text.visible(str(value), longest)

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        loader=FunctionLoader(_source),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=text.number, literal=text.literal, title=text.title)
    environment.globals.update(css=Markup(_source("report.css")), csp=_policy())  # noqa: S704 - our own file
    return environment


@lru_cache(maxsize=4)
def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy() -> Markup:
    """Allow the page's own style, by its hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_source("report.css").encode()).digest()).decode()
    return Markup(f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")  # noqa: S704


# --- What the template shows ------------------------------------------------------------------------


def _view(
    document: Mapping[str, Any],
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    facts: Mapping[str, str],
    pictures: Sequence[tuple[str, Markup]],
    attachments: Mapping[str, str],
    limit: Limit,
) -> dict[str, Any]:
    checks = sorted(document["checks"], key=lambda check: _rank(check["verdict"], _WORST_FIRST))
    findings = sorted(document["findings"], key=lambda f: _rank(f["severity"], _HEAVIEST_FIRST))
    verdict = str(document["verdict"])
    thresholds = document["policy"]["thresholds"]
    return {
        "document": document,
        "verdict": verdict,
        "means": _CLOSED if document["decision"] == "QUARANTINE" and verdict in _OPEN else _SAYS[verdict],
        "decision": document["decision"],
        "decision_means": _DECISIONS.get(str(document["decision"]), ""),
        "why": _why(verdict, checks, findings),
        "todo": _todo(verdict, findings),
        "seconds": _seconds(document["started"], document["finished"]),
        "facts": cut(list(facts.items()), limit.rows),
        "pictures": cut(pictures, len(pictures) if limit.rows > _UNDRAWN else 0),
        "tally": figure.tally(_count(checks, _WORST_FIRST, "verdict")),
        "counts": _count(checks, _WORST_FIRST, "verdict"),
        "severities": _count(findings, _HEAVIEST_FIRST, "severity"),
        "findings": _groups(findings, limit.rows),
        "findings_total": len(findings),
        "loud_checks": cut([c for c in checks if c["verdict"] != "PASS"], limit.rows),
        "passed_checks": cut([c for c in checks if c["verdict"] == "PASS"], limit.rows),
        "checks_total": len(checks),
        "tables": cut(list(tables.items()), limit.columns, lambda t: _table(t[0], t[1], limit, len(tables))),
        "metrics": _metrics(document["metrics"], limit),
        "subjects": cut([*document["subjects"], *document["evidence"]], limit.rows, _subject),
        "parameters": cut([p for p in document["parameters"].items() if p[0] not in thresholds], limit.rows),
        "thresholds": cut(list(thresholds.items()), limit.rows),
        "policy_digests": cut(list((document["policy"]["digest"] or {}).items()), 4),
        "outputs": cut(list(document["outputs"].items()), limit.rows, lambda o: (o[0], _subject(o[1]))),
        "attachments": cut(list(attachments.items()), limit.rows, lambda a: (*a, link(a[1]))),
        "environment": cut(list(_flat(document["environment"])), limit.rows),
        "verify": _verify(document["subjects"]),
    }


@dataclass(frozen=True)
class Some:
    """The part of a list that is shown, and how long the rest is."""

    items: list[Any]
    more: int


def cut(items: Sequence[Any], most: int, show: Any = None) -> Some:
    """Keep the first `most` of a list, each as `show` makes it, and count the rest."""
    shown = items[:most]
    return Some([show(item) for item in shown] if show else list(shown), len(items) - len(shown))


def _rank(value: Any, order: Sequence[str]) -> int:
    return order.index(str(value)) if str(value) in order else len(order)


def _count(items: Sequence[Mapping[str, Any]], order: Sequence[str], key: str) -> list[tuple[str, int]]:
    counted = [(name, sum(str(item[key]) == name for item in items)) for name in order]
    return [(name, n) for name, n in counted if n]


def _why(verdict: str, checks: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> str:
    """Say in one sentence what led to the verdict: the worst finding that matters, else the worst check."""
    loud = _loud(findings)
    if verdict == "PASS":
        return f"{len(checks):,} {'check' if len(checks) == 1 else 'checks'} ran and held."
    worst = next((check for check in checks if check["verdict"] == verdict), None)
    if loud and (verdict != "INCONCLUSIVE" or worst is None):
        return str(loud[0]["message"])
    return _held(worst) if worst else "No check was recorded, so nothing was decided."


def _loud(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the findings that weigh on a verdict: MEDIUM and above."""
    return [f for f in findings if _rank(f["severity"], _HEAVIEST_FIRST) <= _rank("MEDIUM", _HEAVIEST_FIRST)]


def _held(check: Mapping[str, Any]) -> str:
    if check["value"] is None or check["comparator"] is None:
        return f"{check['id']}: {check['reason'] or 'could not be decided'}"
    measured = f"{check['id']} is {text.number(check['value'], 6)}"
    if check["verdict"] == "WARN" and check["reason"]:  # the value alone may be on the right side
        measured += f" ({check['reason']})"
    return f"{measured}; it should be {check['comparator']} {text.number(check['threshold'], 6)}."


def _todo(verdict: str, findings: Sequence[Mapping[str, Any]]) -> str:
    return next((str(f["fix"]) for f in _loud(findings) if f["fix"]), _NEXT[verdict])


def _groups(findings: Sequence[Mapping[str, Any]], most: int) -> Some:
    """Put findings of one severity and rule together, as many columns often share one cause."""
    shown = [{**f, "location": {**_NOWHERE, **f["location"]}} for f in findings[:most]]
    first: dict[tuple[str, str], int] = {}
    for place, finding in enumerate(shown):
        first.setdefault((finding["severity"], finding["rule"]), place)
    ordered = sorted(shown, key=lambda f: first[f["severity"], f["rule"]])
    groups = [
        _group(severity, rule, list(group))
        for (severity, rule), group in groupby(ordered, key=lambda f: (str(f["severity"]), str(f["rule"])))
    ]
    return Some(groups, len(findings) - len(shown))


def _group(severity: str, rule: str, members: list[Mapping[str, Any]]) -> dict[str, Any]:
    fixes = {finding["fix"] for finding in members}
    shared = fixes.pop() if len(members) > 1 and len(fixes) == 1 else ""
    return {"severity": severity, "rule": rule, "members": members, "fix": shared}


# --- Tables and metrics -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    text: str
    kind: str = "text"
    picture: Markup = _NOTHING


def _table(name: str, rows: Sequence[Mapping[str, Any]], limit: Limit, among: int) -> dict[str, Any]:
    for key, order in (("severity", _HEAVIEST_FIRST), ("verdict", _WORST_FIRST)):
        if rows and key in rows[0]:
            rows = sorted(rows, key=lambda row: _rank(row.get(key), order))
    columns = list(dict.fromkeys(key for row in rows[: limit.rows] for key in row))
    kept = columns[: limit.columns]
    room = _CELLS // max(min(among, limit.columns) * len(kept), 1)
    most = min(limit.rows, max(room, _FEWEST))
    shown = [{c: plain(row[c]) for c in kept if c in row} for row in rows[:most]]
    tops = {column: _top(column, [row.get(column) for row in shown]) for column in kept}
    return {
        "name": name,
        "columns": [_column(c, [row.get(c) for row in shown]) for c in kept],
        "rows": [[_cell(column, row.get(column, ""), tops[column]) for column in kept] for row in shown],
        "more_rows": len(rows) - len(shown),
        "more_columns": len(columns) - len(kept),
    }


def _column(name: str, values: Sequence[Any]) -> dict[str, Any]:
    pictures = (list(value) for value in values if figure.is_distribution(value))
    numeric = any(figure.finite(_bare(value)) is not None for value in values)
    return {"name": str(name), "kind": "num" if numeric else "text", "legend": next(pictures, [])}


def _bare(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def _top(column: str, values: Sequence[Any]) -> float | None:
    """Return what a full bar of a column stands for; None when its numbers are not drawn."""
    column = str(column).replace(" ", "_").lower()
    if column.endswith(("_share", "_score")) or column in ("share", "score"):
        return 1.0
    drawn = [v for v in values if isinstance(v, Mapping) and "value" in v]
    numbers = [figure.finite(x) for v in drawn for x in (v["value"], v.get("limit"))]
    if column.endswith("psi"):
        numbers += [_MUCH_PSI, *(figure.finite(v) for v in values)]
    return max((x for x in numbers if x is not None), default=None)


def _cell(column: str, value: Any, top: float | None) -> _Cell:
    if column in ("verdict", "severity") and str(value) in (*_WORST_FIRST, *_HEAVIEST_FIRST):
        return _Cell(str(value), "badge")
    if figure.is_distribution(value):
        return _Cell("", "picture", figure.distribution(value))
    if figure.is_trend(value):
        return _Cell("", "picture", figure.trend(value["trend"], figure.finite(value.get("limit"))))
    limit = None
    if isinstance(value, Mapping) and "value" in value:
        limit = figure.finite(value.get("limit"))
    value = _bare(value)
    drawn = figure.finite(value)
    if drawn is None:
        shown = text.number(value)
        return _Cell(shown, "short" if len(shown) <= _SHORT else "text")
    return _Cell(text.number(value), "num", figure.bar(drawn, top, limit) if top else _NOTHING)


def _metrics(metrics: Mapping[str, Any], limit: Limit) -> dict[str, Any]:
    """Split metrics into plain ones and nested ones; these are flattened, one fold each."""
    groups = {name: _by_name(value) for name, value in metrics.items()}
    plain = [(name, value) for name, value in metrics.items() if groups[name] is None]
    nested = [(name, group) for name, group in groups.items() if group is not None]
    return {
        "plain": cut(plain, limit.rows),
        "nested": cut(nested, limit.columns, lambda item: (item[0], _flat_cut(item[1], limit.rows))),
    }


def _by_name(value: Any) -> Mapping[str, Any] | None:
    """Return a nested metric by name; the members of a list of them by place, from 1."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return {str(place): one for place, one in enumerate(value, start=1)}
    return None


def _flat_cut(value: Mapping[str, Any], most: int) -> Some:
    total = sum(1 for _ in _flat(value))
    return Some(list(islice(_flat(value), most)), max(total - most, 0))


def _flat(value: Mapping[str, Any], before: str = "") -> Any:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{before}{name} · ")
        else:
            yield f"{before}{name}", inner


# --- Evidence ---------------------------------------------------------------------------------------


def _subject(subject: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": subject.get("name", ""),
        "uri": subject["uri"],
        "digests": cut(list(subject["digest"].items()), 4),
    }


def link(target: str) -> str:
    """Return a link to a file beside the page, or nothing when the name could lead anywhere else."""
    if target.startswith(("/", "\\")) or ".." in target.replace("\\", "/").split("/"):
        return ""
    return "./" + quote(target, errors="replace")


def _verify(subjects: Sequence[Mapping[str, Any]]) -> str:
    what = shlex.quote(str(subjects[0]["uri"])) if subjects else "ARTIFACT"
    signed = "--attestation attestation.json --key SIGNER.pub.pem"
    return f"lockgate verify-artifact --artifact {what} {signed} --out verified"


def _seconds(started: str, finished: str) -> str:
    try:
        first, last = (datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (started, finished))
    except ValueError:
        return ""
    return f"{max((last - first).total_seconds(), 0):.1f} s"
