"""Damages model files and asks their own libraries about each that is still called safe.

    python tests/core/scan/damage.py [--formats npy,tar] [--seed 1] [--flips 1000] [--cuts 200] [--write]

Every format has a few real files, made by the library that it belongs to, and a reader: that library
again, which returns what the file is built of (shapes, members, operators, types) and raises when it refuses
it. A damaged file has to be refused by the scan, or read by the library to the same structure; values may
differ, as no format without checksums says which bits they had. Readers run in a child, as some libraries
die of damage. ``--write`` puts the rows of these formats into `benchmarks/RESULTS.md` and keeps the others',
as no one environment has all the libraries.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

SECONDS = 20  # a reader may take
_TITLE = "Damaged model files"
_HEAD = [
    "| format | damage | files | refused | same structure | other | not readable | scan stopped |",
    "|---|---|---|---|---|---|---|---|",
]


@dataclass(frozen=True)
class Format:
    """A format: its files, made anew from a seed, and its library's reader of a path."""

    name: str
    make: Callable[[int], list[bytes]]
    read: Callable[[str], object]


@dataclass
class Told:
    """What became of the damaged files of one kind.

    Attributes:
        counts: By "refused" (by the scan), "same", "other" (structure), "unreadable", "stopped" (the scan).
        examples: (file, where, what) of those that are neither refused nor the same.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str, str]] = field(default_factory=list)


def flips(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield copies with one bit flipped: half of them anywhere, half in the first and last 2 KiB."""
    ends = [*range(min(2048, len(data))), *range(max(0, len(data) - 2048), len(data))]
    for number in range(count):
        at = chance.choice(ends) if number % 2 else chance.randrange(len(data))
        bit = chance.randrange(8)
        made = bytearray(data)
        made[at] ^= 1 << bit
        yield f"byte {at} bit {bit}", bytes(made)


def cuts(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield copies that end early: a third of them in the last 600 bytes."""
    for number in range(count):
        low = max(0, len(data) - 600) if number % 3 == 0 else 0
        size = chance.randrange(low, len(data))
        yield f"cut at {size} of {len(data)}", data[:size]


def fuzzed(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield copies with one to twenty bytes changed, deleted, put in, copied or overwritten."""
    for number in range(count):
        made = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 5, 20])):
            at, size, what = chance.randrange(len(made) + 1), chance.randint(1, 9), chance.randrange(5)
            if what == 0:
                made[at : at + 1] = chance.randbytes(1)
            elif what == 1:
                del made[at : at + size]
            elif what == 2:
                made[at:at] = chance.randbytes(size)
            elif what == 3:
                start = chance.randrange(len(made) + 1)
                made[at : at + size] = made[start : start + size]
            else:
                made[at : at + size] = chance.choice([b"\0", b"\xff"]) * size
        if made != data:
            yield f"fuzzed {number}", bytes(made)


KINDS = {"flips": flips, "cuts": cuts, "fuzzed": fuzzed}


class Reader:
    """A function in a child of its own, which is made anew when it dies or takes too long.

    Files are made in one, too: the threads that some libraries start do not come along into the next child.
    """

    def __init__(self, read: Callable[[Any], object], seconds: float = SECONDS) -> None:
        self.read = read
        self.seconds = seconds
        self.child: multiprocessing.process.BaseProcess | None = None
        self.pipe: Connection | None = None

    def __call__(self, path: Any) -> tuple[str, Any]:
        """Return ("read", structure), ("refused", error) or ("died", how)."""
        seconds = self.seconds
        if self.child is None or not self.child.is_alive():
            seconds = max(seconds, 180)  # imports
            here, there = multiprocessing.Pipe()
            self.child = multiprocessing.get_context("fork").Process(target=self._serve, args=(there,))
            self.child.start()
            there.close()
            self.pipe = here
        assert self.pipe
        try:
            self.pipe.send(path)
            if self.pipe.poll(seconds):
                said: tuple[str, object] = self.pipe.recv()
                return said
            how = "took too long"
        except (EOFError, OSError):
            how = "died"
        self.close()
        return "died", how

    def close(self) -> None:
        """End the child."""
        if self.child is not None:
            self.child.kill()
            self.child.join()
        self.child = None

    def _serve(self, pipe: Connection) -> None:
        import logging
        import warnings

        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        while True:
            try:
                path = pipe.recv()
            except EOFError:
                return
            try:
                answer: tuple[str, object] = ("read", self.read(path))
            except Exception as error:  # noqa: BLE001 - any is a refusal
                answer = ("refused", f"{type(error).__name__}: {error}"[:200])
            pipe.send(answer)


