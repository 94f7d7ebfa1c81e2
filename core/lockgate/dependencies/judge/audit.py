"""What an audit says of each package, while it is being said, and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lockgate.dependencies.matching import RATINGS, Flaw
from lockgate.dependencies.package import Inventory, Package, Remark
from lockgate.outcome import Location, Outcome, Severity, Verdict, of_severity, worst

THREAT = "supply-chain"
SUBJECT = "requirements"
_FEW = 5  # names in one sentence


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
        self,
        about: Package | Remark | None,
        rule: str,
        severity: Severity,
        message: str,
        fix: str,
        check: str = "",
    ) -> None:
        """Record a finding where its package or option stands, and let it weigh on that package."""
        where = Location(member=about.member or None, line=about.line or None) if about else Location()
        self.outcome.find(
            rule, severity, message, subject=SUBJECT, threat=THREAT, fix=fix, check=check, location=where
        )
        if isinstance(about, Package):
            self.weigh(about, of_severity(severity))

    def weigh(self, package: Package, verdict: Verdict) -> None:
        """Let a verdict weigh on a package in the table."""
        self.verdicts.setdefault(package, []).append(verdict)


def label(package: Package) -> str:
    """Return what sentences and ids of checks call a package."""
    return f"{package.key}=={package.version}" if package.version else package.key


def place(package: Package) -> str:
    """Return where a package stands, as the end of a sentence."""
    return f" (line {package.line})" if package.line else ""


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
            "known flaws": few([f.id for f in flaws]),
            "worst": flaws[0].rating if flaws else "",
            "fixed in": next((f.fixed[0] for f in flaws if f.fixed), ""),
            "licence": (package.licence or "")[:80],
            "source": package.source,
            "digests": len(package.digests),
        }))  # fmt: skip
    order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.WAIVED, Verdict.PASS]
    rows.sort(key=lambda row: (order.index(row[0]), row[1], row[2]))
    return [row[3] for row in rows]


def few(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    shown = ", ".join(names[:_FEW])
    return shown + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
