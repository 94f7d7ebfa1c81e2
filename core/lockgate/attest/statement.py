"""Statements: what one run says about the artifacts that it looked at, as in-toto Statement v1.

The predicate of a check is in-toto's Test Result v0.1 with one extension field, so that any reader of
that predicate understands the outcome and ours the whole of it:

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
          "policy": {"sha256": "..."}, "thresholds": {}, "checks": [], "metrics": {},
          "closing": [],                       # findings that weigh as a FAIL: rule, check
          "outputs": {"suspects": {"sha256": "..."}},
          "evidence": {},                      # the attestations that it read
          "finishedOn": "2026-01-01T00:00:00.000Z"
        }
      }
    }

Stages that do something else than check write another predicate (`lockgate.attest.predicates`) with
the same extension in it, so that every attestation of a stage tells verdict, stage and time.

Subjects are the inputs of the stage by parameter name, in the order of its signature. Its outputs
are named in the extension and are no subjects: the stage wrote them, it did not judge them. A run
without inputs has its own result as subject (``body_digest``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lockgate.attest import fields, predicates
from lockgate.attest.fields import DIGESTS, refuse
from lockgate.body import MAX_FINDINGS
from lockgate.outcome import Decision, Verdict, of_severity

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
EXTENSION = "lockgate:result/v1"
UNLISTED = "LG-UNLISTED"
"""Stands among the closing findings for those that a result has no room for; nobody can waive it."""


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
        common = [a for a in DIGESTS if a in self.digest and a in digest]
        return bool(common) and all(self.digest[a] == digest[a] for a in common)


@dataclass(frozen=True)
class Closing:
    """A finding that closes the gate.

    Attributes:
        rule: Its rule id.
        check: Id of the check that it explains, or empty.
    """

    rule: str
    check: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What the attestation of a stage says of the run, whatever its predicate.

    Attributes:
        stage: Name of the stage that ran.
        version: Lockgate's version.
        verdict: What it said.
        decision: What `gate-retraining` advised, or None.
        body_digest: SHA-256 (hex) over what the run said.
        policy: SHA-256 (hex) of the policy that it ran under, or None.
        thresholds: Values of the parameters that a policy may set, by name.
        closing: The findings that weigh as a FAIL.
        checks: Verdict of every check, by id.
        finished: When the run ended, with time zone.
    """

    stage: str
    version: str
    verdict: Verdict
    decision: Decision | None
    body_digest: str
    policy: str | None
    thresholds: Mapping[str, Any]
    closing: tuple[Closing, ...]
    checks: Mapping[str, Verdict]
    finished: dt.datetime

    @property
    def opens(self) -> bool:
        """Whether a gate opens on it."""
        return self.verdict.opens and self.decision is not Decision.QUARANTINE


@dataclass(frozen=True)
class Statement:
    """A statement, checked.

    Attributes:
        subjects: What it is about; never empty.
        kind: Its kind of predicate, for example ``test-result``; see `lockgate.attest.predicates`.
        claim: What the predicate says, as the dataclass of its kind.
        document: The whole statement as it was signed.
        summary: Of the run that wrote it; None for a kind that no stage writes.
    """

    subjects: tuple[Subject, ...]
    kind: str
    claim: Any
    document: Mapping[str, Any] = field(repr=False)
    summary: RunSummary | None = None

    @property
    def run(self) -> RunSummary:
        """What it says of the run that wrote it.

        Raises:
            EnvelopeError: No stage wrote it: it is a waiver, or the approval of a policy.
        """
        if self.summary is None:
            refuse(f"it is of the kind {self.kind}, which no stage writes")
        return self.summary

    @property
    def outputs(self) -> tuple[Subject, ...]:
        """What the run wrote, by the names of the stage's outputs.

        Raises:
            EnvelopeError: No stage wrote the statement, or it says this in another form.
        """
        if self.summary is None:
            return ()
        said = self.document["predicate"][EXTENSION].get("outputs", {})
        listed = fields.mapping(said, "the outputs")
        return tuple(
            Subject(name, fields.digest_set(digests, "an output")) for name, digests in listed.items()
        )


def from_result(document: Mapping[str, Any], kind: str = "test-result") -> dict[str, Any]:
    """Return the statement of a result document (``result.json``).

    Paths and URIs stay out of it, but for those that a predicate asks for: a statement travels further
    than a result, and is matched by digest.

    Args:
        document: The result.
        kind: What the stage attests; see `lockgate.attest.predicates.STAGES`.
    """
    module = predicates.module(kind)
    subjects = [{"name": s["name"], "digest": s["digest"]} for s in document["subjects"]]
    chosen = getattr(module, "subjects", None)  # a kind that is not about every input says about which
    if chosen is not None:
        subjects = chosen(document)
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects or [{"name": "result", "digest": {"sha256": document["body_digest"]}}],
        "predicateType": module.TYPE,
        "predicate": {**module.from_result(document), EXTENSION: _extension(document)},
    }


