"""Every format answers as the library that wrote it does, and a hostile file is refused in one sentence."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lockgate.errors import InputError
from lockgate.model import Predictor, load
from lockgate.model.adapter import Adapter
from lockgate.model.boosted import check_lightgbm
from lockgate.outcome import Verdict

NAMES = list("abcd")
REFUSED = "outside of it|damaged|cannot be judged"  # by the scanner, or by what reads the trees


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 4)).astype(np.float32), columns=NAMES)
    return frame.assign(y=np.where(frame.a + frame.b > 0, "yes", "no"), z=rng.integers(0, 3, 400))


def beside(folder, **said):
    (folder / "lockgate.json").write_text(json.dumps(said))
    return folder


def agrees(predictor, frame, probabilities, classes):
    """Whether a predictor says what its library says, in whatever shape the rows come."""
    found = predictor.predict_proba(frame)
    assert predictor.classes == tuple(classes)
    np.testing.assert_allclose(found, probabilities, atol=2e-6)
    labels = np.array(classes)[found.argmax(axis=1)]
    assert (predictor.predict(pa.Table.from_pandas(frame)) == labels).all()
    assert (predictor.predict_proba(frame) == found).all()
    assert predictor.queries == 3 * len(frame)


# --- Trees in the formats of their libraries --------------------------------------------------------


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_xgboost_answers_as_it_does_itself(frame, tmp_path, ending):
    xgboost = pytest.importorskip("xgboost")
    for label, classes in (((frame.y == "yes").astype(int), (0, 1)), (frame.z, (0, 1, 2))):
        model = xgboost.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(frame[NAMES], label)
        model.save_model(tmp_path / f"m.{ending}")
        (tmp_path / f"m.{ending}").rename(tmp_path / "anything")  # the name tells nothing
        agrees(load(tmp_path / "anything"), frame, model.predict_proba(frame[NAMES]), classes)


def test_xgboost_stops_where_its_training_stopped_early(frame, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    label = (frame.y == "yes").astype(int)
    model = xgboost.XGBClassifier(n_estimators=50, early_stopping_rounds=1, learning_rate=2.0, n_jobs=1)
    model.fit(frame[NAMES], label, eval_set=[(frame[NAMES], frame.z == 1)], verbose=False)
    assert model.best_iteration + 1 < len(model.get_booster().get_dump())
    model.save_model(tmp_path / "m.ubj")
    agrees(load(tmp_path / "m.ubj"), frame, model.predict_proba(frame[NAMES]), (0, 1))


def test_classes_that_are_named_beside_a_model_are_its_labels(frame, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=3).fit(frame[NAMES], (frame.y == "yes").astype(int))
    model.save_model(tmp_path / "m.ubj")
    predictor = load(beside(tmp_path, classes=["no", "yes"]))
    assert set(predictor.predict(frame)) == {"no", "yes"}
    with pytest.raises(InputError, match="has 2 classes and 3 are named"):
        load(beside(tmp_path, classes=["no", "yes", "maybe"]))


def test_a_regressor_of_xgboost_is_no_classifier(frame, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    xgboost.XGBRegressor(n_estimators=3).fit(frame[NAMES], frame.a).save_model(tmp_path / "m.json")
    with pytest.raises(InputError, match="reg:squarederror"):
        load(tmp_path / "m.json")


def test_lightgbm_answers_as_it_does_itself(frame, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    for label, classes in (((frame.y == "yes").astype(int), (0, 1)), (frame.z, (0, 1, 2))):
        model = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1, n_jobs=1).fit(frame[NAMES], label)
        model.booster_.save_model(tmp_path / "m.txt")
        agrees(load(tmp_path / "m.txt"), frame, model.predict_proba(frame[NAMES]), classes)


def test_lightgbm_keeps_the_categories_of_its_training(frame, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    texts = frame.assign(a=np.where(frame.a > 0, "high", "low"))
    wide = texts.assign(a=texts.a.astype("category"))
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(wide[NAMES], frame.y == "yes")
    model.booster_.save_model(tmp_path / "m.txt")
    expected = model.predict_proba(wide[NAMES])
    np.testing.assert_allclose(load(tmp_path / "m.txt").predict_proba(texts), expected, atol=1e-9)


@pytest.mark.parametrize("form", ["cbm", "json"])
def test_catboost_answers_as_it_does_itself(frame, tmp_path, form):
    catboost = pytest.importorskip("catboost")
    for label, classes in ((frame.y, ("no", "yes")), (frame.z, (0, 1, 2))):
        model = catboost.CatBoostClassifier(iterations=8, verbose=0, allow_writing_files=False)
        model.fit(frame[NAMES], label)
        model.save_model(str(tmp_path / "m"), format=form)
        agrees(load(tmp_path / "m"), frame, model.predict_proba(frame[NAMES]), classes)


# --- ONNX -------------------------------------------------------------------------------------------


def exported(model, frame, path, **options):
    onnx = pytest.importorskip("skl2onnx")
    sample = frame[NAMES].to_numpy(np.float32)[:1]
    path.write_bytes(onnx.to_onnx(model, sample, options=options or None).SerializeToString())
    return path


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("label", ["y", "z"])
@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), RandomForestClassifier(8), MLPClassifier((6,), max_iter=2000, tol=1e-2)],
    ids=lambda m: type(m).__name__,
)
def test_onnx_from_scikit_learn_has_its_labels_and_probabilities(frame, tmp_path, model, label, zipmap):
    pytest.importorskip("onnxruntime")
    model.fit(frame[NAMES], frame[label])
    path = exported(model, frame, tmp_path / "m", zipmap=zipmap)
    expected = model.predict_proba(frame[NAMES])
    predictor = load(path)
    assert predictor.classes == tuple(model.classes_.tolist())
    np.testing.assert_allclose(predictor.predict_proba(frame[NAMES]), expected, atol=1e-5)


def test_onnx_with_an_input_for_each_column_reads_them_by_name(frame, tmp_path):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("skl2onnx")
    mixed = frame.assign(c=np.where(frame.c > 0, "left", "right"))
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["c"]), (StandardScaler(), ["a", "b", "d"])
        ),
        LogisticRegression(),
    ).fit(mixed[NAMES], mixed.y)
    (tmp_path / "m").write_bytes(onnx.to_onnx(model, mixed[NAMES][:1]).SerializeToString())
    predictor = load(tmp_path / "m")
    assert predictor.features == tuple(NAMES)
    shuffled = mixed[["y", "d", "b", "c", "a"]]
    np.testing.assert_allclose(
        predictor.predict_proba(shuffled), model.predict_proba(mixed[NAMES]), atol=1e-5
    )


def onnx_of(tmp_path, nodes, *, inputs=4, outputs=2, domain="", initializers=(), name="m"):
    """Write an ONNX model of these nodes, from x to y."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, outputs])],
        initializer=list(initializers),
    )
    sets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=sets, ir_version=9)
    (tmp_path / name).write_bytes(model.SerializeToString())
    assert onnx
    return tmp_path / name


