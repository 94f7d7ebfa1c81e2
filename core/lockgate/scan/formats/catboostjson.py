"""CatBoost's models as JSON (``catboost/libs/model/model_export/json_model_helpers.cpp`` of CatBoost 1.2)."""

from __future__ import annotations

import json
from typing import Any

from lockgate.scan.record import DamagedError

_PARTS = frozenset(["features_info", "model_info", "oblivious_trees", "trees", "scale_and_bias", "ctr_data"])
_INTEGER, _NUMBER, _TEXT, _FLAG, _ANY = "a whole number", "a number", "text", "true or false", "anything"
_NUMBERS, _VALUES = "numbers", "numbers or a number"
_NAMED = {"feature_index": _INTEGER, "flat_feature_index": _INTEGER}
_NAMES = {"feature_id": _TEXT, "feature_name": _TEXT}
_Names = tuple[dict[str, str], dict[str, str]]  # what an object has to hold, and what it may hold
_TOP = ({"features_info": _ANY, "model_info": _ANY, "scale_and_bias": _ANY}, dict.fromkeys(_PARTS, _ANY))
_FEATURES = dict.fromkeys(
    (
        *("cat_features_hash", "categorical_features", "ctrs", "float_features", "text_features"),
        *("embedding_features", "estimated_features"),
    ),
    _ANY,
)
_FLOAT = (_NAMED | {"has_nans": _FLAG, "nan_value_treatment": _TEXT, "borders": _NUMBERS}, _NAMES)
_CATEGORY = (_NAMED, _NAMES | {"values": _NUMBERS, "string_values": _ANY})
_TREATMENTS = frozenset(["AsIs", "AsFalse", "AsTrue"])
_CTR: _Names = (
    {"borders": _NUMBERS, "ctr_type": _TEXT, "elements": _ANY, "identifier": _TEXT, "scale": _NUMBER}
    | {
        "prior_denomerator": _NUMBER,
        "prior_numerator": _NUMBER,
        "shift": _NUMBER,
        "target_border_idx": _INTEGER,
    },
    {},
)
_TREE = ({"leaf_values": _NUMBERS, "splits": _ANY}, {"leaf_weights": _NUMBERS})
_SPLITS = {
    "FloatFeature": {"border": _NUMBER, "float_feature_index": _INTEGER},
    "OneHotFeature": {"cat_feature_index": _INTEGER, "value": _INTEGER},
    "OnlineCtr": {"border": _NUMBER, "ctr_target_border_idx": _INTEGER},
}
_LEAF: _Names = ({"value": _VALUES, "weight": _NUMBER}, {})
_NODE: _Names = ({"left": _ANY, "right": _ANY, "split": _ANY}, {})
_METRICS = ("learn_best_error", "learn_metrics_history", "test_best_error", "test_metrics_history")
_DEEPEST = 200


def is_model(document: Any) -> bool:
    """Whether a document has two of the parts that a model of CatBoost has."""
    return isinstance(document, dict) and len(_PARTS & document.keys()) > 1


def check(document: dict[str, Any]) -> None:
    """Hold a model against the names and kinds of what CatBoost writes.

    Raises:
        DamagedError: CatBoost would refuse it, or make another model of it.
    """
    _hold(document, *_TOP, "the model")
    conditions = _features(document["features_info"])
    for key, value in _dict(document["model_info"], "model_info").items():
        info(key, value)
    dimension = _scale(document["scale_and_bias"])
    if ("oblivious_trees" in document) == ("trees" in document):
        raise DamagedError("has trees of both kinds or of none")
    for tree in _list(document.get("oblivious_trees", []), "oblivious_trees"):
        _hold(tree, *_TREE, "a tree")
        splits = _list(tree["splits"], "splits")
        for split in splits:
            _split(split, conditions)
        leaves = 1 << min(len(splits), 30)
        if len(tree["leaf_values"]) != leaves * dimension or len(tree.get("leaf_weights", [])) not in (
            0,
            leaves,
        ):
            raise DamagedError("has another number of leaves than splits")
    for tree in _list(document.get("trees", []), "trees"):
        _node(tree, conditions, dimension, 0)


