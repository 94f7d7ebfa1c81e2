"""Poisoned, broken, drifted and dripping batches: gate-retraining beside what is usual today, in one run.

    python benchmarks/bench_retraining.py [--seeds 2] [--streams 10] [--part batches|bugs|streams] [--write]

Data: employment (US census 2015, with `dags/data`), breast cancer and digits were used while thresholds
were set; employment 2016 and two generated tables were not: `houses` (numbers, skewed, a coast that
matters) and `forest` (numbers and categories, five classes). Rows go to eight sources of unequal size.

`batches`: one batch and its reference through the whole stage. Stopped is QUARANTINE or a closed gate.
`bugs`: the same for one broken column. `streams`: ten batches in a row; here only the part that adds up
labels over batches runs, because it is what a drip is for.

The usual way: PSI above 0.1 in any column asks for a training; the batch is stopped when cleanlab finds
issues in half as many rows again as in the reference (cross-validated random forest), and 1 % more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results import write_section
from sklearn import datasets

from lockgate.outcome import Decision
from lockgate.retraining.betting import Account, threshold
from lockgate.retraining.bugs import find_bugs
from lockgate.retraining.cells import look
from lockgate.retraining.surprise import watch
from lockgate.stages.retrain.gate_retraining import gate_retraining

DATA = Path(__file__).parents[1] / "dags" / "data"
TUNED = ("employment-2015", "breast_cancer", "digits")
HELD_OUT = ("employment-2016", "houses", "forest")
SIZES = {"breast_cancer": (284, 200), "digits": (900, 400)}
REFERENCE_ROWS, BATCH_ROWS = 3_000, 1_000
LABEL = "label"


# --- Data -------------------------------------------------------------------------------------------


def load(name: str, seed: int) -> pa.Table:
    if name.startswith("employment"):
        table = pq.read_table(DATA / f"{name[-4:]}.parquet").drop_columns(["id", "year"])
        return table.rename_columns([LABEL if n == "employed" else n for n in table.column_names])
    if name in ("houses", "forest"):
        return globals()[name](np.random.default_rng([seed, 77]), 40_000)
    data = getattr(datasets, f"load_{name}")()
    return pa.table({**{f"x{i}": c for i, c in enumerate(data.data.T)}, LABEL: data.target})


def houses(random: np.random.Generator, n: int) -> pa.Table:
    lat, lon = random.uniform(32, 42, n), random.uniform(-124, -114, n)
    coast = np.exp(-np.abs(lon + 124 - 0.7 * (42 - lat)) / 2)
    income = np.exp(random.normal(1.2, 0.45, n))
    age = np.minimum(random.gamma(4, 8, n), 52).round()
    rooms = np.exp(random.normal(1.65, 0.25, n)) * income**0.1
    people = np.exp(random.normal(7, 0.7, n)).round()
    value = 0.45 * income + 1.6 * coast + 0.01 * age + random.normal(0, 0.35, n)
    grade = np.digitize(value, np.quantile(value, [1 / 3, 2 / 3]))
    columns = {"lat": lat, "lon": lon, "income": income, "age": age, "rooms": rooms, "people": people}
    return pa.table({**columns, LABEL: grade})


def forest(random: np.random.Generator, n: int) -> pa.Table:
    height = random.normal(2_900, 280, n).round()
    slope, aspect = random.gamma(4, 3.5, n).round(), random.uniform(0, 360, n).round()
    water, road = np.exp(random.normal(5, 0.9, n)).round(), np.exp(random.normal(7.4, 0.7, n)).round()
    area = random.choice(["Rawah", "Neota", "Comanche", "Cache"], n, p=[0.45, 0.05, 0.44, 0.06])
    soil = random.choice([f"soil {i}" for i in range(12)], n, p=(w := np.arange(12, 0, -1)) / w.sum())
    score = (height - 2_900) / 280 + 0.02 * slope + 0.4 * (area == "Cache") + random.normal(0, 0.25, n)
    kind = np.digitize(score, np.quantile(score, [0.1, 0.35, 0.75, 0.93]))
    kind = np.where((soil == "soil 3") & (random.random(n) < 0.8), 4, kind)
    return pa.table(
        {"height": height, "slope": slope, "aspect": aspect, "water": water, "road": road, "area": area}
        | {"soil": soil, LABEL: kind}
    )


def deal(
    table: pa.Table, random: np.random.Generator, name: str, batches: int
) -> tuple[pa.Table, list[pa.Table]]:
    """Return a reference and batches, rows of their own while there are enough, else drawn again."""
    reference_rows, batch_rows = SIZES.get(name, (REFERENCE_ROWS, BATCH_ROWS))
    order = random.permutation(table.num_rows)
    kept, rest = order[:reference_rows], order[reference_rows:]
    enough = len(rest) >= batches * batch_rows
    picks = [
        rest[i * batch_rows : (i + 1) * batch_rows] if enough else random.choice(rest, batch_rows)
        for i in range(batches)
    ]

    def of(rows: np.ndarray) -> pa.Table:
        share = [0.28, 0.2, 0.14, 0.1, 0.1, 0.08, 0.06, 0.04]
        return table.take(rows).append_column(
            "source", pa.array([f"s{i}" for i in random.choice(8, len(rows), p=share)])
        )

    return of(kept), [of(rows) for rows in picks]


def put(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def features(table: pa.Table, kind: str = "") -> list[str]:
    names = [n for n in table.column_names if n not in (LABEL, "source")]
    numbers = [
        n for n in names if not pa.types.is_large_string(t := table[n].type) and not pa.types.is_string(t)
    ]
    return {"": names, "number": numbers, "text": [n for n in names if n not in numbers]}[kind]


# --- What is done to a batch ------------------------------------------------------------------------

POISON = ("flips 10 %", "flips 20 %", "class pair 30 %", "source 60 %", "source, all", "backdoor 3 %",
          "backdoor 10 %", "joint backdoor 5 %", "subpopulation")  # fmt: skip
BENIGN = ("none", "other sources", "older", "another mix", "seasons", "other classes")
BUGS = (
    "x10",
    "x1000",
    "inches to cm",
    "sign",
    "nulls",
    "constant",
    "swapped",
    "renamed",
    "upper case",
    "default",
)
DRIPS = ("drip: source", "drip: class pair", "drip: backdoor", "drip: joint backdoor")


def changed(table: pa.Table, what: str, random: np.random.Generator, plan: dict) -> pa.Table:
    """Return a batch after an attack or a change of the world; `plan` keeps its choices over a stream."""
    y = table[LABEL].to_numpy().copy()
    n, classes = len(y), np.unique(y)
    other = np.array([random.choice(classes[classes != label]) for label in y])
    share = 0.006 if what.startswith("drip") else (int(what.split()[-2]) / 100 if what.endswith("%") else 1.0)
    if "pair" in what:
        was, became = plan.setdefault("pair", random.choice(classes, 2, replace=False))
        mine = np.flatnonzero(y == was)
        size = round(share * n) if what.startswith("drip") else round(share * len(mine))
        y[random.permutation(mine)[:size]] = became
    elif "source" in what and what != "other sources":
        bad = plan.setdefault("source", f"s{random.integers(8)}")
        mine = np.flatnonzero(np.array(table["source"].to_pylist()) == bad)
        size = round(share * n) if what.startswith("drip") else round(share * len(mine))
        chosen = random.permutation(mine)[:size]
        y[chosen] = other[chosen]
    elif "backdoor" in what:
        table, y = backdoor(table, y, what, max(1, round(share * n)), random, plan)
    elif what.startswith("flips"):
        chosen = random.random(n) < share
        y = np.where(chosen, other, y)
    elif what == "subpopulation":
        y = relabelled_group(table, y, random, plan)
    elif what == "older":
        name = features(table, "number")[0]
        column = table[name].to_numpy()
        table = put(table, name, (column + 0.4 * column.std()).astype(column.dtype))
    elif what in ("another mix", "seasons"):
        name = random.choice(features(table))
        codes = np.unique(np.array(table[name].to_pylist()), return_inverse=True)[1] / 1.0
        low = (
            codes < np.quantile(codes, 0.5)
            if what == "another mix"
            else np.sin(codes / codes.max() * 6) > 0.3
        )
        kept = random.random(n) < np.where(low, 1.0, 0.3)
        return table.filter(pa.array(kept))
    elif what == "other classes":
        rare = random.choice(classes)
        return table.filter(pa.array((y != rare) | (random.random(n) < 0.5)))
    elif what == "other sources":
        return put(table, "source", [f"s{i}" for i in random.choice(8, n)])
    return put(table, LABEL, y)


def backdoor(table, y, what, size, random, plan):
    names = plan.setdefault(
        "columns", list(random.choice(features(table), 2 if "joint" in what else 1, replace=False))
    )
    values = plan.setdefault("values", [trigger(table, name, "joint" in what, random) for name in names])
    target = plan.setdefault("target", random.choice(np.unique(y)))
    chosen = random.permutation(np.flatnonzero(y != target))[:size]
    y[chosen] = target
    for name, value in zip(names, values, strict=True):
        column = table[name].to_pylist()
        for row in chosen:
            column[row] = value
        table = put(table, name, column)
    return table, y


def trigger(table: pa.Table, name: str, joint: bool, random: np.random.Generator) -> object:
    """Return a rare value of a column; for two columns together, a common one of each."""
    column = table[name].to_pylist()
    values, counts = np.unique(np.array(column), return_counts=True)
    if joint:
        return random.choice(column)
    return type(column[0])(values[counts.argmin()] if len(values) <= 60 else np.sort(values)[-3])


def relabelled_group(table, y, random, plan):
    """Turn most labels of a tenth of the rows that have one part of a column in common."""
    name = plan.setdefault("group", random.choice(features(table, "number")))
    column = table[name].to_numpy().astype(float)
    start = random.uniform(0, 0.85)
    inside = (column >= np.quantile(column, start)) & (column <= np.quantile(column, start + 0.12))
    classes = np.unique(y)
    turned = inside & (random.random(len(y)) < 0.8)
    return np.where(turned, classes[(np.searchsorted(classes, y) + 1) % len(classes)], y)


def broken(table: pa.Table, what: str, random: np.random.Generator) -> tuple[pa.Table, set[str]] | None:
    """Return a batch with one column broken and the columns to name; None where the table has none such."""
    numbers, texts = features(table, "number"), features(table, "text")
    varied = [n for n in numbers if len(np.unique(table[n].to_numpy())) > 30]
    if what in ("x10", "x1000", "inches to cm"):
        if not varied:
            return None
        name = random.choice([n for n in varied if np.median(np.abs(table[n].to_numpy())) > 0] or varied)
        factor = {"x10": 10.0, "x1000": 1_000.0}.get(what, 2.54)
        return put(table, name, table[name].to_numpy() * factor), {name}
    if what == "swapped":
        pool = varied if len(varied) > 1 else texts
        if len(pool) < 2:
            return None
        one, two = random.choice(pool, 2, replace=False)
        a, b = table[one].to_pylist(), table[two].to_pylist()
        return put(put(table, one, b), two, a), {one, two}
    if what in ("renamed", "upper case"):
        pool = [
            t
            for t in texts
            if any(c.islower() for v in table[t].to_pylist() if v for c in v) or what == "renamed"
        ]
        pool = [t for t in pool if len(set(table[t].to_pylist())) > 1]
        if not pool:
            return None
        name = random.choice(pool)
        new = (lambda v: f"K{hash(v) % 9973}") if what == "renamed" else str.upper
        return put(table, name, [None if v is None else new(v) for v in table[name].to_pylist()]), {name}
    if not varied:
        return None
    name = random.choice(varied)
    column = table[name].to_numpy().astype(float)
    if what == "sign":
        return put(table, name, -column), {name}
    if what == "constant":
        return put(table, name, np.full_like(column, np.median(column))), {name}
    hit = random.random(len(column)) < 0.25
    filled = [(None if what == "nulls" else 0.0) if h else float(v) for h, v in zip(hit, column, strict=True)]
    return put(table, name, filled), {name}


# --- What judges it ---------------------------------------------------------------------------------


def by_lockgate(reference: pa.Table, batch: pa.Table) -> tuple[bool, bool]:
    """Return whether the batch is stopped, and whether it is put into quarantine."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("reference", "batch", "state", "trigger")]
        pq.write_table(reference, paths[0])
        pq.write_table(batch, paths[1])
        outcome = gate_retraining(*paths, label=LABEL, source="source")
    return not outcome.verdict.opens, outcome.decision is Decision.QUARANTINE


