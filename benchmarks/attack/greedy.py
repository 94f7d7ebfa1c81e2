"""The yardstick: a short greedy search, one column at a time, by the probability of the right label."""

from __future__ import annotations

import numpy as np

from attack.box import Asked, Box


def search(asked: Asked, box: Box, label: int, rng: np.random.Generator) -> None:
    """Try both ends of each column in random order, and keep what makes the right label less probable.

    Args:
        asked: The model, counting.
        box: The reach.
        label: The place of the right label.
        rng: Of the order.
    """
    at = asked.origin.copy()
    best = asked(at[None])[0, label]
    while True:
        before = best
        for column in rng.permutation(len(at)):
            for side in (-1.0, 1.0):
                moved = at.copy()
                moved[column] = asked.origin[column] + side * box.eps * box.unit[column]
                moved = box.reach(moved, asked.origin)
                if (moved == at).all():
                    continue
                said = asked(moved[None])[0, label]
                if said < best:
                    best, at = said, moved
        if best >= before:
            return