def info(key: str, value: Any) -> None:
    """Hold one entry of what CatBoost says about a model, which is JSON if it looks like it."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise DamagedError("has parameters that are no JSON") from None
    metrics = value.get("metrics") if key == "training" and isinstance(value, dict) else None
    if metrics is not None and not (isinstance(metrics, dict) and {*_METRICS} <= metrics.keys()):
        raise DamagedError("has a history of its training without its metrics")


def _features(held: Any) -> int:
    """Hold the features, and return how many conditions on them there are; -1 if that is not known."""
    _hold(held, {}, _FEATURES, "features_info")
    flat: list[int] = []
    conditions = 0
    for key, kinds in (("float_features", _FLOAT), ("categorical_features", _CATEGORY)):
        features = _list(held.get(key, []), key)
        for feature in features:
            _hold(feature, *kinds, "a feature")
            conditions += len(feature.get("borders", [])) + len(feature.get("values", []))
        flat += [feature["flat_feature_index"] for feature in features]
        if [feature["feature_index"] for feature in features] != list(range(len(features))):
            raise DamagedError("has features that are not counted on")
        if any(one.get("nan_value_treatment", "AsIs") not in _TREATMENTS for one in features):
            raise DamagedError("has a feature of which missing values are treated in no known way")
    for ctr in _list(held.get("ctrs", []), "ctrs"):
        _hold(ctr, *_CTR, "a statistic of categories")
        conditions += len(ctr["borders"])
    others = {"text_features", "embedding_features", "estimated_features"} & held.keys()
    if len(set(flat)) != len(flat) or (not others and sorted(flat) != list(range(len(flat)))):
        raise DamagedError("has features that are not counted on")
    for one in _list(held.get("cat_features_hash") or [], "cat_features_hash"):
        _hold(one, {"hash": _INTEGER, "value": _TEXT}, {}, "a category")
    return -1 if others else conditions


def _scale(held: Any) -> int:
    """Hold the scale and the bias, and return how many values a leaf has."""
    whole = isinstance(held, list) and len(held) == 2 and isinstance(held[1], list)  # noqa: PLR2004
    if not whole or not all(map(_number, [held[0], *held[1]])):
        raise DamagedError("has a scale and a bias that are no numbers")
    return len(held[1]) or 1


def _split(split: Any, conditions: int) -> None:
    kind = split.get("split_type") if isinstance(split, dict) else None
    if isinstance(kind, str) and kind in _SPLITS:
        _hold(split, {"split_index": _INTEGER, "split_type": _TEXT} | _SPLITS[kind], {}, "a split")
    elif conditions >= 0:
        raise DamagedError("has a split of no known kind")
    if conditions >= 0 and not 0 <= split["split_index"] < conditions:
        raise DamagedError("has a split by a feature that is not there")


def _node(node: Any, conditions: int, dimension: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise DamagedError("has trees that are nested too deep")
    if isinstance(node, dict) and "value" in node:
        _hold(node, *_LEAF, "a leaf")
        count = len(node["value"]) if isinstance(node["value"], list) else 1
        if count != dimension:
            raise DamagedError("has a leaf of another number of values than the model")
        return
    _hold(node, *_NODE, "a node")
    _split(node["split"], conditions)
    for side in ("left", "right"):
        _node(node[side], conditions, dimension, depth + 1)


def _hold(value: Any, needed: dict[str, str], more: dict[str, str], what: str) -> None:
    held = _dict(value, what)
    known = {**more, **needed}
    if needed.keys() - held.keys() or held.keys() - known.keys():
        raise DamagedError(f"has {what} with other names than CatBoost writes")
    for key, each in held.items():
        if not _is(each, known[key]):
            raise DamagedError(f"has a {key} that is not {known[key]}")


def _is(value: Any, kind: str) -> bool:
    if kind == _INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == _NUMBER or (kind == _VALUES and not isinstance(value, list)):
        return _number(value)
    if kind in (_NUMBERS, _VALUES):
        return isinstance(value, list) and all(map(_number, value))
    return kind == _ANY or isinstance(value, bool if kind == _FLAG else str)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _dict(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DamagedError(f"has {what} that is no object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise DamagedError(f"has {what} that is no list")
    return value
