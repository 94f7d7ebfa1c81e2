"""Groups of rows that are answered worse than the rest."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from lockgate.outcome import Outcome, Verdict
from lockgate.robustness.stress import judge_subgroups, subgroups


def rows(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["north", "south", "zebra"], n, p=[0.6, 0.3, 0.1]),
            "pay": rng.normal(size=n),
            "rooms": rng.integers(1, 9, n),
            "name": [f"person {i}" for i in range(n)],
        }
    )
    frame.loc[rng.random(n) < 0.1, "pay"] = np.nan
    return frame


def judged(frame, right, most=0.1, **more):
    outcome = Outcome()
    judge_subgroups(outcome, subgroups(frame, right), most, **more)
    return outcome


@pytest.mark.parametrize(
    ("column", "who", "name"),
    [
        ("town", lambda f: f.town == "zebra", "value 3 of 3"),
        ("pay", lambda f: f.pay.isna(), "missing"),
        ("pay", lambda f: f.pay > f.pay.quantile(0.75), "part 4 of 4"),
        ("rooms", lambda f: f.rooms == 1, "part 1 of"),
    ],
    ids=["category", "missing", "high", "low"],
)
def test_a_group_that_is_answered_worse_is_found_and_equal_groups_are_not(column, who, name):
    frame = rows()
    rng = np.random.default_rng(1)
    right = rng.random(len(frame)) < np.where(who(frame), 0.4, 0.9)
    outcome = judged(frame, right)
    assert outcome.verdict is Verdict.FAIL
    finding = outcome.findings[0]
    assert finding.rule == "LG-ROBUST-021"
    assert finding.location.column == column
    assert name in finding.message
    assert judged(frame, rng.random(len(frame)) < 0.85).verdict is Verdict.PASS


def test_among_many_equal_groups_hardly_ever_is_one_called_worse():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({f"c{i}": rng.integers(0, 12, 800).astype(str) for i in range(12)})
        alarms += any(group.low > 0 for group in subgroups(frame, rng.random(800) < 0.8, least=30).judged)
    assert alarms <= 9  # 5 of 100 is what the correction promises; 10 or more would be a chance of 3 %


def test_a_small_group_is_not_judged_and_only_small_ones_are_inconclusive():
    frame = rows()
    few = np.arange(len(frame)) < 20
    frame["town"] = np.where(few, "rare", "usual")
    right = ~few
    found = subgroups(frame[["town"]], right)
    assert found.judged == ()
    assert found.small == 1
    assert judged(frame[["town"]], right).verdict is Verdict.INCONCLUSIVE


def test_a_column_that_names_rows_makes_no_groups_and_no_columns_no_check():
    frame = rows()
    assert subgroups(frame[["name"]], np.ones(len(frame), dtype=bool)).judged == ()
    assert judged(frame[["name"]], np.ones(len(frame), dtype=bool)).checks == []


def test_a_gap_that_may_be_smaller_than_allowed_warns():
    frame = rows()
    rng = np.random.default_rng(3)
    right = rng.random(len(frame)) < np.where(frame.town == "zebra", 0.65, 0.85)
    worst = subgroups(frame, right).judged[0]
    assert worst.low < worst.gap
    assert judged(frame, right, most=(worst.low + worst.gap) / 2).verdict is Verdict.WARN
    assert judged(frame, right, most=worst.gap + 0.01).verdict is Verdict.PASS


def test_values_are_named_only_where_that_is_allowed():
    frame = rows()
    right = np.where(frame.town == "zebra", False, True)
    assert "zebra" not in json.dumps(asdict(judged(frame, right)), default=str)
    assert "zebra" in json.dumps(asdict(judged(frame, right, show_values=True)), default=str)
