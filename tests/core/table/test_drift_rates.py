"""How often the defaults are wrong: alarms between samples of one table, and small shifts that are missed.

Slow: five hundred comparisons. The limits were set from theory (see `lockgate.table.comparison`), not
from these seeds.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.table import drift

PAIRS, DRAWS = 200, 100


def rows(random, count):
    """Twenty columns of many shapes, some of them depending on one another."""
    base = random.normal(size=count)
    columns = {f"n{i}": random.normal(size=count) for i in range(6)}
    columns |= {f"c{i}": base + random.normal(size=count) for i in range(3)}
    columns |= {
        "log": random.lognormal(0, 2, count),
        "t": random.standard_t(2, count),
        "zeros": np.maximum(random.normal(size=count), 0),
        "holes": pa.array(random.normal(size=count), mask=random.random(count) < 0.2),
        "ages": random.integers(18, 90, count),
        "counts": random.poisson(30, count),
        "few": random.integers(0, 5, count),
        "flag": random.random(count) < 0.05,
        "text": [f"v{k}" for k in random.integers(0, 12, count)],
        "tail": [f"v{k}" for k in random.geometric(0.02, count)],
        "shares": random.beta(0.5, 0.5, count),
    }
    return pa.table(columns)


def compare(tmp_path, one, other):
    for name, table in (("one", one), ("other", other)):
        pq.write_table(table, tmp_path / name)
    return drift.compare(tmp_path / "one", tmp_path / "other", threads=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("count", [1_000, 5_000])
def test_samples_of_one_table_are_seldom_called_drifted(tmp_path, count):
    random = np.random.default_rng(20_261 + count)
    table = rows(random, 60_000)
    closed = 0
    for _ in range(PAIRS):
        order = random.permutation(table.num_rows)
        found = compare(tmp_path, table.take(order[:count]), table.take(order[count : 2 * count]))
        closed += bool(found.drifted)
    print(f"{closed} of {PAIRS} pairs of {count} rows closed")
    assert closed <= 0.02 * PAIRS


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_fifth_of_a_deviation_in_one_of_twenty_columns_is_found(tmp_path):
    random = np.random.default_rng(917)
    found = 0
    for _ in range(DRAWS):
        one, other = rows(random, 5_000), rows(random, 5_000)
        place = other.column_names.index("n0")
        other = other.set_column(place, "n0", pa.array(other["n0"].to_numpy() + 0.2))
        drifted = [c.column for c in compare(tmp_path, one, other).drifted]
        found += "n0" in drifted
    print(f"{found} of {DRAWS} shifts found")
    assert found >= 0.95 * DRAWS
