"""The attacks on tables: what they break is broken, possible, and as much as can be broken."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from lockgate.model import Predictor
from lockgate.model.ensembles import tree_ensemble
from lockgate.robustness.attacks import ORDER, Target, attacks_on
from lockgate.robustness.attacks.boxes import prove
from lockgate.robustness.attacks.greedy import search as greedy
from lockgate.robustness.attacks.trees import search as trees
from lockgate.robustness.measure import Budget, measure
from lockgate.robustness.threat import Constraints, Threat, domain_of
from lockgate.robustness.threat.rules import read_rule

BOX = Threat("box", "linf", 0.2, constraints=Constraints(infer=False))


def table(n=600, seed=0, classes=2):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["e"] = rng.integers(0, 20, n)
    score = frame.a * frame.b + frame.c + 0.1 * frame.e + rng.normal(0, 0.3, n)
    edges = np.quantile(score, np.arange(1, classes) / classes)
    return frame, np.searchsorted(edges, score)


def target_of(model, threat=BOX, classes=2, rows=120):
    frame, y = table(classes=classes)
    fitted = model.fit(frame[300:], y[300:])
    return Target(Predictor(fitted), domain_of(threat, frame), frame[:rows], y[:rows], max_queries=500)


def attacked(target, *, slow=False, only=None):
    for attack in attacks_on(target):
        if (slow or not attack.last) and (only is None or attack.name in only):
            target.attack = attack.name
            attack.search(target, np.random.default_rng(0))
    target.confirm()
    return target


TREES = [
    DecisionTreeClassifier(max_depth=6, random_state=0),
    RandomForestClassifier(15, random_state=0),
    ExtraTreesClassifier(10, random_state=0),
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    HistGradientBoostingClassifier(max_iter=20, random_state=0),
    make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)),
    make_pipeline(MinMaxScaler(), GradientBoostingClassifier(n_estimators=10, random_state=0)),
]


def names(models):
    return [
        type(getattr(m, "steps", [("", m)])[-1][1]).__name__ + ("+" * hasattr(m, "steps")) for m in models
    ]


def walked(ensemble, points):
    scores = np.tile(ensemble.base, (len(points), 1))
    for root in ensemble.roots:
        for i, point in enumerate(points):
            node = root
            while ensemble.feature[node] >= 0:
                small = point[ensemble.feature[node]] <= ensemble.threshold[node]
                node = ensemble.left[node] if small else ensemble.right[node]
            scores[i] += ensemble.value[node]
    return scores


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", TREES, ids=names(TREES))
def test_the_trees_that_were_read_answer_as_the_model_does(model, classes):
    frame, y = table(classes=classes)
    predictor = Predictor(model.fit(frame, y))
    ensemble = tree_ensemble(predictor)
    assert (walked(ensemble, frame[:150].to_numpy()).argmax(axis=1) == predictor.predict(frame[:150])).all()


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_trees_of_native_files_answer_as_the_model_does(library, classes, tmp_path):
    from lockgate.model import load

    frame, y = table(classes=classes)
    if library == "xgboost":
        xgboost = pytest.importorskip("xgboost")
        xgboost.XGBClassifier(n_estimators=12, n_jobs=1).fit(frame, y).save_model(tmp_path / "m.json")
        predictor = load(tmp_path / "m.json")
    else:
        lightgbm = pytest.importorskip("lightgbm")
        made = lightgbm.LGBMClassifier(n_estimators=12, n_jobs=1, verbose=-1).fit(frame, y)
        made.booster_.save_model(str(tmp_path / "m.txt"))
        predictor = load(tmp_path / "m.txt")
    found = walked(tree_ensemble(predictor), frame[:150].to_numpy()).argmax(axis=1)
    assert (found == predictor.predict(frame[:150])).all()


def test_a_model_whose_columns_are_made_anew_has_no_trees_that_are_read():
    from sklearn.decomposition import PCA

    frame, y = table()
    model = make_pipeline(PCA(2), RandomForestClassifier(5)).fit(frame, y)
    assert tree_ensemble(Predictor(model)) is None


@pytest.mark.parametrize("model", TREES, ids=names(TREES))
def test_reading_trees_breaks_no_less_than_greedy_search_and_proves_nothing_that_breaks(model):
    reading, asking = target_of(model), target_of(model)
    trees(reading, np.random.default_rng(0))
    reading.confirm()
    greedy(asking, np.random.default_rng(0))
    assert reading.broken.sum() >= asking.broken.sum() - 1
    assert not (reading.certified & asking.broken).any()
    assert not (reading.certified & reading.broken).any()
    assert reading.queries.mean() <= 5
    assert asking.queries.max() <= 3 * 5 + 10 + 2 * 5 + 2


def test_a_proof_of_trees_holds_against_every_point_of_a_grid():
    target = target_of(DecisionTreeClassifier(max_depth=5, random_state=0), rows=60)
    trees(target, np.random.default_rng(0))
    low, high = target.domain.bounds(target.origins)
    grid = list(itertools.product([0.0, 0.25, 0.5, 0.75, 1.0], repeat=4))
    for row in np.flatnonzero(target.certified):
        points = np.repeat(target.origins[[row]], len(grid), axis=0)
        points[:, :4] = low[row, :4] + np.array(grid) * (high[row, :4] - low[row, :4])
        assert (
            target.predictor.predict(target.domain.rows(target.rows.iloc[[row] * len(grid)], points))
            == target.truth[row]
        ).all()
    assert target.certified.sum() + target.broken.sum() == target.right.sum()  # one tree: the bound is exact


def cornered(model, *, frame, y, size, rows=60):
    """A target whose trees were searched."""
    fitted = model.fit(frame[300:], y[300:])
    threat = Threat("box", "linf", size, constraints=Constraints(infer=False))
    searched = Target(Predictor(fitted), domain_of(threat, frame), frame[:rows], y[:rows], max_queries=500)
    trees(searched, np.random.default_rng(0))
    return searched


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_in_the_reach_of_few_points_are_broken_or_proven_as_trying_all_of_them_says(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(0, 12, size=(500, 4)), columns=list("abcd"))
    y = ((frame.a * frame.b + 3 * frame.c + rng.normal(0, 6, 500)) > 45).astype(int).to_numpy()
    for model in (
        RandomForestClassifier(9, random_state=seed),
        GradientBoostingClassifier(n_estimators=40, random_state=seed),
    ):
        target = cornered(model, frame=frame, y=y, size=0.4)
        every = np.array(list(itertools.product([-1, 0, 1], repeat=4)))
        low, high = target.domain.bounds(target.origins)
        for row in np.flatnonzero(target.right):
            points = target.origins[row] + every
            points = points[((points >= low[row]) & (points <= high[row])).all(axis=1)]
            said = model.predict(pd.DataFrame(points.astype(int), columns=frame.columns))
            assert target.broken[row] == (said != y[row]).any()
            assert target.certified[row] == (said == y[row]).all()


def test_splitting_boxes_proves_rows_that_bounds_of_the_whole_reach_do_not_and_none_that_breaks():
    frame, y = table()
    target = cornered(GradientBoostingClassifier(n_estimators=60, random_state=0), frame=frame, y=y, size=0.3)
    plain = Target(target.predictor, target.domain, frame[:60], y[:60], max_queries=500)
    low, high = plain.domain.bounds(plain.origins)
    kept = tree_ensemble(plain.predictor)
    prove(plain, kept, plain.open, low[plain.open], high[plain.open], split=False)
    assert target.certified.sum() > plain.certified.sum()
    rng = np.random.default_rng(1)
    for row in np.flatnonzero(target.certified & target.right):
        points = rng.uniform(low[row], high[row], size=(400, low.shape[1]))
        points[:, 4] = np.rint(points[:, 4])
        points = target.domain.project(points, np.repeat(target.origins[[row]], 400, axis=0))
        moved = target.domain.rows(frame.iloc[np.full(400, row)], points)
        assert (target.predictor.predict_proba(moved).argmax(axis=1) == y[row]).all()


def test_a_row_that_the_trees_search_is_asked_about_by_answers_only_where_it_is_unproven():
    frame, y = table()
    fitted = GradientBoostingClassifier(random_state=0).fit(frame[300:], y[300:])
    domain = domain_of(BOX, frame)
    budget = Budget(precision=1e-9, queries=500)
    found = measure(Predictor(fitted), domain, frame[:100], y[:100], budget=budget, seed=0)
    assert found.queries[found.right].mean() < 20
    blind = Target(Predictor(fitted), domain, frame[:100], y[:100], max_queries=500)
    attacked(blind, slow=True, only=("greedy", "hopskipjump"))
    assert not (blind.broken & found.certified).any()
    assert found.broken.sum() >= blind.broken.sum()


def test_a_model_whose_trees_were_misread_is_attacked_by_answers_as_any_other(monkeypatch):
    def blind(target, _rng):  # an attack that claims to have looked everywhere
        target.searched[:] = True

    from lockgate.robustness.attacks import trees as module

    monkeypatch.setattr(module, "ATTACK", replace(module.ATTACK, search=blind))
    frame, y = table()
    fitted = GradientBoostingClassifier(random_state=0).fit(frame[300:], y[300:])
    budget = Budget(precision=1e-9, queries=500)
    found = measure(Predictor(fitted), domain_of(BOX, frame), frame[:100], y[:100], budget=budget, seed=0)
    asked = Target(Predictor(fitted), domain_of(BOX, frame), frame[:100], y[:100], max_queries=500)
    attacked(asked, only=("greedy",))
    assert found.broken.sum() >= asked.broken.sum()
    assert "hopskipjump" in found.attacks


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression()), LinearSVC()],
    ids=["plain", "scaled", "labels only"],
)
def test_a_linear_model_is_broken_exactly_where_it_can_be(model):
    target = attacked(target_of(model))
    last = getattr(model, "steps", [("", model)])[-1][1]
    weights = last.coef_[0] / (model[0].scale_ if hasattr(model, "steps") else 1)
    scores = model.decision_function(target.rows)
    reach = 0.2 * np.abs(weights * target.domain.scale)
    reach[4] = np.abs(weights[4]) * np.floor(0.2 * target.domain.scale[4])  # whole numbers
    can = target.right & (np.abs(scores) <= reach.sum())
    assert (target.broken == can).all()
    assert (target.certified == (target.right & ~can)).all()


@pytest.mark.parametrize("norm", ["l2", "l0"])
def test_other_norms_break_only_what_they_can(norm):
    threat = Threat("t", norm, 1 if norm == "l0" else 0.3, constraints=Constraints())
    for model in (
        LogisticRegression(),
        RandomForestClassifier(10, random_state=0),
        MLPClassifier((8,), solver="lbfgs", alpha=1, max_iter=5000, random_state=0),
    ):
        target = attacked(target_of(model, threat))
        assert target.broken.any()
        assert target.domain.allowed(target.found[target.broken], target.origins[target.broken]).all()


@pytest.mark.slow
def test_hopskipjump_breaks_what_lies_near_the_border_by_labels_alone():
    target = target_of(LinearSVC(), rows=60)
    can = attacked(target_of(LinearSVC(), rows=60)).broken
    attacked(target, slow=True, only=("hopskipjump",))
    assert not (target.broken & ~can).any()
    assert target.broken.sum() >= 0.7 * can.sum() > 0
    assert target.queries.max() <= 501


CONSTRAINED = Constraints(
    immutable=("d",),
    only_up=("a",),
    only_down=("b",),
    steps=(("c", 0.25),),
    rules=(read_rule("a + b <= c + 3"),),
)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2", "l0"])
@pytest.mark.parametrize(
    "model",
    [
        *TREES[:4],
        LogisticRegression(),
        MLPClassifier((8,), solver="lbfgs", alpha=1, max_iter=5000, random_state=0),
        LinearSVC(),
    ],
    ids=lambda m: type(m).__name__,
)
def test_every_adversarial_row_obeys_every_constraint(model, norm):
    threat = Threat("t", norm, 2 if norm == "l0" else 0.5, constraints=CONSTRAINED)
    frame, y = table(900)
    frame["c"] = (frame.c * 4).round() / 4
    frame = frame[frame.a + frame.b <= frame.c + 3]
    y = y[frame.index]
    predictor = Predictor(model.fit(frame[300:], y[300:]))
    target = Target(predictor, domain_of(threat, frame), frame[:150], y[:150], max_queries=300)
    attacked(target, slow=True)
    assert target.broken.sum() >= 5
    moved = target.domain.rows(frame[:150], target.found)[target.broken]
    before = frame[:150][target.broken]
    assert (moved.d == before.d).all()
    assert (moved.a >= before.a).all()
    assert (moved.b <= before.b).all()
    assert (moved.c * 4 == (moved.c * 4).round()).all()
    assert (moved.a + moved.b <= moved.c + 3 + 1e-12).all()
    assert (moved.e == moved.e.round()).all()
    assert (predictor.predict(moved) != y[:150][target.broken]).all()


def test_a_point_that_is_not_allowed_breaks_nothing_whatever_the_model_says():
    target = target_of(LogisticRegression())
    far = target.origins[target.open] + 100.0
    assert (target.ask(target.open, far) < 0).any()
    assert not target.broken.any()


def test_questions_beyond_the_budget_are_not_asked():
    target = target_of(LogisticRegression(), rows=10)
    at = np.zeros(2000, dtype=int)
    asked = target.ask(at, np.repeat(target.origins[:1], 2000, axis=0))
    assert np.isnan(asked).sum() == 2000 - 499
    assert target.queries[0] == 500
    assert target.spent[0]


def test_text_that_a_threat_lets_change_is_changed_and_else_stays():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "town": rng.choice(["n", "s", "w"], 300)})
    y = (frame.town == "s").astype(int).to_numpy()
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    model = make_pipeline(
        make_column_transformer((OneHotEncoder(sparse_output=False), ["town"]), ("passthrough", ["x"])),
        LogisticRegression(),
    ).fit(frame, y)
    for said, breaks in ((Constraints(), False), (Constraints(categories=("town",)), True)):
        target = Target(
            Predictor(model),
            domain_of(Threat("t", constraints=said), frame),
            frame[:50],
            y[:50],
            max_queries=100,
        )
        attacked(target)
        assert target.broken[target.right].all() if breaks else not target.broken.any()


def test_every_attack_of_the_order_says_how_it_searches():
    from importlib import import_module

    for name in ORDER:
        attack = import_module(f"lockgate.robustness.attacks.{name}").ATTACK
        assert attack.finds
