"""The columns with a role: label, key, and what is ignored. They must be there, and say something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate.errors import InputError
from lockgate.table import require
from lockgate.table.profile import Column
from lockgate.table.schema import DataSchema
from lockgate.table.typed import Table


def roles(
    schema: DataSchema | None, label: str | None, key: list[str], ignore: list[str]
) -> tuple[str | None, list[str], list[str]]:
    """Return label, key and ignored columns, as the parameters and the schema say together.

    Raises:
        InputError: The two name different labels or keys.
    """
    if schema is None:
        return label, key, ignore
    for param, given, said in (("label", label, schema.label), ("primary_key", key, schema.primary_key)):
        if given and said and given != said:
            raise InputError(f"{param} is {given!r}, and the schema says {said!r}; give one of the two")
    return (
        label or schema.label,
        key or schema.primary_key or [],
        list(dict.fromkeys([*schema.ignore, *ignore])),
    )


def require_columns(
    table: Table, schema: DataSchema | None, *, label: str | None, key: Sequence[str], ignore: Sequence[str]
) -> None:
    """Raise unless the columns with a role are there; without them the other checks mean something else.

    Raises:
        InputError: The label, a key column or an ignored column is absent.
    """
    there = list(table.storage)
    optional = {name for name, rule in schema.columns.items() if not rule.required} if schema else set()
    require.require_columns(there, [label] if label else [], "label", where=table.path)
    require.require_columns(there, key, "primary_key", where=table.path)
    require.require_columns(there, [n for n in ignore if n not in optional], "ignore", where=table.path)


def require_values(
    table: Table, columns: Mapping[str, Column], schema: DataSchema | None, label: str | None
) -> None:
    """Raise where a column that must say something says nothing.

    Raises:
        InputError: A column that the schema does not call nullable has no value at all, or the label
            has no value of its type, or one class only.
    """
    for name, column in columns.items():
        rule = schema.columns.get(name) if schema else None
        wanted = rule.completeness > 0 if rule else schema is None
        if wanted and not column.present:
            raise InputError(
                f"the column {name!r} of {table.path} has no value at all; "
                "drop it, or say `nullable: true` for it in the schema"
            )
    if not label:
        return
    low, high = table.ask(f"min({table.value(label)}), max({table.value(label)})")[0]
    column_name = f"the label column {label!r} of {table.path}"
    if low is None:
        raise InputError(f"{column_name} has no value of its type; give labelled rows")
    if low == high:
        raise InputError(f"{column_name} has one class only; give rows of two or more")
