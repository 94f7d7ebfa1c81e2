"""Turn what the attacks left into checks, findings, tables and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.report.picture import Axis, Curves, Series
from lockgate.robustness.curve import Point
from lockgate.robustness.measured import Measured, Tally
from lockgate.robustness.threat import Threat

THREAT = "adversarial-examples"
_SUBJECT = "model"
_FEWEST = 30  # attacked rows; below, an interval is wider than a third of the scale
_SHOWN = 20
_COLUMNS = 50  # in the table of those that were changed
_MASKED = 0.1  # share of what broke that the gradient did not find
_MASKED_ROWS = 5
_NOTHING = "nothing that the model reads can move under this threat: there is nothing to attack"
_STOPPED = {
    "rows": "attack_rows is used up",
    "seconds": "cpu_seconds are used up",
}


def judge_attack(outcome: Outcome, found: Measured, keys: list[Any], least: float, check: str) -> None:
    """Hold the accuracy under attack, by its interval, against the least share that is wanted.

    PASS when the whole interval reaches it, FAIL when the share does not, WARN in between. When the budget
    was used up before the interval was as narrow as asked, it is a FAIL only when the whole interval is
    below, and INCONCLUSIVE otherwise.
    """
    low, high = found.bounds
    said = f"95 % interval {low:.3f} to {high:.3f} from {found.rows} of {found.total} rows"
    if found.stopped == "all rows":
        said = f"all {found.total} rows attacked, so that nothing is left to chance"
    outcome.facts[f"Under {found.domain.threat.name}"] = f"{found.share:.1%} stay right, {said}"
    if found.rows < _FEWEST:
        why = f"{found.rows} attacked rows are too few to judge by, at least {_FEWEST} are needed"
        outcome.cannot(check, why, least, ">=")
        return
    if not found.settled and high >= least:
        why = (
            f"{_STOPPED[found.stopped]} before the interval was as narrow as asked: {found.share:.1%}, {said}"
        )
        outcome.checks.append(Check(check, Verdict.INCONCLUSIVE, found.share, ">=", least, why))
        return
    verdict = Verdict.PASS if low >= least else Verdict.WARN if found.share >= least else Verdict.FAIL
    outcome.checks.append(Check(check, verdict, found.share, ">=", least, said))
    if verdict is Verdict.PASS:
        return
    fails = verdict is Verdict.FAIL
    fallen = _fallen(found, keys)
    outcome.find(
        "LG-ROBUST-001",
        Severity.HIGH if fails else Severity.MEDIUM,
        f"Under {found.domain.threat.name} {found.share:.1%} of the rows stay right ({said}), "
        + (f"below the threshold {least:.1%}." if fails else f"too close to {least:.1%} to tell."),
        subject=_SUBJECT,
        location=Location(rows=tuple(fallen[:_SHOWN])),
        count=len(fallen),
        threat=THREAT,
        fix="Train on moved rows, smooth or regularise the model, or drop columns that a caller can set."
        if fails
        else "Ask for more precision, with a smaller precision, or give more rows.",
        check=check,
    )


def judge_masking(outcome: Outcome, found: Measured) -> None:
    """Find a gradient that hides how weak a model is: attacks without it break what those with it do not.

    Athalye, Carlini and Wagner 2018 (arXiv:1802.00420), section 3.1.
    """
    if not found.gradients:
        return
    inside = sum(t.broke for t in found.attacks.values() if t.white_box)
    outside = sum(t.broke for t in found.attacks.values() if not t.white_box)
    if outside < _MASKED_ROWS or outside <= _MASKED * (inside + outside):
        return
    name = found.domain.threat.name
    outcome.find(
        "LG-ROBUST-005",
        Severity.MEDIUM,
        f"Under {name} the model's gradient led to {inside} of the {inside + outside} rows "
        f"that broke, and attacks that see answers alone broke the other {outside}: the gradient is masked, "
        "and tests that rely on it flatter the model.",
        subject=_SUBJECT,
        count=outside,
        threat=THREAT,
        fix="Trust attacks by answers for this model, and look for saturated or discrete layers in it.",
    )


def _then(tally: Tally) -> str:
    if tally.given_up:
        return "given up: it broke next to nothing on the first rows"
    return f"spared {tally.spared} that were searched by reading the model" if tally.spared else ""


def record(outcome: Outcome, found: Measured, points: list[Point]) -> dict[str, Any]:
    """Record tables and the picture of one threat, and return its metrics."""
    threat = found.domain.threat
    low, high = found.bounds
    holding = int((found.right & found.certified & ~found.broken).sum())
    outcome.tables[f"Attacks: {threat.name}"] = [
        {
            "attack": name,
            "how": tally.finds,
            "rows tried": tally.tried,
            "broke": tally.broke,
            "queries a row": round(tally.queries / tally.tried, 1) if tally.tried else 0.0,
            "then": _then(tally),
        }
        for name, tally in found.attacks.items()
    ]
    changed = _changed(found)
    if changed:
        outcome.tables[f"Changed columns: {threat.name}"] = changed
    if points:
        outcome.pictures[f"Accuracy: {threat.name}"] = _picture(threat, found, points)
    return {
        "threat": threat.says,
        "accuracy": found.share,
        "interval_low": low,
        "interval_high": high,
        "rows": found.rows,
        "rows_in_data": found.total,
        "stopped": found.stopped,
        "clean_accuracy_of_these_rows": int(found.right.sum()) / found.rows,
        "broken": int(found.broken.sum()),
        "broken_by": {name: tally.broke for name, tally in found.attacks.items()},
        "proven_to_hold": holding,
        "queries_per_row_mean": int(found.queries.sum()) / found.rows,
        "rows_out_of_queries": found.spent,
        "rows_impossible_unmoved": int(found.impossible.sum()),
        "median_changed_features": _median_changed(found),
        "inferred": list(_inferred(found)),
        "curve": [{"size": p.size, "accuracy": p.share, "low": p.low, "high": p.high} for p in points],
    }


def describe(outcome: Outcome, found: Measured) -> None:
    """Say in the head of the report what could move, and what was taken from the data."""
    domain: Any = found.domain
    said = domain.threat.says
    inferred = _inferred(found)
    if hasattr(domain, "features"):
        said += f"; {len(domain.features)} features can change"
    if inferred:
        said += f"; inferred from the data: {', '.join(inferred)}"
    outcome.facts[f"Threat {domain.threat.name}"] = said


def nothing_to_attack(outcome: Outcome, least: float, check: str) -> None:
    """Say that a threat moves nothing that the model reads."""
    outcome.cannot(check, _NOTHING, least, ">=")


# --- Parts ------------------------------------------------------------------------------------------


def _fallen(found: Measured, keys: list[Any]) -> list[Any]:
    import numpy as np

    return sorted((keys[i] for i in np.flatnonzero(found.broken)), key=lambda k: (isinstance(k, str), k))


def _inferred(found: Measured) -> tuple[str, ...]:
    possible = getattr(found.domain, "possible", None)
    return tuple(getattr(possible, "inferred", ()))


def _median_changed(found: Measured) -> float | None:
    domain: Any = found.domain
    if not hasattr(domain, "changed") or not len(found.points):
        return None
    counts = sorted(domain.changed(found.points, found.origins).sum(axis=1).tolist())
    return float(counts[len(counts) // 2])


def _changed(found: Measured) -> list[Mapping[str, Any]]:
    """Count in how many of the broken rows each feature was changed, those that were changed most first."""
    domain: Any = found.domain
    if not hasattr(domain, "changed") or not len(found.points):
        return []
    counts = domain.changed(found.points, found.origins).sum(axis=0).tolist()
    rows: list[dict[str, Any]] = [
        {
            "column": feature.name,
            "kind": feature.kind,
            "broken rows with a change": int(count),
            "share": count / len(found.points),
        }
        for feature, count in zip(domain.features, counts, strict=True)
        if count
    ]
    return list(sorted(rows, key=lambda r: (-r["broken rows with a change"], r["column"]))[:_COLUMNS])


def _picture(threat: Threat, found: Measured, points: list[Point]) -> Curves:
    unit = {"std": "standard deviations", "range": "share of the range", "raw": "own unit"}[threat.unit]
    label = "features changed" if threat.norm == "l0" else f"eps, {unit}"
    low, high = found.bounds
    return Curves(
        Axis(label, high=max(p.size for p in points)),
        Axis("share of rows that stay right"),
        [
            Series(
                f"{points[0].rows} rows, every attack that is quick",
                [(p.size, p.share) for p in points],
                [(p.size, p.low, p.high) for p in points],
            ),
            Series(
                f"all attacks, {found.rows} rows",
                [(0.0, found.share), (threat.size, found.share)],
                [(threat.size, low, high)],
                aside=True,
            ),
        ],
        "Accuracy left by moves of growing size; bands are 95 % intervals.",
    )
