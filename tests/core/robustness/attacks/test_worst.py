"""The worst point for a weighted sum is worst: no other point of the threat goes further."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.model import Predictor
from lockgate.robustness.attacks import Target
from lockgate.robustness.attacks.linear import search
from lockgate.robustness.attacks.worst import worst
from lockgate.robustness.threat import Constraints, Threat
from lockgate.robustness.threat import domain_of as domain_of_rows
from lockgate.robustness.threat.image import ImageDomain
from lockgate.robustness.threat.rules import read_rule

NUMBERS = st.floats(-3, 3).map(lambda x: round(x, 3))


def domain_of(norm, size):
    return ImageDomain(
        Threat(norm, norm, size, unit="raw", kind="image", reach=0.5 if norm == "l0" else None)
    )


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, (3, 1, 2, 3), elements=st.floats(0, 1).map(lambda x: round(x, 3))),
    arrays(float, (3, 1, 2, 3), elements=NUMBERS),
    st.sampled_from([("linf", 0.3), ("l2", 0.4), ("l2", 5.0), ("l0", 2)]),
    st.integers(0, 1000),
)
def test_no_point_that_is_allowed_goes_further_than_the_worst(origins, slopes, threat, seed):
    domain = domain_of(*threat)
    points = worst(domain, origins, slopes)
    assert domain.allowed(points, origins).all()
    gain = ((points - origins) * slopes).sum(axis=(1, 2, 3))
    rng = np.random.default_rng(seed)
    for _ in range(30):
        other = domain.project(
            origins + rng.normal(size=origins.shape) + rng.choice([0, 1]) * slopes, origins
        )
        assert (((other - origins) * slopes).sum(axis=(1, 2, 3)) <= gain + 1e-5).all()


@pytest.mark.parametrize("seed", range(5))
def test_in_a_ball_that_ranges_cut_it_is_what_an_optimiser_finds(seed):
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    origins, slopes = rng.uniform(0, 1, (1, 1, 2, 4)), rng.normal(size=(1, 1, 2, 4))
    size = 0.7
    found = worst(domain_of("l2", size), origins, slopes)
    gain = float(((found - origins) * slopes).sum())
    flat, start = slopes.ravel(), origins.ravel()
    best = minimize(
        lambda x: -float((x - start) @ flat),
        start,
        jac=lambda _: -flat,
        bounds=[(0, 1)] * 8,
        constraints={
            "type": "ineq",
            "fun": lambda x: size**2 - float(((x - start) ** 2).sum()),
            "jac": lambda x: -2 * (x - start),
        },
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert gain == pytest.approx(-best.fun, abs=1e-6)
    plain = size * slopes / np.sqrt((slopes**2).sum())
    clipped = np.clip(origins + plain, 0, 1) - origins
    assert gain >= float((clipped * slopes).sum()) - 1e-12


@pytest.mark.parametrize("rules", [(), (read_rule("a + b <= c + 3"),)], ids=["plain", "with a rule"])
@pytest.mark.parametrize("norm", ["linf", "l2", "l0"])
def test_a_proof_of_a_linear_model_holds_against_random_rows_of_the_threat(norm, rules):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 4)), columns=list("abcd")).clip(-1.5, 1.5)
    frame = frame[frame.a + frame.b <= frame.c + 3]
    y = (frame.a + 0.5 * frame.b - frame.c + rng.normal(0, 0.3, len(frame)) > 0).to_numpy().astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, y)
    far = {"size": 1, "reach": 0.5} if norm == "l0" else {"size": 0.4}
    threat = Threat("t", norm, **far, constraints=Constraints(rules=rules))
    target = Target(Predictor(model), domain_of_rows(threat, frame), frame, y, max_queries=100)
    search(target, rng)
    assert target.certified.sum() > 20
    assert target.broken.sum() > 20
    if not rules:
        assert (target.certified | target.broken)[target.right].all()
    proven = np.flatnonzero(target.certified)
    for _ in range(200):
        points = target.origins[proven] + rng.normal(size=(len(proven), 4)) * rng.choice([0.1, 0.5, 3.0])
        points = target.domain.project(points, target.origins[proven])
        allowed = target.domain.allowed(points, target.origins[proven])
        said = model.predict(pd.DataFrame(points[allowed], columns=frame.columns))
        assert (said == y[proven[allowed]]).all()
