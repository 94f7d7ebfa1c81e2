"""Clean models are called safe: every estimator of scikit-learn, in every way that it is saved."""

from __future__ import annotations

import collections
import datetime as dt
import inspect
import io
import json
import pickle
import warnings

import numpy as np
import pytest

from lockgate.scan.record import Answer

PLAIN = [
    *(1, "a", "é" * 300, "x" * 70_000, b"\xff" * 300, 2**200, 1.5, None, True, b""),
    *([1, 2.0, None], (1, 2, 3, 4), {"a": (1,)}, {1, 2}, frozenset([1]), slice(1, 2), range(3), type(None)),
    *(bytearray(b"abc"), bytearray(b"x" * 9000), complex(1, 2), collections.OrderedDict(a=1)),
    *(collections.defaultdict(list, a=[1]), collections.deque([1, 2], 3), collections.Counter("ab")),
    *(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), np.datetime64("2020-01-01"), np.dtype("f4")),
    *(np.arange(10), np.float64(3), np.float32, np.log1p, np.array(["a", None], object), np.array(["abc"])),
    *(np.zeros(3, [("a", "i4"), ("b", "f8")]), np.ma.array([1, 2], mask=[0, 1]), np.zeros((0, 3))),
    *(np.random.default_rng(0), np.random.RandomState(0), np.zeros((30, 40), order="F")),
    *([float(n) for n in range(5000)], {str(n): n for n in range(5000)}),
]


@pytest.mark.parametrize("protocol", range(6))
def test_plain_objects_and_arrays_are_safe_in_every_protocol(judged, protocol):
    for thing in PLAIN:
        said = judged(pickle.dumps(thing, protocol))
        assert said.answer is Answer.SAFE, (thing, said)


def _estimators():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import all_estimators

    needed = {
        "estimator": LogisticRegression(),
        "estimators": [("a", LogisticRegression())],
        "steps": [("scale", StandardScaler()), ("fit", LogisticRegression())],
        "transformer_list": [("a", PCA(2))],
        "transformers": [("a", StandardScaler(), [0, 1])],
        "param_grid": {"C": [1, 2]},
        "param_distributions": {"C": [1, 2]},
        "dictionary": np.eye(6),
    }
    for name, cls in all_estimators():
        asked = inspect.signature(cls.__init__).parameters
        given = {n: needed[n] for n, p in asked.items() if p.default is p.empty and n in needed}
        if "Regressor" in name and "estimators" in given:
            given["estimators"] = [("a", Ridge())]
        yield name, cls(**given)


def _fitted(estimator):
    from sklearn.datasets import make_classification

    features, labels = make_classification(40, 6, random_state=0)
    features = abs(features)
    tries = [
        (features, labels),
        (features[:, 0], labels),
        (["a b", "b c"] * 20, labels),
        (labels,),
        ([{"a": 1}],),
    ]
    for arguments in tries:
        try:
            return estimator.fit(*arguments)
        except Exception:  # noqa: BLE001, S112, PERF203 - the next form of data
            continue
    return estimator


@pytest.mark.slow
def test_every_estimator_of_scikit_learn_is_safe_by_pickle_and_joblib(judged):
    import joblib

    blocked, count = {}, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, estimator in _estimators():
            model = _fitted(estimator)
            saved = [pickle.dumps(model, protocol) for protocol in (2, 4, 5)]
            for compress in (0, ("zlib", 3)):
                written = io.BytesIO()
                joblib.dump(model, written, compress=compress)
                saved.append(written.getvalue())
            for data in saved:
                count += 1
                said = judged(data)
                if said.answer is not Answer.SAFE:
                    blocked[name] = said
    assert count > 900
    assert blocked == {}


