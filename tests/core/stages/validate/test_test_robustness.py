"""The stage `test-robustness`; the module is imported whole, as pytest would collect the function."""

from __future__ import annotations

import json
import pickle
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import lockgate.stages.validate.test_robustness as stage_module
from lockgate.errors import InputError
from lockgate.model import Predictor, save
from lockgate.outcome import Verdict
from lockgate.robustness.lockstep import together
from lockgate.robustness.space import Space
from lockgate.robustness.stress.intervals import share as wilson


def run(*args, **kwargs):
    return stage_module.test_robustness(*args, **kwargs)


def checks(outcome):
    return {check.id: check for check in outcome.checks}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    n = 1200
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "pay": rng.normal(3000, 800, n).round(2),
            "town": rng.choice(["north", "south", "west"], n),
        }
    )
    return frame.assign(
        y=np.where((frame.age > 45) ^ (frame.town == "west") ^ (rng.random(n) < 0.02), "yes", "no")
    )


@pytest.fixture(scope="module")
def data(rows, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "artifact"
    rows[600:].to_parquet(path)
    return path


def pipeline(last, *, safe=True):
    numeric = make_pipeline(SimpleImputer(), StandardScaler()) if safe else StandardScaler()
    unknown = "ignore" if safe else "error"
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown=unknown, sparse_output=False), ["town"]), (numeric, ["age", "pay"])
        ),
        last,
    )


def saved(model, path: Path, rows) -> Path:
    save(model.fit(rows[["age", "pay", "town"]], rows.y), path)
    return path


@pytest.fixture(scope="module")
def brittle(rows, tmp_path_factory) -> Path:
    """Memorises noise in `pay`: its labels change from one pay to the next."""
    noise = rows[:600].assign(y=np.random.default_rng(1).permutation(rows.y[:600].to_numpy()))
    mixed = pd.concat([rows[:600], noise])
    return saved(pipeline(DecisionTreeClassifier(random_state=0)), tmp_path_factory.mktemp("m") / "b", mixed)


@pytest.fixture(scope="module")
def robust(rows, tmp_path_factory) -> Path:
    return saved(
        pipeline(DecisionTreeClassifier(max_depth=3, random_state=0)),
        tmp_path_factory.mktemp("m") / "r",
        rows[:600],
    )


@pytest.mark.slow
def test_a_robust_model_passes_and_a_brittle_one_fails(robust, brittle, data):
    held = run(robust, data, label="y", eps=0.1, min_accuracy_under_attack=0.7)
    assert held.verdict is Verdict.PASS, held.findings
    broken = run(brittle, data, label="y", eps=0.1, min_accuracy_under_attack=0.7)
    assert broken.verdict is Verdict.FAIL
    finding = next(f for f in broken.findings if f.rule == "LG-ROBUST-001")
    assert 0 < len(finding.location.rows) <= 20
    assert finding.check == "accuracy-under-attack"
    numbers = held.metrics["threats"]["linf"]
    assert numbers["interval_low"] <= numbers["accuracy"] <= numbers["interval_high"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_outcome_whatever_numpy_drew_before(brittle, data):
    first = run(brittle, data, label="y", attack_rows=40, seed=3)
    np.random.seed(99)  # noqa: NPY002 - the global state that ART draws from
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    second = run(brittle, data, label="y", attack_rows=40, seed=3)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert json.dumps(asdict(first), default=str) == json.dumps(asdict(second), default=str)
    other = run(brittle, data, label="y", attack_rows=40, seed=4)
    assert first.metrics["threats"] != other.metrics["threats"]


@pytest.mark.slow
def test_few_points_are_tried_completely_and_every_row_is_broken_or_proven(rows, tmp_path, data):
    model = pipeline(DecisionTreeClassifier(max_depth=3, random_state=0))
    found = run(saved(model, tmp_path / "m", rows[:600]), data, label="y", eps=0.1, attack_columns=["age"])
    numbers = found.metrics["threats"]["linf"]
    assert set(numbers["broken_by"]) == {"exhaustive"}  # nothing was left to the others
    assert numbers["proven_to_hold"] + numbers["broken"] == round(
        numbers["clean_accuracy_of_these_rows"] * numbers["rows"]
    )


@pytest.mark.slow
def test_a_model_without_numeric_columns_is_inconclusive_and_still_perturbed(rows, tmp_path, data):
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"])), LogisticRegression()
    ).fit(rows[["town"]], rows.y)
    save(model, tmp_path / "m")
    found = run(tmp_path / "m", data, label="y")
    assert checks(found)["accuracy-under-attack"].verdict is Verdict.INCONCLUSIVE
    assert "accuracy-drop:unseen-category" in checks(found)
    assert "accuracy-drop:noise" not in checks(found)  # it does not apply, which is not a pass


