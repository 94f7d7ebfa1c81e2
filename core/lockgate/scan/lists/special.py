"""What `make` takes from torch and Keras, which say themselves what their files may name, and from pandas."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any


def _torch(uses: dict[str, Any]) -> None:
    """Add what torch itself allows when it loads weights only: storages, types, its rebuilding functions."""
    allowed = importlib.import_module("torch._weights_only_unpickler")._get_allowed_globals()  # noqa: SLF001

    for path, thing in allowed.items():
        module, _, name = path.rpartition(".")
        if not module.startswith("torch"):
            continue
        called = inspect.isfunction(thing) or name in ("Size", "device", "Parameter")
        uses["call" if called else "ref"][module].add(name)
        if name == "Parameter":
            uses["new"][module].add(name)
    uses["ref"]["torch"].add("Tensor")
    uses["ref"]["torch._tensor"].add("Tensor")


_KERAS_PARTS = (
    *("layers", "models", "initializers", "optimizers", "optimizers.schedules", "losses", "metrics"),
    *("regularizers", "constraints", "activations", "dtype_policies", "quantizers", "random"),
)
# Not objects of a model, or with code or files behind them; see `lockgate.scan.formats.keras`.
_KERAS_NOT = re.compile(
    r"get|.*serialize.*|Lambda|TorchModuleWrapper|TFSMLayer|JaxLayer|FlaxLayer|(load|save|clone)_model|model_from_json"
)


def _keras(uses: dict[str, Any]) -> None:
    """Add the public classes, and the functions of activations, losses and metrics."""
    for part in _KERAS_PARTS:
        module = importlib.import_module(f"keras.{part}")
        for name in dir(module):
            thing = getattr(module, name)
            function = inspect.isfunction(thing) and part in (
                "activations",
                "losses",
                "metrics",
                "initializers",
            )
            if (
                not name.startswith("_")
                and (inspect.isclass(thing) or function)
                and not _KERAS_NOT.fullmatch(name)
            ):
                uses["keras"][f"keras.{part}"].add(name)
    uses["keras"]["keras.models"].add("Functional")
    operation = importlib.import_module("keras").Operation
    for part in ("numpy", "nn", "math", "linalg", "image"):  # not core, whose operations take functions
        for name, thing in vars(importlib.import_module(f"keras.src.ops.{part}")).items():
            if (
                inspect.isclass(thing)
                and issubclass(thing, operation)
                and name not in ("Operation", "Vectorize")
            ):
                uses["keras"]["keras.ops"].add(name)


def _pandas(uses: dict[str, Any]) -> None:
    """Add what was reviewed by hand under the names that this version pickles it by; 3.0 made them public."""
    reviewed = json.loads(Path(__file__).with_name("pandas.json").read_text("utf-8"))["uses"]
    for use, modules in reviewed.items():
        for module, names in modules.items():
            for name in names:
                try:
                    thing = getattr(importlib.import_module(module), name)
                except (ImportError, AttributeError):
                    continue  # of another version
                if inspect.isclass(thing):
                    uses[use][thing.__module__].add(thing.__qualname__)
                elif use == "ref" and getattr(importlib.import_module("pandas"), name, None) is thing:
                    uses[use]["pandas"].add(name)  # NA, the one object of its class


BY_OTHER_MEANS = {"torch": _torch, "keras": _keras, "pandas": _pandas}