@pytest.mark.parametrize("compress", [0, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_joblib_is_safe_with_every_codec_and_with_arrays_of_every_kind(judged, compress):
    import joblib

    things = {
        "numbers": np.zeros((50, 3), order="F"),
        "objects": np.array(["a", None], object),
        "text": np.array(["a", "bc"]),
        "fields": np.zeros(3, [("a", "i4"), ("b", "f8")]),
        "none": np.zeros((0, 2)),
        "times": np.array(["2020"], "M8[D]"),
    }
    written = io.BytesIO()
    joblib.dump(things, written, compress=compress)
    said = judged(written.getvalue())
    assert said.answer is Answer.SAFE, said


def test_arrays_and_archives_of_arrays_are_safe_with_and_without_objects(judged):
    for save, things in (
        (np.save, [np.eye(3)]),
        (np.savez, [np.eye(3), np.arange(4)]),
        (np.savez_compressed, [np.zeros(999)]),
    ):
        written = io.BytesIO()
        save(written, *things)
        assert judged(written.getvalue()).answer is Answer.SAFE
    written = io.BytesIO()
    np.save(written, np.array([{"a": 1}], object))
    assert judged(written.getvalue()).answer is Answer.SAFE


@pytest.mark.parametrize("protocol", [2, 4, 5, "joblib"])
def test_frames_series_indexes_and_records_are_safe(judged, protocol):
    import joblib
    import pandas as pd
    import scipy.sparse

    frame = pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", "y"]})
    days = pd.date_range("2020-01-01", periods=3, tz="UTC")
    things = [
        *(frame, frame["a"], frame["c"].astype("category"), frame.index, frame.columns, frame.iloc[:0]),
        *(frame.set_index(["a", "c"]), days, pd.Series(days), pd.to_timedelta([1, 2]), pd.NA, pd.NaT),
        *(pd.array([1, None], dtype="Int64"), pd.array([1.5, None], dtype="Float64"), pd.Timestamp("2020")),
        *(pd.array([True, None], dtype="boolean"), pd.array(["a"], dtype="string"), pd.Timedelta(1)),
        *(
            getattr(scipy.sparse, f"{kind}_matrix")(np.eye(3))
            for kind in ("csr", "csc", "coo", "bsr", "dok", "lil")
        ),
        *(scipy.sparse.csr_array(np.eye(3)), np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])),
        *(np.zeros(2, [("o", "O"), ("x", "i4", (2,))]), np.char.array(["a"]), np.zeros(1, [("o", "i4")])[0]),
        np.zeros(1, np.dtype({"names": ["a"], "formats": ["i4"], "offsets": [4], "itemsize": 16})),
    ]
    for thing in things:
        written = io.BytesIO()
        if protocol == "joblib":
            joblib.dump(thing, written)
        else:
            pickle.dump(thing, written, protocol)
        said = judged(written.getvalue())
        assert said.answer is Answer.SAFE, (thing, said)


def test_a_storage_of_torch_in_a_byte_string_is_safe(judged, corpus):
    storage = (
        corpus.text("storage") + corpus.name("torch", "FloatStorage") + corpus.text("0") + corpus.text("cpu")
    )
    for count in (2, 4096):  # kept, and passed over
        size = b"J" + count.to_bytes(4, "little")
        legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
        legacy += b"\x80\x02(" + storage + size + b"NtQ." + b"\x80\x02]" + corpus.text("0") + b"\x94a."
        legacy += count.to_bytes(8, "little") + b"\0" * 4 * count
        load = corpus.stacked("torch.storage", "_load_from_bytes") + corpus.blob(legacy) + b"\x85R."
        said = judged(b"\x80\x04" + load)
        assert said.answer is Answer.SAFE, said
        assert "torch legacy" in said.formats or said.formats == ["pickle"]


def test_skops_files_are_safe(judged):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from lockgate.model.formats.skops import quiet_skops

    model = _fitted(make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=3)))
    with quiet_skops() as skops:
        data = skops.dumps(model)
    said = judged(data)
    assert said.answer is Answer.SAFE, said


def test_the_same_formats_without_the_attack_are_safe(judged, corpus):
    tensor = '{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}'
    template = "{% for m in messages %}{{ m['role'] }}: {{ m.content | trim }}{% endfor %}"
    clean = {
        "safetensors": corpus.safetensor(tensor),
        "torch": corpus.torch_zip(corpus.EMPTY_MODEL),
        "keras": corpus.keras(corpus.layer("Dense", units=3, activation="relu")),
        "saved model": corpus.saved_model("NoOp"),
        "onnx": corpus.onnx(),
        "gguf": corpus.gguf(template),
        "tokenizer": json.dumps({"chat_template": template, "model_max_length": 9}).encode(),
        "modules": b'[{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}]',
        "pipeline": b'{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2D"]}',
        "subscripts": corpus.gguf(
            "{% set n = messages | length - 1 %}{{ messages[n]['role'] ~ messages[loop.index0 % 2][key] }}"
        ),
        "readme": b"# A model\n\nimport it with care\n",
        "words": b"cat\ndog\nindex\nclass\nNone\n",
        "yaml": b"model:\n  _target_: torch.nn.Linear\n  in: 3\n",
        "tar": corpus.tarred({"weights/a.npy": corpus.npy(b"\0" * 8, "<f8")}),
        "lz4": corpus.lz4(corpus.EMPTY_MODEL),
        "empty member": corpus.zipped({"__init__": b"", "a.npy": corpus.npy(b"\0" * 8, "<f8")}),
    }
    said = {name: judged(data) for name, data in clean.items()}
    assert {name: one for name, one in said.items() if one.answer is not Answer.SAFE} == {}
