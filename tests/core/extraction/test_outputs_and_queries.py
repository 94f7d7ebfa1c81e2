"""What is let out, and what is asked."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lockgate.extraction.fingerprint import Fingerprint, chance
from lockgate.extraction.outputs import OUTPUTS, let_out
from lockgate.extraction.queries import between, made_up

_weights = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(0.0, 1.0))


@settings(deadline=None)
@given(_weights, st.sampled_from(OUTPUTS))
def test_every_output_keeps_the_label_and_adds_up_to_one(weights, output):
    probabilities = (weights + 1e-3) / (weights + 1e-3).sum(axis=1, keepdims=True)
    known = let_out(probabilities, output)
    assert known.sum(axis=1) == pytest.approx(1.0)
    at = np.arange(len(known)), probabilities.argmax(axis=1)
    assert (known[at] >= known.max(axis=1) - 1e-9).all()


@pytest.mark.parametrize("make", [made_up, between])
def test_made_rows_have_the_columns_types_and_ranges_of_the_pool(make):
    pool = pd.DataFrame(
        {
            "age": [20, 30, 80],
            "pay": [1.5, np.nan, 9.25],
            "town": ["a", "b", None],
            "flag": [True, False, True],
        }
    )
    rows = make(pool, 200, np.random.default_rng(0))
    assert list(rows.columns) == list(pool.columns)
    assert rows.age.dtype.kind == "i"
    assert rows.age.between(20, 80).all()
    assert rows.pay.dropna().between(1.5, 9.25).all()
    assert set(rows.town.dropna()) <= {"a", "b"}


def test_the_p_value_is_small_only_past_every_group_of_independent_models():
    def p(agreed, **groups):
        return chance(Fingerprint(None, [0] * 200, groups), agreed)

    few, many = [90, 100, 110, 95, 105, 100, 98, 102], [170, 175, 180, 172, 178, 176, 174, 171]
    assert p(195, same=few) < 1e-4
    assert p(100, same=few) > 0.3
    assert p(180, same=few) < 1e-3
    assert p(180, same=few, own=many) > 0.05


def test_the_p_value_of_one_more_independent_model_is_even():
    """Draws of one population: a share alpha of the p values is at or below alpha."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(2000):
        share = 1 / (1 + np.exp(-rng.normal(0.3, 0.4, 11)))
        counts = rng.binomial(200, share)
        found.append(chance(Fingerprint(None, [0] * 200, {"same": counts[:10].tolist()}), int(counts[10])))
    for alpha in (0.01, 0.05, 0.2):
        assert (np.array(found) <= alpha).mean() == pytest.approx(
            alpha, abs=3 * (alpha / 2000) ** 0.5 + 0.002
        )