def by_usual_means(reference: pa.Table, batch: pa.Table) -> tuple[bool, bool]:
    from cleanlab.filter import find_label_issues
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_predict

    shares = []
    for table in (reference, batch):
        y = np.unique(table[LABEL].to_numpy(), return_inverse=True)[1]
        x = np.column_stack(
            [np.unique(np.array(table[n].to_pylist()), return_inverse=True)[1] for n in features(table)]
        )
        p = cross_val_predict(RandomForestClassifier(60, random_state=0), x, y, cv=3, method="predict_proba")
        shares.append(find_label_issues(y, p, n_jobs=1).mean())
    stopped = shares[1] > 1.5 * shares[0] + 0.01
    return stopped, stopped


JUDGES = {"lockgate": by_lockgate, "PSI and cleanlab": by_usual_means}


def measure_batches(names: tuple[str, ...], seeds: int) -> list[str]:
    lines = [
        "| batch | " + " | ".join(f"{j}: {w}" for w in ("stopped", "quarantined") for j in JUDGES) + " |"
    ]
    lines.append("|---|" + "---|" * (2 * len(JUDGES)))
    sums: dict[str, np.ndarray] = {}
    for what in (*POISON, *BENIGN):
        found = {judge: [] for judge in JUDGES}
        for name in names:
            for seed in range(seeds):
                random = np.random.default_rng([seed, *name.encode(), *what.encode()])
                reference, (batch,) = deal(load(name, seed), random, name, 1)
                batch = changed(batch, what, random, {})
                for judge, look_at in JUDGES.items():
                    found[judge].append(look_at(reference, batch))
        cells = [sum(answer[i] for answer in found[judge]) for i in (0, 1) for judge in JUDGES]
        of = len(names) * seeds
        lines.append(f"| {what} | " + " | ".join(f"{c} of {of}" for c in cells) + " |")
        print(lines[-1], flush=True)
        kind = "poisoned" if what in POISON else "benign"
        sums[kind] = sums.get(kind, np.zeros(2 * len(JUDGES))) + cells
        sums[f"{kind} of"] = sums.get(f"{kind} of", np.zeros(1)) + of
    for kind in ("poisoned", "benign"):
        share = sums[kind] / sums[f"{kind} of"]
        lines.append(f"| **{kind}, all** | " + " | ".join(f"**{s:.0%}**" for s in share) + " |")
    return lines