def test_onnx_with_operators_of_its_own_is_refused(tmp_path):
    pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    path = onnx_of(tmp_path, [helper.make_node("Run", ["x"], ["y"], domain="evil")], domain="evil")
    with pytest.raises(InputError, match=r"LG-SCAN-051.*scan-model"):
        load(path)


@pytest.mark.parametrize("where", ["../weights", "/etc/passwd", "weights"])
def test_onnx_reads_tensors_from_its_own_folder_and_from_nowhere_else(frame, tmp_path, where):
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    weights = np.array([[1, -1], [2, 0], [0, 1], [1, 1]], dtype=np.float32)
    (tmp_path / "model").mkdir()
    (tmp_path / "weights").write_bytes(weights.tobytes())
    (tmp_path / "model" / "weights").write_bytes(weights.tobytes())
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [4, 2], weights.tobytes(), raw=True)
    onnx.external_data_helper.set_external_data(tensor, where, 0, weights.nbytes)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    onnx_of(tmp_path / "model", [helper.make_node("MatMul", ["x", "w"], ["y"])], initializers=[tensor])
    if where == "weights":
        raw = frame[NAMES].to_numpy() @ weights
        assert (load(tmp_path / "model").predict(frame[NAMES]) == raw.argmax(axis=1)).all()
    else:
        with pytest.raises(InputError, match="LG-SCAN-050"):
            load(tmp_path / "model" / "m")


