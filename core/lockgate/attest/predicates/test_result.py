"""Test Result v0.1 of in-toto: what a check stage found.

https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.attest.fields import refuse
from lockgate.attest.predicates import STAGES
from lockgate.outcome import Decision

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = STAGES["test-result"]


@dataclass(frozen=True)
class TestResult:
    """What the predicate says to readers that do not know Lockgate.

    Attributes:
        result: PASSED, WARNED or FAILED.
    """

    __test__ = False  # to pytest, a class of this name is a test

    result: str


def from_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the predicate's own fields for a result document."""
    checks = document["checks"]
    policy = document["policy"]["digest"]
    return {
        "result": _result(document["verdict"], document["decision"]),
        "configuration": [{"name": "lockgate.yaml", "digest": policy}] if policy else [],
        "passedTests": _ids(checks, "PASSED"),
        "warnedTests": _ids(checks, "WARNED"),
        "failedTests": _ids(checks, "FAILED"),
    }


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> TestResult:
    """Return what a predicate says; refuse one that says something else than the run it is of."""
    result = predicate.get("result")
    if run is None or result != _result(run.verdict, run.decision):
        refuse("its result contradicts its verdict")
    return TestResult(str(result))


def _result(verdict: str, decision: str | None) -> str:
    if decision == Decision.QUARANTINE:
        return "FAILED"
    return {"PASS": "PASSED", "WARN": "WARNED", "WAIVED": "WARNED"}.get(str(verdict), "FAILED")


def _ids(checks: Sequence[Mapping[str, Any]], result: str) -> list[str]:
    return [check["id"] for check in checks if _result(check["verdict"], None) == result]