def measure(kind: Format, seed: int, counts: dict[str, int]) -> dict[str, Told]:
    """Damage the files of a format and say what became of them, by kind of damage.

    Raises:
        AssertionError: An undamaged file is not called safe, or its library does not read it.
    """
    from lockgate.scan.record import Answer
    from lockgate.scan.worker import scan_path

    told = {what: Told() for what in counts}
    reader = Reader(kind.read)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "damaged")

        def judge(data: bytes) -> Any:
            Path(path).write_bytes(data)
            return scan_path(path, "")

        maker = Reader(kind.make, 300)
        how, files = maker(seed)
        assert how == "read", (kind.name, files)
        maker.close()
        for number, data in enumerate(files):
            said = judge(data)
            assert said.answer is Answer.SAFE, (kind.name, number, said.problems, said.hits)
            how, whole = reader(path)
            assert how == "read", (kind.name, number, whole)
            for what, count in counts.items():
                chance = random.Random(f"{seed} {kind.name} {number} {what}")
                share = count // len(files) + (number < count % len(files))
                for where, damaged in KINDS[what](data, chance, share):
                    said = judge(damaged)
                    if any("made the scan stop" in problem for problem in said.problems):
                        outcome, why = "stopped", said.problems[-1]
                    elif said.answer is not Answer.SAFE:
                        outcome, why = "refused", ""
                    else:
                        how, found = reader(path)
                        outcome = "unreadable" if how != "read" else "same" if found == whole else "other"
                        why = str(found)[:150] if how != "read" else _difference(whole, found)
                    told[what].counts[outcome] += 1
                    if outcome not in ("refused", "same"):
                        told[what].examples.append((number, where, f"{outcome}: {why}"))
    reader.close()
    return told


def _difference(before: object, after: object) -> str:
    if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            if old != new:
                return _difference(old, new)
    return f"{str(before)[:70]} -> {str(after)[:70]}"


def main() -> None:
    """Print a table of what became of the damaged files, and examples of what should not be."""
    import damage_formats

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--formats", default="")
    asked.add_argument("--seed", type=int, default=1)
    for what, count in (("flips", 1000), ("cuts", 200), ("fuzzed", 1000)):
        asked.add_argument(f"--{what}", type=int, default=count)
    asked.add_argument("--examples", type=int, default=6)
    asked.add_argument("--write", action="store_true")
    given = asked.parse_args()
    rows: list[str] = []
    counts = {what: getattr(given, what) for what in KINDS}
    print("\n".join(_HEAD))
    for kind in damage_formats.available():
        if given.formats and kind.name not in given.formats.split(","):
            continue
        for what, told in measure(kind, given.seed, counts).items():
            numbers = [told.counts[one] for one in ("refused", "same", "other", "unreadable", "stopped")]
            rows.append(f"| {kind.name} | {what} | {' | '.join(map(str, [sum(numbers), *numbers]))} |")
            print(rows[-1], flush=True)
            for number, where, why in told.examples[: given.examples]:
                print(f"    file {number}, {where}: {why}", file=sys.stderr, flush=True)
    if given.write:
        _write(rows, given.seed)


def _write(rows: list[str], seed: int) -> None:
    """Put rows into the results in place of those of the same formats and kinds of damage."""
    sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
    from results import RESULTS, write_section

    page = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    section = page.partition(f"## {_TITLE}\n")[2].partition("\n## ")[0]
    before, _, after = section.partition(_HEAD[0])
    table, _, after = after.partition("\n\n")
    made = {tuple(row.split("|")[1:3]): row for row in [*table.splitlines()[2:], *rows]}
    words = before.strip() or f"`python tests/core/scan/damage.py --seed {seed} --write`."
    write_section(_TITLE, [words, "", *_HEAD, *(made[key] for key in sorted(made)), "", after.strip()])


if __name__ == "__main__":
    main()
