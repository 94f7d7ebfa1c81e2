"""Other rates of the classes are told from relabelled rows by how the rows of each class look."""

import numpy as np
import pytest

from lockgate.retraining.rates import at_their_own, only_rates


def table(rows: int, seed: int, share: float = 0.5):
    """Two classes one and a half deviations apart: probabilities at even rates, and labels."""
    random = np.random.default_rng(seed)
    y = (random.random(rows) < share).astype(int)
    x = random.normal(1.5 * y, 1.0)
    p = 1 / (1 + np.exp(-1.5 * (x - 0.75)))
    return np.column_stack([1 - p, p]), y


KNOWN = table(3_000, 1)


@pytest.mark.parametrize("share", [0.25, 0.35, 0.7])
def test_other_rates_are_recognised_nearly_always_and_the_probabilities_follow(share):
    seen = 0
    for seed in range(10, 30):
        p, y = table(1_000, seed, share)
        moved, other = at_their_own(p, y, *KNOWN)
        seen += other
        assert not other or abs(moved[:, 1].mean() - y.mean()) < 0.03
    assert seen >= 17


@pytest.mark.parametrize("part", [0.15, 0.3])
def test_relabelled_rows_are_no_other_rate(part):
    for seed in range(10, 30):
        p, y = table(1_000, seed)
        turned = (y == 0) & (np.random.default_rng([seed, 9]).random(len(y)) < part)
        assert not only_rates(p, np.where(turned, 1, y), *KNOWN)


def test_the_same_rates_are_no_other_rate():
    assert sum(only_rates(*table(1_000, seed), *KNOWN) for seed in range(10, 30)) <= 1


def test_probabilities_are_probabilities_when_a_class_is_gone():
    p, y = table(400, 4, 0.0)
    moved, _ = at_their_own(p, y, *KNOWN)
    np.testing.assert_allclose(moved.sum(axis=1), 1.0)
    assert (moved >= 0).all()


@pytest.mark.parametrize("seed", range(10, 15))
def test_another_mix_of_rows_is_no_other_rate_where_classes_overlap(seed):
    """Rates that are found without labels may be far off there; they must not make honest labels surprise."""

    def overlapping(rows: int, middle: float, seed: int):
        random = np.random.default_rng(seed)
        scores = np.column_stack(
            [np.zeros(rows), 0.3 * random.normal(middle, 1.0, rows), np.full(rows, -0.5)]
        )
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return p, (p.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(0, 2)

    p, y = overlapping(1_000, 1.5, seed)
    moved, _ = at_their_own(p, y, *overlapping(3_000, 0.0, 1))
    fits = [np.log(each[np.arange(len(y)), y]).sum() for each in (p, moved)]
    assert fits[1] > fits[0] - 1.0
