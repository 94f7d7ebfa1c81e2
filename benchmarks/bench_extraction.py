"""How good copies of models get by number of queries, and whether fingerprints know copies and nobody else.

    python benchmarks/bench_extraction.py [SEEDS] [--first 200] [--only thefts|fingerprints] [--write]

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
    parser.add_argument("--first", type=int, default=200, help="the first seed")
    parser.add_argument("--only", choices=("thefts", "fingerprints"), help="one of the two")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    asked = parser.parse_args()
    parts = (asked.only,) if asked.only else ("thefts", "fingerprints")
    fidelity: dict[tuple[str, str, int], list[float]] = {}
    known: dict[tuple[str, str], list[float]] = {}
    cpu: list[float] = []
    for done, seed in enumerate(range(asked.first, asked.first + asked.seeds), start=1):
        for name in DATA:
            for owner, estimator in OWNERS.items():
                case = Case(name, seed, owner, estimator)
                if "thefts" in parts:
                    thefts(case, fidelity)
                if "fingerprints" in parts:
                    fingerprints(case, known, cpu)
        if asked.write:  # after each seed, so that a run that is stopped has said something
            write(asked.first, done, fidelity, known, cpu)
    print("\n".join([*thefts_table(fidelity), "", *fingerprints_table(known, cpu)]))


def write(first: int, seeds: int, fidelity, known, cpu) -> None:
    command = f"`python benchmarks/bench_extraction.py {seeds} --first {first} --only"
    said = f"--write`: {', '.join(DATA)}, seeds {first} to {first + seeds - 1}, 533 training rows."
    if fidelity:
        more = "Fidelity of the best copy on 266 rows that the thief does not have."
        write_section("Extraction", [f"{command} thefts {said}", more, "", *thefts_table(fidelity)])
    if known:
        more = "A p value at or below .001 calls a model a copy; up to .01 it is a WARN."
        lines = [f"{command} fingerprints {said}", more, "", *fingerprints_table(known, cpu)]
        write_section("Fingerprints", lines)


class Case:
    """A model, and three disjoint parts of rows: its own, the owner's others, and everybody else's."""

    def __init__(self, name, seed, owner, estimator):
        self.name, self.seed, self.owner, self.estimator = name, seed, owner, estimator
        rows, labels = load(name, seed)
        third = len(labels) // 3
        self.parts = [rows.iloc[i * third : (i + 1) * third].reset_index(drop=True) for i in range(3)]
        self.truths = [labels[i * third : (i + 1) * third] for i in range(3)]
        self.model = seeded(estimator, seed).fit(self.parts[0], self.truths[0])
        self.predictor = Predictor(self.model)


def thefts(case, fidelity) -> None:
    rows = case.parts[1]
    half = len(rows) // 2
    with one_thread():
        found = steal(case.predictor, rows.iloc[:half], rows.iloc[half:], OUTPUTS, BUDGETS, seed=case.seed)
    for theft in found:
        fidelity.setdefault((case.owner, theft.output, theft.queries), []).append(theft.fidelity)


def fingerprints(case, known, cpu) -> None:
    predictor, seed, owner = case.predictor, case.seed, case.owner
    rows, others_rows = case.parts[1], case.parts[2]
    with one_thread():
        start = time.process_time()
        others = references(predictor, rows, case.truths[1], None, 12, seed=seed)
        copies = thieves(predictor, rows, 16, seed=seed)
        made = fingerprint.make(predictor, rows, others, copies, 400, seed=seed)
        cpu.append(time.process_time() - start)
        suspects = {
            ("independent", kind): (seeded(e, seed + 50), case.truths[2], others_rows)
            for kind, e in OTHERS.items()
        }
        suspects["copy", "seed"] = (seeded(case.estimator, seed), case.truths[0], case.parts[0])
        asked = between(others_rows, 3000, np.random.default_rng(seed))
        for kind in ("forest", "histogram boosting"):
            suspects["taught", kind] = (seeded(OTHERS[kind], seed + 60), case.model.predict(asked), asked)
        for (group, _), (suspect, taught, inputs) in suspects.items():
            fitted = suspect.fit(inputs, taught)
            agreed = fingerprint.agreement(Predictor(fitted), made)
            known.setdefault((owner, group), []).append(fingerprint.chance(made, agreed))
    said = {group: f"{values[-1]:.1e}" for (of, group), values in known.items() if of == owner}
    print(case.name, seed, owner, said, flush=True)


def seeded(estimator, seed):
    made = clone(estimator)
    return made.set_params(**{key: seed for key in made.get_params() if key.endswith("random_state")})


def thefts_table(fidelity) -> list[str]:
    lines = [f"| model | answers | {' | '.join(f'{n} queries' for n in BUDGETS)} |", "|---|---|---|---|---|"]
    best: dict[tuple[str, str], list[str]] = {}
    strategies = 3
    for (owner, output, _), values in fidelity.items():
        # The values of one data set and seed come strategy by strategy; the best of the three counts.
        runs = np.array(values).reshape(-1, strategies).max(axis=1)
        best.setdefault((owner, output), []).append(f"{runs.mean():.3f}")
    return lines + [
        f"| {owner} | {output} | {' | '.join(means)} |" for (owner, output), means in best.items()
    ]


def fingerprints_table(known, cpu) -> list[str]:
    lines = ["| model | suspect | called a copy | at least WARN | median p |", "|---|---|---|---|---|"]
    for (owner, group), values in known.items():
        p = np.array(values)
        n = len(p)
        called = f"{(p <= 0.001).sum()} of {n} | {(p <= 0.01).sum()} of {n} | {np.median(p):.1e}"
        lines.append(f"| {owner} | {group} | {called} |")
    return [*lines, "", f"CPU seconds to make a fingerprint, mean: {sum(cpu) / max(len(cpu), 1):.1f}."]


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
