"""One thing that was seen in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.outcome import Severity


@dataclass(frozen=True)
class Note:
    """One thing that was seen in a notebook.

    Attributes:
        rule: Id of the rule, as listed in the stage.
        severity: How much it weighs before limits of the policy.
        message: One sentence part, without values and without its place.
        fix: What to do.
        cell: Number of the cell, from 1.
        line: Line in the cell's source or output, from 1; 0 when it has none.
        output: Number of the output of the cell that it was seen in, from 1; 0 for its source.
        same: What counts it once: notes of one rule with the same text stand for one thing.
    """

    rule: str
    severity: Severity
    message: str
    fix: str
    cell: int
    line: int = 0
    output: int = 0
    same: str = ""

    @property
    def where(self) -> str:
        """The start of a sentence about it: ``cell 3, output 1, line 2``."""
        place = f"cell {self.cell}"
        if self.output:
            place += f", output {self.output}"
        return place + (f", line {self.line}" if self.line else "")
