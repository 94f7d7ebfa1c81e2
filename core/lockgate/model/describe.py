"""`lockgate.json` beside a model: what its file does not say.

    {"classes": ["no", "yes"], "features": ["age", "pay"], "shape": [2],
     "architecture": {"name": "mlp", "layers": [2, 16, 2], "activation": "relu"}}

All keys may be left out. It lies in the model's folder, so whoever signs the folder signs it too. A
safetensors file may carry the same document as the text ``lockgate`` in its own metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.errors import InputError

NAME = "lockgate.json"
_KEYS = frozenset(["classes", "features", "shape", "architecture"])
_MOST = 1 << 20


@dataclass(frozen=True)
class Description:
    """What was said about a model.

    Attributes:
        classes: Its labels, in the order of its outputs.
        features: Its columns, in the order of its inputs.
        shape: The shape of one row.
        architecture: A named architecture and its settings, see `lockgate.model.formats.architectures`.
    """

    classes: tuple[Any, ...] | None = None
    features: tuple[str, ...] | None = None
    shape: tuple[int, ...] | None = None
    architecture: Mapping[str, Any] | None = None


def read(source: Path | bytes, called: str = NAME) -> Description:
    """Read a description.

    Raises:
        InputError: It is no JSON, or says something that is none of the above.
    """
    from lockgate.documents import load_json

    data = load_json(source, max_bytes=_MOST, name=called).data
    if not isinstance(data, dict) or not data.keys() <= _KEYS:
        raise InputError(f"{called} must be an object with no other keys than {', '.join(sorted(_KEYS))}")
    classes, features = data.get("classes"), data.get("features")
    shape, architecture = data.get("shape"), data.get("architecture")
    if classes is not None and not (
        _list_of(classes, (str, int, bool)) and len(set(classes)) == len(classes)
    ):
        raise InputError(f"{called}: classes must be a list of different names or whole numbers")
    if features is not None and not (_list_of(features, (str,)) and len(set(features)) == len(features)):
        raise InputError(f"{called}: features must be a list of different column names")
    if shape is not None and not (_list_of(shape, (int,)) and all(0 < n < 1 << 31 for n in shape)):
        raise InputError(f"{called}: shape must be a list of positive whole numbers")
    if architecture is not None and not isinstance(architecture, dict):
        raise InputError(f"{called}: architecture must be an object with a name and its settings")
    return Description(
        None if classes is None else tuple(classes),
        None if features is None else tuple(features),
        None if shape is None else tuple(shape),
        architecture,
    )


def _list_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) in kinds for item in value)
