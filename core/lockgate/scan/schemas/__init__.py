"""Schemas of ONNX, TensorFlow and LightGBM, written by `make` from what is installed."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@functools.cache
def load(name: str) -> Any:
    """Read one document, such as ``onnx-messages``."""
    return json.loads((_HERE / f"{name}.json").read_text("utf-8"))
