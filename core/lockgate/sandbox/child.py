"""The confined process: it opens one model and answers for it until the pipe closes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from lockgate.sandbox import confine, watch, wire


def main() -> None:
    """Confine this process, say how, and answer."""
    asked = json.loads(sys.argv[1])
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(2, 1)  # what a library prints is no answer
    held = confine.confine(**asked["limits"])
    os.dup2(null, 1)
    os.dup2(null, 2)
    scratch = asked["limits"]["write"]
    watch.watch(answers, scratch, network=asked["limits"]["network"])
    out = os.fdopen(answers, "wb", buffering=0)
    _send(out, {"held": held.plain(), "python": sys.version.split()[0]})
    with os.fdopen(0, "rb", closefd=False) as asks:
        _serve(asks, out)


def _serve(asks: BinaryIO, out: BinaryIO) -> None:
    model: Any = None
    while header := asks.readline():
        asked = json.loads(header)
        payload = asks.read(asked.get("bytes", 0))
        try:
            if asked["ask"] == "open":
                model = _open(asked)
                _send(out, _description(model))
            else:
                _send(out, {}, _answer(model, asked, payload))
        except MemoryError:
            _send(out, {"tried": "LG-SANDBOX-004", "what": ""})
            return
        except Exception as error:  # noqa: BLE001 - a model raises what it likes
            _send(out, _refusal(error))


def _open(asked: dict[str, Any]) -> Any:
    from lockgate.model.describe import Description
    from lockgate.model.load import open_found
    from lockgate.model.recognise import Found

    told: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in asked["told"].items()}
    found = Found(Path(asked["file"]), asked["family"], Description(**told))
    return open_found(found, Path(asked["called"]))


def _description(model: Any) -> dict[str, Any]:
    from lockgate.errors import InputError

    said: dict[str, Any] = {
        name: getattr(model, name)
        for name in ("kind", "features", "shape", "reads", "precision", "gives_probabilities", "has_gradient")
    }
    try:
        said["classes"] = model.classes
    except InputError as error:
        said["no_classes"] = str(error)
    return said


def _answer(model: Any, asked: dict[str, Any], payload: bytes) -> bytes:
    import warnings

    import numpy as np

    rows = wire.unpacked(asked["as"], payload)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if asked["ask"] == "probabilities":
            return wire.array_bytes(np.asarray(model.probabilities(rows)))
        if asked["ask"] == "gradient":
            return wire.array_bytes(
                np.asarray(model.gradient(rows, np.array(asked["target"], dtype=np.int64)))
            )
        labels = np.asarray(model.labels(rows))
    if asked["places"]:
        places = {label: i for i, label in enumerate(model.classes)}
        labels = np.array([places.get(label, -1) for label in labels.tolist()], dtype=np.int64)
    return wire.array_bytes(labels)


def _refusal(error: Exception) -> dict[str, Any]:
    from lockgate.errors import LockgateError

    if isinstance(error, LockgateError):
        return {"refused": str(error)}
    return {"raised": type(error).__name__}


def _send(out: BinaryIO, said: dict[str, Any], payload: bytes = b"") -> None:
    whole = memoryview(wire.line({**said, "bytes": len(payload)}) + payload)
    while whole:
        whole = whole[out.write(whole) or 0 :]
