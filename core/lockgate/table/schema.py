"""The data schema: what a table must look like, as a YAML file that a person can read and edit.

    version: 1                      # of this format; always 1
    label: employed                 # the column that models learn
    primary_key: [id]               # columns that together name a row: complete and unique
    ignore: [source]                # no features: left out of the conflicting-label check and baseline
    rows: {min: 1000, max: 200000}
    allow_extra_columns: false      # default: a column that is not listed is a failure
    max_duplicate_share: 0.01       # share of rows that are exact copies of another; default 0.01
    max_conflicting_label_share: 0.05   # share of rows with a twin of another label; default: no limit
    columns:
      AGEP: {type: integer, min: 0, max: 99}
      SEX: {type: string, categories: ["male", "female"]}
      income: {type: number, min_completeness: 0.9, min: 0}
      note: {type: string, nullable: true, required: false}
      id: {type: string, unique: true}
      town: {type: string, categories: [Bern, Chur], min_domain_mass: 0.99, max_skew: 0.1}
      code: {type: string, min_length: 2, max_length: 8, min_distinct: 2, max_distinct: 500, min_count: 10}

The field names are those of common table schemas (Frictionless Table Schema, JSON Schema, pandera)
where these agree. Types:

* ``integer``: whole numbers; a float column of whole numbers is one too, because pandas stores
  integers with gaps so.
* ``number``: finite numbers; integers are numbers.
* ``string``: text, as stored; ``007`` in a CSV stays ``007``.
* ``boolean``: true or false (in CSV, in any case; 0 and 1 are integers).
* ``datetime``: a date or time stamp; in CSV and JSON lines written as ISO 8601.
* ``any``: anything; only presence and completeness are checked.

What is beside types and ranges is what TensorFlow Data Validation has:

* ``min_count``: fewest rows with a value (TFDV's presence; ``min_completeness`` is its fraction).
* ``min_domain_mass``: smallest share of the values that must be of the ``categories``; 1 by default.
* ``min_distinct``, ``max_distinct``: how many different values there may be (TFDV's unique_constraints).
* ``min_length``, ``max_length``: of texts, in characters.
* ``max_skew``: largest distance from the baseline table, as `lockgate.table.checks.skew` measures it
  (L-infinity for categories, Jensen-Shannon divergence for numbers); needs a baseline.

A column is required and complete unless it says otherwise: ``nullable: true`` allows any share of
missing values, ``min_completeness: 0.9`` at most a tenth. What counts as missing stands in
`lockgate.table.typed`. Editors that complete YAML take ``data-schema-1.json`` beside this module.
"""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from annotated_types import Interval

from lockgate.table.typed import Kind

MAX_CATEGORIES = 1_000
_Share = Annotated[float, Interval(ge=0.0, le=1.0)]
_Count = Annotated[int, pydantic.Field(ge=0)]
_Value = str | bool | int | float
_STRICT = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class ColumnRule(pydantic.BaseModel):
    """What one column must look like; see the module docstring."""

    model_config = _STRICT

    type: Kind = "any"
    required: bool = True
    nullable: bool | None = None
    min_completeness: _Share | None = None
    min: int | float | str | None = None
    max: int | float | str | None = None
    categories: Annotated[list[_Value], pydantic.Field(min_length=1, max_length=MAX_CATEGORIES)] | None = None
    unique: bool = False
    min_count: _Count | None = None
    min_domain_mass: _Share | None = None
    min_distinct: _Count | None = None
    max_distinct: _Count | None = None
    min_length: _Count | None = None
    max_length: _Count | None = None
    max_skew: _Share | None = None

    @property
    def completeness(self) -> float:
        """Smallest share of rows with a value."""
        if self.min_completeness is not None:
            return self.min_completeness
        return 0.0 if self.nullable else 1.0

    @pydantic.model_validator(mode="after")
    def _fits(self) -> ColumnRule:
        if self.nullable is not None and self.min_completeness is not None:
            raise ValueError("give nullable or min_completeness, not both")
        for bound in (self.min, self.max):
            if bound is not None:
                _check_bound(bound, self.type)
        if self.min is not None and self.max is not None and as_bound(self.min) > as_bound(self.max):
            raise ValueError("min is above max")
        if self.min_domain_mass is not None and self.categories is None:
            raise ValueError("min_domain_mass says how many values are of the categories; give categories")
        if self.type != "string" and (self.min_length is not None or self.max_length is not None):
            raise ValueError(f"min_length and max_length go with string, not with {self.type}")
        if self.type == "any" and self.max_skew is not None:
            raise ValueError("max_skew needs a type; a column of any type is not compared")
        for what in ("distinct", "length"):
            least, most = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{what} is above max_{what}")
        for value in self.categories or ():
            if not _is_of(value, self.type):
                raise ValueError(
                    f"a category is no {self.type}; write text in quotes, and the type that is meant"
                )
        return self


class RowLimits(pydantic.BaseModel):
    """How many rows a table may have."""

    model_config = _STRICT

    min: Annotated[int, pydantic.Field(ge=1)] | None = None
    max: Annotated[int, pydantic.Field(ge=1)] | None = None


class DataSchema(pydantic.BaseModel):
    """What a table must look like; see the module docstring for the YAML form."""

    model_config = _STRICT

    version: Literal[1]
    label: str | None = None
    primary_key: list[str] | None = None
    ignore: list[str] = []
    rows: RowLimits = RowLimits()
    allow_extra_columns: bool = False
    max_duplicate_share: _Share | None = None
    max_conflicting_label_share: _Share | None = None
    columns: Annotated[dict[str, ColumnRule], pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _known(self) -> DataSchema:
        if self.allow_extra_columns:
            return self
        named = [*([self.label] if self.label else []), *(self.primary_key or []), *self.ignore]
        for name in named:
            if name not in self.columns:
                raise ValueError(f"label, primary_key and ignore name columns; {name!r} is not among columns")
        return self


def load(path: Path) -> DataSchema:
    """Read a schema file strictly.

    Raises:
        InputError: The file is no YAML of the strict kind, or not a schema: file, line and key.
    """
    from lockgate import documents

    return documents.load_yaml(path).as_model(DataSchema)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the format, for editors that complete and check YAML."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **DataSchema.model_json_schema()}


def as_bound(value: float | str) -> Any:
    """Return a `min` or `max` as what it is compared as: a number, or a time stamp in UTC."""
    if not isinstance(value, str):
        return value
    found = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return found.astimezone(dt.timezone.utc).replace(tzinfo=None) if found.tzinfo else found


def _check_bound(bound: float | str, kind: Kind) -> None:
    if kind not in ("integer", "number", "datetime"):
        raise ValueError(f"min and max go with integer, number and datetime, not with {kind}")
    if not _is_of(bound, kind):
        raise ValueError(f"min and max must be of the column's type, {kind}")


def _is_of(value: Any, kind: Kind) -> bool:
    if kind == "any":
        return True
    if kind == "datetime":
        try:
            return isinstance(value, str) and as_bound(value) is not None
        except ValueError:
            return False
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int)
    return kind == "number" and isinstance(value, (int, float)) and math.isfinite(value)
