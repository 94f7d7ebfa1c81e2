"""Fitted scikit-learn estimators, whatever file they were in."""

from __future__ import annotations

from typing import Any

from lockgate.errors import InputError
from lockgate.model.adapter import Adapter
from lockgate.model.gradients import gradient_of, linear_weights


class SklearnAdapter(Adapter):
    """A fitted estimator, or anything that predicts as they do.

    Args:
        estimator: Its ``n_jobs`` settings are set to 1.
    """

    reads = "frame"
    precision = "float64"

    def __init__(self, estimator: Any) -> None:
        if not callable(getattr(estimator, "predict", None)):
            raise InputError(
                f"the model is a {type(estimator).__name__}, which cannot predict; give a fitted model"
            )
        self.estimator = estimator
        _one_job(estimator)
        self._gradient = gradient_of(estimator)
        self.has_gradient = self._gradient is not None

    @property
    def kind(self) -> str:  # type: ignore[override]
        """See `Adapter`."""
        steps = getattr(self.estimator, "steps", None)
        return type(steps[-1][1] if steps else self.estimator).__name__

    @property
    def features(self) -> tuple[str, ...] | None:  # type: ignore[override]
        """See `Adapter`."""
        names = getattr(self.estimator, "feature_names_in_", None)
        return None if names is None else tuple(str(name) for name in names)

    @property
    def shape(self) -> tuple[int | None, ...] | None:  # type: ignore[override]
        """See `Adapter`."""
        count = getattr(self.estimator, "n_features_in_", None)
        return None if count is None else (int(count),)

    @property
    def gives_probabilities(self) -> bool:  # type: ignore[override]
        """See `Adapter`."""
        return hasattr(self.estimator, "predict_proba")

    @property
    def classes(self) -> tuple[Any, ...]:
        """See `Adapter`."""
        found = getattr(self.estimator, "classes_", None)
        if found is None or isinstance(found, list):  # a list: several labels a row
            raise InputError(
                f"the model ({self.kind}) is not a fitted classifier of one label; give one that is"
            )
        return tuple(found.tolist())

    @property
    def weights(self) -> Any:
        """See `Adapter`."""
        return linear_weights(self.estimator)

    def labels(self, rows: Any) -> Any:
        """See `Adapter`."""
        return self.estimator.predict(rows)

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        return self.estimator.predict_proba(rows)

    def gradient(self, rows: Any, target: Any) -> Any:
        """See `Adapter`."""
        if self._gradient is None:
            return super().gradient(rows, target)
        from lockgate.model.numeric import numbers

        return self._gradient(numbers(rows, "float64"), target)


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
