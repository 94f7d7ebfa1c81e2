"""Gradients of scikit-learn's models that are formulas: linear ones and small neural networks.

The gradient of the cross-entropy -log p(target) by the cells of a row; of a pipeline through steps that
only shift and scale (chain rule). Softmax minus one-hot times the weights is Bishop (2006), 4.3.4; the
backward pass through the layers is 5.3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Gradient = Callable[[Any, Any], Any]
_LINEAR = ("LogisticRegression", "LogisticRegressionCV", "SGDClassifier")
_WEIGHTED = (
    *_LINEAR,
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "PassiveAggressiveClassifier",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
)


def gradient_of(estimator: Any) -> Gradient | None:
    """Return the gradient of a fitted model, for rows of numbers and places of labels; None without one."""
    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    scales = [_scaling(step) for step in steps[:-1]]
    last = _last(steps[-1])
    if last is None or any(scale is None for scale in scales):
        return None

    def gradient(rows: Any, target: Any) -> Any:
        moved = rows
        for step in steps[:-1]:
            moved = moved if isinstance(step, str) or step is None else step.transform(moved)
        found = last(moved, target)
        for scale in scales:
            found = found * scale
        return found

    return gradient


def _scaling(step: Any) -> Any:
    """Return by what a step multiplies each column; None when it does more than that, or another thing."""
    if step is None or step == "passthrough":
        return 1.0
    name = type(step).__name__ if type(step).__module__.startswith("sklearn.preprocessing.") else ""
    if name == "StandardScaler" and getattr(step, "scale_", None) is not None:
        return 1 / step.scale_
    if name == "StandardScaler" and hasattr(step, "n_features_in_"):
        return 1.0
    if name == "MinMaxScaler" and hasattr(step, "scale_") and not step.clip:
        return step.scale_
    if name in ("MaxAbsScaler", "RobustScaler") and getattr(step, "scale_", None) is not None:
        return 1 / step.scale_
    return None


def _last(model: Any) -> Gradient | None:
    if not type(model).__module__.startswith("sklearn.") or isinstance(
        getattr(model, "classes_", None), list
    ):
        return None
    name = type(model).__name__
    if name in _LINEAR and hasattr(model, "coef_"):
        two = len(model.classes_) == 2  # noqa: PLR2004 - a sigmoid; with more classes it may be a softmax or not
        softmax = name.startswith("Logistic") and _is_multinomial(model)
        logistic = name.startswith("Logistic") or model.loss == "log_loss"
        return (lambda rows, target: _linear(model, rows, target)) if softmax or (two and logistic) else None
    if name == "MLPClassifier" and hasattr(model, "coefs_"):
        return lambda rows, target: _network(model, rows, target)
    return None


def _is_multinomial(model: Any) -> bool:
    return model.solver != "liblinear" and getattr(model, "multi_class", "auto") != "ovr"


def _linear(model: Any, rows: Any, target: Any) -> Any:
    errors = _errors(model.predict_proba(rows), target)
    if len(model.classes_) == 2:  # noqa: PLR2004 - one column of weights for two classes
        return errors[:, 1:] @ model.coef_
    return errors @ model.coef_


def _network(model: Any, rows: Any, target: Any) -> Any:
    layers = [rows]
    for weights, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        layers.append(_activated(layers[-1] @ weights + bias, model.activation))
    errors = _errors(model.predict_proba(rows), target)
    if model.out_activation_ == "logistic":
        errors = errors[:, 1:]
    for number in range(len(model.coefs_) - 1, 0, -1):
        errors = (errors @ model.coefs_[number].T) * _slope(layers[number], model.activation)
    return errors @ model.coefs_[0].T


def _errors(probabilities: Any, target: Any) -> Any:
    import numpy as np

    errors = np.array(probabilities, dtype=np.float64)
    errors[np.arange(len(errors)), target] -= 1
    return errors


def _activated(values: Any, activation: str) -> Any:
    import numpy as np
    from scipy.special import expit

    return {"relu": lambda v: np.maximum(v, 0), "tanh": np.tanh, "logistic": expit, "identity": lambda v: v}[
        activation
    ](values)


def _slope(activated: Any, activation: str) -> Any:
    if activation == "relu":
        return activated > 0
    if activation == "tanh":
        return 1 - activated**2
    return activated * (1 - activated) if activation == "logistic" else 1.0


def linear_weights(estimator: Any) -> Any:
    """Return the weights of a linear classifier, through steps that only shift and scale.

    Returns:
        Classes by columns: the label is the class whose weighted sum and constant is largest. None for a
        model that is not known to be linear.
    """
    import numpy as np

    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    scales = [_scaling(step) for step in steps[:-1]]
    model = steps[-1]
    known = type(model).__module__.startswith("sklearn.") and type(model).__name__ in _WEIGHTED
    if (
        not known
        or any(scale is None for scale in scales)
        or isinstance(getattr(model, "classes_", None), list)
    ):
        return None
    weights = np.atleast_2d(np.asarray(getattr(model, "coef_", None), dtype=np.float64))
    if weights.shape[0] == 1 and len(model.classes_) == 2:  # noqa: PLR2004 - one score for two classes
        weights = np.concatenate([-weights / 2, weights / 2])
    if weights.ndim != 2 or len(weights) != len(model.classes_):  # noqa: PLR2004
        return None
    for scale in scales:
        weights = weights * scale
    return weights


def affine(steps: list[Any]) -> tuple[Any, Any] | None:
    """Return what steps that only shift and scale do to a column: ``(cell - shift) * scale``.

    Steps that fill in missing cells count as none: the rows in question have none.

    Returns:
        Shift and scale, all scales above 0; None for other steps.
    """
    import numpy as np

    shift: Any = 0.0
    scale: Any = 1.0
    for step in steps:
        if step is None or isinstance(step, str) or _fills_in(step):
            continue
        by = _scaling(step)
        if by is None or (np.asarray(by) <= 0).any():
            return None
        shift, scale = shift + _shift(step) / scale, scale * by
    return shift, scale


def _shift(step: Any) -> Any:
    """Return what a step takes away from each column before it scales."""
    name = type(step).__name__
    if name == "MinMaxScaler":
        return -step.min_ / step.scale_
    found = getattr(step, {"StandardScaler": "mean_", "RobustScaler": "center_"}.get(name, ""), None)
    return 0.0 if found is None or getattr(step, "with_mean", True) is False else found


def _fills_in(step: Any) -> bool:
    kept = getattr(step, "statistics_", None)
    return (
        type(step).__module__.startswith("sklearn.impute.")
        and type(step).__name__ == "SimpleImputer"
        and not step.add_indicator
        and kept is not None
        and not any(value != value for value in kept)  # noqa: PLR0124 - NaN: a column that is dropped
    )
