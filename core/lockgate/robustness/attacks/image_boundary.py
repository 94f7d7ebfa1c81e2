"""Boundary Attack (Brendel, Rauber and Bethge 2018, arXiv:1712.04248) on images, by labels alone, of ART."""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.art import attack_class, one_by_one, starts
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_STEPS = 200


def search(target: Target, rng: Any) -> None:
    """Walk along the border between labels by chance, ever nearer to each open row."""
    import numpy as np

    boundary = attack_class("BoundaryAttack")
    found = starts(target, target.open)

    def generate(model: Any, image: Any, row: int) -> None:
        attack = boundary(model, targeted=False, max_iter=_STEPS, min_epsilon=1e-4, verbose=False)
        attack.generate(image, y=np.array([[1.0, 0.0]]), x_adv_init=found[row][None].astype(np.float32))

    one_by_one(target, rng, generate, np.array(list(found), dtype=np.int64), within=False)


ATTACK = Attack(
    "image-boundary",
    search,
    last=True,
    norms=("l2",),
    kinds=("image",),
    finds="Boundary Attack of the Adversarial Robustness Toolbox, by labels alone",
)
