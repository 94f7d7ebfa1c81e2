"""Flipped labels and hijacked sources: lockgate beside cleanlab and a kNN vote, in one run.

    python benchmarks/bench_poisoning.py [SEEDS] [--write]

The data come with scikit-learn. Each seed deals the rows of a table to eight sources of unequal size,
then flips labels at random, or those of one source. Each method scores every row (AUROC: how well it
ranks flipped rows above honest ones) and says whether the table is poisoned (alarm). cleanlab and kNN
have no alarm of their own: cleanlab counts as one when it finds an issue at all, kNN when 5 % of the
rows disagree with most of their ten neighbours. ``--write`` puts the table into RESULTS.md.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pyarrow as pa
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from results import write_section
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from lockgate.poisoning import assess

DATA = ("wine", "breast_cancer", "digits", "diabetes")
ATTACKS = ("none", "random 10 %", "random 20 %", "one source, all", "one source, 60 %")
METHODS = ("lockgate", "cleanlab", "kNN")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    lines = table(measured(asked.seeds), asked.seeds)
    print("\n".join(lines))
    if asked.write:
        write_section("Planted labels", page(lines, asked.seeds))


def measured(seeds: int) -> dict[tuple[str, str], list[tuple[float, bool, float]]]:
    """Run every method; return AUROC (NaN if nothing was planted), alarm and CPU seconds of each run."""
    runs: dict[tuple[str, str], list[tuple[float, bool, float]]] = {}
    for name in DATA:
        for seed in range(seeds):
            random = np.random.default_rng([seed, *name.encode()])
            x, y = load(name)
            source = random.choice(
                8, len(y), p=random.permutation([0.28, 0.2, 0.14, 0.1, 0.1, 0.08, 0.06, 0.04])
            )
            for attack in ATTACKS:
                planted = choose(attack, source, random)
                labels = flipped(y, planted, random)
                for method in METHODS:
                    start = time.process_time()
                    scores, alarm = SCORE[method](x, labels, source, seed)
                    seconds = time.process_time() - start
                    auroc = float(roc_auc_score(planted, scores)) if planted.any() else float("nan")
                    runs.setdefault((attack, method), []).append((auroc, alarm, seconds))
    return runs


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x, np.digitize(y, np.quantile(y, [1 / 3, 2 / 3])) if name == "diabetes" else y


def choose(attack: str, source: np.ndarray, random: np.random.Generator) -> np.ndarray:
    if attack == "none":
        return np.zeros(len(source), dtype=bool)
    if attack.startswith("random"):
        return random.random(len(source)) < float(attack.split()[1]) / 100
    share = 1.0 if attack.endswith("all") else 0.6
    sizes = np.bincount(source)
    bad = random.choice(np.flatnonzero(sizes >= 15))
    return (source == bad) & (random.random(len(source)) < share)


def flipped(y: np.ndarray, planted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    classes = int(y.max()) + 1
    return np.where(planted, (y + random.integers(1, classes, len(y))) % classes, y)


def by_lockgate(x: np.ndarray, y: np.ndarray, source: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
    table_ = pa.table({**{f"x{i}": c for i, c in enumerate(x.T)}, "label": y, "source": source})
    found = assess(table_, label="label", source="source", seed=seed)
    return found.scores, found.alarmed


def by_cleanlab(x: np.ndarray, y: np.ndarray, _: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
    forest = RandomForestClassifier(100, random_state=seed)
    p = cross_val_predict(forest, x, y, cv=4, method="predict_proba")
    issues = find_label_issues(y, p, n_jobs=1)
    return 1.0 - get_label_quality_scores(y, p), bool(issues.any())


def by_knn(x: np.ndarray, y: np.ndarray, _: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:  # noqa: ARG001 - one signature for all
    scaled = StandardScaler().fit_transform(x)
    near = NearestNeighbors(n_neighbors=10).fit(scaled).kneighbors(return_distance=False)
    disagree = (y[near] != y[:, None]).mean(axis=1)
    return disagree, bool((disagree > 0.5).mean() >= 0.05)


SCORE = {"lockgate": by_lockgate, "cleanlab": by_cleanlab, "kNN": by_knn}


def table(runs: dict[tuple[str, str], list[tuple[float, bool, float]]], seeds: int) -> list[str]:
    each = len(DATA) * seeds
    lines = [
        "| attack | " + " | ".join([f"{m}: {what}" for what in ("AUROC", "alarms") for m in METHODS]) + " |",
        f"|---|{'---|' * (2 * len(METHODS))}",
    ]
    for attack in ATTACKS:
        means = [float(np.mean([a for a, _, _ in runs[attack, m]])) for m in METHODS]
        counts = [sum(alarm for _, alarm, _ in runs[attack, m]) for m in METHODS]
        cells = ["" if np.isnan(x) else f"{x:.3f}" for x in means] + [f"{c} of {each}" for c in counts]
        lines.append(f"| {attack} | {' | '.join(cells)} |")
    spent = [np.mean([s for a in ATTACKS for _, _, s in runs[a, m]]) for m in METHODS]
    said = ", ".join(f"{m} {s:.1f}" for m, s in zip(METHODS, spent, strict=True))
    return [*lines, "", f"CPU seconds a table, mean: {said}."]


def page(lines: list[str], seeds: int) -> list[str]:
    return [
        f"`python benchmarks/bench_poisoning.py {seeds} --write`: {', '.join(DATA)} of scikit-learn,",
        f"{seeds} seeds, eight sources, no baseline. An alarm on `none` is a false one.",
        "cleanlab and kNN have no alarm of their own; the script says what is counted as one.",
        "",
        *lines,
    ]


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with few rows in a fold
        main()
