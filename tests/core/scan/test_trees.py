"""Boosted trees of CatBoost and LightGBM are held against their schema; what does not fit is never safe."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from lockgate.scan.record import Answer

_FOLDER = Path(__file__).parent / "trees"
_CATBOOST = ["symmetric.cbm", "lossguide.cbm", "categories.cbm"]
_LIGHTGBM = ["plain.txt", "linear.txt"]


@pytest.mark.parametrize("name", _CATBOOST + _LIGHTGBM)
def test_what_the_library_writes_is_safe(judged, name):
    said = judged((_FOLDER / name).read_bytes())
    assert (said.answer, said.problems) == (Answer.SAFE, [])


@pytest.mark.parametrize("name", _CATBOOST + _LIGHTGBM)
def test_no_cut_is_safe_and_no_flipped_bit_stops_the_scan(judged, name):
    data = (_FOLDER / name).read_bytes()
    whole = data.index(b"end of parameters\n") + 18 if name in _LIGHTGBM else len(data)
    chance = random.Random(name)
    for _ in range(20):
        assert judged(data[: chance.randrange(whole)]).answer is not Answer.SAFE
    for _ in range(60):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert not any("made the scan stop" in problem for problem in judged(bytes(flipped)).problems)


@pytest.mark.parametrize("name", _CATBOOST)
def test_a_flip_in_what_says_where_a_model_lies_is_not_safe(judged, name):
    data = (_FOLDER / name).read_bytes()
    for at in range(4, 40):  # length, root table and its index of fields
        flipped = bytearray(data)
        flipped[at] ^= 4
        assert judged(bytes(flipped)).answer is not Answer.SAFE, at


def test_bytes_after_a_model_of_catboost_are_not_safe(judged):
    for name in _CATBOOST:
        assert judged((_FOLDER / name).read_bytes() + b"static_provider_v1").answer is not Answer.SAFE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"num_leaves=", b"num_leaves=1"),
        (b"left_child=", b"left_child=0 "),
        (b"split_feature=", b"split_feature=7"),
        (b"leaf_value=", b"leaf_value=x"),
        (b"\nshrinkage=", b"\nshrinkag2="),
        (b"max_feature_idx=3", b"max_feature_idx=2"),
        (b"Tree=1", b"Tree=2"),
        (b"tree\nversion", b"tsee\nversion"),
        (b"[learning_rate: 0.", b"[learning_rate: p."),
        (b"[boosting: ", b'[boosting: "'),
        (b"objective=binary sigmoid:1", b"objective=binary sigmoid:0"),
    ],
)
def test_a_tree_of_lightgbm_with_a_line_that_does_not_fit_is_not_safe(judged, old, new):
    data = (_FOLDER / "plain.txt").read_bytes()
    assert old in data
    assert judged(data.replace(old, new, 1)).answer is not Answer.SAFE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"num_features=1 1 1\nleaf_features=0  0  0", b"num_features=1 1 1\nleaf_features=3  0  0"),
        (b"num_features=1 1 1\nleaf_features=0  0  0", b"num_features=2 -1 2\nleaf_features=0  0 0"),
    ],
)
def test_a_leaf_of_lightgbm_that_reads_a_column_that_is_not_there_is_not_safe(judged, old, new):
    data = (_FOLDER / "linear.txt").read_bytes()
    assert old in data
    changed = data.replace(old, new.ljust(len(old)))
    assert judged(changed).answer is not Answer.SAFE
    assert len(changed) == len(data)  # so nothing but the column is wrong


def _catboost(**changed: object) -> bytes:
    """A model of one tree of two leaves, as CatBoost 1.2 writes it to JSON."""
    feature = {
        "feature_id": "", "feature_index": 0, "flat_feature_index": 0, "has_nans": False,
        "nan_value_treatment": "AsIs", "borders": [0.5],
    }  # fmt: skip
    split = {"border": 0.5, "float_feature_index": 0, "split_index": 0, "split_type": "FloatFeature"}
    history = {
        "learn_best_error": {},
        "test_metrics_history": [],
        "learn_metrics_history": [],
        "test_best_error": [],
    }
    tree = {"leaf_values": [-1, 1], "leaf_weights": [2, 3], "splits": [split]}
    model = {
        "features_info": {"float_features": [feature]}, "oblivious_trees": [tree], "scale_and_bias": [1, [0]],
        "model_info": {"training": json.dumps({"metrics": history}), "params": {}},
    }  # fmt: skip
    return json.dumps(model | changed).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"AsIs"', b'"AsIt"'),
        (b'"flat_feature_index": 0', b'"flat_feature_index": 1'),
        (b'"feature_index": 0', b'"feature_index": 9'),
        (b'"has_nans": false', b'"has_nans": 0'),
        (b'"split_index": 0', b'"split_index": 1'),
        (b"FloatFeature", b"FloatFeaturd"),
        (b'"leaf_values": [-1, 1]', b'"leaf_values": [-1, 1, 2]'),
        (b"test_best_error", b"test_best_errnr"),
        (b"oblivious_trees", b"oblivious_tsees"),
        (b"scale_and_bias", b"scale_ane_bias"),
    ],
)
def test_a_model_of_catboost_in_json_with_a_name_or_place_that_does_not_fit_is_not_safe(judged, old, new):
    data = _catboost()
    said = judged(data)
    assert (said.answer, said.formats) == (Answer.SAFE, ["JSON", "CatBoost"])
    assert old in data
    assert judged(data.replace(old, new)).answer is not Answer.SAFE


def test_a_model_of_catboost_in_json_with_both_kinds_of_trees_or_too_few_leaves_is_not_safe(judged):
    leaf = {"value": 1, "weight": 2}
    assert judged(_catboost(trees=[leaf])).answer is not Answer.SAFE
    assert judged(_catboost(scale_and_bias=[1, [0, 0]])).answer is not Answer.SAFE


def _xgboost() -> dict:
    """A model of one tree of three nodes, as XGBoost 3 writes it."""
    tree = {
        "base_weights": [0.0, -1.0, 1.0], "categories": [], "categories_nodes": [], "categories_segments": [],
        "categories_sizes": [], "default_left": [0, 0, 0], "id": 0, "left_children": [1, -1, -1],
        "loss_changes": [1.0, 0.0, 0.0], "parents": [2147483647, 0, 0], "right_children": [2, -1, -1],
        "split_conditions": [0.5, -1.0, 1.0], "split_indices": [1, 0, 0], "split_type": [0, 0, 0],
        "sum_hessian": [2.0, 1.0, 1.0],
        "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "3", "size_leaf_vector": "1"},
    }  # fmt: skip
    model = {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
        "iteration_indptr": [0, 1],
        "tree_info": [0],
        "trees": [tree],
    }
    return {
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {"model": model, "name": "gbtree"},
            "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2"},
            "objective": {"name": "reg:squarederror"},
        },
        "version": [3, 2, 0],
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ('"learner"', '"learnes"'),
        ('"trees"', '"treez"'),
        ('"num_trees": "1"', '"num_trees": "2"'),
        ('"left_children": [1,', '"left_children": [2,'),
        ('"split_indices": [1,', '"split_indices": [2,'),
        ('"num_nodes": "3"', '"num_nodes": "7"'),
        ('"reg:', '"rez:'),
        ('"version": [3,', '"version": [[],'),
    ],
)
def test_a_model_of_xgboost_with_something_that_does_not_fit_is_not_safe(judged, old, new):
    whole = json.dumps(_xgboost())
    assert old in whole
    answer = judged(whole.replace(old, new, 1).encode()).answer
    assert answer is (Answer.UNKNOWN if old else Answer.SAFE)


@pytest.mark.parametrize("category", [0, 2**24 - 1, 2**24, -1])
def test_only_categories_that_xgboost_can_count_are_safe(judged, category):
    document = _xgboost()
    document["learner"]["gradient_booster"]["model"]["trees"][0].update(
        categories=[category], categories_nodes=[0], categories_segments=[0], categories_sizes=[1],
        split_type=[1, 0, 0],
    )  # fmt: skip
    answer = judged(json.dumps(document).encode()).answer
    assert answer is (Answer.SAFE if 0 <= category < 2**24 else Answer.UNKNOWN)
