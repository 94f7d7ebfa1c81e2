"""Decide whether a table is checked, what a violation weighs, and whether it becomes the new baseline.

The combinations are those of the quality check of Amazon SageMaker Pipelines; the table of them stands in
`lockgate.stages.ingest.validate_data`. Two things differ. SageMaker fails a run that has no baseline to
check against or to carry on, where this one is INCONCLUSIVE and says how to register one. And a skipped
check is a WARN here: it opens the gate, as somebody asked for it, and nobody can take it for a check that
held.
"""

from __future__ import annotations

from dataclasses import replace

from lockgate.outcome import Outcome, Severity, Verdict

_HARD = (Severity.HIGH, Severity.CRITICAL)


def soften(held: Outcome) -> None:
    """Make each FAIL of an outcome a WARN; what could not be decided stays INCONCLUSIVE."""
    held.checks[:] = [
        replace(check, verdict=Verdict.WARN) if check.verdict is Verdict.FAIL else check
        for check in held.checks
    ]
    held.findings[:] = [
        replace(found, severity=Severity.MEDIUM) if found.severity in _HARD else found
        for found in held.findings
    ]


def record(
    outcome: Outcome,
    held: Outcome,
    *,
    has_baseline: bool,
    skipped: bool,
    registering: bool,
    otherwise: bool,
) -> None:
    """Add what was held against a baseline to an outcome, or why nothing was.

    The metric ``new_baseline`` says whether a new schema is to be registered.

    Args:
        outcome: Where to record.
        held: What was held against schema and baseline; empty where there is none, or it was skipped.
        has_baseline: Whether a schema or a baseline was given.
        skipped: Whether the caller asked to skip the check.
        registering: Whether the caller asked to register a new baseline.
        otherwise: Whether the run has another purpose: to draft a schema, or deepchecks' suite.
    """
    outcome.checks += held.checks
    outcome.findings += held.findings
    outcome.metrics["new_baseline"] = False
    if skipped and (has_baseline or registering):
        outcome.check("baseline", value="skipped", comparator="==", threshold="checked", failing=Verdict.WARN)
        outcome.find(
            "LG-DATA-023",
            Severity.MEDIUM,
            "The table was held against nothing, because skip_check is set.",
            subject="data",
            check="baseline",
            fix="Leave skip_check out in the next run, and give the registered schema.",
        )
    elif not has_baseline and (skipped or registering or not otherwise):
        reason = "there is no schema or baseline yet to hold the table against"
        outcome.cannot(
            "baseline", reason if registering else f"{reason}; set register_new_baseline to register one"
        )
        outcome.find(
            "LG-DATA-022",
            Severity.MEDIUM,
            "There is no schema or baseline yet, so the table was held against nothing.",
            subject="data",
            check="baseline",
            fix="Give registered_schema of this run, once it is read, as schema to the next."
            if registering
            else "Register one: set register_new_baseline (with skip_check to open the gate now), read "
            "registered_schema, and give it as schema to the next run.",
        )
    if not registering:
        return
    if has_baseline and not skipped and not held.verdict.opens:
        outcome.find(
            "LG-DATA-025",
            Severity.MEDIUM,
            "No new schema was registered, because the table does not hold against the one that is.",
            subject="data",
            check="baseline",
            fix="Mend the data, or accept them: set skip_check, or fail_on_violation to false.",
        )
        return
    outcome.metrics["new_baseline"] = True
    outcome.find(
        "LG-DATA-024",
        Severity.INFO,
        "A schema inferred from this table was registered in the output registered_schema.",
        subject="data",
        fix="Read and correct it; it decides about every table that comes after.",
    )
