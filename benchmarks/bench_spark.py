"""The same table on DuckDB and on a local Spark cluster of two workers: are the statistics equal?

    python benchmarks/bench_spark.py [ROWS] [--write]

Needs pyspark and Java. Starts a standalone master and two workers of one core each on this machine, in
processes of their own, profiles both tables of `bench_drift` on both engines in one layout, compares every
statistic, and stops them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_drift import make
from results import write_section


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a master and two workers on loopback; give the master's address, and end them afterwards."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port = free_port()
    around = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    address = f"spark://127.0.0.1:{port}"
    launch = [home / "bin" / "spark-class"]
    bind = ["--host", "127.0.0.1"]
    master = ["org.apache.spark.deploy.master.Master", *bind, "--port", str(port), "--webui-port", "0"]
    worker = ["org.apache.spark.deploy.worker.Worker", *bind, "--cores", "1", "--memory", "1g"]
    worker += ["--webui-port", "0", "--work-dir", str(folder / "work"), address]
    started = []
    try:
        for place, command in enumerate((master, worker, worker)):
            with (folder / f"log-{place}").open("w") as log:
                started.append(
                    subprocess.Popen([*launch, *command], env=around, stdout=log, stderr=log, cwd=folder)
                )
            time.sleep(8)
        os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
        os.environ["PYSPARK_SUBMIT_ARGS"] = (
            f"--master {address} --conf spark.driver.host=127.0.0.1 --conf spark.executor.memory=800m "
            "pyspark-shell"
        )
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)


def differences(one: object, other: object) -> float:
    """The largest difference of any number of two columns' profiles: 0 when they are equal."""
    if one == other:
        return 0.0
    pairs = [(one.mean, other.mean), (one.std, other.std), (one.missing, other.missing)]
    pairs += list(zip(one.counts, other.counts, strict=True))
    if one.numbers and other.numbers:
        pairs += list(zip(one.numbers.bins, other.numbers.bins, strict=True))
    return max(abs((a or 0) - (b or 0)) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    from lockgate.table.engine.local import profile_of
    from lockgate.table.profile_drift import compare_profiles

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, seed, shift in (("before", 1, 0.0), ("now", 2, 0.5)):
            make(folder / side, asked.rows, 20, seed, shift)
        layout = profile_of(folder / "before")
        found, seconds = {}, {}
        with cluster(folder):
            for engine in ("duckdb", "spark"):
                start = time.perf_counter()
                found[engine] = [
                    profile_of(folder / side, layout=layout, engine=engine) for side in ("before", "now")
                ]
                seconds[engine] = time.perf_counter() - start
            from lockgate.table.engine.spark import session

            spark = session()
            # Spark's Python has no public way to ask; the driver itself is one of those listed.
            executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1  # noqa: SLF001 - PySpark gives no other way to count them
            spark.stop()
    one, other = found["duckdb"], found["spark"]
    largest = max(
        differences(a.columns[name], b.columns[name])
        for a, b in zip(one, other, strict=True)
        for name in a.columns
    )
    drifts = [{c.column: c.psi for c in compare_profiles(layout, side[1]).columns} for side in (one, other)]
    psi = max(abs(drifts[0][name] - drifts[1][name]) for name in drifts[0])
    lines = [
        f"`python benchmarks/bench_spark.py {asked.rows}`: two tables of {asked.rows:,} rows and 20 columns,",
        f"profiled in one layout by DuckDB and by a standalone Spark cluster of {executors} workers.",
        "",
        "| what | value |",
        "|---|---|",
        f"| profiles equal in every field | {'yes' if one == other else 'no'} |",
        f"| largest difference of a count, mean or deviation | {largest:g} |",
        f"| largest difference of PSI | {psi:g} |",
        f"| DuckDB, s | {seconds['duckdb']:.1f} |",
        f"| Spark, s, its start included | {seconds['spark']:.1f} |",
    ]
    print("\n".join(lines))
    if asked.write:
        write_section("Drift on Spark", lines)
    if largest > 1e-9 or psi > 1e-9:
        sys.exit("the engines differ by more than 1e-9")


if __name__ == "__main__":
    main()
