"""Drift of two tables of a million rows: lockgate beside scipy and Evidently, in one run.

    python benchmarks/bench_drift.py [ROWS] [--evidently]

Makes two tables of 20 columns (14 normal, 3 of whole numbers, 3 of categories; the current one's
``x0`` is shifted by half a deviation) and times each library from the same Parquet files, in a
process of its own, imports included. Evidently takes minutes on a million rows, so it is asked for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOCKGATE = """
from lockgate.table.drift import compare
found = {c.column: (c.statistic, bool(c.drifted)) for c in compare(before, now).columns}
"""
SCIPY = """
import numpy as np, pyarrow.parquet as pq
from scipy import stats
a, b = pq.read_table(before), pq.read_table(now)
found = {}
for name in a.column_names:
    if name.startswith("s"):
        counts = [
                  {v["values"]: v["counts"] for v in t[name].value_counts().to_pylist()} for t in (a, b)]
        keys = sorted(counts[0] | counts[1])
        table = np.array([[side.get(k, 0) for k in keys] for side in counts])
        result = stats.chi2_contingency(table, correction=False)
    else:
        result = stats.ks_2samp(a[name].to_numpy(), b[name].to_numpy(), method="asymp")
    found[name] = (float(result.statistic), bool(result.pvalue < 0.05 / a.num_columns))
"""
EVIDENTLY = """
import warnings; warnings.simplefilter("ignore")
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
a, b = pd.read_parquet(before), pd.read_parquet(now)
text = [c for c in a if c.startswith("s")]
how = DataDefinition(numerical_columns=[c for c in a if c not in text], categorical_columns=text)
run = Report([DataDriftPreset()], include_tests=False).run(
    Dataset.from_pandas(b, data_definition=how), Dataset.from_pandas(a, data_definition=how))
found = {}
for metric in run.dict()["metrics"]:
    config = metric.get("config", {})
    if "column" in config and "Drift" in config.get("type", ""):
        value = float(metric["value"])
        over = value < config["threshold"] if "p_value" in config["method"] else value >= config["threshold"]
        found[config["column"]] = (value, bool(over))
"""
FRAME = """
import json, resource, sys
from pathlib import Path
before, now = Path(sys.argv[1]), Path(sys.argv[2])
{body}
print(json.dumps([found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))
"""


def make(path: Path, rows: int, seed: int, shift: float) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    columns = {f"x{i}": random.normal(shift if i == 0 else 0.0, size=rows) for i in range(14)}
    columns |= {f"i{i}": random.integers(0, 100, rows) for i in range(3)}
    names = pa.array([f"v{k}" for k in range(30)])
    columns |= {f"s{i}": names.take(pa.array(random.integers(0, 30, rows))) for i in range(3)}
    pq.write_table(pa.table(columns), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--evidently", action="store_true", help="run Evidently as well (minutes)")
    asked = parser.parse_args()
    bodies = {"lockgate": LOCKGATE, "scipy": SCIPY} | ({"evidently": EVIDENTLY} if asked.evidently else {})
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("before", "now")]
        make(paths[0], asked.rows, 1, 0.0)
        make(paths[1], asked.rows, 2, 0.5)
        print(f"2 x {asked.rows:,} rows x 20 columns; only x0 has drifted\n")
        print(f"{'library':<10} {'seconds':>8} {'MB':>6} {'D of x0':>12}  drifted or significant")
        for name, body in bodies.items():
            start = time.perf_counter()
            command = [sys.executable, "-c", FRAME.format(body=body), *map(str, paths)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - start
            found, megabytes = json.loads(done.stdout.splitlines()[-1])
            over = ", ".join(column for column, (_, drifted) in found.items() if drifted)
            print(f"{name:<10} {seconds:>8.1f} {megabytes:>6} {found['x0'][0]:>12.9f}  {over}")


if __name__ == "__main__":
    main()
