"""The trees of a known model as plain arrays: what an attack that reads trees walks through.

scikit-learn's trees, forests and boosting, XGBoost and LightGBM, behind steps that only shift and scale.
Models with splits on categories, and those in a sandbox, are not read; they are asked like any other.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lockgate.model.boosted import trees_of_text
from lockgate.model.predictor import Predictor

_MOST_NODES = 20_000_000
_READ: weakref.WeakKeyDictionary[Predictor, Ensemble | None] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Ensemble:
    """Trees, one after the other. A row goes left where its cell is at most the threshold.

    Attributes:
        roots: The first node of each tree.
        feature: The column that each node looks at; -1 for a leaf.
        threshold: In the unit of the column as the model is given it.
        left: The node where small cells go; a leaf's own number.
        right: The other.
        value: What each leaf adds to the score of each class: nodes by classes.
        base: What is added to begin with.
        as_given: Whether the trees read cells as the model is given them, unscaled: then a whole number that
            single precision keeps is on the same side of a threshold here and there.
    """

    roots: Any
    feature: Any
    threshold: Any
    left: Any
    right: Any
    value: Any
    base: Any
    as_given: bool = False


@dataclass
class _Tree:
    feature: Any
    threshold: Any
    left: Any
    right: Any
    value: Any  # of each node, by classes


def tree_ensemble(predictor: Predictor) -> Ensemble | None:
    """Return the trees of a model; None when it has none that are known here. They are read once."""
    if predictor not in _READ:
        _READ[predictor] = _read(predictor)
    return _READ[predictor]


def _read(predictor: Predictor) -> Ensemble | None:
    import numpy as np

    from lockgate.model.gradients import affine

    model: Any = predictor.model
    shift: Any = 0.0
    scale: Any = 1.0
    if predictor.estimator is not None:
        steps = [step for _, step in getattr(predictor.estimator, "steps", [])] or [predictor.estimator]
        found = affine(steps[:-1])
        read = _SKLEARN.get((type(steps[-1]).__module__.split(".")[0], type(steps[-1]).__name__))
        if found is None or read is None:
            return None
        (shift, scale), model = found, steps[-1]
    else:
        read = _OTHERS.get(type(model).__name__)
    if read is None:
        return None
    classes = len(predictor.classes)
    trees, base, most = [], np.zeros(classes), 0
    for tree in read(model, classes):
        if tree is None:
            return None
        trees.append(tree)
        most += len(tree.feature)
        if most > _MOST_NODES:
            return None
    if not trees:
        return None
    base = base + _base(model, classes)
    starts = np.cumsum([0, *(len(t.feature) for t in trees)])
    feature = np.concatenate([t.feature for t in trees]).astype(np.int32)
    threshold = np.concatenate([t.threshold for t in trees]).astype(np.float64)
    inner = feature >= 0
    threshold[inner] = (
        threshold[inner] / np.broadcast_to(scale, (max(feature.max() + 1, np.size(scale)),))[feature[inner]]
        + np.broadcast_to(shift, (max(feature.max() + 1, np.size(shift)),))[feature[inner]]
    )
    own = np.arange(len(feature))
    left = np.concatenate([t.left + s for t, s in zip(trees, starts, strict=False)])
    right = np.concatenate([t.right + s for t, s in zip(trees, starts, strict=False)])
    return Ensemble(
        roots=starts[:-1].astype(np.int64),
        feature=feature,
        threshold=threshold,
        left=np.where(inner, left, own),
        right=np.where(inner, right, own),
        value=np.concatenate([t.value for t in trees]).astype(np.float64),
        base=base,
        as_given=bool(np.all(np.asarray(scale) == 1) and np.all(np.asarray(shift) == 0)),
    )


# --- scikit-learn -----------------------------------------------------------------------------------


def _plain(tree: Any, value: Any) -> _Tree:
    import numpy as np

    feature = np.where(tree.children_left < 0, -1, tree.feature)
    return _Tree(feature, tree.threshold, tree.children_left, tree.children_right, value)


def _shares(tree: Any, among: int) -> Any:
    value = tree.value[:, 0, :]
    return value / value.sum(axis=1, keepdims=True) / among


def _tree(model: Any, _classes: int) -> Iterator[_Tree | None]:
    yield _plain(model.tree_, _shares(model.tree_, 1))


def _forest(model: Any, _classes: int) -> Iterator[_Tree | None]:
    for each in model.estimators_:
        yield _plain(each.tree_, _shares(each.tree_, len(model.estimators_)))


def _boosting(model: Any, classes: int) -> Iterator[_Tree | None]:
    for stage in model.estimators_:
        for place, each in enumerate(stage):
            value = each.tree_.value[:, 0, 0] * model.learning_rate
            yield _plain(each.tree_, _scored(value, place, classes))


def _histograms(model: Any, classes: int) -> Iterator[_Tree | None]:
    import numpy as np

    if getattr(model, "_preprocessor", None) is not None:
        yield None
    for stage in model._predictors:  # noqa: SLF001 - what its predict reads
        for place, each in enumerate(stage):
            nodes = each.nodes
            leaf = nodes["is_leaf"] != 0
            if ((nodes["is_categorical"] != 0) & ~leaf).any():
                yield None
            feature = np.where(leaf, -1, nodes["feature_idx"].astype(np.int64))
            left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
            yield _Tree(feature, nodes["num_threshold"], left, right, _scored(nodes["value"], place, classes))


def _scored(value: Any, place: int, classes: int) -> Any:
    """Return what nodes add to each class: one score for two classes counts half for and half against."""
    import numpy as np

    made = np.zeros((len(value), classes))
    if classes == 2:  # noqa: PLR2004
        made[:, 0], made[:, 1] = -np.asarray(value) / 2, np.asarray(value) / 2
    else:
        made[:, place] = value
    return made


def _base(model: Any, classes: int) -> Any:
    """Return the constant scores of a boosted model; those of a forest are 0."""
    import numpy as np

    name = type(model).__name__
    if name == "GradientBoostingClassifier":
        zero = np.zeros((1, model.n_features_in_))
        said = np.asarray(model._raw_predict_init(zero), dtype=np.float64)  # noqa: SLF001
    elif name == "HistGradientBoostingClassifier":
        said = np.asarray(model._baseline_prediction, dtype=np.float64)  # noqa: SLF001
    elif name == "XgboostAdapter":
        said = np.asarray(_xgboost_base(model), dtype=np.float64)
    else:
        return np.zeros(classes)
    said = said.reshape(-1)
    if classes == 2:  # noqa: PLR2004
        return np.array([-said[0] / 2, said[0] / 2])
    return np.broadcast_to(said, (classes,))


# --- XGBoost and LightGBM ---------------------------------------------------------------------------


def _xgboost_base(model: Any) -> list[float]:
    import math

    learner = json.loads(model._booster.save_config())["learner"]  # noqa: SLF001
    text = str(learner["learner_model_param"]["base_score"])
    said = [float(word) for word in text.strip("[]").split(",")]
    if learner["objective"]["name"] in ("binary:logistic", "reg:logistic"):
        return [math.log(p / (1 - p)) if 0 < p < 1 else 0.0 for p in said]
    return said


def _xgboost(model: Any, classes: int) -> Iterator[_Tree | None]:
    import numpy as np

    document = json.loads(bytes(model._booster.save_raw("json")))  # noqa: SLF001
    booster = document["learner"]["gradient_booster"]
    if booster.get("name") != "gbtree":
        yield None
        return
    places, trees = booster["model"]["tree_info"], booster["model"]["trees"]
    rounds = model._range[1] * (1 if classes == 2 else classes) or len(trees)  # noqa: SLF001, PLR2004
    for place, tree in list(zip(places, trees, strict=True))[:rounds]:
        left = np.array(tree["left_children"], dtype=np.int64)
        if any(tree.get("split_type", [])):
            yield None
            return
        at = np.array(tree["split_conditions"], dtype=np.float32)
        feature = np.where(left < 0, -1, np.array(tree["split_indices"], dtype=np.int64))
        # Below the threshold, not at it, goes left there: the next smaller number of single precision.
        below = np.nextafter(at, np.float32(-np.inf)).astype(np.float64)
        right = np.array(tree["right_children"], dtype=np.int64)
        value = np.where(left < 0, at.astype(np.float64), 0.0)
        yield _Tree(feature, below, left, right, _scored(value, place, classes))


def _lightgbm(model: Any, classes: int) -> Iterator[_Tree | None]:
    import numpy as np

    if model._categories:  # noqa: SLF001
        yield None
        return
    text = model._booster.model_to_string()  # noqa: SLF001
    if "average_output" in text:
        yield None  # a random forest of LightGBM
        return
    for number, tree in enumerate(trees_of_text(text.splitlines())):
        leaves = int(tree["num_leaves"])
        values = np.array([float(w) for w in tree["leaf_value"].split()])
        place = number % classes if classes > 2 else 0  # noqa: PLR2004
        if leaves == 1:
            yield _Tree(
                np.array([-1]),
                np.zeros(1),
                np.zeros(1, int),
                np.zeros(1, int),
                _scored(values, place, classes),
            )
            continue
        kinds = np.array([int(w) for w in tree["decision_type"].split()])
        if (kinds & 1).any() or tree.get("is_linear", "0") != "0":
            yield None
            return
        inner = leaves - 1
        left, right = (np.array([int(w) for w in tree[k].split()]) for k in ("left_child", "right_child"))
        left, right = (np.where(c >= 0, c, inner + ~c) for c in (left, right))
        pad = np.zeros(leaves, dtype=np.int64)
        feature = np.concatenate([np.array([int(w) for w in tree["split_feature"].split()]), pad - 1])
        threshold = np.concatenate([np.array([float(w) for w in tree["threshold"].split()]), pad])
        value = np.concatenate([np.zeros(inner), values])
        yield _Tree(
            feature,
            threshold,
            np.concatenate([left, pad]),
            np.concatenate([right, pad]),
            _scored(value, place, classes),
        )


_Reader = Callable[[Any, int], Iterator[_Tree | None]]
_SKLEARN: dict[tuple[str, str], _Reader] = {
    ("sklearn", "DecisionTreeClassifier"): _tree,
    ("sklearn", "ExtraTreeClassifier"): _tree,
    ("sklearn", "RandomForestClassifier"): _forest,
    ("sklearn", "ExtraTreesClassifier"): _forest,
    ("sklearn", "GradientBoostingClassifier"): _boosting,
    ("sklearn", "HistGradientBoostingClassifier"): _histograms,
}
_OTHERS: dict[str, _Reader] = {"XgboostAdapter": _xgboost, "LightgbmAdapter": _lightgbm}
