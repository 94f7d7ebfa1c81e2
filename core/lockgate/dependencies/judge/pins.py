"""Judge whether what is named is all there is, and whether it is held to one version and to its files."""

from __future__ import annotations

from lockgate.dependencies.judge.audit import Audit, few, place
from lockgate.outcome import Severity, Verdict


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
    bare = [p for p in audit.inventory.packages if p.source in ("index", "url") and not p.digests]
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
            f"{few([p.key for p in bare])}.",
            "Lock with hashes (uv export, or pip-compile --generate-hashes).",
            "hashes",
        )
        for package in bare:
            audit.weigh(package, failing)
