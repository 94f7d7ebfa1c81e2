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
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

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


@dataclass(frozen=True)
class Framework:
    """What to read of a framework.

    Attributes:
        package: Its top package.
        skip: Modules to leave out, as a pattern of the whole name.
        only: Modules to keep, as a pattern of the whole name; by default all.
        reviewed: ``module.Class.__method__`` whose code was read and found harmless, as a pattern.
        refuse: Classes and functions to leave out all the same, as a pattern, with the reason.
        functions: Modules whose public functions are numeric, as a pattern.
        calls: Functions and classes that a pickle calls, as a pattern; read one by one.
        helpers: Functions of numbers that are kept in spite of their underscore, as a pattern.
    """

    package: str
    skip: str = ""
    only: str = ""
    reviewed: str = ""
    refuse: dict[str, str] = field(default_factory=dict)
    functions: str = ""
    calls: str = ""
    helpers: str = ""


_SKIPPED = r"(\.tests?(\.|$)|\.testing(\.|$)|conftest|\.setup$|_build_utils|__main__)"

# BaseEstimator compares versions and fills __dict__; the mixins of metadata fill nothing.
_SKLEARN = r"sklearn\.(base\.BaseEstimator|utils\._metadata_requests\.\w+)\.__\w+__"

FRAMEWORKS: dict[str, Framework] = {
    "scikit-learn": Framework(
        package="sklearn",
        skip=r"sklearn\.(datasets|externals|_build_utils|experimental|utils\._test_common|utils\.estimator_checks).*",
        # BaseEstimator and Bunch compare versions and fill __dict__; the extension types of trees,
        # neighbours, losses and splitters are filled with numbers and arrays.
        reviewed=(
            r"sklearn\.(base\.BaseEstimator|utils\._bunch\.Bunch|utils\._metadata_requests\.\w+"
            r"|ensemble\._hist_gradient_boosting\.\w+\.\w+|gaussian_process\.kernels\.\w+"
            r"|utils\._estimator_html_repr\.\w+|utils\._repr_html\.\w+\.\w+|utils\._available_if\.\w+"
            r"|metrics\._scorer\.\w+|model_selection\._split\.\w+|_loss\.\w+\.\w+|cluster\._birch\.\w+"
            r"|linear_model\._sgd_fast\.\w+|tree\._\w+\.\w+|neighbors\._\w+\.\w+|metrics\._dist_metrics\.\w+"
            r"|utils\._\w+\.\w+|calibration\.\w+|isotonic\.\w+|_loss\.link\.\w+|cluster\._hdbscan\._\w+\.\w+"
            r"|ensemble\._\w+\.\w+|feature_selection\._\w+\.\w+|feature_extraction\._?\w+\.\w+"
            r"|frozen\._frozen\.\w+|compose\._\w+\.\w+|preprocessing\._\w+\.\w+|random_projection\.\w+|pipeline\.\w+)\.__\w+__|_loss\.\w+\.__\w+__"
        ),
        refuse={
            r"sklearn\.utils\.(parallel|_joblib|fixes|_testing|_mocking|deprecation)\..*": "no model",
            r"sklearn\.utils\._pprint\..*": "not part of a model",
            r"sklearn\.(exceptions|callback)\..*": "not part of a model",
        },
        functions=(
            r"sklearn\.metrics\.(_classification|_regression|_ranking|pairwise|cluster\._(un)?supervised|cluster\._bicluster)"
            r"|sklearn\.feature_selection\._(univariate_selection|mutual_info)"
            r"|sklearn\.cluster\._kmeans|sklearn\.decomposition\._fastica|sklearn\.covariance\._(shrunk_covariance|empirical_covariance)"
            r"|sklearn\.linear_model\._logistic|sklearn\.gaussian_process\.kernels"
        ),
        helpers=r"sklearn\.(cluster\._kmeans\._kmeans_single_\w+|decomposition\._fastica\._(logcosh|exp|cube))",
        calls=(
            r"sklearn\.\S+\.__pyx_unpickle_[A-Z]\w+|sklearn\.neighbors\._(kd_tree|ball_tree)\.newObj"
            r"|sklearn\.metrics\._dist_metrics\.(newObj|[A-Z]\w+(32|64)?)"
            r"|sklearn\.tree\._tree\.Tree|sklearn\.neighbors\._quad_tree\._QuadTree"
            r"|sklearn\.linear_model\._sgd_fast\.[A-Z]\w+|sklearn\._loss\._loss\.Cy\w+"
            r"|sklearn\.tree\._(criterion|splitter)\.[A-Z]\w+"
        ),
    ),
    "scipy": Framework(
        package="scipy",
        skip=r"scipy\.(io|stats|_lib|weave|misc|datasets|odr|ndimage|signal|fft|fftpack|constants|cluster|linalg\._|integrate)(\.|$).*",
        reviewed=r"scipy\.(sparse\._\w+\.\w+|sparse\._matrix\.\w+|interpolate\._\w+\.\w+|spatial\._\w+\.\w+)\.__\w+__",
        refuse={
            r"scipy\.stats\..*": "rv_generic.__setstate__ compiles a text from the state",
            r"scipy\.sparse\.(linalg|csgraph)\..*": "holds functions",
            r"scipy\.optimize\..*": "holds functions",
            r"scipy\.\w+\._test\w*\..*": "not part of a model",
            r"scipy\.(__config__|special\.(_mptestutils|_specfun|_support_alternative_backends|_multiufuncs)"
            r"|special\._ufuncs\.errstate|spatial\._qhull\._Qhull\w*).*": "not part of a model",
        },
        functions=r"scipy\.special\._ufuncs|scipy\.spatial\.distance",
        calls=r"scipy\.spatial\._ckdtree\.cKDTree",
    ),
    "numpy": Framework(
        package="numpy",
        skip=r"numpy\.(f2py|distutils|testing|lib|ctypeslib|typing|_typing|_pyinstaller|_pytesttester|__config__|version|rec|char|strings|compat|doc|array_api|exceptions|_configtool|_distributor_init|core|_core|ma|polynomial|matrixlib|fft|linalg|conftest|dtypes|_utils|_globals|_expired_attrs_2_0|_array_api_info|matlib)(\.|$).*",
        reviewed=r"numpy\.random\.\w+\.\w+\.__\w+__",
        functions=r"numpy",
        calls=r"numpy\.random\.\S+\.__pyx_unpickle_\w+|numpy\.random\.bit_generator\.SeedSequence",
    ),
    "torch": Framework(
        package="torch",
        only=r"torch\.nn\.(modules(\..*)?|parameter|functional)",
        # Module, RNNBase, MultiheadAttention and others fill __dict__ and add what old files lack.
        reviewed=r"torch\.nn\.(modules\.\w+\.\w+|parameter\.\w+)\.__\w+__",
        refuse={
            r"torch\.nn\.parameter\..*": "made by torch's own functions",
            r"torch\.nn\.functional\.(has_torch|handle_torch|boolean_disp|assert_|_).*": "no model",
        },
        functions=r"torch\.nn\.functional",
    ),
    "xgboost": Framework(
        package="xgboost",
        only=r"xgboost\.(core|sklearn|callback)",
        # Booster.__setstate__ hands a buffer to the library's own parser.
        reviewed=_SKLEARN + r"|xgboost\.core\.Booster\.__(setstate|del)__",
        refuse={
            r"xgboost\.(core\.(?!Booster).*|callback\.(?!EarlyStopping|LearningRateScheduler).*)": "no model"
        },
    ),
    "lightgbm": Framework(
        package="lightgbm",
        only=r"lightgbm\.(basic|sklearn)",
        # Booster.__setstate__ hands a text to the library's own parser.
        reviewed=_SKLEARN + r"|lightgbm\.basic\.Booster\.__(setstate|del)__",
        refuse={r"lightgbm\.basic\.(?!Booster).*": "not part of a model"},
    ),
    "catboost": Framework(
        package="catboost",
        only=r"catboost\.core",
        # _CatBoostBase.__setstate__ hands bytes to the library's own parser.
        reviewed=r"catboost\.core\._CatBoostBase\.__(setstate|eq|hash)__",
        refuse={r"catboost\.core\.(?!CatBoost).*": "not part of a model"},
    ),
    "keras": Framework(package="keras", only="-"),
}


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
    if name in _BY_OTHER_MEANS:
        _BY_OTHER_MEANS[name](uses)
    path = _HERE / f"{name}.json"
    versions = {version(name)}
    if merge and path.exists():
        before = json.loads(path.read_text("utf-8"))
        versions |= set(before["versions"])
        for use, modules in before["uses"].items():
            for module, names in modules.items():
                uses[use][module] |= set(names)
    plain = {
        use: {module: sorted(names) for module, names in sorted(modules.items()) if names}
        for use, modules in sorted(uses.items())
    }
    document = {"source": name, "versions": sorted(versions), "uses": plain}
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


_BY_OTHER_MEANS = {"torch": _torch, "keras": _keras}


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
    return found, ""


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
    head = f'"source": {json.dumps(document["source"])},\n "versions": {json.dumps(document["versions"])}'
    return f'{{\n {head},\n "uses": {{\n{uses}\n }}\n}}\n'


if __name__ == "__main__":
    raise SystemExit(main())
