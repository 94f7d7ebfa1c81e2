"""Planted defects in tables of 20 columns: check-integrity beside deepchecks' data_integrity suite.

    python benchmarks/bench_validation.py [ROWS ...] [--deepchecks PYTHON] [--limit SECONDS]

Makes a clean table, one whose rows and one whose columns have the defects of `DEFECTS`, and runs both
libraries on each, in processes of their own, imports included, in turn. lockgate counts every row.
deepchecks is run with its suite's own conditions on a Dataset of the whole table, beside it the two
checks that are not in the suite, ClassImbalance and PercentOfNulls, with their default limits, and a
condition on outliers, which get time to finish; copies are compared without the key and the time stamp.
It draws its samples itself. Found means that the check of that name did not pass. Writes its section of
RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results import write_section

# Our name of a check: deepchecks' class, and what is planted.
DEFECTS = {
    "single-value": ("IsSingleValue", "a column with one value"),
    "percent-of-nulls": ("PercentOfNulls", "60 % of a column missing"),
    "mixed-nulls": ("MixedNulls", "`null` and `NA` in 0.2 % of a column that has gaps"),
    "mixed-types": ("MixedDataTypes", "2 % texts in a column of numbers"),
    "special-characters": ("SpecialCharacters", "`?!` in 0.5 % of a column"),
    "string-mismatch": ("StringMismatch", "0.1 % of a category in capitals"),
    "string-length": ("StringLengthOutOfBounds", "10 remarks of 3,000 characters"),
    "duplicates": ("DataDuplicates", "6 % of the rows copied"),
    "conflicting-labels": ("ConflictingLabels", "6 % of the rows copied with another label"),
    "class-imbalance": ("ClassImbalance", "a class of 0.5 % of the rows"),
    "feature-label-correlation": ("FeatureLabelCorrelation", "a column made from the label"),
    "feature-feature-correlation": ("FeatureFeatureCorrelation", "a column twice another"),
    "identifier-label-correlation": ("IdentifierLabelCorrelation", "rows numbered by label"),
    "outliers": ("OutlierSampleDetection", "2 % of the rows at 1,000 deviations"),
}

OF_ROWS = ("duplicates", "conflicting-labels", "class-imbalance")

OURS = """
import json, sys
from pathlib import Path
from lockgate.stages.ingest.check_integrity import check_integrity
done = check_integrity(Path(sys.argv[1]), label="label", primary_key=["id"], ignore=["seen"])
print(json.dumps([c.id for c in done.checks if c.verdict.value != "PASS"]))
"""
THEIRS = """
import json, sys, warnings; warnings.simplefilter("ignore")
import pandas as pd
from deepchecks.core import CheckFailure
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import ClassImbalance, DataDuplicates, OutlierSampleDetection, PercentOfNulls
from deepchecks.tabular.suites import data_integrity
frame = pd.read_parquet(sys.argv[1])
texts = [n for n in frame if frame[n].dtype == object and n != "remark"]
suite = data_integrity(); found = []
data = Dataset(frame, label="label", label_type="multiclass", index_name="id", datetime_name="seen",
               cat_features=texts)
more = [ClassImbalance(),
        PercentOfNulls().add_condition_percent_of_nulls_not_greater_than(),
        DataDuplicates(ignore_columns=["id", "seen"]).add_condition_ratio_less_or_equal(0.05),
        OutlierSampleDetection(timeout=0).add_condition_outlier_ratio_less_or_equal()]
apart = ("OutlierSampleDetection", "DataDuplicates")
for check in [*(c for c in suite.checks.values() if type(c).__name__ not in apart), *more]:
    try:
        done = check.run(data)
    except Exception as error:
        print(type(check).__name__, "could not run:", str(error)[:200], file=sys.stderr)
        continue
    if type(check).__name__ == "ClassImbalance":  # its condition warns about classes that are balanced
        shares = done.value.values()
        found += ["ClassImbalance"] if min(shares) < 0.1 * max(shares) else []
    if any(c.category.value != "PASS" for c in getattr(done, "conditions_results", ())):
        found.append(type(check).__name__)
