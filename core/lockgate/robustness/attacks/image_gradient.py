"""FGSM and PGD on images by the model's own gradient, as ART implements them.

Goodfellow et al. 2015 (arXiv:1412.6572): one step of the whole size. Madry et al. 2018 (arXiv:1706.06083):
many smaller ones that together cross the ball more than twice, from the image itself and from random points.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.art import by_gradient
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_STEPS = 20
_CROSSED = 2.5  # the steps together, in sizes of the ball (Madry et al., section 5)
_RESTARTS = 2


def search(target: Target, rng: Any) -> None:
    """One step, then many from the image, then many from random points."""
    import numpy as np

    threat = target.domain.threat
    norm = 2 if threat.norm == "l2" else np.inf
    size = float(threat.size)
    by_gradient(target, rng, "FastGradientMethod", norm=norm, eps=size)
    for restart in range(1 + _RESTARTS):
        by_gradient(
            target,
            rng,
            "ProjectedGradientDescentNumpy",
            norm=norm,
            eps=size,
            eps_step=size * _CROSSED / _STEPS,
            max_iter=_STEPS,
            num_random_init=int(restart > 0),
            verbose=False,
        )


ATTACK = Attack(
    "image-gradient",
    search,
    lambda target: bool(target.predictor.has_gradient) and target.domain.threat.size > 0,
    white_box=True,
    norms=("linf", "l2"),
    kinds=("image",),
    finds="FGSM and PGD of the Adversarial Robustness Toolbox, by the model's gradient",
)