def test_onnx_that_answers_not_a_number_is_refused(frame, tmp_path):
    pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["s"]),
        helper.make_node("Log", ["s"], ["y"]),
    ]
    constants = [helper.make_tensor(n, 7, [1], [v]) for n, v in (("from", 0), ("to", 2), ("axis", 1))]
    predictor = load(onnx_of(tmp_path, nodes, initializers=constants))
    with pytest.raises(InputError, match="not finite numbers") as raised:
        predictor.predict_proba(frame[NAMES])
    assert "\n" not in str(raised.value)


def test_onnx_that_gives_too_few_rows_is_refused(frame, tmp_path):
    pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    nodes = [helper.make_node("Slice", ["x", "from", "to"], ["y"])]
    constants = [helper.make_tensor(n, 7, [2], v) for n, v in (("from", [0, 0]), ("to", [2, 2]))]
    predictor = load(onnx_of(tmp_path, nodes, initializers=constants))
    with pytest.raises(InputError, match="for 400 rows"):
        predictor.predict_proba(frame[NAMES])


def test_onnx_that_gives_one_number_a_row_is_no_classifier(tmp_path):
    pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx").helper
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)
    path = onnx_of(tmp_path, [node], outputs=1, initializers=[helper.make_tensor("axes", 7, [1], [1])])
    with pytest.raises(InputError, match="one number a row"):
        load(path)
    (tmp_path / "named").mkdir()
    path.rename(tmp_path / "named" / "m")
    predictor = load(beside(tmp_path / "named", classes=["no", "yes"]))
    given = np.array([[-9, 0, 0, 0], [9, 0, 0, 0]], dtype=np.float32)
    assert predictor.predict(given).tolist() == ["no", "yes"]


# --- torch ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)).eval()


@pytest.fixture(scope="module")
def softmaxed(network, frame):
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return torch.softmax(network(torch.tensor(frame[NAMES].to_numpy())), 1).numpy()


def small_cnn(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 9, 5),
    ).eval()


def test_torchscript_answers_as_the_module_does(network, softmaxed, frame, tmp_path):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, of writing it
        torch.jit.script(network).save(tmp_path / "m")
    predictor = load(tmp_path / "m")
    np.testing.assert_allclose(predictor.predict_proba(frame[NAMES]), softmaxed, atol=1e-5)
    assert predictor.classes == (0, 1, 2)


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_safetensors_are_put_into_the_architecture_that_is_named(network, softmaxed, frame, tmp_path, where):
    pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    said = {"architecture": {"name": "mlp", "layers": [4, 8, 3]}, "classes": ["x", "y", "z"]}
    metadata = {"lockgate": json.dumps(said)} if where == "inside" else None
    save_file(network.state_dict(), tmp_path / "m.safetensors", metadata)
    if where == "beside":
        beside(tmp_path, **said)
    predictor = load(tmp_path)
    np.testing.assert_allclose(predictor.predict_proba(frame[NAMES]), softmaxed, atol=1e-5)
    assert predictor.classes == ("x", "y", "z")


def test_images_are_read_as_arrays_and_have_gradients(tmp_path):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    net = small_cnn(torch)
    save_file(net.state_dict(), tmp_path / "m")
    layers = [["conv2d", 1, 4, 3], ["relu"], ["maxpool2d", 2], ["flatten"], ["linear", 36, 5]]
    beside(tmp_path, architecture={"name": "sequential", "layers": layers}, shape=[1, 8, 8])
    predictor = load(tmp_path)
    assert predictor.shape == (1, 8, 8)
    images = np.random.default_rng(0).random((7, 1, 8, 8), dtype=np.float32)
    with torch.no_grad():
        expected = torch.softmax(net(torch.tensor(images)), 1).numpy()
    np.testing.assert_allclose(predictor.predict_proba(images), expected, atol=1e-5)
    assert predictor.gradient(images, predictor.predict(images)).shape == images.shape
    with pytest.raises(InputError, match=r"reads rows of the shape 1 x 8 x 8"):
        predictor.predict(images[:, 0])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "no architecture"),
        ({"architecture": {"name": "resnet"}}, "mlp or sequential"),
        ({"architecture": {"name": "mlp", "layers": [4, 9, 3]}}, "does not fit the architecture"),
        ({"architecture": {"name": "mlp", "layers": [4, 8, 3], "code": "x"}}, "layers and an activation"),
        ({"architecture": {"name": "mlp", "layers": [4, -8, 3]}}, "whole number belongs"),
        ({"architecture": {"name": "mlp", "layers": [4, 1 << 40, 3]}}, "whole number belongs"),
        ({"architecture": {"name": "sequential", "layers": [["eval", 1], ["relu"]]}}, "no layer called"),
        ({"architecture": {"name": "sequential", "layers": [["linear", "4", 8], ["relu"]]}}, "whole number"),
        ({"architecture": "os:system"}, "must be an object"),
        ({"trust_remote_code": True}, "no other keys"),
    ],
)
def test_an_architecture_that_is_not_known_here_is_refused(network, tmp_path, said, why):
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(network.state_dict(), tmp_path / "m")
    with pytest.raises(InputError, match=why):
        load(beside(tmp_path, **said))


