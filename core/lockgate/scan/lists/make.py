"""Write the list of one framework from what is installed; a person reads the difference and commits it.

    python -m lockgate.scan.lists.make scikit-learn scipy numpy
    python -m lockgate.scan.lists.make --merge scikit-learn   # add what another version has

Run it in an environment that has the framework. It imports every module of the framework that is not
a test, and keeps

* classes, for ``new``: only those all of whose methods that unpickling runs (``__new__``,
  ``__setstate__``, ``__getattr__``, ``__setattr__``, ``__del__``, ...) come from a base class or
  module in `REVIEWED`, where a person has read what they do;
* enumerations, extension types and the factories that Cython writes for them, for ``call``;
* functions of numbers in the modules of `FUNCTIONS`, for ``ref``: they are called at prediction, on
  data, and do nothing else.

What it leaves out, and why, it prints.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from lockgate.scan.lists.frameworks import FRAMEWORKS, Framework
from lockgate.scan.lists.special import BY_OTHER_MEANS

_HERE = Path(__file__).parent
# What unpickling, hashing of keys or the end of an object's life may run.
_RUN = (
    *(
        "__new__",
        "__setstate__",
        "__getattr__",
        "__getattribute__",
        "__setattr__",
        "__del__",
        "__init_subclass__",
    ),
    *("__hash__", "__eq__", "__reduce__", "__reduce_ex__", "__getstate__"),
)
_ONLY_WHEN_SAVED = frozenset(["__reduce__", "__reduce_ex__", "__getstate__"])


_SKIPPED = r"(\.tests?(\.|$)|\.testing(\.|$)|conftest|\.setup$|_build_utils|__main__)"


def main(words: list[str] | None = None) -> int:
    """Write the lists of the frameworks that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frameworks", nargs="+", choices=sorted(FRAMEWORKS))
    parser.add_argument("--merge", action="store_true", help="keep what the committed list has, too")
    given = parser.parse_args(words)
    for name in given.frameworks:
        _write(name, merge=given.merge)
    return 0


def _write(name: str, *, merge: bool) -> None:
    uses, left_out = _read(FRAMEWORKS[name])
    if name in BY_OTHER_MEANS:
        BY_OTHER_MEANS[name](uses)
    path = _HERE / f"{name}.json"
    versions = {version(name)}
    head = {"source": name}
    if merge and path.exists():
        before = json.loads(path.read_text("utf-8"))
        versions |= set(before["versions"])
        head |= {key: before[key] for key in ("source", "notes") if key in before}
        for use, modules in before["uses"].items():
            for module, names in modules.items():
                uses[use][module] |= set(names)
    plain = {
        use: {module: sorted(names) for module, names in sorted(modules.items()) if names}
        for use, modules in sorted(uses.items())
    }
    document = {**head, "versions": sorted(versions), "uses": plain}
    path.write_text(_lines(document), "utf-8")
    for why, names in sorted(left_out.items()):
        print(f"{name}: {why}: {len(names)}: {', '.join(sorted(names)[:12])}", file=sys.stderr)  # noqa: T201
    counted = {use: sum(map(len, modules.values())) for use, modules in plain.items()}
    print(f"{name} {version(name)}: {counted}", file=sys.stderr)  # noqa: T201


def _read(framework: Framework) -> tuple[dict[str, Any], dict[str, set[str]]]:
    uses: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    left_out: dict[str, set[str]] = defaultdict(set)
    for module in _modules(framework):
        for name, thing in sorted(vars(module).items(), key=lambda pair: pair[0]):
            home = getattr(thing, "__module__", None)
            # Cython gives the types of some modules the last part of the module's name only.
            short = home == module.__name__.rpartition(".")[2] and not hasattr(module, "__path__")
            if home != module.__name__ and not short and not _is_ufunc(thing):
                continue
            # Both names: other versions of Cython wrote the other one.
            where = {module.__name__, home} if short and isinstance(home, str) else {module.__name__}
            path = f"{module.__name__}.{name}"
            refused = next((why for p, why in framework.refuse.items() if re.fullmatch(p, path)), None)
            if refused:
                left_out[refused].add(path)
            elif inspect.isclass(thing) and path.startswith("numpy.") and path.count(".") == 1:
                continue  # arrays and scalars are reviewed by hand; memmap, for one, opens files
            elif inspect.isclass(thing):
                found, why = _uses_of_class(framework, thing, path)
                if why:
                    left_out[why].add(path)
                for use, place in itertools.product(found, where):
                    uses[use][place].add(thing.__qualname__)
            elif re.fullmatch(framework.calls or "-", path):
                for place in where:
                    uses["call"][place].add(name)
            elif (_is_ufunc(thing) and framework.package != "sklearn") or (
                callable(thing)
                and (not name.startswith("_") or re.fullmatch(framework.helpers or "-", path))
                and re.fullmatch(framework.functions or "-", module.__name__)
                and framework.package != "numpy"
            ):
                uses["ref"][module.__name__].add(name)
    return uses, left_out


