"""Turn what thefts and fingerprints reached into checks, findings, tables and a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.extraction import fingerprint as prints
from lockgate.extraction.fidelity import Stolen
from lockgate.extraction.outputs import Output
from lockgate.outcome import Check, Outcome, Severity, Verdict
from lockgate.report.picture import Axis, Curves, Series
from lockgate.robustness.stress import intervals

THREAT = "model-extraction"
_NOTICED = 0.5  # of the copies that try a fingerprint
_FEWEST = 100  # rows, below which an interval is wider than a fifth of the scale


def judge_theft(
    outcome: Outcome, stolen: Sequence[Stolen], output: Output, budget: int, most: float, alone: float
) -> None:
    """Hold the fidelity of the best copy against the threshold.

    Args:
        outcome: Where to record it.
        stolen: Every theft.
        output: What the service lets out.
        budget: The most questions.
        most: The threshold.
        alone: Fidelity of a model that was trained without asking.
    """
    best = _best(stolen)
    outputs = list(dict.fromkeys(each.output for each in stolen))
    budgets = sorted({each.queries for each in stolen})
    rows: list[Mapping[str, Any]] = [
        {
            "answers": each,
            **{f"{n} queries": best[each, n].fidelity for n in budgets},
            "best strategy": best[each, budgets[-1]].strategy,
            "queries within threshold": _within(best, each, budgets, most),
        }
        for each in outputs
    ]
    outcome.tables["Fidelity of the best copy"] = rows
    outcome.tables["Every theft"] = [
        {
            "answers": s.output,
            "strategy": s.strategy,
            "queries": s.queries,
            "fidelity": s.fidelity,
            **dict(zip(("from", "to"), intervals.share(s.agreed, s.rows), strict=True)),
        }
        for s in stolen
    ]
    outcome.metrics["fidelity"] = {
        each: {str(n): best[each, n].fidelity for n in budgets} for each in outputs
    }
    outcome.metrics["fidelity_without_asking"] = alone
    outcome.pictures["Fidelity by number of queries"] = _curves(stolen, outputs, budgets)
    worst = best[output, budget]
    low, high = intervals.share(worst.agreed, worst.rows)
    said = (
        f"95 % interval {low:.3f} to {high:.3f} from {worst.rows} rows, {worst.strategy} queries; "
        f"{alone:.3f} without asking"
    )
    outcome.facts[f"Copied by {budget} queries"] = f"{worst.fidelity:.1%}, {said}"
    if worst.rows < _FEWEST:
        outcome.cannot(
            "fidelity", f"{worst.rows} held-out rows are too few, at least {_FEWEST} are needed", most, "<="
        )
        return
    verdict = Verdict.FAIL if worst.fidelity > most else Verdict.PASS if high <= most else Verdict.WARN
    outcome.checks.append(Check("fidelity", verdict, worst.fidelity, "<=", most, said))
    if verdict is Verdict.PASS:
        return
    fails = verdict is Verdict.FAIL
    kept = max(((_within(best, each, budgets, most), each) for each in outputs), default=(0, output))
    fix = (
        f"Answer with {kept[1]} and allow {kept[0]} queries, within which no copy was that good."
        if kept[0]
        else "No output tried here holds at any number of queries: limit and watch who asks, and fingerprint "
        "the model."
    )
    outcome.find(
        "LG-EXTRACT-001",
        Severity.HIGH if fails else Severity.MEDIUM,
        f"With {budget} queries answered by {output} a copy agrees with the model on "
        f"{worst.fidelity:.1%} of the "
        f"rows ({said}), "
        + (f"above the threshold {most:.1%}." if fails else f"too close to {most:.1%} to tell."),
        subject="model",
        threat=THREAT,
        fix=fix if fails else "Give more rows.",
        check="fidelity",
    )
    if alone > most:
        outcome.find(
            "LG-EXTRACT-002",
            Severity.LOW,
            f"A model trained on the same number of own labelled rows agrees on {alone:.1%} "
            "without asking anything: "
            "no limit on queries prevents that.",
            subject="model",
            threat=THREAT,
            fix="Raise max_fidelity above it, or leave this check to models that are harder to train.",
        )


def judge_fingerprint(outcome: Outcome, found: prints.Fingerprint, tried: Sequence[float]) -> None:
    """Say whether a fingerprint will know copies.

    Args:
        outcome: Where to record it.
        found: The fingerprint.
        tried: The p values of copies that had no part in making it.
    """
    size, alone = len(found.labels), prints.chance(found, len(found.labels))
    usual = {name: sum(group) / (len(group) * found.asked) for name, group in found.agreements.items()}
    noticed = sum(p <= prints.NOTICED for p in tried)
    outcome.metrics["fingerprint"] = {
        "rows": size,
        "independent_models": {name: len(group) for name, group in found.agreements.items()},
        "mean_agreement_of_independent_models": usual,
        "p_value_of_the_model_itself": alone,
        "p_values_of_copies": list(tried),
        "answers_sha256": hashlib.sha256("\n".join(map(str, found.labels)).encode()).hexdigest(),
    }
    said = (
        f"{noticed} of {len(tried)} copies made to try it are noticed; independent models agree on "
        f"{min(usual.values()):.0%} to {max(usual.values()):.0%} of the rows, by kind"
    )
    outcome.facts["Fingerprint"] = f"{size} made-up rows; {said}"
    if alone > prints.ALPHA:
        outcome.cannot(
            "fingerprint",
            "independent models answer so much like this one that not even its own answers would show a copy",
        )
    elif outcome.check(
        "fingerprint",
        value=noticed / len(tried) if tried else None,
        comparator=">=",
        threshold=_NOTICED,
        failing=Verdict.WARN,
        reason=said,
    ):
        return
    outcome.find(
        "LG-EXTRACT-003",
        Severity.LOW,
        f"The fingerprint hardly tells copies from independent models: {said}.",
        subject="fingerprint",
        threat=THREAT,
        fix="Give more rows or more fingerprint_rows, or rely on who may ask the model and how often.",
        check="fingerprint",
    )


def _best(stolen: Sequence[Stolen]) -> dict[tuple[Output, int], Stolen]:
    best: dict[tuple[Output, int], Stolen] = {}
    for each in stolen:
        key = (each.output, each.queries)
        if key not in best or each.agreed > best[key].agreed:
            best[key] = each
    return best


def _within(
    best: Mapping[tuple[Output, int], Stolen], output: Output, budgets: Sequence[int], most: float
) -> int:
    """Return the largest number of queries up to which every copy is within the threshold; 0 if none is."""
    held = 0
    for budget in budgets:
        if best[output, budget].fidelity > most:
            break
        held = budget
    return held


def _curves(stolen: Sequence[Stolen], outputs: Sequence[Output], budgets: Sequence[int]) -> Curves:
    best = _best(stolen)
    series = []
    for output in outputs:
        found = [best[output, n] for n in budgets]
        band = (
            [(s.queries, *intervals.share(s.agreed, s.rows)) for s in found] if output == outputs[0] else []
        )
        series.append(Series(output, [(s.queries, s.fidelity) for s in found], band))
    lowest = min(s.fidelity for s in best.values())
    floor = max(int(lowest * 10 - 0.5) / 10, 0.0)
    return Curves(
        Axis("queries", float(budgets[0]), float(max(budgets[-1], budgets[0] + 1)), log=True),
        Axis("rows on which the copy agrees", floor, 1.0),
        series,
        says=f"The best copy by what is answered. The band is the 95 % interval for {outputs[0]}.",
    )
