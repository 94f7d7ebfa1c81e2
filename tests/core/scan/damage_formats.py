"""Formats for `damage`: real files of each, and what their own library says a file is built of."""

# ruff: noqa: E501 - tables of formats; what is unpickled was made here and damaged

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from damage import Format

Maker = Callable[[int], list[bytes]]
Read = tuple[object, object]  # structure, names


def available() -> Iterator[Format]:
    """Yield the formats whose libraries are installed."""
    for name, needs, make, read in FORMATS:
        if all(importlib.util.find_spec(one) for one in needs.split()):
            yield Format(name, make, read)


def shape_of(thing: Any, depth: int = 0) -> Any:
    """Return types, lengths, shapes and types of numbers of anything, without its values."""
    kind = f"{type(thing).__module__}.{type(thing).__qualname__}"
    if depth > 12:
        return (kind,)
    if isinstance(thing, np.ndarray):
        return (kind, thing.dtype.str, thing.shape)
    if hasattr(thing, "untyped_storage"):
        return (kind, str(thing.dtype), tuple(thing.shape), tuple(thing.stride()))
    if isinstance(thing, dict):
        return (kind, len(thing), tuple(shape_of(one, depth + 1) for one in thing.values()))
    if isinstance(thing, (list, tuple, set, frozenset)):
        return (kind, len(thing), tuple(shape_of(one, depth + 1) for one in thing))
    if hasattr(thing, "__getstate__") and not isinstance(thing, (int, float, str, bytes, type, np.generic)):
        return (kind, shape_of(thing.__getstate__(), depth + 1))
    return (kind,)


def names_of(thing: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts that are keys or names of fields in anything, in order."""
    if depth > 12:
        return
    if isinstance(thing, np.ndarray):
        yield from thing.dtype.names or ()
    elif isinstance(thing, dict):
        yield from (str(key) for key in thing)
        for one in thing.values():
            yield from names_of(one, depth + 1)
    elif isinstance(thing, (list, tuple)):
        for one in thing:
            yield from names_of(one, depth + 1)
    elif hasattr(thing, "__getstate__") and not isinstance(thing, (int, float, str, bytes, type, np.generic)):
        yield from names_of(thing.__getstate__(), depth + 1)


def described(thing: Any) -> Read:
    """Return structure and names of anything."""
    return shape_of(thing), tuple(names_of(thing))


# --- Pickles --------------------------------------------------------------------------------------------


def models(seed: int) -> list[Any]:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(60, 4))
    labels = (rows[:, 0] > 0).astype(int)
    return [
        RandomForestClassifier(3, random_state=seed, max_depth=4).fit(rows, labels),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels),
        GradientBoostingClassifier(n_estimators=3, random_state=seed).fit(rows, labels),
        {"weights": rows, "names": [f"c{n}" for n in range(4)], "rate": 0.1, "on": True, "steps": 10**6},
    ]


def pickles(seed: int) -> list[bytes]:
    return [pickle.dumps(one, protocol) for one, protocol in zip(models(seed), (4, 5, 2, 3), strict=True)]


def estimators(seed: int) -> list[bytes]:
    """Return twelve of scikit-learn's estimators by chance, each in a protocol by chance."""
    import warnings

    from sklearn.utils import all_estimators

    chance = np.random.default_rng(seed)
    rows = np.abs(chance.normal(size=(25, 3)))
    labels = (rows[:, 0] > 0.6).astype(int)
    known = all_estimators()
    made: list[bytes] = []
    for at in chance.permutation(len(known)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = known[at][1]().fit(rows, labels)
        except (TypeError, ValueError, AttributeError, IndexError):
            continue  # takes other data, or other estimators
        data = pickle.dumps(model, int(chance.integers(6)))
        if len(data) < 1 << 15:
            made.append(data)
        if len(made) == 12:
            break
    return made


def joblibs(**options: Any) -> Maker:
    def make(seed: int) -> list[bytes]:
        import joblib

        made = []
        for model in models(seed):
            written = io.BytesIO()
            joblib.dump(model, written, **options)
            made.append(written.getvalue())
        return made

    return make


def unpickle(path: str) -> Read:
    with Path(path).open("rb") as file:
        return described(pickle.load(file))


def unjoblib(path: str) -> Read:
    import joblib

    return described(joblib.load(path))


# --- Arrays and tensors ---------------------------------------------------------------------------------


def arrays(seed: int) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    records = np.zeros(5, dtype=[("a", "<i4"), ("b", "<f8", (2,)), ("c", "S3")])
    return [chance.normal(size=(7, 5)), chance.integers(9, size=30), np.asfortranarray(np.eye(6)), records, np.array(["ab", "c"])]  # fmt: skip


def npy(seed: int) -> list[bytes]:
    made = []
    for array in arrays(seed):
        written = io.BytesIO()
        np.save(written, array)
        made.append(written.getvalue())
    return made


def npz(seed: int) -> list[bytes]:
    made = []
    for save in (np.savez, np.savez_compressed):
        written = io.BytesIO()
        save(written, **{f"a{n}": array for n, array in enumerate(arrays(seed))})
        made.append(written.getvalue())
    return made


def read_npy(path: str) -> Read:
    array = np.load(path, allow_pickle=False)
    return (array.dtype.kind, array.dtype.itemsize, array.dtype.isnative, array.shape), array.dtype.names


def read_npz(path: str) -> Read:
    with np.load(path, allow_pickle=False) as held:
        return tuple(shape_of(held[name]) for name in held.files), tuple(held.files)


def safetensors(seed: int) -> list[bytes]:
    from safetensors.numpy import save

    named = {f"layer.{n}.weight": a for n, a in enumerate(arrays(seed)[:3])}
    return [
        save(named, {"format": "pt"}),
        save({"w": np.ones((3, 4), np.float16), "empty": np.zeros((0, 2))}),
    ]


def read_safetensors(path: str) -> Read:
    from safetensors import safe_open

    with safe_open(path, "numpy") as held:
        names = sorted(held.keys())
        return sorted(shape_of(held.get_tensor(name)) for name in names), names


def torches(seed: int) -> list[Any]:
    import torch

    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7), torch.nn.Linear(7, 2))
    tied = net[0].weight.detach()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(3, 5)).sum().backward()
    optimizer.step()
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "same": tied, "part": tied[1:, ::2]}  # fmt: skip
    return [net.state_dict(), state, net]


