"""Frames, series and indexes of pandas: made of arrays, and nothing else is asked anything."""

# ruff: noqa: ARG001 - every condition has the arguments of `calls.Condition`

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.pickles import arrays
from lockgate.scan.pickles.arguments import JudgeBase, RefusedError, plain_args, unless_reported
from lockgate.scan.pickles.values import INERT, LIST, NONE, Global, Instance, Mapping, Unjudged

# pandas 3 pickles its classes by their public names.
_INDEX = re.compile(
    r"pandas\.(core\.indexes\.[\w.]+|(Categorical|Datetime|Multi|Range|Timedelta)?Index|api\.typing\.FrozenList)"
)
_HOLDS = re.compile(r"pandas\.(core\.arrays\.[\w.]+|arrays\.\w+|Categorical)|numpy\._?core\.numeric.*")
_WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_KEYWORDS = frozenset(
    ["data", "name", "names", "levels", "codes", "sortorder", "start", "stop", "step", "tz", "freq"]
)

# NDArrayBacked of pandas 3 takes a pair of a type and an array, and asks them nothing but their class.
_BACKED = re.compile(
    r"pandas\.(core\.arrays\.(categorical|datetimes|string_|timedeltas)\.\w+|arrays\.(Datetime|String|Timedelta)Array"
    r"|Categorical)"
)
_TYPE = re.compile(r"pandas\.(core\.(arrays\.string_|dtypes\.dtypes)\.)?(String|Categorical|DatetimeTZ)Dtype")


def is_pair(path: str, part: Instance) -> bool:
    """Whether an object of a class takes another in its state as a type or an array, and nothing else."""
    return bool(_BACKED.fullmatch(path)) and (bool(_TYPE.fullmatch(part.of.path)) or part.of.path == _WRAPPER)


def _is_data(value: Any) -> bool:
    if not isinstance(value, Instance):
        return False
    path = value.of.path
    known = path in arrays.CLASSES or path == _WRAPPER
    return known or bool(_HOLDS.fullmatch(path) or _INDEX.fullmatch(path))


def block(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge a block of columns: an array, where it goes, and how many dimensions it has."""
    values, place, ndim = plain_args(args, 3, 3)
    if unless_reported(values, place):
        return Unjudged()
    sliced = isinstance(place, Instance) and place.of.path == "builtins.slice"
    if not _is_data(values) or not (sliced or _is_data(place)) or not isinstance(ndim, int):
        raise RefusedError("on something else than an array")
    return Instance(func, args)


def manager(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge what holds blocks: a tuple of them, and a list of indexes."""
    blocks, axes = plain_args(args, 2, 2)
    if axes is not LIST or not (isinstance(blocks, tuple) or blocks is INERT):
        raise RefusedError("on something else than blocks and indexes")
    for one in blocks or ():
        if unless_reported(one):
            return Unjudged()
        if not (isinstance(one, Instance) and one.of.name == "_unpickle_block"):
            raise RefusedError("on something else than blocks")
    return Instance(func, args)


def index(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge an index, which is made by the keywords of its class."""
    cls, given = plain_args(args, 2, 2)
    if unless_reported(cls):
        return Unjudged()
    if not (isinstance(cls, Global) and _INDEX.fullmatch(cls.path)):
        raise RefusedError("on something else than a class of indexes")
    if not (isinstance(given, Mapping) and given.whole):
        raise RefusedError("with keywords that are computed")
    given.state = given.sealed = True
    for key, value in zip(given[::2], given[1::2], strict=True):
        if key not in _KEYWORDS:
            raise RefusedError("with a keyword that pandas does not write")
        if unless_reported(value):
            return Unjudged()
        if key == "data" and not _is_data(value):
            raise RefusedError("on something else than an array")
        if key in ("tz", "freq") and not _is_rule(value):
            raise RefusedError("with a time zone or frequency that is looked up")
    return Instance(cls, args)


def _is_rule(value: Any) -> bool:
    if value is NONE or value is INERT:
        return True
    return isinstance(value, Instance) and value.of.module in ("datetime", "pandas._libs.tslibs.offsets")


def scalar(judge: JudgeBase, func: Global, args: Any, offset: int) -> Any:
    """Judge a time, a span or a type of text: made of numbers, text and time zones."""
    for arg in plain_args(args, 0, 8):
        if unless_reported(arg):
            return Unjudged()
        missing = isinstance(arg, Global) and arg.path in ("pandas._libs.missing.NA", "pandas.NA")
        if isinstance(arg, (Instance, Global)) and not (missing or _is_rule(arg)):
            raise RefusedError("on an object")
    return Instance(func, args)


CALLS = {
    "pandas._libs.internals._unpickle_block": block,
    "pandas._libs.tslibs.nattype.__nat_unpickle": scalar,
    "pandas._libs.tslibs.nattype._nat_unpickle": scalar,
    "pandas._libs.tslibs.timedeltas._timedelta_unpickle": scalar,
    "pandas._libs.tslibs.timestamps._unpickle_timestamp": scalar,
    "pandas.StringDtype": scalar,
    "pandas.core.arrays.string_.StringDtype": scalar,
    "pandas.core.indexes.base._new_Index": index,
    "pandas.core.indexes.datetimes._new_DatetimeIndex": index,
    "pandas.core.indexes.timedeltas._new_TimedeltaIndex": index,
    "pandas.core.internals.managers.BlockManager": manager,
} | {
    f"pandas._libs.tslibs.offsets.{name}": scalar
    for name in ("Day", "Hour", "Micro", "Milli", "Minute", "Nano", "Second")
}
