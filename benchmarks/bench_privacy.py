"""Training rows found by lockgate, by ART's black-box attack and by confidence alone, side by side.

    python benchmarks/bench_privacy.py [SEEDS] [--write]

Data come with scikit-learn, are generated, or lie in dags/data. Each model is trained on half of the rows;
the other half are the non-members. CPU seconds are those of one whole attack, the shadow models included.
The accountant is compared with opacus' where that is installed. ``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from results import write_section
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.model import Predictor, one_thread
from lockgate.privacy.accountant import Steps, spent
from lockgate.privacy.intervals import rate_at
from lockgate.privacy.membership import neighbours, rank
from lockgate.privacy.peers import art_scores
from lockgate.privacy.shadows import Pool, answers_of, cloning, train_shadows

EMPLOYMENT = Path(__file__).parents[1] / "dags" / "data" / "2016.parquet"
DATA = ("employment 2016", "generated", "breast cancer")
MODELS = {
    "forest, full depth": RandomForestClassifier(100),
    "boosting, 200 deep trees": GradientBoostingClassifier(n_estimators=200, max_depth=5),
    "histogram boosting, default": HistGradientBoostingClassifier(),
    "boosting, regularised": GradientBoostingClassifier(
        n_estimators=50, max_depth=2, subsample=0.5, min_samples_leaf=20
    ),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
}
METHODS = ("lockgate", "ART", "confidence")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="?", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    found: dict[tuple[str, str, str], list[tuple[float, float, float]]] = {}
    for done in range(1, asked.seeds + 1):
        one_seed(found, 100 + done - 1)  # none of the seeds that the attack was tuned on
        lines = [*table(found), "", *accountants()]
        if asked.write:  # after each seed, so that a run that is stopped has said something
            write_section("Membership", page(lines, done))
    print("\n".join(lines))


def one_seed(found: dict[tuple[str, str, str], list[tuple[float, float, float]]], seed: int) -> None:
    """Add rate at 1 %, the upper end of its interval, and CPU seconds of each attack on each model."""
    for name in DATA:
        rows, labels = load(name, seed)
        half = len(labels) // 2
        member = np.arange(2 * half) < half
        rows, labels = rows.iloc[: 2 * half].reset_index(drop=True), labels[: 2 * half]
        for model, estimator in MODELS.items():
            seeded = {key: seed for key in estimator.get_params() if key.endswith("random_state")}
            target = clone(estimator).set_params(**seeded).fit(rows[:half], labels[:half])
            with one_thread():
                for method, attack in zip(METHODS, (by_lockgate, by_art, by_confidence), strict=True):
                    start = time.process_time()
                    scores, who = attack(Predictor(target), rows, labels, member, seed)
                    spent_cpu = time.process_time() - start
                    rate = rate_at(scores[who], scores[~who], 0.01)
                    found.setdefault((name, model, method), []).append((rate.tpr, rate.high, spent_cpu))
            said = [[round(n, 3) for n in found[name, model, m][-1]] for m in METHODS]
            print(name, seed, model, said, flush=True)


def load(name: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    if name == "employment 2016":
        frame = pd.read_parquet(EMPLOYMENT).sample(1600, random_state=seed)
        labels = frame.pop("employed").to_numpy().astype(int)
        frame = frame.drop(columns=[c for c in ("id", "year") if c in frame])
        coded = frame.apply(lambda c: c if c.dtype.kind in "if" else pd.factorize(c, sort=True)[0])
        return coded.astype(float).reset_index(drop=True), labels
    if name == "generated":
        x, labels = make_classification(
            1600, 20, n_informative=10, flip_y=0.1, class_sep=0.7, random_state=seed
        )
    else:
        x, labels = load_breast_cancer(return_X_y=True)
        order = np.random.default_rng(seed).permutation(len(labels))
        x, labels = x[order], labels[order]
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]), labels


def by_lockgate(predictor, rows, labels, member, seed):
    pool = Pool(rows, labels, member)
    shadows = train_shadows(predictor, pool, cloning(predictor.estimator), count=12, seed=seed)
    ranking = rank(shadows, labels, neighbours(rows), seed=seed)
    return ranking.scores[ranking.chosen], member


def by_art(predictor, rows, labels, member, seed):
    scores, at = art_scores(answers_of(predictor, rows, predictor.classes), labels, member, seed=seed)
    return scores, member[at]


def by_confidence(predictor, rows, labels, member, seed):  # noqa: ARG001 - one signature for all
    return answers_of(predictor, rows, predictor.classes)[np.arange(len(labels)), labels], member


def table(found: dict[tuple[str, str, str], list[tuple[float, float, float]]]) -> list[str]:
    lines = [
        (
            "| data | model | lockgate | ART black-box | confidence | lockgate's upper end | "
            "lockgate, CPU s | ART, CPU s |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in DATA:
        for model in MODELS:
            runs = {method: np.array(found[name, model, method]) for method in METHODS}
            means = [f"{runs[method][:, 0].mean():.3f}" for method in METHODS]
            low, high = runs["lockgate"][:, 0].min(), runs["lockgate"][:, 0].max()
            means[0] += f" ({low:.2f} to {high:.2f})"
            upper = runs["lockgate"][:, 1].mean()
            cpu = [f"{runs[method][:, 2].mean():.1f}" for method in METHODS[:2]]
            lines.append(f"| {name} | {model} | {' | '.join(means)} | {upper:.3f} | {' | '.join(cpu)} |")
    return lines


def accountants() -> list[str]:
    """Compare the accountant with opacus, where it is installed."""
    try:
        from opacus.accountants import RDPAccountant
    except ImportError:
        return ["opacus is not installed here: its accountant was not compared."]
    worst = 0.0
    for history in ([(1.1, 0.01, 1000)], [(0.7, 0.004, 5000), (1.3, 0.02, 300)], [(0.3, 0.01, 10)]):
        theirs = RDPAccountant()
        theirs.history = history
        ours = spent([Steps(*entry) for entry in history], 1e-5).epsilon
        worst = max(worst, abs(ours - theirs.get_epsilon(delta=1e-5)))
    return [f"Epsilon of three histories beside opacus' RDP accountant: apart by at most {worst:.1e}."]


def page(lines: list[str], seeds: int) -> list[str]:
    return [
        f"`python benchmarks/bench_privacy.py {seeds} --write`: share of the training rows found at 1 %",
        f"false positives, mean of {seeds} seeds (least to most). 800 members and 800 others, breast cancer",
        "284 of each; 12 shadow models, as by default. The attack was tuned on employment 2015, digits,",
        "diabetes and other generated data.",
        "",
        *lines,
    ]


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
