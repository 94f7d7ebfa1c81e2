"""Judge the database of advisories, and what it says of each package."""

from __future__ import annotations

import datetime as dt

from lockgate.dependencies import matching
from lockgate.dependencies.judge.audit import Audit, few, label, place
from lockgate.dependencies.matching import RATINGS, Flaw
from lockgate.dependencies.osv import Database
from lockgate.dependencies.package import Package
from lockgate.outcome import Check, Severity, Verdict, of_severity

_FUTURE = dt.timedelta(days=1)  # clocks differ; by more than this a date is no date


def judge_database(
    audit: Audit, database: Database | None, *, max_age: int, min_advisories: int, now: dt.datetime
) -> None:
    """Say whether the database is there, whole and new enough to tell anything."""
    outcome = audit.outcome
    if database is None:
        outcome.cannot("database", "no database of advisories was given, so no flaw could be found")
        return
    undecided = {"failing": Verdict.INCONCLUSIVE}
    outcome.check(
        "database-unreadable",
        value=database.unreadable,
        comparator="<=",
        threshold=0,
        **undecided,
        reason=f"advisories cannot be read: {next(iter(database.examples.values()), '')}"
        if database.unreadable
        else "advisories that cannot be read",
    )
    outcome.check(
        "database-size",
        value=database.records,
        comparator=">=",
        threshold=min_advisories,
        **undecided,
        reason=f"the database has {database.records:,} advisories about packages of PyPI; "
        f"a whole one has {min_advisories:,} or more",
    )
    if database.dated is None:
        outcome.cannot("database-age", "it holds no advisory about a package of PyPI", max_age, "<=")
    elif database.dated > now + _FUTURE:
        outcome.cannot("database-age", f"its newest change is in the future, {database.dated:%Y-%m-%d}")
    else:
        days = max(0, (now - database.dated).days)
        outcome.check(
            "database-age",
            value=days,
            comparator="<=",
            threshold=max_age,
            **undecided,
            reason=f"the newest change in the database is of {database.dated:%Y-%m-%d}, {days} days ago; "
            f"at most {max_age} are agreed on",
        )


def judge_advisories(audit: Audit, database: Database | None, fail_on: str) -> None:
    """Hold every package against the advisories about it."""
    if database is None:
        return
    outcome, clear = audit.outcome, 0
    for package in audit.inventory.packages:
        known = database.advisories.get(package.key, [])
        name = f"advisories:{label(package)}"
        if package.version is None:
            if known or package.source != "index":
                outcome.cannot(name, f"its version is not known, and {len(known)} advisories are about it")
                audit.weigh(package, Verdict.INCONCLUSIVE)
            else:
                clear += 1
            continue
        flaws, doubtful = matching.match(package.version, known)
        audit.flaws[package] = flaws
        if not flaws and not doubtful:
            clear += 1
        if doubtful:
            reason = f"{len(doubtful)} advisories cannot be compared with this version: {few(doubtful)}"
            outcome.cannot(f"{name}:doubt", reason)
            audit.weigh(package, Verdict.INCONCLUSIVE)
        for flaw in flaws:
            _flaw(audit, package, flaw, f"{name}:{flaw.id}", fail_on)
    if clear:
        outcome.checks.append(
            Check("advisories", Verdict.PASS, clear, reason="packages without a known flaw")
        )


def _flaw(audit: Audit, package: Package, flaw: Flaw, check: str, fail_on: str) -> None:
    closes = RATINGS.index(flaw.rating) >= RATINGS.index(fail_on)
    severity = Severity.CRITICAL if flaw.rating == "CRITICAL" else Severity.HIGH
    severity = severity if closes else Severity.MEDIUM
    also = f", also {few([i for i in flaw.ids if i != flaw.id])}" if len(flaw.ids) > 1 else ""
    if flaw.malicious:
        message = f"{label(package)}{place(package)} is reported as malicious: {flaw.id}{also}."
        fix = "Remove it, and treat every machine that installed it as taken over."
    else:
        score = f", CVSS {flaw.score:.1f}" if flaw.score is not None else ""
        rated = flaw.rating if flaw.rated else "not rated, counts as HIGH"
        what = f": {flaw.summary.rstrip('.')}" if flaw.summary else ""
        message = f"{label(package)}{place(package)} has {flaw.id}{also} ({rated}{score}){what}."
        fix = (
            f"Update to {flaw.fixed[0]} or newer." if flaw.fixed else "No fixed version is known; replace it."
        )
    audit.outcome.checks.append(
        Check(check, of_severity(severity), flaw.rating, "<" if closes else None, fail_on if closes else None)
    )
    audit.note(package, "LG-DEP-002" if flaw.malicious else "LG-DEP-001", severity, message, fix, check)
