"""Members of models that are nearly always sure are found too, and the order of rows says nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.model import Predictor, one_thread
from lockgate.privacy.intervals import rate_at
from lockgate.privacy.membership import _matched, neighbours, rank
from lockgate.privacy.shadows import Pool, Shadows, cloning, train_shadows

DEEP = GradientBoostingClassifier(n_estimators=150, max_depth=4, random_state=3)
SHALLOW = GradientBoostingClassifier(
    n_estimators=40, max_depth=2, subsample=0.5, min_samples_leaf=20, random_state=3
)


@pytest.fixture(scope="module")
def sure():
    """Answers that are nearly always sure, and surer by a factor of twelve of rows that were trained on."""
    rng = np.random.default_rng(2)
    inside = np.array([rng.permutation(400) < 200 for _ in range(4)])
    inside = np.stack([inside, ~inside], axis=1).reshape(8, 400)
    member = np.arange(400) < 200
    hard = rng.normal(9, 1.5, 400)  # log odds of the right label
    odds = [hard + 2.5 * trained + rng.normal(0, 0.5, 400) for trained in (member, *inside)]
    right = np.array([1 / (1 + np.exp(-one)) for one in odds])
    answers = np.stack([1 - right, right], axis=2)
    near = np.array([rng.permutation(400)[:3] for _ in range(400)])
    return Shadows(answers[0], answers[1:], inside), np.ones(400, dtype=int), near, member


def found_of(scores, member, fpr=0.01):
    return rate_at(scores[member], scores[~member], fpr).tpr


def test_a_model_that_is_always_sure_is_told_apart_by_how_sure(sure):
    shadows, labels, near, member = sure
    with one_thread():
        ranking = rank(shadows, labels, near, seed=0)
    assert found_of(ranking.scores["lira-online"], member) < 0.1
    assert found_of(ranking.scores["lira-fine"], member) > 0.6
    assert ranking.chosen in ("lira-fine", "combined")


def test_the_order_of_the_rows_changes_no_score_of_an_attack_that_learns_nothing(sure):
    shadows, labels, near, _ = sure
    mix = np.random.default_rng(0).permutation(len(labels))
    turned = Shadows(shadows.target[mix], shadows.answers[:, mix], shadows.inside[:, mix])
    with one_thread():
        first = rank(shadows, labels, near, seed=0)
        again = rank(turned, labels[mix], np.argsort(mix)[near[mix]], seed=0)
    np.testing.assert_allclose(again.scores["lira-fine"], first.scores["lira-fine"][mix], rtol=1e-6)


def test_what_judges_finds_members_of_a_deep_model_and_hardly_any_of_a_shallow_one():
    x, labels = make_classification(400, 16, n_informative=8, class_sep=1.0, flip_y=0.02, random_state=11)
    rows = pd.DataFrame(x, columns=[f"x{i}" for i in range(16)])
    member, found = np.arange(400) < 200, {}
    with one_thread():
        for name, model in (("deep", DEEP), ("shallow", SHALLOW)):
            fitted = clone(model).fit(rows[member], labels[member])
            pool = Pool(rows, labels, member)
            shadows = train_shadows(Predictor(fitted), pool, cloning(fitted), count=8, seed=5)
            ranking = rank(shadows, labels, neighbours(rows), seed=5)
            found[name] = found_of(ranking.scores[ranking.chosen], member, 0.05)
    assert found["deep"] > 0.25
    assert found["shallow"] < 0.6 * found["deep"]


_SCORES = arrays.arrays(float, st.integers(1, 40), elements=st.floats(-16, 16))


@given(own=_SCORES, others=_SCORES)
def test_scores_keep_their_order_and_ties_and_take_the_range_of_the_others(own, others):
    moved = _matched(own, others)
    assert moved.min() >= others.min()
    assert moved.max() <= others.max()
    for a in range(len(own)):
        for b in range(a):
            assert own[a] != own[b] or moved[a] == moved[b]
            assert own[a] <= own[b] or moved[a] >= moved[b]


def columns_of_shadow(model, **settings):
    """How many columns each split of a copy looks at."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 20)))
    made = cloning(clone(model).set_params(**settings))(rows, np.arange(60) % 2, 1)
    last = made[-1] if hasattr(made, "steps") else made
    return last.max_features_


def test_only_boosting_of_many_deep_trees_is_made_cheaper_also_in_a_pipeline():
    assert columns_of_shadow(DEEP) == 7
    assert columns_of_shadow(make_pipeline(StandardScaler(), DEEP)) == 7
    assert columns_of_shadow(SHALLOW) == 20
    assert columns_of_shadow(DEEP, max_features=0.5) == 10
