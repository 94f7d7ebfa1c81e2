"""Turn what a model gives away into checks, findings, tables and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lockgate.outcome import Check, Location, Outcome, Severity, Verdict
from lockgate.privacy.attributes import Guessed
from lockgate.privacy.budget import Budget
from lockgate.privacy.intervals import Rate, rate_at
from lockgate.privacy.inversion import Inverted
from lockgate.privacy.membership import CONFIDENCE, Ranking
from lockgate.report.picture import Axis, Curves, Images, Series

THREAT = "model-inversion"
_SUBJECT = "model"
_FPRS = (0.001, 0.01)
_SHOWN = 20
_LOWEST = 1e-3
_ART = "art-black-box"


@dataclass(frozen=True)
class Attacked:
    """The rows that the membership attacks ranked.

    Attributes:
        member: Whether each is a training row; bool array.
        keys: What each is called.
        ranking: What the attacks said.
        art: Scores of the Adversarial Robustness Toolbox and the places of the rows they are of, or None.
    """

    member: Any
    keys: Sequence[int | str]
    ranking: Ranking
    art: tuple[Any, Any] | None = None


def judge_membership(outcome: Outcome, attacked: Attacked, most: float) -> None:
    """Hold the true-positive rate at 1 % false positives, by its interval, against the threshold."""
    ranking, member = attacked.ranking, attacked.member
    rows: list[Mapping[str, Any]] = []
    for name, scores, who in _every(attacked):
        rates = [rate_at(scores[who], scores[~who], fpr) for fpr in _FPRS]
        rows.append(
            {
                "attack": name,
                "found at 0.1 %": rates[0].tpr if rates[0].settled else None,
                "found at 1 %": rates[1].tpr,
                "from": rates[1].low,
                "to": rates[1].high,
                "AUC": auc(scores, who),
                "on shadow models": ranking.on_shadows.get(name),
                "rows": len(who),
            }
        )
    outcome.tables["Membership attacks"] = rows
    scores = ranking.scores[ranking.chosen]
    judged = [rate_at(scores[member], scores[~member], fpr) for fpr in _FPRS]
    outcome.metrics["membership"] = {
        "attack": ranking.chosen,
        "members": int(member.sum()),
        "non_members": int((~member).sum()),
        "auc": auc(scores, member),
        "tpr_at_1pct_fpr_on_shadow_models": ranking.on_shadows[ranking.chosen],
        **{f"tpr_at_{_named(rate.fpr)}_fpr": _numbers(rate) for rate in judged},
        "all": {row["attack"]: {"tpr_at_1pct_fpr": row["found at 1 %"], "auc": row["AUC"]} for row in rows},
    }
    outcome.pictures["Membership"] = _roc(attacked)
    _verdict(outcome, attacked, judged[1], most)


def _verdict(outcome: Outcome, attacked: Attacked, rate: Rate, most: float) -> None:
    name, member = "membership-tpr-at-1pct-fpr", attacked.member
    scores = attacked.ranking.scores[attacked.ranking.chosen]
    if not rate.settled:
        why = (
            f"{int((~member).sum())} rows that the model was not trained on are too few for 1 "
            "% of them; give 100"
        )
        outcome.cannot(name, why, most, "<=")
        return
    said = (
        f"95 % interval {rate.low:.3f} to {rate.high:.3f}, {attacked.ranking.chosen}, "
        f"{int(member.sum())} members and {int((~member).sum())} others"
    )
    outcome.facts["Members found at 1 % false positives"] = f"{rate.tpr:.1%}, {said}"
    # As in test-robustness: a gate must not open on luck, so only the whole interval passes.
    verdict = Verdict.FAIL if rate.tpr > most else Verdict.PASS if rate.high <= most else Verdict.WARN
    outcome.checks.append(Check(name, verdict, rate.tpr, "<=", most, said))
    if verdict is Verdict.PASS:
        return
    ranked = sorted(scores[~member])[::-1]
    limit = ranked[min(int(rate.fpr * len(ranked) + 1e-9), len(ranked) - 1)]
    order = (-scores).argsort(kind="stable")
    driving = [attacked.keys[at] for at in order if member[at] and scores[at] > limit]
    fails = verdict is Verdict.FAIL
    outcome.find(
        "LG-PRIVACY-001",
        Severity.HIGH if fails else Severity.MEDIUM,
        f"Whoever may ask the model finds {rate.tpr:.1%} of its training rows at 1 % false "
        f"positives ({said}), "
        + (f"above the threshold {most:.1%}." if fails else f"too close to {most:.1%} to tell."),
        subject="train",
        location=Location(rows=tuple(driving[:_SHOWN])),
        count=len(driving),
        threat=THREAT,
        fix="Regularise the model (shallower trees, larger leaves, weight decay, earlier "
        "stopping), train with "
        "differential privacy, or answer with labels only; start with the rows that are named."
        if fails
        else "Give more rows that the model was not trained on, and raise attack_rows.",
        check=name,
    )


def judge_attributes(
    outcome: Outcome, guesses: Sequence[Guessed | str], columns: Sequence[str], most: float
) -> None:
    """Hold what training gave away about hidden columns against the threshold."""
    rows: list[Mapping[str, Any]] = []
    for column, found in zip(columns, guesses, strict=True):
        check = f"attribute-gap:{column}"
        if isinstance(found, str):
            outcome.cannot(check, found, most, "<=")
            continue
        said = f"95 % interval {found.low:.3f} to {found.high:.3f} from {found.rows} training rows"
        verdict = Verdict.FAIL if found.gap > most else Verdict.PASS if found.high <= most else Verdict.WARN
        outcome.checks.append(Check(check, verdict, found.gap, "<=", most, said))
        rows.append(
            {
                "column": column,
                "values": found.values,
                "training rows": found.members,
                "other rows": found.others,
                "without model, training": found.base_members,
                "without model, other": found.base_others,
                "gap": found.gap,
                "from": found.low,
                "to": found.high,
            }
        )
        if verdict is not Verdict.PASS:
            fails = verdict is Verdict.FAIL
            outcome.find(
                "LG-PRIVACY-002",
                Severity.HIGH if fails else Severity.MEDIUM,
                f"The model helps to guess column {column!r} of its training rows by "
                f"{found.gap:.1%} more than of "
                f"other rows ({said}), " + ("above the threshold." if fails else "too close to it to tell."),
                subject="train",
                location=Location(column=column),
                count=found.rows,
                threat=THREAT,
                fix="Leave the column out of the model, regularise it, or train with differential privacy.",
                check=check,
            )
    if rows:
        outcome.tables["Hidden columns guessed"] = rows
        outcome.metrics["attribute_gap"] = {row["column"]: row["gap"] for row in rows}


def judge_budget(outcome: Outcome, budget: Budget, most: float, rows: int) -> None:
    """Hold the recomputed epsilon against the threshold, and what was claimed against it."""
    private = math.isfinite(budget.epsilon)
    outcome.metrics["privacy_budget"] = {
        "record": budget.source,
        "mechanism": budget.mechanism,
        "epsilon": budget.epsilon if private else "infinite",
        "delta": budget.delta,
        "renyi_order": budget.order,
        "entries": budget.entries,
        "steps": budget.steps,
        "claimed_epsilon": budget.claimed,
    }
    shown = f"{budget.epsilon:.3g}" if private else "infinite"
    outcome.facts["Privacy budget"] = (
        f"epsilon {shown} at delta {budget.delta:.1e}, recomputed from {budget.source}'s record"
    )
    said = (
        "an upper bound by Rényi accounting" if budget.source == "opacus" else "an upper bound by composition"
    )
    value: float | str = budget.epsilon if private else "infinite"
    verdict = Verdict.PASS if private and budget.epsilon <= most else Verdict.FAIL
    outcome.checks.append(Check("epsilon", verdict, value, "<=", most, said))
    if verdict is Verdict.FAIL:
        outcome.find(
            "LG-PRIVACY-005",
            Severity.HIGH,
            f"Training spent epsilon {shown} at delta {budget.delta:.1e}, more than the {most:g} "
            "that are allowed.",
            subject="accountant",
            threat=THREAT,
            fix="Train with more noise, fewer steps or smaller batches.",
            check="epsilon",
        )
    if budget.understated:
        outcome.find(
            "LG-PRIVACY-006",
            Severity.HIGH,
            f"The record claims epsilon {budget.claimed:.4g}, and its own steps give {shown} by "
            "the same accounting.",
            subject="accountant",
            threat=THREAT,
            fix="Find out who wrote the claim, and use what is recomputed here.",
            check="epsilon",
        )
    if budget.delta > 1 / rows:
        outcome.find(
            "LG-PRIVACY-007",
            Severity.MEDIUM,
            f"Delta is {budget.delta:.1e}, more than one in {rows:,} training rows: a training "
            "that publishes one "
            "whole row would be allowed by it.",
            subject="accountant",
            threat=THREAT,
            fix="Ask for a delta well below one divided by the number of training rows.",
        )


def judge_duplicates(
    outcome: Outcome, train: Any, found: Any, memorised: Any, most: float, test: Any
) -> None:
    """Record repeated rows; warn about memorised ones, and about a test that was trained on."""
    repeated, shared = float(found.repeated.mean()), float(found.shared.mean())
    outcome.metrics["duplicates"] = {
        "training_rows_repeated": int(found.repeated.sum()),
        "repeated_and_memorised": int(memorised.sum()),
        "test_rows_equal_to_a_training_row": int(found.shared.sum()),
        "test_rows_near_a_training_row": int(found.near.sum()),
    }
    share = float(memorised.sum()) / len(memorised)
    if not outcome.check(
        "memorised-duplicates", value=share, comparator="<=", threshold=most, failing=Verdict.WARN
    ):
        at = memorised.nonzero()[0]
        outcome.find(
            "LG-PRIVACY-003",
            Severity.MEDIUM,
            f"The model is sure of {len(at)} repeated training rows whose label similar rows "
            "contradict: it knows them by heart.",
            subject="train",
            location=Location(rows=tuple(train.keys[i] for i in at[:_SHOWN])),
            count=len(at),
            threat=THREAT,
            fix="Keep each row once before training.",
            check="memorised-duplicates",
        )
    if shared - repeated > _EXCESS:
        at = found.shared.nonzero()[0]
        outcome.find(
            "LG-PRIVACY-004",
            Severity.MEDIUM,
            f"{shared:.1%} of the test rows equal a training row, and {repeated:.1%} of the "
            "training rows equal another one: rows of the test were trained on.",
            subject="test",
            location=Location(rows=tuple(test.keys[i] for i in at[:_SHOWN])),
            count=len(at),
            threat=THREAT,
            fix="Split again; rows of the test that are in the training data were left out here.",
        )


_EXCESS = 0.05  # of the test rows; rows of coarse tables are alike by chance, on both sides as often


def show_inversion(outcome: Outcome, found: Sequence[Inverted]) -> None:
    """Show what classes look like to the model; no threshold is known for it, so nothing is judged."""
    outcome.pictures["What the model shows of each class"] = Images(
        [(f"{one.label} · {one.certainty:.0%} sure", one.picture.tolist()) for one in found],
        says="Found by asking the model alone. Where one person is a class, this is what "
        "anybody can learn of them.",
    )
    outcome.metrics["inversion"] = {
        "classes": len(found),
        "mean_likeness_to_class_mean": sum(one.likeness for one in found) / max(len(found), 1),
    }
    outcome.tables["Inversion"] = [
        {"class": str(one.label), "certainty": one.certainty, "likeness to class mean": one.likeness}
        for one in found
    ]


def auc(scores: Any, member: Any) -> float:
    """Return the chance that a member scores above another row, ties are half (Mann and Whitney 1947)."""
    import numpy as np

    others = np.sort(scores[~member])
    below = np.searchsorted(others, scores[member], side="left").sum()
    upto = np.searchsorted(others, scores[member], side="right").sum()
    return float((int(below) + int(upto)) / (2 * int(member.sum()) * len(others)))


def _every(attacked: Attacked) -> list[tuple[str, Any, Any]]:
    ranked = [(name, scores, attacked.member) for name, scores in attacked.ranking.scores.items()]
    ranked.sort(key=lambda each: (each[0] != attacked.ranking.chosen, each[0] == CONFIDENCE))
    if attacked.art is not None:
        scores, at = attacked.art
        ranked.append((_ART, scores, attacked.member[at]))
    return ranked


def _roc(attacked: Attacked) -> Curves:
    import numpy as np

    series = []
    shown = _drawn(attacked.ranking.chosen)
    for name, scores, member in _every(attacked):
        if name not in shown:
            continue
        others, mine = np.sort(scores[~member])[::-1], np.sort(scores[member])
        at = np.unique(np.geomspace(1, len(others), 80).astype(int)) - 1
        found = len(mine) - np.searchsorted(mine, others[at], side="right")
        points = [(float(k) / len(others), float(f) / len(mine)) for k, f in zip(at, found, strict=True)]
        points = [(max(x, _LOWEST), max(y, _LOWEST)) for x, y in points]
        chosen = name == attacked.ranking.chosen
        band = []
        if chosen:
            rates = [
                rate_at(scores[member], scores[~member], fpr) for fpr in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
            ]
            band = [
                (rate.fpr, max(rate.low, _LOWEST), max(rate.high, _LOWEST)) for rate in rates if rate.settled
            ]
        series.append(Series(name, points, band, aside=name in (CONFIDENCE, _ART)))
    series.append(Series("guessing", [(_LOWEST, _LOWEST), (1.0, 1.0)], aside=True))
    return Curves(
        Axis("false positives", _LOWEST, 1.0, log=True),
        Axis("training rows found", _LOWEST, 1.0, log=True),
        series,
        says="The further a line lies above guessing at the left, the more training rows can be "
        "named for sure. "
        f"The band is the 95 % interval of {attacked.ranking.chosen}, which judges the model.",
    )


def _drawn(chosen: str) -> tuple[str, ...]:
    """Return which attacks are drawn: what judges, two others and what they are compared with."""
    others = [name for name in ("lira-online", "rmia-online", "combined") if name != chosen]
    return (chosen, *others[:2], CONFIDENCE, _ART)


def _numbers(rate: Rate) -> dict[str, Any]:
    if not rate.settled:
        return {"tpr": None, "interval_low": None, "interval_high": None}
    return {"tpr": rate.tpr, "interval_low": rate.low, "interval_high": rate.high}


def _named(fpr: float) -> str:
    return f"{fpr * 100:g}pct".replace(".", "_")
