"""Model folders of MLflow: which file in them is the model, told by the flavour.

Only ``MLmodel`` is read, and only for paths: what a file is, its content says, so a flavour that names
a pickle leads to a pickle and is treated as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lockgate.errors import InputError
from lockgate.model.describe import Description

NAME = "MLmodel"
# Flavour -> the keys under which it says where its model is, best first.
_FLAVOURS = {
    "onnx": ("data", "model"),
    "xgboost": ("data",),
    "lightgbm": ("data",),
    "catboost": ("data",),
    "sklearn": ("pickled_model",),
    "pytorch": ("model_data",),
    "python_function": ("model_path", "data", "python_model"),
}
_MOST = 4 << 20


def model_file(folder: Path) -> Path:
    """Return the file of a folder that holds its model.

    Raises:
        InputError: No flavour that is read here names one.
    """
    from lockgate.documents import load_yaml

    data: Any = load_yaml(folder / NAME, max_bytes=_MOST).data
    flavours: Any = data.get("flavors") if isinstance(data, dict) else None
    if not isinstance(flavours, dict):
        raise InputError(f"model folder {folder} has an MLmodel without flavors; log the model again")
    for flavour, keys in _FLAVOURS.items():
        said: Any = flavours.get(flavour)
        for key in keys if isinstance(said, Mapping) else ():
            if isinstance(said.get(key), str):
                return _file(folder, said[key], flavour)
    known = ", ".join(_FLAVOURS)
    raise InputError(
        f"model folder {folder} has no flavor of {known}; log it with mlflow.onnx or mlflow.sklearn"
    )


def _file(folder: Path, path: str, flavour: str) -> Path:
    inside = PurePosixPath(path)
    if inside.is_absolute() or ".." in inside.parts or "\\" in path or "\0" in path:
        raise InputError(
            f"model folder {folder}: the flavor {flavour} names a path outside of it; do not use it"
        )
    found = folder.joinpath(*inside.parts)
    if found.is_dir():
        files = [
            each
            for each in sorted(found.rglob("*"))
            if each.is_file() and each.name != "pickle_module_info.txt"
        ]
        if len(files) != 1:
            raise InputError(f"model folder {folder}: {path} holds {len(files)} files; log the model again")
        found = files[0]
    if not found.is_file() or not found.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"model folder {folder}: {path} of the flavor {flavour} is not there; log the model again"
        )
    return found


def description(folder: Path) -> Description:
    """Return the columns that the signature of a folder's model names, if it names any."""
    import json

    from lockgate.documents import load_yaml

    data: Any = load_yaml(folder / NAME, max_bytes=_MOST).data
    said = data.get("signature") if isinstance(data, dict) else None
    try:
        inputs: Any = json.loads(said["inputs"]) if isinstance(said, dict) else []
        names = [each["name"] for each in inputs if each.get("type") != "tensor"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return Description()
    named = bool(names) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return Description(features=tuple(names) if named else None)
