"""Damages model files and asks their own libraries about each that is still called safe.

    python tests/core/scan/damage.py [--formats "npy;tar"] [--seeds 1,2] [--flips 1000] [--cuts 200] [--write]

Every format has a few real files, made by the library that it belongs to, and a reader: that library
again, which returns what the file is built of (shapes, members, operators, types) and the names in it, and
raises when it refuses it. Of the damaged files that the scan calls safe

- none may be one that its own library refuses, dies of or does not end with: those are malformed;
- none should be read to another structure;
- another name is another valid text, and another weight another valid number: nobody can see them in a
  format without checksums. Names are counted, numbers are not looked at.

The smallest file of each format is besides cut at every length, and each of its bytes left out and put in
twice. Readers run in a child, as some libraries die of damage. ``--write`` puts the rows of these formats
into `benchmarks/RESULTS.md` and keeps the others', as no one environment has all the libraries.
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
_COLUMNS = {  # outcome: its column
    "refused": "scan refuses",
    "same": "same structure",
    "names": "another name",
    "other": "other structure",
    "unreadable": "library refuses",
    "stopped": "scan stopped",
}
_HEAD = [f"| format | damage | files | {' | '.join(_COLUMNS.values())} |", "|---" * (3 + len(_COLUMNS)) + "|"]


@dataclass(frozen=True)
class Format:
    """A format: its files, made anew from a seed, and its library's reader of a path.

    The reader returns structure and names.
    """

    name: str
    make: Callable[[int], list[bytes]]
    read: Callable[[str], tuple[object, object]]


@dataclass
class Told:
    """What became of the damaged files of one kind.

    Attributes:
        counts: By the outcomes of `_COLUMNS`.
        examples: (file, where, what) of those that should not be.
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


