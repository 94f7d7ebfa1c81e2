"""Where suspects come from: sources and windows of time that hold more of them than of the other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CERTAIN = 1e-3
"""A place is named when chance puts as many suspects there at most as often, times the places."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Place:
    """A source or window that holds suspects.

    Attributes:
        name: Its name.
        suspects: How many suspects it holds.
        of_suspects: Which share of all suspects that is, 0 to 1.
        of_rows: Share of all rows that it holds, 0 to 1.
        p_value: How often as many of them would lie there by chance, times the number of places.
    """

    name: str
    suspects: int
    of_suspects: float
    of_rows: float
    p_value: float


def places(suspects: NDArray[np.bool_], group: NDArray[np.int64] | None, names: Sequence[str]) -> list[Place]:
    """Name where more suspects come from than chance would put there (hypergeometric tail).

    Args:
        suspects: Shape (rows,).
        group: Number of each row's source or window, -1 for none; shape (rows,). None for no groups.
        names: Name of each group.
    """
    import numpy as np
    from scipy.stats import hypergeom

    count = int(suspects.sum())
    if group is None or not count or len(names) < 2:  # noqa: PLR2004 - one place has all
        return []
    held = np.bincount(group[group >= 0], minlength=len(names))
    bad = np.bincount(group[suspects & (group >= 0)], minlength=len(names))
    p_values = np.minimum(hypergeom.sf(bad - 1, len(group), held, count) * len(names), 1.0)
    order = [int(i) for i in np.lexsort((-bad, p_values)) if p_values[i] <= CERTAIN][:_MOST_NAMED]
    return [
        Place(names[i], int(bad[i]), bad[i] / count, held[i] / len(group), float(p_values[i])) for i in order
    ]
