"""JSON documents: Hugging Face configurations, Keras configurations, XGBoost models, and others."""

from __future__ import annotations

import json
from typing import Any

from lockgate.scan.context import Context
from lockgate.scan.formats import catboostjson, documents, keras, names, naming, onnx, templates, xgboost
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_DEEPEST = 500
_PIPELINES = frozenset(["diffusers", "transformers", "onnxruntime", "stable_diffusion"])
_MXNET_CODE = frozenset(["Custom", "_CustomFunction", "_Native", "_NDArray"])
_LIBRARIES = frozenset(["transformers", "diffusers", "sentence_transformers", "timm"])


def scan(source: Source, context: Context) -> None:
    """Judge a document."""
    if source.size > context.limits.document:
        raise DamagedError(f"is a document of more than {context.limits.document:,} bytes")
    document = documents.loads(source.exactly(0, source.size))
    context.record.met("JSON")
    if xgboost.is_model(document):
        context.record.met("XGBoost")
        xgboost.check(document)
    elif catboostjson.is_model(document):
        context.record.met("CatBoost")
        catboostjson.check(document)
    _imports(document, context)
    _graph(document, context)
    _walk(document, context, 0)


def check_text(value: str, context: Context, depth: int = 0) -> None:
    """Judge text that is a document of its own, as loaders that keep a configuration in text read it."""
    if value[:1] not in ("{", "[") or value[:2] in ("{{", "{%", "{#"):
        return
    try:
        held = documents.loads(value)
    except DamagedError:
        return  # brackets and braces stand in much text that is no JSON
    if isinstance(held, (dict, list)):
        _walk(held, context, depth + 1)


def _imports(document: Any, context: Context) -> None:
    """Report what sentence-transformers imports for modules.json, and diffusers for model_index.json."""
    if isinstance(document, list):
        parts = [one for one in document if isinstance(one, dict) and {"path", "type"} <= one.keys()]
        for kind in (str(one["type"]) for one in parts if "idx" in one or "name" in one):
            if not kind.startswith("sentence_transformers."):
                message = f"Has {kind} imported and made by sentence-transformers."
                context.hit("LG-SCAN-061", "HIGH", message, name=kind)
    elif isinstance(document, dict) and "_class_name" in document:
        if isinstance(document["_class_name"], list):
            message = "Names a pipeline of its own, whose code diffusers runs with trust_remote_code."
            context.hit("LG-SCAN-061", "HIGH", message, name=json.dumps(document["_class_name"])[:100])
        for key, item in document.items():
            named = isinstance(item, list) and len(item) == 2 and all(isinstance(one, str) for one in item)  # noqa: PLR2004
            if named and not key.startswith("_") and item[0].split(".")[0] not in _PIPELINES:
                message = f"Has {item[0]} imported by diffusers, and {item[1]} of it made."
                context.hit("LG-SCAN-061", "HIGH", message, name=".".join(item))


def _graph(document: Any, context: Context) -> None:
    """Report graphs of other runtimes, of which only what they must not hold is looked for."""
    if not isinstance(document, dict):
        return
    if {"nodes", "arg_nodes", "heads"} <= document.keys():
        nodes = document["nodes"] if isinstance(document["nodes"], list) else []
        operators = {str(one.get("op")) for one in nodes if isinstance(one, dict)}
        for name in sorted(operators & _MXNET_CODE):
            message = f"Runs the operator {name}, which is code from outside of the model."
            context.hit("LG-SCAN-040", "HIGH", message, name=name)
        context.cannot("is a graph of MXNet, which is not read here")
    elif "graph" in document and {"irVersion", "ir_version"} & document.keys():
        context.cannot("is ONNX written as JSON, which is not read here")


def _walk(value: Any, context: Context, depth: int, *, judged: bool = False) -> None:
    if depth > _DEEPEST:
        raise DamagedError("is nested too deep")
    if isinstance(value, str):
        check_text(value, context, depth)
    if isinstance(value, list):
        if value and isinstance(value[0], (int, float)):
            return
        for item in value:
            _walk(item, context, depth + 1, judged=judged)
    elif isinstance(value, dict):
        if "class_name" in value and not judged:
            context.record.met("Keras")
            keras.check(value, context, depth)
            judged = True
        if "lc" in value and value.get("type") in ("constructor", "secret"):
            name = ".".join(_texts(value.get("id")))
            context.hit("LG-SCAN-062", "HIGH", f"Has {name} made by LangChain.", name=name)
        if {"nbformat", "cells"} <= value.keys():
            context.hit("LG-SCAN-101", "HIGH", "Is a notebook, which is a program; a model is data.")
        for key, item in value.items():
            if not judged:
                naming.check(key, item, context)
            _key(key, item, context)
            _walk(item, context, depth + 1, judged=judged)


def _key(key: str, item: Any, context: Context) -> None:
    if key == "chat_template" or (key.endswith("template") and templates.looks_like_template(item)):
        for template in _texts(item):
            templates.check(template, context)
    elif key == "auto_map" and item:
        message = "Names classes of its own, whose code transformers runs with trust_remote_code."
        context.hit("LG-SCAN-061", "HIGH", message, name=json.dumps(item)[:100])
    elif key == "custom_pipelines" and item:
        message = "Names pipelines of its own, whose code transformers runs with trust_remote_code."
        context.hit("LG-SCAN-061", "HIGH", message, name=json.dumps(item)[:100])
    elif key in ("weight_map", "weightsManifest"):  # of transformers; of TensorFlow.js
        for one in sorted({each for each in _texts(item) if names.leads_outside(each)}):
            message = "Has weights read from a path that leads out of the model's folder."
            context.hit("LG-SCAN-061", "HIGH", message, name=one)
    elif key.startswith("py/"):
        context.hit("LG-SCAN-062", "CRITICAL", "Has objects that jsonpickle makes.", name=f"{key} {item}")
    elif key == "_target_" and isinstance(item, str) and not naming.TARGETS.match(item):
        message = f"Has {item} looked up and called by whoever instantiates this configuration."
        context.hit("LG-SCAN-062", "HIGH", message, name=item)
    elif key == "parent_library" and isinstance(item, str) and item.split(".")[0] not in _LIBRARIES:
        context.hit("LG-SCAN-061", "HIGH", f"Has the module {item} imported by PEFT.", name=item)
    elif key in ("externalData", "external_data") and isinstance(item, list):
        for one in item:
            if isinstance(one, dict) and one.get("key") == "location":
                onnx.location(str(one.get("value", "")), None, context)


def _texts(item: Any) -> list[str]:
    if isinstance(item, str):
        return [item]
    if isinstance(item, dict):
        return [one for value in item.values() for one in _texts(value)]
    if isinstance(item, list):
        return [one for value in item for one in _texts(value)]
    return []
