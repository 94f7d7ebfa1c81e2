"""XGBoost's models (doc/model.schema of XGBoost), from JSON or UBJSON: what must be there, and trees."""

from __future__ import annotations

import re
from typing import Any

from lockgate.scan.record import DamagedError

_ROOT = 2147483647  # the parent of a root
_CATEGORIES = 1 << 24  # they are float32, so XGBoost knows no others
_NODES = (
    *("left_children", "right_children", "parents", "split_conditions", "split_indices", "sum_hessian"),
    *("loss_changes", "default_left"),
)
_OBJECTIVES = frozenset(
    [
        *("survival:aft", "survival:cox", "binary:hinge", "binary:logistic", "binary:logitraw", "rank:map"),
        *("rank:ndcg", "rank:pairwise", "multi:softmax", "multi:softprob", "count:poisson", "reg:gamma"),
        *("reg:linear", "reg:logistic", "reg:squarederror", "reg:squaredlogerror", "reg:absoluteerror"),
        *("reg:pseudohubererror", "reg:quantileerror", "reg:tweedie", "reg:expectileerror"),
    ]
)
# What XGBoost 2.0 to 3.2 write of each kind of object; another name is one of these with a bit flipped.
_KEYS = {
    "learner": "attributes feature_names feature_types gradient_booster learner_model_param objective cats",
    "objective": """name aft_loss_param lambdarank_param poisson_regression_param pseudo_huber_param
        quantile_loss_param reg_loss_param softmax_multiclass_param tweedie_regression_param
        expectile_loss_param""",
    "booster": "gbtree model name weight_drop",
    "model": """boosted_rounds cats gbtree_model_param iteration_indptr tree_info trees weights
        param""",
    "tree": """base_weights categories categories_nodes categories_segments categories_sizes default_left id
        leaf_weights left_children loss_changes parents right_children split_conditions split_indices
        split_type sum_hessian tree_param""",
    "learner_model_param": "base_score boost_from_average num_class num_feature num_target",
    "cats": "enc feature_segments sorted_idx",
    "tree_param": "num_deleted num_feature num_nodes size_leaf_vector num_roots max_depth",
}
# And what an objective has to have beside its name.
_OBJECTIVE_PARAM = {
    "survival:aft": "aft_loss_param",
    "rank:ndcg": "lambdarank_param",
    "rank:pairwise": "lambdarank_param",
    "rank:map": "lambdarank_param",
    "multi:softmax": "softmax_multiclass_param",
    "multi:softprob": "softmax_multiclass_param",
    "count:poisson": "poisson_regression_param",
    "reg:pseudohubererror": "pseudo_huber_param",
    "reg:quantileerror": "quantile_loss_param",
    "reg:tweedie": "tweedie_regression_param",
}
_INNER = {
    "quantile_loss_param": "quantile_alpha",
    "softmax_multiclass_param": "num_class",
    "pseudo_huber_param": "huber_slope",
    "tweedie_regression_param": "tweedie_variance_power",
}
_INTEGERS = (
    *("left_children", "right_children", "parents", "split_indices", "categories", "categories_nodes"),
    *("categories_segments", "categories_sizes"),
)
# Types of the typed arrays of UBJSON, by the letters of `array`.
_TYPES = {
    **dict.fromkeys(("left_children", "right_children", "parents", "split_indices"), "i"),
    **dict.fromkeys(("categories", "categories_nodes"), "i"),
    **dict.fromkeys(("categories_segments", "categories_sizes"), "q"),
    **dict.fromkeys(
        ("base_weights", "loss_changes", "split_conditions", "sum_hessian", "leaf_weights"), "fd"
    ),
    **dict.fromkeys(("default_left", "split_type"), "B"),
}


_REAL = r"-?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)"
_PARAMETER = re.compile(rf"{_REAL}|\[(?:{_REAL}(?:,{_REAL})*)?\]")
_WHOLE = (
    "num_class",
    "num_target",
    "num_feature",
    "num_trees",
    "num_nodes",
    "size_leaf_vector",
    "num_deleted",
)
_WORDS = {
    "aft_loss_distribution": ("normal", "logistic", "extreme"),
    "lambdarank_pair_method": ("topk", "mean"),
}


def is_model(document: Any) -> bool:
    """Whether a document is a model of XGBoost, or one that is damaged in one place."""
    if not isinstance(document, dict):
        return False
    configured = "Config" in document and isinstance(document.get("Model"), dict)
    return isinstance(document.get("learner"), dict) or _is_list(document.get("version")) or configured


