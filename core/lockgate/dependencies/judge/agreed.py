"""Judge what people agree on: licences, and names that are meant."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.dependencies import licences, lookalike
from lockgate.dependencies.judge.audit import Audit, label, place
from lockgate.dependencies.package import normal
from lockgate.outcome import Severity


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
