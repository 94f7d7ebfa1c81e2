"""Each defect is named, and what only drifted, or is poisoned, is none."""

import numpy as np
import pyarrow as pa
import pytest

from lockgate.retraining.bugs import find_bugs

CITIES = np.array(["Köln", "Aachen", "Ulm", "Bonn", "Trier"])


def people(rows: int, seed: int, *, shift: float = 0.0, mix=(0.35, 0.25, 0.2, 0.12, 0.08)) -> dict:
    random = np.random.default_rng(seed)
    age = np.clip(random.normal(45 + shift, 14, rows), 18, 95).round()
    height = random.normal(172, 9, rows) - 0.05 * (age - 45)
    weight = 0.9 * (height - 100) + random.normal(0, 9, rows)
    income = np.exp(random.normal(7.6, 0.5, rows) + 0.01 * (age - 45))
    drop = random.normal(0, 1, rows) + 0.02 * (weight - 65)
    city = random.choice(CITIES, rows, p=mix)
    smoker = (random.random(rows) < np.where(city == "Köln", 0.5, 0.2)).astype(int)
    member = (random.random(rows) < 1 / (1 + np.exp(-(age - 45) / 8))).astype(int)
    label = (random.random(rows) < 1 / (1 + np.exp(-(0.05 * (age - 45) + 0.8 * smoker + 0.4 * drop)))).astype(
        int
    )
    return {
        "age": age, "height": height, "weight": weight, "income": income, "drop": drop, "city": city,
        "smoker": smoker, "member": member, "label": label, "source": random.choice(["a", "b", "c"], rows),
    }  # fmt: skip


REFERENCE = pa.table(people(3_000, 1))


def bugs(change, rows: int = 1_500, **more):
    columns = people(rows, 2, **more)
    change(columns)
    found = find_bugs(REFERENCE, pa.table(columns), label="label", source="source")
    return [(bug.kind, *bug.columns) for bug in found]


def put(name, function):
    def change(columns):
        columns[name] = function(columns[name])

    return change


def exchange(one, two):
    def change(columns):
        columns[one], columns[two] = columns[two], columns[one]

    return change


def of_source(columns):
    columns["height"] = np.where(columns["source"] == "b", columns["height"] / 2.54, columns["height"])


def some(share, name, value):
    def change(columns):
        chosen = np.random.default_rng(9).random(len(columns[name])) < share
        values = [value if c else v for c, v in zip(chosen, columns[name].tolist(), strict=True)]
        columns[name] = pa.array(values)

    return change


NAMED = {
    "ten times": (put("income", lambda x: x * 10), ("unit", "income")),
    "a thousandth": (put("income", lambda x: x / 1_000), ("unit", "income")),
    "inches": (put("height", lambda x: x / 2.54), ("unit", "height")),
    "pounds": (put("weight", lambda x: x / 0.45359237), ("unit", "weight")),
    "a logarithm": (put("income", np.log), ("unit", "income")),
    "inches from one source": (of_source, ("unit", "height")),
    "another sign": (put("drop", lambda x: -x), ("sign", "drop")),
    "nothing there": (some(0.2, "age", None), ("missing", "age")),
    "nothing at all there": (some(1.1, "age", None), ("missing", "age")),
    "a default": (some(0.3, "income", 0.0), ("default", "income")),
    "one value": (put("weight", lambda x: np.full_like(x, 70.0)), ("constant", "weight")),
    "one city": (put("city", lambda x: np.full_like(x, "Ulm")), ("constant", "city")),
    "swapped": (exchange("height", "weight"), ("swapped", "height", "weight")),
    "swapped flags": (exchange("smoker", "member"), ("swapped", "smoker", "member")),
    "renamed": (put("city", lambda x: np.char.add("DE-", np.searchsorted(np.sort(CITIES), x).astype(str))),
                ("renamed", "city")),
    "other codes": (put("label", lambda x: np.where(x == 1, 3, 7)), ("renamed", "label")),
    "upper case": (put("city", np.char.upper), ("spelling", "city")),
    "another encoding": (put("city", lambda x: np.array([v.encode().decode("latin-1") for v in x])),
                         ("spelling", "city")),
    "turned codes": (put("member", lambda x: 1 - x), ("codes", "member")),
    "the middle as a default": (some(0.25, "age", 40.0), ("default", "age")),
    "a cut range": (put("income", lambda x: np.minimum(x, np.quantile(x, 0.7))), ("default", "income")),
    "a sensor that stands still": (put("drop", lambda x: np.repeat(x[::20], 20)),
                                   ("stuck", "drop")),
    "a join one row off": (put("weight", lambda x: np.roll(x, 1)), ("detached", "weight")),
    "labels one row off": (put("label", lambda x: np.roll(x, 1)), ("detached", "label")),
    "standardised": (put("age", lambda x: (x - x.mean()) / x.std()), ("unit", "age")),
    "words for nothing": (put("city", lambda x: np.where(np.arange(len(x)) % 5, x, "N/A")),
                          ("missing", "city")),
    "cities put together": (put("city", lambda x: np.where(np.isin(x, CITIES[:2]), x, "other")),
                            ("renamed", "city")),
    "codes from one": (put("smoker", lambda x: x + 1), ("shift", "smoker")),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMED)
