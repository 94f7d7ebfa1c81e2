"""Judge where packages come from, and over which way."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.dependencies.judge.audit import Audit, place
from lockgate.dependencies.package import Remark
from lockgate.outcome import Check, Severity, Verdict, of_severity, worst


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
    held = audit.inventory.closed and all(p.digests for p in audit.inventory.packages)
    text = remark.text + (f" (line {remark.line})" if remark.line else "")
    if remark.kind == "extra-index":
        severity = Severity.MEDIUM if held else Severity.HIGH
        audit.note(
            remark,
            "LG-DEP-023",
            severity,
            f"A second index, {text}, can answer for every name, so a package of your own name there wins.",
            "Use one index that mirrors the other, or pin each package to its index.",
        )
    elif remark.kind in ("index", "find-links") and remark.text.rstrip("/").lower() not in agreed:
        audit.note(
            remark,
            "LG-DEP-024",
            Severity.MEDIUM,
            f"Packages come from {text}, which is not agreed on.",
            "Add it to allowed_indexes in the policy, or use an index that is there.",
        )
    elif remark.kind == "trusted-host":
        audit.note(
            remark,
            "LG-DEP-025",
            Severity.HIGH,
            f"The certificate of {text} is not checked.",
            "Remove --trusted-host, and install the certificate of your index.",
        )
    elif remark.kind == "plain":
        audit.note(
            remark, "LG-DEP-026", Severity.HIGH, f"{text} is fetched without encryption.", "Use https."
        )
    elif remark.kind == "credentials":
        audit.note(
            remark,
            "LG-DEP-027",
            Severity.HIGH,
            f"The address {text} carries a user or password.",
            "Take it out, change it, and use a netrc file or keyring.",
        )
