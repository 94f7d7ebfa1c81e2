"""Whether a training may start now: cooldown, hysteresis, and most trainings in a window.

A gate that answers RETRAIN to every batch that moved lets whoever sends batches decide when, and how
often, the model is trained. So a training takes from a budget. Hysteresis: after one, no further
training starts for as long as the batches stay as far from the same reference; the gate is armed again
by a calm batch (all below the thresholds times `Budget.calm`), or by another reference.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from lockgate.errors import InputError
from lockgate.policy import times
from lockgate.retraining.state import MOST_TRAININGS, State


@dataclass(frozen=True)
class Budget:
    """How often a training may start.

    Attributes:
        cooldown: Shortest time between two.
        most: Most in any window.
        window: Its length.
        calm: Part of every threshold below which a batch arms the gate again, 0 to 1.
    """

    cooldown: dt.timedelta
    most: int
    window: dt.timedelta
    calm: float


def read(cooldown: str, most: int, window: str, calm: float) -> Budget:
    """Return the budget that parameters ask for.

    Raises:
        InputError: A duration is none, or the number of trainings is out of range.
    """
    if not 1 <= most <= MOST_TRAININGS:
        raise InputError(f"max_retrains is {most}, and must be from 1 to {MOST_TRAININGS}")
    return Budget(_duration(cooldown, "cooldown"), most, _duration(window, "retrain_window"), calm)


def _duration(text: str, name: str) -> dt.timedelta:
    if text == "0":
        return dt.timedelta()
    try:
        return times.read_duration(text)
    except ValueError as error:
        raise InputError(f"{name} is {text[:80]!r}: {error}, or 0 for none") from None


def left(state: State, budget: Budget, now: dt.datetime) -> int:
    """Return how many trainings may still start in the window that ends now."""
    return max(0, budget.most - sum(now - time < budget.window for time in state.trainings))


def why_not(state: State, budget: Budget, now: dt.datetime) -> str:
    """Return why no training may start now, the end of a sentence; empty when one may."""
    if state.trainings and now - state.trainings[-1] < budget.cooldown:
        return "the last one was asked for within the cooldown"
    if not left(state, budget, now):
        return f"{budget.most} were asked for within the window already"
    if not state.armed:
        return (
            "the last one was for such a batch, and since then neither a batch was calm nor the reference new"
        )
    return ""
