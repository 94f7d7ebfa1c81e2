"""Weigh the labels of a batch against the reference, together with the batches before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.retraining.betting import WORTH, Account, threshold
from lockgate.retraining.planted import GROWN

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.retraining.places import Found, Place
    from lockgate.retraining.surprise import Watched

_ELSEWHERE = 0.3
"""A concept of a group it is not when labels elsewhere are wrong at this part of its rate, or more."""
_SHOWN = 12
_NAMED = 5
_COPIED, _WRONG = (
    "Rows were copied, or made alike, beyond chance",
    "Labels contradict the reference beyond chance",
)
_SETTLED = -1.0  # nats; places with less need no account, since a new one would stand better


@dataclass(frozen=True)
class Weighed:
    """What the labels say.

    Attributes:
        accounts: The evidence with this batch, by place.
        strongest: The strongest of it, in units of its own threshold.
        attack: Whether it looks like an attack.
        audit: Whether it looks like a concept that changed in some group of rows.
        other_rates: Whether classes come at other rates, which accounts for labels that look wrong.
    """

    accounts: Mapping[Place, Account] = field(default_factory=dict)
    strongest: float = 0.0
    attack: bool = False
    audit: bool = False
    other_rates: bool = False


def weigh_labels(
    outcome: Outcome,
    before: pa.Table,
    now: pa.Table,
    *,
    label: str,
    source: str | None,
    leave_out: Collection[str],
    moved: Collection[str],
    known: Mapping[Place, Account],
    again: bool,
    history: tuple[float, ...],
    alpha: float,
    seed: int,
) -> Weighed:
    """Record what the labels say, of this batch and of those before it.

    Args:
        outcome: Takes checks, findings, metrics and tables.
        before: The reference.
        now: The batch.
        label: Column with the class of each row.
        source: Column that says where a row came from, or None.
        leave_out: Columns that the models do not use.
        moved: Columns that have drifted; what contradicts them alone counts for no label all over the batch.
        known: The evidence of the batches before.
        again: Whether this batch is in it already.
        history: The strongest evidence after each batch before.
        alpha: Chance of a false alarm; see `lockgate.retraining.betting`.
        seed: Seed of the models.
    """
    from lockgate.retraining import foresight
    from lockgate.retraining.cells import as_without, look
    from lockgate.retraining.surprise import watch

    # A column that one table lacks is no feature, and neither is the source.
    out = {*leave_out, *(set(before.column_names) ^ set(now.column_names)), *([source] if source else [])}
    if not set(now.column_names) - out - {label}:
        outcome.cannot("labels", "no column is left that a model could learn from")
        return Weighed(known, history[-1] if history else 0.0)
    watched = watch(before, now, label=label, leave_out=out, seed=seed)
    if isinstance(watched, str):
        outcome.cannot("labels", watched)
        return Weighed(known, history[-1] if history else 0.0)
    sources = _texts(now, source), _texts(before, source)
    found = look(watched, *sources, known)
    if moved and set(now.column_names) - out - {label, *moved}:
        without = watch(before, now, label=label, leave_out={*out, *moved}, seed=seed)
        found = found if isinstance(without, str) else as_without(found, watched, without)
    accounts = dict(known) if again else _together(known, found)
    limits = {place: threshold(found.weights[place[0]], alpha) for place in accounts}
    raised = sorted(
        (p for p, a in accounts.items() if a.log_evidence >= limits[p]),
        key=lambda p: (-accounts[p].log_evidence / limits[p], p),
    )
    strongest = max((a.log_evidence / limits[p] for p, a in accounts.items()), default=0.0)
    attack, audit = _read(raised, accounts, watched)
    _record(outcome, raised, accounts, attack=attack, audit=audit)
    outcome.metrics["labels"] = {
        "rows_judged": len(watched.batch.rows),
        "surprise_reference": watched.usual,
        "surprise_batch": watched.now,
        "strongest_evidence": strongest,
        "places_alarmed": len(raised),
    }
    outcome.tables["Evidence over batches (1 is an alarm)"] = _table(
        accounts, limits, (*history, *([] if again else [strongest]))
    )
    if not raised:
        mine, theirs = (
            None if names is None else names[side.rows]
            for names, side in zip(sources, (watched.batch, watched.reference), strict=True)
        )
        foresight.record(outcome, foresight.foresee(watched, mine, theirs, found, alpha=alpha, seed=seed))
    return Weighed(accounts, strongest, bool(attack), audit is not None, watched.other_rates)


def _texts(table: pa.Table, column: str | None) -> Any:
    import numpy as np

    if column is None or column not in table.column_names:
        return None
    return np.array([None if v is None else str(v) for v in table.column(column).to_pylist()], dtype=object)


def _together(known: Mapping[Place, Account], found: Found) -> dict[Place, Account]:
    accounts = dict(known)
    for place, account in found.accounts.items():
        accounts[place] = accounts[place].and_then(account) if place in accounts else account
    return {
        place: account
        for place, account in accounts.items()
        if place[0] in ("all", "labels", "source")
        or account.log_evidence > (WORTH / 2 if place[0] in ("planted", "crowd") else _SETTLED)
    }


def _read(
    raised: list[Place], accounts: Mapping[Place, Account], watched: Watched
) -> tuple[list[Place], Place | None]:
    """Tell an attack from a concept that changed in one group.

    Whoever sends labels, or plants a value, shows as a source or as a value that has grown. Where a
    value that is as frequent as ever holds most of what surprises, its group may have changed indeed;
    from the data alone nobody can tell that from a relabelled group, so its labels have to be audited.
    """
    from lockgate.retraining.groups import rows_of

    values = [p for p in raised if p[0] in ("value", "values")]
    attack = [p for p in raised if p not in values or accounts[p].grown >= GROWN]
    if not values or accounts[values[0]].grown >= GROWN or any(p[0] == "source" for p in raised):
        return attack, None  # what is strongest was planted, and other values only share rows with it
    group = next(p for p in values if accounts[p].grown < GROWN)
    mine = rows_of(watched, group)
    inside, outside = (watched.batch.replaced_share(rows, watched.usual) for rows in (mine, ~mine))
    if outside > _ELSEWHERE * inside:
        return attack or [group], None
    return [], group


def _record(
    outcome: Outcome,
    raised: list[Place],
    accounts: Mapping[Place, Account],
    *,
    attack: list[Place],
    audit: Place | None,
) -> None:
    failed = bool(attack) or audit is not None
    outcome.check(
        "labels", value=len(raised) if failed else 0, comparator="==", threshold=0, failing=Verdict.FAIL
    )
    if audit is not None:
        outcome.find(
            "LG-RETRAIN-007",
            Severity.HIGH,
            f"Hold for a label audit: {_said(audit, accounts[audit])}. The group is as frequent as before, "
            "so its labels may have changed for good, or were changed by somebody.",
            subject="current",
            count=accounts[audit].rows,
            threat="data-poisoning",
            check="labels",
            fix="Have some of these rows labelled again by somebody else, and train only if they agree.",
        )
        return
    for place in attack[:_NAMED]:
        account = accounts[place]
        trigger = place[0] == "planted" or (place[0] in ("value", "values") and account.grown >= GROWN)
        outcome.find(
            "LG-RETRAIN-006" if trigger else "LG-RETRAIN-005",
            Severity.CRITICAL,
            f"{_COPIED if place[0] == 'crowd' else _WRONG}: {_said(place, account)}.",
            subject="current",
            count=account.rows,
            threat="data-poisoning",
            check="labels",
            fix=(
                "Look at what these rows share: a value that comes with one label may be a trigger."
                if trigger
                else "Find out who sent copies of a row, and keep one of them."
                if place[0] == "crowd"
                else "Keep the batches of this time away from training, and find out who labelled them."
            ),
        )


def _said(place: Place, account: Account) -> str:
    batches = "this batch" if account.batches == 1 else f"{account.batches} batches"
    if place[0] == "crowd":
        return (
            f"{name_of(place)} ({account.rows} rows of {batches} where {account.expected:.1f} are allowed, "
            f"{account.grown:.1f} times as often as in the reference)"
        )
    allowed = f"a surprise of {account.surprise:.1f} where {account.expected:.1f} is allowed"
    if place[0] == "planted":
        allowed = f"{account.surprise:.0f} rows where {account.expected:.1f} are allowed"
    grown = ""
    if place[0] in ("value", "values", "planted"):
        grown = f", which come {account.grown:.1f} times as often as in the reference"
    return f"{name_of(place)} ({allowed}, in {account.rows} rows of {batches}{grown})"


def name_of(place: Place) -> str:
    """Return how a place is called, without any value of the data."""
    kind, *names = place
    if kind == "all":
        return "all rows"
    if kind == "source":
        return f"source {names[0]!r}"
    if kind == "labels":
        return f"rows that look like {names[0]!r} and are labelled {names[1]!r}"
    if kind == "crowd":
        return "rows that are alike in every column"
    if kind == "planted":
        columns = " and one of ".join(repr(name) for name in names[1:-1])
        return f"rows with one value of {columns} that are labelled {names[0]!r}"
    if kind == "value":
        return f"rows with one value of {names[0]!r}"
    return f"rows with one value of {names[0]!r} and one of {names[1]!r}"


def _table(
    accounts: Mapping[Place, Account], limits: Mapping[Place, float], history: tuple[float, ...]
) -> list[Mapping[str, Any]]:
    """Return the strongest places; the line of the whole stream stands in its own row, the first one."""
    order = sorted(accounts, key=lambda p: (-accounts[p].log_evidence / limits[p], p))
    rows: list[Mapping[str, Any]] = [
        {"place": "strongest after each batch", "evidence": {"trend": list(history), "limit": 1.0}}
    ]
    rows += [
        {
            "place": name_of(p),
            "evidence": {"value": max(0.0, accounts[p].log_evidence / limits[p]), "limit": 1.0},
            "batches": accounts[p].batches,
            "rows": accounts[p].rows,
            "surprise": accounts[p].surprise,
            "allowed": accounts[p].expected,
        }
        for p in order[:_SHOWN]
    ]
    return rows
