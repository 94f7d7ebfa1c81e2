"""The result document: what a run says, in the shape of ``result.json``, and its digest.

``body_digest`` is the SHA-256 of the RFC 8785 canonical JSON of everything up to ``outputs``,
without URIs: the same input, parameters and version give the same digest on the command line, in
Airflow and in KFP. Floats enter it with nine significant digits.
"""

from __future__ import annotations

import hashlib
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lockgate import __version__
from lockgate.outcome import Finding, Outcome, Severity, Verdict, of_severity

if TYPE_CHECKING:
    from lockgate.stage import Stage

SCHEMA = "lockgate.result/1"
MAX_FINDINGS = 1_000
_DIGITS = 9
_LARGEST_EXACT = 2**53 - 1  # the largest integer that every JSON reader keeps (RFC 8785, section 3.2.2.3)
_BODY = (
    *("schema", "stage", "version", "verdict", "decision", "subjects", "parameters", "policy"),
    *("metrics", "checks", "findings", "outputs"),
)
_REPORTED = (
    *("cryptography", "duckdb", "numpy", "pandas", "pyarrow", "scipy"),
    *("sklearn", "cleanlab", "art", "skops", "evidently"),
)


def build(
    spec: Stage,
    outcome: Outcome,
    *,
    subjects: list[dict[str, Any]],
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
    policy: Mapping[str, Any],
    outputs: Mapping[str, Any],
    evidence: list[dict[str, Any]],
    attachments: Mapping[str, Any],
    started: str,
    finished: str,
) -> dict[str, Any]:
    """Return the result document of one run, floats rounded, with its body digest."""
    findings = sorted(outcome.findings, key=_weight)
    metrics = dict(outcome.metrics)
    if len(findings) > MAX_FINDINGS:
        metrics["findings_in_all"] = len(findings)
    said = {
        "schema": SCHEMA,
        "stage": spec.name,
        "version": __version__,
        "verdict": outcome.verdict,
        "decision": outcome.decision,
        "subjects": subjects,
        "parameters": dict(parameters),
        "policy": policy,
        "metrics": metrics,
        "checks": [asdict(check) for check in outcome.checks],
        "findings": [asdict(finding) for finding in findings[:MAX_FINDINGS]],
        "outputs": dict(outputs),
    }
    document: dict[str, Any] = plain(said)
    document["body_digest"] = digest(document)
    document["context"] = plain({**context, **outcome.context})
    document["evidence"] = plain(evidence)
    document["attachments"] = plain(attachments)
    document["started"] = started
    document["finished"] = finished
    document["environment"] = environment()
    return document


def digest(document: Mapping[str, Any]) -> str:
    """Return the body digest (hex SHA-256) of a result document."""
    import rfc8785

    said = {key: document[key] for key in _BODY}
    said["subjects"] = [_without_uri(entry) for entry in document["subjects"]]
    said["outputs"] = {name: _without_uri(entry) for name, entry in document["outputs"].items()}
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: numbers exact or rounded, not-a-number as null, keys as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(getattr(value, "value", value)).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        if abs(value) <= _LARGEST_EXACT:
            return value
        return rounded(float(value)) if abs(value) <= sys.float_info.max else None
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, Mapping):
        return {str(plain(str(key))): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    if isinstance(value, (Sequence, set, frozenset)):
        return [plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return str(value)


def rounded(value: float) -> float | None:
    """Return a float with nine significant digits; None for NaN and infinities, 0.0 for -0.0."""
    if not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}") + 0.0


def why(document: Mapping[str, Any]) -> str:
    """Return one sentence that says why a result has its verdict."""
    verdict = document["verdict"]
    for finding in document["findings"]:
        if verdict in (Verdict.WARN, Verdict.FAIL) and of_severity(finding["severity"]) == verdict:
            return str(finding["message"])
    for check in document["checks"]:
        if check["verdict"] == verdict != Verdict.PASS:
            return str(check["reason"] or f"check {check['id']} is {verdict}")
    checks = len(document["checks"])
    return f"{checks} check{'s' * (checks > 1)} held" if checks else "nothing was checked"


def environment() -> dict[str, Any]:
    """Return what the run ran on: interpreter, platform and the versions of what it loaded."""
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in _REPORTED}
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "packages": {name: str(version) for name, version in loaded.items() if version},
    }


def _weight(finding: Finding) -> int:
    return -list(Severity).index(finding.severity)


def _without_uri(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "uri"}
