"""One way to ask any loaded model: rows in, labels or probabilities out."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from lockgate.errors import InputError

_BATCH = 65_536  # rows given to the model at once, which bounds memory


class Predictor:
    """A fitted model that labels the rows of a table.

    Args:
        estimator: A fitted scikit-learn estimator. Its ``n_jobs`` settings are set to 1, so that
            sums over its parts are made in one order and labels do not depend on the machine.
    """

    def __init__(self, estimator: Any) -> None:
        if not callable(getattr(estimator, "predict", None)):
            raise InputError(
                f"the model is a {type(estimator).__name__}, which cannot predict; give a fitted model"
            )
        self.estimator = estimator
        _one_job(estimator)

    @property
    def kind(self) -> str:
        """The name of the model's class; of a pipeline, that of its last step."""
        steps = getattr(self.estimator, "steps", None)
        return type(steps[-1][1] if steps else self.estimator).__name__

    @property
    def features(self) -> tuple[str, ...] | None:
        """The columns that the model reads, in its order; None when it was fitted without names."""
        names = getattr(self.estimator, "feature_names_in_", None)
        return None if names is None else tuple(str(name) for name in names)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels that the model can give, as plain Python values, in its order.

        Raises:
            InputError: The model is not a classifier, or was not fitted.
        """
        found = getattr(self.estimator, "classes_", None)
        if found is None or isinstance(found, list):  # a list: several labels a row
            raise InputError(
                f"the model ({self.kind}) is not a fitted classifier of one label; give one that is"
            )
        return tuple(found.tolist())

    def frame(self, table: Any) -> Any:
        """Return the model's columns of a table, in its order, as a pandas DataFrame.

        Raises:
            InputError: A column that the model reads is missing.
        """
        names = [str(n) for n in getattr(table, "column_names", getattr(table, "columns", ()))]
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
        needed = getattr(self.estimator, "n_features_in_", len(names))
        if len(names) != needed:
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
                when the model knows its columns by name.

        Returns:
            A numpy array with one label a row.

        Raises:
            InputError: The model cannot read the table.
        """
        return self._asked(table, self.estimator.predict)

    def predict_proba(self, table: Any) -> Any:
        """Return the probability of every class for every row: rows by classes, in the order of `classes`.

        Raises:
            InputError: The model gives no probabilities, or cannot read the table.
        """
        if not hasattr(self.estimator, "predict_proba"):
            raise InputError(f"the model ({self.kind}) gives no probabilities; give one that does")
        return self._asked(table, self.estimator.predict_proba)

    def _asked(self, table: Any, ask: Callable[[Any], Any]) -> Any:
        import numpy as np

        frame = self.frame(table)
        starts = range(0, max(len(frame), 1), _BATCH)
        try:
            with warnings.catch_warnings():
                # Unknown categories and the like: said once a batch, and counted by whoever asks.
                warnings.simplefilter("ignore", UserWarning)
                parts = [ask(self._given(frame.iloc[s : s + _BATCH])) for s in starts]
        except Exception as error:  # a model raises what it likes on rows it cannot read
            # Not the model's own words: they quote values of the data.
            raise InputError(
                f"the model ({self.kind}) cannot read the data, it raised {type(error).__name__}; "
                "give it the columns and types that it was trained on"
            ) from error
        return np.concatenate(parts)

    def _given(self, frame: Any) -> Any:
        return frame if self.features is not None else frame.to_numpy()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenMP and BLAS to one thread inside: sums in one order, and no waiting on small batches.

    Enter it when the model is loaded; libraries that come later are not held.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        yield


def _one_job(estimator: Any) -> None:
    if not hasattr(estimator, "get_params"):
        return
    jobs = {
        name: 1
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "n_jobs" and value
    }
    if jobs:
        estimator.set_params(**jobs)
