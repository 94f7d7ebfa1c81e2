"""What a model of any format can do, in the words that `lockgate.model.predictor` uses.

An adapter is given rows that were already looked at (columns in the model's order, or an array of the right
shape) and answers for all of them. It neither counts nor judges its answers: `Predictor` does.
"""

from __future__ import annotations

import abc
from typing import Any, Literal

from lockgate.errors import InputError


class Adapter(abc.ABC):
    """A model behind one face.

    Attributes:
        kind: Name of the model's class or format, for people.
        features: The columns that it reads, in its order; None when it knows none by name.
        shape: Shape of one row, such as ``(30,)`` or ``(3, 32, 32)``; None where it does not say, as a whole
            or in one place.
        reads: ``frame`` for a pandas DataFrame, ``numbers`` for a numpy array.
        precision: Of the numbers, ``float32`` or ``float64``.
        gives_probabilities: Whether it has probabilities beside labels.
        has_gradient: Whether `gradient` works.
        estimator: The scikit-learn estimator that it is; None for other formats.
    """

    kind: str = "model"
    features: tuple[str, ...] | None = None
    shape: tuple[int | None, ...] | None = None
    reads: Literal["frame", "numbers"] = "numbers"
    precision: str = "float32"
    gives_probabilities: bool = True
    has_gradient: bool = False
    estimator: Any = None

    @property
    def weights(self) -> Any:
        """Classes by the shape of a row, for a linear model: the largest weighted sum (and constant) wins.

        None for a model that is not known to be linear.
        """
        return None

    @property
    @abc.abstractmethod
    def classes(self) -> tuple[Any, ...]:
        """The labels that it can give, as plain Python values, in its order.

        Raises:
            InputError: It is no classifier.
        """

    @abc.abstractmethod
    def probabilities(self, rows: Any) -> Any:
        """Return rows by classes."""

    def labels(self, rows: Any) -> Any:
        """Return one label a row: by default the first of the most probable classes."""
        import numpy as np

        return as_array(self.classes)[np.asarray(self.probabilities(rows)).argmax(axis=1)]

    def gradient(self, rows: Any, target: Any) -> Any:  # noqa: ARG002 - for those that have one
        """Return the gradient of the cross-entropy of each row by its cells.

        Args:
            rows: As of `reads`.
            target: For each row the place of its label in `classes`.
        """
        raise InputError(
            f"the model ({self.kind}) has no gradient that is known here; attack it by its answers"
        )


class NamedAdapter(Adapter):
    """An adapter whose file numbers its classes, and may be told their names."""

    def __init__(self, names: tuple[Any, ...] | None) -> None:
        self._names = names
        self._count: int | None = None

    @property
    def classes(self) -> tuple[Any, ...]:
        """See `Adapter`."""
        if self._count is None:
            raise InputError(
                f"the model ({self.kind}) is not a classifier that says its classes; give one that does, "
                "or name them as `classes` in a lockgate.json beside it"
            )
        return self._names if self._names is not None else tuple(range(self._count))

    def found(self, count: int) -> None:
        """Take how many classes the file has.

        Raises:
            InputError: They are fewer than two, or as many as were not named.
        """
        if count < 2:  # noqa: PLR2004 - a class and another
            raise InputError(f"the model ({self.kind}) has {count} class; give a classifier of two or more")
        if self._names is not None and len(self._names) != count:
            raise InputError(
                f"the model ({self.kind}) has {count} classes and {len(self._names)} are named; "
                "name each once"
            )
        self._count = count


def as_array(classes: tuple[Any, ...]) -> Any:
    """Return labels as an array that compares and indexes as they do."""
    import numpy as np

    kinds = {type(value) for value in classes}
    return np.array(classes, dtype=None if len(kinds) == 1 else object)
