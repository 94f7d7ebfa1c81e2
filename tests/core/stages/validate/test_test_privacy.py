"""The stage `test-privacy`; the module is imported whole, as pytest would collect the function."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier

import lockgate.stages.validate.test_privacy as stage_module
from lockgate.errors import InputError
from lockgate.model import save
from lockgate.outcome import Verdict
from lockgate.run import run as run_stage

ROWS = 450


def run(*args, **kwargs):
    return stage_module.test_privacy(*args, label="y", **kwargs)


def table(seed, rows=2 * ROWS):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 6)), columns=[f"x{i}" for i in range(6)])
    frame["group"] = rng.integers(0, 3, rows)
    right = frame.x0 + frame.x1 * frame.x2 + rng.normal(0, 1.0, rows) > 0
    return frame.assign(y=right.astype(int))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A forest that learnt every row by heart, a linear model, and the rows of both."""
    path = tmp_path_factory.mktemp("privacy")
    rows = table(11)
    rows.assign(id=[f"p{i}" for i in range(len(rows))]).iloc[:ROWS].to_parquet(path / "train")
    rows.assign(id=[f"q{i}" for i in range(len(rows))]).iloc[ROWS:].to_parquet(path / "test")
    known = rows[:ROWS]
    for name, model in (
        ("forest", RandomForestClassifier(25, random_state=0)),
        ("linear", LogisticRegression()),
        ("ridge", RidgeClassifier()),
    ):
        save(model.fit(known.drop(columns="y"), known.y), path / name)
    return path


def test_an_overfitted_forest_fails_by_row_key_and_a_linear_model_does_not(folder):
    caught = run(folder / "forest", folder / "train", folder / "test", row_key="id", shadows=8)
    assert caught.verdict is Verdict.FAIL
    finding = next(f for f in caught.findings if f.rule == "LG-PRIVACY-001")
    assert 0 < len(finding.location.rows) <= 20
    assert all(key.startswith("p") for key in finding.location.rows)
    assert caught.metrics["membership"]["tpr_at_1pct_fpr"]["tpr"] > 0.2
    assert caught.metrics["membership"]["all"]["confidence"]["tpr_at_1pct_fpr"] < 0.2
    held = run(folder / "linear", folder / "train", folder / "test", row_key="id", shadows=8)
    assert held.verdict.opens, held.checks
    assert held.metrics["membership"]["auc"] < 0.62


def test_what_the_shadow_models_promise_is_what_the_model_shows(folder):
    """No attack sees in a shadow model what it was trained on other than by answers: means agree."""
    outcome = run(folder / "linear", folder / "train", folder / "test", row_key="id", shadows=8)
    assert outcome.metrics["membership"]["tpr_at_1pct_fpr_on_shadow_models"] < 0.06


def test_the_same_seed_gives_the_same_body_and_another_seed_another(folder, tmp_path):
    digests = []
    for number, seed in enumerate((5, 5, 6)):
        result = run_stage(
            "test-privacy",
            {
                "model": str(folder / "forest"),
                "train": str(folder / "train"),
                "test": str(folder / "test"),
                "label": "y",
                "row_key": "id",
                "shadows": 4,
                "attack_rows": 150,
                "seed": seed,
            },
            out=tmp_path / str(number),
        )
        digests.append(result.body_digest)
    assert digests[0] == digests[1] != digests[2]
    page = (tmp_path / "0" / "report.html").read_text()
    assert 'class="curves"' in page
    assert len(page) < 500_000


def test_a_model_that_gives_labels_only_is_attacked_too(folder):
    outcome = run(folder / "ridge", folder / "train", folder / "test", row_key="id", shadows=4)
    assert outcome.metrics["membership"]["tpr_at_1pct_fpr"]["tpr"] is not None


def test_too_few_rows_are_inconclusive(folder, tmp_path):
    pd.read_parquet(folder / "test").iloc[:60].to_parquet(tmp_path / "few")
    outcome = run(folder / "linear", folder / "train", tmp_path / "few", row_key="id", shadows=4)
    assert outcome.verdict is Verdict.INCONCLUSIVE


def test_rows_of_the_test_that_were_trained_on_are_named_and_left_out(folder, tmp_path):
    train, test = pd.read_parquet(folder / "train"), pd.read_parquet(folder / "test")
    pd.concat([test, train.iloc[:200].assign(id="leak")]).to_parquet(tmp_path / "leaky")
    outcome = run(folder / "forest", folder / "train", tmp_path / "leaky", row_key="id", shadows=4)
    finding = next(f for f in outcome.findings if f.rule == "LG-PRIVACY-004")
    assert (finding.count, set(finding.location.rows)) == (200, {"leak"})
    assert outcome.metrics["membership"]["non_members"] == ROWS


