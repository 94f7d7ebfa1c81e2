"""The ledger at 10 to 10,000 attestations: what an append, a look-up and an audit cost.

    python benchmarks/bench_ledger.py [ENTRIES] [--write]

Each subject has two attestations. The ledger grows by `append_many`; at each size fifty are appended
one by one and timed, with all that an append does: verify the last checkpoint, prove what is read
against it, hash, sign, commit to the disk. Rows read are counted where the ledger asks for them.
``LOCKGATE_BENCH_LEDGER`` names another database than an SQLite file in a temporary folder.
``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from results import write_section

from lockgate.attest import keys
from lockgate.ledger import Ledger, rows

EACH = 50
HEAD = (
    "| entries | append p50, ms | rows read an append | look-up p50, ms | rows read a look-up "
    "| consistency, ms | audit, s | on disk, MB |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("entries", nargs="?", type=int, default=10_000)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines, bulk = measured(asked.entries, Path(folder))
    print("\n".join(lines))
    print(f"append_many: {bulk:.2f} ms an entry")
    if asked.write:
        write_section("Ledger", page(lines, bulk, asked.entries))


def measured(entries: int, folder: Path) -> tuple[list[str], float]:
    pair = keys.generate("ledger", folder, None)
    signer, trusted = keys.load_signer(str(pair.private)), [keys.load_public(pair.public)]
    url = os.environ.get("LOCKGATE_BENCH_LEDGER", str(folder / "ledger.db"))
    ledger = Ledger(url, "bench.example/ledger")
    count = counter()
    lines, spent, first = [HEAD, "|---|---|---|---|---|---|---|---|"], 0.0, None
    size = 0
    for goal in (n for n in (10, 100, 1_000, 10_000) if n <= entries):
        start = time.perf_counter()
        ledger.append_many([attestation(n) for n in range(size, goal)], signer)
        spent += time.perf_counter() - start
        first = first or ledger.checkpoint(trusted)
        # The fifty stay in the ledger: the next size counts them.
        singles = [attestation(n) for n in range(goal, goal + EACH)]
        append, append_rows = timed([partial(ledger.append, *single, signer) for single in singles], count)
        size = goal + EACH
        now = ledger.checkpoint(trusted)
        digests = [subject(n) for n in random.Random(0).choices(range(goal), k=EACH)]
        look_up, look_up_rows = timed([partial(ledger.entries_of, d, now) for d in digests], count)
        consistency, _ = timed([partial(ledger.consistent, first, now)] * 20, count)
        start = time.perf_counter()
        assert ledger.verify(trusted).entries == size
        audit = time.perf_counter() - start
        disk = sum(path.stat().st_size for path in folder.glob("ledger.db*")) / 1e6
        lines.append(
            f"| {goal:,} | {append:.1f} | {append_rows:.0f} | {look_up:.1f} | {look_up_rows:.0f} "
            f"| {consistency:.1f} | {audit:.2f} | {disk:.1f} |"
        )
    return lines, spent / (size - EACH * (len(lines) - 2)) * 1000


def attestation(number: int) -> tuple[bytes, list[dict[str, str]]]:
    return b"envelope %d" % number, [subject(number)]


def subject(number: int) -> dict[str, str]:
    return {"sha256": hashlib.sha256(b"artifact %d" % (number // 2)).hexdigest()}


def counter() -> dict[str, int]:
    """Count the rows of the tree and of the index that the ledger reads from the database."""
    count = {"rows": 0}
    hashes, nodes = rows.hashes, rows.subject_nodes

    def counted_hashes(connection: sa.Connection, wanted: object) -> object:
        found = hashes(connection, wanted)
        count["rows"] += len(found)
        return found

    def counted_nodes(connection: sa.Connection, known: dict[bytes, bytes]) -> Callable:
        load = nodes(connection, known)

        def counting(node: bytes) -> bytes | None:
            count["rows"] += node not in known
            return load(node)

        return counting

    rows.hashes, rows.subject_nodes = counted_hashes, counted_nodes
    return count


def timed(calls: list[Callable], count: dict[str, int]) -> tuple[float, float]:
    """Return the median time of a call, in milliseconds, and the mean of the rows it read."""
    times, before = [], count["rows"]
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000, (count["rows"] - before) / len(calls)


def page(lines: list[str], bulk: float, entries: int) -> list[str]:
    return [
        f"`python benchmarks/bench_ledger.py {entries} --write`: SQLite on a local disk, two cores.",
        "Rows read are hashes of the Merkle tree and nodes of the index; both grow as a logarithm of the",
        "entries. A look-up proves all entries of one subject (here two) to the signed checkpoint; an audit",
        "computes everything anew. An append ends with a commit to the disk.",
        "",
        *lines,
        "",
        f"`append_many` takes {bulk:.2f} ms an entry under one signature.",
    ]


if __name__ == "__main__":
    main()
