"""Write a first data schema from a table, for a person to read and correct.

What is inferred holds for the table that it came from, with sensible slack: a schema that its own
data fails would teach people to loosen checks without reading them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.table.profile import Column, categories, distinct
from lockgate.table.repeats import Repeats
from lockgate.table.schema import ColumnRule, DataSchema, RowLimits
from lockgate.table.typed import Table

_DEFAULT_DUPLICATES = 0.01
_DEFAULT_CONFLICTS = 0.05
_FEWEST_FOR_UNIQUE = 20  # below that, a column without repeats says little
_LARGEST_INTEGER = 2**63 - 1  # the largest that a schema file may hold
_LARGEST_FLOAT = 1.7976931348623157e308
_NARROWEST_SPAN = 1e-300  # a hundredth of it is a float with all its digits
_LONGEST_NAME = 1_000  # YAML wants a key and its colon within 1,024 characters (YAML 1.2.2, 7.4.2)


def infer(
    table: Table,
    columns: dict[str, Column],
    copies: Repeats,
    conflicts: Repeats | None,
    *,
    label: str | None,
    key: Sequence[str],
    ignore: Sequence[str],
    max_categories: int,
) -> DataSchema:
    """Return a schema that the table fits.

    Args:
        table: The table, of which every column has at least one value.
        columns: Its profile.
        copies: Surplus copies of whole rows.
        conflicts: Rows with a twin of another label, or None without a label.
        label: The label column, or None.
        key: The columns that name a row; may be empty.
        ignore: Columns that are no features.
        max_categories: Most different texts that a column may have to get a list of them.
    """
    for name in table.storage:
        if len(name) > _LONGEST_NAME:
            raise InputError(f"a column name has {len(name)} characters, more than YAML takes; shorten it")
    return DataSchema(
        version=1,
        label=label,
        primary_key=list(key) or None,
        ignore=list(ignore),
        rows=RowLimits(min=max(1, table.rows // 2), max=table.rows * 2),
        max_duplicate_share=_roomy(copies.count / table.rows, _DEFAULT_DUPLICATES),
        max_conflicting_label_share=None
        if conflicts is None
        else _roomy(conflicts.count / table.rows, _DEFAULT_CONFLICTS),
        columns={
            name: _rule(
                table,
                name,
                column,
                is_label=name == label,
                is_open=name in key or (name in ignore and column.kind != "string"),
                bound=max_categories,
            )
            for name, column in columns.items()
        },
    )


def _rule(
    table: Table, name: str, column: Column, *, is_label: bool, is_open: bool, bound: int
) -> ColumnRule:
    said: dict[str, Any] = {"type": column.kind, **_missing(column.completeness)}
    if column.invalid:
        # Infinities in a column of floats: there is no type that they are valid for.
        return ColumnRule(type="any", **_missing(column.completeness))
    if is_open or column.kind in ("any", "boolean", "datetime"):
        return ColumnRule(**said)
    if _names_rows(table, name, column):
        return ColumnRule(**said, unique=True)
    if column.kind == "string" or is_label:
        values = categories(table, name, bound)
        if values and (is_label or 2 * len(values) <= column.valid):
            return ColumnRule(**said, categories=list(values))
    if column.kind in ("integer", "number"):
        low, high = slack(column.minimum, column.maximum, whole=column.kind == "integer")
        if max(abs(low), abs(high)) <= _LARGEST_INTEGER or column.kind == "number":
            return ColumnRule(**said, min=low, max=high)
    return ColumnRule(**said)


def _missing(completeness: float) -> dict[str, Any]:
    if completeness == 1.0:
        return {}
    share = math.floor(completeness * 90) / 100
    return {"min_completeness": share} if share > 0 else {"nullable": True}


def _names_rows(table: Table, name: str, column: Column) -> bool:
    """Whether a column of integers or texts has no gap and no repeat."""
    if (
        column.kind not in ("integer", "string")
        or column.valid != column.rows
        or column.rows < _FEWEST_FOR_UNIQUE
    ):
        return False
    if column.kind == "integer" and column.maximum - column.minimum + 1 < column.rows:
        return False
    return distinct(table, [name]) == column.rows


def _roomy(share: float, default: float) -> float:
    """Half as much again as was seen, rounded up to a hundredth, at least the default."""
    return min(1.0, max(default, math.ceil(share * 150) / 100))


def write(schema: DataSchema, path: Path, *, rows: int) -> None:
    """Write a schema as YAML with a commented header.

    The bytes depend on the schema only, and what is written reads back as the same schema.

    Args:
        schema: What to write.
        path: The file.
        rows: How many rows it was inferred from, for the header.
    """
    lines = [
        f"# Inferred from {rows} rows. Read it, and correct it: a schema is a decision, not a measurement.",
        "# Ranges have a tenth of their span as slack on either side; categories are those that were seen.",
        "# `nullable: true` allows missing values, `required: false` a missing column.",
        "version: 1",
    ]
    if schema.label:
        lines.append(f"label: {_yaml(schema.label)}")
    if schema.primary_key:
        lines.append(f"primary_key: {_yaml(schema.primary_key)}")
    if schema.ignore:
        lines.append(f"ignore: {_yaml(schema.ignore)}  # no features, not compared with a baseline")
    limits = schema.rows.model_dump(exclude_none=True)
    if limits:
        lines.append(f"rows: {_yaml(limits)}")
    lines.append(f"allow_extra_columns: {_yaml(schema.allow_extra_columns)}")
    if schema.max_duplicate_share is not None:
        lines.append(
            f"max_duplicate_share: {_yaml(schema.max_duplicate_share)}  # exact copies of another row"
        )
    if schema.max_conflicting_label_share is not None:
        share = _yaml(schema.max_conflicting_label_share)
        lines.append(f"max_conflicting_label_share: {share}  # equal features, other label")
    lines.append("columns:")
    for name, rule in schema.columns.items():
        said = rule.model_dump(exclude_defaults=True)
        lines.append(f"  {_yaml(name)}: {_yaml({'type': rule.type, **said})}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def slack(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """Widen a range by a tenth of its span; a range that is never negative stays so.

    Args:
        low: Smallest value seen.
        high: Largest value seen.
        whole: Widen to whole numbers.

    Returns:
        The wider range, its ends rounded outwards to two digits of the slack.
    """
    below: float
    above: float
    if whole:
        extra = max(1, math.ceil((int(high) - int(low)) / 10))
        below, above = int(low) - extra, int(high) + extra
    else:
        span = (high / 10 - low / 10) or abs(high) / 10 or 0.1
        step = 10.0 ** (math.floor(math.log10(span)) - 1) if span >= _NARROWEST_SPAN else 0.0
        below, above = _outwards(low - span, step, math.floor), _outwards(high + span, step, math.ceil)
        below, above = min(below, low), max(above, high)
    if low >= 0 > below:
        below = 0
    if high <= 0 < above:
        above = 0
    return below, above


def _outwards(value: float, step: float, rounding: Callable[[float], int]) -> float:
    if not math.isfinite(value) or not step or abs(value / step) > 2**53:
        return max(min(value, _LARGEST_FLOAT), -_LARGEST_FLOAT)
    return float(f"{rounding(value / step) * step:.12g}")


def _yaml(value: Any) -> str:
    """JSON in the shape of YAML's flow style, which is a subset of YAML; plain where nothing is lost."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(k)}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(v) for v in value) + "]"
    if isinstance(value, str) and value.isascii() and value.isidentifier() and not _is_word(value):
        return value
    if isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        return f"{int(value)}.0"
    if isinstance(value, str):
        # The escapes of JSON for what is not ASCII would need surrogate pairs, which YAML does not join.
        return '"' + "".join(_escaped(c) for c in value) + '"'
    return json.dumps(value)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"


def _is_word(text: str) -> bool:
    """Whether a plain scalar would be read as something else than text, by YAML 1.1 or 1.2."""
    return text.lower() in {
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "null",
        "nan",
        "inf",
        "infinity",
    }