def test_each_defect_is_named_with_its_columns_and_nothing_else_is(case):
    change, expected = NAMED[case]
    assert bugs(change) == [expected]


def only_ulm(columns):
    kept = columns["city"] == "Ulm"
    for name in columns:
        columns[name] = columns[name][kept]


def planted(columns):
    columns["income"][:75] = 9_999.0
    columns["label"][:75] = 1


def sorted_by_age(columns):
    order = np.argsort(columns["age"], kind="stable")
    for name in columns:
        columns[name] = columns[name][order]


def in_groups(columns):
    """Five rows in a row are of one person, and from wherever they came."""
    first = np.arange(len(columns["age"])) // 5 * 5
    for name in set(columns) - {"source"}:
        columns[name] = columns[name][first]


SOUND = {
    "rows in order": (sorted_by_age, {}),
    "rows of one person": (in_groups, {}),
    "nothing": (lambda _: None, {}),
    "older people": (lambda _: None, {"shift": 6.0}),
    "other cities": (lambda _: None, {"mix": (0.2, 0.2, 0.3, 0.2, 0.1)}),
    "higher incomes": (put("income", lambda x: x * 1.15), {}),
    "a measure that moved": (put("drop", lambda x: x + 1.5), {}),
    "a measure that moved, in few rows": (put("drop", lambda x: x + 1.5), {"rows": 300}),
    "a filter by city": (only_ulm, {"rows": 6_000}),
    "a trigger": (planted, {}),
}


@pytest.mark.parametrize("case", SOUND)
def test_drift_a_filter_or_planted_rows_are_no_defect(case):
    change, more = SOUND[case]
    assert bugs(change, **more) == []


def test_columns_are_swapped_though_each_looks_broken_by_itself():
    random = np.random.default_rng(3)

    def rows(number, seed):
        columns = people(number, seed)
        columns["children"] = np.minimum(random.poisson(1.3, number), 6) * 1_000.0
        return columns

    now = rows(1_500, 2)
    now["children"], now["income"] = now["income"], now["children"]
    found = find_bugs(pa.table(rows(3_000, 1)), pa.table(now), label="label", source="source")
    assert [(bug.kind, set(bug.columns)) for bug in found] == [("swapped", {"income", "children"})]


def skewed(rows: int, seed: int, factor: float = 1.0, *, heavy: float = 0.0) -> pa.Table:
    """A skewed weight that goes with length and width; `heavy` draws more of the large ones."""
    random = np.random.default_rng(seed)
    size = random.normal(heavy, 1, rows)
    length, width = (size + random.normal(0, 0.4, rows) for _ in range(2))
    weight = np.exp(0.6 * size + random.normal(0, 0.15, rows)) * factor
    return pa.table({"length": length, "width": width, "weight": weight, "y": (size > 0).astype(int)})


def test_a_small_factor_is_a_unit_only_if_the_other_columns_have_not_moved_along():
    reference, rows = skewed(2_000, 1), 130
    assert find_bugs(reference, skewed(rows, 2, heavy=0.8), label="y") == []
    (bug,) = find_bugs(reference, skewed(1_000, 3, 1.609344), label="y")
    assert (bug.kind, bug.columns) == ("unit", ("weight",))


def test_rounding_is_no_default_value():
    assert bugs(put("income", lambda x: np.round(x / 700) * 700)) == []
    assert bugs(some(0.3, "income", 1_234.5)) == [("default", "income")]


def test_clean_halves_of_small_tables_have_no_defect():
    from sklearn import datasets

    wrong = []
    for name in ("wine", "iris"):
        data = getattr(datasets, f"load_{name}")()
        table = pa.table({**{f"x{i}": c for i, c in enumerate(data.data.T)}, "y": data.target})
        for seed in range(20):
            order = np.random.default_rng(seed).permutation(table.num_rows)
            half = table.num_rows // 2
            wrong += find_bugs(table.take(order[:half]), table.take(order[half:]), label="y")
    assert wrong == []
