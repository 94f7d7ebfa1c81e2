"""What people and other tools read about a run: the page `report.html`, and the schema of `result.json`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

SCHEMA = "lockgate.result/1"
"""The value of `schema` in every result that this version writes."""


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `result.json`."""
    text = resources.files(__package__).joinpath("result.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
