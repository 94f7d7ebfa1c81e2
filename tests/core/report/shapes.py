"""What a reader of SARIF 2.1.0 and of JUnit XML takes: the shapes that both files are held against."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import jsonschema

# What we write of SARIF 2.1.0, closed against anything else, with the limits of GitHub's code scanning.
TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 2100}},
}
SHORT = {**TEXT, "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 1024}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
URI = {"type": "string", "pattern": r"^(?!/)(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+$"}  # relative, RFC 3986
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}


def _object(required: dict, **optional) -> dict:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def _list(items: dict, **more) -> dict:
    return {"type": "array", "items": items, **more}


RULE = _object(
    {
        "id": NAME,
        "name": NAME,
        "shortDescription": SHORT,
        "fullDescription": SHORT,
        "help": _object({"text": {"type": "string", "minLength": 1}, "markdown": {"type": "string"}}),
        "defaultConfiguration": _object({"level": LEVEL}),
        "properties": _object(
            {
                "tags": _list({"type": "string"}, maxItems=10, uniqueItems=True),
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "security-severity": {"type": "string", "pattern": r"^(10\.0|\d\.\d)$"},
            }
        ),
    }
)
PHYSICAL = _object(
    {
        "artifactLocation": _object({"uri": URI}),
        "region": _object({"startLine": {"type": "integer", "minimum": 1}}),
    }
)
FOUND = _object(
    {
        "ruleId": NAME,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": _list(
            _object(
                {"physicalLocation": PHYSICAL},
                logicalLocations=_list(_object({"name": {"type": "string"}, "kind": {"type": "string"}})),
            ),
            minItems=1,
            maxItems=1,
        ),
        "partialFingerprints": {
            "type": "object",
            "required": ["primaryLocationLineHash"],
            "additionalProperties": {"type": "string", "pattern": r"^[0-9a-f]{32}:\d+$"},
        },
        "occurrenceCount": {"type": "integer", "minimum": 1},
        "properties": {"type": "object"},
    },
    suppressions=_list(
        _object(
            {
                "kind": {"const": "external"},
                "status": {"const": "accepted"},
                "justification": NAME | {"maxLength": 2100},
            }
        )
    ),
)
LOG = _object(
    {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": _list(
            _object(
                {
                    "tool": _object(
                        {
                            "driver": _object(
                                {
                                    "name": NAME,
                                    "fullName": NAME,
                                    "version": NAME,
                                    "rules": _list(RULE, uniqueItems=True),
                                },
                                semanticVersion={"type": "string"},
                            )
                        }
                    ),
                    "automationDetails": _object({"id": {"type": "string", "pattern": "^lockgate/.*/$"}}),
                    "invocations": _list(
                        _object(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "startTimeUtc": TIME,
                                "endTimeUtc": TIME,
                                "toolExecutionNotifications": _list(
                                    _object(
                                        {"level": LEVEL, "message": TEXT},
                                        descriptor=_object({"id": NAME | {"maxLength": 500}}),
                                    )
                                ),
                            }
                        ),
                        minItems=1,
                        maxItems=1,
                    ),
                    "artifacts": _list(
                        _object(
                            {
                                "location": _object({"uri": URI}),
                                "description": TEXT,
                                "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
                            }
                        ),
                        uniqueItems=True,
                    ),
                    "results": _list(FOUND, maxItems=5000),
                    "columnKind": {"const": "unicodeCodePoints"},
                    "properties": {"type": "object"},
                }
            ),
            minItems=1,
            maxItems=1,
        ),
    }
)
SHAPE = jsonschema.Draft202012Validator(LOG)


def hold_against_jenkins(root: ET.Element) -> None:
    """The structure that Jenkins' junit-10.xsd allows."""
    children = {
        "testsuites": {"testsuite"},
        "testsuite": {"properties", "testcase", "system-out", "system-err", "testsuite"},
        "properties": {"property"},
        "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    }
    attributes = {
        "testsuites": ({"name", "time", "tests", "failures", "errors"}, set()),
        "testsuite": (
            {"name", "tests", "failures", "errors", "time", "skipped", "timestamp"},
            {"name", "tests", "failures", "errors"},
        ),
        "property": ({"name", "value"}, {"name", "value"}),
        "testcase": ({"name", "time", "classname"}, {"name"}),
        "failure": ({"type", "message"}, set()),
        "error": ({"type", "message"}, set()),
        "skipped": ({"type", "message"}, set()),
    }
    assert root.tag == "testsuites"
    for element in root.iter():
        allowed, needed = attributes.get(element.tag, (set(), set()))
        assert needed <= set(element.attrib) <= allowed, element.tag
        assert {child.tag for child in element} <= children.get(element.tag, set()), element.tag
        if "time" in element.attrib:
            assert re.fullmatch(r"\d+(\.\d+)?", element.attrib["time"])
        for counted in ("tests", "failures", "errors", "skipped"):
            assert element.attrib.get(counted, "0").isdigit()
