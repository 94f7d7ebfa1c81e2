"""What a pickle may import, and how it may use it.

Each ``*.json`` beside this module is one list: ``source`` (a framework with the versions that
`lockgate.scan.lists.make` read, or "reviewed by hand"), and for every use the names by module.

=========  =============================================================================================
use        what a pickle may do with the thing
=========  =============================================================================================
ref        hold it as a value
new        make a bare object of the class and fill it (NEWOBJ, ``copyreg._reconstructor``, BUILD)
call       call it (REDUCE); `lockgate.scan.pickles.calls` may ask for certain arguments
append     have an object of it take items as a list does
setitem    have an object of it take items as a dict does
add        have an object of it take items as a set does
array      have joblib make an array of it
estimator  know that its state says the version of scikit-learn that wrote it
keras      name it in the configuration of a Keras model, which is not read by unpickling
=========  =============================================================================================

``denied.json`` decides nothing: it tells what is known to run code from what is merely unknown, so
that the finding says so.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_NOT_VALUES = frozenset(["array", "estimator", "keras"])
_SPECIAL = re.compile(
    r"__(dict|class|bases|mro|subclasses|globals|builtins|code|getattribute|reduce_ex|import|loader)__"
)
_FACTORY = "__pyx_unpickle_"
_CARRIES_CODE = "LG-SCAN-009"
_RUNS_CODE = "LG-SCAN-001"
_UNKNOWN = "LG-SCAN-002"


class Lists:
    """All lists together.

    Attributes:
        entries: The uses of a thing by module and name.
        sources: Where the lists come from, for the report.
    """

    def __init__(self, documents: list[dict[str, Any]], denied: dict[str, Any]) -> None:
        self.entries: dict[str, dict[str, set[str]]] = {}
        self.sources: list[str] = []
        for document in documents:
            self.sources.append(" ".join([document["source"], *document.get("versions", [])]))
            for use, modules in document["uses"].items():
                for module, names in modules.items():
                    by_name = self.entries.setdefault(module, {})
                    for name in names:
                        by_name.setdefault(name, set()).update({use} if use in _NOT_VALUES else {use, "ref"})
        self._denied = denied

    def allowed(self, module: str, name: str) -> frozenset[str]:
        """Return the uses that are allowed of a thing; none if it is on no list."""
        by_name = self.entries.get(module, {})
        if name.startswith(_FACTORY) and by_name.get(name.removeprefix(_FACTORY)):
            return frozenset(["call", "ref"])  # what Cython writes for a class makes that class and no other
        return frozenset(by_name.get(name, ()))

    def denied(self, module: str, name: str) -> tuple[str, str, str]:
        """Return rule, severity and the end of a sentence for a thing that is on no list."""
        top = module.split(".", maxsplit=1)[0]
        path = f"{module}.{name}"
        known = set(self._denied["runs_code"])
        carries = top in self._denied["carries_code"] or path in self._denied["carries_code"]
        if carries and path not in known:
            return _CARRIES_CODE, "CRITICAL", "which rebuilds code that the file carries"
        prefixes = {top, module, path, f"{module}.{name.split('.', maxsplit=1)[0]}"}
        prefixes |= {".".join(module.split(".")[:n]) for n in range(1, module.count(".") + 1)}
        if prefixes & known or _leads_to(known, module, name):
            return _RUNS_CODE, "CRITICAL", "which can run code, or reach files or the network"
        return _UNKNOWN, "HIGH", "which is not on the lists of what is known to be harmless"


def _leads_to(known: set[str], module: str, name: str) -> bool:
    """Whether a dotted name leads through what its module imported, or through what Python keeps itself by.

    That is ``random._os.system``, or ``builtins.__dict__``.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in [*module.split("."), *parts]):
        return False  # a line of text, which nobody can import
    inner = [part.lstrip("_") for part in parts[:-1]]
    ends = [(n, end) for n in range(len(inner)) for end in range(n + 1, len(inner) + 1)]
    through = any(".".join(inner[n:end]) in known for n, end in ends)
    return through or any(_SPECIAL.fullmatch(part) for part in parts)


@functools.cache
def load() -> Lists:
    """Read the lists that belong to this version."""
    files = sorted(path for path in _HERE.glob("*.json") if path.name != "denied.json")
    documents = [json.loads(path.read_text("utf-8")) for path in files]
    return Lists(documents, json.loads((_HERE / "denied.json").read_text("utf-8")))
