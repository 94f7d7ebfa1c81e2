from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from lockgate.poisoning.curve import lapse
from lockgate.poisoning.evidence import Labelled, believe, flipped_share
from lockgate.poisoning.resampling import permuted_p


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_belief_is_a_probability_and_grows_with_the_prior(prior, honest, planted):
    low, high = (believe(p, np.array([honest]), np.array([planted]))[0] for p in (prior / 2, prior))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_the_flipped_share_is_estimated_right_when_the_probabilities_are(share):
    random = np.random.default_rng(0)
    p = random.uniform(0.02, 0.98, 40_000)
    label = random.random(len(p)) < p
    label ^= random.random(len(p)) < share
    rows = Labelled(label.astype(np.int64), np.column_stack([1 - p, p]))
    assert flipped_share(rows, rows.excess) == pytest.approx(share, abs=0.02)


def test_a_group_test_is_right_about_as_often_as_its_p_value_says():
    small = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        group = random.integers(0, 4, 200)
        values = random.exponential(1.0 + 2.0 * (group == 1))  # skewed, and one group wider than the rest
        values -= 1.0 + 2.0 * (group == 1)
        _, p = permuted_p(values, group, np.arange(4), random, 199)
        small += p.min() <= 0.05
    assert small <= 25  # 10 expected of exchangeable groups


def test_a_ceiling_of_agreement_is_found_where_there_is_one_and_not_where_doubt_fades():
    random = np.random.default_rng(1)
    margin = np.abs(random.normal(0, 4, 6_000))
    p = 1 / (1 + np.exp(-margin))
    agrees = random.random(len(p)) < p
    probabilities = np.column_stack([1 - p, p])
    honest = lapse(probabilities, agrees.astype(np.int64), np.random.default_rng(2), 999)
    planted = agrees & (random.random(len(p)) >= 0.1)
    found = lapse(probabilities, planted.astype(np.int64), np.random.default_rng(2), 999)
    assert honest.p_value > 0.05
    assert found.p_value < 0.01
    assert found.share == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("effect", [0.0, 0.4])
def test_permuting_counts_instead_of_rows_says_the_same(effect, monkeypatch):
    from lockgate.poisoning import resampling

    random = np.random.default_rng(1)
    group = random.integers(-1, 6, 4_000)
    values = random.beta(0.3, 2.0, 4_000) + effect * (group == 1) * (random.random(4_000) < 0.2)

    def both() -> tuple[np.ndarray, float]:
        of = np.arange(6)
        together, _ = resampling.permuted_together_p(values, group, of, np.random.default_rng(3), 400)
        return resampling.permuted_p(values, group, of, np.random.default_rng(2), 400)[1], together

    rows, rows_together = both()
    monkeypatch.setattr(resampling, "MANY_ROWS", 0)
    counts, counts_together = both()
    assert np.abs(rows - counts).max() < 0.25
    assert (
        (rows < 0.01).tolist()
        == (counts < 0.01).tolist()
        == ([False] * 6 if not effect else [False, True, *[False] * 4])
    )
    assert (rows_together < 0.01) == (counts_together < 0.01) == bool(effect)
