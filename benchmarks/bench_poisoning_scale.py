"""detect-poisoning on a large table: time, memory, and whether what was planted is found.

    python benchmarks/bench_poisoning_scale.py [--rows 1000000] [--write]

Twelve columns of measurements, four of whole numbers and four of categories, two classes, 50 sources of
unequal size. One table is clean; in the other half of the labels of one source are turned round, half a
percent of the rows are copies of one row, and 1 % carry a rare value that is tied to a label. The command
line runs on each; CPU seconds and memory are those of its process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results import write_section

SOURCES = 50


def made(rows: int, poisoned: bool) -> tuple[pa.Table, np.ndarray]:
    """Return the table, and which rows were planted or changed."""
    random = np.random.default_rng(5)
    y = random.integers(0, 2, rows)
    columns = {f"n{i}": random.normal(size=rows) + 1.2 * y * (i < 5) for i in range(12)}
    columns["n3"] = np.round(columns["n3"], 1)
    for i in range(4):
        columns[f"k{i}"] = random.integers(0, 20 + 10 * i, rows) + 3 * y * (i == 0)
        columns[f"t{i}"] = np.array([f"v{j}" for j in range(5 * i + 5)])[random.integers(0, 5 * i + 5, rows)]
    source = random.choice(SOURCES, rows, p=random.dirichlet(np.full(SOURCES, 5.0)))
    planted = np.zeros(rows, dtype=bool)
    if poisoned:
        bad = int(np.argsort(np.bincount(source))[SOURCES // 2])
        lied = (source == bad) & (random.random(rows) < 0.5)
        y = np.where(lied, 1 - y, y)
        copied = random.choice(rows, rows // 200, replace=False)
        for column in columns.values():
            column[copied] = column[copied[0]]
        y[copied] = y[copied[0]]
        pool = np.setdiff1d(np.flatnonzero(y == 0), copied)
        backdoor = random.choice(pool, rows // 100, replace=False)
        columns["n7"][backdoor] = 9.5
        y[backdoor] = 1
        planted[lied] = planted[copied] = planted[backdoor] = True
    names = np.array([f"source {j}" for j in range(SOURCES)])
    return pa.table({**columns, "label": y, "source": names[source]}), planted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="put the figures into RESULTS.md")
    asked = parser.parse_args()
    lines = ["| table | verdict | alarms | planted rows among the suspects | CPU seconds | GiB |"]
    lines.append("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for poisoned in (True, False):
            table, planted = made(asked.rows, poisoned)
            pq.write_table(table, f"{folder}/train.parquet")
            del table
            lines.append(_line(Path(folder), poisoned, planted))
            print(lines[-1], flush=True)
    if asked.write:
        head = (
            f"`python benchmarks/bench_poisoning_scale.py --rows {asked.rows} --write`: {asked.rows:,} rows,"
        )
        write_section("Planted data, scale", [head, "20 columns, 50 sources, no baseline.", "", *lines])


def _line(folder: Path, poisoned: bool, planted: np.ndarray) -> str:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = folder / f"out-{poisoned}"
    command = ["detect-poisoning", "--train", folder / "train.parquet", "--label", "label"]
    run = [Path(sys.executable).with_name("lockgate"), *command, "--source", "source", "--out", out]
    subprocess.run([str(part) for part in run], check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = json.loads((out / "result.json").read_text())
    said = "; ".join(f["rule"] for f in result["findings"] if f["severity"].lower() == "critical") or "none"
    suspects = pq.read_table(out / "suspects.parquet")["row"].to_numpy()
    found = f"{planted[suspects].sum():,} of {planted.sum():,}, {len(suspects):,} suspects"
    kind = "planted" if poisoned else "clean"
    return (
        f"| {kind} | {result['verdict']} | {said} | {found} | {seconds:.0f} | {after.ru_maxrss / 2**20:.1f} |"
    )


if __name__ == "__main__":
    main()