def test_a_pickle_of_torch_is_refused_and_told_how_to_be_converted(network, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(network.state_dict(), tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"pickle of torch.*safetensors\.torch\.save_file"):
        load(tmp_path / "m.pt")


def test_torch_export_is_refused_and_told_how_to_be_converted(network, tmp_path):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network, (torch.zeros(2, 4),)), tmp_path / "m.pt2")
    with pytest.raises(InputError, match=r"torch\.export.*torch\.onnx\.export"):
        load(tmp_path / "m.pt2")


@pytest.mark.parametrize("length", [0x80, 0x180, 0x280, 0x580])
def test_safetensors_whose_length_begins_like_a_pickle_are_no_pickle(tmp_path, length):
    from lockgate.scan.apart import scan_files

    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "m"
    path.write_bytes(length.to_bytes(8, "little") + header.ljust(length) + bytes(4))
    said = next(scan_files([("m", path)]))
    assert (str(said.answer), said.formats) == ("safe", ("safetensors",))


# --- Gradients --------------------------------------------------------------------------------------


def numerical(predictor, rows, target, step=1e-5):
    """The same by differences of the cross-entropy."""
    at = [predictor.classes.index(label) for label in target]
    base = rows.to_numpy(np.float64)
    found = np.zeros_like(base)
    for j in range(base.shape[1]):
        losses = []
        for sign in (1, -1):
            moved = base.copy()
            moved[:, j] += sign * step
            given = pd.DataFrame(moved, columns=rows.columns)
            losses.append(-np.log(predictor.predict_proba(given)[np.arange(len(at)), at]))
        found[:, j] = (losses[0] - losses[1]) / (2 * step)
    return found


@pytest.mark.parametrize("label", ["y", "z"])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        MLPClassifier((6, 5), activation="tanh", max_iter=3000, tol=1e-2),
        make_pipeline(StandardScaler(), MLPClassifier((6,), activation="logistic", max_iter=3000, tol=1e-2)),
    ],
    ids=["linear", "scaled linear", "network", "scaled network"],
)
def test_a_gradient_by_formula_is_that_of_the_differences(frame, model, label):
    predictor = Predictor(model.fit(frame[NAMES], frame[label]))
    assert predictor.has_gradient
    rows, target = frame[NAMES][:20], frame[label][:20]
    np.testing.assert_allclose(
        predictor.gradient(rows, target), numerical(predictor, rows, target), rtol=1e-4, atol=1e-6
    )


def test_a_model_without_a_gradient_says_so(frame):
    predictor = Predictor(RandomForestClassifier(3).fit(frame[NAMES], frame.y))
    assert not predictor.has_gradient
    with pytest.raises(InputError, match="has no gradient"):
        predictor.gradient(frame, frame.y)


