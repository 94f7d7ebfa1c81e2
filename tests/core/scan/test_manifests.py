"""Configurations that name files elsewhere or code, and their harmless twins."""

from __future__ import annotations

import json

import pytest

from lockgate.scan.record import Answer

_FLAVORS = "artifact_path: /mlruns/0/model\nflavors:\n  sklearn:\n    pickled_model: {}\nmodel_uuid: 00\n"
_GRAPH = 'node {{ name: "n" op: "{}" }}\n'
_LAYER = 'name: "net"\nlayer {{ name: "p" type: "{}" }}\n'


def _manifest(path: str) -> str:
    return json.dumps({"weightsManifest": [{"paths": [path], "weights": []}]})


@pytest.mark.parametrize(
    ("bad", "good", "rule"),
    [
        (_FLAVORS.format("../../evil.pkl"), _FLAVORS.format("model.pkl"), "LG-SCAN-061"),
        (_manifest("../../etc/passwd"), _manifest("group1-shard1of1.bin"), "LG-SCAN-061"),
        (
            '{"implementation": "evil.Runtime"}',
            '{"implementation": "mlserver_sklearn.SKLearnModel"}',
            "LG-SCAN-061",
        ),
        (
            'backend: "python"\ninput { name: "x" }',
            'backend: "onnxruntime"\ninput { name: "x" }',
            "LG-SCAN-061",
        ),
        ("a:\n  - [1, \"__import__('os').system('x')\"]\n", 'a:\n  - [1, "nn.Conv(3)"]\n', "LG-SCAN-062"),
        (
            json.dumps({"config": '{"_target_": "os.system"}'}),
            json.dumps({"config": '{"a": "os.system"}'}),
            "LG-SCAN-062",
        ),
    ],
)
def test_a_manifest_is_unsafe_for_what_it_names_and_safe_without(judged, bad, good, rule):
    assert rule in {hit.rule for hit in judged(bad.encode()).hits}
    assert judged(good.encode()).answer is Answer.SAFE


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        (_GRAPH.format("WriteFile"), _GRAPH.format("MatMul")),
        (_LAYER.format("Python"), _LAYER.format("Pooling")),
    ],
)
def test_a_graph_as_text_is_never_safe_and_unsafe_for_its_operators(judged, bad, good):
    assert "LG-SCAN-040" in {hit.rule for hit in judged(bad.encode()).hits}
    assert judged(good.encode()).answer is Answer.UNKNOWN


def test_a_key_that_stands_twice_makes_no_document_safe(judged):
    assert judged(b'{"a": 1, "b": {"a": 2}}').answer is Answer.SAFE
    assert judged(b'{"a": 1, "b": {"a": 2, "a": 3}}').answer is Answer.UNKNOWN
