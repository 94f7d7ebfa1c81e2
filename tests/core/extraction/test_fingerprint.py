"""The rows of a fingerprint, and the p value of a model's answers to them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lockgate.extraction.choice import choose, most_copied
from lockgate.extraction.fingerprint import Fingerprint, chance, make
from lockgate.extraction.judge import judge_fingerprint
from lockgate.extraction.references import references, thieves
from lockgate.model import Predictor
from lockgate.outcome import Outcome


def test_the_p_value_is_small_only_past_every_group_of_independent_models():
    def p(agreed, **groups):
        return chance(Fingerprint(None, [0] * 200, groups, 200), agreed)

    few, many = [90, 100, 110, 95, 105, 100, 98, 102], [170, 175, 180, 172, 178, 176, 174, 171]
    assert p(195, same=few) < 1e-4
    assert p(100, same=few) > 0.3
    assert p(180, same=few) < 1e-3
    assert p(180, same=few, own=many) > 0.05


@pytest.mark.parametrize(("rows", "samples", "least"), [(0.0, 1.0, 0.2), (0.5, 0.5, 0.0)])
def test_independent_models_are_accused_no_more_often_than_alpha(rows, samples, least):
    """Draws of one population; the second time models of one half share what chance its rows have.

    A bootstrap sample varies about its rows as much as those vary, and the model in question has rows of its
    own, as many as a half, and all of them.
    """
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        halves = rng.normal(0, rows**0.5, 2).repeat(6)
        known = halves + rng.normal(0, samples**0.5, 12)
        odds = 0.3 + 0.4 * np.append(known, rng.normal(0, (rows or samples) ** 0.5))
        counts = rng.binomial(200, 1 / (1 + np.exp(-odds)))
        groups = {"same": counts[:12].tolist()}
        found.append(chance(Fingerprint(None, [0] * 200, groups, 200), int(counts[12])))
    for alpha in (0.01, 0.05, 0.2):
        share = (np.array(found) <= alpha).mean()
        assert least * alpha <= share < alpha + 3 * (alpha / 2000) ** 0.5


def test_a_group_that_agrees_with_the_original_makes_any_agreement_likely():
    alone = {"same": [100, 104, 96, 101, 99, 103, 97, 100]}
    assert chance(Fingerprint(None, [0] * 400, alone, 200), 400) < 1e-6
    nearly = alone | {"linear": [196, 190, 198, 200, 185, 199, 200, 194]}
    assert chance(Fingerprint(None, [0] * 400, nearly, 200), 400) > 0.01


def test_no_model_agrees_on_nearly_all_rows_that_are_chosen_where_others_can_be_had():
    """On some rows one model agrees, always the same; on others two agree, each time other ones."""
    rng = np.random.default_rng(0)
    agrees = np.zeros((10, 1000), dtype=bool)
    agrees[0, :500] = True
    for row in range(500, 1000):
        agrees[rng.choice(np.arange(1, 10), 2, replace=False), row] = True
    fewest = np.argsort(agrees.mean(axis=0), kind="stable")[:200]
    assert agrees[:, fewest].mean(axis=1).max() == 1
    picked = choose(agrees, 200)
    assert len(set(picked.tolist())) == 200
    assert agrees[:, picked].mean(axis=1).max() < 0.25


def test_rows_that_all_copies_answer_alike_are_kept_and_nearly_all_when_those_are_few():
    copied = np.array([1.0, 0.5, 1.0, 0.75, 1.0, 0.0])
    assert most_copied(copied, 0).tolist() == [0, 2, 4]
    assert most_copied(copied, 1).tolist() == [0, 2, 3, 4]
    assert most_copied(copied, 9).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def owner():
    """A linear model of rows that are nearly all told apart by one column, and rows of the same kind."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(500, 3)), columns=["a", "b", "c"])
    places = (rows.a + rng.normal(0, 0.3, 500) > 0).to_numpy().astype(int)
    return Predictor(LogisticRegression().fit(rows[:250], places[:250])), rows[250:], places[250:]


def test_models_of_one_half_of_the_rows_never_say_how_often_they_agree_on_rows_that_they_chose(owner):
    predictor, rows, places = owner
    groups = references(predictor, rows, places, None, 4, seed=0)
    asked = ([], [])

    def spied(side, model):
        def answer(given):
            asked[side].append(given.reset_index(drop=True))
            return model(given)

        return answer

    watched = {
        name: tuple([spied(side, model) for model in models] for side, models in enumerate(sides))
        for name, sides in groups.items()
    }
    found = make(predictor, rows, watched, thieves(predictor, rows, 4, seed=0), 40, seed=0)
    assert len(found.rows) == len(found.labels) == 40
    assert not found.rows.duplicated().any()
    assert {name: len(group) for name, group in found.agreements.items()} == dict.fromkeys(groups, 4)
    halves = [half.reset_index(drop=True) for half in (found.rows[:20], found.rows[20:])]
    for side, given in enumerate(asked):
        counted = [each for each in given if len(each) == found.asked]
        assert len(counted) == len(given) / 2 == 8
        assert all(each.equals(halves[1 - side]) for each in counted)


def judged(agreements, tried):
    outcome = Outcome()
    judge_fingerprint(outcome, Fingerprint(None, [0] * 400, {"same": agreements}, 200), tried)
    (check,) = outcome.checks
    return check.verdict, [finding.rule for finding in outcome.findings]


def test_a_fingerprint_is_tried_on_copies_when_it_is_made():
    few = [100, 104, 96, 101, 99, 103, 97, 100]
    assert judged(few, [1e-4, 1e-5, 0.3, 0.009]) == ("PASS", [])
    assert judged(few, [1e-4, 0.2, 0.3, 0.02]) == ("WARN", ["LG-EXTRACT-003"])


def test_a_model_that_all_others_are_like_has_no_fingerprint():
    alike = [196, 190, 198, 200, 185, 199, 200, 194]
    assert judged(alike, [0.4, 0.4, 0.4, 0.4]) == ("INCONCLUSIVE", ["LG-EXTRACT-003"])