# --- Damaged and hostile ----------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_a_file_that_is_cut_short_anywhere_is_refused_in_one_sentence(frame, tmp_path, library):
    module = pytest.importorskip(library)
    label, path = (frame.y == "yes").astype(int), tmp_path / "m.json"
    if library == "xgboost":
        module.XGBClassifier(n_estimators=3).fit(frame[NAMES], label).save_model(path)
    elif library == "lightgbm":
        module.LGBMClassifier(n_estimators=3, verbose=-1).fit(frame[NAMES], label).booster_.save_model(path)
    else:
        made = module.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False)
        made.fit(frame[NAMES], label).save_model(str(path), format="cbm")
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError) as raised:
            load(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("left_children", 10**6), ("left_children", 0), ("right_children", -7), ("split_indices", 4)],
)
def test_a_tree_of_xgboost_that_points_out_of_itself_is_refused(frame, tmp_path, key, value):
    xgboost = pytest.importorskip("xgboost")
    xgboost.XGBClassifier(n_estimators=3).fit(frame[NAMES], frame.z).save_model(tmp_path / "m.json")
    document = json.loads((tmp_path / "m.json").read_text())
    document["learner"]["gradient_booster"]["model"]["trees"][1][key][0] = value
    (tmp_path / "m.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=REFUSED):
        load(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("key", "value"), [("left_child", 10**6), ("left_child", 0), ("right_child", -99), ("split_feature", 4)]
)
def test_a_tree_of_lightgbm_that_points_out_of_itself_is_refused(frame, tmp_path, key, value):
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=1, num_leaves=8, verbose=-1).fit(
        frame[NAMES], frame.y == "yes"
    )
    lines = model.booster_.model_to_string().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}="))
    words = lines[at].partition("=")[2].split()
    before, words[0] = lines[at], str(value)
    lines[at] = f"{key}={' '.join(words)}"
    sizes = next(i for i, line in enumerate(lines) if line.startswith("tree_sizes="))
    size = int(lines[sizes].partition("=")[2]) + len(lines[at]) - len(before)
    lines[sizes] = f"tree_sizes={size}"
    (tmp_path / "m.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=REFUSED):
        load(tmp_path / "m.txt")


@pytest.fixture(scope="module")
def by_category(tmp_path_factory):
    """A LightGBM model whose trees split by sets of categories, and its rows."""
    lightgbm = pytest.importorskip("lightgbm")
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"kind": pd.Categorical(rng.choice(list("uvwxyz"), 600)), "b": rng.normal(size=600)})
    label = rows.kind.isin(list("vxy")) ^ (rows.b > 1)
    model = lightgbm.LGBMClassifier(n_estimators=2, min_data_per_group=5, cat_smooth=1, verbose=-1)
    path = tmp_path_factory.mktemp("categories") / "m.txt"
    model.fit(rows, label).booster_.save_model(path)
    assert "num_cat=1" in path.read_text() or "num_cat=2" in path.read_text()
    return path, rows, model.predict_proba(rows)


def test_splits_by_category_of_lightgbm_are_read_as_written(by_category):
    path, rows, expected = by_category
    found = load(path).predict_proba(rows.assign(kind=rows.kind.astype(str)))
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("cat_boundaries", "-64"),
        ("cat_boundaries", "1"),
        ("cat_boundaries", "99999999"),
        ("threshold", "7"),
        ("threshold", "-1"),
        ("threshold", "1e9"),
        ("num_cat", "0"),
        ("num_cat", "9"),
    ],
)
def test_a_split_by_categories_that_are_not_there_is_refused(by_category, tmp_path, key, word):
    lines = by_category[0].read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Tree="))
    tree = dict(line.partition("=")[::2] for line in lines[start : lines.index("", start)])
    first = [int(kind) & 1 for kind in tree["decision_type"].split()].index(1) if key == "threshold" else 0
    words = tree[key].split()
    words[first] = word
    at = next(i for i, line in enumerate(lines) if i > start and line.startswith(f"{key}="))
    sizes = next(i for i, line in enumerate(lines) if line.startswith("tree_sizes="))
    grown = len(new := f"{key}={' '.join(words)}") - len(lines[at])
    lines[at] = new
    size, _, others = lines[sizes].partition("=")[2].partition(" ")
    lines[sizes] = f"tree_sizes={int(size) + grown} {others}"
    (tmp_path / "m.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="cannot be judged"):  # the scanner, before LightGBM reads it
        load(tmp_path / "m.txt")
    with pytest.raises(InputError, match="outside of it"):
        check_lightgbm(lines, 2)


class Lying(Adapter):
    """Says that it has two classes, and answers whatever it was made with."""

    kind = "liar"

    def __init__(self, answer):
        self.answer = answer

    @property
    def classes(self):
        return ("no", "yes")

    def labels(self, rows):  # noqa: ARG002
        return self.answer

    def probabilities(self, rows):  # noqa: ARG002
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        np.full((3, 2), np.nan), np.full((3, 2), np.inf), np.full((3, 2), 0.9), np.full((2, 2), 0.5),
        np.full((3, 3), 1 / 3), np.full(3, 0.5), np.array([[2.0, -1.0]] * 3), np.array([["a", "b"]] * 3),
        None,
    ],
    ids=["nan", "infinite", "sum", "few rows", "classes", "flat", "negative", "text", "nothing"],
)  # fmt: skip
def test_probabilities_that_are_none_are_refused(answer):
    with pytest.raises(InputError, match="damaged or not the classifier it says it is"):
        Predictor(Lying(answer)).predict_proba(np.zeros((3, 4)))


