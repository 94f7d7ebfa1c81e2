"""From what a network puts out to probabilities: some end in a softmax and some in plain scores.

Files do not say which. Rows that are nowhere negative and sum to one are probabilities; anything else is
taken as scores and given a softmax (a sigmoid when there is one column for two classes). What it is, the
first rows decide, and it stays so.
"""

from __future__ import annotations

from typing import Any

from lockgate.errors import InputError

_NEARLY = 1e-4


class Outputs:
    """What the columns of a network's output are.

    Args:
        kind: The model, for errors.
        named: How many classes were named; None for none.
    """

    def __init__(self, kind: str, named: int | None) -> None:
        self.kind = kind
        self.named = named
        self.ready: bool | None = None

    def classes(self, raw: Any) -> int:
        """Return how many classes an output tells apart.

        Raises:
            InputError: It is no score for each class.
        """
        columns = raw.shape[1] if raw.ndim == 2 else 0  # noqa: PLR2004 - rows by classes
        if columns == 0 or raw.dtype.kind != "f":
            raise InputError(
                f"the model ({self.kind}) gives answers of the shape {raw.shape}, which are no scores "
                "of classes; export it so that it gives one number for each class"
            )
        if columns == 1 and self.named != 2:  # noqa: PLR2004 - a number for no and yes
            raise InputError(
                f"the model ({self.kind}) gives one number a row, as regressors do; if it is a classifier, "
                "name its two classes in a lockgate.json beside it"
            )
        return max(columns, 2)

    def probabilities(self, raw: Any) -> Any:
        """Return rows by classes."""
        import numpy as np

        self.classes(raw)
        wide = np.asarray(raw, dtype=np.float64)
        if self.ready is None:
            self.ready = self._are_probabilities(wide)
        if wide.shape[1] == 1:
            from scipy.special import expit

            yes = wide if self.ready else expit(wide)
            return np.concatenate([1 - yes, yes], axis=1)
        if self.ready or not np.isfinite(wide).all():  # the latter is refused by whoever asked
            return wide
        from scipy.special import softmax

        return softmax(wide, axis=1)

    def _are_probabilities(self, wide: Any) -> bool:
        if wide.shape[1] == 1:
            return bool((wide >= 0).all() and (wide <= 1).all())
        return bool((wide >= 0).all() and (abs(wide.sum(axis=1) - 1) < _NEARLY).all())
