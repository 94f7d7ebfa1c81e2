"""Files beside the weights: configurations, templates, GGUF, safetensors, YAML."""

# ruff: noqa: E501 - one technique a line, however long; paths in payloads that nothing runs

import json
import struct

from .containers import torched
from .technique import Technique, harm, one

HUB = "Hugging Face transformers: "
JINJA = "Jinja sandboxes and chat templates: "
GGUF = "Databricks and Cisco Talos on GGUF parsers (2024): "
YAML = "YAML tags of Python: "
CODE = ("061",)
TEMPLATE = ("060",)


def as_json(title: str, source: str, rules: tuple[str, ...], path: str, held: object) -> Technique:
    """Return the technique of one JSON file."""
    return one(title, source, rules, lambda: json.dumps(held).encode(), path)


def string(held: str | bytes) -> bytes:
    """Return a string of GGUF."""
    data = held.encode() if isinstance(held, str) else held
    return struct.pack("<Q", len(data)) + data


def gguf(
    pairs: list[tuple[str, bytes]], tensors: bytes = b"", count: int = 0, keys: int | None = None
) -> bytes:
    """Return a GGUF file of version 3; a pair's value starts with its type."""
    head = b"GGUF" + struct.pack("<IQQ", 3, count, len(pairs) if keys is None else keys)
    body = b"".join(string(key) + held for key, held in pairs) + tensors
    return (head + body).ljust(-(-len(head + body) // 32) * 32, b"\0")


def words(held: str) -> bytes:
    """Return a value of GGUF that is a string."""
    return struct.pack("<I", 8) + string(held)


ARCHITECTURE = ("general.architecture", words("llama"))


def tensor(title: str, size: int, offset: int, kind: int = 0) -> bytes:
    """Return the description of one tensor of GGUF."""
    return string(title) + struct.pack("<IQIQ", 1, size, kind, offset)


def safetensors(header: bytes, body: bytes = b"") -> bytes:
    """Return a safetensors file."""
    return struct.pack("<Q", len(header)) + header + body


def template(held: str) -> object:
    """Return a tokenizer's configuration with this chat template."""
    return {"tokenizer_class": "LlamaTokenizer", "chat_template": held}


def _yaml(title: str, held: str, path: str = "config.yaml", rules: tuple[str, ...] = ("062",)) -> Technique:
    return one(title, YAML + "PyYAML CVE-2020-1747 and its followers", rules, held.encode, path)


TECHNIQUES = [
    as_json(
        "attention from another repository",
        "CVE-2026-4372",
        CODE,
        "config.json",
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "_attn_implementation_internal": "lockgate/blind-kernel",
        },
    ),
    as_json(
        "remote code trusted by a nested configuration",
        "CVE-2026-5241",
        CODE,
        "config.json",
        {
            "model_type": "lightglue",
            "keypoint_detector_config": {
                "model_type": "superpoint",
                "trust_remote_code": True,
                "_name_or_path": "lockgate/blind",
            },
        },
    ),
    as_json(
        "class map of a processor",
        HUB + "auto_map",
        CODE,
        "preprocessor_config.json",
        {"image_processor_type": "X", "auto_map": {"AutoImageProcessor": "evil.Processor"}},
    ),
    as_json(
        "pipeline of one's own",
        HUB + "custom_pipelines",
        CODE,
        "config.json",
        {"model_type": "bert", "custom_pipelines": {"evil": {"impl": "evil.Pipe", "pt": ["AutoModel"]}}},
    ),
    as_json(
        "pipeline of diffusers in a file",
        "diffusers, community pipelines",
        CODE,
        "model_index.json",
        {
            "_class_name": ["pipeline", "Evil"],
            "_diffusers_version": "0.35.0",
            "unet": ["evil_unet", "EvilUNet"],
        },
    ),
    as_json(
        "module of sentence-transformers",
        "sentence-transformers modules.json, type",
        CODE,
        "modules.json",
        [{"idx": 0, "name": "0", "path": "", "type": "evil_module.Transformer"}],
    ),
    as_json(
        "adapter with a class map",
        "peft, auto_mapping",
        CODE,
        "adapter_config.json",
        {
            "peft_type": "LORA",
            "auto_mapping": {"base_model_class": "Evil", "parent_library": "evil_module"},
            "base_model_name_or_path": "x",
        },
    ),
    Technique(
        "generation loop in a folder",
        HUB + "custom_generate",
        ("061", "101", "009"),
        lambda: {
            "custom_generate/generate.py": b"import os\ndef generate(model, **kw):\n    os.getcwd()\n",
            "config.json": b'{"model_type": "llama"}',
        },
    ),
    Technique(
        "code beside the weights",
        HUB + "modeling files",
        ("061", "101", "009"),
        lambda: {
            "modeling_evil.py": b"import os\nclass Evil:\n    pass\n",
            "config.json": b'{"model_type": "evil", "auto_map": {"AutoModel": "modeling_evil.Evil"}}',
        },
    ),
    as_json(
        "tokenizer from another repository",
        HUB + "auto_map with a repository before two dashes",
        CODE,
        "tokenizer_config.json",
        {"auto_map": {"AutoTokenizer": ["lockgate/blind--tokenization_evil.Evil", None]}},
    ),
    as_json(
        "class path in a JSON configuration",
        "Unit 42 (2026) on Uni2TS and Hydra",
        ("061", "062"),
        "config.json",
        {"module_kwargs": {"distr_output": {"_target_": "os.system", "_args_": ["echo x"]}}},
    ),
    as_json(
        "object of jsonpickle",
        "CVE-2020-22083",
        ("001", "002", "061", "062", "009"),
        "model.json",
        {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["echo x"]}]},
    ),
    one(
        "Hydra in the header of safetensors",
        "Unit 42 (2026) on FlexTok",
        ("061", "062"),
        lambda: safetensors(
            json.dumps(
                {
                    "__metadata__": {
                        "config": json.dumps({"model": {"_target_": "os.system", "command": "echo x"}})
                    },
                    "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                }
            ).encode(),
            bytes(4),
        ),
        "model.safetensors",
    ),
    as_json(
        "globals through a macro of the template",
        JINJA + "CVE-2024-34359",
        TEMPLATE,
        "tokenizer_config.json",
        template("{{ cycler.__init__.__globals__.os.popen('echo x').read() }}"),
    ),
    as_json(
        "attribute filter with escapes",
        JINJA + "CVE-2025-27516",
        TEMPLATE,
        "tokenizer_config.json",
        template("{{ lipsum|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}"),
    ),
    as_json(
        "format string that walks",
        JINJA + "CVE-2016-10745",
        TEMPLATE,
        "tokenizer_config.json",
        template("{{ '{0.__class__.__mro__}'.format(messages) }}"),
    ),
    as_json(
        "format method kept for later",
        JINJA + "CVE-2024-56326",
        TEMPLATE,
        "tokenizer_config.json",
        template("{% set f = '{0.__class__}'.format %}{{ [messages]|map('string')|map(f)|list }}"),
    ),
    as_json(
        "name put together from pieces",
        JINJA + "modelaudit jinja2 samples",
        TEMPLATE,
        "tokenizer_config.json",
        template("{% set a = '_'*2 %}{{ messages[(a,'class',a)|join] }}"),
    ),
    as_json(
        "another template that is included",
        JINJA + "include",
        TEMPLATE,
        "tokenizer_config.json",
        template("{% include '/etc/hostname' %}"),
    ),
    as_json(
        "template that never ends",
        JINJA + "resource use",
        TEMPLATE,
        "tokenizer_config.json",
        template(
            "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}x{% endfor %}{% endfor %}{% endfor %}"
        ),
    ),
    as_json(
        "second template in a list",
        JINJA + "named templates",
        TEMPLATE,
        "tokenizer_config.json",
        {
            "chat_template": [
                {"name": "default", "template": "{{ messages }}"},
                {"name": "tool_use", "template": "{{ ''.__class__.__base__ }}"},
            ]
        },
    ),
    one(
        "template in a file of its own",
        HUB + "chat_template.jinja",
        TEMPLATE,
        lambda: b"{{ self.__init__.__globals__ }}",
        "chat_template.jinja",
    ),
    as_json(
        "template of a processor",
        HUB + "chat_template.json",
        TEMPLATE,
        "chat_template.json",
        {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"},
    ),
    one(
        "template in GGUF",
        "CVE-2026-5760 and CVE-2024-34359",
        TEMPLATE,
        lambda: gguf(
            [ARCHITECTURE, ("tokenizer.chat_template", words("{{ ''.__class__.__base__.__subclasses__() }}"))]
        ),
        "model.gguf",
    ),
    one(
        "named template in GGUF",
        "llama.cpp, tokenizer.chat_template.NAME",
        TEMPLATE,
        lambda: gguf(
            [
                ARCHITECTURE,
                ("tokenizer.chat_template", words("{{ messages }}")),
                ("tokenizer.chat_template.rag", words("{{ joiner.__init__.__globals__ }}")),
            ]
        ),
        "model.gguf",
    ),
    one(
        "more keys than the file holds",
        GGUF + "n_kv",
        ("070", ""),
        lambda: gguf([ARCHITECTURE], keys=1 << 60),
        "model.gguf",
    ),
    one(
        "string of 2^64 - 1 bytes",
        GGUF + "string length",
        ("070", ""),
        lambda: gguf([("a", struct.pack("<IQ", 8, (1 << 64) - 1))]),
        "model.gguf",
    ),
    one(
        "arrays in arrays",
        GGUF + "nested arrays",
        ("070", ""),
        lambda: gguf(
            [("a", struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000 + struct.pack("<IQ", 0, 0))]
        ),
        "model.gguf",
    ),
    one(
        "tensors that share their bytes",
        GGUF + "offsets",
        ("070",),
        lambda: gguf([ARCHITECTURE], tensor("a", 64, 0) + tensor("b", 64, 0), 2) + bytes(512),
        "model.gguf",
    ),
    one(
        "tensor behind the end",
        GGUF + "offsets",
        ("070", ""),
        lambda: gguf([ARCHITECTURE], tensor("a", 64, 1 << 40), 1) + bytes(512),
        "model.gguf",
    ),
    one(
        "alignment of zero",
        GGUF + "general.alignment",
        ("070", ""),
        lambda: gguf([("general.alignment", struct.pack("<II", 4, 0))], tensor("a", 8, 0), 1) + bytes(64),
        "model.gguf",
    ),
    one(
        "one key twice in GGUF",
        GGUF + "duplicate keys",
        ("070",),
        lambda: gguf(
            [
                ARCHITECTURE,
                ("tokenizer.chat_template", words("{{ messages }}")),
                ("tokenizer.chat_template", words("{{ bos_token }}")),
            ]
        ),
        "model.gguf",
    ),
    one(
        "pickle behind the tensors of GGUF",
        "polyglots of model files",
        ("026", "001", "070"),
        lambda: gguf([ARCHITECTURE], tensor("a", 8, 0), 1) + bytes(32) + harm(),
        "model.gguf",
    ),
    one(
        "one tensor twice in a header",
        "safetensors, duplicate keys",
        ("070",),
        lambda: safetensors(
            b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"x",
        ),
        "model.safetensors",
    ),
    one(
        "tensors that overlap",
        "safetensors audit by Trail of Bits (2023)",
        ("070",),
        lambda: safetensors(
            b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
            b"xyz",
        ),
        "model.safetensors",
    ),
    one(
        "hole between tensors",
        "safetensors audit by Trail of Bits (2023)",
        ("070",),
        lambda: safetensors(
            b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[60,61]}}',
            b"x" + harm().ljust(59) + b"y",
        ),
        "model.safetensors",
    ),
    one(
        "zip archive behind the tensors",
        "safetensors audit by Trail of Bits (2023), polyglots",
        ("070", "026", "001"),
        lambda: safetensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x") + torched(harm()),
        "model.safetensors",
    ),
    one(
        "shape that overflows",
        "safetensors audit by Trail of Bits (2023)",
        ("070",),
        lambda: safetensors(b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'),
        "model.safetensors",
    ),
    one(
        "shards outside of the folder",
        HUB + "weight_map of an index",
        ("061", "020", "050", "032"),
        lambda: (
            b'{"metadata": {"total_size": 4}, "weight_map": {"w": "../../../../home/user/.cache/evil.bin"}}'
        ),
        "model.safetensors.index.json",
    ),
    _yaml("object by its full tag", "a: !<tag:yaml.org,2002:python/object/apply:os.system> ['echo x']\n"),
    _yaml(
        "object by a handle of one's own",
        "%TAG !e! tag:yaml.org,2002:python/object/\n---\na: !e!apply:os.system ['echo x']\n",
    ),
    _yaml(
        "object in the second document",
        "a: 1\n---\nb: !!python/object/new:subprocess.Popen [['echo', 'x']]\n",
    ),
    _yaml("module by its name", "a: !!python/module:lockgate_blind\n"),
    _yaml(
        "callable of Hydra with a partial",
        "model:\n  _target_: functools.partial\n  _partial_: true\n  func:\n    _target_: os.system\n",
    ),
    one(
        "loader of an MLflow model",
        "MLflow, loader_module of python_function",
        ("061", "062", "095"),
        lambda: (
            b"flavors:\n  python_function:\n    loader_module: evil_module\n    code: code\n    env: conda.yaml\nmodel_uuid: 0\n"
        ),
        "MLmodel",
    ),
    one(
        "class path of Lightning",
        "jsonargparse and LightningCLI, class_path",
        ("061", "062"),
        lambda: b"model:\n  class_path: subprocess.Popen\n  init_args:\n    args: [echo, x]\n",
        "config.yaml",
    ),
    one(
        "component of spaCy from elsewhere",
        "spaCy config.cfg and --code",
        ("061", "062", ""),
        lambda: (
            b'[nlp]\nlang = "en"\n\n[components.evil]\nfactory = "evil"\n\n[initialize.before_init]\n@callbacks = "evil_module.run.v1"\n'
        ),
        "config.cfg",
    ),
]
