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
BUDGET = 100.0  # milliseconds
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
        "| entries in the ledger | attestations of the model | decision p50, ms | p95, ms |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for goal in (n for n in (10, 100, 1_000, 10_000) if n <= asked.entries):
            fill(world, goal)
            p50, p95 = timed(world)
            lines.append(f"| {goal:,} | 3 | {p50:.1f} | {p95:.1f} |")
        parts = profiled(world)
        for count in (10, 30, 100):
            for number in range(count - 3):
                world.test(at=world.now - minutes(50 - number / 10))
            p50, p95 = timed(world)
            lines.append(f"| {goal:,} | about {count} | {p50:.1f} | {p95:.1f} |")
            assert count > 10 or p50 < BUDGET, p50
    text = "\n".join([*lines, "", *parts])
    print(text)
    if asked.write:
        write_section("Release gate", f"{(__doc__ or '').split(chr(10) * 2)[2]}\n\n{text}")


def fill(world: World, goal: int) -> None:
    """Log attestations of other artifacts until the ledger has so many."""
    ledger = Ledger(world.settings.ledger, ORIGIN)
    size = ledger.checkpoint([key("pipeline").public_key]).size
    others = [
        (b"envelope %d" % n, [{"sha256": hashlib.sha256(b"%d" % n).hexdigest()}]) for n in range(size, goal)
    ]
    ledger.append_many(others, key("pipeline"))


def timed(world: World) -> tuple[float, float]:
    """Return the median time of a decision, and that which one in twenty exceeds, in milliseconds."""
    times = []
    for _ in range(TIMES):
        start = time.perf_counter()
        assert world.decide(MODEL).allow
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


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
