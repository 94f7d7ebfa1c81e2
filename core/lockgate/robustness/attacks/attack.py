"""What an attack is; how to add one stands in `lockgate.robustness.attacks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lockgate.robustness.attacks.target import Target
from lockgate.robustness.threat.threat import Kind, Norm


@dataclass(frozen=True)
class Attack:
    """A search for points that change the model's answer.

    Attributes:
        name: In the report, for example ``greedy``.
        search: Asks `Target` about points around `Target.open` rows until it gives up; returns nothing, the
            target keeps what was found. The second argument is a numpy Generator, the only source of chance.
        suits: Whether it works for this model and threat.
        white_box: Whether it reads the model (gradients, trees, weights) rather than its answers.
        last: Whether it is slow, and runs on the first rows only as long as it finds nothing there.
        backup: Whether it is slow too where a white-box attack finds much: then it is treated as ``last``.
        norms: The norms it can search in.
        kinds: What it can attack.
        finds: One sentence for the report: how it searches, and its source.
    """

    name: str
    search: Callable[[Target, Any], None]
    suits: Callable[[Target], bool] = lambda _: True
    white_box: bool = False
    last: bool = False
    backup: bool = False
    norms: tuple[Norm, ...] = ("linf", "l2", "l0")
    kinds: tuple[Kind, ...] = ("table",)
    finds: str = ""

    def fits(self, target: Target) -> bool:
        """Whether to run it against a target."""
        threat = target.domain.threat
        return threat.norm in self.norms and threat.kind in self.kinds and self.suits(target)
