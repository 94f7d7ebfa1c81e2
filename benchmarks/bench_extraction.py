"""How good copies of models get by number of queries, and whether fingerprints know copies and nobody else.

    python benchmarks/bench_extraction.py [SEEDS] [--write]

Three disjoint parts of the rows: the owner's training rows, the owner's other rows, and those of everybody
else. ``--write`` puts the tables into RESULTS.md.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
from bench_privacy import load
from results import write_section
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.extraction import fingerprint
from lockgate.extraction.fidelity import steal
from lockgate.extraction.outputs import OUTPUTS
from lockgate.extraction.queries import between
from lockgate.extraction.references import references, thieves
from lockgate.model import Predictor, one_thread

DATA = ("employment 2016", "generated")
OWNERS = {
    "forest": RandomForestClassifier(100),
    "histogram boosting": HistGradientBoostingClassifier(),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
}
OTHERS = {
    "forest": RandomForestClassifier(80),
    "extra trees": ExtraTreesClassifier(60),
    "histogram boosting": HistGradientBoostingClassifier(),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "neural network": make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=150)),
}
BUDGETS = [50, 200, 800]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    asked = parser.parse_args()
    fidelity: dict[tuple[str, str, int], list[float]] = {}
    known: dict[tuple[str, str], list[float]] = {}
    cpu: list[float] = []
    for done, seed in enumerate(range(200, 200 + asked.seeds), start=1):
        for name in DATA:
            for owner, estimator in OWNERS.items():
                one(name, seed, (owner, estimator), fidelity, known, cpu)
        if asked.write:  # after each seed, so that a run that is stopped has said something
            write_section("Extraction and fingerprints", page(done, tables(fidelity, known, cpu)))
    print("\n".join(tables(fidelity, known, cpu)))


def page(seeds: int, lines: list[str]) -> list[str]:
    return [
        f"`python benchmarks/bench_extraction.py {seeds} --write`: {', '.join(DATA)},",
        f"seeds 200 to {199 + seeds}, 533 training rows. Fidelity of the best copy",
        "on 266 rows that the thief does not have.",
        "A p value at or below .001 calls a model a copy; up to .01 it is a WARN.",
        "",
        *lines,
    ]


def one(name, seed, owned, fidelity, known, cpu) -> None:
    owner, estimator = owned
    rows, labels = load(name, seed)
    third = len(labels) // 3
    parts = [rows.iloc[i * third : (i + 1) * third].reset_index(drop=True) for i in range(3)]
    truths = [labels[i * third : (i + 1) * third] for i in range(3)]
    model = seeded(estimator, seed).fit(parts[0], truths[0])
    predictor = Predictor(model)
    with one_thread():
        half = third // 2
        for theft in steal(
            predictor, parts[1].iloc[:half], parts[1].iloc[half:], OUTPUTS, BUDGETS, seed=seed
        ):
            fidelity.setdefault((owner, theft.output, theft.queries), []).append(theft.fidelity)
        start = time.process_time()
        others = references(predictor, parts[1], truths[1], None, 12, seed=seed)
        copies = thieves(predictor, parts[1], 16, seed=seed)
        made = fingerprint.make(predictor, parts[1], others, copies, 400, seed=seed)
        cpu.append(time.process_time() - start)
        suspects = {
            ("independent", kind): (seeded(e, seed + 50), truths[2], parts[2]) for kind, e in OTHERS.items()
        }
        suspects["copy", "seed"] = (seeded(estimator, seed), truths[0], parts[0])
        asked = between(parts[2], 3000, np.random.default_rng(seed))
        for kind in ("forest", "histogram boosting"):
            suspects["taught", kind] = (seeded(OTHERS[kind], seed + 60), model.predict(asked), asked)
        for (group, _), (suspect, taught, inputs) in suspects.items():
            fitted = suspect.fit(inputs, taught)
            agreed = fingerprint.agreement(Predictor(fitted), made)
            known.setdefault((owner, group), []).append(fingerprint.chance(made, agreed))
    print(name, seed, owner, {k: f"{v[-1]:.1e}" for k, v in known.items() if k[0] == owner}, flush=True)


def seeded(estimator, seed):
    made = clone(estimator)
    return made.set_params(**{key: seed for key in made.get_params() if key.endswith("random_state")})


def tables(fidelity, known, cpu) -> list[str]:
    lines = [f"| model | answers | {' | '.join(f'{n} queries' for n in BUDGETS)} |", "|---|---|---|---|---|"]
    best: dict[tuple[str, str], list[str]] = {}
    strategies = 3
    for (owner, output, _), values in fidelity.items():
        # The values of one data set and seed come strategy by strategy; the best of the three counts.
        runs = np.array(values).reshape(-1, strategies).max(axis=1)
        best.setdefault((owner, output), []).append(f"{runs.mean():.3f}")
    lines += [f"| {owner} | {output} | {' | '.join(means)} |" for (owner, output), means in best.items()]
    lines += ["", "| model | suspect | called a copy | at least WARN | median p |", "|---|---|---|---|---|"]
    for (owner, group), values in known.items():
        p = np.array(values)
        n = len(p)
        called = f"{(p <= 0.001).sum()} of {n} | {(p <= 0.01).sum()} of {n} | {np.median(p):.1e}"
        lines.append(f"| {owner} | {group} | {called} |")
    return [*lines, "", f"CPU seconds to make a fingerprint, mean: {np.mean(cpu):.1f}."]


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
