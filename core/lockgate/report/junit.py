"""Write a result as JUnit XML, which every build server shows: a test case for each check.

The elements and attributes are those of Jenkins' schema (``junit-10.xsd`` of its xUnit plugin):

| in the result | in the file |
|---|---|
| a check that held | a test case that passed |
| WARN | a test case that passed, with its text in ``system-out`` |
| FAIL, or a finding that closes the gate | a test case with ``failure`` |
| INCONCLUSIVE | a test case with ``error``: it could not run |
| WAIVED | a test case that was ``skipped`` |
| such a finding without a check | a test case of its own, with ``failure`` |

So a suite without failures and errors is one whose verdict opens a gate.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from lockgate.outcome import Verdict, of_severity
from lockgate.report.text import literal, visible

_LONGEST = 2_000  # characters of a text
_LONGEST_NAME = 400
_CLOSED = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def render(document: Mapping[str, Any]) -> str:
    """Return a result (the document ``result.json``) as JUnit XML."""
    suite = ET.Element("testsuite")
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(document):
        ET.SubElement(properties, "property", name=_name(name), value=_name(value))
    cases = _cases(document)
    suite.extend(cases)
    known = {check["id"] for check in document["checks"]}
    if loose := [finding for finding in document["findings"] if finding["check"] not in known]:
        ET.SubElement(suite, "system-out").text = _lines(loose)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
    }
    started, finished = _time(document["started"]), _time(document["finished"])
    seconds = {"time": _seconds((finished - started).total_seconds())}
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    name = f"lockgate.{document['stage']}"
    when = started.replace(microsecond=0, tzinfo=None).isoformat()
    suite.attrib.update(name=name, **counts, skipped=skipped, timestamp=when, **seconds)
    root = ET.Element("testsuites", {"name": "lockgate", **counts, **seconds})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


# --- Cases ------------------------------------------------------------------------------------------


def _cases(document: Mapping[str, Any]) -> list[ET.Element]:
    of_check: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for finding in document["findings"]:
        of_check[finding["check"]].append(finding)
    known = {check["id"] for check in document["checks"]}
    stage = document["stage"]
    cases = [_of_check(stage, check, of_check[check["id"]]) for check in document["checks"]]
    loose = [f for f in document["findings"] if _closes(f) and f["check"] not in known]
    cases += [_of_finding(stage, finding) for finding in loose]
    if document["verdict"] in _CLOSED and not any(_stopped(case) for case in cases):
        case = _case(stage, "verdict")
        said = _attributes(
            str(document["verdict"]), "nothing was checked" if not cases else "the gate is closed"
        )
        ET.SubElement(case, "error", said)
        cases.append(case)
    return cases


def _of_check(stage: str, check: Mapping[str, Any], findings: list[Mapping[str, Any]]) -> ET.Element:
    case = _case(stage, check["id"])
    element = {"FAIL": "failure", "INCONCLUSIVE": "error", "WAIVED": "skipped"}.get(check["verdict"])
    if element != "error" and any(_closes(finding) for finding in findings):
        element = "failure"
    said = "\n".join(part for part in (_measured(check), _shown(check["reason"]), _lines(findings)) if part)
    if element is not None:
        first = findings[0]["message"] if findings else check["reason"] or _measured(check)
        kind = findings[0]["rule"] if findings else str(check["verdict"])
        ET.SubElement(case, element, _attributes(kind, first or str(check["verdict"]))).text = said
    elif check["verdict"] == Verdict.WARN or findings:
        ET.SubElement(case, "system-out").text = f"{check['verdict']}\n{said}"
    return case


def _of_finding(stage: str, finding: Mapping[str, Any]) -> ET.Element:
    about = f" {finding['subject']}" if finding["subject"] else ""
    case = _case(stage, f"{finding['rule']}{about}")
    element = ET.SubElement(case, "failure", _attributes(finding["rule"], finding["message"]))
    element.text = _lines([finding])
    return case


def _case(stage: str, name: str) -> ET.Element:
    return ET.Element("testcase", classname=f"lockgate.{stage}", name=_name(name), time="0")


def _closes(finding: Mapping[str, Any]) -> bool:
    return of_severity(finding["severity"]) is Verdict.FAIL


def _stopped(case: ET.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _attributes(kind: str, message: str) -> dict[str, str]:
    return {"type": _name(kind), "message": _shown(message)}


# --- Texts ------------------------------------------------------------------------------------------


def _properties(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        ("verdict", document["verdict"]),
        ("decision", document["decision"] or ""),
        ("body_digest", document["body_digest"]),
        ("lockgate", document["version"]),
    ]
    policy = document["policy"]["digest"]
    found += [("policy", _digest(policy))] if policy else []
    found += [(f"input:{entry['name']}", _digest(entry["digest"])) for entry in document["subjects"]]
    found += [(f"output:{name}", _digest(entry["digest"])) for name, entry in document["outputs"].items()]
    return [(name, value) for name, value in found if value]


def _digest(digest: Mapping[str, str]) -> str:
    return " ".join(f"{name}:{value}" for name, value in digest.items())


def _measured(check: Mapping[str, Any]) -> str:
    if check["comparator"] is None:
        return "" if check["value"] is None else _shown(f"measured: {literal(check['value'])}")
    value = "not measured" if check["value"] is None else literal(check["value"])
    return _shown(f"{value}; it holds when {check['comparator']} {literal(check['threshold'])}")


def _lines(findings: list[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"{f['severity']} {_name(f['rule'])}: {_shown(f['message'])}{_place(f)}"
        + (f" Fix: {_shown(f['fix'])}" if f["fix"] else "")
        for f in findings
    )


def _place(finding: Mapping[str, Any]) -> str:
    where = finding["location"]
    said = [
        finding["subject"],
        *(f"{kind} {where[kind]}" for kind in ("member", "column") if where.get(kind)),
    ]
    said += [f"{kind} {where[kind]}" for kind in ("cell", "output", "line") if where.get(kind)]
    if where.get("offset") is not None:
        said.append(f"byte {where['offset']}")
    named = ", ".join(part for part in said if part)
    return f" [{_name(named)}]" if named else ""


def _shown(text: str) -> str:
    """Return one line that XML 1.0 can hold: control characters and surrogates are spelled out."""
    return visible(text, _LONGEST)


def _name(text: str) -> str:
    return visible(text, _LONGEST_NAME)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.3f}"  # a clock may have been set back
