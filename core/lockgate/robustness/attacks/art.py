"""What the attacks of the Adversarial Robustness Toolbox (ART) share: how they see a target, and one seed.

ART is given a model of two classes, the right label and any other, whose scores are the target's margin. So
every question that it asks is counted, kept within the budget, and judged by the target.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from lockgate.errors import MissingExtraError
from lockgate.robustness.attacks.target import Target
from lockgate.robustness.lockstep import Ask, together
from lockgate.seeds import global_seed

_TOGETHER = 200  # images attacked at once: bounds memory and threads


def attack_class(name: str) -> Any:
    """Return an evasion attack of ART by its name.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that need torch
            from art.attacks import evasion
    except ModuleNotFoundError as error:
        raise MissingExtraError("robustness", error.name or "adversarial-robustness-toolbox") from None
    return getattr(evasion, name)


def two_classes(
    target: Target, margins: Callable[[Any], Any], gradient: Callable[[Any], Any] | None = None
) -> Any:
    """Return an estimator of ART: column 0 is the right label, column 1 any other.

    Args:
        target: Whose images it is for.
        margins: From images to `Target.ask`'s margins.
        gradient: From images to the gradient of the loss; None for attacks that only ask.
    """
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from art.estimators.classification.blackbox import BlackBoxClassifierNeuralNetwork
        from art.estimators.estimator import LossGradientsMixin

    class Estimator(LossGradientsMixin, BlackBoxClassifierNeuralNetwork):  # type: ignore[misc]
        def predict(self, x: Any, batch_size: int = 128, **_: Any) -> Any:  # noqa: ARG002 - ART's signature
            found = margins(np.asarray(x, dtype=np.float64))
            return np.stack([(1 + found) / 2, (1 - found) / 2], axis=1)

        def loss_gradient(self, x: Any, y: Any, **_: Any) -> Any:  # noqa: ARG002 - ART's signature
            assert gradient is not None  # noqa: S101 - only white-box attacks call it
            return gradient(np.asarray(x, dtype=np.float64)).astype(np.float32)

    threat: Any = target.domain.threat
    return Estimator(
        margins,
        input_shape=target.origins.shape[1:],
        nb_classes=2,
        channels_first=True,
        clip_values=(threat.low, threat.high),
    )


def by_gradient(target: Target, rng: Any, name: str, **settings: Any) -> None:
    """Run a white-box attack on all open rows at once, and ask about what it made."""
    import numpy as np

    rows = target.open
    if not len(rows):
        return
    origins = target.origins[rows]

    def margins(images: Any) -> Any:
        return np.nan_to_num(target.ask(rows, target.domain.project(images, origins)), nan=1.0)

    model = two_classes(target, margins, lambda images: target.gradient(rows, images))
    attack = attack_class(name)(model, batch_size=len(rows), **settings)
    with global_seed(int(rng.integers(2**32))):
        made = attack.generate(origins.astype(np.float32), y=np.tile([1.0, 0.0], (len(rows), 1)))
    margins(np.asarray(made, dtype=np.float64))


def one_by_one(
    target: Target,
    rng: Any,
    generate: Callable[[Any, Any, int], None],
    rows: Any,
    *,
    within: bool,
    share: float = 1.0,
) -> None:
    """Run a black-box attack on each row in lockstep, so that one call to the model answers all.

    Args:
        target: What to attack.
        rng: Gives the seed of numpy's global generator, from which ART draws.
        generate: Runs the attack: an estimator of ART, an image of shape 1 x channels x height x width, and
            the number of its row.
        rows: The rows.
        within: Whether each question is put into the threat first; else only into what can exist.
        share: How much of the questions that are left it may ask; the rest is for the attacks after it.
    """
    import numpy as np

    domain: Any = target.domain

    def search(row: int) -> Callable[[Ask], None]:
        origin = target.origins[row][None]

        def run(ask: Ask) -> None:
            known: dict[bytes, float] = {}

            def margins(images: Any) -> Any:
                """Ask only what was not asked before: ART asks most things several times."""
                points = domain.project(images, origin) if within else domain.possible(images)
                keys = [point.tobytes() for point in points]
                fresh = {key: at for at, key in enumerate(keys) if key not in known}
                if fresh:
                    known.update(zip(fresh, ask(points[list(fresh.values())]).tolist(), strict=True))
                return np.array([known[key] for key in keys])

            generate(two_classes(target, margins), origin.astype(np.float32), row)

        return run

    for first in range(0, len(rows), _TOGETHER):
        some = [int(row) for row in rows[first : first + _TOGETHER]]
        with global_seed(int(rng.integers(2**32))):
            together([search(row) for row in some], _round(target, some, share))


def _round(target: Target, rows: list[int], share: float) -> Callable[[dict[int, Any]], dict[int, Any]]:
    """Return the function that answers a round of questions; a search whose row is broken ends."""
    import numpy as np

    spared = (target.left(np.array(rows)) * (1 - share)).astype(np.int64)

    def answer(questions: dict[int, Any]) -> dict[int, Any]:
        asked = {n: q for n, q in questions.items() if len(q) <= target.left(rows[n]) - spared[n]}
        target.spent[[rows[n] for n in questions if n not in asked]] = True
        if not asked:
            return {}
        at = np.concatenate([np.full(len(q), rows[n]) for n, q in asked.items()])
        margins = target.ask(at, np.concatenate(list(asked.values())))
        parts = np.split(margins, np.cumsum([len(q) for q in asked.values()])[:-1])
        return {n: part for n, part in zip(asked, parts, strict=True) if not target.broken[rows[n]]}

    return answer


def starts(target: Target, rows: Any) -> dict[int, Any]:
    """Return for each row the nearest image of another class that changes its label: where to walk from.

    It is cut to single precision and asked about, as ART will see it: from one that does not change the label
    it would draw another, from a generator that nobody can seed.
    """
    import numpy as np

    domain: Any = target.domain
    images = domain.possible(target.origins.astype(np.float32).astype(np.float64))
    found: dict[int, Any] = {}
    asked, near = [], []
    for row in rows:
        others = np.flatnonzero(target.right & (target.truth != target.truth[row]))
        if len(others):
            far = domain.distance(images[others], np.broadcast_to(target.origins[row], images[others].shape))
            asked.append(int(row))
            near.append(images[others[far.argmin()]])
    if asked:
        margins = target.ask(np.array(asked), np.stack(near))
        found = {row: image for row, image, m in zip(asked, near, margins, strict=True) if m < 0}
    return {row: image for row, image in found.items() if not target.broken[row]}
