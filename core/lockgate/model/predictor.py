"""One way to ask any loaded model: rows in, labels or probabilities out.

    predictor = load(Path("model.onnx"))
    predictor.predict(table)          # a pyarrow Table, a pandas DataFrame or a numpy array
    predictor.predict_proba(images)   # n x channels x height x width
    predictor.queries                 # rows that were asked so far

What a model answers is looked at before anyone works with it: one finite answer a row, of the classes that
the model says it has.
"""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from lockgate.errors import InputError, LockgateError
from lockgate.model.adapter import Adapter
from lockgate.model.numeric import numbers

_BATCH = 65_536  # rows given to the model at once, which bounds memory
_CELLS = 1 << 25  # the same in numbers, for images
_NEARLY_ONE = 1e-3  # sums of single-precision probabilities are off by less


class Predictor:
    """A fitted model that labels the rows of a table, or images.

    Args:
        model: The adapter of a loaded model, or a fitted scikit-learn estimator. Its ``n_jobs`` settings are
            set to 1, so that sums over its parts are made in one order and labels do not depend on the
            machine.

    Attributes:
        queries: How many rows the model was asked for so far, gradients among them.
    """

    def __init__(self, model: Any) -> None:
        if not isinstance(model, Adapter):
            from lockgate.model.formats.sklearn import SklearnAdapter

            model = SklearnAdapter(model)
        self.model: Adapter = model
        self.queries = 0

    @property
    def estimator(self) -> Any:
        """The scikit-learn estimator; None for a model of another format."""
        return self.model.estimator

    @property
    def weights(self) -> Any:
        """The weights of a linear model, classes by the shape of a row; None for any other."""
        return self.model.weights

    @property
    def kind(self) -> str:
        """The name of the model's class or format; of a pipeline, that of its last step."""
        return self.model.kind

    @property
    def features(self) -> tuple[str, ...] | None:
        """The columns that the model reads, in its order; None when it was fitted without names."""
        return self.model.features

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """The shape of one row, such as ``(30,)`` or ``(3, 32, 32)``; None when the model does not say."""
        return self.model.shape

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels that the model can give, as plain Python values, in its order.

        Raises:
            InputError: The model is not a classifier, or was not fitted.
        """
        return self.model.classes

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict_proba` works."""
        return self.model.gives_probabilities

    @property
    def has_gradient(self) -> bool:
        """Whether `gradient` works."""
        return self.model.has_gradient

    def frame(self, table: Any) -> Any:
        """Return the model's columns of a table, in its order, as a pandas DataFrame.

        Raises:
            InputError: A column that the model reads is missing, or there more than once.
        """
        names = given = [str(n) for n in getattr(table, "column_names", getattr(table, "columns", ()))]
        wanted = self.features
        if wanted is not None:
            absent = [name for name in wanted if name not in names]
            if absent:
                more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""  # noqa: PLR2004 - fits a line
                raise InputError(
                    f"the model reads columns that the data does not have: {', '.join(absent[:5])}{more}; "
                    "give the data that it was trained on"
                )
            names = list(wanted)
        counts = Counter(given)
        twice = next((name for name in names if counts[name] > 1), None)
        if twice is not None:
            raise InputError(
                f"the data has more than one column named {twice!r}; give each column a name of its own"
            )
        needed = self.shape[0] if self.shape is not None and len(self.shape) == 1 else None
        if needed is not None and len(names) != needed:
            raise InputError(
                f"the model reads {needed} columns and the data has {len(names)}; "
                "give the columns that it was trained on"
            )
        if hasattr(table, "to_pandas"):
            return table.select(names).to_pandas()
        return table[names]

    def predict(self, table: Any) -> Any:
        """Label every row.

        Args:
            table: A pyarrow Table or pandas DataFrame with the model's columns; others are ignored
                when the model knows its columns by name. Or a numpy array, n x columns or
                n x channels x height x width.

        Returns:
            A numpy array with one label a row.

        Raises:
            InputError: The model cannot read the rows, or answers what no classifier can.
        """
        return self._asked(table, self.model.labels, self._checked_labels)

    def predict_proba(self, table: Any) -> Any:
        """Return the probability of every class for every row: rows by classes, in the order of `classes`.

        Raises:
            InputError: The model gives no probabilities, cannot read the rows, or answers what no classifier
                can.
        """
        if not self.gives_probabilities:
            raise InputError(f"the model ({self.kind}) gives no probabilities; give one that does")
        return self._asked(table, self.model.probabilities, self._checked_probabilities)

    def gradient(self, rows: Any, target: Any) -> Any:
        """Return how the cross-entropy of every row's label changes with each of its cells.

        Args:
            rows: As in `predict`; all columns numeric.
            target: The label of each row.

        Returns:
            A numpy array of the shape of the rows, columns in the order of `features`.

        Raises:
            InputError: The model has no gradient, see `has_gradient`; or as in `predict`.
        """
        import numpy as np

        if not self.has_gradient:
            self.model.gradient(rows, target)  # which says so
        at = {label: i for i, label in enumerate(self.classes)}
        wanted = np.asarray(target).tolist()
        if any(label not in at for label in wanted):
            raise InputError(f"a target is none of the classes of the model ({self.kind}); give its own")
        places = np.array([at[label] for label in wanted], dtype=np.int64)
        start = 0

        def ask(given: Any) -> Any:
            nonlocal start
            start, begun = start + len(given), start
            return self.model.gradient(given, places[begun:start])

        return self._asked(rows, ask, self._checked_gradient)

    # --- Rows in ------------------------------------------------------------------------------------

    def _asked(self, table: Any, ask: Callable[[Any], Any], check: Callable[[Any, Any], Any]) -> Any:
        import numpy as np

        rows = self._array(table) if isinstance(table, np.ndarray) else self.frame(table)
        each = max(1, min(_BATCH, _CELLS // max(1, int(np.prod(rows.shape[1:])))))
        parts = []
        for start in range(0, max(len(rows), 1), each):
            given = self._given(
                rows.iloc[start : start + each] if hasattr(rows, "iloc") else rows[start : start + each]
            )
            self.queries += len(given)
            try:
                with warnings.catch_warnings():
                    # Unknown categories and the like: said once a batch, and counted by whoever asks.
                    warnings.simplefilter("ignore", UserWarning)
                    said = ask(given)
            except LockgateError:
                raise
            except Exception as error:  # a model raises what it likes on rows it cannot read
                # Not the model's own words: they quote values of the data.
                raise InputError(
                    f"the model ({self.kind}) cannot read the data, it raised {type(error).__name__}; "
                    "give it the columns and types that it was trained on"
                ) from error
            parts.append(check(said, given))
        return np.concatenate(parts)

    def _array(self, rows: Any) -> Any:
        """Return an array of the shape that the model reads, as a frame where it reads frames."""
        wanted = self.shape
        if wanted is not None and (
            len(wanted) != rows.ndim - 1
            or any(w not in (None, n) for w, n in zip(wanted, rows.shape[1:], strict=True))
        ):
            said = " x ".join("any" if n is None else str(n) for n in wanted)
            raise InputError(
                f"the model reads rows of the shape {said} and these are {rows.shape[1:]}; "
                "give them as in training"
            )
        if self.model.reads == "numbers" or self.features is None:
            return rows
        import pandas as pd

        return pd.DataFrame(rows, columns=list(self.features))

    def _given(self, rows: Any) -> Any:
        if self.model.reads == "frame":
            return rows if self.features is not None or not hasattr(rows, "iloc") else rows.to_numpy()
        return numbers(rows, self.model.precision)

    # --- Answers out --------------------------------------------------------------------------------

    def _wrong(self, what: str) -> InputError:
        return InputError(
            f"the model ({self.kind}) {what}; it is damaged or not the classifier it says it is"
        )

    def _checked_labels(self, said: Any, given: Any) -> Any:
        import numpy as np

        labels = np.asarray(said)
        if labels.ndim != 1 or len(labels) != len(given):
            raise self._wrong(f"gives answers of the shape {labels.shape} for {len(given)} rows")
        if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
            raise self._wrong("gives labels that are not finite numbers")
        known = self._known()
        if known is not None and not known.issuperset(labels.tolist()):
            raise self._wrong("gives labels that are none of its classes")
        return labels

    def _known(self) -> frozenset[Any] | None:
        """Return the classes to hold labels against; None for a regressor."""
        try:
            return frozenset(self.classes)
        except InputError:
            return None

    def _checked_probabilities(self, said: Any, given: Any) -> Any:
        import numpy as np

        found, classes = np.asarray(said), len(self.classes)
        if found.shape != (len(given), classes):
            raise self._wrong(
                f"gives answers of the shape {found.shape} for {len(given)} rows and {classes} classes"
            )
        if found.dtype.kind != "f" or not np.isfinite(found).all():
            raise self._wrong("gives probabilities that are not finite numbers")
        if (found < -_NEARLY_ONE).any() or (abs(found.sum(axis=1, dtype=np.float64) - 1) > _NEARLY_ONE).any():
            raise self._wrong("gives probabilities that do not sum to one")
        return found

    def _checked_gradient(self, said: Any, given: Any) -> Any:
        import numpy as np

        found = np.asarray(said)
        if found.shape != np.shape(given) or not np.isfinite(found).all():
            raise self._wrong("gives a gradient that is not a finite number for each cell")
        return found


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenMP and BLAS to one thread inside: sums in one order, and no waiting on small batches.

    Enter it when the model is loaded; libraries that come later are not held.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
