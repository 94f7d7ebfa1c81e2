"""The points that a threat allows around the rows of a table: what is projected is allowed, and possible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.robustness.threat import Constraints, Threat, domain_of
from lockgate.robustness.threat.rules import read_rule


def people(n=80, seed=0):
    rng = np.random.default_rng(seed)
    debt = rng.uniform(0, 50, n)
    shares = rng.dirichlet([2, 2, 2], n)
    tenure = np.zeros((n, 3), dtype=int)
    tenure[np.arange(n), rng.integers(0, 3, n)] = 1
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "debt": debt,
            "income": debt + rng.uniform(0, 50, n),
            "rooms": rng.integers(1, 9, n).astype(float),
            "narrow": rng.normal(size=n).astype(np.float32),
            "a": shares[:, 0] * 100,
            "b": shares[:, 1] * 100,
            "c": shares[:, 2] * 100,
            "is_rent": tenure[:, 0],
            "is_own": tenure[:, 1],
            "is_other": tenure[:, 2],
            "town": rng.choice(["north", "south", "west"], n),
            "late": rng.random(n) < 0.3,
        }
    )


RULES = Constraints(
    immutable=("c",),
    categories=("town",),
    only_up=("age",),
    only_down=("rooms",),
    ranges=(("narrow", -5.0, 5.0),),
    one_hot=(("is_rent", "is_own", "is_other"),),
    category_changes=2,
    rules=(read_rule("debt <= income"), read_rule("age + 2 * rooms <= 200")),
)
SUMS = Constraints(move=("a", "b", "c"), rules=(read_rule("a + b + c == 100"),), infer=False)
THREATS = [
    Threat("box", "linf", 0.5, constraints=RULES),
    Threat("ball", "l2", 0.8, constraints=RULES),
    Threat("few", "l0", 3, constraints=RULES),
    Threat("near", "l0", 2, reach=0.7, constraints=RULES),
    Threat("sums", "linf", 0.4, constraints=SUMS),
    Threat("plain", "linf", 0.1),
    Threat("range", "l2", 0.2, unit="range"),
]


def obeys(frame, moved, said):
    """The constraints once more, in other words than the code under test: for each moved row."""
    good = pd.Series(True, index=frame.index)
    for name in (*said.immutable, "late"):
        good &= moved[name] == frame[name]
    good &= (moved["age"] >= frame["age"]) | ("age" not in said.only_up)
    good &= (moved["rooms"] <= frame["rooms"]) | ("rooms" not in said.only_down)
    if said.infer:
        good &= moved["rooms"] == moved["rooms"].round()
        good &= moved[["is_rent", "is_own", "is_other"]].sum(axis=1) == 1
        good &= moved[["is_rent", "is_own", "is_other"]].isin([0, 1]).all(axis=1)
        good &= (moved["debt"] >= frame["debt"].min()) & (moved["debt"] <= frame["debt"].max())
    good &= moved["town"].isin(frame["town"].unique())
    for rule in said.rules:
        excess = sum(w * moved[n].astype(float) for n, w in rule.weights) - rule.most
        good &= (excess.abs() < 1e-6) if rule.equal else (excess <= 1e-12)
    return good


@pytest.mark.parametrize("threat", THREATS, ids=lambda t: t.name)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), far=st.floats(0.01, 5))
def test_what_is_allowed_is_a_possible_row_within_the_threat(threat, seed, far):
    frame = people()
    domain = domain_of(threat, frame)
    origins, rng = domain.points(frame), np.random.default_rng(seed)
    wild = origins + rng.normal(size=origins.shape) * far * np.where(domain.scale > 0, domain.scale, 1)
    points = domain.project(wild, origins)
    allowed = domain.allowed(points, origins)
    assert allowed.mean() > 0.5
    moved = domain.rows(frame, points)
    assert (moved.dtypes == frame.dtypes).all()
    assert obeys(frame, moved, threat.constraints)[allowed].all()
    again = domain.points(moved)
    numbers = [i for i, c in enumerate(domain.columns) if c.number]
    steps = np.abs(again - origins)[:, numbers] / np.where(domain.scale > 0, domain.scale, 1)[numbers]
    single = [i for i, at in enumerate(numbers) if not domain.columns[at].name.startswith("is_")]
    if threat.norm == "linf":
        assert (steps[allowed][:, single] <= threat.size * (1 + 1e-6)).all()
    elif threat.norm == "l2":
        assert (np.sqrt((steps[allowed][:, single] ** 2).sum(axis=1)) <= threat.size * (1 + 1e-6)).all()
    else:
        changed = (steps[:, single] > 0).sum(axis=1) + (moved["town"] != frame["town"])
        changed += (moved[["is_rent", "is_own", "is_other"]] != frame[["is_rent", "is_own", "is_other"]]).any(
            axis=1
        )
        assert (changed[allowed] <= threat.size).all()


@pytest.mark.parametrize("threat", THREATS, ids=lambda t: t.name)
def test_a_row_that_stays_is_allowed_and_one_that_breaks_a_constraint_is_not(threat):
    frame = people()
    domain = domain_of(threat, frame)
    origins = domain.points(frame)
    assert domain.allowed(origins, origins).all()
    outside = origins.copy()
    outside[:, 2] += 1000.0
    assert not domain.allowed(outside, origins).any()


def test_missing_cells_stay_missing_and_do_not_move():
    frame = people()
    frame.loc[frame.index[:20], "debt"] = np.nan
    domain = domain_of(Threat("t", "linf", 0.5), frame)
    origins = domain.points(frame)
    points = domain.project(origins + 0.3 * domain.scale, origins)
    assert domain.allowed(points, origins).all()
    moved = domain.rows(frame, points)
    assert moved["debt"].isna().equals(frame["debt"].isna())


def test_what_is_taken_from_the_data_is_said():
    said = " ".join(domain_of(Threat("t"), people()).possible.inferred)
    assert "whole numbers" in said
    assert "range" in said
    assert "1 one-hot groups" in said
    told = domain_of(Threat("t", constraints=Constraints(infer=False)), people()).possible
    assert not any("one-hot" in each or "range" in each for each in told.inferred)


def test_a_column_that_the_data_does_not_have_is_refused():
    for said in (Constraints(immutable=("x",)), Constraints(only_up=("town",)), Constraints(move=("x",))):
        with pytest.raises(InputError, match="names column"):
            domain_of(Threat("t", constraints=said), people())
