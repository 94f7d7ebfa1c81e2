"""Boosted trees of CatBoost and LightGBM are held against their schema; what does not fit is never safe."""

from __future__ import annotations

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
        (b"num_leaves=4", b"num_leaves=5"),
        (b"left_child=", b"left_child=0 "),
        (b"split_feature=", b"split_feature=7"),
        (b"leaf_value=", b"leaf_value=x"),
        (b"\nshrinkage=", b"\nshrinkag2="),
        (b"max_feature_idx=3", b"max_feature_idx=2"),
        (b"Tree=1", b"Tree=2"),
    ],
)
def test_a_tree_of_lightgbm_with_a_line_that_does_not_fit_is_not_safe(judged, old, new):
    data = (_FOLDER / "plain.txt").read_bytes()
    assert old in data
    assert judged(data.replace(old, new, 1)).answer is not Answer.SAFE