def check(document: dict[str, Any], *, typed: bool = False) -> None:
    """Hold a model against what XGBoost asks for when it loads one.

    Args:
        document: The model.
        typed: Whether it was UBJSON, of which arrays of numbers have a type.

    Raises:
        DamagedError: Something is missing, or trees do not hold together.
    """
    try:
        if "Model" in document:  # as it is pickled
            document = document["Model"]
        if len(document["version"]) != 3 or not all(isinstance(n, int) for n in document["version"]):  # noqa: PLR2004
            raise DamagedError("has a version of XGBoost that is none")
        learner = document["learner"]
        if not all(isinstance(one, str) for one in learner["attributes"].values()):
            raise DamagedError("has attributes that are no text")
        said = learner["learner_model_param"]
        _known(said, "learner_model_param")
        features = int(said["num_feature"])
        if not said["base_score"]:
            raise DamagedError("has no score to begin with")
        outputs = {0, 1, int(said["num_class"]), int(said.get("num_target", 1))}
        _known(learner, "learner")
        _objective(learner["objective"])
        for key in ("feature_names", "feature_types"):
            if len(learner.get(key, [])) not in (0, features):
                raise DamagedError("has another number of features than names of them")
        if len(set(learner.get("feature_names", []))) != len(learner.get("feature_names", [])):
            raise DamagedError("has two features of a name")
        _parameters(learner)
        if typed:
            _typed(learner["gradient_booster"])
        _booster(learner["gradient_booster"], features, outputs)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DamagedError(f"is no whole model of XGBoost ({type(error).__name__}: {error})") from None


def _known(part: dict[str, Any], kind: str) -> None:
    if part.keys() - set(_KEYS[kind].split()):
        raise DamagedError(f"has a {kind} with something that is not known here")


def _objective(said: dict[str, Any]) -> None:
    _known(said, "objective")
    name = said["name"]
    if name not in _OBJECTIVES:
        raise DamagedError("has an objective that is not known here")
    needed = _OBJECTIVE_PARAM.get(name)
    if needed and _INNER.get(needed, "") not in {"", *said[needed]}:
        raise DamagedError("has an objective without its parameter")


def _parameters(part: Any) -> None:
    """Hold all parameters, which are numbers as text; XGBoost refuses what it cannot read whole."""
    for key, value in part.items() if isinstance(part, dict) else ():
        if key.endswith("_param") and isinstance(value, dict):
            for name, said in value.items():
                known = said in _WORDS[name] if name in _WORDS else _PARAMETER.fullmatch(str(said))
                if not known or (name in _WHOLE and not str(said).isdigit()):
                    raise DamagedError(f"has a {name} that is none")
        elif isinstance(value, dict):
            _parameters(value)
        elif key == "trees" and isinstance(value, list):
            for tree in value:
                _parameters(tree)


def _typed(booster: dict[str, Any]) -> None:
    """Hold the arrays of numbers of trees against the types that XGBoost asks for."""
    inner = booster.get("gbtree", booster)
    for tree in inner["model"].get("trees", []):
        for key, letters in _TYPES.items():
            if key in tree and getattr(tree[key], "typecode", "") not in tuple(letters):
                raise DamagedError("has a tree whose numbers have another type")


def _booster(booster: dict[str, Any], features: int, outputs: set[int]) -> None:
    _known(booster, "booster")
    _known(booster.get("model", {}), "model")
    if booster["name"] == "gblinear":
        weights = booster["model"]["weights"]
        if not _is_list(weights) or (
            isinstance(weights, list) and any(type(n) is not float for n in weights)
        ):
            raise DamagedError("has weights that are none")
        return
    if booster["name"] == "dart":
        inner = booster["gbtree"]
        if len(booster["weight_drop"]) != len(inner["model"]["trees"]):
            raise DamagedError("has another number of weights than trees")
        booster = inner
    if booster["name"] != "gbtree":
        raise DamagedError("has a booster that is not known here")
    model = booster["model"]
    _known(model, "model")
    if "cats" in model and model["cats"].keys() != set(_KEYS["cats"].split()):
        raise DamagedError("has categories that are not known here")
    trees = model["trees"]
    int(model["gbtree_model_param"].get("num_parallel_tree", 1))
    if not len(trees) == len(model["tree_info"]) == int(model["gbtree_model_param"]["num_trees"]):
        raise DamagedError("has another number of trees than it says")
    _integers(model, ("tree_info", "iteration_indptr"))
    places = list(model.get("iteration_indptr", [0, len(trees)]))
    if places and (places[0] != 0 or places[-1] != len(trees) or places != sorted(places)):
        raise DamagedError("has rounds that do not follow each other")
    for number, tree in enumerate(trees):
        if tree["id"] != number:
            raise DamagedError("has trees that do not follow each other")
        _tree(tree, features, outputs)


