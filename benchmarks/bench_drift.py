"""Drift of two tables: Lockgate, a DuckDB scan of the same files, and four peers, in turn.

    python benchmarks/bench_drift.py [ROWS] [--columns 20] [--repeat 5] [--only NAME ...] [--write]

Makes two tables (seven tenths of the columns normal, three twentieths whole numbers, the rest
categories; the current one's ``x0`` is shifted by half a deviation). Each tool reads the same Parquet
files in a process of its own, imports included; the tools take turns, so that a slow minute hits all
of them. Given are medians of wall time, processor time and peak memory, and the ratio to Lockgate.

Every run is a line of `build/bench-drift.jsonl`, with the load of the machine before it: a run that
was cut goes on from there when the same command is given again. Lines of other code of Lockgate, or of
other tables, do not count.

A peer runs in the interpreter that ``LOCKGATE_EVIDENTLY_PYTHON``, ``LOCKGATE_DEEPCHECKS_PYTHON``,
``LOCKGATE_NANNYML_PYTHON`` or ``LOCKGATE_FROUROS_PYTHON`` names; one that is absent is left out, and
the table says so. By default Evidently runs in this interpreter, deepchecks in `.venv-deepchecks`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from results import write_section
from turns import ROOT, Log, Measured, code_digest, run

RUNS = ROOT / "build" / "bench-drift.jsonl"
PROFILE, STORED = "lockgate, profile of one", "lockgate, stored profile"

BODIES = {
    "lockgate": """
from lockgate.table.drift import compare
found = [c.column for c in compare(before, now).drifted]
""",
    "DuckDB scan": """
import duckdb
# Else the extremes in the footer answer, and nothing is scanned.
connection = duckdb.connect(config={"disabled_optimizers": "statistics_propagation"})
found = []
for path in (before, now):
    table = connection.read_parquet(str(path))
    table.aggregate(", ".join(f'count("{n}"), min("{n}"), max("{n}")' for n in table.columns)).fetchall()
""",
    "lockgate, command line": """
import contextlib, io, tempfile
from lockgate.cli import main
out = tempfile.mkdtemp()
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["check-drift", "--reference", str(before), "--current", str(now), "--out", out])
said = json.loads((Path(out) / "result.json").read_text())
found = [f["location"]["column"] for f in said["findings"] if f["rule"] == "LG-DRIFT-001"]
""",
    PROFILE: """
from lockgate.table.engine.local import profile_of
from lockgate.table.baseline import document
document.write(profile_of(before), before.with_suffix(".profile"))
found = []
""",
    STORED: """
from lockgate.table.baseline import document
from lockgate.table.engine.local import profile_of
from lockgate.table.profile_drift import compare_profiles
reference = document.read(before.with_suffix(".profile"))
found = [c.column for c in compare_profiles(reference, profile_of(now, layout=reference, bare=True)).drifted]
""",
    "evidently": """
import warnings; warnings.simplefilter("ignore")
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
a, b = pd.read_parquet(before), pd.read_parquet(now)
text = [c for c in a if c.startswith("s")]
how = DataDefinition(numerical_columns=[c for c in a if c not in text], categorical_columns=text)
run = Report([DataDriftPreset()], include_tests=False).run(
    Dataset.from_pandas(b, data_definition=how), Dataset.from_pandas(a, data_definition=how))
found = []
for metric in run.dict()["metrics"]:
    config = metric.get("config", {})
    if "column" in config and "Drift" in config.get("type", ""):
        value = float(metric["value"])
        over = value < config["threshold"] if "p_value" in config["method"] else value >= config["threshold"]
        found += [config["column"]] * bool(over)
""",
    "deepchecks": """
import warnings; warnings.simplefilter("ignore")
import pandas as pd
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import FeatureDrift
a, b = pd.read_parquet(before), pd.read_parquet(now)
text = [c for c in a if c.startswith("s")]
result = FeatureDrift().run(Dataset(a, cat_features=text), Dataset(b, cat_features=text))
found = [c for c, v in result.value.items() if v["Drift score"] is not None and v["Drift score"] > 0.2]
""",
    "nannyml": """
import warnings; warnings.simplefilter("ignore")
import pandas as pd, nannyml
a, b = pd.read_parquet(before), pd.read_parquet(now)
text = [c for c in a if c.startswith("s")]
calculator = nannyml.UnivariateDriftCalculator(
    column_names=list(a), treat_as_categorical=text,
    continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
    categorical_methods=["chi2", "jensen_shannon"])
result = calculator.fit(a).calculate(b).filter(period="analysis").to_df()
found = [c for c in a if bool(result[(c, "jensen_shannon", "alert")].any())]
""",
    "frouros": """
import warnings; warnings.simplefilter("ignore")
import pandas as pd
from frouros.detectors.data_drift import ChiSquareTest, KSTest, PSI
a, b = pd.read_parquet(before), pd.read_parquet(now)
found = []
for name in a:
    test = ChiSquareTest() if name.startswith("s") else KSTest()
    test.fit(X=a[name].to_numpy())
    result, _ = test.compare(X=b[name].to_numpy())
    distance = 0.0
    if not name.startswith("s"):
        bins = PSI(); bins.fit(X=a[name].to_numpy())
        distance = bins.compare(X=b[name].to_numpy())[0].distance
    found += [name] * bool(result.p_value < 0.05 / len(a.columns) and distance > 0.1)