def blocks(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield copies with a block cleared, left out, doubled, moved, or with one of another place in it."""
    for number in range(count):
        size = min(chance.choice([8, 16, 64, 512, 4096]), max(len(data) // 2, 1))
        step = chance.choice([1, 8, size])  # most formats have things begin at round numbers
        places = range(0, max(len(data) - size, 0) + 1, step)
        at, other = chance.choice(places), chance.choice(places)
        block, second = data[at : at + size], data[other : other + size]
        what = ("zeros", "ones", "left out", "doubled", "copied over", "swapped")[number % 6]
        made = bytearray(data)
        if what in ("zeros", "ones"):
            made[at : at + size] = (b"\0" if what == "zeros" else b"\xff") * len(block)
        elif what == "left out":
            del made[at : at + size]
        elif what == "doubled":
            made[at:at] = block
        else:
            made[other : other + size] = block
            if what == "swapped":
                made[at : at + size] = second
        if made != data:
            yield f"{size} bytes at {at}, {other} {what}", bytes(made)


def appended(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield copies that go on: with zeros, text, bytes by chance, or bytes of their own."""
    for number in range(count):
        size = chance.choice([1, 2, 3, 4, 8, 64, 512, 1024, 4096])
        start = chance.randrange(len(data))
        more = (
            b"\0" * size,
            chance.randbytes(size),
            data[start : start + size],
            b"\n" * size,
            data,
            data[-size:],
        )
        yield f"appended {number % 6} {size}", data + more[number % 6]


def every_cut(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield a copy for each length, or for as many lengths as are asked for."""
    for size in _places(data, chance, count):
        yield f"cut at {size} of {len(data)}", data[:size]


def every_byte_less(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield a copy for each byte that lacks it."""
    for at in _places(data, chance, count):
        yield f"without byte {at} of {len(data)}", data[:at] + data[at + 1 :]


def every_byte_more(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield a copy for each byte that has it twice, or has another one before it."""
    for at in _places(data, chance, count):
        more = chance.choice([data[at : at + 1], b"\0", chance.randbytes(1)])
        yield f"with {more.hex()} at byte {at} of {len(data)}", data[:at] + more + data[at:]


def _places(data: bytes, chance: random.Random, count: int) -> list[int]:
    return sorted(chance.sample(range(len(data)), min(count, len(data))))


KINDS = {"flips": flips, "cuts": cuts, "fuzzed": fuzzed, "blocks": blocks, "appended": appended}
EVERY = {"every length": every_cut, "every byte less": every_byte_less, "every byte more": every_byte_more}
COUNTS = {"flips": 1000, "cuts": 200, "fuzzed": 1000, "blocks": 600, "appended": 60, "every": 4000}


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
            self.child = multiprocessing.get_context("fork").Process(
                target=self._serve, args=(there,), daemon=True
            )
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
    told: dict[str, Told] = {}
    reader = Reader(kind.read)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "damaged")
        maker = Reader(kind.make, 300)
        how, files = maker(seed)
        assert how == "read", (kind.name, files)
        maker.close()
        smallest = min(range(len(files)), key=lambda number: len(files[number]))
        for number, data in enumerate(files):
            outcome, said = _judge(data, path, reader, None)
            assert outcome == "same", (kind.name, number, said)
            for what, damage in {**KINDS, **EVERY}.items():
                if what in EVERY and number != smallest:
                    continue
                count = counts["every" if what in EVERY else what]
                share = count if what in EVERY else count // len(files) + (number < count % len(files))
                chance = random.Random(f"{seed} {kind.name} {number} {what}")
                results = told.setdefault(what, Told())
                for where, damaged in damage(data, chance, share):
                    outcome, why = _judge(damaged, path, reader, said)
                    results.counts[outcome] += 1
                    if outcome not in ("refused", "same", "names"):
                        results.examples.append((number, where, f"{outcome}: {why}"))
    reader.close()
    return told


def _judge(data: bytes, path: str, reader: Reader, whole: Any) -> tuple[str, Any]:
    """Return the outcome for a file, and why; for an undamaged one what its library reads."""
    from lockgate.scan.record import Answer
    from lockgate.scan.worker import scan_path

    Path(path).write_bytes(data)
    said = scan_path(path, "")
    if any("made the scan stop" in problem for problem in said.problems):
        return "stopped", said.problems[-1]
    if said.answer is not Answer.SAFE:
        return "refused", [*said.problems, *said.hits]
    how, found = reader(path)
    if how != "read":
        return "unreadable", str(found)[:150]
    if whole is None or found == whole:
        return "same", found
    return ("other" if found[0] != whole[0] else "names"), _difference(whole, found)


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
    asked.add_argument("--seeds", default="1")
    for what, count in COUNTS.items():
        asked.add_argument(f"--{what}", type=int, default=count)
    asked.add_argument("--examples", type=int, default=6)
    asked.add_argument("--write", action="store_true")
    given = asked.parse_args()
    rows: list[str] = []
    counts = {what: getattr(given, what) for what in COUNTS}
    print("\n".join(_HEAD))
    for kind in damage_formats.available():
        if given.formats and kind.name not in given.formats.split(";"):
            continue
        all_told: dict[str, Told] = {}
        for seed in map(int, given.seeds.split(",")):
            for what, told in measure(kind, seed, counts).items():
                all_told.setdefault(what, Told()).counts.update(told.counts)
                for number, where, why in told.examples[: given.examples]:
                    print(f"    {seed}, file {number}, {where}: {why}", file=sys.stderr, flush=True)
        for what, told in all_told.items():
            numbers = [told.counts[one] for one in _COLUMNS]
            rows.append(f"| {kind.name} | {what} | {' | '.join(map(str, [sum(numbers), *numbers]))} |")
            print(rows[-1], flush=True)
    if given.write:
        _write(rows, given.seeds)


def _write(rows: list[str], seeds: str) -> None:
    """Put rows into the results in place of those of the same formats and kinds of damage."""
    sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
    from results import RESULTS, write_section

    page = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    section = page.partition(f"## {_TITLE}\n")[2].partition("\n## ")[0]
    before, _, after = section.partition("| format |")
    table, _, after = after.partition("\n\n")
    wide = _HEAD[0].count("|")
    kept = [row for row in table.splitlines()[2:] if row.count("|") == wide]  # of the same columns
    made = {tuple(row.split("|")[1:3]): row for row in [*kept, *rows]}
    words = before.strip() or f"`python tests/core/scan/damage.py --seeds {seeds} --write`."
    write_section(_TITLE, [words, "", *_HEAD, *(made[key] for key in sorted(made)), "", after.strip()])


if __name__ == "__main__":
    main()
