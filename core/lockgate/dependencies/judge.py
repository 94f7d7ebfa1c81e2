"""Judge an inventory: advisories, pins, hashes, sources, licences and look-alike names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockgate.dependencies import licences, lookalike, matching
from lockgate.dependencies.matching import RATINGS, Flaw
from lockgate.dependencies.osv import Database
from lockgate.dependencies.package import Inventory, Package, Remark
from lockgate.outcome import Check, Outcome, Severity, Verdict, of_severity, worst

THREAT = "supply-chain"
_SUBJECT = "requirements"
_FEW = 5  # names in one sentence
_FUTURE = dt.timedelta(days=1)  # clocks differ; by more than this a date is no date


@dataclass
class Audit:
    """What is being said of each package, while it is being said.

    Attributes:
        outcome: Where checks and findings go.
        inventory: What is audited.
        verdicts: What weighs on each package.
        flaws: The flaws of each package, worst first.
    """

    outcome: Outcome
    inventory: Inventory
    verdicts: dict[Package, list[Verdict]] = field(default_factory=dict)
    flaws: dict[Package, list[Flaw]] = field(default_factory=dict)

    def note(
        self, package: Package | None, rule: str, severity: Severity, message: str, fix: str, check: str = ""
    ) -> None:
        """Record a finding, and let it weigh on its package."""
        from lockgate.outcome import Location

        member = package.member if package else ""
        self.outcome.find(
            rule,
            severity,
            message,
            subject=_SUBJECT,
            threat=THREAT,
            fix=fix,
            check=check,
            location=Location(member=member or None),
        )
        if package is not None:
            self.weigh(package, of_severity(severity))

    def weigh(self, package: Package, verdict: Verdict) -> None:
        """Let a verdict weigh on a package in the table."""
        self.verdicts.setdefault(package, []).append(verdict)


def label(package: Package) -> str:
    """Return what sentences and ids of checks call a package."""
    return f"{package.key}=={package.version}" if package.version else package.key


def place(package: Package) -> str:
    """Return where a package stands, as the end of a sentence."""
    return f" (line {package.line})" if package.line else ""


def judge_reading(audit: Audit) -> None:
    """Say whether all of the file was read, and whether it names anything."""
    inventory, outcome = audit.inventory, audit.outcome
    for where, reason in inventory.unreadable.items():
        outcome.cannot(f"read:{where}", reason)
    count = len(inventory.packages)
    outcome.check(
        "packages",
        value=count,
        comparator=">=",
        threshold=1,
        failing=Verdict.INCONCLUSIVE,
        reason="" if count else "nothing is named that could be audited",
    )
    if not inventory.closed and count:
        audit.note(
            None,
            "LG-DEP-012",
            Severity.MEDIUM,
            "The file does not show that it names what its packages depend on as well.",
            "Give a lock (uv.lock, pylock.toml, requirements with hashes), or audit the environment.",
        )


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
        reason=next(iter(database.examples.values()), ""),
    )
    outcome.check(
        "database-size",
        value=database.records,
        comparator=">=",
        threshold=min_advisories,
        **undecided,
        reason="advisories about packages of PyPI",
    )
    if database.dated is None:
        outcome.cannot("database-age", "it holds no advisory about a package of PyPI", max_age, "<=")
    elif database.dated > now + _FUTURE:
        outcome.cannot("database-age", f"its newest change is in the future, {database.dated:%Y-%m-%d}")
    else:
        outcome.check(
            "database-age",
            value=max(0, (now - database.dated).days),
            comparator="<=",
            threshold=max_age,
            **undecided,
            reason=f"days since its newest change, {database.dated:%Y-%m-%d}",
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
            reason = f"{len(doubtful)} advisories cannot be compared with this version: {_few(doubtful)}"
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
    also = f", also {_few([i for i in flaw.ids if i != flaw.id])}" if len(flaw.ids) > 1 else ""
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


def judge_pins(audit: Audit, *, require_pins: bool, require_hashes: bool) -> None:
    """Say which packages may come in another version, or with other files, than those that were looked at."""
    severity = Severity.HIGH if require_pins else Severity.MEDIUM
    loose = [p for p in audit.inventory.packages if p.source == "index" and not p.version]
    for package in loose:
        audit.note(
            package,
            "LG-DEP-010",
            severity,
            f"{package.key}{place(package)} is not pinned to one version ({package.specifier or 'any'}).",
            "Pin it with ==, or give a lock.",
            "pins",
        )
    failing = Verdict.FAIL if require_pins else Verdict.WARN
    audit.outcome.check(
        "pins",
        value=len(loose),
        comparator="<=",
        threshold=0,
        failing=failing,
        reason="packages without one version",
    )
    if audit.inventory.kind == "environment":  # what is installed was downloaded before
        return
    bare = [p for p in audit.inventory.packages if p.source in ("index", "url") and not p.hashes]
    failing = Verdict.FAIL if require_hashes else Verdict.WARN
    audit.outcome.check(
        "hashes",
        value=len(bare),
        comparator="<=",
        threshold=0,
        failing=failing,
        reason="packages without a SHA-2 digest for each file",
    )
    if bare:
        audit.note(
            None,
            "LG-DEP-011",
            Severity.HIGH if require_hashes else Severity.MEDIUM,
            f"{len(bare)} packages have no digest that their files are held against: "
            f"{_few([p.key for p in bare])}.",
            "Lock with hashes (uv export, or pip-compile --generate-hashes).",
            "hashes",
        )
        for package in bare:
            audit.weigh(package, failing)


def judge_sources(audit: Audit, indexes: Sequence[str]) -> None:
    """Say what comes from elsewhere than the agreed index, or over a way that can be tampered with."""
    for package in audit.inventory.packages:
        what = f"{package.key}{place(package)}"
        if package.source in ("url", "vcs") and not package.fixed:
            audit.note(
                package,
                "LG-DEP-020",
                Severity.HIGH,
                f"{what} comes from {package.address}, whose content may change.",
                "Name a whole commit id, or a digest of the file.",
            )
        elif package.source in ("url", "vcs"):
            audit.note(
                package,
                "LG-DEP-021",
                Severity.MEDIUM,
                f"{what} comes from {package.address}, not from an index: no advisory knows it by name.",
                "Take a release from the index, if there is one.",
            )
        elif package.source in ("editable", "path"):
            audit.note(
                package,
                "LG-DEP-022",
                Severity.MEDIUM,
                f"{what} comes from a local {'editable ' * (package.source == 'editable')}path.",
                "Build and publish it, so that what is installed has a version and a digest.",
            )
    agreed = {index.rstrip("/").lower() for index in indexes}
    for remark in audit.inventory.remarks:
        _remark(audit, remark, agreed)
    audit.outcome.checks.append(Check("sources", _sources_verdict(audit), reason="where packages come from"))


def _sources_verdict(audit: Audit) -> Verdict:
    found = [f for f in audit.outcome.findings if f.rule.startswith("LG-DEP-02")]
    return worst([of_severity(f.severity) for f in found] or [Verdict.PASS])


def _remark(audit: Audit, remark: Remark, agreed: set[str]) -> None:
    held = audit.inventory.closed and all(p.hashes for p in audit.inventory.packages)
    text = remark.text + (f" (line {remark.line})" if remark.line else "")
    if remark.kind == "extra-index":
        severity = Severity.MEDIUM if held else Severity.HIGH
        audit.note(
            None,
            "LG-DEP-023",
            severity,
            f"A second index, {text}, can answer for every name, so a package of your own name there wins.",
            "Use one index that mirrors the other, or pin each package to its index.",
        )
    elif remark.kind in ("index", "find-links") and remark.text.rstrip("/").lower() not in agreed:
        audit.note(
            None,
            "LG-DEP-024",
            Severity.MEDIUM,
            f"Packages come from {text}, which is not agreed on.",
            "Add it to allowed_indexes in the policy, or use an index that is there.",
        )
    elif remark.kind == "trusted-host":
        audit.note(
            None,
            "LG-DEP-025",
            Severity.HIGH,
            f"The certificate of {text} is not checked.",
            "Remove --trusted-host, and install the certificate of your index.",
        )
    elif remark.kind == "plain":
        audit.note(None, "LG-DEP-026", Severity.HIGH, f"{text} is fetched without encryption.", "Use https.")
    elif remark.kind == "credentials":
        audit.note(
            None,
            "LG-DEP-027",
            Severity.HIGH,
            f"The address {text} carries a user or password.",
            "Take it out, change it, and use a netrc file or keyring.",
        )


def judge_licences(audit: Audit, allow: Sequence[str] | None, deny: Sequence[str] | None) -> None:
    """Hold every licence against the policy, if it says anything of licences."""
    licences.check_ids(allow, "allow_licences")
    licences.check_ids(deny, "deny_licences")
    if not (allow or deny):
        return
    if not audit.inventory.knows_licences:
        audit.outcome.cannot(
            "licences", f"{audit.inventory.kind} does not say licences; audit the environment"
        )
        return
    refused = 0
    for package in audit.inventory.packages:
        answer = licences.judge(package.licence, allow, deny)
        said = f"says {package.licence[:80]!r}" if package.licence else "says nothing"
        if answer == "refused":
            refused += 1
            audit.note(
                package,
                "LG-DEP-030",
                Severity.HIGH,
                f"{label(package)} {said}, which the policy refuses.",
                "Replace it, or agree on its licence in the policy.",
                f"licence:{package.key}",
            )
        elif answer == "unknown":
            audit.note(
                package,
                "LG-DEP-031",
                Severity.MEDIUM,
                f"{label(package)} {said} of its licence, which is no SPDX expression for sure.",
                "Look it up, and note who decided.",
            )
    if not refused:
        audit.outcome.check("licences", value=0, comparator="<=", threshold=0, reason="refused licences")


def judge_names(audit: Audit, meant: Sequence[str]) -> None:
    """Say which names look like those of well-known packages."""
    from lockgate.dependencies.package import normal

    known, found = {normal(name) for name in meant}, 0
    for package in audit.inventory.packages:
        like = None if package.key in known else lookalike.likeness(package.name)
        if like is not None:
            found += 1
            audit.note(
                package,
                "LG-DEP-040",
                Severity.HIGH,
                f"{package.key}{place(package)} looks like the well-known {like.name} ({like.how}).",
                f"Write {like.name} if that is meant; if not, add the name to meant_names in the policy.",
                f"lookalike:{package.key}",
            )
    if not found:
        audit.outcome.check("lookalikes", value=0, comparator="<=", threshold=0)


def table(audit: Audit) -> list[Mapping[str, Any]]:
    """Return a row for each package; what matters most comes first."""
    rows = []
    for package in audit.inventory.packages:
        flaws = audit.flaws.get(package, [])
        verdict = worst(audit.verdicts.get(package) or [Verdict.PASS])
        rows.append((verdict, -(RATINGS.index(flaws[0].rating) + 1 if flaws else 0), package.key, {
            "verdict": str(verdict),
            "package": package.key,
            "version": package.version or package.specifier or "any",
            "known flaws": _few([f.id for f in flaws]),
            "worst": flaws[0].rating if flaws else "",
            "fixed in": next((f.fixed[0] for f in flaws if f.fixed), ""),
            "licence": (package.licence or "")[:80],
            "source": package.source,
            "digests": package.hashes,
        }))  # fmt: skip
    order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.WAIVED, Verdict.PASS]
    rows.sort(key=lambda row: (order.index(row[0]), row[1], row[2]))
    return [row[3] for row in rows]


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_FEW])
    return shown + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