def torch_saved(legacy: bool) -> Maker:
    def make(seed: int) -> list[bytes]:
        import torch

        made = []
        for thing in torches(seed):
            written = io.BytesIO()
            torch.save(thing, written, _use_new_zipfile_serialization=not legacy)
            made.append(written.getvalue())
        return made

    return make


def read_torch(path: str) -> Read:
    import torch

    return described(torch.load(path, weights_only=False))


def scripts(seed: int) -> list[bytes]:
    import torch

    written = io.BytesIO()
    torch.jit.save(torch.jit.script(torches(seed)[2]), written)
    return [written.getvalue()]


def read_script(path: str) -> Read:
    import torch

    held = torch.jit.load(path)
    weights = held.state_dict()
    return (held.code, shape_of(weights)), tuple(weights)


# --- Archives -------------------------------------------------------------------------------------------


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return written.getvalue()


def tar_of(members: dict[str, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=kind) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return written.getvalue()


def tars(seed: int) -> list[bytes]:
    members = {f"weights/{n}.npy": data for n, data in enumerate(npy(seed))}
    longer = {**members, f"{'folder/' * 30}notes.txt": b"notes of a model"}
    return [tar_of(members, tarfile.USTAR_FORMAT), tar_of(longer), tar_of(longer, tarfile.GNU_FORMAT)]


def nemos(seed: int) -> list[bytes]:
    import torch

    written = io.BytesIO()
    torch.save(torches(seed)[0], written)
    config = b"model:\n  encoder:\n    _target_: torch.nn.Linear\n    in_features: 5\n"
    members = {"./model_config.yaml": config, "./model_weights.ckpt": written.getvalue()}
    return [tar_of(members), gzip.compress(tar_of(members))]


def mars(seed: int) -> list[bytes]:
    manifest = {"createdOn": "01/01/2026", "model": {"modelName": "m", "handler": "image_classifier", "serializedFile": "m.npz"}}  # fmt: skip
    members = {"MAR-INF/MANIFEST.json": json.dumps(manifest).encode(), "m.npz": npz(seed)[0], "index_to_name.json": b'{"0": "a"}'}  # fmt: skip
    return [zip_of(members), zip_of(members, zipfile.ZIP_STORED)]


def read_tar(path: str) -> Read:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        for one in members:
            if one.isfile():
                held = archive.extractfile(one)
                assert held is not None
                assert len(held.read()) == one.size
        return tuple((one.type, one.size) for one in members), tuple(one.name for one in members)


def read_zip(path: str) -> Read:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        members = archive.infolist()
        return tuple(one.file_size for one in members), tuple(one.filename for one in members)


def skops(seed: int) -> list[bytes]:
    from skops.io import dumps

    return [dumps(one) for one in models(seed)[:2]]


def read_skops(path: str) -> Read:
    from skops.io import get_untrusted_types, load

    return described(load(path, trusted=get_untrusted_types(file=path)))


# --- Graphs ---------------------------------------------------------------------------------------------


def onnxes(seed: int) -> list[bytes]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from skl2onnx import to_onnx

    chance = np.random.default_rng(seed)
    rows = np.ones((2, 4), np.float32)
    made: list[bytes] = [to_onnx(one, rows).SerializeToString() for one in models(seed)[:2]]
    weights = [
        numpy_helper.from_array(chance.normal(size=(4, 4)).astype(np.float32), f"w{n}") for n in range(3)
    ]
    branch = helper.make_graph([helper.make_node("Identity", ["y1"], ["t"])], "then", [], [helper.make_tensor_value_info("t", 1, None)])  # fmt: skip
    other = helper.make_graph([helper.make_node("Neg", ["y1"], ["e"])], "else", [], [helper.make_tensor_value_info("e", 1, None)])  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["y0"]),
        helper.make_node("Gemm", ["y0", "w1"], ["y1"], alpha=0.5),
        helper.make_node("If", ["c"], ["y2"], then_branch=branch, else_branch=other),
        helper.make_node("Add", ["y2", "w2"], ["y"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("x", 1, [4, 4]), value("c", TensorProto.BOOL, [])], [value("y", 1, [4, 4])], weights)  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="test")
    onnx.checker.check_model(model)
    return [*made, model.SerializeToString()]


