"""The attacks of the Adversarial Robustness Toolbox on one row of a table.

They move in shares of the columns' ranges. Each is credited with every question that it asked: the row
is broken when one of them was a possible row within reach with another label, whatever the attack returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from attack.box import Asked, Box
from lockgate.seeds import global_seed

NAMES = ("HopSkipJump", "Boundary", "ZOO", "Square")  # the last on images only


def search(name: str, asked: Asked, box: Box, label: int, classes: int, starts: np.ndarray, rng: Any) -> None:
    """Run one of them.

    Args:
        name: One of `NAMES`, or ``PGD`` and ``FGSM``, which need `Gradient`.
        asked: The model, counting.
        box: The reach.
        label: The place of the right label.
        classes: How many there are.
        starts: Rows of other labels, to start from at the other side.
        rng: Of the seed of numpy's own generator, which the toolbox draws from.
    """
    from art.attacks import evasion
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    low, high = box.low / box.unit, box.high / box.unit
    side = int(len(box.unit) ** 0.5)
    shape = (1, side, side) if name == "Square" else (len(box.unit),)
    model = BlackBoxClassifierNeuralNetwork(
        lambda z: asked(np.asarray(z, dtype=np.float64).reshape(-1, len(box.unit)) * box.unit),
        shape,
        classes,
        clip_values=(low.min(), high.max()),
    )
    row = (asked.origin / box.unit)[None].astype(np.float32)
    truth = np.eye(classes)[[label]]
    start = (starts[rng.integers(len(starts))] / box.unit)[None].astype(np.float32)
    with global_seed(int(rng.integers(2**32))):
        if name == "HopSkipJump":
            attack = evasion.HopSkipJump(
                model, norm=np.inf, max_iter=50, max_eval=200, init_eval=20, verbose=False
            )
            attack.generate(row, y=truth, x_adv_init=start)
        elif name == "Boundary":
            attack = evasion.BoundaryAttack(model, targeted=False, max_iter=200, verbose=False)
            attack.generate(row, y=truth, x_adv_init=start)
        elif name == "Square":
            attack = evasion.SquareAttack(
                model, norm=np.inf, eps=box.eps * 0.999, max_iter=500, nb_restarts=1, verbose=False
            )
            attack.generate(row.reshape(1, *shape), y=truth)
        elif name == "ZOO":
            attack = evasion.ZooAttack(
                model, max_iter=100, use_resize=False, use_importance=False, nb_parallel=len(box.unit),
                learning_rate=0.05, variable_h=box.eps, initial_const=1.0, verbose=False,
            )  # fmt: skip
            attack.generate(row, y=truth)


def by_gradient(name: str, box: Box, rows: np.ndarray, labels: np.ndarray, model: Any) -> np.ndarray:
    """Return rows moved by FGSM or PGD of a linear model or a network, in their own unit.

    Args:
        name: ``FGSM`` or ``PGD``.
        box: The reach.
        rows: Rows of the data.
        labels: Places of their labels.
        model: A scikit-learn LogisticRegression of rows in shares of the ranges, or a torch module of images.
    """
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier, SklearnClassifier

    shape: tuple[int, ...] = (len(box.unit),)
    if hasattr(model, "parameters"):
        import torch

        side = int(len(box.unit) ** 0.5)
        shape = (1, side, side)
        known = PyTorchClassifier(
            model, torch.nn.CrossEntropyLoss(), shape, 10, clip_values=(0.0, 1.0), device_type="cpu"
        )
    else:
        known = SklearnClassifier(model)
    truth = np.eye(known.nb_classes)[labels]
    made: Callable[..., Any] = (
        evasion.FastGradientMethod if name == "FGSM" else evasion.ProjectedGradientDescentNumpy
    )
    options: dict[str, Any] = {} if name == "FGSM" else {"max_iter": 40, "verbose": False}
    attack = made(known, norm=np.inf, eps=box.eps, eps_step=box.eps / 8 if options else box.eps, **options)
    moved = attack.generate((rows / box.unit).astype(np.float32).reshape(-1, *shape), y=truth)
    return moved.reshape(len(rows), -1).astype(np.float64) * box.unit