def parse(data: Any) -> Statement:
    """Return a statement that was read from an envelope, checked.

    Args:
        data: The JSON value.

    Raises:
        EnvelopeError: It is none of Lockgate's, or says two things at once.
    """
    document = fields.mapping(data, "the statement")
    if document.get("_type") != STATEMENT_TYPE:
        refuse(f"its _type is not {STATEMENT_TYPE}")
    kind = predicates.kind_of(document.get("predicateType"))
    predicate = fields.mapping(document.get("predicate"), "the predicate")
    summary = _summary(predicate) if kind in predicates.STAGES else None
    return Statement(
        subjects=_subjects(document.get("subject")),
        kind=kind,
        claim=predicates.module(kind).parse(predicate, summary),
        document=document,
        summary=summary,
    )


def _extension(document: Mapping[str, Any]) -> dict[str, Any]:
    closing = {
        (finding["rule"], finding["check"])
        for finding in document["findings"]
        if of_severity(finding["severity"]) is Verdict.FAIL
    }
    if len(document["findings"]) >= MAX_FINDINGS:  # there may be more than a result has room for
        closing.add((UNLISTED, ""))
    return {
        "stage": document["stage"],
        "version": document["version"],
        "verdict": document["verdict"],
        "decision": document["decision"],
        "bodyDigest": document["body_digest"],
        "policy": document["policy"]["digest"],
        "thresholds": document["policy"]["thresholds"],
        "checks": document["checks"],
        "metrics": document["metrics"],
        "closing": [{"rule": rule, "check": check} for rule, check in sorted(closing)],
        "outputs": {name: entry["digest"] for name, entry in document["outputs"].items()},
        "evidence": {entry["name"]: entry["digest"] for entry in document["evidence"]},
        "finishedOn": document["finished"],
    }


def _summary(predicate: Mapping[str, Any]) -> RunSummary:
    said = fields.mapping(predicate.get(EXTENSION), f"the field {EXTENSION!r} of the predicate")
    policy = said.get("policy")
    return RunSummary(
        stage=fields.text(said, "stage"),
        version=fields.text(said, "version"),
        verdict=fields.word(Verdict, said, "verdict"),
        decision=None if said.get("decision") is None else fields.word(Decision, said, "decision"),
        body_digest=fields.hex_256(said.get("bodyDigest"), "bodyDigest"),
        policy=None if policy is None else fields.digest_set(policy, "the policy").get("sha256"),
        thresholds=fields.mapping(said.get("thresholds"), "the field 'thresholds'"),
        closing=tuple(_closing(entry) for entry in fields.items(said.get("closing"), "the field 'closing'")),
        checks=_checks(said),
        finished=fields.time(said, "finishedOn"),
    )


def _closing(value: Any) -> Closing:
    entry = fields.mapping(value, "a closing finding")
    check = entry.get("check")
    if not isinstance(check, str):
        refuse("the check of a closing finding is no text")
    return Closing(fields.text(entry, "rule"), check)


def _checks(said: Mapping[str, Any]) -> dict[str, Verdict]:
    """Return the verdict of each check; of several with one id, the one that a waiver helps least."""
    found: dict[str, Verdict] = {}
    for value in fields.items(said.get("checks"), "the field 'checks'"):
        entry = fields.mapping(value, "a check")
        name, verdict = fields.text(entry, "id"), fields.word(Verdict, entry, "verdict")
        found[name] = max(found.get(name, verdict), verdict, key=_stubbornness)
    return found


def _stubbornness(verdict: Verdict) -> int:
    """Order verdicts by what it takes to open a gate all the same: what could not run cannot be waived."""
    return 0 if verdict.opens else 2 if verdict is Verdict.INCONCLUSIVE else 1


def _subjects(value: Any) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not value:
        refuse("it has no subject")
    found = tuple(_subject(entry) for entry in value)
    names = [subject.name for subject in found]
    if len(set(names)) != len(names):
        refuse("two of its subjects have the same name")
    return found


def _subject(value: Any) -> Subject:
    entry = fields.mapping(value, "a subject")
    return Subject(fields.text(entry, "name"), fields.digest_set(entry.get("digest"), "a subject"))
