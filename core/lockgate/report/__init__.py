"""What people and other tools read about a run: the page `report.html`, and the schema of `result.json`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from lockgate.body import SCHEMA
from lockgate.report.html import MAX_BYTES, render

__all__ = ["MAX_BYTES", "SCHEMA", "render", "result_schema"]


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `result.json`."""
    text = resources.files(__package__).joinpath("result.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
