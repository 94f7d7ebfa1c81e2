"""Malicious model files by techniques of 2025 and 2026 that were not looked at while the rules were made.

Written in one go from the advisories, and judged before a rule was changed; see ``benchmarks/RESULTS.md`` for
how many were found then. As in `corpus`, nothing is ever loaded and every payload is harmless.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import zlib
from collections.abc import Iterator
from types import ModuleType

PICKLESCAN = "picklescan, security advisories of 2025 and 2026, as integrated by fickling #190, #210"
FICKLING = (
    "fickling, security advisories of 2025 and 2026, pull requests #186, #187, #195, #240, #272, #302, #312"
)
HIDE_AND_SEEK = "Liu et al., The Art of Hide and Seek (arXiv 2508.19774): loading paths and gadgets"
KERAS = "Keras, advisories of 2025 (CVE-2025-1550, 8747, 9905, 9906, 12058, 12060)"
ONNX = "ONNX, CVE-2024-27318 and 2025: external data"

CALLED = {
    PICKLESCAN: """
        pkgutil.resolve_name _operator.methodcaller _operator.itemgetter operator.itemgetter
        torch._load_global_deps torch.utils.show_pickle.main torch.utils.cpp_extension.load_inline
        torch.utils.benchmark.utils.timer.Timer torch.utils.hipify.hipify_python.preprocessor
        torch.distributed.rpc.internal._internal_rpc_pickler torch.package.PackageImporter
        torch.ao.pruning._experimental.data_sparsifier.data_sparsifier.eval
        numpy.f2py.crackfortran.param_eval numpy.f2py.diagnose.run_command numpy.f2py.compile
        numpy.testing.rundocs numpy.lib.utils.source
        idlelib.pyshell.ModifiedInterpreter.runcommand idlelib.autocomplete.AutoComplete.fetch_completions
        lib2to3.main.main pydoc.safeimport pydoc.render_doc ensurepip.bootstrap timeit.Timer.timeit
        timeit.repeat cProfile.Profile.runctx code.interact code.InteractiveInterpreter.runsource
        asyncio.create_subprocess_shell asyncio.base_events.BaseEventLoop.subprocess_shell
        aiohttp.ClientSession distutils.spawn.spawn profile.runctx trace.Trace.runfunc doctest.testsource
    """,
    FICKLING: """
        _interpreters.run_string _xxsubinterpreters.run_string _posixsubprocess.fork_exec
        site.addsitedir site.addpackage pipes.Template imp.load_module uuid._netstat_getter
        _aix_support._aix_bosmp64 _osx_support._find_build_tool sys.settrace builtins.breakpoint
        builtins.delattr builtins.setattr builtins.vars builtins.globals types.ModuleType
        types.MethodType importlib.reload importlib.machinery.SourceFileLoader
        multiprocessing.Process multiprocessing.pool.Pool.map concurrent.futures.ThreadPoolExecutor
        pyclbr.readmodule modulefinder.ModuleFinder.run_script test.support.run_code
    """,
    HIDE_AND_SEEK: """
        joblib._utils.eval_expr joblib.memory.Memory sklearn.utils._testing._convert_container
        sklearn.utils.fixes.parse_version scipy.io.matlab._mio.loadmat scipy._lib._util.FullArgSpec
        scipy.optimize._root_scalar.root_scalar scipy.misc.common.face
        pandas.core.computation.scope.Scope pandas.io.clipboard.init_osx_pbcopy_clipboard
        pandas.core.frame.DataFrame.query pandas.io.sql.read_sql pandas.io.html.read_html
        statistics.NormalDist functools.singledispatch functools.cached_property itertools.starmap
        copy._reconstruct copyreg.add_extension copyreg.pickle string.Formatter.vformat
        collections.namedtuple dataclasses.make_dataclass enum._make_class_unpicklable
        typing.ForwardRef._evaluate typing.get_type_hints inspect.getattr_static
        transformers.AutoModel.from_pretrained huggingface_hub.hf_hub_download
        lightning.pytorch.LightningModule.load_from_checkpoint ultralytics.nn.tasks.DetectionModel
        nemo.core.classes.common.Serialization.from_config_dict hydra.utils.instantiate
        ray.cloudpickle.loads cloudpickle.cloudpickle._builtin_type onnxruntime.InferenceSession
        tensorflow.python.framework.load_library.load_op_library jax._src.callback.pure_callback
    """,
}


def advisories(c: ModuleType) -> Iterator[object]:
    """Yield techniques; `c` is the module `corpus`, whose parts they are made of."""
    unknown = c.UNKNOWN | {"LG-SCAN-004"}
    for source, paths in CALLED.items():
        for path in paths.split():
            parts = path.split(".")
            first = next((n for n, part in enumerate(parts[:-1]) if part[:1].isupper() and n), len(parts) - 1)
            module, name = ".".join(parts[:first]), ".".join(parts[first:])
            yield c.Technique(f"new-{path}.pkl", source, unknown, c.call(module, name, c.text(c.ECHO)))
    yield from _pickles(c, unknown)
    yield from _files(c)


def _pickles(c: ModuleType, unknown: frozenset[str]) -> Iterator[object]:
    def one(title: str, source: str, body: bytes, rules: frozenset[str] = unknown) -> object:
        return c.Technique(f"new-{title}.pkl", source, rules, b"\x80\x04" + body + b".")

    run = c.stacked("os", "system") + c.text(c.ECHO) + b"\x85R"
    partial = c.stacked("functools", "partial") + c.stacked("os", "system") + c.text(c.ECHO) + b"\x86R)R"
    yield one("partial", PICKLESCAN, partial)
    getter = (
        c.stacked("operator", "attrgetter") + c.text("system") + b"\x85R" + c.stacked("os", "path") + b"\x85R"
    )
    yield one("attrgetter", PICKLESCAN, getter)
    for dotted in (
        "ndarray.__init_subclass__.__globals__",
        "dtype.__class__.__subclasses__",
        "add.__class__",
    ):
        yield one(f"dunder-{dotted}", HIDE_AND_SEEK, c.stacked("numpy", dotted) + b")R")
    for module, dotted in (
        ("sklearn.base", "BaseEstimator.__init__.__globals__"),
        ("collections", "OrderedDict.fromkeys.__self__"),
        ("torch.nn.modules.module", "Module.register_forward_hook"),
        ("torch._utils", "_rebuild_tensor.__globals__"),
        ("pandas.core.frame", "DataFrame.eval"),
        ("xgboost.core", "Booster.load_model"),
        ("sklearn.pipeline", "Pipeline.fit"),
        ("copyreg", "__newobj__.__globals__.get"),
    ):
        yield one(
            f"dotted-{module}-{dotted}", HIDE_AND_SEEK, c.stacked(module, dotted) + c.text("x") + b"\x85R"
        )
    dummy = c.stacked("sklearn.dummy", "DummyClassifier") + b")\x81"
    for key in ("__class__", "__dict__", "__reduce_ex__", "__getattr__", "__call__"):
        yield one(f"build-{key}", FICKLING, dummy + b"}" + c.text(key) + c.stacked("numpy", "add") + b"sb")
    yield one("build-on-function", FICKLING, c.stacked("numpy", "add") + b"}" + c.text("x") + b"K\x01sb")
    yield one(
        "build-interpreters", "fickling, GHSA-6ggj-6f2q-f7mx", c.stacked("_interpreters", "create") + b")R"
    )
    yield one("popped-call", "fickling, a call whose result is popped", run + b"0}")
    yield one("call-in-set", FICKLING, b"\x8f(" + run + b"\x90")
    yield one("call-in-frozenset", FICKLING, b"(" + run + b"\x91")
    yield one(
        "exception-halfway",
        HIDE_AND_SEEK + ", exceptions",
        run + b"0" + c.stacked("no_such", "thing") + b")R",
    )
    many = b"](" + b"".join(c.text(f"name{n}") + b"\x94K\x01\x86\x94" for n in range(900)) + b"e0"
    yield one("behind-pairs", FICKLING, many + run)
    records = b"](" + (b"}\x94(" + c.text("a") + b"\x94K\x01" + c.text("b") + b"\x94K\x02u") * 300
    yield one("among-records", FICKLING, records + run + b"e")
    sneaked = records + b"}\x94(" + c.text("__class__") + b"\x94K\x01" + c.text("b") + b"\x94K\x02u"
    left = b"0" * 0 + sneaked + b"e0" + dummy + b"j" + struct.pack("<I", 900) + b"b"
    yield one("state-among-records", "states remembered among records", left, unknown)
    last = records + b"e0" + dummy + b"j" + struct.pack("<I", 300) + c.text("__class__") + b"Nsb"
    yield one("state-changed-among-records", "states remembered among records", last, unknown)
    name = b"](" + b"".join(c.text(f"n{n}") + b"\x94K\x01\x86\x94" for n in range(400))
    name += (
        c.text("os")
        + b"\x94K\x01\x86\x94"
        + c.text("system")
        + b"\x94K\x01\x86\x94"
        + b"".join(c.text(f"n{n}") + b"\x94K\x01\x86\x94" for n in range(400))
    )
    far = (
        name
        + b"e0j"
        + struct.pack("<I", 800)
        + b"j"
        + struct.pack("<I", 802)
        + b"\x93"
        + c.text(c.ECHO)
        + b"\x85R"
    )
    yield one("names-among-pairs", "names remembered among pairs", far)


def _files(c: ModuleType) -> Iterator[object]:
    def one(title: str, source: str, rules: str, data: bytes) -> object:
        return c.Technique(f"new-{title}", source, frozenset(rules.split()), data)

    runs, pickled = "LG-SCAN-001", c.system(2)
    second = c.zipped({"m/data.pkl": c.EMPTY_MODEL, "m/version": b"3\n", "n/data.pkl": pickled})
    yield one("two-roots.pt", "PyTorch, a second data.pkl; picklescan advisories", runs, second)
    extra = c.torch_zip(c.EMPTY_MODEL, **{"m/constants.pkl": pickled})
    yield one("constants.pt", "TorchScript, constants.pkl", runs, extra)
    yield one(
        "byteorder.pt", "PyTorch, other members", runs, c.torch_zip(c.EMPTY_MODEL, **{"m/byteorder": pickled})
    )
    for name, pack in (
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("z", zlib.compress),
    ):
        twice = pack(pack(c.call("builtins", "exec", c.text("1"))))
        yield one(f"twice.{name}", "joblib, codecs in each other", runs, twice)
        yield one(f"zip-in.{name}", "archives in codecs", runs, pack(c.torch_zip(pickled)))
    second = gzip.compress(c.EMPTY_MODEL) + gzip.compress(c.system())
    yield one("second-member.gz", "gzip, members in a row (RFC 1952)", runs, second)
    yield one(
        "objects-in.npz.gz", "numpy, allow_pickle", runs, gzip.compress(c.zipped({"a.npy": c.npy(pickled)}))
    )
    yield one("npz-without-ending", "numpy, allow_pickle", runs, c.zipped({"weights": c.npy(pickled)}))
    escape = json.dumps(c.layer("Lambda", "keras.layers", function={"class_name": "__lambda__"}))
    hidden = escape.replace("class_name", "\\u0063lass_name").replace("Lambda", "L\\u0061mbda")
    config = (
        b'{"module":"keras","class_name":"Sequential","config":{"name":"s","layers":['
        + hidden.encode()
        + b"]}}"
    )
    yield one(
        "escaped.keras", KERAS, "LG-SCAN-030", c.zipped({"config.json": config, "metadata.json": b"{}"})
    )
    for title, layer, rule in (
        ("registered", {**c.layer("Dense"), "registered_name": "evil>Custom"}, "LG-SCAN-031"),
        ("nested", c.layer("TimeDistributed", layer=c.layer("Lambda", None)), "LG-SCAN-030"),
        (
            "import",
            c.layer("Dense", kernel_initializer={"module": "builtins", "class_name": "exec", "config": {}}),
            "LG-SCAN-031",
        ),
        ("model-from-json", c.layer("function", "keras.models", config="model_from_json"), "LG-SCAN-031"),
        ("file", c.layer("TextVectorization", vocabulary="file:///etc/passwd"), "LG-SCAN-032"),
        ("hashing", c.layer("IntegerLookup", vocabulary="s3://x/y"), "LG-SCAN-032"),
        ("torch", c.layer("TorchModuleWrapper", "keras.src.utils.torch_utils"), "LG-SCAN-030"),
    ):
        yield one(f"{title}.keras", KERAS, rule, c.keras(layer))
    for number, path in enumerate(
        ("x/../../../etc/shadow", "C:\\secret", "//server/share", "\\..\\x", "./../x")
    ):
        yield one(f"outside-{number}.onnx", ONNX, "LG-SCAN-050", c.onnx(path))
    yield one(
        "contrib.onnx", "ONNX Runtime, custom operators", "LG-SCAN-051", c.onnx(domain="ai.onnx.contrib")
    )
    jinja = "CVE-2024-34359 and later templates"
    for number, template in enumerate(
        (
            "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
            "{{ self._TemplateReference__context.cycler.__init__.__globals__ }}",
            "{{ request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}",
            "{{ namespace.__init__.__globals__ }}",
            "{{ joiner.__init__.__globals__.os }}",
            "{% set x = 'a'.format.__globals__ %}",
            "{{ '{0.__class__}'.format(messages) }}",
            "{{ messages | map(attribute='__class__') | list }}",
            "{% import 'os' as os %}{{ os }}",
            "{% include '/etc/passwd' %}",
        )
    ):
        yield one(f"chat-{number}.gguf", jinja, "LG-SCAN-060", c.gguf(template))
    for title, node in (
        (
            "FunctionNode",
            {
                "__loader__": "FunctionNode",
                "__module__": "os",
                "__class__": "function",
                "content": {"module_path": "os", "function": "system"},
            },
        ),
        (
            "PartialNode",
            {
                "__loader__": "PartialNode",
                "__module__": "functools",
                "__class__": "partial",
                "content": {
                    "func": {
                        "__loader__": "FunctionNode",
                        "content": {"module_path": "os", "function": "system"},
                    }
                },
            },
        ),
        ("TypeNode", {"__loader__": "TypeNode", "__module__": "subprocess", "__class__": "Popen"}),
        (
            "ReduceNode",
            {
                "__loader__": "ReduceNode",
                "__module__": "subprocess",
                "__class__": "Popen",
                "reduce": {"args": []},
            },
        ),
    ):
        data = c.zipped({"schema.json": json.dumps(node).encode()})
        yield one(f"{title}.skops", "skops, CVE-2025-54412, 54413, 54886", "LG-SCAN-080", data)
    code = b"def forward(self, x: Tensor) -> Tensor:\n  torch.save(x, '/x')\n  return x\n"
    yield one(
        "save.pt",
        "TorchScript, torch.save (CVE-2025-32434)",
        "LG-SCAN-090",
        c.torch_zip(c.EMPTY_MODEL, **{"m/code/__torch__.py": code}),
    )
    for number, target in enumerate(
        ("subprocess.run", "builtins.eval", "nemo.core.evil.run", "importlib.import_module")
    ):
        yaml = f"model:\n  encoder:\n    _target_: {target}\n    args: [echo]\n".encode()
        yield one(
            f"target-{number}.nemo",
            "NVIDIA NeMo, CVE-2025-23304",
            "LG-SCAN-062",
            gzip.compress(c.tarred({"./model_config.yaml": yaml, "./w.ckpt": c.torch_zip(c.EMPTY_MODEL)})),
        )
    for number, yaml in enumerate(
        (
            b"!!python/object/new:os.system ['echo']\n",
            b"a: !!python/name:os.system\n",
            b"%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.system [echo]\n",
        )
    ):
        yield one(f"tags-{number}.yaml", "PyYAML, documentation of load; CVE-2020-14343", "LG-SCAN-062", yaml)
    mar = {
        "MAR-INF/MANIFEST.json": b'{"model":{"handler":"image_classifier","serializedFile":"m.pt"}}',
        "m.pt": c.torch_zip(pickled),
    }
    yield one("model.mar", "TorchServe, torch.load of serializedFile", runs, c.zipped(mar))
    ubj = b"{L" + struct.pack(">q", 6) + b"config" + b"SL" + struct.pack(">q", 1) + b"x}"
    yield one(
        "tail.ubj",
        "XGBoost, bytes after the model",
        runs + " LG-SCAN-008 LG-SCAN-026 LG-SCAN-007",
        ubj + pickled,
    )
    made = io.BytesIO(c.zipped({"a.npy": c.npy(b"\0" * 8, "<f8")}))
    yield one(
        "comment.npz",
        "a pickle in the comment of an archive",
        runs + " LG-SCAN-026",
        made.getvalue()[:-2] + struct.pack("<H", len(pickled)) + pickled,
    )