@pytest.mark.slow
def test_a_model_that_raises_on_bad_cells_fails_and_one_that_copes_passes(rows, tmp_path, data):
    fragile = saved(pipeline(LogisticRegression(), safe=False), tmp_path / "fragile", rows[:600])
    found = run(fragile, data, label="y", min_accuracy_under_attack=0, max_accuracy_drop=1)
    crashed = [f for f in found.findings if f.rule == "LG-ROBUST-003"]
    assert len(crashed) == 3  # missing values, unseen categories, typos
    assert checks(found)["crashes"].verdict is Verdict.FAIL
    loose = {"min_accuracy_under_attack": 0, "max_accuracy_drop": 1, "max_subgroup_gap": 1}
    allowed = run(fragile, data, label="y", max_crashes=3, **loose)
    assert allowed.verdict is Verdict.WARN
    coping = saved(pipeline(LogisticRegression()), tmp_path / "coping", rows[:600])
    assert checks(run(coping, data, label="y"))["crashes"].verdict is Verdict.PASS


@pytest.mark.slow
def test_a_drop_above_the_threshold_fails_and_below_it_passes(robust, data):
    strict = run(robust, data, label="y", max_accuracy_drop=0.0, attack_rows=30, min_accuracy_under_attack=0)
    assert checks(strict)["accuracy-drop:unseen-category"].verdict is Verdict.FAIL
    assert any(f.rule == "LG-ROBUST-002" for f in strict.findings)
    loose = run(robust, data, label="y", max_accuracy_drop=0.3, attack_rows=30, min_accuracy_under_attack=0)
    assert checks(loose)["accuracy-drop:unseen-category"].verdict is Verdict.PASS


@pytest.mark.slow
def test_a_share_inside_the_interval_warns_and_too_few_rows_are_inconclusive(robust, data):
    share = run(robust, data, label="y", precision=0.05).metrics["threats"]["linf"]["accuracy"]
    near = run(robust, data, label="y", precision=0.05, min_accuracy_under_attack=share - 0.01)
    assert checks(near)["accuracy-under-attack"].verdict is Verdict.WARN
    above = run(robust, data, label="y", precision=0.05, min_accuracy_under_attack=share + 0.01)
    assert checks(above)["accuracy-under-attack"].verdict is Verdict.FAIL
    few = run(robust, data, label="y", attack_rows=20)
    assert checks(few)["accuracy-under-attack"].verdict is Verdict.INCONCLUSIVE


@pytest.mark.slow
def test_a_model_that_always_says_the_same_is_not_praised_for_robustness(rows, tmp_path, data):
    constant = saved(pipeline(DummyClassifier()), tmp_path / "m", rows[:600])
    found = run(constant, data, label="y", min_accuracy_under_attack=0.3)
    assert any(f.rule == "LG-ROBUST-004" for f in found.findings)
    assert found.verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="y"), "label names 'y'"),
        (lambda t: t.assign(y="yes"), "one class only"),
        (lambda t: t.assign(y=None), "no value at all"),
        (lambda t: t.assign(y=np.arange(len(t)) % 2), "none of the model's 2 classes"),
        (lambda t: t.drop(columns="pay"), "does not have: pay"),
        (lambda t: t.assign(pay="a lot"), "raised ValueError"),
        (lambda t: t[:0], "no rows"),
    ],
    ids=["no label", "constant", "all null", "other classes", "column missing", "other type", "empty"],
)
def test_data_that_cannot_be_used_is_refused_in_one_sentence(robust, rows, tmp_path, change, said):
    change(rows[600:]).to_parquet(tmp_path / "d")
    with pytest.raises(InputError, match=said):
        run(robust, tmp_path / "d", label="y")