def _tree(tree: dict[str, Any], features: int, outputs: set[int]) -> None:
    said = tree["tree_param"]
    _known(tree, "tree")
    _known(said, "tree_param")
    _integers(tree, _INTEGERS)
    nodes = int(said["num_nodes"])
    vector = max(int(said["size_leaf_vector"]), 1)
    if any(
        len(tree[key]) != nodes for key in _NODES if key in tree or (vector == 1 and key != "loss_changes")
    ):
        raise DamagedError("has a tree whose lists have other lengths than it has nodes")
    weights = max(len(tree["base_weights"]), len(tree.get("leaf_weights", [])))
    if int(said["size_leaf_vector"]) not in outputs or (weights == nodes and vector > 1 and nodes > 1):
        raise DamagedError("has leaves of another size than the model")
    if len(tree["base_weights"]) not in (nodes, nodes * vector):
        raise DamagedError("has a tree of another size than it says")
    if int(said["num_feature"]) not in (0, features):
        raise DamagedError("has a tree of other features than the model")
    if "split_type" in tree:
        if len(tree["split_type"]) != nodes or any(one not in (0, 1) for one in tree["split_type"]):
            raise DamagedError("has a split of no known kind")
        segments, sizes = list(tree["categories_segments"]), list(tree["categories_sizes"])
        starts = [sum(sizes[:n]) for n in range(len(sizes))] if len(sizes) < 1 << 10 else segments
        if (
            segments != starts
            or sum(sizes) != len(tree["categories"])
            or len(tree["categories_nodes"]) != len(sizes)
        ):
            raise DamagedError("has categories that do not follow each other")
        splits = (node for node in range(nodes) if tree["left_children"][node] != -1)
        if {node for node in splits if tree["split_type"][node]} - {
            *tree["categories_nodes"]
        } and vector == 1:
            raise DamagedError("has a split by categories that are not there")
        if any(not 0 <= node < nodes or not tree["split_type"][node] for node in tree["categories_nodes"]):
            raise DamagedError("has categories of a node that has none")
        if any(not 0 <= one < _CATEGORIES for one in tree["categories"]):
            raise DamagedError("has a category that no column can have")
    if vector == 1 and any(not 0 <= one < max(features, 1) and one != _ROOT for one in tree["split_indices"]):
        raise DamagedError("has a split by a feature that the model does not have")
    # A node that was taken out has no parent, or since XGBoost 3.2 no feature.
    out = (list(tree["parents"]).count(_ROOT) - 1, list(tree["split_indices"]).count(_ROOT))
    if int(said["num_deleted"]) not in (0, *out) or (out[1] and not int(said["num_deleted"])):
        raise DamagedError("has another number of nodes taken out than it says")
    if int(said["num_deleted"]) or vector > 1:
        # Leaves of several targets: parents and children are written otherwise.
        return
    left, right, parents = tree["left_children"], tree["right_children"], tree["parents"]
    if nodes < 1 or parents[0] != _ROOT:
        raise DamagedError("has a tree without a root")
    reached = 1
    for node in range(nodes):
        pair = (left[node], right[node])
        if pair == (-1, -1):
            continue
        if any(not 0 < child < nodes or parents[child] != node for child in pair) or pair[0] == pair[1]:
            raise DamagedError("has children that make no tree")
        if not 0 <= tree["split_indices"][node] < features:
            raise DamagedError("has a split by a feature that is not there")
        reached += 2
    if reached != nodes:
        raise DamagedError("has children that make no tree")


def _integers(part: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Hold that lists are whole numbers, which XGBoost does not take from others (1.0 is another)."""
    for key in keys:
        listed = part.get(key)
        if isinstance(listed, list) and not all(type(one) is int for one in listed):
            raise DamagedError(f"has {key} that are no whole numbers")


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, dict))
