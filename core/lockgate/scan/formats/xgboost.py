"""XGBoost's models (doc/model.schema of XGBoost), from JSON or UBJSON: what must be there, and trees."""

from __future__ import annotations

from typing import Any

from lockgate.scan.record import DamagedError

_ROOT = 2147483647  # the parent of a root
_CATEGORIES = 1 << 24  # they are float32, so XGBoost knows no others
_NODES = (
    *("left_children", "right_children", "parents", "split_conditions", "split_indices", "sum_hessian"),
    *("loss_changes", "default_left"),
)
_OBJECTIVES = ("reg:", "binary:", "multi:", "rank:", "count:", "survival:")


def is_model(document: Any) -> bool:
    """Whether a document is a model of XGBoost, or one that is damaged in one place."""
    if not isinstance(document, dict):
        return False
    return (
        "learner" in document or _is_list(document.get("version")) or {"Model", "Config"} <= document.keys()
    )


def check(document: dict[str, Any]) -> None:
    """Hold a model against what XGBoost asks for when it loads one.

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
        features = int(said["num_feature"])
        int(said["num_class"])
        for one in str(said["base_score"]).strip("[]").split(","):
            float(one)
        if not str(learner["objective"]["name"]).startswith(_OBJECTIVES):
            raise DamagedError("has an objective that is not known here")
        for key in ("feature_names", "feature_types"):
            if len(learner.get(key, [])) not in (0, features):
                raise DamagedError("has another number of features than names of them")
        _booster(learner["gradient_booster"], features)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DamagedError(f"is no whole model of XGBoost ({type(error).__name__}: {error})") from None


def _booster(booster: dict[str, Any], features: int) -> None:
    if booster["name"] == "gblinear":
        if not _is_list(booster["model"]["weights"]):
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
    trees = model["trees"]
    if not len(trees) == len(model["tree_info"]) == int(model["gbtree_model_param"]["num_trees"]):
        raise DamagedError("has another number of trees than it says")
    places = list(model.get("iteration_indptr", [0, len(trees)]))
    if places and (places[0] != 0 or places[-1] != len(trees) or places != sorted(places)):
        raise DamagedError("has rounds that do not follow each other")
    for number, tree in enumerate(trees):
        if tree["id"] != number:
            raise DamagedError("has trees that do not follow each other")
        _tree(tree, features)


def _tree(tree: dict[str, Any], features: int) -> None:
    said = tree["tree_param"]
    nodes = int(said["num_nodes"])
    vector = max(int(said["size_leaf_vector"]), 1)
    if any(
        len(tree[key]) != nodes for key in _NODES if key in tree or (vector == 1 and key != "loss_changes")
    ):
        raise DamagedError("has a tree whose lists have other lengths than it has nodes")
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
        if any(not 0 <= node < nodes or not tree["split_type"][node] for node in tree["categories_nodes"]):
            raise DamagedError("has categories of a node that has none")
        if any(not 0 <= one < _CATEGORIES for one in tree["categories"]):
            raise DamagedError("has a category that no column can have")
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


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, dict))
