"""Hold what stress tests cost against thresholds, and put it into words, a table and a picture."""

from __future__ import annotations

from typing import Any

from lockgate.outcome import Check, Outcome, Severity, Verdict
from lockgate.report.picture import Axis, Curves, Series
from lockgate.robustness.interval import from_to
from lockgate.robustness.stress.measure import Level, Stressed
from lockgate.robustness.stress.severity import JUDGED, SEVERITIES

THREAT = "adversarial-examples"
_SUBJECT = "model"
_DRAWN = 6  # curves of one picture that can be told apart


def judge_stress(
    outcome: Outcome,
    stressed: list[Stressed],
    clean: float,
    most: float,
    crashes: int,
    *,
    severity: int = JUDGED,
) -> None:
    """Hold each drop of accuracy, by its 95 % interval, and the number of exceptions against thresholds.

    PASS when the whole interval is within the threshold, FAIL when the measured drop is above it, WARN in
    between. A model that raises has no drop: it is counted, and each exception is a finding.

    Args:
        outcome: Where to record it.
        stressed: What the stress tests did.
        clean: Share of right labels on the rows as they are.
        most: Most accuracy that one test may cost, as a share of all rows.
        crashes: Most tests on which the model may raise.
        severity: The one that is judged.
    """
    for each in stressed:
        level = each.at(severity)
        if level is not None and not (each.error and not each.refused):
            _judge_drop(outcome, each, level, clean, most)
        elif each.refused:
            said = (
                f"the model refuses such rows from severity {each.raised_at} on, so that no answer is wrong"
            )
            outcome.checks.append(Check(_check(each), Verdict.PASS, 0.0, "<=", most, said))
    _judge_crashes(outcome, stressed, crashes)
    outcome.metrics["stress"] = {each.name: _numbers(each) for each in stressed if each.columns}
    outcome.tables["Stress tests"] = [_row(each, most, severity) for each in stressed]
    drawn = sorted(
        (each for each in stressed if len(each.levels) > 1), key=lambda each: -each.levels[-1].drop
    )
    if drawn:
        outcome.pictures["Stress tests"] = _curves(drawn[:_DRAWN], clean, severity)


def _judge_drop(outcome: Outcome, each: Stressed, level: Level, clean: float, most: float) -> None:
    outcome.metrics[f"accuracy_drop_{each.name.replace('-', '_')}"] = level.drop
    said = f"95 % interval {from_to(level.low, level.high)}"
    verdict = Verdict.FAIL if level.drop > most else Verdict.PASS if level.high <= most else Verdict.WARN
    outcome.checks.append(Check(_check(each), verdict, level.drop, "<=", most, said))
    if verdict is Verdict.FAIL:
        outcome.find(
            "LG-ROBUST-002",
            Severity.HIGH,
            f"Accuracy falls from {clean:.1%} to {level.accuracy:.1%} with {each.what} ({said}).",
            subject=_SUBJECT,
            threat=THREAT,
            fix="Clean such input before the model sees it, or train on input that has it.",
            check=_check(each),
        )


def _judge_crashes(outcome: Outcome, stressed: list[Stressed], most: int) -> None:
    crashed = [each for each in stressed if each.error and not each.refused]
    held = outcome.check("crashes", value=len(crashed), comparator="<=", threshold=most)
    for each in crashed:
        outcome.find(
            "LG-ROBUST-003",
            Severity.MEDIUM if held else Severity.HIGH,
            f"The model raises {each.error} with {each.what}: one such row stops the whole batch.",
            subject=_SUBJECT,
            threat=THREAT,
            fix="Put an imputer, and an encoder that ignores unknown categories, into the model's pipeline.",
            check="crashes",
        )
    for each in stressed:
        if each.refused:
            outcome.find(
                "LG-ROBUST-020",
                Severity.LOW,
                f"The model raises {each.error} with {each.what}: it refuses what it was not promised, and "
                "the whole batch with it.",
                subject=_SUBJECT,
                threat=THREAT,
                fix="Hold batches against a schema before they reach the model (validate-data).",
                check=_check(each),
            )


def _check(each: Stressed) -> str:
    return f"accuracy-drop:{each.name}"


def _numbers(each: Stressed) -> dict[str, Any]:
    return {
        "accuracy": [level.accuracy for level in each.levels],
        "drop_low": [level.low for level in each.levels],
        "drop_high": [level.high for level in each.levels],
        "labels_changed": [level.changed for level in each.levels],
        "raised_at_severity": each.raised_at,
    }


def _row(each: Stressed, most: float, severity: int) -> dict[str, Any]:
    level = each.at(severity)
    said = each.error and f"{each.error} from severity {each.raised_at} on"
    return {
        "test": each.name,
        f"at severity {severity}": each.what,
        "columns": each.columns,
        "accuracy": None if level is None else level.accuracy,
        "drop": None if level is None else level.drop,
        "interval": "" if level is None else from_to(level.low, level.high),
        "labels changed": None if level is None else level.changed,
        "drop by severity": {"trend": [0.0, *(one.drop for one in each.levels)], "limit": most}
        if each.levels
        else "",
        "exception": said or ("" if each.columns else "does not apply: no such column"),
    }


def _curves(drawn: list[Stressed], clean: float, severity: int) -> Curves:
    low = min([clean, *(level.accuracy for each in drawn for level in each.levels)])
    series = [
        Series(
            each.name,
            [(0.0, clean), *((float(level.severity), level.accuracy) for level in each.levels)],
            [(float(level.severity), clean - level.high, clean - level.low) for level in each.levels]
            if not at
            else (),
        )
        for at, each in enumerate(drawn)
    ]
    return Curves(
        Axis("severity; 0 is the rows as they are", 0.0, float(SEVERITIES[-1]), parts=len(SEVERITIES)),
        Axis("accuracy", max(0, int(low * 5 - 0.25)) / 5, 1.0),
        series,
        f"Accuracy by severity of the {len(drawn)} tests that cost most, the first with its 95 % interval; "
        f"severity {severity} is judged.",
    )
