"""What is let out, and what is asked."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

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
