"""The release gate with 10,000 attestations in the ledger: what one decision costs, and where the time goes.

    python benchmarks/bench_gate.py [ENTRIES] [--write]

A policy with four requirements (provenance, robustness, validated training data, approval), six keys,
a signed policy, an evidence store in a folder and a ledger in an SQLite file. The decision is about one
model in between; everything is read anew each time, as by a new process, but for the imports.
``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import pstats
import statistics
import sys
import tempfile
import time
from pathlib import Path

from results import write_section

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "core" / "gate"))

from world import MODEL, ORIGIN, World, key, minutes

from lockgate.ledger import Ledger

TIMES = 50
BUDGET = 100.0  # milliseconds of CPU
ABOUT = (
    "`python benchmarks/bench_gate.py 10000 --write`: SQLite and a folder on a local disk, two shared cores.",
    "A policy with four requirements and six keys; everything is read anew for each decision, as by a new",
    "process, but for the imports. CPU is what a decision itself takes; the clock includes what else the",
    "machine did. Parts may lie inside each other.",
)
PARTS = {
    "policy: read, approval checked": "open_policy",
    "ledger: checkpoint checked": "checkpoint",
    "ledger: entries looked up and proved": "entries_of",
    "evidence: read, signatures checked": "collect",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entries", nargs="?", type=int, default=10_000)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    lines = [
        "| entries in the ledger | attestations of the model | CPU p50, ms | clock p50, ms | clock p95, ms |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for goal in (n for n in (10, 100, 1_000, 10_000) if n <= asked.entries):
            fill(world, goal)
            own, p50, p95 = timed(world)
            lines.append(f"| {goal:,} | 3 | {own:.1f} | {p50:.1f} | {p95:.1f} |")
        parts = profiled(world)
        for count in (10, 30, 100):
            for number in range(count - 3):
                world.test(at=world.now - minutes(50 - number / 10))
            own, p50, p95 = timed(world)
            lines.append(f"| {goal:,} | about {count} | {own:.1f} | {p50:.1f} | {p95:.1f} |")
            assert count > 10 or own < BUDGET, own
    lines += ["", *parts]
    print("\n".join(lines))
    if asked.write:
        write_section("Release gate", [*ABOUT, "", *lines])


def fill(world: World, goal: int) -> None:
    """Log attestations of other artifacts until the ledger has so many."""
    ledger = Ledger(world.settings.ledger, ORIGIN)
    size = ledger.checkpoint([key("pipeline").public_key]).size
    others = [
        (b"envelope %d" % n, [{"sha256": hashlib.sha256(b"%d" % n).hexdigest()}]) for n in range(size, goal)
    ]
    ledger.append_many(others, key("pipeline"))


def timed(world: World) -> tuple[float, float, float]:
    """Return a decision's median CPU time, its median time, and that which one in twenty exceeds, in ms."""
    own, times = [], []
    for _ in range(TIMES):
        start, used = time.perf_counter(), time.process_time()
        assert world.decide(MODEL).allow
        own.append((time.process_time() - used) * 1000)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(own), statistics.median(times), statistics.quantiles(times, n=20)[-1]


def profiled(world: World) -> list[str]:
    """Return what share of a decision its parts have; parts may lie inside each other."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(TIMES):
        world.decide(MODEL)
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined] - known for long
    total = max(cumulative for _, _, _, cumulative, _ in stats.values())
    lines = ["| part | share of the time |", "|---|---|"]
    for what, function in PARTS.items():
        spent = max(
            c for (file, _, name), (_, _, _, c, _) in stats.items() if name == function and "lockgate" in file
        )
        lines.append(f"| {what} | {spent / total:.0%} |")
    return lines


if __name__ == "__main__":
    main()