def read_onnx(path: str) -> Read:
    import onnx

    model = onnx.load(path)
    onnx.checker.check_model(model)
    versions = tuple((one.domain, one.version) for one in model.opset_import)
    return (versions, _onnx_graph(model.graph)), ()


def _onnx_graph(graph: Any) -> tuple[Any, ...]:
    from onnx import numpy_helper

    nodes = []
    for node in graph.node:
        attributes = [(a.name, a.type, shape_of(numpy_helper.to_array(a.t)) if a.type == 4 else _onnx_graph(a.g) if a.type == 5 else ()) for a in node.attribute]  # fmt: skip
        nodes.append((node.op_type, node.domain, len(node.input), len(node.output), tuple(attributes)))
    weights = tuple(shape_of(numpy_helper.to_array(one)) for one in graph.initializer)
    return tuple(nodes), weights, len(graph.input), len(graph.output)


def _tensorflow_models(seed: int) -> list[Any]:
    import tensorflow as tf

    chance = np.random.default_rng(seed)

    class Net(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(chance.normal(size=(4, 3)).astype(np.float32), name="kernel")
            self.table = tf.constant(chance.integers(9, size=12))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
        def __call__(self, rows: Any) -> Any:
            made = tf.nn.relu(tf.matmul(rows, self.kernel))
            return tf.cond(tf.reduce_sum(made) > 1.0, lambda: made * 2.0, lambda: made - 1.0)

    class Plain(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([3], tf.string), tf.TensorSpec([], tf.int32)])
        def __call__(self, words: Any, times: Any) -> Any:
            return tf.strings.join([tf.strings.lower(words), "x"]), tf.range(times) ** 2

    return [Net(), Plain()]


def saved_models(seed: int) -> list[bytes]:
    import tensorflow as tf

    made = []
    for model in _tensorflow_models(seed):
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(model, folder)
            made.append((Path(folder) / "saved_model.pb").read_bytes())
    return made


def frozen_graphs(seed: int) -> list[bytes]:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    models = _tensorflow_models(seed)
    plain = tf.function(models[0].__call__.python_function).get_concrete_function(
        tf.TensorSpec([2, 4], tf.float32)
    )
    return [convert_variables_to_constants_v2(plain).graph.as_graph_def().SerializeToString()]


def read_saved_model(path: str) -> Read:
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(Path(path).read_bytes())
    return tuple(_graph_def(meta.graph_def) for meta in model.meta_graphs), ()


def read_graph(path: str) -> Read:
    from tensorflow.core.framework import graph_pb2

    return _graph_def(graph_pb2.GraphDef.FromString(Path(path).read_bytes())), ()


def _graph_def(graph: Any) -> tuple[Any, ...]:
    """Return operators, functions and attributes; TensorFlow passes over attributes that begin with ``_``."""
    import tensorflow as tf

    with tf.Graph().as_default() as made:
        tf.graph_util.import_graph_def(graph, name="")
    nodes = tuple((one.type, len(one.inputs), _public(one.node_def.attr)) for one in made.get_operations())
    bodies = tuple(tuple((n.op, len(n.input), _public(n.attr)) for n in one.node_def) for one in graph.library.function)  # fmt: skip
    return nodes, bodies


