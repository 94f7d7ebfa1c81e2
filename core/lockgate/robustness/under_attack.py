"""Attack a model under every threat of a run, judge what is left, and keep the rows that broke it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.outcome import Outcome
from lockgate.robustness.attacked import (
    describe,
    judge_attack,
    judge_masking,
    nothing_to_attack,
    record,
)
from lockgate.robustness.curve import curve
from lockgate.robustness.measure import Budget, measure
from lockgate.robustness.measured import Measured
from lockgate.robustness.threat import Domain, Threat, domain_of

CHECK = "accuracy-under-attack"
_RAISED = "the model raised an exception on a moved row"


def under_attack(
    outcome: Outcome,
    predictor: Predictor,
    rows: Any,
    truth: Any,
    keys: Sequence[Any],
    threats: Sequence[Threat],
    *,
    least: float,
    budget: Budget,
    seed: int,
    alone: bool = False,
    adversarial: Path | None = None,
    shown: Callable[[Measured], None] | None = None,
) -> InputError | None:
    """Attack rows under each threat, and record checks, findings, tables, pictures and metrics.

    Args:
        outcome: Where to record them.
        predictor: The model.
        rows: All rows of the data, in random order: a DataFrame or an array.
        truth: The place of each right label in ``predictor.classes``.
        keys: What each row is called.
        threats: At least one.
        least: Least accuracy under attack that passes.
        budget: For each threat.
        seed: Of every random choice.
        alone: Whether the check's name is that of the only threat, without its name.
        adversarial: Where the rows that broke the model go, as Parquet; images stay away.
        shown: Puts what broke into the report, after the rest of each threat; None: nothing more.

    Returns:
        What the model raised on moved rows, if it did.

    Raises:
        InputError: A threat does not fit the data.
    """
    domains = [domain_of(threat, rows) for threat in threats]  # before any attack: what does not fit is said
    outcome.metrics["threats"] = {}
    broken: list[tuple[Domain, Measured]] = []
    trouble = None
    for domain in domains:
        threat = domain.threat
        check = CHECK if alone else f"{CHECK}:{threat.name}"
        if threat.kind == "table" and not getattr(domain, "features", ()):
            nothing_to_attack(outcome, least, check)
            continue
        try:
            found = measure(predictor, domain, rows, truth, budget=budget, seed=seed)
            points = curve(predictor, threat, rows, truth, queries=budget.queries, seed=seed)
        except InputError as error:  # it has answered on unmoved rows before
            outcome.cannot(check, _RAISED, least, ">=")
            trouble = error
            continue
        judge_attack(outcome, found, list(keys), least, check)
        judge_masking(outcome, found)
        describe(outcome, found)
        outcome.metrics["threats"][threat.name] = record(outcome, found, points)
        if shown is not None:
            shown(found)
        broken.append((domain, found))
    if adversarial is not None:
        _write(adversarial, rows, keys, broken)
    return trouble


def said(threats: Sequence[Threat]) -> list[dict[str, Any]]:
    """Return the threats as plain data, for the body of the result: no path of a file, all that it said."""
    return [asdict(threat) for threat in threats]


def _write(path: Path, rows: Any, keys: Sequence[Any], broken: list[tuple[Domain, Measured]]) -> None:
    """Write the adversarial rows of a table, beside the key of each, its threat and the attack."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = []
    for domain, found in broken:
        at = np.flatnonzero(found.broken)
        marks = pd.DataFrame(
            {
                "lockgate_row": [str(keys[i]) for i in at],
                "lockgate_threat": np.full(len(at), domain.threat.name, dtype=object),
                "lockgate_attack": found.by[at].astype(object),
            }
        )
        if hasattr(rows, "iloc"):
            moved = domain.rows(rows.iloc[at], found.points).reset_index(drop=True)
            marks = pd.concat([marks, moved], axis=1)
        parts.append(marks)
    empty = pd.DataFrame(
        {n: pd.Series([], dtype=str) for n in ("lockgate_row", "lockgate_threat", "lockgate_attack")}
    )
    table = pd.concat([p for p in parts if len(p)] or parts or [empty], ignore_index=True)
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path)
