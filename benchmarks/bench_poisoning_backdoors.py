"""Backdoors in tables that work, and hijacked sources: are they found, and is the right source named?

    python benchmarks/bench_poisoning_backdoors.py [--data wine,iris,made_2,employment_2016]
                                                   [--seeds 2] [--first 1010] [--write]

Attacks and data stand in `benchmarks/poison`. A quarter of the rows is held out clean; a forest learns from
the poisoned others. A backdoor works when the trigger, set into held-out rows of other classes, moves
`WORKS` of them to its label; of the others it is not asked whether they are found.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).with_name("poison")))

from attacks import ATTACKS, Planted
from data import REPORTED_ON, TUNED_ON, Data, load
from results import write_section
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import OrdinalEncoder

from lockgate.poisoning import Assessment, assess

WORKS = 0.6
BACKDOORS = ("rare value", "rare joint")
SHARES = (0.01, 0.03, 0.05, 0.1, 0.2)
HIJACKED = (0.03, 0.05, 0.1)
OF_TRIGGERS = ("trigger", "clean-label-trigger")


def success(held: Data, made: Planted, seed: int) -> float:
    """Return which share of held-out rows of other classes the trigger moves to its label."""
    assert made.trigger is not None
    victims = made.trigger(held.take(np.flatnonzero(held.y != made.target)))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = [k for k, c in held.columns.items() if c.dtype.kind != "f"]

    def numbers(data: Data, *, fit: bool = False) -> np.ndarray:
        plain = [data.columns[k] for k in data.numeric]
        if texts:
            columns = np.column_stack([data.columns[k] for k in texts])
            plain += list((encoder.fit_transform(columns) if fit else encoder.transform(columns)).T)
        return np.column_stack(plain)

    forest = RandomForestClassifier(100, random_state=seed).fit(numbers(made.data, fit=True), made.data.y)
    return float((forest.predict(numbers(victims)) == made.target).mean()) if victims.rows else 0.0


def judged(made: Planted, seed: int) -> Assessment:
    return assess(made.data.table(), label="label", source="source", seed=seed)


def alarmed(found: Assessment, detectors: tuple[str, ...]) -> bool:
    return any(alarm.alarmed and alarm.detector in detectors for alarm in found.alarms)


def named(found: Assessment) -> set[str]:
    """Return the sources that an alarm of sources names."""
    return {
        name
        for alarm in found.alarms
        if alarm.alarmed and alarm.detector == "source-labels" and alarm.source
        for name in alarm.source.split(", ")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=",".join(n for n in REPORTED_ON if n != "mnist"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=1_010)
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = ["| backdoors | share | work | alarm | alarm of a trigger |", "|---|---|---|---|---|"]
    for attack in BACKDOORS:
        for share in SHARES:
            runs = []
            for name, seed in drawn(asked.data, asked.first, asked.seeds):
                held, rest = load(name, seed).apart(0.25, seed)
                made = ATTACKS[attack](rest, share, np.random.default_rng([seed, 6]))
                if success(held, made, seed) < WORKS:
                    continue
                found = judged(made, seed)
                runs.append((found.alarmed, alarmed(found, OF_TRIGGERS)))
                print(attack, share, name, seed, *runs[-1], file=sys.stderr, flush=True)
            of = f"of {len(runs)}"
            any_, trigger = (sum(column) for column in zip(*runs, strict=True)) if runs else (0, 0)
            lines.append(f"| {attack} | {share:.0%} | {len(runs)} | {any_} {of} | {trigger} {of} |")
    lines += ["", "| hijacked source, share | named | others named | alarms |", "|---|---|---|---|"]
    for share in HIJACKED:
        seen = []
        for name, seed in drawn(asked.data, asked.first, asked.seeds):
            made = ATTACKS["hijacked source"](load(name, seed), share, np.random.default_rng([seed, 6]))
            found = judged(made, seed)
            guilty = {str(s) for s in made.source}
            seen.append((bool(named(found) & guilty), bool(named(found) - guilty), found.alarmed))
            print("hijacked", share, name, seed, *seen[-1], file=sys.stderr, flush=True)
        right, wrong, alarms = (sum(column) for column in zip(*seen, strict=True))
        lines.append(f"| {share:.0%} | {right} of {len(seen)} | {wrong} | {alarms} |")
    print("\n".join(lines))
    if asked.write:
        write_section(
            "Planted data, backdoors and sources", page(lines, asked.data, asked.seeds, asked.first)
        )


def drawn(data: str, first: int, seeds: int) -> list[tuple[str, int]]:
    return [(name, first + i) for name in data.split(",") for i in range(seeds)]


def page(lines: list[str], data: str, seeds: int, first: int) -> list[str]:
    return [
        f"`python benchmarks/bench_poisoning_backdoors.py --data {data} --seeds {seeds}",
        f"--first {first} --write`:",
        f"eight sources, no baseline, thresholds tuned on {', '.join(TUNED_ON)} and generated tables.",
        f"A backdoor works when its trigger moves {WORKS:.0%} of held-out rows of other classes to its",
        "label; those that do not work are not counted.",
        "",
        *lines,
    ]


if __name__ == "__main__":
    main()
