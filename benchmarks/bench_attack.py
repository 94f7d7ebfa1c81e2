"""Accuracy left by Lockgate's attacks, by those of the Adversarial Robustness Toolbox and by a greedy search.

    python benchmarks/bench_attack.py [ROWS] [--seed N] [--queries N] [--write]

Same models, same rows, same budget of questions a row, side by side in one run. A row counts as broken when a
question about a possible row within reach got another label than the right one; rows that are labelled wrong
unmoved are lost from the start. ``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from attack import greedy, toolbox
from attack.box import Asked, Box, SpentError
from bench_privacy import load as load_rows
from results import write_section
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.model import Predictor, load, one_thread

DATA = ("employment 2016", "houses", "digits")
EPS = 0.1  # of the range of each column
MODELS = ("forest", "gradient boosting", "logistic regression", "neural network", "XGBoost")
METHODS = ("lockgate", "greedy", *toolbox.NAMES)


@dataclass
class Left:
    """What an attack left.

    Attributes:
        data: Name of the rows.
        model: Name of the model.
        attack: Name of the attack.
        accuracy: Share of the rows that stay right.
        queries: Questions a row that is labelled right unmoved, mean.
        cpu: Seconds.
        changed: Columns changed in a broken row, median.
    """

    data: str
    model: str
    attack: str
    accuracy: float
    queries: float
    cpu: float
    changed: float | None

    def __str__(self) -> str:
        changed = "" if self.changed is None else f"{self.changed:.0f}"
        return (
            f"| {self.data} | {self.model} | {self.attack} | {self.accuracy:.2f} | {self.queries:.0f} | "
            f"{self.cpu:.1f} | {changed} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="?", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    found: list[Left] = []
    for name in asked.data.split(","):
        for model in MODELS:
            for left in one(name, model, asked):
                print(left, flush=True)
                found.append(left)
            if asked.write:  # after each model, so that a run that is stopped has said something
                write_section("Attacks", page(found, asked))


def page(found: list[Left], asked: argparse.Namespace) -> list[str]:
    return [
        f"`python benchmarks/bench_attack.py {asked.rows} --write`: {asked.rows} rows that the models were",
        f"not trained on, {asked.queries} questions a row at most, L-infinity, {EPS:g} of a column's range.",
        "The toolbox is credited with every question, also with those on its way. Queries: mean of the rows",
        "that are labelled right unmoved; changed: median of the columns of a broken row.",
        "",
        "| data | model | attack | accuracy left | queries a row | CPU s | changed |",
        "|---|---|---|---|---|---|---|",
        *map(str, found),
    ]


def rows_of(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows by columns, and labels 0, 1, ..."""
    rng = np.random.default_rng(seed)
    if name == "employment 2016":
        frame, labels = load_rows(name, seed)
        return frame.to_numpy(), labels
    if name == "digits":
        x, labels = load_digits(return_X_y=True)
        order = rng.permutation(len(labels))[:1600]
        return x[order], labels[order]
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


def one(name: str, model: str, asked: argparse.Namespace) -> list[Left]:
    x, labels = rows_of(name, asked.seed)
    known, rows = slice(asked.rows, None), slice(asked.rows)
    with tempfile.TemporaryDirectory() as folder, one_thread():
        predictor, answers, weights = trained(model, x[known], labels[known], asked.seed, Path(folder))
        box = Box.of(x, EPS)
        found = []
        methods = [m for m in METHODS if m != "Square" or name == "digits"]
        methods += ["FGSM", "PGD"] if weights is not None else []
        for method in methods:
            if method == "lockgate":
                left = by_lockgate(predictor, x, labels, box, asked)
            elif method in ("FGSM", "PGD"):
                left = by_gradient(method, answers, weights, box, x[rows], labels[rows])
            else:
                left = by_questions(method, answers, box, (x, labels), asked)
            found.append(Left(name, model, method, *left))
    return found


def trained(model: str, x: Any, y: Any, seed: int, folder: Path) -> tuple[Predictor, Any, Any]:
    """Return a model as Lockgate reads it, as a function of rows, and its weights where it is linear."""
    names = [f"x{i}" for i in range(x.shape[1])]
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


def by_lockgate(predictor: Any, x: Any, labels: Any, box: Box, asked: Any) -> tuple[Any, ...]:
    from lockgate.robustness.measure import Budget, measure
    from lockgate.robustness.threat import BUILT_IN, domain_of

    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    rows = frame.iloc[: asked.rows]
    start = time.process_time()
    domain = domain_of(replace(BUILT_IN["linf-range"], size=box.eps), frame)
    budget = Budget(precision=1e-9, queries=asked.queries, seconds=1e9)
    found = measure(predictor, domain, rows, labels[: asked.rows], budget=budget, seed=asked.seed)
    cpu = time.process_time() - start
    moved = domain.rows(rows.iloc[np.flatnonzero(found.broken)], found.points).to_numpy()
    origins = rows.to_numpy()[found.broken]
    assert box.inside(moved, origins).all(), "an adversarial row is no possible row within reach"
    changed = (moved != origins).sum(axis=1)
    queries = found.queries[found.right].mean() if found.right.any() else 0.0
    return found.share, queries, cpu, np.median(changed) if len(changed) else None


def by_questions(method: str, answers: Any, box: Box, data: Any, asked: Any) -> tuple[Any, ...]:
    x, labels = data
    said = answers(x[: asked.rows]).argmax(axis=1)
    everything = answers(x).argmax(axis=1)
    queries, changed, held = [], [], 0
    start = time.process_time()
    for row in np.flatnonzero(said == labels[: asked.rows]):
        rng = np.random.default_rng([asked.seed, row])
        label = int(labels[row])
        one_row = Asked(answers, box, x[row], label, asked.queries)
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
    return held / asked.rows, np.mean(queries), cpu, np.median(changed) if changed else None


def by_gradient(method: str, answers: Any, weights: Any, box: Box, x: Any, labels: Any) -> tuple[Any, ...]:
    start = time.process_time()
    scaled = LogisticRegression()
    scaled.classes_, scaled.coef_, scaled.intercept_ = (
        weights.classes_,
        weights.coef_ * box.unit,
        weights.intercept_,
    )
    scaled.n_features_in_ = len(box.unit)
    moved = toolbox.by_gradient(method, box, x, labels, scaled)
    moved = np.stack([box.reach(one, row) for one, row in zip(moved, x, strict=True)])
    wrong = (answers(moved).argmax(axis=1) != labels) & box.inside(moved, x)
    right = answers(x).argmax(axis=1) == labels
    cpu = time.process_time() - start
    changed = (moved != x).sum(axis=1)[right & wrong]
    return (right & ~wrong).mean(), 1.0, cpu, np.median(changed) if len(changed) else None


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
