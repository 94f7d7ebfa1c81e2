"""The accountant, its records, and the exact intervals."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.privacy.accountant import Steps, composed, divergence, spent
from lockgate.privacy.budget import read_budget
from lockgate.privacy.intervals import exact, rate_at


def binomial_moment(order: int, sigma: float, rate: float) -> float:
    """Equation 3 of Mironov, Talwar and Zhang for whole orders, in logarithms."""
    logs = [
        math.lgamma(order + 1)
        - math.lgamma(k + 1)
        - math.lgamma(order - k + 1)
        + (order - k) * math.log1p(-rate)
        + k * math.log(rate)
        + (k * k - k) / (2 * sigma**2)
        for k in range(order + 1)
    ]
    top = max(logs)
    return (top + math.log(sum(math.exp(x - top) for x in logs))) / (order - 1)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 64),
    st.floats(0.3, 20, allow_subnormal=False),
    st.floats(1e-5, 0.9, allow_subnormal=False),
)
def test_the_integral_is_the_closed_form_of_whole_orders(order, sigma, rate):
    assert divergence(Steps(sigma, rate, 1), order) == pytest.approx(
        binomial_moment(order, sigma, rate), rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize(
    ("history", "delta", "epsilon"),
    [
        # As opacus 1.6.0's RDPAccountant gives it for the same history.
        ([(1.1, 0.01, 1000)], 1e-5, 1.7117700912203435),
        ([(0.7, 0.004, 5000), (1.3, 0.02, 300)], 1e-5, 4.567253779690073),
        ([(4.0, 0.1, 2000)], 1e-6, 6.100693705141348),
        ([(0.5, 0.001, 10000)], 1e-6, 7.5696598696317645),
        ([(1.0, 1.0, 10)], 1e-5, 19.05359753163139),
        ([(0.3, 0.01, 10)], 1e-6, 21.718861135629112),
    ],
)
def test_epsilon_is_what_opacus_computes(history, delta, epsilon):
    assert spent([Steps(*entry) for entry in history], delta).epsilon == pytest.approx(epsilon, abs=1e-6)


def test_epsilon_is_what_an_installed_opacus_computes():
    accountants = pytest.importorskip("opacus.accountants")
    for history in ([(0.9, 0.005, 2500)], [(2.0, 0.2, 50), (0.6, 0.01, 700)]):
        theirs = accountants.RDPAccountant()
        theirs.history = history
        ours = spent([Steps(*entry) for entry in history], 1e-5).epsilon
        assert ours == pytest.approx(theirs.get_epsilon(delta=1e-5), abs=1e-6)


def test_more_noise_costs_less_and_more_steps_cost_more():
    def epsilon(noise, steps):
        return spent([Steps(noise, 0.01, steps)], 1e-5).epsilon

    assert epsilon(2.0, 1000) < epsilon(1.0, 1000) < epsilon(1.0, 2000)
    assert epsilon(0.0, 1) == math.inf
    assert epsilon(1.0, 0) == 0.0


def test_answers_compose_as_diffprivlib_says():
    parts = [(e, 1e-7) for e in (0.1, 0.2, 0.1, 0.05) * 30]
    epsilon, delta = composed(parts, 1e-6)
    assert epsilon == pytest.approx(8.133039275231768, abs=1e-9)
    assert delta == pytest.approx(1.29999166e-05, rel=1e-8)
    assert composed([(0.1, 0.0), (0.2, 0.0)], 0.0) == (pytest.approx(0.3), 0.0)


def record(tmp_path, data):
    path = tmp_path / "record.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_a_claim_below_its_own_steps_is_noticed_and_an_honest_one_is_not(tmp_path):
    history = {"history": [[1.1, 0.01, 600], [1.1, 0.01, 400]], "mechanism": "rdp"}
    honest = read_budget(record(tmp_path, history | {"epsilon": 1.7118, "delta": 1e-5}), 1e-5)
    assert honest.epsilon == pytest.approx(1.71177, abs=1e-4)
    assert (honest.entries, honest.steps, honest.understated) == (1, 1000, False)
    assert read_budget(record(tmp_path, history | {"epsilon": 0.9}), 1e-5).understated


@pytest.mark.parametrize(
    "data",
    [
        "{",
        "[]",
        {"history": []},
        {"history": [[1, 2]]},
        {"history": [[1.1, 1.5, 10]]},
        {"history": [[-1.0, 0.1, 10]]},
        {"history": [[1.0, 0.1, 10.5]]},
        {"history": [[1.0, True, 10]]},
        {"history": [[1.0, 0.1, 10]], "mechanism": "magic"},
        {"history": [[1.0, 0.1, 10]], "epsilon": -1},
        '{"history": [[1.0, NaN, 3]]}',
        '{"history": [[1.0, 0.1, 10]], "history": [[9.0, 0.1, 1]]}',
        {"spent_budget": [[-0.1, 0]]},
        {"spent_budget": [[0.1, 0]], "slack": 1},
        {"spent_budget": [["x", 0]]},
    ],
)
def test_a_record_that_cannot_be_is_refused_in_one_sentence(tmp_path, data):
    with pytest.raises(InputError) as error:
        read_budget(record(tmp_path, data), 1e-5)
    assert "\n" not in str(error.value)


def test_clopper_pearson_is_what_the_paper_says():
    assert exact(0, 10) == (0.0, pytest.approx(0.3084971, abs=1e-6))
    assert exact(5, 10) == (pytest.approx(0.187086, abs=1e-6), pytest.approx(0.812914, abs=1e-6))
    assert exact(10, 10)[1] == 1.0


def test_the_interval_of_a_rate_covers_the_truth_at_least_as_often_as_it_says():
    """Scores with a known curve: members are normal around 2, others around 0; so is the rate at 1 %."""
    from scipy.stats import norm

    truth = float(norm.sf(norm.isf(0.01) - 2))
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rate = rate_at(rng.normal(2, 1, 400), rng.normal(0, 1, 600), 0.01)
        covered += rate.low <= truth <= rate.high
    assert covered >= 190


def test_too_few_others_settle_nothing_and_ties_find_nobody():
    assert not rate_at(np.ones(50), np.zeros(99), 0.01).settled
    tied = rate_at(np.ones(500), np.ones(500), 0.01)
    assert (tied.tpr, tied.low) == (0.0, 0.0)