def _public(attributes: Any) -> tuple[str, ...]:
    return tuple(sorted(key for key in attributes if not key.startswith("_")))


def ggufs(seed: int) -> list[bytes]:
    import gguf

    chance = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        made = []
        for more in (False, True):
            writer = gguf.GGUFWriter(path, "llama")
            writer.add_block_count(2)
            writer.add_context_length(128)
            writer.add_name("a model")
            writer.add_layer_norm_rms_eps(1e-5)
            if more:
                writer.add_token_list(["<s>", "</s>", "hello"])
                writer.add_token_scores([0.0, 1.0, 2.0])
                writer.add_chat_template("{{ messages[0].content }}")
                writer.add_custom_alignment(64)
            for number in range(3):
                writer.add_tensor(
                    f"blk.{number}.weight",
                    chance.normal(size=(4, 32)).astype(np.float32 if number else np.float16),
                )
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            made.append(path.read_bytes())
    return made


def read_gguf(path: str) -> Read:
    import gguf

    held = gguf.GGUFReader(path)
    pairs = tuple((tuple(int(t) for t in one.types), len(one.data)) for one in held.fields.values())
    for one in held.fields.values():
        one.contents()
    tensors = tuple((int(t.tensor_type), tuple(map(int, t.shape)), int(t.n_bytes)) for t in held.tensors)
    return (pairs, tensors), (tuple(held.fields), tuple(one.name for one in held.tensors))


# --- Boosted trees and HDF5 -----------------------------------------------------------------------------


def boosted(seed: int) -> tuple[Any, Any]:
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(200, 5))
    return rows, (rows[:, 0] + rows[:, 1] ** 2 > 1).astype(int)


def catboosts(suffix: str) -> Maker:
    def make(seed: int) -> list[bytes]:
        import catboost
        import pandas as pd

        rows, labels = boosted(seed)
        frame = pd.DataFrame(rows, columns=list("abcde"))
        frame["kind"] = ["x", "y", "z", "w"] * 50
        common = {
            "iterations": 4,
            "depth": 3,
            "verbose": 0,
            "allow_writing_files": False,
            "random_seed": seed,
        }
        made = []
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/m"
            for data, cls, more in (
                (rows, catboost.CatBoostClassifier, {}),
                (rows, catboost.CatBoostRegressor, {"grow_policy": "Lossguide", "loss_function": "Quantile:alpha=0.3"}),
                (frame, catboost.CatBoostClassifier, {"cat_features": ["kind"], "one_hot_max_size": 1}),
                (frame, catboost.CatBoostClassifier, {"cat_features": ["kind"], "one_hot_max_size": 9, "bootstrap_type": "Bernoulli"}),
                (rows, catboost.CatBoostClassifier, {"loss_function": "MultiClass", "grow_policy": "Depthwise"}),
            ):  # fmt: skip
                target = labels if cls is catboost.CatBoostClassifier else labels * 1.5
                model = cls(**common, **more).fit(data, target)
                if suffix == "json" and "grow_policy" in more:
                    continue
                model.save_model(
                    path,
                    format=suffix,
                    pool=catboost.Pool(data, target, cat_features=more.get("cat_features")),
                )
                made.append(Path(path).read_bytes())
        return made

    return make


def read_catboost(suffix: str) -> Callable[[str], Read]:
    def read(path: str) -> Read:
        import catboost

        model = catboost.CatBoost().load_model(path, format=suffix)
        names = tuple(model.feature_names_)
        return (model.tree_count_, len(names), shape_of(model.get_leaf_values())), names

    return read


def xgboosts(suffix: str) -> Maker:
    def make(seed: int) -> list[bytes]:
        import xgboost

        rows, labels = boosted(seed)
        made = []
        common = {"seed": seed, "max_depth": 3}
        for more in (
            {"objective": "binary:logistic"},
            {"objective": "multi:softprob", "num_class": 3},
            {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.3},
            {"objective": "reg:absoluteerror", "booster": "gblinear"},
            {"objective": "reg:quantileerror", "quantile_alpha": 0.4, "tree_method": "hist"},
        ):
            target = labels + (rows[:, 2] > 0) if "num_class" in more else labels
            data = xgboost.DMatrix(rows, target, feature_names=list("abcde"))
            made.append(bytes(xgboost.train({**common, **more}, data, 4).save_raw(suffix)))
        data = (
            xgboost.DMatrix(rows.round(), labels, feature_types=["c"] + ["q"] * 4, enable_categorical=True)
            if (rows.round()[:, 0] >= 0).all()
            else None
        )
        if data is not None:
            made.append(bytes(xgboost.train(common, data, 3).save_raw(suffix)))
        return made

    return make


