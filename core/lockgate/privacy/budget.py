"""Read an accountant's record of differentially private training, and recompute what it spent.

Two records are known, both JSON:

* what ``state_dict()`` of opacus' accountants returns: ``{"history": [[noise_multiplier, sample_rate,
  steps], ...], "mechanism": "rdp" | "prv" | "gdp"}``;
* the fields of diffprivlib's ``BudgetAccountant``: ``{"spent_budget": [[epsilon, delta], ...],
  "slack": 0.0}``.

Either may carry ``epsilon`` and ``delta`` that were claimed with it, and ``rows``. A claim is never
believed: it is compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.documents import load_json
from lockgate.errors import InputError
from lockgate.privacy.accountant import Steps, composed, spent

_MECHANISMS = ("rdp", "prv", "gdp")
_MOST = 100_000  # entries of a record
_ALIKE = 1e-3  # how far, as a share, a claim may lie below what its own steps give


@dataclass(frozen=True)
class Budget:
    """What a training has spent, recomputed.

    Attributes:
        source: ``opacus`` or ``diffprivlib``.
        mechanism: How the record was kept, for example ``rdp``.
        epsilon: Infinite when nothing was private.
        delta: The delta that this epsilon is for.
        order: Order of Rényi divergence that gave it, if one did.
        entries: How many different settings, or answers, the record has.
        steps: How many steps of training; 0 for diffprivlib.
        claimed: The epsilon that the record claims, or None.
        understated: Whether that is less than its own entries give, for a claim that is comparable.
    """

    source: str
    mechanism: str
    epsilon: float
    delta: float
    order: float | None
    entries: int
    steps: int
    claimed: float | None
    understated: bool


def read_budget(path: Path, delta: float) -> Budget:
    """Return what a record says was spent.

    Args:
        path: The record.
        delta: The delta to compute epsilon for; diffprivlib's record has its own.

    Raises:
        InputError: It is no such record, or holds a number that cannot be.
    """
    data = load_json(path, name=f"accountant record {path}").data
    if isinstance(data, dict) and isinstance(data.get("history"), list):
        return _opacus(data, delta, path)
    if isinstance(data, dict) and isinstance(data.get("spent_budget"), list):
        return _diffprivlib(data, path)
    raise InputError(
        f"accountant record {path} has neither 'history' (opacus) nor 'spent_budget' (diffprivlib); "
        "write accountant.state_dict() of opacus, or these fields of diffprivlib's accountant, as JSON"
    )


def _opacus(data: dict[str, Any], delta: float, path: Path) -> Budget:
    mechanism = str(data.get("mechanism", "rdp"))
    if mechanism not in _MECHANISMS:
        raise InputError(
            f"accountant record {path} is of mechanism {mechanism!r}; known are {', '.join(_MECHANISMS)}"
        )
    history = [_steps(entry, place, path) for place, entry in enumerate(_entries(data, "history", path))]
    merged: dict[tuple[float, float], int] = {}
    for steps in history:
        settings = (steps.noise_multiplier, steps.sample_rate)
        merged[settings] = merged.get(settings, 0) + steps.count
    total = spent([Steps(*settings, count) for settings, count in merged.items()], delta)
    claimed, for_delta = _claim(data, path)
    # Rényi accounting gives an upper bound: only a claim of the same kind, for the same delta, can be
    # wrong by it.
    comparable = claimed is not None and mechanism == "rdp" and for_delta in (None, delta)
    return Budget(
        "opacus",
        mechanism,
        total.epsilon,
        delta,
        total.order,
        len(merged),
        sum(merged.values()),
        claimed,
        understated=comparable and (claimed or 0.0) < total.epsilon * (1 - _ALIKE),
    )


def _diffprivlib(data: dict[str, Any], path: Path) -> Budget:
    parts = []
    for place, entry in enumerate(_entries(data, "spent_budget", path)):
        numbers = _numbers(entry, 2, f"spent_budget[{place}]", path)
        if numbers[0] < 0 or not 0 <= numbers[1] <= 1:
            raise InputError(
                f"accountant record {path}: spent_budget[{place}] is no epsilon from 0 and delta "
                "from 0 to 1; "
                "write the accountant's own numbers"
            )
        parts.append((numbers[0], numbers[1]))
    (slack,) = _numbers([data.get("slack", 0.0)], 1, "slack", path)
    if not 0 <= slack < 1:
        raise InputError(
            f"accountant record {path}: slack is not from 0 to below 1; write the accountant's own"
        )
    epsilon, delta = composed(parts, slack)
    # Its epsilon and delta are ceilings that were set, not claims of what was spent.
    return Budget("diffprivlib", "composition", epsilon, delta, None, len(parts), 0, None, understated=False)


def _entries(data: dict[str, Any], name: str, path: Path) -> list[Any]:
    entries: list[Any] = data[name]
    if not entries:
        raise InputError(
            f"accountant record {path} has an empty {name}: it saw no training; attach it to the optimizer"
        )
    if len(entries) > _MOST:
        raise InputError(f"accountant record {path} has more than {_MOST} entries; merge equal ones")
    return entries


def _steps(entry: Any, place: int, path: Path) -> Steps:
    noise, rate, count = _numbers(entry, 3, f"history[{place}]", path)
    if noise < 0 or not 0 <= rate <= 1 or count < 0 or count != int(count):
        raise InputError(
            f"accountant record {path}: history[{place}] is no noise from 0, sample rate from 0 "
            "to 1 and whole "
            "number of steps; write accountant.state_dict() as it is"
        )
    return Steps(noise, rate, int(count))


def _numbers(entry: Any, count: int, where: str, path: Path) -> list[float]:
    plain = isinstance(entry, list) and len(entry) == count
    if not plain or not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in entry):
        raise InputError(
            f"accountant record {path}: {where} is not {count} numbers; write the accountant's own"
        )
    return [float(x) for x in entry]


def _claim(data: dict[str, Any], path: Path) -> tuple[float | None, float | None]:
    found = []
    for name in ("epsilon", "delta"):
        value = data.get(name)
        if value is not None:
            (value,) = _numbers([value], 1, name, path)
            if value < 0 or not math.isfinite(value):
                raise InputError(f"accountant record {path}: {name} is negative; write what was computed")
        found.append(value)
    return found[0], found[1]
