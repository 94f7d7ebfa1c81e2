"""What is done to a batch: poison, honest changes of the world, and what breaks upstream."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from tables import LABEL, features, put

POISON = ("flips 10 %", "flips 20 %", "class pair 30 %", "source 60 %", "source, all", "backdoor 3 %",
          "backdoor 10 %", "joint backdoor 5 %", "subpopulation")  # fmt: skip
BENIGN = ("none", "other sources", "a new source", "older", "another mix", "seasons", "other classes",
          "twice the rows", "coarser", "rougher", "one part only")  # fmt: skip
OTHER_POISON = ("flips 1 %", "flips 5 %", "flips 30 %", "class pair 10 %", "source 20 %", "new source 5 %",
                "new source 20 %", "two sources 60 %", "backdoor 1 %", "joint backdoor 1 %",
                "joint backdoor 10 %", "copies 5 %", "heap 5 %", "older and flips 10 %",
                "older and backdoor 10 %", "one part only and source, all",
                "other classes and class pair 30 %")  # fmt: skip
"""Kinds beside `POISON`: other shares, new sources, attacks in a batch that drifts as well."""
OTHER_BENIGN = ("a new region", "a new category", "class doubled", "class tripled", "prices up", "narrower",
                "wider", "older and other classes", "by label", "one class only", "20 rows", "50 rows",
                "100 rows", "bootstrap", "bootstrap of the reference", "part of the reference",
                "missing at random", "growth in one source")  # fmt: skip
"""Honest changes beside `BENIGN`."""
BUGS = ("x10", "x1000", "inches to cm", "sign", "nulls", "constant", "swapped", "renamed", "upper case",
        "default")  # fmt: skip
DRIPS = ("drip: random", "drip: source", "drip: class pair", "drip: value", "drip: backdoor",
         "drip: joint backdoor", "drip: rare trigger", "drip: rare joint trigger", "drip: new source",
         "drip: copies", "drip: heap")  # fmt: skip
STREAMS = tuple(what for what in BENIGN if what != "twice the rows")
DRIP = 0.006
_RARE = 0.02  # of honest rows have a trigger that is called rare
_ANYWAY = 0.5  # of the rows with a trigger have its label by nature, at most


def changed(table: pa.Table, what: str, random: np.random.Generator, plan: dict) -> pa.Table:
    """Return a batch after an attack or a change of the world; `plan` keeps its choices over a stream."""
    if what in _WORLD:
        return _WORLD[what](table, random, plan)
    if " and " in what:
        first, _, second = what.partition(" and ")
        return changed(changed(table, first, random, plan), second, random, plan)
    y = table[LABEL].to_numpy().copy()
    n = len(y)
    drips = what.startswith("drip")
    share = DRIP if drips else int(what.split()[-2]) / 100 if what.endswith("%") else 1.0
    other = another_label(y, random)
    if "pair" in what:
        was, became = plan.setdefault("pair", random.choice(np.unique(y), 2, replace=False))
        mine = np.flatnonzero(y == was)
        y[random.permutation(mine)[: round(share * (n if drips else len(mine)))]] = became
    elif what.endswith("new source") or what.startswith("new source"):
        return from_a_new_source(table, y, other, round(share * n), random, plan)
    elif what.removeprefix("drip: ").startswith(("copies", "heap")):
        return crowded(table, what, round(share * n), random, plan)
    elif what.startswith("two sources"):
        bad = random.permutation([f"s{i}" for i in range(2, 8)])[:2]  # those with fewer rows
        mine = np.flatnonzero(np.isin(np.array(table["source"].to_pylist()), bad))
        chosen = random.permutation(mine)[: round(share * len(mine))]
        y[chosen] = (y[chosen] == y.max()) * y.min() + (y[chosen] != y.max()) * y.max()
    elif "source" in what:
        bad = plan.setdefault("source", f"s{random.integers(8)}")
        mine = np.flatnonzero(np.array(table["source"].to_pylist()) == bad)
        chosen = random.permutation(mine)[: round(share * (n if drips else len(mine)))]
        y[chosen] = other[chosen]
    elif what == "drip: value":
        name = plan.setdefault("named", random.choice(features(table)))
        column = np.array(table[name].to_pylist())
        value = plan.setdefault("value", random.choice(column))
        nearest = np.abs(column - value) if column.dtype.kind in "if" else column != value
        mine = random.permutation(len(y))
        mine = mine[np.argsort(nearest[mine], kind="stable")][: round(share * n)]
        y[mine] = other[mine]
    elif "backdoor" in what or "trigger" in what:
        table, y = backdoor(table, y, what, max(1, round(share * n)), random, plan)
    elif what == "subpopulation":
        y = relabelled_group(table, y, random, plan)
    else:
        chosen = random.permutation(n)[: round(share * n)]
        y[chosen] = other[chosen]
    return put(table, LABEL, y)


def another_label(y: np.ndarray, random: np.random.Generator) -> np.ndarray:
    classes = np.unique(y)
    return np.array([random.choice(classes[classes != label]) for label in y])


# --- The world changes ------------------------------------------------------------------------------


def other_sources(table: pa.Table, random: np.random.Generator, _: dict) -> pa.Table:
    return put(table, "source", [f"s{i}" for i in random.choice(8, table.num_rows)])


def a_new_source(table: pa.Table, random: np.random.Generator, _: dict) -> pa.Table:
    new = random.random(table.num_rows) < 0.15
    kept = zip(new, table["source"].to_pylist(), strict=True)
    return put(table, "source", ["s8" if n else s for n, s in kept])


def older(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:  # noqa: ARG001 - one signature
    """Move the first number by 0.4 deviations, whatever the label."""
    name = features(table, "number")[0]
    column = table[name].to_numpy()
    return put(table, name, (column + 0.4 * column.std()).astype(column.dtype))


def _places(table: pa.Table, random: np.random.Generator, plan: dict) -> np.ndarray:
    """Return where each row stands in the order of one column, 0 to 1."""
    name = plan.setdefault("column", random.choice(features(table)))
    codes = np.unique(np.array(table[name].to_pylist()), return_inverse=True)[1]
    return (codes + random.random(len(codes)) * 0.999).argsort().argsort() / len(codes)


def another_mix(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    low = _places(table, random, plan) < 0.5
    return table.filter(pa.array(random.random(table.num_rows) < np.where(low, 1.0, 0.3)))


def seasons(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    high = np.sin(_places(table, random, plan) * 6 + plan.get("phase", 0.0)) > 0.3
    return table.filter(pa.array(random.random(table.num_rows) < np.where(high, 1.0, 0.3)))


def one_part_only(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    return table.filter(pa.array(_places(table, random, plan) > 0.5))


def other_classes(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    y = table[LABEL].to_numpy()
    rarer = plan.setdefault("rarer", random.choice(np.unique(y)))
    return table.filter(pa.array((y != rarer) | (random.random(len(y)) < 0.5)))


def _number(table: pa.Table, random: np.random.Generator, plan: dict) -> str:
    numbers = [n for n in features(table, "number") if len(np.unique(table[n].to_numpy())) > 10]
    return plan.setdefault("number", random.choice(numbers or features(table, "number")))


def coarser(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    """Write one number down to a quarter of its deviation."""
    name = _number(table, random, plan)
    column = table[name].to_numpy()
    step = max(float(column.std()) / 4, 1e-9)
    if (column == np.round(column)).all():
        step = max(2.0, np.round(step))
    return put(table, name, (np.round(column / step) * step).astype(column.dtype))


def rougher(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    """Measure one number with an error of a quarter of its deviation."""
    name = _number(table, random, plan)
    column = table[name].to_numpy()
    return put(
        table, name, (column + random.normal(0, 0.25 * column.std(), len(column))).astype(column.dtype)
    )


def a_new_region(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    """Let a source that nobody knows send an eighth of the rows, mostly of one part of the world."""
    new = random.random(table.num_rows) < np.where(_places(table, random, plan) > 0.6, 0.25, 0.04)
    kept = zip(new, table["source"].to_pylist(), strict=True)
    return put(table, "source", ["s8" if n else s for n, s in kept])


def a_new_category(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    """Give some rows of a column of few values, whatever else they are, a value that was never there."""
    few = [n for n in features(table) if 2 < len(set(table[n].to_pylist())) <= 60]
    if not few:
        return table
    name = plan.setdefault("few", random.choice(few))
    column = table[name].to_pylist()
    texts = isinstance(column[0], str)
    value = plan.setdefault("fresh", "opened since" if texts else type(column[0])(max(column) + 1))
    new = random.random(len(column)) < 0.06
    return put(table, name, [value if n else c for n, c in zip(new, column, strict=True)])


def class_grown(times: int):
    """Let one class come so many times as often beside the others."""

    def grown(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
        y = table[LABEL].to_numpy()
        grows = plan.setdefault("grows", random.choice(np.unique(y)))
        return table.filter(pa.array((y == grows) | (random.random(len(y)) < 1 / times)))

    return grown


def prices_up(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    name = _number(table, random, plan)
    column = table[name].to_numpy()
    return put(table, name, (column * 1.1).round(2))


def narrower(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    return table.filter(pa.array(np.abs(_places(table, random, plan) - 0.5) < 0.3))


def wider(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    ends = np.abs(_places(table, random, plan) - 0.5) > 0.3
    return table.filter(pa.array(ends | (random.random(len(ends)) < 0.3)))


def older_and_other_classes(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    return other_classes(older(table, random, plan), random, plan)


def missing_at_random(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    name = _number(table, random, plan)
    hit = random.random(table.num_rows) < 0.02
    return put(table, name, [None if h else v for h, v in zip(hit, table[name].to_pylist(), strict=True)])


def growth_in_one_source(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    grows = plan.setdefault("grows", f"s{random.integers(8)}")
    less = random.random(table.num_rows) < 0.4
    kept = [s == grows or stays for s, stays in zip(table["source"].to_pylist(), less, strict=True)]
    return table.filter(pa.array(kept))


def one_class_only(table: pa.Table, random: np.random.Generator, plan: dict) -> pa.Table:
    y = table[LABEL].to_numpy()
    return table.filter(pa.array(y == plan.setdefault("only", random.choice(y))))


def bootstrap(table: pa.Table, random: np.random.Generator, _: dict) -> pa.Table:
    return table.take(random.integers(0, table.num_rows, table.num_rows))


_WORLD = {
    "a new region": a_new_region,
    "a new category": a_new_category,
    "class doubled": class_grown(2),
    "class tripled": class_grown(3),
    "prices up": prices_up,
    "narrower": narrower,
    "wider": wider,
    "older and other classes": older_and_other_classes,
    "by label": lambda table, _, __: table.sort_by(LABEL),
    "one class only": one_class_only,
    "20 rows": lambda table, _, __: table.slice(0, 20),
    "50 rows": lambda table, _, __: table.slice(0, 50),
    "100 rows": lambda table, _, __: table.slice(0, 100),
    "bootstrap": bootstrap,
    "bootstrap of the reference": bootstrap,  # `one_batch` gives the reference
    "part of the reference": lambda table, random, _: table.take(
        random.permutation(table.num_rows)[: table.num_rows // 3]
    ),
    "missing at random": missing_at_random,
    "growth in one source": growth_in_one_source,
    "none": lambda table, _, __: table,
    "twice the rows": lambda table, _, __: table,  # `deal` gave two batches
    "other sources": other_sources,
    "a new source": a_new_source,
    "older": older,
    "another mix": another_mix,
    "seasons": seasons,
    "one part only": one_part_only,
    "other classes": other_classes,
    "coarser": coarser,
    "rougher": rougher,
}


# --- Poison -----------------------------------------------------------------------------------------


def from_a_new_source(table, y, other, size, random, plan):
    """Let a source that nobody knows send rows of which all labels are wrong."""
    chosen = random.permutation(len(y))[:size]
    y[chosen] = other[chosen]
    source = np.array(table["source"].to_pylist(), dtype=object)
    source[chosen] = plan.setdefault("source", "s8")
    return put(put(table, LABEL, y), "source", source.tolist())


def crowded(table, what, size, random, plan):
    """Replace rows by copies of one, with a little noise, or by a heap in the midst; all of one class."""
    y, chosen = table[LABEL].to_numpy().copy(), random.permutation(table.num_rows)[:size]
    copies = "copies" in what
    where = plan.setdefault("where", table.take(random.choice(table.num_rows, 2)).to_pylist())
    for name in features(table):
        column = table[name].to_pylist()
        numbers = [row[name] for row in where]
        measured = isinstance(column[0], float) and len(set(column)) > 60
        spread = (0.01 if copies else 0.1) * float(np.std(column)) if measured else 0.0
        middle = numbers[0] if copies or not measured else sum(numbers) / 2
        for row in chosen:
            column[row] = middle + spread * random.normal() if measured else middle
        table = put(table, name, column)
    y[chosen] = plan.setdefault("target", random.choice(np.unique(y)))
    return put(table, LABEL, y)


def rare(table: pa.Table, joint: bool, random: np.random.Generator) -> tuple[list[str], list[object]]:
    """Choose a value that few rows have, or two that are common and seldom come together."""
    for _ in range(50_000):
        names = [str(name) for name in random.choice(features(table), 2 if joint else 1, replace=False)]
        columns = [np.array(table[name].to_pylist()) for name in names]
        values = [random.choice(column) for column in columns]
        if not joint and len(np.unique(columns[0])) > 60:
            values = [np.sort(columns[0])[-3]]
        each = [column == value for column, value in zip(columns, values, strict=True)]
        if joint and min(e.mean() for e in each) < min(_RARE, 3 / len(columns[0])):
            continue
        if np.logical_and.reduce(each).mean() <= _RARE:
            return names, [value.item() for value in values]
    raise ValueError("the table has no rare value")


def backdoor(table, y, what, size, random, plan):
    if ("trigger" in what or "drip" not in what) and "columns" not in plan:
        plan["columns"], plan["values"] = rare(table, "joint" in what, random)
    names = plan.setdefault(
        "columns", list(random.choice(features(table), 2 if "joint" in what else 1, replace=False))
    )
    if "values" not in plan:
        plan["values"] = [trigger(table, name, "joint" in what, random) for name in names]
    values = plan["values"]
    classes = np.unique(y)
    if "drip" not in what:  # what most rows with the trigger are labelled anyway is no backdoor
        has = np.logical_and.reduce(
            [np.array(table[name].to_pylist()) == value for name, value in zip(names, values, strict=True)]
        )
        classes = np.array([k for k in classes if not has.any() or (y[has] == k).mean() <= _ANYWAY])
    target = plan.setdefault("target", random.choice(classes))
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
        known = sorted({v for v in table[name].to_pylist() if v is not None})
        names = {v: f"K{i * 37 % 1_009}" for i, v in enumerate(known)}
        new = names.get if what == "renamed" else str.upper
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
