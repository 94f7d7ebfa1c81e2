"""The attacks on a classifier, strongest per second first.

To add one, write a module here with a function that asks about points and an `ATTACK`, and add its name to
`ORDER` below; nothing else knows attacks by name:

    def search(target: Target, rng: Generator) -> None:
        rows = target.open                                   # numbers of the rows that still hold
        moved = target.origins[rows] + rng.normal(size=target.origins[rows].shape)
        target.ask(rows, target.domain.project(moved, target.origins[rows]))

    ATTACK = Attack("noise", search, kinds=("table", "image"), finds="random noise")

The target counts the questions, checks each point against the threat and keeps what broke: a row is broken
when any attack breaks it. Every attack runs on the rows that the ones before it left standing.
"""

from __future__ import annotations

from importlib import import_module

from lockgate.robustness.attacks.attack import Attack
from lockgate.robustness.attacks.target import Target

__all__ = ["ORDER", "Attack", "Target", "attacks_on"]

ORDER: tuple[str, ...] = (
    *("exhaustive", "linear", "trees", "gradient", "greedy", "hopskipjump"),
    *("image_gradient", "image_square", "image_pixels", "image_hopskipjump", "image_boundary"),
)


def attacks_on(target: Target) -> list[Attack]:
    """Return the attacks that suit a model and a threat, in the order to run them."""
    found: list[Attack] = [import_module(f"{__name__}.{name}").ATTACK for name in ORDER]
    return [attack for attack in found if attack.fits(target)]
