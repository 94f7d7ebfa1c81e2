"""Configurations that name code are unsafe; those that name weights, classes and words are not."""

from __future__ import annotations

import json
import time

import pytest

from lockgate.scan.record import Answer

_PAIRS = [  # a document, what its like in a clean model says, and the rule
    ({"attn_implementation": {"text_config": "evil/kernel"}}, {"attn_implementation": "sdpa"}, "061"),
    ({"kernel_backend": "evil/fast@main"}, {"kernel_size": 3, "license": "apache-2.0"}, "061"),
    ({"@module": "subprocess", "@class": "Popen"}, {"module_name": "encoder"}, "061"),
    ({"$type": "System.Diagnostics.Process, System"}, {"__type": "AddedToken"}, "061"),
    ({"activation_fn": "os.system"}, {"activation_fn": "torch.nn.modules.activation.Tanh"}, "061"),
    ({"loss_function": "evil.losses.f"}, {"loss_function": "mean_squared"}, "061"),
    ({"custom_ops_library": "lib/evil.so"}, {"custom_ops": ["Gelu"]}, "061"),
    ({"runner": "serve.py:Runner"}, {"weights": "model.safetensors"}, "061"),
    ({"callbacks": ["evil.mod.Hook"]}, {"target_modules": ["model.layers.0.q_proj"], "callbacks": []}, "061"),
    ({"model_class": "evil.Net"}, {"model_class": "xgboost.sklearn.XGBClassifier"}, "061"),
    ({"trust_remote_code": "True"}, {"trust_remote_code": False}, "061"),
    ({"custom_generate": "evil/loop"}, {"custom_generate": None}, "061"),
    ({"logits_processors": ["evil.mod:Proc"]}, {"logits_processors": ["temperature"]}, "061"),
    ({"types": {"": "evil.Module"}}, {"types": {"": "sentence_transformers.models.Dense"}}, "061"),
    ({"prompt_template": "{{ ''.__class__ }}"}, {"prompt_template": "{{ .System }} {name}"}, "060"),
    ({"lc": 1, "type": "constructor", "id": ["evil", "Cls"]}, {"lc": 1, "type": "x"}, "062"),
    ({"cells": [], "nbformat": 4}, {"cells": 4}, "101"),
]
_TEXTS = [
    ("model:\n  class_path: evil.Net\n", "model:\n  class_path: torch.nn.Linear\n", "061"),
    ("handler = 'evil.mod:Cls'\n", "handler_threads = 4\n", "061"),
    ("callbacks:\n  - evil.mod.Hook\n", "callbacks:\n  - early stopping\n", "061"),
    ("a: {loader: evil.mod.load}\n", "a: {loader: parquet}\n", "061"),
    ('"\\x5ftarget_": os.system\n', '"target size": 3\n', "062"),
    ("a: !!javax.script.ScriptEngineManager []\n", "answer: !!str 5\n", "062"),
    ("a: !apply:os.system [echo]\n", "a: !ref <b>\nb: !new:speechbrain.nnet.linear.Linear\n", "062"),
    ("model_type: x\nauto_map:\n  AutoModel: e.M\n", "model_type: x\nauto_map: null\n", "061"),
    ("chat_template: \"{{ ''.__class__ }}\"\n", 'chat_template: "{{ messages }}"\n', "060"),
    ("common:\n  user_dir: /tmp/evil\n", "common:\n  user_dir: null\n", "061"),
    ("main:\n  command: echo x\n", "main:\n  commander: echo x\n", "061"),
    ("rate: ${eval:1+1}\nname: x\n", "rate: ${model.rate}\nname: x\n", "062"),
    ("[a]\nhandler = evil.mod\n", "Run it:\n\nhandler = module.run\n", "061"),
    ("LD_PRELOAD=/tmp/evil.so\n", "OMP_NUM_THREADS=4\n", "061"),
    ("channels:\n- http://192.0.2.1/c\n", "channels:\n- conda-forge\n", "061"),
    ('name: "m"\nbackend: "python"\n', 'name: "m"\nbackend: "onnxruntime"\n', "061"),
    ("import evil\nTrainer.loss = @evil.f\n", "Trainer.loss = 5\n", "062"),
    ("numpy\n--extra-index-url http://192.0.2.1/\n", "numpy==2.0\npandas==3.1\n", "061"),
    ("x @ git+https://192.0.2.1/x\n", "contact: x@example.com\n", "061"),
    ("dependencies:\n- pip:\n  - -e git+https://192.0.2.1/x\n", "dependencies:\n- python=3.11\n", "061"),
]


@pytest.mark.parametrize(("bad", "good", "rule"), _PAIRS)
def test_a_document_is_unsafe_for_the_code_that_it_names(judged, bad, good, rule):
    said = judged(json.dumps(bad).encode(), "config.json")
    assert said.answer is Answer.UNSAFE
    assert f"LG-SCAN-{rule}" in {hit.rule for hit in said.hits}
    assert judged(json.dumps(good).encode(), "config.json").answer is Answer.SAFE


@pytest.mark.parametrize(("bad", "good", "rule"), _TEXTS)
def test_text_is_unsafe_for_the_code_that_it_names(judged, bad, good, rule):
    said = judged(bad.encode(), "config.yaml")
    assert said.answer is Answer.UNSAFE
    assert f"LG-SCAN-{rule}" in {hit.rule for hit in said.hits}
    assert judged(good.encode(), "config.yaml").answer is Answer.SAFE


def test_model_cards_and_vocabularies_are_safe(judged):
    card = (
        '<div align="center">\n\n# A model\n\n</div>\n\n![logo](logo.png)\n\n- !important: class of 2024\n\n'
        "```bash\npip install git+https://example.org/x\n```\n\n"
        "model = AutoModel.from_pretrained(\n    'a/b',\n    trust_remote_code=True,\n)\nloss = m.loss\n\n"
        "Usage: see the paper. Object: detection.\n"
    )
    for name, data in (
        ("README.md", "---\nlicense: mit\nbase_model: a/b\n---\n" + card),
        ("vocab.txt", "[PAD]\n[unused0]\nthe\n!important\n##ing\n"),
        ("features.json", json.dumps({"feature_names": ["kernel32.dll", "setup.exe"]})),
        ("vocab.json", json.dumps({"version": 1, "learner": 2, "Model": 3, "Config": 4, "system": 5})),
        ("merges.txt", "#version: 0.2\nt h\ni n\n"),
    ):
        said = judged(data.encode(), name)
        assert said.answer is Answer.SAFE, (name, said)


@pytest.mark.parametrize("text", ['<?xml version="1.0"?>\n<net/>', "<!DOCTYPE html>\n<p>", "<PMML>\n</PMML>"])
def test_markup_that_no_model_here_is_written_in_is_not_called_safe(judged, text):
    assert judged(text.encode(), "model.xml").answer is not Answer.SAFE


@pytest.mark.parametrize("data", [b'\xef\xbb\xbf{"a": 1}', b'// x\n{"a": 1}\n', b'/* x */ {"a": 1}'])
def test_json_that_only_some_readers_take_is_not_called_safe(judged, data):
    assert judged(data, "config.json").answer is Answer.UNKNOWN


def test_text_made_to_be_slow_is_read_in_time(judged):
    for part in ('"\\x41', "/**/ ", "a@", "- [", "template: {{", "x: !!a ", "[{,", "a=b:"):
        start = time.process_time()
        judged((part * (200_000 // len(part))).encode(), "config.yaml")
        assert time.process_time() - start < 20
