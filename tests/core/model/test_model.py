"""Models come from safe formats only, and the same model is always the same file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from lockgate.errors import InputError
from lockgate.model import Predictor, load, save


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=200), "b": rng.integers(0, 9, 200), "c": rng.choice(list("xyz"), 200)}
    )
    return frame.assign(y=(frame.a + frame.b / 3 > 1.5).astype(int))


def fitted(frame, last):
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["c"]),
            (StandardScaler(), ["a", "b"]),
        ),
        last,
    )
    return model.fit(frame[["a", "b", "c"]], frame.y)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("write", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
def test_a_pickle_is_refused_and_the_same_model_as_skops_is_read(frame, tmp_path, write):
    model = fitted(frame, LogisticRegression())
    with (tmp_path / "artifact").open("wb") as opened:
        write(model, opened)
    with pytest.raises(InputError, match=r"pickle or joblib file.*skops\.io\.dump"):
        load(tmp_path / "artifact")
    save(model, tmp_path / "model")
    assert (load(tmp_path / "model").predict(frame) == model.predict(frame[["a", "b", "c"]])).all()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_every_protocol_is_called_one(tmp_path, protocol):
    (tmp_path / "m").write_bytes(pickle.dumps({"a": [1, 2.5, "x"]}, protocol=protocol))
    with pytest.raises(InputError, match="is a pickle or joblib file"):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"hello", "no format that is known"),
        (b"PK\x03\x04 not a zip", "not a sound skops file"),
    ],
)
def test_a_file_that_is_no_model_is_refused_in_one_sentence(tmp_path, content, said):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(InputError, match=said):
        load(tmp_path / "m")


@pytest.mark.parametrize("level", [1, 3, 6, 9, ("gzip", 3), ("bz2", 3), ("xz", 3)], ids=str)
def test_a_compressed_joblib_file_is_refused(frame, tmp_path, level):
    joblib.dump(fitted(frame, LogisticRegression()), tmp_path / "m", compress=level)
    with pytest.raises(InputError, match="compressed pickles"):
        load(tmp_path / "m")


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.skops cannot be read"):
        load(Path("nowhere.skops"))


def test_a_folder_with_one_model_is_read_and_one_with_two_is_not(frame, tmp_path):
    model = fitted(frame, LogisticRegression())
    (tmp_path / "card.md").write_text("about it")
    save(model, tmp_path / "inner" / "model.bin")
    assert load(tmp_path).features == ("a", "b", "c")
    save(model, tmp_path / "again")
    with pytest.raises(InputError, match="holds 2 skops files"):
        load(tmp_path)


def test_a_type_off_the_reviewed_list_is_refused_and_one_on_it_is_read(frame, tmp_path):
    save(fitted(frame, KNeighborsClassifier(algorithm="kd_tree")), tmp_path / "bad")
    with pytest.raises(InputError, match=r"not on the reviewed list.*KDTree"):
        load(tmp_path / "bad")
    save(fitted(frame, KNeighborsClassifier(algorithm="brute")), tmp_path / "good")
    assert load(tmp_path / "good").kind == "KNeighborsClassifier"


def test_a_function_inside_a_model_is_refused_unless_it_is_numpys(frame, tmp_path):
    save(make_pipeline(FunctionTransformer(os.getcwd), LogisticRegression()), tmp_path / "bad")
    with pytest.raises(InputError, match=r"not on the reviewed list.*getcwd"):
        load(tmp_path / "bad")
    good = make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(frame[["b"]], frame.y)
    save(good, tmp_path / "good")
    assert load(tmp_path / "good").features == ("b",)


LASTS = [
    LogisticRegression(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(5, random_state=0),
    GradientBoostingClassifier(n_estimators=3, random_state=0),
    HistGradientBoostingClassifier(max_iter=3, random_state=0),
    BaggingClassifier(n_estimators=3, max_features=0.5, random_state=0),
    StackingClassifier(
        [("t", DecisionTreeClassifier(random_state=0))],
        final_estimator=DecisionTreeClassifier(random_state=0),
    ),
]


@pytest.mark.parametrize("last", LASTS, ids=lambda m: type(m).__name__)
def test_a_model_that_is_saved_read_and_saved_again_is_the_same_file(frame, tmp_path, last):
    model = fitted(frame, last)
    save(model, tmp_path / "one")
    read = load(tmp_path / "one")
    save(read.estimator, tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert (read.predict(frame) == model.predict(frame[["a", "b", "c"]])).all()
    assert np.allclose(read.predict_proba(frame).sum(axis=1), 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]  # no temporary file is left


def test_another_model_is_another_file(frame, tmp_path):
    save(fitted(frame, LogisticRegression()), tmp_path / "one")
    save(fitted(frame, LogisticRegression(C=0.5)), tmp_path / "two")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


@pytest.mark.slow
def test_two_processes_write_the_same_model_as_the_same_bytes(tmp_path):
    program = textwrap.dedent("""
        import sys, numpy as np
        from pathlib import Path
        from sklearn.ensemble import RandomForestClassifier
        from lockgate.model import save
        x = np.random.default_rng(0).normal(size=(100, 3))
        model = RandomForestClassifier(5, random_state=0).fit(x, x[:, 0] > 0)
        model.some_set_ = {"one", "two", "three", "four"}
        save(model, Path(sys.argv[1]))
    """)
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", program, str(tmp_path / seed)], env=env, check=True)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def _with_nodes(source: Path, target: Path, change) -> None:
    """Rewrite the node array of the first tree in a skops file."""
    done = False
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".npy") and not done:
                array = np.load(io.BytesIO(data))
                if array.dtype.names:
                    change(array)
                    buffer = io.BytesIO()
                    np.save(buffer, array)
                    data, done = buffer.getvalue(), True
            new.writestr(name, data)
    assert done


@pytest.mark.parametrize(
    ("last", "child", "feature"),
    [
        (DecisionTreeClassifier(), "left_child", "feature"),
        (RandomForestClassifier(3), "right_child", "feature"),
        (HistGradientBoostingClassifier(max_iter=2), "left", "feature_idx"),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, str) else v,
)
def test_a_tree_that_points_out_of_itself_is_refused_and_the_true_one_is_not(
    frame, tmp_path, last, child, feature
):
    save(fitted(frame, last), tmp_path / "good")
    load(tmp_path / "good")
    for field, value in ((child, 10**6), (child, 0), (feature, 10**6), (feature, 5)):

        def change(nodes, field=field, value=value):
            nodes[field][0] = value

        _with_nodes(tmp_path / "good", tmp_path / "bad", change)
        with pytest.raises(InputError, match="node numbers lie outside"):
            load(tmp_path / "bad")


def test_a_damaged_skops_file_is_refused(frame, tmp_path):
    save(fitted(frame, LogisticRegression()), tmp_path / "good")
    with zipfile.ZipFile(tmp_path / "good") as old, zipfile.ZipFile(tmp_path / "bad", "w") as new:
        schema = json.loads(old.read("schema.json"))
        schema["content"] = 5
        new.writestr("schema.json", json.dumps(schema))
    with pytest.raises(InputError, match="damaged skops file"):
        load(tmp_path / "bad")
    with zipfile.ZipFile(tmp_path / "deep", "w") as new:
        new.writestr("schema.json", "[" * 100_000)
    with pytest.raises(InputError, match="damaged skops file"):
        load(tmp_path / "deep")


def test_a_column_that_is_there_twice_is_named_in_one_sentence_and_one_beside_it_is_no_matter(frame):
    predictor = Predictor(LogisticRegression().fit(frame[["a", "b"]], frame.y))
    twice = pd.concat([frame[["a", "b"]], frame[["a"]]], axis=1)
    arrow = pa.table([twice.iloc[:, i].to_numpy() for i in range(3)], names=["a", "b", "a"])
    for table in (twice, arrow):
        with pytest.raises(InputError, match="more than one column named 'a'"):
            predictor.predict(table)
    beside = pd.concat([frame[["a", "b"]], frame[["c"]], frame[["c"]]], axis=1)
    assert (predictor.predict(beside) == predictor.predict(frame[["a", "b"]])).all()
    nameless = Predictor(LogisticRegression().fit(frame[["a", "b"]].to_numpy(), frame.y))
    with pytest.raises(InputError, match="more than one column named 'a'"):
        nameless.predict(twice[["b"]].join(frame.a).pipe(lambda t: t.set_axis(["a", "a"], axis=1)))


def test_arrow_and_pandas_rows_get_the_same_labels_in_any_column_order(frame):
    predictor = Predictor(fitted(frame, LogisticRegression()))
    table = pa.Table.from_pandas(frame[["y", "c", "b", "a"]])
    assert (predictor.predict(table) == predictor.predict(frame)).all()
    assert predictor.classes == (0, 1)


def test_rows_that_do_not_fit_the_model_are_refused_without_their_values(frame):
    predictor = Predictor(fitted(frame, LogisticRegression()))
    with pytest.raises(InputError, match="does not have: a, c"):
        predictor.predict(frame[["b"]])
    secret = frame.assign(a="secret value")
    with pytest.raises(InputError, match="raised ValueError") as raised:
        predictor.predict(secret)
    assert "secret" not in str(raised.value)
    nameless = Predictor(LogisticRegression().fit(frame[["a", "b"]].to_numpy(), frame.y))
    with pytest.raises(InputError, match="reads 2 columns and the data has 3"):
        nameless.predict(frame[["a", "b", "y"]])
    assert len(nameless.predict(frame[["a", "b"]])) == len(frame)


def test_a_regressor_and_an_unfitted_model_have_no_classes(frame):
    for model in (LinearRegression().fit(frame[["a"]], frame.y), LogisticRegression()):
        with pytest.raises(InputError, match="not a fitted classifier"):
            _ = Predictor(model).classes
    with pytest.raises(InputError, match="cannot predict"):
        Predictor(StandardScaler())
