"""What an attacker can do to one row or image: how far it can be moved, and what must stay true of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Norm = Literal["linf", "l2", "l0"]
Unit = Literal["std", "range", "raw"]
Kind = Literal["table", "image"]


@dataclass(frozen=True)
class Rule:
    """A linear rule about the columns of one row: ``sum(weights[c] * c) <= most``, or ``==``.

    Attributes:
        text: As it was written, for people.
        weights: The factor of each column.
        most: The right side.
        equal: Whether both sides must be equal.
    """

    text: str
    weights: tuple[tuple[str, float], ...]
    most: float
    equal: bool = False


@dataclass(frozen=True)
class Constraints:
    """What must be true of a row for it to be a possible row. What is not given is inferred from the data.

    Attributes:
        move: The only columns that can move; None: every numeric column that varies.
        immutable: Columns that cannot.
        categories: Text or boolean columns that can take another value that the data has.
        category_changes: Most categories and one-hot groups that change in one row, in L-infinity and L2;
            None: one of the `categories`, no one-hot group. In L0 they count among the features.
        steps: Smallest step of a column; 1 for whole numbers. Its values are whole multiples of it.
        ranges: Smallest and largest value of a column.
        only_up: Columns that can only grow.
        only_down: Columns that can only shrink.
        one_hot: Groups of columns of which one is 1 and the others are 0.
        rules: Linear rules between columns.
        infer: Whether whole numbers, seen ranges and one-hot groups are taken from the data where nothing is
            said; what a type says (whole numbers) holds anyhow.
    """

    move: tuple[str, ...] | None = None
    immutable: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    category_changes: int | None = None
    steps: tuple[tuple[str, float], ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    only_up: tuple[str, ...] = ()
    only_down: tuple[str, ...] = ()
    one_hot: tuple[tuple[str, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    infer: bool = True


@dataclass(frozen=True)
class Threat:
    """A threat model.

    Attributes:
        name: Short and unique in a run; it is part of the ids of checks.
        norm: How the size of a move is measured.
        size: Largest size: eps of L-infinity and L2, the number of features (pixels) of L0.
        unit: What 1 means: the standard deviation of a column, its range from smallest to largest value, or
            its own unit. Images have ``raw``: the unit of the model's input.
        reach: L0 only: how far each changed feature can go, in units; None: anywhere in its range.
        kind: What is attacked.
        constraints: Of the rows of a table.
        low: Images: the smallest value of a pixel.
        high: Images: the largest value of a pixel.
    """

    name: str
    norm: Norm = "linf"
    size: float = 0.1
    unit: Unit = "std"
    reach: float | None = None
    kind: Kind = "table"
    constraints: Constraints = field(default_factory=Constraints)
    low: float = 0.0
    high: float = 1.0

    @property
    def says(self) -> str:
        """Name norm and size in words."""
        unit = {"std": "standard deviations", "range": "of the range", "raw": "in its own unit"}[self.unit]
        if self.norm == "l0":
            what = "pixels" if self.kind == "image" else "features"
            far = "" if self.reach is None else f", each by at most {self.reach:g} {unit}"
            return f"at most {self.size:g} {what} changed{far}"
        norm = {"linf": "L-infinity", "l2": "L2"}[self.norm]
        return f"{norm}, eps {self.size:g}" + ("" if self.kind == "image" else f" {unit}")
