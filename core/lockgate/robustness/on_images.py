"""What `test-robustness` does with images: read, attack and corrupt them, and judge what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.outcome import Outcome
from lockgate.robustness.gallery import show_closest
from lockgate.robustness.images import Images
from lockgate.robustness.judge import judge_clean
from lockgate.robustness.measure import Budget
from lockgate.robustness.stress import judge_stress, judge_subgroups, raised, stress_images, subgroups
from lockgate.robustness.threat import Threat
from lockgate.robustness.threat.builtin import BUILT_IN
from lockgate.robustness.threat.chosen import chosen
from lockgate.robustness.under_attack import under_attack


def image_threats(named: Sequence[str], file: Path | None, images: Images, *, eps: float) -> list[Threat]:
    """Return the threats to attack images under.

    Args:
        named: Names of built-in threats, or paths of YAML files.
        file: One more file, or None.
        images: Their range is that of built-in threats.
        eps: Size of built-in threats of L-infinity and L2, as a share of the range from black to white; of
            those that end in ``-raw`` in the unit of the pixels. That of L0 stands in its name.

    Raises:
        InputError: A name or a file cannot be used, or the images have pixels outside of a threat's range.
    """
    span = images.high - images.low
    found = []
    for threat in chosen(
        [name for name in named if name not in BUILT_IN], file, kind="image", eps=eps, columns=None
    ):
        if images.pixels.min() < threat.low or images.pixels.max() > threat.high:
            raise InputError(
                f"threat {threat.name!r} is of pixels from {threat.low:g} to {threat.high:g}, and the images "
                f"have others, {images.says}; correct its key pixels"
            )
        found.append(threat)
    built_in = [BUILT_IN[name] for name in dict.fromkeys(named) if name in BUILT_IN]
    sized = [
        replace(
            threat,
            kind="image",
            unit="raw",
            size=threat.size if threat.norm == "l0" else eps if threat.unit == "raw" else eps * span,
            low=images.low,
            high=images.high,
        )
        for threat in built_in
    ]
    return [*sized, *found]


@dataclass(frozen=True)
class Limits:
    """What passes; see the parameters of `test-robustness`."""

    accuracy_under_attack: float
    accuracy_drop: float
    crashes: int
    subgroup_gap: float


def on_images(
    outcome: Outcome,
    predictor: Predictor,
    images: Images,
    threats: Sequence[Threat],
    limits: Limits,
    *,
    budget: Budget,
    corrupted: int,
    show_values: bool,
    alone: bool,
    adversarial: Path | None,
    seed: int,
) -> None:
    """Attack images under each threat, corrupt some of them, look for groups that are read worse, and judge.

    Args:
        outcome: Where to record it.
        predictor: The model, asked for such images.
        images: All images; they are attacked in random order.
        threats: At least one.
        limits: What passes.
        budget: For each threat.
        corrupted: Most images to corrupt.
        show_values: Whether the report may show images of the data, and values that group them.
        alone: Whether the check's name is that of the only threat, without its name.
        adversarial: Where the numbers of the images that broke go, as Parquet; None: nowhere.
        seed: Of every random choice.
    """
    import numpy as np

    drawn = images.take(np.random.default_rng(seed).permutation(len(images)))
    some = drawn.take(np.arange(min(corrupted, len(drawn))))
    right = predictor.predict(some.pixels) == some.labels
    clean = judge_clean(outcome, right, some.labels)
    trouble = under_attack(
        outcome,
        predictor,
        drawn.pixels,
        drawn.places,
        drawn.numbers.tolist(),
        threats,
        least=limits.accuracy_under_attack,
        budget=budget,
        seed=seed,
        alone=alone,
        adversarial=adversarial,
        shown=lambda found: show_closest(outcome, predictor, drawn, found, show_values=show_values),
    )
    stressed = stress_images(predictor, some, seed=seed)
    if trouble is not None:
        stressed.append(raised("small-moves", "moves within a threat", some.pixels[0].size, trouble))
    judge_stress(outcome, stressed, clean, limits.accuracy_drop, limits.crashes)
    judge_subgroups(outcome, subgroups(_groups(some), right), limits.subgroup_gap, show_values=show_values)


def _groups(images: Images) -> Any:
    """Return what groups images: the right label, brightness, contrast, and what the file says besides."""
    import numpy as np

    frame = images.beside.copy()
    frame["label (right)"] = [str(label) for label in images.labels]
    frame["brightness (mean pixel)"] = np.round(images.pixels.mean(axis=(1, 2, 3)), 9)
    frame["contrast (deviation of pixels)"] = np.round(images.pixels.std(axis=(1, 2, 3)), 9)
    return frame
