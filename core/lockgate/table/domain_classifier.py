"""Multivariate drift: can a classifier tell the rows of two tables apart?

Each column may look as before while the way they go together has changed. A gradient-boosted
classifier is trained to tell reference rows from current ones; every row is scored by a model that has
not seen it. The area under the ROC curve of those scores is 0.5 when there is nothing to tell apart.
(Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests, ICLR 2017.)

The p value is that of the Mann-Whitney test (Ann. Math. Stat. 18, 1947) within each fold, the folds'
statistics added up; within a fold rows and model are independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import MissingExtraError
from lockgate.progress import track
from lockgate.table.engine.columns import family_of, value_sql
from lockgate.table.read import connect, relation
from lockgate.table.sql import quote, select

if TYPE_CHECKING:
    import duckdb
    import numpy as np

SAMPLE_ROWS = 20_000
_FOLDS = 4
_MOST_CODES = 200  # categories that the classifier tells apart; rarer ones are one
_MOST_COLUMNS = 1_000
_LARGEST = 1e308


@dataclass(frozen=True)
class Told:
    """How well the tables were told apart.

    Attributes:
        auc: Area under the ROC curve of the cross-fitted scores, mean of the folds; 0.5 is guessing.
        p_value: One-sided.
        rows: Rows of each sample.
        importance: The columns whose own order tells most, by area under the curve alone; the ten largest.
        reason: Why there is no answer, or empty.
    """

    auc: float = math.nan
    p_value: float = 1.0
    rows: tuple[int, int] = (0, 0)
    importance: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


def tell_apart(reference: Path, current: Path, columns: Sequence[str], *, min_rows: int, seed: int) -> Told:
    """Train a classifier on a seeded sample of both tables, cross-fitted, and say how well it does.

    Args:
        reference: One table.
        current: The other.
        columns: The columns that it sees, of numbers, times, truth values and texts.
        min_rows: Fewest rows of each for an answer.
        seed: Seed of sample, folds and classifier.

    Raises:
        InputError: A table cannot be read.
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import StratifiedKFold
    except ImportError:
        raise MissingExtraError("poisoning", "scikit-learn") from None
    import numpy as np

    if not columns:
        return Told(reason="no column is left for a classifier to look at")
    if len(columns) > _MOST_COLUMNS:
        return Told(
            reason=f"{len(columns)} columns are more than the {_MOST_COLUMNS} that a classifier looks at"
        )
    sides = _samples(reference, current, columns, seed)
    rows = len(sides[0]), len(sides[1])
    if min(rows) < min_rows:
        return Told(rows=rows, reason=f"{min(rows)} rows are fewer than the {min_rows} that an answer needs")
    features = np.concatenate(sides)
    is_current = np.repeat([0, 1], rows)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    areas, surplus, variance = [], 0.0, 0.0
    for train, test in track(list(folds.split(features, is_current)), "telling the tables apart"):
        model = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=seed)
        scores = model.fit(features[train], is_current[train]).predict_proba(features[test])[:, 1]
        area = float(roc_auc_score(is_current[test], scores))
        n, m = int((is_current[test] == 0).sum()), int((is_current[test] == 1).sum())
        areas.append(area)
        surplus += area - 0.5
        variance += (n + m + 1) / (12 * n * m)
    alone = {}
    for name, column in zip(columns, features.T, strict=True):
        ranked = np.nan_to_num(column, nan=-_LARGEST, neginf=-_LARGEST, posinf=_LARGEST)
        alone[name] = 0.5 + abs(float(roc_auc_score(is_current, ranked)) - 0.5)
    largest = dict(sorted(alone.items(), key=lambda item: (-item[1], item[0]))[:10])
    p_value = 0.5 * math.erfc(surplus / math.sqrt(variance) / math.sqrt(2))
    return Told(math.fsum(areas) / _FOLDS, p_value, rows, largest)


def _samples(
    reference: Path, current: Path, columns: Sequence[str], seed: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the rows of both samples as floats; texts are codes in the order of their frequency."""
    import numpy as np

    with connect() as connection:
        tables = []
        for place, path in enumerate((reference, current)):
            table = relation(connection, path)
            view = f"lockgate_side_{place}"
            table.create_view(view)
            types = dict(zip(table.columns, map(str, table.types), strict=True))
            tables.append(_drawn(connection, view, types, columns, seed + place))
        sides: list[list[Any]] = [[], []]
        for name in columns:
            parts = [table.column(name) for table in tables]
            for side, values in zip(sides, _as_floats(parts), strict=True):
                side.append(values)
        return np.column_stack(sides[0]), np.column_stack(sides[1])


def _drawn(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    types: Mapping[str, str],
    columns: Sequence[str],
    seed: int,
) -> Any:
    """Draw rows without replacement by their numbers, and return them in the order of the file."""
    import numpy as np
    import pyarrow as pa

    ((rows,),) = connection.execute(select("count(*)", view)).fetchall()
    chosen = np.random.default_rng(seed).choice(rows, min(rows, SAMPLE_ROWS), replace=False)
    connection.from_arrow(pa.table({"number": pa.array(np.sort(chosen))})).create_view(f"{view}_drawn")
    values = []
    for name in columns:
        family = family_of(types[name])
        value = value_sql(name, types[name])
        if family == "time":
            value = f"CAST(epoch_us(CAST({value} AS TIMESTAMP)) AS DOUBLE)"
        elif family in ("number", "truth"):
            value = f"CAST({value} AS DOUBLE)"
        else:
            value = f"CAST({value} AS VARCHAR)"
        values.append(f"{value} AS {quote(name)}")
    numbered = select(f"{', '.join(values)}, row_number() OVER () - 1 AS lockgate_row", view)
    joined = f"({numbered}) JOIN {view}_drawn ON lockgate_row = number ORDER BY number"
    return connection.sql(select("* EXCLUDE (lockgate_row, number)", joined)).to_arrow_table()


def _as_floats(parts: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    import numpy as np
    import pyarrow as pa

    if all(pa.types.is_floating(part.type) for part in parts):
        return [np.array(part.to_pylist(), dtype=np.float64) for part in parts]
    texts = [part.to_pylist() for part in parts]
    counted: dict[str, int] = {}
    for value in (*texts[0], *texts[1]):
        if value is not None:
            counted[value] = counted.get(value, 0) + 1
    order = sorted(counted, key=lambda v: (-counted[v], v))[:_MOST_CODES]
    codes = {value: float(code) for code, value in enumerate(order)}
    rest = float(len(order))
    return [
        np.array([np.nan if v is None else codes.get(v, rest) for v in side], dtype=np.float64)
        for side in texts
    ]
