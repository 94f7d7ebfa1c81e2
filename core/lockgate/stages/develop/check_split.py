"""Stage `check-split`: tell whether a test table knows too much of its train table, or too little.

| rule         | what was found                                                                 |
|--------------|--------------------------------------------------------------------------------|
| LG-SPLIT-001 | test has too few rows beside train                                             |
| LG-SPLIT-002 | categories in test that train does not have                                    |
| LG-SPLIT-003 | classes in test that train does not have                                       |
| LG-SPLIT-004 | values of test that train has in another spelling only                         |
| LG-SPLIT-005 | rows of test whose index is in train: leakage                                  |
| LG-SPLIT-006 | rows of test whose time stamp is in train: leakage                             |
| LG-SPLIT-007 | rows of test that are not later than all of train: leakage                     |
| LG-SPLIT-008 | rows of test that are in train as they are: leakage                            |
| LG-SPLIT-009 | a column that differs too much between the two: training/serving skew          |
| LG-SPLIT-010 | a column of one table that the other does not have                             |
| LG-SPLIT-011 | a column that is of another type in test than in train                         |

The checks are those of deepchecks' train_test_validation suite that look at data alone, and TFDV's
training/serving skew: L-infinity distance for categories, Jensen-Shannon divergence for numbers. They count
every row of both tables.

What is found is a WARN, which opens a gate. `enforce` names the checks that are to close it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Le

from lockgate.errors import InputError
from lockgate.outcome import Outcome, Severity
from lockgate.stage import DatasetIn, Share, Threshold, stage

if TYPE_CHECKING:
    from lockgate.table.checks.split import Pair

SplitCheck = Literal[
    "size-comparison",
    "new-categories",
    "new-labels",
    "string-mismatch",
    "index-leakage",
    "date-duplicates",
    "date-overlap",
    "sample-leakage",
    "skew",
    "columns",
]


@stage("check-split", threats=["data-poisoning"])
def check_split(
    train: DatasetIn,
    test: DatasetIn,
    *,
    label: str | None = None,
    index: list[str] | None = None,
    date: str | None = None,
    ignore: list[str] | None = None,
    checks: list[SplitCheck] | None = None,
    enforce: Threshold[list[SplitCheck]] | None = None,
    min_size_ratio: Threshold[Annotated[float, Ge(0)]] = 0.01,
    max_new_category_share: Threshold[Share] = 0.0,
    max_leakage: Threshold[Share] = 0.0,
    max_sample_leakage: Threshold[Share] = 0.05,
    max_skew: Threshold[Share] | None = None,
    max_categories: Annotated[int, Ge(1), Le(100_000)] = 1_000,
) -> Outcome:
    """Look for leakage, new categories and skew between the table a model learns from and another.

    The other table is the one that it is judged on (a train/test split) or the one that it serves
    (training/serving skew).

    Args:
        train: The table that models learn from.
        test: The table that they are judged on, or that they serve.
        label: The column that models learn; a table that is served may lack it, then leave this out.
        index: Columns that name a row, a person or a machine that must not be in both tables.
        date: The column of time stamps, when test is to be later than train.
        ignore: Other columns that are no features, such as the source.
        checks: The checks to run, by name; by default all that apply. One that is named and does not apply
            is INCONCLUSIVE.
        enforce: The checks that FAIL instead of WARN.
        min_size_ratio: Fewest rows of test, as a multiple of train's.
        max_new_category_share: Largest share of a column's values in test that are of categories, or
            classes, that train does not have.
        max_leakage: Largest share of test's rows that may share their index or time stamp with train, or
            be not later than it.
        max_sample_leakage: Largest share of test's rows that may be in train as they are.
        max_skew: Largest distance of a column between the tables, 0 to 1; by default it is measured and
            not judged.
        max_categories: Text columns of train with more different values than this are free text.

    Raises:
        InputError: A table cannot be read or has no rows, a named column is absent from one, the tables
            have no column in common, or the date is no time stamp.
    """
    from lockgate.table.checks import signal, split
    from lockgate.table.read import connect
    from lockgate.table.require import require_columns
    from lockgate.table.typed import open_table

    if max_skew is None and "skew" in {*(checks or []), *(enforce or [])}:
        raise InputError("check-split has no limit to hold the skew against; give max_skew as well")
    outcome = Outcome()
    named = [*([label] if label else []), *(index or []), *([date] if date else [])]
    with connect() as connection:
        tables = open_table(connection, train), open_table(connection, test)
        for which, table in zip(("train", "test"), tables, strict=True):
            require_columns(list(table.storage), named, "label, index or date", where=f"the table {which}")
            if date and table.kinds[date] != "datetime":
                raise InputError(
                    f"the date column {date!r} of {table.path} holds {table.kinds[date]}s, no time stamps; "
                    "write it as a date or in ISO 8601"
                )
        if not set(tables[0].storage) & set(tables[1].storage):
            raise InputError("train and test have no column in common; give two tables of one kind")
        pair = split.Pair(
            *tables,
            label=label,
            index=index or [],
            date=date,
            ignore=ignore or [],
            max_categories=max_categories,
        )
        if not checks or "columns" in {*checks, *(enforce or [])}:
            _compare_columns(outcome, pair, {*(enforce or [])})
        limits = {
            "size-comparison": min_size_ratio,
            "new-categories": max_new_category_share,
            "new-labels": max_new_category_share,
            "index-leakage": max_leakage,
            "date-duplicates": max_leakage,
            "date-overlap": max_leakage,
            "sample-leakage": max_sample_leakage,
            "skew": max_skew or 0.0,
        }
        judged = [f for f in split.FAMILIES if f.family.name != "skew" or max_skew is not None]
        signal.run(outcome, judged, pair, limits, chosen=checks or [], enforce=enforce or [])
        outcome.metrics |= {
            "rows_train": tables[0].rows,
            "rows_test": tables[1].rows,
            "skew": {name: {"measure": s.measure, "value": s.value} for name, s in pair.skews.items()},
        }
        outcome.facts |= {"Train": f"{tables[0].rows:,} rows", "Test": f"{tables[1].rows:,} rows"}
        if not_applicable := outcome.metrics["not_applicable"]:
            outcome.facts["Not applicable"] = ", ".join(not_applicable)
        outcome.tables["Columns"] = _described(outcome, pair)
    return outcome


def _compare_columns(outcome: Outcome, pair: Pair, enforce: set[str]) -> None:
    """Record columns that only one table has, and columns of another type."""
    from lockgate.table.checks import signal

    one, other = pair.train, pair.test
    lonely = [(n, "train", "test") for n in one.storage if n not in other.storage]
    lonely += [(n, "test", "train") for n in other.storage if n not in one.storage]
    absent = [signal.Signal(1, f"The column {n!r} is in {a} and not in {b}.", n) for n, a, b in lonely]
    family = signal.Family("columns", "LG-SPLIT-010", "Give both tables the same columns.", "test")
    signal.record(outcome, family, absent, value=len(absent), threshold=0, enforce=enforce)
    numbers = ("integer", "number")
    moved = [
        signal.Signal(1, f"The column {n!r} holds {other.kinds[n]} in test and {one.kinds[n]} in train.", n)
        for n in one.storage
        if n in other.storage
        and one.kinds[n] != other.kinds[n]
        and not (one.kinds[n] in numbers and other.kinds[n] in numbers)
    ]
    family = signal.Family("column-types", "LG-SPLIT-011", "Write the column with one type in both.", "test")
    hard = {"column-types"} if "columns" in enforce else set()
    signal.record(outcome, family, moved, value=len(moved), threshold=0, enforce=hard)


def _described(outcome: Outcome, pair: Pair) -> list[Mapping[str, Any]]:
    """List the columns of both tables, those with findings first, with their distributions."""
    from lockgate.table.checks import shape
    from lockgate.table.profile import profile

    common = [n for n in pair.train.storage if n in pair.test.storage]
    before, now = profile(pair.train, common), profile(pair.test, common)
    drawn = shape.shapes(pair.train, before), shape.shapes(pair.test, now, before)
    found: dict[str, list[str]] = {}
    for finding in outcome.findings:
        if finding.location.column and finding.severity is not Severity.INFO:
            found.setdefault(finding.location.column, []).append(finding.check.replace("-", " "))
    rows: list[Mapping[str, Any]] = []
    for name in sorted(common, key=lambda n: (-len(found.get(n, [])), -_skew(pair, n), common.index(n))):
        row: dict[str, Any] = {
            "column": name,
            "found": ", ".join(dict.fromkeys(found.get(name, []))) or "nothing",
            "type": before[name].kind,
            "missing in train": f"{1 - before[name].completeness:.1%}",
            "missing in test": f"{1 - now[name].completeness:.1%}",
        }
        if name in pair.skews:
            row["skew_score"] = round(pair.skews[name].value, 4)
        if all(name in side for side in drawn):
            row["distribution"] = {
                "train": shape.outline(drawn[0][name]),
                "test": shape.outline(drawn[1][name]),
            }
        rows.append(row)
    return rows


def _skew(pair: Pair, name: str) -> float:
    return pair.skews[name].value if name in pair.skews else 0.0
