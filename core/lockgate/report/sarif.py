"""Write a result as SARIF 2.1.0, which code hosts and security dashboards read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what GitHub asks for beyond it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning

Every finding becomes a result. So does every check that did not hold, could not run or was waived and
that no finding explains: GitHub shows results and nothing else, and what did not run must not look
clean there. Checks that held are not written, because GitHub would show them as alerts; the JUnit
file has them. A waived finding is a suppressed result.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from lockgate.outcome import Severity, Verdict, of_severity
from lockgate.report.rules import texts
from lockgate.report.text import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 5_000
"""GitHub takes 25,000 results of a run and shows the 5,000 most severe."""

_LONGEST = 1_000  # characters; GitHub's limit for a rule's texts is 1,024
_LONGEST_NAME = 200  # GitHub's limit for a name is 255
_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub's bands: critical above 9.0, high from 7.0, medium from 4.0, low above 0.
_SCORE = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
_OF_CHECK = {
    Verdict.FAIL: ("LG-CHECK-FAIL", Severity.HIGH, "A check did not hold."),
    Verdict.WARN: ("LG-CHECK-WARN", Severity.MEDIUM, "A check asks to be looked at."),
    Verdict.INCONCLUSIVE: ("LG-CHECK-INCONCLUSIVE", Severity.MEDIUM, "A check could not run."),
    Verdict.WAIVED: ("LG-CHECK-WAIVED", Severity.INFO, "A check did not hold, and was excused."),
}
_SEMANTIC = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?\Z")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@])")


def render(document: Mapping[str, Any], root: Path | None = None) -> str:
    """Return a result as a SARIF log.

    Args:
        document: The result document (``result.json``).
        root: The folder that paths become relative to, as GitHub wants them relative to the checkout;
            by default the working directory. Of a path outside of it only the last part is written.
    """
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_Log(document, root or Path.cwd()).run()]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


class _Log:
    """One run of a stage on its way into SARIF."""

    def __init__(self, document: Mapping[str, Any], root: Path) -> None:
        self.document = document
        self.root = root
        held = {check["id"] for check in document["checks"] if check["verdict"] != Verdict.WAIVED}
        self.waived = {c["id"]: c["reason"] or "waived" for c in document["checks"] if c["id"] not in held}
        self.rules: dict[str, dict[str, Any]] = {}
        self.severity: dict[str, Severity] = {}
        self.places: dict[str, Mapping[str, Any]] = {e["name"]: e for e in document["subjects"]}
        self.places |= {n: e for n, e in document["outputs"].items() if n not in self.places}
        findings = document["findings"]
        self.fixes = {f["rule"]: f["fix"] for f in reversed(findings) if f["fix"]}
        self.threats = {f["rule"]: f["threat"] for f in reversed(findings) if f["threat"]}
        self.seen: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        document = self.document
        said = [self._result(finding) for finding in self._findings()]
        left_out = max(len(said) - MAX_RESULTS, 0)
        order = list(Severity)
        said.sort(key=lambda pair: -order.index(pair[0]))
        for rule, severity in self.severity.items():
            self.rules[rule]["defaultConfiguration"] = {"level": _LEVEL[severity]}
            self.rules[rule]["properties"]["security-severity"] = _SCORE[severity]
        version = document["version"]
        driver = {"name": "Lockgate", "fullName": f"Lockgate {document['stage']}", "version": version}
        if _SEMANTIC.match(version):
            driver["semanticVersion"] = version
        return {
            "tool": {"driver": {**driver, "rules": list(self.rules.values())}},
            "automationDetails": {"id": self._category()},
            "invocations": [self._invocation(left_out)],
            "artifacts": self._artifacts(),
            "results": [result for _, result in said[:MAX_RESULTS]],
            "columnKind": "unicodeCodePoints",
            "properties": {
                "verdict": document["verdict"],
                "decision": document["decision"],
                "bodyDigest": document["body_digest"],
            },
        }

    def _findings(self) -> Iterator[Mapping[str, Any]]:
        """Yield the findings, and one for each check that none of as much weight explains."""
        order = list(Severity)
        weight: dict[str, int] = {}
        for finding in self.document["findings"]:
            own = order.index(Severity(finding["severity"]))
            weight[finding["check"]] = max(own, weight.get(finding["check"], 0))
        yield from self.document["findings"]
        for check in self.document["checks"]:
            verdict = Verdict(check["verdict"])
            if verdict is Verdict.PASS:
                continue
            if weight.get(check["id"], -1) < order.index(_OF_CHECK[verdict][1]):
                yield _finding_of(check, verdict)
        if not self.document["checks"] and self.document["verdict"] == Verdict.INCONCLUSIVE:
            nothing = {"id": "", "reason": "nothing was checked"}
            yield _finding_of(nothing, Verdict.INCONCLUSIVE)

    def _result(self, finding: Mapping[str, Any]) -> tuple[Severity, dict[str, Any]]:
        severity, rule = Severity(finding["severity"]), finding["rule"]
        self._rule(finding, severity)
        print_ = self._fingerprint(finding)
        result: dict[str, Any] = {
            "ruleId": rule,
            "ruleIndex": list(self.rules).index(rule),
            "level": _LEVEL[severity],
            "message": {"text": _text(_message(finding))},
            "locations": [self._location(finding)],
            "partialFingerprints": {"primaryLocationLineHash": print_, "lockgateFinding/v1": print_},
            "occurrenceCount": max(int(finding["count"]), 1),
            "properties": {"severity": str(severity), **self._where(finding)},
        }
        if finding["check"] in self.waived and of_severity(severity) is not Verdict.FAIL:
            why = _text(self.waived[finding["check"]])
            result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
        return severity, result

    def _rule(self, finding: Mapping[str, Any], severity: Severity) -> None:
        rule = finding["rule"]
        order = list(Severity)
        self.severity[rule] = max(self.severity.get(rule, severity), severity, key=order.index)
        if rule in self.rules:
            return
        general = {name: text for name, _, text in _OF_CHECK.values()}
        said = general.get(rule) or texts().get(rule)
        short = _text(said or f"{rule} of {self.document['stage']}")
        fix = self.fixes.get(rule) or f"Read the report of {self.document['stage']}."
        threat = self.threats.get(rule, "")
        tags = ["security", self.document["stage"], *([threat] if threat else [])]
        self.rules[rule] = {
            "id": rule,
            "name": _name(rule),
            "shortDescription": {"text": short},
            "fullDescription": {"text": _text(said or _message(finding))},
            "help": {
                "text": _text(f"{short} {fix}{' Threat: ' if threat else ''}{threat}"),
                "markdown": _markdown(short, fix, threat),
            },
            "properties": {
                "tags": list(dict.fromkeys(visible(tag, _LONGEST_NAME) for tag in tags)),
                "precision": "high",
            },
        }

    def _location(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        where, entry = finding["location"], self._entry(finding)
        uri = self._uri(entry["uri"]) if entry else "result.json"
        member = where.get("member")
        if member and entry and "lockgateTree1" in entry["digest"]:  # elsewhere it is inside of the file
            parts = [part for part in PurePosixPath(member).parts if part not in ("/", "..")]
            uri = "/".join([uri, *(_quoted(part) for part in parts)])
        # The line of a cell is none of the file, whose cells lie in JSON.
        line = where.get("line") if not where.get("cell") else None
        location: dict[str, Any] = {
            "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line or 1}}
        }
        named = [(kind, where.get(kind)) for kind in ("member", "column") if where.get(kind)]
        named += [(kind, f"{kind} {where[kind]}") for kind in ("cell", "output") if where.get(kind)]
        if named:
            location["logicalLocations"] = [
                {"name": visible(str(name), _LONGEST_NAME), "kind": kind} for kind, name in named
            ]
        return location

    def _where(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a region cannot say: rows of a table, an offset in a binary file, a cell's line."""
        where = finding["location"]
        found: dict[str, Any] = {"subject": visible(finding["subject"], _LONGEST_NAME)}
        if where.get("offset") is not None:
            found["byteOffset"] = where["offset"]
        found |= {kind: where[kind] for kind in ("cell", "output", "line") if where.get(kind)}
        if where.get("rows"):
            found["rows"] = [r if isinstance(r, int) else visible(r, _LONGEST_NAME) for r in where["rows"]]
        return found

    def _fingerprint(self, finding: Mapping[str, Any]) -> str:
        """Return what is the same in the next run: no number of a message, no row, offset, cell or line.

        The place takes part by the name of the input, not by its path, and repeats are counted, so that
        two findings of a rule in one place stay two alerts.
        """
        where = finding["location"]
        said = [self.document["stage"], finding["rule"], finding["subject"], finding["check"]]
        said += [where.get("member") or "", where.get("column") or ""]
        digest = hashlib.sha256("\0".join(said).encode("utf-8", "replace")).hexdigest()[:32]
        self.seen[digest] += 1
        return f"{digest}:{self.seen[digest]}"

    def _entry(self, finding: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the artifact that a finding is about; without one that is known, the first input."""
        name = finding["subject"]
        if name in self.places:
            return self.places[name]
        some = [entry for key, entry in self.places.items() if key.partition("[")[0] == name]
        return next(iter([*some, *self.document["subjects"]]), None)

    def _artifacts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for entry in self.document["subjects"]:
            if (made := self._artifact(entry)) not in found:  # the schema wants each once
                found.append(made)
        return found

    def _artifact(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        hashes = {("sha-256" if name == "sha256" else name): hex_ for name, hex_ in entry["digest"].items()}
        return {
            "location": {"uri": self._uri(entry["uri"])},
            "description": {"text": _text(f"The input {entry['name']}.")},
            "hashes": hashes,
        }

    def _uri(self, given: str) -> str:
        """Return a relative URI reference: GitHub refuses or misplaces whatever else there is."""
        if not given:  # what was found by its digest
            return "input"
        scheme, separator, rest = given.partition("://")
        if separator and "/" not in scheme and scheme.lower() != "file":
            parts = [part for part in rest.split("/") if part not in ("", ".", "..")]
        else:
            path = rest if separator and scheme.lower() == "file" else given
            whole = Path(os.path.normpath(self.root / path))
            inside = whole.is_relative_to(self.root) and whole != self.root
            parts = list(whole.relative_to(self.root).parts if inside else whole.parts[-1:])
        parts = [part for part in parts if part.strip("/")]
        return "/".join(_quoted(part) for part in parts) or "input"

    def _category(self) -> str:
        """Return what GitHub tells the uploads of one commit apart by: all up to the last slash."""
        first = next(iter(self.document["subjects"]), None)
        name = f"/{self._uri(first['uri'])[-_LONGEST_NAME:].lstrip('/')}" if first else ""
        return f"lockgate/{self.document['stage']}{name}/"

    def _invocation(self, left_out: int) -> dict[str, Any]:
        document = self.document
        notes = [
            {
                "level": "error",
                "descriptor": {"id": visible(check["id"], _LONGEST_NAME)},
                "message": {"text": _text(f"{check['id']}: {check['reason'] or 'could not run'}")},
            }
            for check in document["checks"][:MAX_RESULTS]
            if check["verdict"] == Verdict.INCONCLUSIVE
        ]
        total = document["metrics"].get("findings_in_all")
        if isinstance(total, int):
            left_out += total - len(document["findings"])
        if left_out:
            text = f"{left_out:,} more findings have no room here."
            notes.append({"level": "warning", "message": {"text": text}})
        return {
            "executionSuccessful": True,
            "startTimeUtc": document["started"],
            "endTimeUtc": document["finished"],
            "toolExecutionNotifications": notes,
        }


def _finding_of(check: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    rule, severity, text = _OF_CHECK[verdict]
    said = f"{check['id']}: {check['reason'] or text.rstrip('.').lower()}." if check["id"] else f"{text}"
    return {
        "rule": rule,
        "severity": severity,
        "message": said.replace("..", "."),
        "subject": "",
        "location": {},
        "count": 1,
        "threat": "",
        "fix": "",
        "check": check["id"],
    }


def _message(finding: Mapping[str, Any]) -> str:
    where = finding["location"]
    offset = f" (at byte {where['offset']:,})" if where.get("offset") is not None else ""
    return f"{finding['message']}{offset}{' ' if finding['fix'] else ''}{finding['fix']}"


def _text(text: str) -> str:
    """Return text for a message: braces doubled (SARIF 3.11.5), and never a link (3.11.6)."""
    shown = visible(text, _LONGEST)[:_LONGEST].replace("](", "] (")
    return shown.replace("{", "{{").replace("}", "}}")


def _markdown(short: str, fix: str, threat: str) -> str:
    rows = [("", short), ("What to do: ", fix), ("Threat: ", threat)]
    said = [f"{label}{_MARKDOWN.sub(_escaped, visible(text, _LONGEST))}" for label, text in rows if text]
    return "\n\n".join(said)


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match.group(1)}"


def _name(rule: str) -> str:
    """Return a rule's id as SARIF names things: words with capitals, nothing between (3.49.7)."""
    return "".join(word.capitalize() for word in rule.split("-"))[:_LONGEST_NAME]


def _quoted(part: str) -> str:
    return quote(part.encode("utf-8", "surrogateescape"), safe="")
