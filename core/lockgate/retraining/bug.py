"""A defect of a batch, as `lockgate.retraining.bugs` finds it."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_ROWS = 40
"""In tables with fewer rows nothing is named."""


@dataclass(frozen=True)
class Bug:
    """A defect of one or two columns.

    Attributes:
        kind: ``unit``, ``sign``, ``shift``, ``missing``, ``default``, ``constant``, ``swapped``,
            ``renamed``, ``spelling``, ``codes``, ``stuck`` or ``detached``.
        columns: Names of the columns.
        said: What happened to them, the end of a sentence that begins with their names.
        doubt: How a drift could look like it too: not at all (0), not quite (1), or well (2).
    """

    kind: str
    columns: tuple[str, ...]
    said: str
    doubt: int = 0
