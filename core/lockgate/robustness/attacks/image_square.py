"""Square Attack (Andriushchenko et al. 2020, arXiv:1912.00049) on images, by scores, as ART implements it.

Squares of an image are set to the edge of the box, kept when the margin shrinks, and made smaller with time.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.art import attack_class, one_by_one
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_MOST_STEPS = 300
_FIRST = 0.8  # share of the pixels in the first square, of the paper
_SMALLEST = 3  # pixels a side: in fewer, ART finds no place for a square


def search(target: Target, rng: Any) -> None:
    """Attack every open row."""
    import numpy as np

    height, width = target.origins.shape[2:]
    square = attack_class("SquareAttack")
    # ART's first square must be smaller than either side of the image.
    first = min(_FIRST, (min(height, width) - 1) ** 2 / (height * width))

    def generate(model: Any, image: Any, row: int) -> None:
        steps = int(min(_MOST_STEPS, target.left(row)))
        attack = square(
            model,
            norm=np.inf,
            max_iter=max(steps, 1),
            eps=float(target.domain.threat.size),
            p_init=first,
            verbose=False,
        )
        attack.generate(image, y=np.array([[1.0, 0.0]]))

    one_by_one(target, rng, generate, target.open, within=True)


ATTACK = Attack(
    "image-square",
    search,
    lambda target: target.gives_scores and min(target.origins.shape[2:]) >= _SMALLEST,
    backup=True,
    norms=("linf",),
    kinds=("image",),
    finds="Square Attack of the Adversarial Robustness Toolbox, by scores",
)