def measure_bugs(names: tuple[str, ...], seeds: int) -> list[str]:
    lines = ["| bug | named | columns named beside it |", "|---|---|---|"]
    for what in BUGS:
        named = beside = of = 0
        for name in names:
            for seed in range(seeds):
                random = np.random.default_rng([seed, *name.encode(), *what.encode()])
                reference, (batch,) = deal(load(name, seed), random, name, 1)
                done = broken(batch, what, random)
                if done is None:
                    continue
                found = find_bugs(reference, done[0], label=LABEL, source="source")
                columns = {c for bug in found for c in bug.columns}
                of += 1
                named += done[1] <= columns
                beside += len(columns - done[1])
        lines.append(f"| {what} | {named} of {of} | {beside} |")
        print(lines[-1], flush=True)
    return lines


def measure_streams(names: tuple[str, ...], streams: int) -> list[str]:
    lines = ["| stream of ten batches | alarmed by batch 10 | in its first batch | mean batch of the alarm |"]
    lines.append("|---|---|---|---|")
    for what in ("none", *DRIPS):
        first = []
        for name in names:
            for seed in range(streams):
                random = np.random.default_rng([seed, *name.encode(), *what.encode()])
                reference, batches = deal(load(name, seed), random, name, 10)
                plan: dict = {}
                first.append(alarmed_at(reference, [changed(b, what, random, plan) for b in batches]))
        hits = [f for f in first if f]
        mean = f"{np.mean(hits):.1f}" if hits else ""
        lines.append(f"| {what} | {len(hits)} of {len(first)} | {sum(f == 1 for f in hits)} | {mean} |")
        print(lines[-1], first, flush=True)
    return lines


