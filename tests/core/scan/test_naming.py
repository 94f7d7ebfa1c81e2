"""Configurations that name code are unsafe; those that name weights, classes and words are not."""

from __future__ import annotations

import json

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
        "```bash\npip install git+https://example.org/x\n```\n\nUsage: see the paper. Object: detection.\n"
    )
    for name, data in (
        ("README.md", "---\nlicense: mit\nbase_model: a/b\n---\n" + card),
        ("vocab.txt", "[PAD]\n[unused0]\nthe\nof\n##ing\n"),
        ("vocab.json", json.dumps({"version": 1, "learner": 2, "Model": 3, "Config": 4, "system": 5})),
        ("merges.txt", "#version: 0.2\nt h\ni n\n"),
    ):
        said = judged(data.encode(), name)
        assert said.answer is Answer.SAFE, (name, said)


@pytest.mark.parametrize("text", ['<?xml version="1.0"?>\n<net/>', "<!DOCTYPE html>\n<p>", "<PMML>\n</PMML>"])
def test_markup_that_no_model_here_is_written_in_is_not_called_safe(judged, text):
    assert judged(text.encode(), "model.xml").answer is not Answer.SAFE
