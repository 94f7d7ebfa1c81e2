"""The checks of two tables that were split from one: does the test table tell anything new, or too much?

The families are those of deepchecks' train_test_validation suite that look at data alone; drift is
`check-drift`'s. Comparisons are made on the engine, over every row of both tables.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.table.checks import skew, text_values
from lockgate.table.checks.sample import draw
from lockgate.table.checks.signal import LOCATED, Found, Listed, Numbered, Signal
from lockgate.table.profile import distinct_each
from lockgate.table.sql import COLUMNS_A_QUERY, quote, select

if TYPE_CHECKING:
    from lockgate.table.typed import Table


@dataclass
class Pair:
    """What the checks look at.

    Attributes:
        train: What the model learns from.
        test: What it is judged on, or what it serves.
        label: The label column, or None.
        index: Columns that name a row, a person, a machine: none may be in both tables.
        date: The column of time stamps, or None.
        ignore: Columns that are no features.
        max_categories: Columns of text with more different values in train are free text.
        located: How many findings have got row numbers so far.
    """

    train: Table
    test: Table
    label: str | None
    index: Sequence[str]
    date: str | None
    ignore: Sequence[str]
    max_categories: int
    located: int = 0

    @functools.cached_property
    def skews(self) -> dict[str, skew.Skew]:
        """How far each feature and the label are apart, where they can be compared."""
        names = [*self.features, *([self.label] if self.label else [])]
        return skew.of_columns(self.test, self.train, names, draw(self.train, names).numbers)

    @functools.cached_property
    def novel(self) -> dict[str, tuple[int, int]]:
        """Values of test in categories that train does not have, and all values of test, by column.

        Only columns of text and truth values are here, with few different values in train.
        """
        names = [
            n for n in self.features if {self.train.kinds[n], self.test.kinds[n]} <= {"string", "boolean"}
        ]
        few = [n for n, many in distinct_each(self.train, names).items() if 0 < many <= self.max_categories]
        found: dict[str, tuple[int, int]] = {}
        for start in range(0, len(few), COLUMNS_A_QUERY):
            batch = few[start : start + COLUMNS_A_QUERY]
            conditions = [c for n in batch for c in (_unseen(self, n), f"{self.test.value(n)} IS NOT NULL")]
            counts = self.test.count(conditions)
            found |= {n: (counts[2 * i], counts[2 * i + 1]) for i, n in enumerate(batch)}
        return {n: pair for n, pair in found.items() if pair[1]}

    @property
    def features(self) -> list[str]:
        """Columns of both tables with a role of their own left out."""
        apart = {self.label, self.date, *self.index, *self.ignore}
        return [n for n in self.train.storage if n in self.test.storage and n not in apart]

    def rows(self, condition: str) -> tuple[int, ...]:
        """Return the first rows of test for which a condition is true; none once many have theirs."""
        self.located += 1
        return self.test.rows_where(condition) if self.located <= LOCATED else ()


def size_comparison(pair: Pair, limit: float) -> Found:
    """Whether test has enough rows for each row of train."""
    ratio = pair.test.rows / pair.train.rows
    message = (
        f"The test table has {pair.test.rows} rows, {ratio:.3g} for each of the {pair.train.rows} of train."
    )
    return Found(ratio, [Signal(ratio, message)] if ratio < limit else [], "rows of test for one of train")


def new_categories(pair: Pair, limit: float) -> Found:
    """Values of a category in test that train does not have."""
    shares = {name: count / total for name, (count, total) in pair.novel.items()}
    found = []
    for name, share in shares.items():
        if share > limit:
            count = pair.novel[name][0]
            message = (
                f"The column {name!r} of test has {count} values of categories that train does not have."
            )
            found.append(Signal(share, message, name, count, pair.rows(_unseen(pair, name))))
    if not shares:
        return Found(None, reason="there is no column of categories in both tables")
    return Found(max(shares.values()), found, "largest share of test's values in a column")


def new_labels(pair: Pair, limit: float) -> Found:
    """Classes in test that train does not have."""
    if not pair.label:
        return Found(None, reason="no label was named")
    if pair.train.kinds[pair.label] == "number":
        return Found(None, reason="the label is a quantity, not a class")
    condition = _unseen(pair, pair.label)
    count, total = pair.test.count([condition, f"{pair.test.value(pair.label)} IS NOT NULL"])
    if not total:
        return Found(None, reason=f"the label {pair.label!r} of test has no value")
    share = count / total
    message = f"{count} rows of test have a class of {pair.label!r} that train does not have."
    signals = [Signal(share, message, pair.label, count, pair.rows(condition))] if share > limit else []
    return Found(share, signals, "share of the rows of test")


def string_mismatch_comparison(pair: Pair, _limit: float) -> Found:
    """Values of test that train has in another spelling only."""
    found = []
    asked = [n for n in pair.novel if {pair.train.kinds[n], pair.test.kinds[n]} == {"string"}]
    for name in asked:
        if not pair.novel[name][0]:
            continue
        here, there = pair.test.value(name), pair.train.value(name)
        spelt = select(
            f"DISTINCT {text_values.folded(there)}", quote(pair.train.view), f"WHERE {there} IS NOT NULL"
        )
        exact = select(f"DISTINCT {there}", quote(pair.train.view), f"WHERE {there} IS NOT NULL")
        condition = (
            f"({here} IS NOT NULL AND {here} NOT IN ({exact}) AND {text_values.folded(here)} <> '' "
            f"AND {text_values.folded(here)} IN ({spelt}))"
        )
        count = pair.test.count([condition])[0]
        if count:
            message = (
                f"The column {name!r} of test has {count} values that train has in another spelling only."
            )
            found.append(Signal(count, message, name, count, pair.rows(condition)))
    if not asked:
        return Found(None, reason="there is no column of categories in both tables")
    return Found(len(found), found, "columns with values in a spelling of their own")


def index_leakage(pair: Pair, limit: float) -> Found:
    """Rows of test whose index is in train."""
    if not pair.index:
        return Found(None, reason="no index was named")
    here, there = ([side.value(n) for n in pair.index] for side in (pair.test, pair.train))
    if any(_kind(pair.train, n) != _kind(pair.test, n) for n in pair.index):
        return Found(None, reason="the index has another type in test than in train")
    whole = " AND ".join(f"{value} IS NOT NULL" for value in there)
    known = select(", ".join(there), quote(pair.train.view), f"WHERE {whole}")
    complete = " AND ".join(f"{value} IS NOT NULL" for value in here)
    condition = f"({complete} AND ({', '.join(here)}) IN ({known}))"
    return _leak(pair, condition, limit, "whose index is in train as well", pair.index)


def date_leakage_duplicates(pair: Pair, limit: float) -> Found:
    """Rows of test whose time stamp is in train."""
    if not pair.date:
        return Found(None, reason="no date was named")
    here, there = pair.test.value(pair.date), pair.train.value(pair.date)
    known = select(there, quote(pair.train.view), f"WHERE {there} IS NOT NULL")
    return _leak(pair, f"({here} IN ({known}))", limit, "whose time stamp is in train as well", [pair.date])


def date_leakage_overlap(pair: Pair, limit: float) -> Found:
    """Rows of test that are not later than all of train."""
    if not pair.date:
        return Found(None, reason="no date was named")
    here, there = pair.test.value(pair.date), pair.train.value(pair.date)
    last = select(f"max({there})", quote(pair.train.view))
    return _leak(
        pair, f"({here} <= ({last}))", limit, "that are not later than the last one of train", [pair.date]
    )


def samples_mix(pair: Pair, limit: float) -> Found:
    """Rows of test that are in train, equal in every feature and the label, gaps included."""
    names = [*pair.features, *([pair.label] if pair.label else [])]
    if not pair.features:
        return Found(None, reason="the tables have no feature in common")
    if any(_kind(pair.train, n) != _kind(pair.test, n) for n in names):
        return Found(None, reason="a column is of another type in test than in train")
    here, there = ([_comparable(side, n) for n in names] for side in (pair.test, pair.train))
    # The hash only narrows down; equal rows have equal hashes, and what is left is compared exactly.
    known = quote(pair.train.view + "_known")
    hashes = quote(pair.train.view + "_hashes")
    pair.train.query(
        f"CREATE OR REPLACE TEMP TABLE {hashes} AS "
        + select(f"DISTINCT hash({_packed(here)}) AS h", quote(pair.test.view))
    )
    pair.train.query(
        f"CREATE OR REPLACE TEMP TABLE {known} AS "
        + select(
            f"DISTINCT {_packed(there)} AS k",
            quote(pair.train.view),
            f"WHERE hash({_packed(there)}) IN (FROM {hashes})",
        )
    )
    condition = f"({_packed(here)} IN (FROM {known}))"
    found = _leak(pair, condition, limit, "that train has as well, equal in every feature and the label", [])
    pair.train.query(f"DROP TABLE {known}")
    pair.train.query(f"DROP TABLE {hashes}")
    return found


def skew_comparison(pair: Pair, limit: float) -> Found:
    """How far each column of test is from train; see `lockgate.table.checks.skew`."""
    if not pair.skews:
        return Found(None, reason="no column could be compared")
    over = sorted((s for s in pair.skews.values() if s.value > limit), key=lambda s: (-s.value, s.column))
    found = [
        Signal(
            s.value,
            f"The column {s.column!r} differs between train and test: {s.measure} {s.value:.3f}.",
            s.column,
        )
        for s in over
    ]
    return Found(max(s.value for s in pair.skews.values()), found, "largest distance of a column")


def _leak(pair: Pair, condition: str, limit: float, what: str, names: Sequence[str]) -> Found:
    count = pair.test.count([condition])[0]
    share = count / pair.test.rows
    message = f"{count} of {pair.test.rows} rows of test are rows {what} ({share:.2%})."
    column = names[0] if len(names) == 1 else None
    signals = [Signal(share, message, column, count, pair.rows(condition))] if share > limit else []
    return Found(share, signals, "share of the rows of test")


def _unseen(pair: Pair, name: str) -> str:
    """SQL that is true for a value of test which train does not have."""
    here, there = (f"CAST({_comparable(side, name)} AS VARCHAR)" for side in (pair.test, pair.train))
    known = select(f"DISTINCT {there}", quote(pair.train.view), f"WHERE {there} IS NOT NULL")
    return f"({here} IS NOT NULL AND {here} NOT IN ({known}))"


def _kind(table: Table, name: str) -> str:
    kind = table.kinds[name]
    return "number" if kind == "integer" else kind


def _comparable(table: Table, name: str) -> str:
    """SQL for a value that compares between tables whatever stores it: whole numbers as numbers do."""
    if table.kinds[name] == "any":
        return f"CAST({quote(name)} AS VARCHAR)"
    if _kind(table, name) == "number":
        return f"CAST({table.value(name)} AS DOUBLE)"
    return table.value(name)


def _packed(values: Sequence[str]) -> str:
    """SQL for several values as one; gaps in the same places are equal in it."""
    return "{" + ", ".join(f"'c{i}': {value}" for i, value in enumerate(values)) + "}"


_listed = Numbered[Pair]("LG-SPLIT", "test")

FAMILIES: tuple[Listed[Pair], ...] = (
    _listed("size-comparison", 1, size_comparison, "Give test more rows, or split again.", at_least=True),
    _listed(
        "new-categories", 2, new_categories, "Split by group, or have the model take unknown categories."
    ),
    _listed("new-labels", 3, new_labels, "Split so that train has every class."),
    _listed("string-mismatch", 4, string_mismatch_comparison, "Write each category in one spelling in both."),
    _listed("index-leakage", 5, index_leakage, "Split by the index, so that none is in both tables."),
    _listed(
        "date-duplicates", 6, date_leakage_duplicates, "Split by time, with no time stamp in both tables."
    ),
    _listed("date-overlap", 7, date_leakage_overlap, "Split by time: test begins where train ends."),
    _listed(
        "sample-leakage", 8, samples_mix, "Drop copies before the split; a score on known rows says nothing."
    ),
    _listed(
        "skew", 9, skew_comparison, "Find out why the two differ; run check-drift for tests of significance."
    ),
)