def test_models_and_parameters_that_cannot_be_used_are_refused(rows, robust, data, tmp_path):
    (tmp_path / "p").write_bytes(pickle.dumps(DummyClassifier()))
    with pytest.raises(InputError, match="pickle"):
        run(tmp_path / "p", data, label="y")
    save(LinearRegression().fit(rows[["age"]], rows.pay), tmp_path / "r")
    with pytest.raises(InputError, match="not a fitted classifier"):
        run(tmp_path / "r", data, label="y")
    for wrong in (
        {"eps": 0},
        {"eps": float("nan")},
        {"attack_rows": -1},
        {"max_queries": 1},
        {"attack_columns": ["z"]},
    ):
        with pytest.raises(InputError, match=next(iter(wrong))):
            run(robust, data, label="y", **wrong)


def test_no_raw_value_of_the_data_is_in_what_is_reported(brittle, rows, tmp_path):
    marked = rows[600:].assign(town=rows.town[600:].where(rows.town[600:] != "north", "zebra-town"))
    marked.to_parquet(tmp_path / "d")
    found = run(brittle, tmp_path / "d", label="y", attack_rows=30, perturbed_rows=50)
    assert "zebra" not in json.dumps(asdict(found), default=str)


# --- Parts ------------------------------------------------------------------------------------------


@given(st.integers(1, 5000), st.data())
def test_the_wilson_interval_holds_the_share_and_narrows_with_rows(n, data):
    right = data.draw(st.integers(0, n))
    low, high = wilson(right, n)
    assert 0 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1
    low10, high10 = wilson(10 * right, 10 * n)
    assert high10 - low10 < high - low


def test_the_wilson_interval_is_that_of_the_literature():
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I: 81 of 263.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@settings(deadline=None)
@given(st.floats(-5, 5), st.integers(0, 2**16))
def test_a_move_of_whole_numbers_never_leaves_the_box_it_was_meant_for(eps, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"i": rng.integers(-50, 50, 30), "f": rng.normal(size=30)})
    space = Space.of(frame)
    step = space.step(np.full((30, 2), eps))
    assert (np.abs(step) <= abs(eps) + 1e-9).all()
    moved = (space.values(space.moved(frame, step)) - space.values(frame)) / space.scale
    assert np.allclose(moved, step)
    assert np.allclose(space.step(step), step)  # a step that took place takes place again


def test_searches_take_turns_in_one_order_and_leave_no_thread_behind():
    threads = threading.active_count()
    seen = []

    def search(name, questions):
        def body(ask):
            for q in range(questions):
                answered = ask(q)
                seen.append((name, q, answered))

        return body

    rounds = []

    def answer(questions):
        rounds.append(sorted(questions))
        return {n: q * 10 for n, q in questions.items() if not (n == 2 and q == 1)}

    together([search("a", 3), search("b", 1), search("c", 5)], answer)
    assert rounds == [[0, 1, 2], [0, 2], [0]]
    assert seen == [("a", 0, 0), ("b", 0, 0), ("c", 0, 0), ("a", 1, 10), ("a", 2, 20)]
    assert threading.active_count() == threads


@pytest.mark.parametrize("where", ["search", "answer"])
def test_an_error_in_a_search_or_an_answer_is_raised_and_leaves_no_thread_behind(where):
    threads = threading.active_count()

    def search(ask):
        ask(1)
        if where == "search":
            raise KeyError("mine")

    def answer(questions):
        if where == "answer":
            raise KeyError("mine")
        return questions

    with pytest.raises(KeyError, match="mine"):
        together([search, search, lambda ask: [ask(i) for i in range(1, 9)]], answer)
    assert threading.active_count() == threads


class Noisy(ClassifierMixin, BaseEstimator):
    """Not from a file: raises as soon as a row moves."""

    classes_ = np.array([0, 1])
    feature_names_in_ = np.array(["x"])

    def predict(self, frame):
        if (frame["x"] != np.round(frame["x"], 3)).any():
            raise RuntimeError("a value of the data")
        return (frame["x"] > 0).astype(int).to_numpy()


