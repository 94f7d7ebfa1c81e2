"""Raise in one sentence when a table lacks what a stage needs: a column, a label, any value at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lockgate.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN_NAMES = 20


def require_columns(table: Any, names: Iterable[str], param: str, *, where: Path | str = "the table") -> None:
    """Raise unless every named column is there.

    Args:
        table: An Arrow table or schema, a DuckDB relation, or the column names themselves.
        names: The columns that must be there.
        param: The parameter that named them, for the error message.
        where: The file or artifact, for the error message.

    Raises:
        InputError: A column is absent; the sentence lists the columns that there are.
    """
    there = _names(table)
    absent = [name for name in names if name not in there]
    if absent:
        raise InputError(
            f"{param} names {listed(absent)}, which {where} does not have; its columns are {listed(there)}"
        )


def require_label(
    table: pa.Table, label: str, *, param: str = "label", where: Path | str = "the table", classes: int = 2
) -> None:
    """Raise unless the label column is there and has at least so many classes, one or two.

    Raises:
        InputError: The label is absent, has no value at all, or the same value in every row where two classes
            are asked for.
    """
    import pyarrow.compute as pc

    require_columns(table, [label], param, where=where)
    column = table[label]
    if column.null_count == len(column):
        raise InputError(f"the label column {label!r} of {where} has no value at all; give labelled rows")
    if pc.count_distinct(column, mode="only_valid").as_py() < classes:
        raise InputError(
            f"the label column {label!r} of {where} has one class only; give rows of at least two classes"
        )


def require_values(
    table: pa.Table, leave_out: Iterable[str] = (), *, where: Path | str = "the table"
) -> None:
    """Raise when a column says nothing: only nulls and NaN. The columns in `leave_out` may.

    Raises:
        InputError: A column has no value at all.
    """
    import pyarrow.compute as pc

    spared = set(leave_out)
    for name in table.column_names:
        if name not in spared and pc.all(pc.is_null(table[name], nan_is_null=True)).as_py():
            refuse_no_value(name, where)


def refuse_no_value(name: str, where: Path | str) -> NoReturn:
    """Raise the error of a column without any value."""
    raise InputError(f"the column {name!r} of {where} has no value at all; fill it, drop it or ignore it")


def listed(names: Sequence[str]) -> str:
    """Return column names for an error sentence: at most 20 of them, and how many more there are."""
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(repr(name) for name in names[:_SHOWN_NAMES]) + more


def _names(table: Any) -> list[str]:
    for attribute in ("column_names", "names", "columns"):
        found = getattr(table, attribute, None)
        if found is not None:
            return [str(name) for name in found]
    return list(table)