def _uses_of_class(framework: Framework, cls: type, path: str) -> tuple[set[str], str]:
    if issubclass(cls, enum.Enum):
        return {"call"}, ""
    if issubclass(cls, (BaseException, type)):
        return set(), "an exception or a metaclass"
    for method in _RUN:
        definer = next((base for base in cls.__mro__ if method in vars(base)), object)
        if definer.__module__ in ("builtins", "abc", "typing", "collections", "collections.abc"):
            continue
        if method in _ONLY_WHEN_SAVED:
            continue
        if f"{definer.__module__}.{definer.__qualname__}" in ("numpy.ndarray", "numpy.generic"):
            continue
        if vars(definer)[method] is None or _generated(definer, method):
            continue
        where = f"{definer.__module__}.{definer.__qualname__}.{method}"
        if not re.fullmatch(framework.reviewed or "-", where):
            return set(), f"{method} was not reviewed"
    found = {"new"}
    if re.fullmatch(framework.calls or "-", path):
        found.add("call")
    for base, use, methods in (
        (dict, "setitem", ["__setitem__"]),
        (list, "append", ["append", "extend"]),
        (set, "add", ["add", "update"]),
    ):
        if issubclass(cls, base) and all(getattr(cls, m) is getattr(base, m) for m in methods):
            found.add(use)
    if path.startswith("sklearn.") and _says_version(cls):
        found.add("estimator")
    return found, ""


def _says_version(cls: type) -> bool:
    """Whether what scikit-learn pickles of an object of a class has the version of scikit-learn in it."""
    definer = next((base for base in cls.__mro__ if "__getstate__" in vars(base)), object)
    return f"{definer.__module__}.{definer.__qualname__}" == "sklearn.base.BaseEstimator"


def _generated(definer: type, method: str) -> bool:
    """Whether a method is one that dataclasses or namedtuple write: it compares or fills fields."""
    if method == "__new__" and hasattr(definer, "_fields") and issubclass(definer, tuple):
        return True
    return hasattr(definer, "__dataclass_fields__") and method in ("__eq__", "__hash__", "__setattr__")


def _is_ufunc(thing: Any) -> bool:
    return type(thing).__name__ == "ufunc" and type(thing).__module__ == "numpy"


def _modules(framework: Framework) -> Iterator[ModuleType]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = importlib.import_module(framework.package)
        if not framework.only:
            yield package
        prefix = f"{framework.package}."
        if framework.only == "-":
            return
        names = [found.name for found in pkgutil.walk_packages(package.__path__, prefix, lambda _: None)]
        for name in names:
            if re.search(_SKIPPED, name) or re.fullmatch(framework.skip or "-", name):
                continue
            if framework.only and not re.fullmatch(framework.only, name):
                continue
            try:
                yield importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 - an optional part that lacks its own requirements
                print(f"{name} not read: {error}", file=sys.stderr)  # noqa: T201


def _lines(document: dict[str, Any]) -> str:
    """Return JSON with a line a module, so that a difference can be read."""
    uses = ",\n".join(
        f"  {json.dumps(use)}: {{\n"
        + ",\n".join(f"   {json.dumps(module)}: {json.dumps(names)}" for module, names in modules.items())
        + "\n  }"
        for use, modules in document["uses"].items()
    )
    head = ",\n ".join(
        f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items() if key != "uses"
    )
    return f'{{\n {head},\n "uses": {{\n{uses}\n }}\n}}\n'


if __name__ == "__main__":
    raise SystemExit(main())