""",
}
FRAME = """
import json, sys
from pathlib import Path
before, now = Path(sys.argv[1]), Path(sys.argv[2])
{body}
print(json.dumps(found))
"""
DEFAULT_PYTHON = {
    "evidently": Path(sys.executable),
    "deepchecks": ROOT / ".venv-deepchecks" / "bin" / "python",
}


def interpreter(tool: str) -> Path | None:
    """The interpreter of a peer, or None when it is not there; ours for our own rows."""
    if tool.startswith(("lockgate", "DuckDB")):
        return Path(sys.executable)
    named = os.environ.get(f"LOCKGATE_{tool.upper()}_PYTHON")
    path = Path(named) if named else DEFAULT_PYTHON.get(tool)
    if path is None or not path.exists():
        return None
    look = f"import importlib.util as u, sys; sys.exit(not u.find_spec({tool!r}))"
    has_it = subprocess.run([path, "-c", look], check=False)
    return path if has_it.returncode == 0 else None


def make(path: Path, rows: int, columns: int, seed: int, shift: float) -> None:
    """Write one table, a million rows at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    whole = max(1, columns * 3 // 20)
    names = pa.array([f"v{k}" for k in range(30)])
    writer = None
    for start in range(0, rows, 1_000_000):
        count = min(1_000_000, rows - start)
        parts = {f"x{i}": random.normal(shift * (i == 0), size=count) for i in range(columns - 2 * whole)}
        parts |= {f"i{i}": random.integers(0, 100, count) for i in range(whole)}
        parts |= {f"s{i}": names.take(pa.array(random.integers(0, 30, count))) for i in range(whole)}
        table = pa.table(parts)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=sorted(BODIES), default=list(BODIES))
    parser.add_argument(
        "--runs", type=Path, default=RUNS, help="file of JSON lines; one that is there goes on"
    )
    parser.add_argument("--timeout", type=float, default=1_800, help="seconds a run may take")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    pythons = {tool: interpreter(tool) for tool in BODIES if tool in asked.only}
    absent = [tool for tool, python in pythons.items() if python is None]
    there = {tool: python for tool, python in pythons.items() if python is not None}
    log = Log(asked.runs)
    same = {tool: _same(tool, asked.rows, asked.columns) for tool in there}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("before.parquet", "now.parquet")]
        commands = {
            tool: [python, "-c", FRAME.format(body=BODIES[tool]), *paths] for tool, python in there.items()
        }
        if any(len(log.of(tool, same[tool])) < asked.repeat for tool in there):
            make(paths[0], asked.rows, asked.columns, 1, 0.0)
            make(paths[1], asked.rows, asked.columns, 2, 0.5)
            if (
                STORED in there
            ):  # what it reads, also when the run that makes it is not asked for or was before
                ready = run([there[STORED], "-c", FRAME.format(body=BODIES[PROFILE]), *paths], asked.timeout)
                if "error" in ready:
                    sys.exit(f"the profile could not be made: {ready['error']}")
        log.take_turns(commands, same, asked.repeat, asked.timeout)
    lines = _page(asked, log.medians(there, same), absent)
    print("\n".join(lines))
    if asked.write:
        write_section(_title(asked.rows, asked.columns), lines)


def _same(tool: str, rows: int, columns: int) -> dict[str, object]:
    """What two runs of a tool must have in common to be put together."""
    ours = {"code": code_digest()} if tool.startswith("lockgate") else {}
    return {
        "rows": rows,
        "columns": columns,
        "body": hashlib.sha256(BODIES[tool].encode()).hexdigest()[:12],
    } | ours


def _title(rows: int, columns: int) -> str:
    usual = (rows, columns) == (1_000_000, 20)
    return "Drift" if usual else f"Drift, {rows:,} rows, {columns} columns"


def _page(
    asked: argparse.Namespace, medians: Mapping[str, Measured | None], absent: Sequence[str]
) -> list[str]:
    ran = {tool: found for tool, found in medians.items() if found}
    base = ran.get("lockgate") or next(iter(ran.values()))
    fewest = min(found.runs for found in ran.values())
    lines = [
        (
            f"`python benchmarks/bench_drift.py {asked.rows} --columns {asked.columns} "
            f"--repeat {asked.repeat}`: two tables of {asked.rows:,} rows and {asked.columns} columns in "
            "Parquet, of which `x0` has moved."
        ),
        (
            f"Whole processes with imports, taking turns; medians of {fewest}, and the ratio to "
            "Lockgate's two tables."
        ),
        *([f"Not run, as not installed: {', '.join(absent)}."] if absent else []),
        "",
        "| tool | wall, s | ratio | processor, s | ratio | peak memory, MiB | ratio | called drifted |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for tool, found in ran.items():
        if found.error:
            lines.append(f"| {tool} | failed: {found.error.replace('|', ' ')} | | | | | | |")
            continue
        values = (found.wall, found.processor, found.peak)
        of_base = (base.wall, base.processor, base.peak)
        cells = [
            f"{value:,.{digits}f} | {value / one:.2f}"
            for value, one, digits in zip(values, of_base, (1, 1, 0), strict=True)
        ]
        named = [*found.said[:4], *(["..."] if len(found.said) > 4 else [])]
        lines.append(f"| {tool} | {' | '.join(cells)} | {', '.join(named)} |")
    return lines


if __name__ == "__main__":
    main()
