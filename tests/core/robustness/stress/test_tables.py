"""The stress tests of table rows: what they do to cells, and what they say of fragile and sturdy models."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lockgate.model import Predictor
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.robustness.space import Space
from lockgate.robustness.stress import judge_stress, stress_rows
from lockgate.robustness.stress.tables import UNSEEN, table_tests

COLUMNS = ["age", "pay", "town", "kind", "member", "score"]


def table(n=900, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "pay": rng.normal(3000, 800, n).round(2),
            "town": rng.choice(["north", "south", "west"], n),
            "kind": rng.choice(["a1", "b2"], n),
            "member": rng.random(n) < 0.5,
            "score": rng.normal(size=n).astype(np.float32),
        }
    )
    return frame.assign(y=np.where((frame.age > 45) ^ (frame.town == "west"), "yes", "no"))


@pytest.fixture(scope="module")
def rows():
    return table()


def model(last, *, unknown="ignore", numeric=None):
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown=unknown, sparse_output=False), ["town", "kind"]),
            (numeric or make_pipeline(SimpleImputer(), StandardScaler()), ["age", "pay", "score"]),
            ("passthrough", ["member"]),
        ),
        last,
    )


def stressed(fitted, rows, **more):
    found = stress_rows(Predictor(fitted), rows[COLUMNS], rows.y.to_numpy(), noise=0.1, share=0.1, **more)
    return {each.name: each for each in found}


def spoiled(name, frame, severity, seed=0, share=0.1):
    test = next(t for t in table_tests(frame, Space.of(frame), noise=0.1, share=share) if t.name == name)
    return test.spoil(severity, np.random.default_rng([seed, 1]))


def changed(before, after):
    return {
        name: np.array(
            [
                not (a == b or (pd.isna(a) and pd.isna(b)))
                for a, b in zip(before[name].astype(object), after[name].astype(object), strict=True)
            ]
        )
        for name in before
    }


# --- Cells ------------------------------------------------------------------------------------------

TOUCHES = {
    "noise": {"age", "pay", "score"},
    "missing-values": set(COLUMNS),
    "out-of-range": {"age", "pay", "score"},
    "unseen-category": {"town", "kind"},
    "typos": {"town", "kind"},
    "unit-change": {"age", "pay", "score"},
    "type-change": {"age", "pay", "town", "kind", "member", "score"},
    "duplicated-columns": {"age", "pay", "town", "kind", "score"},
}


@pytest.mark.parametrize("name", TOUCHES)
def test_a_test_spoils_only_its_columns_and_more_of_them_with_each_severity(name, rows):
    frame = rows[COLUMNS]
    kept = frame.copy(deep=True)
    before: dict = {}
    for severity in range(1, 6):
        hit = changed(frame, spoiled(name, frame, severity))
        assert {column for column in COLUMNS if hit[column].any()} <= TOUCHES[name]
        if name != "noise":  # moves all cells, further with each severity
            for column, mine in before.items():
                assert (hit[column] | ~mine).all()  # what a lower one spoiled is spoiled still
        before = hit
    assert {column for column in COLUMNS if before[column].any()} == TOUCHES[name]
    pd.testing.assert_frame_equal(frame, kept)  # and the rows themselves stay as they are


def test_the_judged_severity_spoils_the_share_that_was_asked_for(rows):
    frame = pd.concat([rows[COLUMNS]] * 10, ignore_index=True)
    hit = changed(frame, spoiled("missing-values", frame, 3, share=0.2))
    assert all(0.18 < hit[column].mean() < 0.22 for column in COLUMNS)


def test_cells_become_what_the_names_of_the_tests_say(rows):
    frame = rows[COLUMNS]
    out = spoiled("out-of-range", frame, 5)
    for column in ("age", "pay"):
        far = changed(frame, out)[column]
        width = frame[column].max() - frame[column].min()
        beyond = np.maximum(out[column] - frame[column].max(), frame[column].min() - out[column])
        assert np.allclose(beyond[far], width)
    assert out.age.dtype == frame.age.dtype
    unseen = spoiled("unseen-category", frame, 5).town
    assert set(unseen) == {*frame.town, UNSEEN}
    units = spoiled("unit-change", frame, 5).pay / frame.pay
    assert len(set(units.round(6)) - {1.0}) == 1  # one unit a column
    types = spoiled("type-change", frame, 5)
    assert {type(c) for c in types.age} == {int, str}
    assert set(types.town) == {*frame.town, 0, 1, 2}
    assert set(types.member) == {True, False, "True", "False"}
    cut = changed(frame, types)["pay"]
    assert (types.pay[cut] == np.trunc(frame.pay[cut])).all()
    twice = spoiled("duplicated-columns", frame, 5)
    hit = changed(frame, twice)["kind"]
    assert (twice.kind[hit] == frame.town[hit]).all()


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(width=64), min_size=4, max_size=12),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=12),
    st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=4, max_size=12),
    st.integers(0, 9),
)
def test_no_cell_whatever_it_holds_makes_a_test_raise_or_warn(floats, wholes, texts, seed):
    n = min(map(len, (floats, wholes, texts)))
    frame = pd.DataFrame(
        {
            "f": floats[:n],
            "g": np.array(floats[:n]),
            "i": np.array(wholes[:n], dtype=np.int64),
            "t": pd.Series(texts[:n], dtype=object),
            "b": np.arange(n) % 2 == 0,
        }
    )
    for test in table_tests(frame, Space.of(frame), noise=0.1, share=0.3):
        for severity in (1, 5):
            if test.columns:
                made = test.spoil(severity, np.random.default_rng(seed))
                assert list(made.columns) == list(frame.columns)
                assert len(made) == n
                assert np.isfinite(made.f[np.isfinite(frame.f)]).all() or test.name in (
                    "noise",
                    "missing-values",
                    "duplicated-columns",
                )


# --- Models -----------------------------------------------------------------------------------------


class Fragile(ClassifierMixin, BaseEstimator):
    """Is right on the rows as they are, because it knows each of them by heart, and wrong on any other."""

    feature_names_in_ = np.array(COLUMNS)
    classes_ = np.array(["no", "yes"])

    def __init__(self, rows):
        self.rows = rows

    def predict(self, frame):
        same = [not any(cells) for cells in zip(*changed(self.rows[COLUMNS], frame).values(), strict=True)]
        right = self.rows.y.to_numpy()
        return np.where(same, right, np.where(right == "yes", "no", "yes"))


def test_a_model_that_knows_rows_by_heart_fails_every_test_and_one_that_reads_one_column_holds(rows):
    few, broken = rows[:150], Outcome()
    judge_stress(broken, list(stressed(Fragile(few), few).values()), 1.0, 0.1, 0)
    verdicts = {check.id: check.verdict for check in broken.checks}
    assert {f"accuracy-drop:{name}" for name in TOUCHES} | {"crashes"} == set(verdicts)
    assert all(v is Verdict.FAIL for name, v in verdicts.items() if name != "crashes")
    assert {f.rule for f in broken.findings} == {"LG-ROBUST-002"}

    old = rows.assign(y=np.where(rows.town == "west", "yes", "no"))
    sturdy = model(HistGradientBoostingClassifier(max_iter=30, random_state=0)).fit(old[COLUMNS], old.y)
    held = Outcome()
    found = stressed(sturdy, old)
    judge_stress(held, list(found.values()), 1.0, 0.1, 0)
    assert held.verdict is Verdict.PASS, held.checks
    assert found["noise"].at(5).changed == 0  # it does not read numbers


def test_severities_cost_more_the_higher_they_are(rows):
    found = stressed(model(LogisticRegression()).fit(rows[COLUMNS], rows.y), rows)["unit-change"]
    drops = [level.drop for level in found.levels]
    assert drops == sorted(drops)
    assert drops[4] > drops[0]
    assert all(level.low <= level.drop <= level.high for level in found.levels)


def test_an_exception_fails_where_single_cells_are_bad_and_is_only_told_where_the_form_is_another(rows):
    strict = model(LogisticRegression(), unknown="error", numeric=StandardScaler()).fit(rows[COLUMNS], rows.y)
    outcome = Outcome()
    judge_stress(outcome, list(stressed(strict, rows).values()), 1.0, 1.0, 0)
    crashed = [f for f in outcome.findings if f.rule == "LG-ROBUST-003"]
    assert len(crashed) == 4  # missing values, unseen categories, typos, copies of another column
    assert all(f.severity is Severity.HIGH for f in crashed)
    refused = [f for f in outcome.findings if f.rule == "LG-ROBUST-020"]
    assert [f.severity for f in refused] == [Severity.LOW]
    assert next(c for c in outcome.checks if c.id == "accuracy-drop:type-change").verdict is Verdict.PASS
    assert next(c for c in outcome.checks if c.id == "crashes").value == 4
    assert not any(c.id == "accuracy-drop:missing-values" for c in outcome.checks)


def test_a_drop_near_the_threshold_warns(rows):
    found = stressed(model(LogisticRegression()).fit(rows[COLUMNS], rows.y), rows)
    level = found["unit-change"].at(3)
    assert level.drop < level.high
    outcome = Outcome()
    judge_stress(outcome, [found["unit-change"]], 1.0, (level.drop + level.high) / 2, 0)
    assert outcome.verdict is Verdict.WARN


def test_what_does_not_apply_is_no_check(rows):
    numbers = rows[["age", "y"]]
    fitted = LogisticRegression().fit(numbers[["age"]], numbers.y)
    found = stress_rows(Predictor(fitted), numbers[["age"]], numbers.y.to_numpy(), noise=0.1, share=0.1)
    outcome = Outcome()
    judge_stress(outcome, found, 1.0, 1.0, 9)
    assert {c.id for c in outcome.checks}.isdisjoint(
        {"accuracy-drop:typos", "accuracy-drop:unseen-category", "accuracy-drop:duplicated-columns"}
    )
    assert [each.name for each in found if not each.columns] == [
        "unseen-category",
        "typos",
        "duplicated-columns",
    ]


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(rows):
    fitted = model(LogisticRegression()).fit(rows[COLUMNS], rows.y)
    assert stressed(fitted, rows, seed=4) == stressed(fitted, rows, seed=4)
    assert stressed(fitted, rows, seed=4) != stressed(fitted, rows, seed=5)


def test_no_value_of_the_data_is_in_what_is_said(rows):
    marked = rows.assign(town=rows.town.replace("north", "zebra-town"))
    fitted = model(LogisticRegression(), unknown="error").fit(marked[COLUMNS], marked.y)
    outcome = Outcome()
    judge_stress(outcome, list(stressed(fitted, marked).values()), 1.0, 0.0, 0)
    assert any(f.rule == "LG-ROBUST-003" for f in outcome.findings)
    assert "zebra" not in json.dumps([str(outcome)])
