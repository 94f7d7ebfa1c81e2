"""Statements: what one run says about the artifacts that it looked at, as in-toto Statement v1.

The predicate is in-toto's Test Result v0.1 with one extension field, so that any reader of that
predicate understands the outcome and ours the whole of it:

    {
      "_type": "https://in-toto.io/Statement/v1",
      "subject": [{"name": "train", "digest": {"sha256": "..."}}],
      "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
      "predicate": {
        "result": "PASSED",                    # FAILED for FAIL, INCONCLUSIVE and QUARANTINE
        "configuration": [{"name": "lockgate.yaml", "digest": {"sha256": "..."}}],
        "passedTests": ["rows"], "warnedTests": [], "failedTests": [],
        "lockgate:result/v1": {                # the extension
          "stage": "detect-poisoning", "version": "0.1.0",
          "verdict": "PASS", "decision": null, "bodyDigest": "...",
          "thresholds": {}, "checks": [], "metrics": {}, "outputs": {"suspects": {"sha256": "..."}},
          "evidence": {},                      # the attestations that it read
          "finishedOn": "2026-01-01T00:00:00.000Z"
        }
      }
    }

Subjects are the inputs of the stage by parameter name, in the order of its signature. Its outputs
are named in the extension and are no subjects: the stage wrote them, it did not judge them. A run
without inputs has its own result as subject (``body_digest``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lockgate.errors import EnvelopeError
from lockgate.outcome import Decision, Verdict

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
EXTENSION = "lockgate:result/v1"

_DIGESTS = ("sha256", "lockgateTree1")
_HEX_256 = re.compile(r"[0-9a-f]{64}\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)\Z")


@dataclass(frozen=True)
class Subject:
    """An artifact that a statement is about.

    Attributes:
        name: The input's parameter name in the stage, for example ``train``.
        digest: Its DigestSet.
    """

    name: str
    digest: Mapping[str, str]

    def is_(self, digest: Mapping[str, str]) -> bool:
        """Whether a DigestSet is this one's: an algorithm in common, and no common one differs.

        Only algorithms that Lockgate accepts count (``sha256``, ``lockgateTree1``), so a weak digest
        beside them neither helps nor harms.
        """
        common = [a for a in _DIGESTS if a in self.digest and a in digest]
        return bool(common) and all(self.digest[a] == digest[a] for a in common)


@dataclass(frozen=True)
class Statement:
    """A statement of a run, checked.

    Attributes:
        subjects: What it is about; never empty.
        stage: Name of the stage that ran.
        version: Lockgate's version.
        verdict: What it said.
        decision: What `gate-retraining` advised, or None.
        body_digest: SHA-256 (hex) over what the run said.
        finished: When the run ended, with time zone.
        document: The whole statement as it was signed.
    """

    subjects: tuple[Subject, ...]
    stage: str
    version: str
    verdict: Verdict
    decision: Decision | None
    body_digest: str
    finished: dt.datetime
    document: Mapping[str, Any]

    @property
    def opens(self) -> bool:
        """Whether a gate opens on it."""
        return self.verdict.opens and self.decision is not Decision.QUARANTINE


def from_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement of a result document (``result.json``).

    Paths and URIs stay out of it: a statement travels further than a result, and is matched by digest.
    """
    checks = document["checks"]
    subjects = [{"name": s["name"], "digest": s["digest"]} for s in document["subjects"]]
    policy = document["policy"]["digest"]
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects or [{"name": "result", "digest": {"sha256": document["body_digest"]}}],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": _result(document["verdict"], document["decision"]),
            "configuration": [{"name": "lockgate.yaml", "digest": policy}] if policy else [],
            "passedTests": _ids(checks, "PASSED"),
            "warnedTests": _ids(checks, "WARNED"),
            "failedTests": _ids(checks, "FAILED"),
            EXTENSION: {
                "stage": document["stage"],
                "version": document["version"],
                "verdict": document["verdict"],
                "decision": document["decision"],
                "bodyDigest": document["body_digest"],
                "thresholds": document["policy"]["thresholds"],
                "checks": checks,
                "metrics": document["metrics"],
                "outputs": {name: entry["digest"] for name, entry in document["outputs"].items()},
                "evidence": {entry["name"]: entry["digest"] for entry in document["evidence"]},
                "finishedOn": document["finished"],
            },
        },
    }


