"""What attacks did to rows, and the accuracy that they left, with its interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lockgate.robustness.interval import interval
from lockgate.robustness.threat import Domain

Stop = Literal["precision", "all rows", "rows", "seconds"]


@dataclass
class Tally:
    """What one attack did.

    Attributes:
        white_box: Whether it reads the model.
        finds: How it searches.
        tried: Rows that it was run on.
        broke: Rows that it broke, which those before it had left.
        queries: Questions that it asked.
        given_up: Whether it found next to nothing on the first rows and was left out later.
        spared: Rows that it was not let at, because another attack had searched them by reading the model.
    """

    white_box: bool
    finds: str
    tried: int = 0
    broke: int = 0
    queries: int = 0
    given_up: bool = False
    spared: int = 0

    @property
    def share(self) -> float:
        """What it broke of the rows that it was run on."""
        return self.broke / self.tried if self.tried else 0.0


@dataclass
class Measured:
    """What the attacks left. Arrays have one entry for each attacked row, in the order of the rows.

    Attributes:
        domain: The threat on this data.
        total: Rows of the data.
        right: Whether the model labels the row right unmoved.
        broken: Whether an attack broke it.
        nearest: Size of the smallest move that breaks it, as far as one was found; else infinite.
        certified: Whether it is proven to hold.
        impossible: Whether the unmoved row is not a possible row by the threat itself.
        queries: Questions to the model.
        by: What broke it, by name.
        points: Where the broken ones broke, in their order.
        origins: The same rows unmoved.
        attacks: What each attack did.
        stopped: Why no more rows were attacked.
        gradients: How often the gradient was asked, in all.
    """

    domain: Domain
    total: int
    right: Any
    broken: Any
    nearest: Any
    certified: Any
    impossible: Any
    queries: Any
    by: Any
    points: Any
    origins: Any
    attacks: dict[str, Tally]
    stopped: Stop
    gradients: int = 0
    spent: int = 0
    looks: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many were attacked."""
        return len(self.right)

    @property
    def held(self) -> int:
        """How many of them stay right."""
        return int((self.right & ~self.broken).sum())

    @property
    def share(self) -> float:
        """The accuracy under attack."""
        return self.held / self.rows

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy under attack of all rows of the data."""
        return interval(self.held, self.rows, self.total)

    @property
    def settled(self) -> bool:
        """Whether it is as precise as was asked."""
        return self.stopped in ("precision", "all rows")