def alarmed_at(reference: pa.Table, batches: list[pa.Table]) -> int:
    """Return the number of the first batch that raises an alarm; 0 for none."""
    known: dict[tuple[str, ...], Account] = {}
    of = [np.array(t["source"].to_pylist(), dtype=object) for t in (reference, *batches)]
    for number, batch in enumerate(batches, start=1):
        watched = watch(reference, batch, label=LABEL, leave_out={"source"}, seed=0)
        if isinstance(watched, str):
            continue
        found = look(watched, of[number], of[0], known)
        for place, account in found.accounts.items():
            known[place] = known[place].and_then(account) if place in known else account
        if any(a.log_evidence >= threshold(found.weights[p[0]]) for p, a in known.items()):
            return number
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--streams", type=int, default=17)
    parser.add_argument("--part", choices=("batches", "bugs", "streams"))
    parser.add_argument("--tuned", action="store_true", help="look at the data that thresholds were set on")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    asked = parser.parse_args()
    names = TUNED if asked.tuned else HELD_OUT
    start = time.process_time()
    parts = {
        "batches": lambda: measure_batches(names, asked.seeds),
        "bugs": lambda: measure_bugs(names, asked.seeds),
        "streams": lambda: measure_streams(names, asked.streams),
    }
    for part, measure in parts.items():
        if asked.part not in (None, part):
            continue
        lines = measure()
        size = f"--seeds {asked.seeds}" if part != "streams" else f"--streams {asked.streams}"
        command = f"`python benchmarks/bench_retraining.py --part {part} {size} --write`"
        about = f"{command}: {', '.join(names)}, none of which thresholds were set on."
        if asked.write and not asked.tuned:
            write_section(f"Retraining: {part}", [about, "", *lines])
    print(f"CPU seconds: {time.process_time() - start:.0f}")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with few rows in a fold
        main()
