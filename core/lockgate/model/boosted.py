"""Check the trees of XGBoost and LightGBM models that came from a file, as `lockgate.model.trees` does.

Both libraries follow the child and feature numbers of a file without looking whether they lie inside the
tree and the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lockgate.errors import InputError

_BROKEN = "holds a tree whose node numbers lie outside of it; train and save the model again"


def check_xgboost(document: Mapping[str, Any], columns: int) -> None:
    """Hold every tree of XGBoost's JSON against its own size and the number of columns.

    Raises:
        InputError: A child or feature number is out of bounds, or children do not come after their parent.
    """
    booster = document["learner"]["gradient_booster"]
    booster = booster.get("gbtree", booster)  # dart wraps it
    trees = booster.get("model", {}).get("trees", [])  # none in a linear booster
    for tree in trees:
        left, right, feature = tree["left_children"], tree["right_children"], tree["split_indices"]
        count = len(left)
        if not len(right) == len(feature) == count > 0:
            raise InputError(_BROKEN)
        for at, pair in enumerate(zip(left, right, strict=True)):
            if pair == (-1, -1):
                continue
            if not all(at < child < count for child in pair) or not 0 <= feature[at] < columns:
                raise InputError(_BROKEN)


def check_lightgbm(lines: Iterable[str], columns: int) -> None:
    """Hold every tree of LightGBM's text against its own size and the number of columns.

    Raises:
        InputError: A child, leaf, feature or category number is out of bounds, or children do not come after
            their parent.
    """
    for tree in trees_of_text(lines):
        try:
            leaves = int(tree["num_leaves"])
            _check_lists(tree, leaves, columns)
            if leaves == 1:
                continue
            left, right, feature = (_whole(tree[k]) for k in ("left_child", "right_child", "split_feature"))
        except (KeyError, ValueError):
            raise InputError(_BROKEN) from None
        if not len(left) == len(right) == len(feature) == leaves - 1 > 0:
            raise InputError(_BROKEN)
        for at, pair in enumerate(zip(left, right, strict=True)):
            inside = all(at < child < leaves - 1 if child >= 0 else ~child < leaves for child in pair)
            if not inside or not 0 <= feature[at] < columns:
                raise InputError(_BROKEN)


def _check_lists(tree: Mapping[str, str], leaves: int, columns: int) -> None:
    """Hold the sets of categories of a tree of LightGBM, and the columns of its linear leaves."""
    kinds, places = _whole(tree.get("decision_type", "")), tree.get("threshold", "").split()
    bounds, words = (_whole(tree.get(key, "")) for key in ("cat_boundaries", "cat_threshold"))
    counts, used = (_whole(tree.get(key, "")) for key in ("num_features", "leaf_features"))
    sets = int(tree.get("num_cat", "0"))
    ordered = not sets or (bounds == sorted(bounds) and bounds[:1] == [0] and bounds[-1:] == [len(words)])
    if len(bounds) != (sets + 1 if sets else 0) or not ordered:
        raise InputError(_BROKEN)
    if leaves > 1 and not len(kinds) == len(places) == leaves - 1:
        raise InputError(_BROKEN)
    by_set = [float(place) for place, kind in zip(places, kinds, strict=False) if kind & 1]
    linear = len(counts) in (0, leaves) and all(n >= 0 for n in counts) and sum(counts) == len(used)
    inside = all(0 <= place < sets for place in by_set) and all(0 <= column < columns for column in used)
    if not (linear and inside):
        raise InputError(_BROKEN)


def trees_of_text(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the fields of every tree of LightGBM's text."""
    tree: dict[str, str] | None = None
    for line in lines:
        if line.startswith(("Tree=", "end of trees")):
            if tree is not None:
                yield tree
            tree = {} if line.startswith("Tree=") else None
        elif tree is not None and "=" in line:
            name, _, value = line.partition("=")
            tree[name] = value


def _whole(text: str) -> list[int]:
    return [int(word) for word in text.split()]