@pytest.mark.parametrize(
    "answer",
    [["no", "maybe", "yes"], ["no", "yes"], [["no"], ["yes"], ["no"]], [1.0, 2.0, np.nan]],
)
def test_labels_that_are_none_are_refused(answer):
    with pytest.raises(InputError, match="damaged or not the classifier it says it is"):
        Predictor(Lying(np.array(answer))).predict(np.zeros((3, 4)))
    assert Predictor(Lying(np.array(["no", "yes", "no"]))).predict(np.zeros((3, 4))).tolist() == [
        "no",
        "yes",
        "no",
    ]


def test_text_where_a_model_reads_numbers_is_named_by_its_column(frame, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    xgboost.XGBClassifier(n_estimators=3).fit(frame[NAMES], frame.z).save_model(tmp_path / "m.json")
    with pytest.raises(InputError, match="column 'a' holds something else") as raised:
        load(tmp_path / "m.json").predict(frame.assign(a="secret"))
    assert "secret" not in str(raised.value)


# --- Folders of MLflow ------------------------------------------------------------------------------


def test_a_folder_of_mlflow_leads_to_its_model(frame, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBClassifier(n_estimators=3).fit(frame[NAMES], frame.z)
    model.save_model(tmp_path / "model.ubj")
    (tmp_path / "input_example.json").write_text("{}")
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  python_function:\n    loader_module: mlflow.xgboost\n    data: model.ubj\n"
        "  xgboost:\n    data: model.ubj\n    model_format: ubj\n"
    )
    assert (load(tmp_path).predict(frame) == model.predict(frame[NAMES])).all()


@pytest.mark.parametrize(
    ("flavors", "why"),
    [
        ("python_function: {python_model: python_model.pkl}", "pickle or joblib file"),
        ("sklearn: {pickled_model: python_model.pkl, serialization_format: cloudpickle}", "pickle or joblib"),
        ("xgboost: {data: ../outside.ubj}", "path outside"),
        ("xgboost: {data: /etc/passwd}", "path outside"),
        ("xgboost: {data: nothing.ubj}", "is not there"),
        ("spark: {model_data: x}", "has no flavor"),
    ],
)
def test_a_folder_of_mlflow_with_a_pickle_or_a_path_outside_is_refused(tmp_path, flavors, why):
    (tmp_path / "python_model.pkl").write_bytes(pickle.dumps(LogisticRegression()))
    (tmp_path / "MLmodel").write_text(f"flavors:\n  {flavors}\n")
    with pytest.raises(InputError, match=why):
        load(tmp_path)


# --- Stages -----------------------------------------------------------------------------------------


def test_robustness_is_tested_on_a_native_model_as_on_its_estimator(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    from lockgate.stages.validate import test_robustness as module

    x, y = make_classification(400, 6, random_state=0)
    frame = pd.DataFrame(x, columns=[f"c{i}" for i in range(6)])
    xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(frame, y).save_model(tmp_path / "m.ubj")
    frame.assign(y=y).to_parquet(tmp_path / "d.parquet")
    given = {"label": "y", "attack_rows": 30, "precision": 0.25, "perturbed_rows": 100, "max_queries": 100}
    outcome = module.test_robustness(tmp_path / "m.ubj", tmp_path / "d.parquet", **given)
    assert outcome.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
    assert outcome.metrics["accuracy"]


def test_an_archive_with_two_models_is_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "m", "w") as archive:
        archive.writestr("a.txt", "nothing in here is a model")
    with pytest.raises(InputError, match="not a sound skops file"):
        load(tmp_path / "m")