print(json.dumps(found))
"""


def make(path: Path, rows: int, seed: int, *, planted: str = "") -> None:
    """Write a table of 20 columns, clean or with the defects of its `rows` or `columns`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    draw = np.random.default_rng(seed)
    copied, conflicting = (int(rows * 0.06) if planted == "rows" else 0 for _ in range(2))
    own = rows - copied - conflicting

    def pick(values: list[str], count: int = own) -> Any:
        return np.array(values, dtype=object)[draw.integers(0, len(values), count)]

    words = ["red", "blue", "small", "large", "old", "new", "fast", "slow", "left", "right"]
    pieces = [pick(words) for _ in range(6)]
    many = draw.integers(2, 7, own)
    columns: dict[str, Any] = {f"n{i}": draw.normal(size=own) for i in range(6)}
    columns["price"] = draw.lognormal(3, 1, own)
    columns |= {"age": draw.integers(18, 90, own).astype(object), "visits": draw.poisson(4, own)}
    columns |= {f"c{i}": pick([f"kind {k}" for k in range(3 + 4 * i)]) for i in range(4)}
    columns["city"] = pick(["Bern", "Basel", "Chur", "Genf", "St. Gallen"])
    columns["remark"] = np.array(
        [" ".join(parts[:k]) for parts, k in zip(zip(*pieces, strict=True), many, strict=True)], dtype=object
    )
    label = (columns["n0"] + draw.normal(size=own) > 0).astype(int)
    columns["extra"], columns["other"] = draw.normal(size=own), draw.normal(size=own)

    def some(share: float) -> Any:
        return draw.choice(own, max(1, int(own * share)), replace=False)

    if planted == "rows":
        label[some(0.005)] = 2
    if planted == "columns":
        columns["n5"][some(0.6)] = np.nan
        columns["c0"][some(0.05)] = None
        columns["c0"][some(0.001)], columns["c0"][some(0.001)] = "null", "NA"
        columns["age"] = columns["age"].astype(str).astype(object)
        columns["age"][some(0.02)] = "unknown"
        columns["c1"][some(0.005)] = "?!"
        columns["city"][some(0.001)] = "BERN"
        columns["remark"][draw.choice(own, 10, replace=False)] = "x" * 3_000
        columns["n4"][some(0.02)] = 1_000.0
        columns["extra"] = label * 2.0
        columns["other"] = columns["n1"] * 2 + 1
        columns["c3"] = np.array(["kind 0"] * own, dtype=object)
    again = np.concatenate([np.arange(own), draw.choice(own, copied + conflicting, replace=False)])
    table = {name: np.asarray(cells)[again] for name, cells in columns.items()}
    label = label[again]
    turned = label[own + copied :]
    label[own + copied :] = np.where(turned == 0, 1, 0)
    ids = draw.permutation(rows)
    if planted == "columns":
        ids = np.empty(rows, dtype=np.int64)
        ids[np.argsort(label, kind="stable")] = np.arange(rows)
    seen = np.datetime64("2026-01-01T00:00:00", "us") + draw.permutation(rows).astype("timedelta64[s]")
    age = pa.array(table.pop("age").tolist())
    arrays = {"id": ids, **table, "age": age, "seen": seen, "label": label}
    pq.write_table(pa.table({n: pa.array(a, from_pandas=True) for n, a in arrays.items()}), path)


def measure(python: str, body: str, path: Path, limit: int) -> tuple[list[str] | None, float, float, float]:
    """Return what was found (None: over the time limit), wall and CPU seconds, and peak memory in MiB."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    frame = f"{body}\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    try:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", frame, str(path)],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, limit, float("nan"), float("nan")
    if done.returncode:
        raise SystemExit(done.stderr)
    sys.stderr.write("".join(line + "\n" for line in done.stderr.splitlines() if "could not run" in line))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said, memory = done.stdout.splitlines()[-2:]
    return json.loads(said), time.perf_counter() - start, cpu, float(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument(
        "--deepchecks",
        default=os.environ.get("LOCKGATE_DEEPCHECKS_PYTHON", f"{sys.prefix}-deepchecks/bin/python"),
    )
    parser.add_argument("--peers-up-to", type=int, default=10**9, help="more rows than these: lockgate alone")
    parser.add_argument("--limit", type=int, default=540, help="seconds for each run")
    asked = parser.parse_args()
    tools = {"lockgate": (sys.executable, OURS), "deepchecks": (asked.deepchecks, THEIRS)}
    times, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in asked.rows:
            for state in ("clean", "rows", "columns"):
                path = Path(folder) / f"{state}.parquet"
                make(path, rows, seed=rows + 11, planted=state.replace("clean", ""))
                for tool, (python, body) in tools.items():
                    if tool != "lockgate" and rows > asked.peers_up_to:
                        continue
                    said, wall, cpu, memory = measure(python, body, path, asked.limit)
                    found[rows, state, tool] = said
                    spent = "over the limit" if said is None else f"{cpu:.1f} | {memory:,.0f}"
                    spent = f"{spent} | " if said is None else spent
                    times.append(f"| {rows:,} | {state} | {tool} | {wall:.1f} | {spent} |")
                    print(times[-1], said, flush=True)
            record(asked.rows[: asked.rows.index(rows) + 1], list(tools), times, found)


def record(sizes: list[int], tools: list[str], times: list[str], found: dict[Any, Any]) -> None:
    """Write what was measured so far into RESULTS.md."""
    lines = [
        f"`python benchmarks/bench_validation.py {' '.join(sys.argv[1:])}`, two cores shared with others:",
        "a process each, imports included. lockgate counts every row, deepchecks 0.19.1 draws samples.",
        "",
        "| rows x 20 | table | library | wall, s | CPU, s | memory, MiB |",
        "|---|---|---|---|---|---|",
        *times,
        "",
        "| planted | " + " | ".join(f"{tool}, {rows:,}" for rows in sizes for tool in tools) + " |",
        "|---|" + "---|" * (len(sizes) * len(tools)),
    ]
    for name, (theirs, what) in DEFECTS.items():
        cells, where = [], "rows" if name in OF_ROWS else "columns"
        for rows in sizes:
            for tool in tools:
                sides = [found.get((rows, state, tool)) for state in (where, "clean")]
                called = name if tool == "lockgate" else theirs
                cell = "-" if sides[0] is None else ("found" if called in sides[0] else "missed")
                cells.append(cell + (", false alarm" if sides[1] and called in sides[1] else ""))
        lines.append(f"| {name}: {what} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "A false alarm is one on the clean table. deepchecks' condition for ClassImbalance is the wrong way",
        "round (it warns of balanced classes); its ratio was held against its default here.",
    ]
    write_section("Table integrity", lines)


if __name__ == "__main__":
    main()
