"""The JSON Schema of ``lockgate.yaml``, for editors."""

from __future__ import annotations

from typing import Any

from lockgate.policy.form import POLICY


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``lockgate.yaml``, with every stage that is installed."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lockgate policy",
    } | POLICY.schema()
