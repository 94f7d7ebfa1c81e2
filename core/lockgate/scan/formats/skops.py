"""skops: a zip archive whose ``schema.json`` names the types of all objects.

The types are held against our lists, never against anything that the file says about them.
"""

from __future__ import annotations

from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import documents, names
from lockgate.scan.formats.members import text_of
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_DEEPEST = 200
# What a loader makes of the type that it is given (skops 0.13 to 0.16, skops/io/_*.py), and which types it
# may therefore be given: exact ones, or those with a use on our lists.
_EXACT = {
    "BytearrayNode": frozenset(["builtins.bytearray"]),
    "BytesNode": frozenset(["builtins.bytes"]),
    "DefaultDictNode": frozenset(["collections.defaultdict"]),
    "DictNode": frozenset(["builtins.dict", "collections.OrderedDict"]),
    "DTypeNode": frozenset(["numpy.dtype"]),
    "JsonNode": frozenset(f"builtins.{name}" for name in ("bool", "float", "int", "str", "NoneType")),
    "ListNode": frozenset(["builtins.list"]),
    "MaskedArrayNode": frozenset(["numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"]),
    "NdArrayNode": frozenset(["numpy.ndarray", "numpy.matrix"]),
    "RandomGeneratorNode": frozenset(["numpy.random._generator.Generator"]),
    "RandomStateNode": frozenset(["numpy.random.mtrand.RandomState"]),
    "SetNode": frozenset(["builtins.set", "builtins.frozenset"]),
    "SliceNode": frozenset(["builtins.slice"]),
    "TupleNode": frozenset(["builtins.tuple"]),
}
_BY_USE = {
    "FunctionNode": frozenset(["ref"]),
    "LossNode": frozenset(["call"]),
    "NdArrayNode": frozenset(["ref"]),
    "ObjectNode": frozenset(["new"]),
    "SparseMatrixNode": frozenset(["new"]),
    "TreeNode": frozenset(["call"]),
    "TypeNode": frozenset(["ref"]),
}


class Archive:
    """A zip archive of skops."""

    def __init__(self, source: Source, held: set[str], context: Context) -> None:
        self.source = source
        self.held = held
        context.record.met("skops")

    def scan_member(self, member: Member, context: Context) -> bool:
        """Judge the schema; the other members are arrays, judged by their content."""
        if member.name != "schema.json":
            return False
        schema = documents.loads(text_of(self.source, member, context), "schema")
        if not isinstance(schema, dict) or "__loader__" not in schema:
            raise DamagedError("the schema describes no object")
        self._walk(schema, context, 0)
        return True

    def _walk(self, node: Any, context: Context, depth: int) -> None:
        # A loader is told by its key; that the object is a type or a function makes no difference here.
        if depth > _DEEPEST:
            raise DamagedError("the schema is nested too deep")
        if isinstance(node, list):
            for item in node:
                self._walk(item, context, depth + 1)
        elif isinstance(node, dict):
            if "__loader__" in node:
                self._node(node, context)
            for item in node.values():
                self._walk(item, context, depth + 1)

    def _node(self, node: dict[str, Any], context: Context) -> None:
        loader = node["__loader__"]
        if loader == "CachedNode":  # a second mention of another object
            return
        module, name = node.get("__module__"), node.get("__class__")
        if not (isinstance(module, str) and isinstance(name, str) and isinstance(loader, str)):
            raise DamagedError("the schema has an object without a type")
        path = f"{module}.{name}"
        if loader not in _EXACT and loader not in _BY_USE:
            message = f"Is put together by {loader}, which calls or binds what the file gives it."
            context.hit("LG-SCAN-080", "HIGH", message, name=f"{loader} {path}")
        elif path not in _EXACT.get(loader, ()) and not (
            context.lists.allowed(module, name) & _BY_USE.get(loader, frozenset())
            and (loader != "NdArrayNode" or module == "numpy")
        ):
            _, severity, why = context.lists.denied(module, name)
            if context.lists.allowed(module, name):
                severity, why = "HIGH", f"which may not be made by {loader}"
            context.hit("LG-SCAN-080", severity, f"Holds {path}, {why}.", name=path)
        if loader == "ObjectNode":
            self._attributes(node.get("content"), path, context)
        file = node.get("file")
        if isinstance(file, str) and names.leads_outside(file):
            context.hit("LG-SCAN-080", "HIGH", "Has an array read from outside of the archive.", name=file)
        if isinstance(file, str) and file not in self.held:
            raise DamagedError(f"the schema names a member that is not there, {file[:60]}")

    @staticmethod
    def _attributes(content: Any, path: str, context: Context) -> None:
        held = content.get("content") if isinstance(content, dict) else None
        for key in held if isinstance(held, dict) else ():
            if key.startswith("__") and key.endswith("__"):
                message = "Gives an object an attribute that Python itself calls or reads."
                context.hit("LG-SCAN-003", "CRITICAL", message, name=f"{path}.{key}")
