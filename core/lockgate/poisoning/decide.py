"""Which detectors alarm: corrected for their number, and not accounted for by something else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockgate.poisoning.detectors import DETECTORS, OF_LABELS
from lockgate.table.two_sample import holm

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Alarm, Evidence

FEWEST_ROWS = 60
"""Fewest rows with a label on which the detectors can decide anything."""
PAIR_EXPLAINS = 0.7
"""A relabelled class accounts for the noise of the table when it makes up this share of it."""


def draws(alpha: float) -> int:
    """Return enough resampling draws for the smallest p value to pass Holm's correction, within reason."""
    return int(min(max(999.0, 8 * len(DETECTORS) / max(alpha, 1e-9)), 20_000.0))


def decide(alarms: list[Alarm], alpha: float) -> None:
    """Set which detectors alarm: corrected p value at most `alpha`, and an effect above the floor."""
    ran = [alarm for alarm in alarms if alarm.ran and alarm.p_value is not None]
    for alarm, adjusted in zip(ran, holm([a.p_value for a in ran if a.p_value is not None]), strict=True):
        alarm.adjusted_p = adjusted
        alarm.threshold = alpha
        alarm.alarmed = adjusted <= alpha and alarm.large_enough


def explain_by_mix(alarms: list[Alarm], evidence: Evidence, alpha: float) -> None:
    """Withdraw alarms that other rates of the classes account for; see `lockgate.poisoning.class_mix`."""
    from lockgate.poisoning.class_mix import at_its_own_mix

    if not any(alarm.alarmed for alarm in alarms):
        return
    moved = at_its_own_mix(evidence)
    if moved is None:
        return
    again = [
        detect(moved) if detect in OF_LABELS else alarm
        for detect, alarm in zip(DETECTORS, alarms, strict=True)
    ]
    again = [replace(alarm) for alarm in again]
    decide(again, alpha)
    for alarm, other in zip(alarms, again, strict=True):
        if alarm.alarmed and not other.alarmed:
            alarm.alarmed, alarm.explained_by = False, "another mix of classes"


def explain(alarms: list[Alarm], evidence: Evidence) -> None:
    """Withdraw alarms that another, more specific one accounts for.

    A hijacked source raises the noise of the whole table too. A detector that is silent on the rows
    of the other sources has nothing of its own to say; nor has plain noise beside a relabelled class
    that makes up most of it.
    """
    for alarm, detect in zip(alarms, DETECTORS, strict=True):
        if detect not in OF_LABELS:
            continue
        for other in alarms:
            if alarm is other or not (alarm.alarmed and other.alarmed):
                continue
            if other.within is not None:
                rest = evidence.only(~other.within)
                if rest.batch.rows < FEWEST_ROWS:
                    continue
                again = detect(rest)
                silent = not again.large_enough or (again.p_value or 0.0) > alarm.threshold
            else:
                silent = other.label_pair is not None and other.share >= PAIR_EXPLAINS * alarm.share
                silent &= alarm.within is None
            if silent:
                alarm.alarmed, alarm.explained_by = False, other.rule
