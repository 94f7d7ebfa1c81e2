"""Write a profile as a small JSON file, and read one strictly: it may come from anyone.

    {"schema": "lockgate.profile/1", "rows": 1000, "columns": [{"name": "AGEP", "family": "number", ...}]}

A file is refused unless its numbers can be those of a table: edges ascend, bins add up to the rows
with a value, the mean lies between the extremes. Exact sums are texts, a hexadecimal integer and
a power of two (``-1f3@-52`` is -499 * 2^-52); hashes are base64 of big-endian 64-bit integers. What a
person wants to read (mean, deviation, number of different values) stands in ``summary``, and must agree.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
import struct
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len, MaxLen
from pydantic import BaseModel, ConfigDict

from lockgate.documents import load_json
from lockgate.errors import InputError
from lockgate.table.baseline.profile import LONGEST_CATEGORY, MOST_CATEGORIES, ColumnProfile, Profile
from lockgate.table.baseline.sketch import KEPT, Distinct
from lockgate.table.baseline.sums import Sums
from lockgate.table.engine.columns import Family
from lockgate.table.engine.kernel import FINE, Counted

SCHEMA = "lockgate.profile/1"
MAX_BYTES = 64_000_000
_MOST_COLUMNS = 10_000
_MOST_EDGES = 2 * FINE + 2
_UNIT = 1074
_SUM = re.compile(r"(-?[0-9a-f]{1,1200})@(-?[0-9]{1,5})")
_LARGEST_SHIFT = 5_000  # bits: a square of the largest float has 4,196 above the smallest unit

_Count = Annotated[int, Ge(0), Le(2**62)]
_Texts = Annotated[list[Annotated[str, MaxLen(LONGEST_CATEGORY)]], MaxLen(MOST_CATEGORIES)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Numbers(_Strict):
    edges: Annotated[list[int | float], MaxLen(_MOST_EDGES)]
    bins: Annotated[list[_Count], MaxLen(_MOST_EDGES + 1)]
    infinite: _Count
    minimum: int | float | None
    maximum: int | float | None
    total: str
    squares: str


class _Categories(_Strict):
    values: _Texts
    counts: Annotated[list[_Count], MaxLen(MOST_CATEGORIES)]


class _Summary(_Strict):
    mean: float | None
    std: float | None
    distinct: _Count
    distinct_exact: bool


class _Column(_Strict):
    name: Annotated[str, Len(1, 10_000)]
    family: Family
    storage: Annotated[str, Len(1, 10_000)]
    missing: _Count
    numbers: _Numbers | None
    categories: _Categories | None
    hashes: Annotated[str, MaxLen(KEPT * 11)]
    summary: _Summary


class _Document(_Strict):
    schema_: Literal["lockgate.profile/1"]
    rows: _Count
    columns: Annotated[list[_Column], MaxLen(_MOST_COLUMNS)]


def write(profile: Profile, path: Path) -> None:
    """Write a profile to a file: one line a column."""
    lines = [json.dumps(_row(name, column), ensure_ascii=False) for name, column in profile.columns.items()]
    listed = ",\n".join(lines)
    text = f'{{"schema": "{SCHEMA}", "rows": {profile.rows}, "columns": [\n{listed}\n]}}\n'
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def read(source: Path | bytes, name: str = "") -> Profile:
    """Read a profile from a file or from bytes.

    Args:
        source: The file, or what is in it.
        name: What errors call it; by default the path.

    Raises:
        InputError: It is no profile, or its numbers cannot be those of any table.
    """
    document = load_json(source, max_bytes=MAX_BYTES, name=name)
    data = document.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(f"{document.name} is no profile ({SCHEMA}); make one with profile-data")
    renamed = {("schema_" if key == "schema" else key): value for key, value in data.items()}
    if "schema_" in data:
        raise InputError(f"{document.name}, key 'schema_' is not known; remove it")
    model = type(document)(renamed, document.lines, document.path, document.name).as_model(_Document)
    columns: dict[str, ColumnProfile] = {}
    for row in model.columns:
        if row.name in columns:
            raise InputError(f"{document.name} has column {row.name!r} twice; make the profile again")
        problem, column = _column(row, model.rows)
        if column is None:
            raise InputError(
                f"{document.name} cannot be the profile of a table: column {row.name!r} {problem}; "
                "make the profile again"
            )
        columns[row.name] = column
    return Profile(model.rows, columns)


# --- Writing ----------------------------------------------------------------------------------------


def _row(name: str, column: ColumnProfile) -> dict[str, Any]:
    numbers = column.numbers
    return {
        "name": name,
        "family": column.family,
        "storage": column.storage,
        "missing": column.missing,
        "summary": _summary(column),
        "numbers": numbers
        and {
            "minimum": numbers.minimum,
            "maximum": numbers.maximum,
            "infinite": numbers.infinite,
            "total": _packed(numbers.sums.total, _UNIT),
            "squares": _packed(numbers.sums.squares, 2 * _UNIT),
            "edges": list(column.edges),
            "bins": list(numbers.bins),
        },
        "categories": None
        if column.categories is None
        else {"values": list(column.categories), "counts": list(column.counts)},
        "hashes": base64.b64encode(
            struct.pack(f">{len(column.different.hashes)}Q", *column.different.hashes)
        ).decode(),
    }


def _summary(column: ColumnProfile) -> dict[str, Any]:
    return {
        "mean": column.mean,
        "std": column.std,
        "distinct": column.different.count,
        "distinct_exact": column.different.exact and not column.rounded,
    }


def _packed(value: int, unit: int) -> str:
    shift = (value & -value).bit_length() - 1 if value else 0
    return f"{value >> shift:x}@{shift - unit}"


# --- Reading ----------------------------------------------------------------------------------------


def _unpacked(text: str, unit: int) -> int | None:
    found = _SUM.fullmatch(text)
    if not found:
        return None
    shift = int(found[2]) + unit
    return int(found[1], 16) << shift if 0 <= shift <= _LARGEST_SHIFT else None


def _column(row: _Column, rows: int) -> tuple[str, ColumnProfile | None]:
    """Return a column, or what is wrong with it."""
    filled = rows - row.missing
    hashes = _hashes(row.hashes)
    if filled < 0:
        return "lacks more values than there are rows", None
    if hashes is None:
        return "has hashes that are not ascending 64-bit numbers", None
    if (row.numbers is not None) != (row.family in ("number", "time")):
        return f"is of the family {row.family}, and its numbers do not fit that", None
    categories: tuple[str, ...] | None = None
    counts: tuple[int, ...] = ()
    if row.categories is not None:
        categories, counts = tuple(row.categories.values), tuple(row.categories.counts)
        if len(categories) != len(counts) or list(categories) != sorted(set(categories)):
            return "has categories that are not sorted, or not one count each", None
        if sum(counts) > filled:
            return "has more rows in its categories than rows with a value", None
        if row.family == "number" and not all(re.fullmatch("-?[0-9]{1,19}", c) for c in categories):
            return "is a number, and its categories are not whole numbers", None
    numbers = None
    edges: tuple[int | float, ...] = ()
    distinct = Distinct(hashes)
    if row.numbers is not None:
        problem, numbers = _counted(row.numbers, filled, distinct)
        if numbers is None:
            return problem, None
        edges = tuple(row.numbers.edges)
    column = ColumnProfile(
        row.family,
        row.storage,
        rows,
        row.missing,
        edges,
        numbers,
        categories,
        counts,
        Distinct() if numbers else distinct,
    )
    if distinct.exact and distinct.count > filled:
        return "has more different values than values", None
    if _summary(column) != row.summary.model_dump():
        return "has a summary that is not that of its numbers", None
    return "", column


def _counted(found: _Numbers, filled: int, distinct: Distinct) -> tuple[str, Counted | None]:
    edges = found.edges
    if len({type(edge) for edge in edges}) > 1 or any(a >= b for a, b in itertools.pairwise(edges)):
        return "has edges that do not ascend, or are of two types", None
    if len(found.bins) != len(edges) + 1 or sum(found.bins) != filled:
        return "has bins that do not add up to its values", None
    count = filled - found.infinite
    total, squares = _unpacked(found.total, _UNIT), _unpacked(found.squares, 2 * _UNIT)
    if count < 0 or total is None or squares is None:
        return "has sums that are no sums of its values", None
    sums = Sums(count, total, squares)
    low, high = found.minimum, found.maximum
    if (low is None) != (count == 0) or (high is None) != (count == 0):
        return "has extremes that are not those of its values", None
    if squares * count < total * total or (count == 0 and (total or squares)):
        return "has sums that are no sums of its values", None
    if low is not None and high is not None:
        # Not the mean as a float: rounded, it may be beyond whole extremes of more digits.
        mean = Fraction(total, count << _UNIT)
        if not low <= mean <= high:
            return "has a mean that is not between its extremes", None
    return "", Counted(tuple(found.bins), found.infinite, low, high, sums, distinct)


def _hashes(text: str) -> tuple[int, ...] | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    if len(raw) % 8 or len(raw) > KEPT * 8:
        return None
    hashes = struct.unpack(f">{len(raw) // 8}Q", raw)
    return hashes if all(a < b for a, b in itertools.pairwise(hashes)) else None