def read_xgboost(path: str) -> Read:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(Path(path).read_bytes()))
    names = booster.feature_names
    booster.predict(xgboost.DMatrix(np.zeros((2, booster.num_features())), feature_names=names))
    kind = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"]
    trees = [] if kind == "gblinear" else [one.count("\n") for one in booster.get_dump()]
    rounds = booster.num_boosted_rounds() if trees else 0  # a number that stands alone otherwise
    return (booster.num_features(), rounds, kind, trees), names


def lightgbms(seed: int) -> list[bytes]:
    import lightgbm

    rows, labels = boosted(seed)
    made = []
    for more in (
        {"objective": "binary"},
        {"objective": "multiclass", "num_class": 2},
        {"objective": "regression", "linear_tree": True},
    ):
        common = {"verbose": -1, "num_leaves": 5, "seed": seed, **more}
        made.append(lightgbm.train(common, lightgbm.Dataset(rows, labels), 3).model_to_string().encode())
    return made


def read_lightgbm(path: str) -> Read:
    import lightgbm

    booster = lightgbm.Booster(model_file=path)
    booster.predict(np.zeros((2, booster.num_feature())))
    said = booster.num_trees(), booster.num_feature(), booster.num_model_per_iteration()
    return said, booster.feature_name()


def hdf5s(seed: int) -> list[bytes]:
    import h5py

    made = []
    for version in ("earliest", "latest"):
        written = io.BytesIO()
        with h5py.File(written, "w", libver=version) as file:
            file.attrs["model_config"] = json.dumps(
                {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
            )
            for number, array in enumerate(arrays(seed)[:3]):
                group = file.create_group(f"layer_{number}")
                more = {"chunks": True, "compression": "gzip", "shuffle": True} if number % 2 else {}
                group.create_dataset("kernel:0", data=array, **more)
                group.attrs["weight_names"] = [b"kernel:0"]
        made.append(written.getvalue())
    return made


def read_hdf5(path: str) -> Read:
    import h5py

    found, names = [], []

    def attributes(thing: Any) -> tuple[str, ...]:
        names.extend(thing.attrs)
        return tuple(str(shape_of(np.asarray(one))) for one in thing.attrs.values())

    def visit(name: str, thing: Any) -> None:
        names.append(name)
        values = shape_of(thing[()]) if isinstance(thing, h5py.Dataset) else ()
        found.append((name.count("/"), attributes(thing), values))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
        return (tuple(found), attributes(file)), tuple(names)


FORMATS: list[tuple[str, str, Maker, Callable[[str], Read]]] = [
    ("pickle", "sklearn", pickles, unpickle),
    ("pickle, others", "sklearn", estimators, unpickle),
    ("joblib", "sklearn joblib", joblibs(), unjoblib),
    ("joblib zlib", "sklearn joblib", joblibs(compress=3), unjoblib),
    ("joblib lz4", "sklearn joblib lz4", joblibs(compress=("lz4", 3)), unjoblib),
    ("npy", "numpy", npy, read_npy),
    ("npz", "numpy", npz, read_npz),
    ("safetensors", "safetensors", safetensors, read_safetensors),
    ("torch zip", "torch", torch_saved(legacy=False), read_torch),
    ("torch legacy", "torch", torch_saved(legacy=True), read_torch),
    ("TorchScript", "torch", scripts, read_script),
    ("tar", "numpy", tars, read_tar),
    ("NeMo", "torch", nemos, read_tar),
    ("MAR", "numpy", mars, read_zip),
    ("skops", "skops sklearn", skops, read_skops),
    ("ONNX", "onnx skl2onnx", onnxes, read_onnx),
    ("SavedModel", "tensorflow", saved_models, read_saved_model),
    ("TensorFlow graph", "tensorflow", frozen_graphs, read_graph),
    ("GGUF", "gguf", ggufs, read_gguf),
    ("CatBoost", "catboost", catboosts("cbm"), read_catboost("cbm")),
    ("CatBoost JSON", "catboost", catboosts("json"), read_catboost("json")),
    ("XGBoost UBJSON", "xgboost", xgboosts("ubj"), read_xgboost),
    ("XGBoost JSON", "xgboost", xgboosts("json"), read_xgboost),
    ("LightGBM", "lightgbm", lightgbms, read_lightgbm),
    ("HDF5", "h5py", hdf5s, read_hdf5),
]
