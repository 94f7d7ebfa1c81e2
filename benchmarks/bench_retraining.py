"""Poisoned, broken, drifted and dripping batches: gate-retraining beside what is usual today, in one run.

    python benchmarks/bench_retraining.py --part batches|bugs|drips|calm [--seeds 2] [--streams 10]
                                          [--only [other-]benign|[other-]poisoned] [--data NAMES]
                                          [--keep FILE] [--write]

`batches/tables.py` has the data and says which of them thresholds were set on; `batches/changes.py` what
is done to a batch; `batches/judges.py` who judges it.

`batches`: one batch and its reference through the whole stage. Stopped is QUARANTINE or a closed gate.
`bugs`: the same for one broken column. `drips` and `calm`: ten batches in a row, each poisoned a little or
honestly changed; here only the part that adds up labels over batches runs, because it is what a drip is
for. `batches/ideal.py` says which drips somebody could see who knows what the attacker did.

With `--keep` each answer goes to a file of JSON lines as soon as it is there, and a run that finds it
there does not ask again: a long run can be cut into pieces.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results import write_section

sys.path.insert(0, str(Path(__file__).with_name("batches")))

from changes import BENIGN, BUGS, DRIPS, OTHER_BENIGN, OTHER_POISON, POISON, STREAMS, broken, changed
from ideal import evidence, place_of
from judges import JUDGES
from tables import HELD_OUT, LABEL, SMALL, TUNED, deal, features

from lockgate.retraining.betting import SHARES, Account, threshold
from lockgate.retraining.bugs import find_bugs
from lockgate.retraining.cells import as_without, look
from lockgate.retraining.surprise import Watched, watch_each
from lockgate.stages.retrain.gate_retraining import MIN_ROWS
from lockgate.table.comparison import Limits
from lockgate.table.drift import compare

BAD = (*POISON, *OTHER_POISON)


class Kept:
    """Answers of earlier runs, by what was asked."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        self.answers = {tuple(said["asked"]): said["answer"] for said in map(json.loads, lines)}

    def get(self, part: str, find: Callable[..., object], *asked: str | int) -> object:
        """Return the answer of a function to what it is asked, found now if it never was."""
        key = (part, *asked)
        if key not in self.answers:
            self.answers[key] = find(*asked)
            if self.path:
                with self.path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"asked": key, "answer": self.answers[key]}) + "\n")
        return self.answers[key]


def seeded(name: str, what: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode(), *what.encode()])


# --- One batch --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)  # for every judge of it
def one_batch(name: str, what: str, seed: int) -> tuple[pa.Table, pa.Table]:
    random = seeded(name, what, seed)
    reference, given = deal(name, random, seed, 2 if what == "twice the rows" else 1)
    batch = reference if what.endswith("of the reference") else pa.concat_tables(given)
    return reference, changed(batch, what, random, {})


def judged(judge: str, name: str, what: str, seed: int) -> dict[str, object]:
    return asdict(JUDGES[judge](*one_batch(name, what, seed)))


