"""Pickle, joblib and ``torch.save`` of whole modules: reading one runs code, so only a sandbox reads them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from lockgate.errors import InputError, StageError
from lockgate.model.adapter import Adapter
from lockgate.model.describe import Description


def open_pickle(file: Path, told: Description, family: str) -> Adapter:
    """Unpickle a model, in a process that is confined already.

    Raises:
        StageError: This process is not confined.
        InputError: What comes out is no model.
    """
    from lockgate.sandbox import confine

    if not confine.in_force():
        raise StageError("a pickle is read inside the sandbox only; run the stage with place=Sandbox()")
    if family == "torch-pickle":
        return _torch(file, told)
    import joblib

    return adapted(joblib.load(io.BytesIO(file.read_bytes())), told)  # reads plain pickles as well


def _torch(file: Path, told: Description) -> Adapter:
    from lockgate.model.formats.torch import library

    return adapted(library().load(file, map_location="cpu", weights_only=False), told)


def adapted(model: Any, told: Description) -> Adapter:
    """Return the adapter of an object that was unpickled.

    Raises:
        InputError: It is no model.
    """
    from lockgate.model.formats.sklearn import SklearnAdapter

    if type(model).__module__.split(".")[0] == "torch" or hasattr(model, "state_dict"):
        from lockgate.model.formats.torch import TorchAdapter, _first_width

        return TorchAdapter(model.eval(), type(model).__name__, told, _first_width(model))
    if isinstance(model, dict):
        raise InputError(
            "the file holds weights and no model; convert it with safetensors.torch.save_file, and name the "
            "architecture in a lockgate.json beside it"
        )
    return SklearnAdapter(model)