def parse(data: Any) -> Statement:
    """Return a statement that was read from an envelope, checked.

    Args:
        data: The JSON value.

    Raises:
        EnvelopeError: It is no statement of a Lockgate run, or says two things at once.
    """
    document = _mapping(data, "the statement")
    if document.get("_type") != STATEMENT_TYPE:
        _refuse(f"its _type is not {STATEMENT_TYPE}")
    if document.get("predicateType") != TEST_RESULT:
        _refuse(f"its predicateType is not {TEST_RESULT}")
    predicate = _mapping(document.get("predicate"), "the predicate")
    said = _mapping(predicate.get(EXTENSION), f"the field {EXTENSION!r} of the predicate")
    verdict = _word(Verdict, said, "verdict")
    decision = None if said.get("decision") is None else _word(Decision, said, "decision")
    if predicate.get("result") != _result(verdict, decision):
        _refuse("its result contradicts its verdict")
    return Statement(
        subjects=_subjects(document.get("subject")),
        stage=_text(said, "stage"),
        version=_text(said, "version"),
        verdict=verdict,
        decision=decision,
        body_digest=_hex(said.get("bodyDigest"), "bodyDigest"),
        finished=_time(_text(said, "finishedOn")),
        document=document,
    )


def _result(verdict: str, decision: str | None) -> str:
    if decision == Decision.QUARANTINE:
        return "FAILED"
    return {"PASS": "PASSED", "WARN": "WARNED", "WAIVED": "WARNED"}.get(str(verdict), "FAILED")


def _ids(checks: Sequence[Mapping[str, Any]], result: str) -> list[str]:
    return [check["id"] for check in checks if _result(check["verdict"], None) == result]


def _subjects(value: Any) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not value:
        _refuse("it has no subject")
    found = tuple(_subject(entry) for entry in value)
    names = [subject.name for subject in found]
    if len(set(names)) != len(names):
        _refuse("two of its subjects have the same name")
    return found


def _subject(value: Any) -> Subject:
    entry = _mapping(value, "a subject")
    digest = _mapping(entry.get("digest"), "a subject's digest")
    for algorithm in _DIGESTS:
        if algorithm in digest:
            _hex(digest[algorithm], algorithm)
    if not any(algorithm in digest for algorithm in _DIGESTS):
        _refuse(f"a subject has no digest of a kind that is accepted ({', '.join(_DIGESTS)})")
    return Subject(_text(entry, "name"), {a: digest[a] for a in _DIGESTS if a in digest})


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"{what} is missing or no object")
    return value


def _text(entry: Mapping[str, Any], field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        _refuse(f"the field {field!r} is missing or no text")
    return value


def _hex(value: Any, field: str) -> str:
    if not isinstance(value, str) or not _HEX_256.match(value):
        _refuse(f"{field!r} is not 64 lower-case hexadecimal digits")
    return value


def _word(kind: Any, entry: Mapping[str, Any], field: str) -> Any:
    value = _text(entry, field)
    if value not in {word.value for word in kind}:
        _refuse(f"the {field} is not one of {', '.join(word.value for word in kind)}")
    return kind(value)


def _time(value: str) -> dt.datetime:
    match = _TIME.match(value)
    if not match or not value.isascii():
        _refuse("its finishedOn is no time with a zone (RFC 3339)")
    # Python 3.10 reads neither the letter Z nor fractions of other than 3 or 6 digits.
    whole, fraction, zone = match.groups()
    zone = "+00:00" if zone == "Z" else zone
    try:
        return dt.datetime.fromisoformat(f"{whole}.{fraction or '':0<6}{zone}")
    except ValueError:
        _refuse("its finishedOn is no time that a calendar has")


def _refuse(what: str) -> NoReturn:
    raise EnvelopeError(f"the attestation cannot be used: {what}; take the one that Lockgate wrote")
