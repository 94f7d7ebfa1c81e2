"""Compute the base score of a CVSS v3.0 or v3.1 vector.

Source: FIRST, "Common Vulnerability Scoring System v3.1: Specification Document", sections 7.1
(equations), 7.4 (metric values) and appendix A (Roundup). v3.0 has the same base equations.
"""

from __future__ import annotations

import re

_VECTOR = re.compile(r"CVSS:3\.[01]/(.+)\Z")
_WEIGHT = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
_RATING = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.1, "LOW"))  # section 5
_NONE = "LOW"  # a score of 0.0 is "None"; an advisory that says so is still one


def base_score(vector: str) -> float | None:
    """Return the base score from 0.0 to 10.0, or None when the text is no vector of version 3."""
    match = _VECTOR.match(vector.strip())
    if match is None:
        return None
    metrics: dict[str, str] = {}
    for part in match.group(1).split("/"):
        name, _, value = part.partition(":")
        if name in metrics:
            return None
        metrics[name] = value
    try:
        weight = {name: values[metrics[name]] for name, values in _WEIGHT.items()}
        scope = metrics["S"]
        privileges = _PRIVILEGES[scope][metrics["PR"]]
    except KeyError:
        return None
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 6.42 * lost if scope == "U" else 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    return _roundup(min((impact + exploitability) * (1.08 if scope == "C" else 1.0), 10.0))


def rating(score: float) -> str:
    """Return the qualitative rating of a score: LOW, MEDIUM, HIGH or CRITICAL."""
    return next((name for least, name in _RATING if score >= least), _NONE)


def _roundup(value: float) -> float:
    """Return the smallest number with one decimal that is not below, as appendix A defines it."""
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10
