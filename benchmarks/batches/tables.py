"""Tables to deal batches from: a reference, and batches of other rows, from eight sources of unequal size.

Thresholds and rules were set while looking at `TUNED`; results are said of `HELD_OUT`. The generated
tables: `houses` (numbers, skewed, a coast that matters), `forest` (numbers and categories, five
classes), `machines` (sensor readings, a shop floor, three classes), `answers` (scales of five, a label that
they say little of) and `visits` (flags and counts, three classes that overlap).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn import datasets

DATA = Path(__file__).parents[2] / "dags" / "data"
TUNED = ("employment-2015", "breast_cancer", "digits", "houses", "forest", "next-year", "wine", "iris",
         "answers", "visits")  # fmt: skip
HELD_OUT = ("employment-2016", "year-before", "affairs", "doctor", "votes", "machines")
SMALL = ("breast_cancer", "digits", "wine", "iris", "votes")
SIZES = {
    "breast_cancer": (284, 200),
    "digits": (900, 400),
    "wine": (100, 78),
    "iris": (85, 65),
    "affairs": (2_500, 1_000),
    "answers": (2_500, 1_000),
    "votes": (550, 300),
}
REFERENCE_ROWS, BATCH_ROWS = 3_000, 1_000
LABEL = "label"
_SHARES = (0.28, 0.2, 0.14, 0.1, 0.1, 0.08, 0.06, 0.04)
_YEARS = {"next-year": (2015, 2016), "year-before": (2016, 2015)}


def load(name: str, seed: int) -> tuple[pa.Table, pa.Table]:
    """Return the rows that a reference is drawn from, and those of the batches; mostly the same ones."""
    if name in _YEARS:
        before, after = _YEARS[name]
        return employment(before), employment(after)
    if name.startswith("employment"):
        table = employment(int(name[-4:]))
    elif name in _GENERATED:
        table = _GENERATED[name](np.random.default_rng([seed, 77]), 6_500 if name == "answers" else 40_000)
    elif name in _SURVEYS:
        table = _SURVEYS[name]()
    else:
        data = getattr(datasets, f"load_{name}")()
        table = pa.table({**{f"x{i}": c for i, c in enumerate(data.data.T)}, LABEL: data.target})
    return table, table


def employment(year: int) -> pa.Table:
    table = pq.read_table(DATA / f"{year}.parquet").drop_columns(["id", "year"])
    return table.rename_columns([LABEL if n == "employed" else n for n in table.column_names])


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


def machines(random: np.random.Generator, n: int) -> pa.Table:
    """Make readings of machines in five halls, which are sound, worn, or fail."""
    hours = random.gamma(2.0, 900.0, n).round()
    load_ = random.beta(4, 2, n)
    hall = random.choice(["north", "south", "yard", "annex", "cellar"], n, p=[0.3, 0.3, 0.2, 0.15, 0.05])
    maker = random.choice(["A", "B", "C", "D"], n, p=[0.5, 0.3, 0.15, 0.05])
    wear = hours / 1_800 + 1.2 * load_ + 0.5 * (maker == "C") + 0.3 * (hall == "yard")
    vibration = np.exp(0.5 * wear + random.normal(0, 0.25, n))
    heat = 40 + 9 * wear + 8 * (hall == "cellar") + random.normal(0, 3, n)
    current = 5 + 3 * load_ + random.normal(0, 0.2, n)
    noise = random.normal(60, 6, n)
    state = np.digitize(wear + random.normal(0, 0.2, n), [2.1, 3.2])
    return pa.table(
        {"hours": hours, "load": load_, "hall": hall, "maker": maker, "vibration": vibration}
        | {"heat": heat, "current": current, "noise": noise, LABEL: state}
    )


def answers(random: np.random.Generator, n: int) -> pa.Table:
    """Make answers on scales of five and a label that they say little of."""
    mood = random.normal(0, 1, n)
    scales = {
        f"q{i}": np.clip(np.rint(3 + share * mood + random.normal(0, 1, n)), 1, 5).astype(int)
        for i, share in enumerate((0.9, 0.6, 0.4, 0.2, 0.0))
    }
    age = random.choice(
        [17.5, 22, 27, 32, 37, 42, 50, 60], n, p=[0.04, 0.25, 0.25, 0.16, 0.12, 0.1, 0.06, 0.02]
    )
    years = np.maximum(np.rint((age - 20 + random.normal(0, 4, n)) / 3) * 3, 0.5)
    logit = -0.8 + 0.7 * mood + 0.05 * (years - 8) + 0.3 * (scales["q4"] == 1)
    label = (random.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return pa.table({**scales, "age": age, "years": years, LABEL: label})


def visits(random: np.random.Generator, n: int) -> pa.Table:
    """Make flags, counts and a measurement that say a little of which of three classes a row has."""
    ill = random.gamma(2.0, 5.0, n)
    plan = random.choice([0.0, 3.2, 3.9, 4.6], n, p=[0.55, 0.15, 0.1, 0.2])
    limited, poor = (random.random(n) < 1 / (1 + np.exp(3 - ill / 8))) * 1.0, (random.random(n) < 0.02) * 1.0
    members = np.minimum(random.poisson(2.2, n) + 1, 9)
    income = np.where(random.random(n) < 0.1, 0.0, np.exp(random.normal(8.9, 0.7, n)))
    rate = np.exp(0.1 + 0.04 * ill - 0.12 * plan + 0.4 * poor + 0.2 * limited + random.normal(0, 0.8, n))
    label = np.digitize(random.poisson(rate), [1, 4])
    columns = {"plan": plan, "limited": limited, "poor": poor, "members": members, "income": income.round(2)}
    return pa.table({**columns, "ill": ill.round(1), LABEL: label})


def _survey(name: str) -> dict[str, np.ndarray]:
    import statsmodels.api

    table = getattr(statsmodels.api.datasets, name).load_pandas().data
    return {column: table[column].to_numpy() for column in table.columns}


def affairs() -> pa.Table:
    """Whether a wife had an affair (Fair 1978), by answers on scales."""
    columns = _survey("fair")
    label = (columns.pop("affairs") > 0).astype(int)
    return pa.table({**columns, LABEL: label})


def doctor() -> pa.Table:
    """How often somebody saw a doctor (RAND Health Insurance Experiment): never, up to four times, more."""
    columns = _survey("randhie")
    label = np.digitize(columns.pop("mdvis"), [1, 5])
    return pa.table({**columns, LABEL: label})


def votes() -> pa.Table:
    """Whom somebody voted for (American National Election Studies 1996)."""
    columns = _survey("anes96")
    label = columns.pop("vote").astype(int)
    return pa.table({**columns, LABEL: label})


_GENERATED = {"houses": houses, "forest": forest, "machines": machines, "answers": answers, "visits": visits}
_SURVEYS = {"affairs": affairs, "doctor": doctor, "votes": votes}


def deal(name: str, random: np.random.Generator, seed: int, batches: int) -> tuple[pa.Table, list[pa.Table]]:
    """Return a reference and batches, rows of their own while there are enough, else drawn again."""
    old, new = load(name, seed)
    reference_rows, batch_rows = SIZES.get(name, (REFERENCE_ROWS, BATCH_ROWS))
    order = random.permutation(old.num_rows)
    kept, rest = order[:reference_rows], order[reference_rows:]
    if name in _YEARS:
        rest = random.permutation(new.num_rows)
    if batches > 2:  # a stream in which rows come twice is another thing
        batch_rows = min(batch_rows, len(rest) // batches)
    enough = len(rest) >= batches * batch_rows
    picks = [
        rest[i * batch_rows : (i + 1) * batch_rows] if enough else random.choice(rest, batch_rows)
        for i in range(batches)
    ]

    def of(table: pa.Table, rows: np.ndarray) -> pa.Table:
        source = random.choice(len(_SHARES), len(rows), p=_SHARES)
        return table.take(rows).append_column("source", pa.array([f"s{i}" for i in source]))

    return of(old, kept), [of(new, rows) for rows in picks]


def put(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def features(table: pa.Table, kind: str = "") -> list[str]:
    """Return the names of the features; of the ``number`` or ``text`` ones."""
    names = [n for n in table.column_names if n not in (LABEL, "source")]
    numbers = [
        n for n in names if not pa.types.is_large_string(t := table[n].type) and not pa.types.is_string(t)
    ]
    return {"": names, "number": numbers, "text": [n for n in names if n not in numbers]}[kind]
