"""HopSkipJump (Chen, Jordan and Wainwright 2020, arXiv:1904.02144) on images, by labels alone, of ART."""

from __future__ import annotations

from typing import Any

from lockgate.robustness.attacks.art import attack_class, one_by_one, starts
from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

_FIRST_ESTIMATE = 100  # questions of the first gradient, as the authors have it
_JUMPS = 50
_SHARE = 0.7  # of the questions, where another attack follows


def search(target: Target, rng: Any) -> None:
    """Walk from the nearest image of another class along the border back towards each open row."""
    import numpy as np

    jump = attack_class("HopSkipJump")
    found = starts(target, target.open)
    norm = 2 if target.domain.threat.norm == "l2" else np.inf

    def generate(model: Any, image: Any, row: int) -> None:
        first = int(max(10, min(_FIRST_ESTIMATE, target.left(row) // 10)))
        attack = jump(model, norm=norm, max_iter=_JUMPS, init_eval=first, batch_size=100_000, verbose=False)
        attack.generate(image, x_adv_init=found[row][None].astype(np.float32))

    share = _SHARE if norm == 2 else 1.0  # noqa: PLR2004 - in L2 the boundary attack comes after it
    one_by_one(target, rng, generate, np.array(list(found), dtype=np.int64), within=False, share=share)


ATTACK = Attack(
    "image-hopskipjump",
    search,
    last=True,
    norms=("linf", "l2"),
    kinds=("image",),
    finds="HopSkipJump of the Adversarial Robustness Toolbox, by labels alone",
)