def measure_batches(
    names: tuple[str, ...], seeds: range, kept: Kept, kinds: tuple[str, ...], judges: tuple[str, ...]
) -> list[str]:
    head = [f"{j}: {w}" for w in ("stopped", "quarantined") for j in judges]
    lines = ["| batch | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
    sums: dict[str, np.ndarray] = {}
    for what in kinds:
        cells = np.zeros((2, len(judges)), dtype=int)
        of = 0
        for name in names:
            for seed in seeds:
                for k, judge in enumerate(judges):
                    answer = kept.get("batches", judged, judge, name, what, seed)
                    cells[:, k] += answer["stopped"], answer["quarantined"]
                    if judge == "lockgate" and answer["stopped"] is not (what in BAD):
                        print(f"    {name} {seed}: {'; '.join(answer['why'])[:600] or 'open'}")
                of += 1
        lines.append(f"| {what} | " + " | ".join(f"{c} of {of}" for c in cells.ravel()) + " |")
        print(lines[-1], flush=True)
        kind = "poisoned" if what in BAD else "benign"
        sums[kind] = sums.get(kind, np.zeros(cells.size + 1)) + np.append(cells.ravel(), of)
    for kind, (*found, of) in sums.items():
        said = " | ".join(f"**{int(f)} of {int(of)}, {f / of:.0%}**" for f in found)
        lines.append(f"| **{kind}, all** | {said} |")
        print(lines[-1], flush=True)
    return lines


def measure_bugs(names: tuple[str, ...], seeds: range, kept: Kept) -> list[str]:
    lines = ["| bug | named | columns named beside it |", "|---|---|---|"]
    sums = np.zeros(3, dtype=int)
    for what in BUGS:
        found = np.zeros(3, dtype=int)
        for name in names:
            for seed in seeds:
                answer = kept.get("bugs", one_bug, name, what, seed)
                found += answer["counts"]
                if answer["counts"][:2] == [1, 0] or answer["counts"][2]:
                    print(f"    {name} {seed}: broken {answer['broken']}, named {answer['named']}")
        of, named, beside = found
        sums += found
        lines.append(f"| {what} | {named} of {of} | {beside} |" if of else f"| {what} | no such column | |")
        print(lines[-1], flush=True)
    lines.append(f"| **all** | **{sums[1]} of {sums[0]}** | **{sums[2]}** |")
    print(lines[-1])
    return lines


def one_bug(name: str, what: str, seed: int) -> dict[str, object]:
    random = seeded(name, what, seed)
    reference, (batch,) = deal(name, random, seed, 1)
    done = broken(batch, what, random)
    if done is None:
        return {"counts": [0, 0, 0]}
    found = find_bugs(reference, done[0], label=LABEL, source="source")
    columns = {c for bug in found for c in bug.columns}
    return {
        "counts": [1, int(done[1] <= columns), len(columns - done[1])],
        "broken": sorted(done[1]),
        "named": [f"{bug.kind} {'+'.join(bug.columns)}: {bug.said}" for bug in found],
    }


# --- Ten batches ------------------------------------------------------------------------------------


def measure_streams(names: tuple[str, ...], streams: range, kept: Kept, kinds: tuple[str, ...]) -> list[str]:
    lines = ["| stream of ten batches | alarmed by batch 10 | in its first batch | mean batch of the alarm |"]
    lines[0] += (
        " evidence enough for who knows all | found of those | enough for a fair scan | found of those |"
    )
    lines.append("|---|---|---|---|---|---|---|---|")
    sums = np.zeros(6, dtype=int)
    for what in kinds:
        each = [kept.get("streams", one_stream, name, what, seed) for name in names for seed in streams]
        first = [answer["alarm"] for answer in each]
        hits = [f for f in first if f]
        mean = f"{np.mean(hits):.1f}" if hits else ""
        seen, fair = ([bool(a["alarm"]) for a in each if a[which]] for which in ("enough", "fair"))
        lines.append(f"| {what} | {len(hits)} of {len(first)} | {sum(f == 1 for f in hits)} | {mean} |")
        lines[-1] += (
            f" {len(seen)} | {sum(seen)} | {len(fair)} | {sum(fair)} |" if what in DRIPS else " | | | |"
        )
        sums += len(hits), len(first), sum(seen), len(seen), sum(fair), len(fair)
        print(lines[-1], first, flush=True)
    found, of, seen, enough, fairly, fair = sums
    last = f" **{enough}** | **{seen}, {seen / enough:.0%}** |" if enough else " | |"
    last += f" **{fair}** | **{fairly}, {fairly / fair:.0%}** |" if fair else " | |"
    lines.append(f"| **all** | **{found} of {of}, {found / of:.0%}** | | |{last}")
    print(lines[-1])
    return lines


def one_stream(name: str, what: str, seed: int) -> dict[str, object]:
    random = seeded(name, what, seed)
    reference, batches = deal(name, random, seed, 10)
    plan: dict = {}
    given = [changed(b, what, random, plan) for b in batches]
    sources = [np.array(t["source"].to_pylist(), dtype=object) for t in (reference, *given)]
    judged = watch_each(reference, given, label=LABEL, leave_out={"source"}, seed=0)
    nats, limits = (0.0, 0.0), (1.0, 1.0)
    if what in DRIPS:
        labels = [[np.array(t[LABEL].to_pylist()) for t in pair] for pair in zip(batches, given, strict=True)]
        rows = [a != b for a, b in labels]
        nats = tuple(evidence(judged, sources[1:], rows, plan, trusted) for trusted in (True, False))
        weights = look(judged[0], sources[1], sources[0]).weights
        limits = threshold(1.0), threshold(weights[place_of(plan)] / len(SHARES))
    enough, fair = (of >= limit for of, limit in zip(nats, limits, strict=True))
    alarm = alarmed_at(judged, sources, [None] * len(given))
    if alarm:  # the gate looks at drifted batches once more, which takes alarms away only
        alarm = alarmed_at(judged, sources, without_drifted(reference, given))
    return {"alarm": alarm, "enough": enough, "fair": fair, "nats": nats}


def without_drifted(reference: pa.Table, given: list[pa.Table]) -> list[Watched | str | None]:
    """Judge each batch without its drifted columns; None where none has drifted, or none is left."""
    moved = []
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        pq.write_table(reference, old)
        for batch in given:
            pq.write_table(batch, new)
            drifted = compare(old, new, ignore=["source"], limits=Limits(min_rows=MIN_ROWS)).drifted
            moved.append(frozenset(c.column for c in drifted) - {LABEL})
    found: list[Watched | str | None] = [None] * len(given)
    for out in set(moved) - {frozenset()}:
        if out < set(features(reference)):
            at = [i for i, each in enumerate(moved) if each == out]
            judged = watch_each(
                reference, [given[i] for i in at], label=LABEL, leave_out={"source", *out}, seed=0
            )
            for i, watched in zip(at, judged, strict=True):
                found[i] = watched
    return found


def alarmed_at(
    judged: list[Watched | str], sources: list[np.ndarray], without: list[Watched | str | None]
) -> int:
    """Return the number of the first batch that raises an alarm; 0 for none."""
    known: dict[tuple[str, ...], Account] = {}
    for number, watched in enumerate(judged, start=1):
        if isinstance(watched, str):
            continue
        found = look(watched, sources[number], sources[0], known)
        if isinstance(other := without[number - 1], Watched):
            found = as_without(found, watched, other)
        for place, account in found.accounts.items():
            known[place] = known[place].and_then(account) if place in known else account
        raised = [p for p, a in known.items() if a.log_evidence >= threshold(found.weights[p[0]])]
        if raised:
            return number
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("batches", "bugs", "drips", "calm"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--only", help="comma-separated kinds, or benign, poisoned, other-benign, other-poisoned"
    )
    parser.add_argument("--data", help="comma-separated names")
    parser.add_argument("--judges", default="lockgate,cleanlab")
    parser.add_argument("--tuned", action="store_true", help="look at the data that thresholds were set on")
    parser.add_argument("--keep", type=Path, help="file of JSON lines with the answers so far")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    asked = parser.parse_args()
    names = tuple(asked.data.split(",")) if asked.data else TUNED if asked.tuned else HELD_OUT
    seeds, streams = (range(asked.first, asked.first + n) for n in (asked.seeds, asked.streams))
    kept, start = Kept(asked.keep), time.process_time()
    named = {"benign": BENIGN, "poisoned": POISON, None: None}
    named |= {"other-benign": OTHER_BENIGN, "other-poisoned": OTHER_POISON}
    kinds = named[asked.only] if asked.only in named else tuple(asked.only.split(","))
    judges = tuple(asked.judges.split(","))
    parts = {
        "batches": lambda: measure_batches(names, seeds, kept, kinds or (*POISON, *BENIGN), judges),
        "bugs": lambda: measure_bugs(names, seeds, kept),
        "drips": lambda: measure_streams(names, streams, kept, kinds or DRIPS),
        "calm": lambda: measure_streams(names, streams, kept, kinds or STREAMS),
    }
    for part, measure in parts.items():
        if asked.part not in (None, part):
            continue
        if part in ("drips", "calm"):  # the others have too few rows for ten batches
            names = tuple(name for name in names if name not in SMALL)
        lines = measure()
        size = f"--seeds {asked.seeds}" if part in ("batches", "bugs") else f"--streams {asked.streams}"
        size += f" --first {asked.first}" if asked.first else ""
        size += f" --only '{asked.only}'" if asked.only else ""
        command = f"`python benchmarks/bench_retraining.py --part {part} {size} --write`"
        about = f"{command}: {', '.join(names)}, none of which thresholds were set on."
        if part == "drips":
            about += (
                " 0.6 % of the rows planted in each batch. Evidence enough: whose labels would raise an "
                "alarm at the same level for somebody who knows place, share and kind of the attack and "
                "takes the models of the reference for true; the others nobody sees by labels. A fair scan "
                "knows neither place nor share, so its level is divided over all places of the kind, as the "
                "gate divides it, and over four shares; and it believes the models as far as the reference "
                "shows them to be right."
            )
        if asked.write and not asked.tuned:
            write_section(f"Retraining: {part}", [about, "", *lines])
    print(f"CPU seconds: {time.process_time() - start:.0f}")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with few rows in a fold
        main()
