"""Keras models: a zip with a configuration (``.keras``), and the same configuration inside of HDF5.

The configuration names classes and functions that loading looks up and calls. Only Keras's own from the
list are accepted, and none of those that hold code, load other files or wrap another framework.
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import documents
from lockgate.scan.formats.members import text_of
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_DEEPEST = 200
# What they do when a model is loaded or called.
_CODE = {
    "Lambda": "holds Python code",
    "__lambda__": "is Python code",
    "TorchModuleWrapper": "unpickles a module of torch (CVE-2025-49655)",
    "TFSMLayer": "loads another model from a path",
    "JaxLayer": "holds Python code",
    "FlaxLayer": "holds Python code",
}
# Keras opens a vocabulary that is a path or URL when the layer is made (CVE-2025-12058).
_FILES = ("vocabulary", "vocabulary_file", "filepath", "idf_weights_file")
_NOT_OBJECTS = frozenset(
    [
        *("__tensor__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__typespec__"),
        *("__tuple__", "TensorShape", "TypeSpec"),  # as Keras 2 wrote them
    ]
)


class Archive:
    """A ``.keras`` archive."""

    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        context.record.met("Keras")

    def scan_member(self, member: Member, context: Context) -> bool:
        """Judge the configuration; weights are judged by their content."""
        if member.name not in ("config.json", "metadata.json"):
            return False
        check(documents.loads(text_of(self.source, member, context), "configuration"), context)
        return True


def check(config: Any, context: Context, depth: int = 0) -> None:
    """Judge a configuration, whatever it is nested in."""
    if depth > _DEEPEST:
        raise DamagedError("the configuration is nested too deep")
    if isinstance(config, list):
        for item in config:
            check(item, context, depth + 1)
    if not isinstance(config, dict):
        return
    name = config.get("class_name")
    if name is not None:
        _object(config, name, context)
    for key, value in config.items():
        if key in _FILES and isinstance(value, str) and value:
            message = "Has a file opened when the model is loaded."
            context.hit("LG-SCAN-032", "HIGH", message, name=f"{key}={value}")
        check(value, context, depth + 1)


def _object(config: dict[str, Any], name: Any, context: Context) -> None:
    if not isinstance(name, str):
        raise DamagedError("the configuration has an object without a class")
    module, registered = config.get("module"), config.get("registered_name")
    for said in (name, registered):
        if said in _CODE or (isinstance(said, str) and said.rpartition(">")[2] in _CODE):
            message = f"Has the layer {said}, which {_CODE[said.rpartition('>')[2]]}."
            context.hit("LG-SCAN-030", "CRITICAL", message, name=str(said))
            return
    if name in _NOT_OBJECTS:
        return
    if name == "function":
        inner = config.get("config")
        inner = inner.get("name") if isinstance(inner, dict) else inner
        name = inner if isinstance(inner, str) else "?"
        if module == "builtins" and registered in (None, "function", name):
            module = None
    elif module == "builtins" and name in (
        "dict",
        "list",
        "tuple",
        "str",
        "int",
        "float",
        "bool",
        "NoneType",
        "type",
        "slice",
    ):
        return
    if not isinstance(module, (str, type(None))):
        raise DamagedError("the configuration has a module without a name")
    if not known(module, name, context):
        where = f"{module}.{name}" if module else name
        message = f"Has {where} looked up and called, which is not on the list of Keras's own."
        severity = "CRITICAL" if module and not module.startswith("keras") else "HIGH"
        context.hit("LG-SCAN-031", severity, message, name=where)
    elif registered not in (None, name) and "function" not in str(registered):
        message = f"Has the registered object {registered} looked up and called."
        context.hit("LG-SCAN-031", "HIGH", message, name=str(registered))


def known(module: str | None, name: str, context: Context) -> bool:
    """Whether a class or function is one of Keras's own that only computes."""
    plain = name.rpartition(">")[2] if name.startswith(("Keras>", "keras>", "TensorFlow>")) else name
    if module is None:  # as Keras 2 wrote it
        return any("keras" in context.lists.allowed(f"keras.{part}", plain) for part in _PARTS)
    module = (
        module.replace("tf_keras", "keras").replace("tensorflow.keras", "keras").replace("keras.src", "keras")
    )
    module = module.replace("keras.engine", "keras.models")
    module = re.sub(r"^keras\.backend\.\w+\.optimizers\b", "keras.optimizers", module)
    parts = module.split(".")
    return (
        parts[0] == "keras"
        and any(
            parts[1] == part.split(".")[0] and "keras" in context.lists.allowed(f"keras.{part}", plain)
            for part in _PARTS
            if len(parts) > 1
        )
    ) or (module == "keras" and known(None, plain, context))


_PARTS = (
    *("layers", "models", "initializers", "optimizers", "optimizers.schedules", "losses", "metrics"),
    *("regularizers", "constraints", "activations", "dtype_policies", "quantizers", "random", "ops"),
)