def test_a_model_that_raises_only_on_moved_rows_fails_and_the_stage_runs_to_its_end(monkeypatch, tmp_path):
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=50).round(3)})
    frame.assign(y=(frame.x > 0).astype(int)).to_parquet(tmp_path / "d")
    monkeypatch.setattr(stage_module, "load", lambda *_: Predictor(Noisy()))
    found = run(tmp_path / "d", tmp_path / "d", label="y")
    assert checks(found)["accuracy-under-attack"].verdict is Verdict.INCONCLUSIVE
    assert checks(found)["crashes"].verdict is Verdict.FAIL
    assert any("moves within a threat" in f.message and "RuntimeError" in f.message for f in found.findings)


def test_importing_the_stage_loads_nothing_heavy():
    import subprocess

    program = (
        "import sys, lockgate.stages.validate.test_robustness\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'sklearn', 'skops', 'art', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.slow
def test_a_known_robust_and_a_known_broken_model_are_ranked_rightly_by_every_seed(robust, brittle, data):
    for seed in range(20):
        held, broken = (
            run(model, data, label="y", seed=seed, precision=0.1, max_queries=20).metrics["threats"]["linf"]
            for model in (robust, brittle)
        )
        assert held["interval_low"] > broken["interval_high"]


@pytest.mark.slow
def test_a_budget_that_is_used_up_is_inconclusive_unless_the_model_fails_for_certain(robust, brittle, data):
    short = run(robust, data, label="y", attack_rows=60, max_queries=40)
    assert checks(short)["accuracy-under-attack"].verdict is Verdict.INCONCLUSIVE
    assert "attack_rows is used up" in checks(short)["accuracy-under-attack"].reason
    assert short.metrics["threats"]["linf"]["interval_low"] > 0.5  # what is known is said all the same
    sure = run(brittle, data, label="y", attack_rows=60, max_queries=40, min_accuracy_under_attack=0.95)
    assert checks(sure)["accuracy-under-attack"].verdict is Verdict.FAIL


@pytest.mark.slow
def test_every_threat_has_a_check_and_its_adversarial_rows_break_the_model(brittle, data, tmp_path):
    (tmp_path / "t.yaml").write_text("version: 1\nname: mine\nsize: 0.2\nonly_up: [pay]\nimmutable: [age]\n")
    found = run(
        brittle,
        data,
        tmp_path / "adversarial",
        label="y",
        threat=["l0-1", str(tmp_path / "t.yaml")],
        precision=0.05,
        max_queries=60,
    )
    assert {"accuracy-under-attack:l0-1", "accuracy-under-attack:mine"} <= set(checks(found))
    moved, table = pd.read_parquet(tmp_path / "adversarial"), pd.read_parquet(data).reset_index(drop=True)
    mine = moved[moved.lockgate_threat == "mine"]
    before = table.loc[mine.lockgate_row.astype(int)].reset_index(drop=True)
    mine = mine.reset_index(drop=True)
    assert len(mine) == found.metrics["threats"]["mine"]["broken"] > 0
    assert (mine.pay > before.pay).all()
    assert mine[["age", "town"]].equals(before[["age", "town"]])
    said = stage_module.load(brittle).predict(mine[["age", "pay", "town"]])
    assert (said != before.y).all()


def test_a_masked_gradient_is_found_and_an_honest_one_is_not(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=list("abc"))
    y = (frame.a + frame.b > 0).astype(int)
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((6,), activation="tanh", solver="lbfgs", alpha=1, max_iter=5000, random_state=0)
    model.fit(frame, y)
    frame.assign(y=y).to_parquet(tmp_path / "d")
    save(model, tmp_path / "honest")
    model.coefs_[0] = (
        model.coefs_[0] * 1e4
    )  # every unit is saturated: the answer is a step, its slope nothing
    model.intercepts_[0] = model.intercepts_[0] * 1e4
    save(model, tmp_path / "masked")
    for name, masked in (("honest", False), ("masked", True)):
        found = run(tmp_path / name, tmp_path / "d", label="y", precision=0.2, max_queries=40, eps=0.3)
        assert any(f.rule == "LG-ROBUST-005" for f in found.findings) is masked