def test_repeated_rows_that_are_known_by_heart_warn_and_plain_ones_do_not(tmp_path):
    rows = table(3)
    odd = rows.iloc[:6].assign(y=1 - (rows.x0[:6] > 0).astype(int), x0=rows.x0[:6].round(0) * 3 + 2)
    odd["y"] = 0
    odd[["x0", "x1", "x2"]] = [3.0, 1.5, 1.5]
    train = pd.concat([rows[:ROWS], *[odd] * 8], ignore_index=True)
    rows[ROWS:].to_parquet(tmp_path / "test")
    for name, part, wanted in (("odd", train, True), ("plain", rows[:ROWS], False)):
        part.to_parquet(tmp_path / name)
        model = RandomForestClassifier(25, random_state=0).fit(part.drop(columns="y"), part.y)
        save(model, tmp_path / "model")
        outcome = run(tmp_path / "model", tmp_path / name, tmp_path / "test", shadows=4)
        assert any(f.rule == "LG-PRIVACY-003" for f in outcome.findings) is wanted


def test_a_hidden_column_that_training_gave_away_is_found(tmp_path):
    """Labels are noise, so nothing but rows known by heart can tell the hidden column."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.integers(0, 12, size=(1600, 2)), columns=list("ab"))
    rows["hidden"] = rng.integers(0, 4, len(rows))
    rows["y"] = rng.integers(0, 2, len(rows))
    rows[:800].to_parquet(tmp_path / "train")
    rows[800:].to_parquet(tmp_path / "test")
    features, label = rows[:800].drop(columns="y"), rows.y[:800]
    gaps = {}
    for name, model in (
        ("by-heart", RandomForestClassifier(40, max_features=None, random_state=0)),
        ("plain", LogisticRegression()),
    ):
        save(model.fit(features, label), tmp_path / name)
        found = run(
            tmp_path / name,
            tmp_path / "train",
            tmp_path / "test",
            attributes=["hidden"],
            shadows=4,
            attack_rows=800,
        )
        gaps[name] = found.metrics["attribute_gap"]["hidden"]
    assert gaps["plain"] < 0.08 < gaps["by-heart"]


def test_the_budget_closes_the_gate_when_it_is_overspent(folder, tmp_path):
    def verdict(noise, steps, **more):
        (tmp_path / "acc").write_text(
            json.dumps({"history": [[noise, 0.01, steps]], "mechanism": "rdp"} | more)
        )
        outcome = run(
            folder / "linear",
            folder / "train",
            folder / "test",
            tmp_path / "acc",
            row_key="id",
            shadows=4,
            max_epsilon=3.0,
        )
        return {c.id: c.verdict for c in outcome.checks}["epsilon"], {f.rule for f in outcome.findings}

    assert verdict(1.1, 1000)[0] is Verdict.PASS
    assert verdict(0.5, 1000) >= (Verdict.FAIL, {"LG-PRIVACY-005"})
    assert verdict(0.0, 10)[0] is Verdict.FAIL
    assert "LG-PRIVACY-006" in verdict(1.1, 1000, epsilon=0.5)[1]


def test_a_named_trainer_trains_the_shadow_models(folder, tmp_path, monkeypatch):
    (tmp_path / "house_training.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "CALLS = []\n"
        "def fit(rows, labels, seed):\n"
        "    CALLS.append((len(rows), seed))\n"
        "    return LogisticRegression().fit(rows, labels)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run(
        folder / "linear",
        folder / "train",
        folder / "test",
        row_key="id",
        shadows=4,
        trainer="house_training:fit",
    )
    import house_training

    assert len(house_training.CALLS) == 4
    assert {rows for rows, _ in house_training.CALLS} == {ROWS}


def test_an_image_model_is_drawn(tmp_path):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    rows = pd.DataFrame(x, columns=[f"p{i}" for i in range(64)]).assign(y=y)
    rows[:900].to_parquet(tmp_path / "train")
    rows[900:].to_parquet(tmp_path / "test")
    save(LogisticRegression(max_iter=200).fit(x[:900] / 1.0, y[:900]), tmp_path / "model")
    outcome = run(
        tmp_path / "model",
        tmp_path / "train",
        tmp_path / "test",
        image_shape=[8, 8],
        shadows=4,
        attack_rows=100,
    )
    assert outcome.metrics["inversion"]["mean_likeness_to_class_mean"] > 0.3
    assert len(outcome.pictures["What the model shows of each class"].pictures) == 10


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"shadows": 3}, "shadows"),
        ({"attack_rows": 2}, "attack_rows"),
        ({"delta": 0.0}, "delta"),
        ({"max_epsilon": -1.0}, "max_epsilon"),
        ({"attributes": ["nope"]}, "'nope'"),
        ({"row_key": "nope"}, "'nope'"),
        ({"image_shape": [3, 3]}, "image_shape"),
        ({"trainer": "no.such:thing"}, "no.such"),
        ({"trainer": "json:__name__"}, "function"),
    ],
)
def test_wrong_usage_is_one_sentence(folder, more, said):
    with pytest.raises(InputError, match=said) as error:
        run(folder / "linear", folder / "train", folder / "test", **({"row_key": "id", "shadows": 4} | more))
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:PyTorch not found:UserWarning")
def test_the_toolbox_finds_fewer_rows_than_shadow_models_do(folder):
    outcome = run(folder / "forest", folder / "train", folder / "test", row_key="id", compare_art=True)
    found = outcome.metrics["membership"]["all"]
    assert found["art-black-box"]["tpr_at_1pct_fpr"] < found["combined"]["tpr_at_1pct_fpr"]
