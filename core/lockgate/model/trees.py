"""Check the trees of a model that came from a file.

scikit-learn follows the child and feature numbers of a fitted tree without looking whether they
lie inside the tree and the row: a made-up file could read memory, or loop, when the model first
predicts. Every number is held against its bounds here, in one walk over the loaded model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lockgate.errors import InputError

_BROKEN = "holds a tree whose node numbers lie outside of it; train and save the model again"
_LEAF = -1
# Estimators that hand their own columns on to the trees inside them, all or fewer.
_HAND_ON = (
    "sklearn.tree._",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist",
    "sklearn.ensemble._bagging",
    "sklearn.ensemble._weight_boosting",
    "sklearn.ensemble._iforest",
)
_MAX_OBJECTS = 5_000_000
_WORDS = 8  # of 32 bits: the 256 categories that a split can tell apart


def check_trees(estimator: Any) -> None:
    """Hold every tree inside a model against its own size and the number of columns that it is given.

    Raises:
        InputError: A child, feature or category number of a node is out of bounds, children do not
            come after their parent (which would be a loop), or the model is nested without end.
    """
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(estimator, 0)]
    while waiting:
        thing, columns = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if len(seen) > _MAX_OBJECTS:
            raise InputError("holds too many objects to be checked; save a smaller model")
        columns = _columns_of(thing, columns)
        name = f"{type(thing).__module__}.{type(thing).__name__}"
        if name == "sklearn.tree._tree.Tree":
            _check_tree(thing, columns)
        elif name.endswith("_hist_gradient_boosting.predictor.TreePredictor"):
            _check_predictor(thing, columns)
        if hasattr(thing, "_predictors") and hasattr(thing, "_bin_mapper"):
            _check_categories(thing, columns)
        waiting += [(inner, columns) for inner in _inside(thing)]


def _columns_of(thing: Any, above: int) -> int:
    """How many columns the trees below are given: the fewest that any ensemble above them accepts.

    0 stands for unknown; a pipeline or a stack makes new columns, so what is above it does not count.
    """
    if not hasattr(thing, "get_params"):
        return above
    own = getattr(thing, "n_features_in_", None)
    if own is None or not type(thing).__module__.startswith(_HAND_ON):
        return 0
    return min(int(own), above) if above else int(own)


def _inside(thing: Any) -> Iterator[Any]:
    import numpy as np

    if isinstance(thing, np.ndarray):
        yield from thing.flat if thing.dtype == object else ()
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif not isinstance(thing, type):
        yield from getattr(thing, "__dict__", {}).values()


def _check_tree(tree: Any, columns: int) -> None:
    if tree.node_count != tree.capacity or tree.node_count < 1:
        raise InputError(_BROKEN)  # before anything reads its arrays, which are as long as node_count says
    _check_nodes(tree.children_left, tree.children_right, tree.children_left == _LEAF, tree.feature, columns)


def _check_predictor(predictor: Any, columns: int) -> None:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets
    if nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise InputError(_BROKEN)
    _check_nodes(nodes["left"], nodes["right"], nodes["is_leaf"] != 0, nodes["feature_idx"], columns)
    split = nodes[(nodes["is_categorical"] != 0) & (nodes["is_leaf"] == 0)]
    if len(split) and (bitsets.shape[1:] != (_WORDS,) or split["bitset_idx"].max() >= len(bitsets)):
        raise InputError(_BROKEN)


def _check_categories(ensemble: Any, columns: int) -> None:
    import numpy as np

    known = np.asarray(ensemble._bin_mapper.is_categorical_)  # noqa: SLF001 - what its predict reads
    for predictor in (p for stage in ensemble._predictors for p in stage):  # noqa: SLF001
        split = predictor.nodes[(predictor.nodes["is_categorical"] != 0) & (predictor.nodes["is_leaf"] == 0)]
        if len(split) and (len(known) < columns or not known[split["feature_idx"]].all()):
            raise InputError(_BROKEN)


def _check_nodes(left: Any, right: Any, leaf: Any, feature: Any, columns: int) -> None:
    import numpy as np

    at = np.flatnonzero(~leaf)
    left, right, feature = (np.asarray(a, dtype=np.int64)[at] for a in (left, right, feature))
    children = np.concatenate([left, right])
    if len(at) and (
        (children <= np.concatenate([at, at])).any()
        or (children >= len(leaf)).any()
        or (feature < 0).any()
        or (feature >= columns).any()
    ):
        raise InputError(_BROKEN)
