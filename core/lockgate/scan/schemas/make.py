"""Write the schemas of ONNX, TensorFlow and LightGBM, and of their operators, from what is installed.

    python -m lockgate.scan.schemas.make onnx          # needs onnx and onnxruntime
    python -m lockgate.scan.schemas.make tensorflow
    python -m lockgate.scan.schemas.make lightgbm    # which parameters are numbers

Only TensorFlow's operators that `lockgate.scan.formats.operators` lists are kept: the others are refused
anyway.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_KINDS = {
    1: "double",
    2: "float",
    3: "int",
    4: "int",
    5: "int",
    6: "fixed64",
    7: "fixed32",
    8: "bool",
    9: "text",
}
_KINDS |= {12: "bytes", 13: "int", 14: "enum", 15: "fixed32", 16: "fixed64", 17: "int", 18: "int"}


def main() -> None:
    """Write the documents of one framework."""
    for name in sys.argv[1:]:
        made, versions = {"onnx": _onnx, "tensorflow": _tensorflow, "lightgbm": _lightgbm}[name]()
        for title, content in made.items():
            path = _HERE / f"{name}-{title}.json"
            path.write_text(_lines({"source": versions, **content}), "utf-8")
            print(f"{path}: {path.stat().st_size:,} bytes")  # noqa: T201


def _onnx() -> tuple[dict[str, dict[str, Any]], list[str]]:
    import onnx
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    operators: dict[str, dict[str, list[Any]]] = {}
    theirs = [one for one in runtime.get_all_operator_schema() if one.domain.startswith("com.m")]
    for one in [*onnx.defs.get_all_schemas_with_history(), *theirs]:
        attributes = {name: int(each.type) for name, each in sorted(one.attributes.items())}
        needed = sorted(name for name, each in one.attributes.items() if each.required)
        ends = [min(end, 1 << 30) for end in (one.min_input, one.max_input, one.min_output, one.max_output)]
        entry = [one.since_version, bool(one.deprecated), *ends, attributes, needed]
        operators.setdefault(one.domain, {}).setdefault(one.name, []).append(entry)
    for by_name in operators.values():
        for entries in by_name.values():
            entries.sort(key=lambda entry: entry[0])
    versions = {domain: high for domain, (_, high) in onnx.defs.C.schema_version_map().items()}
    said = [f"{name} {version(name)}" for name in ("onnx", "onnxruntime")]
    messages = _messages([onnx.ModelProto.DESCRIPTOR])
    return {
        "messages": {"ir": onnx.IR_VERSION, "messages": messages},
        "operators": {"versions": versions, "operators": operators},
    }, said


def _tensorflow() -> tuple[dict[str, dict[str, Any]], list[str]]:
    saved_model_pb2 = import_module("tensorflow.core.protobuf.saved_model_pb2")
    op_def_registry = import_module("tensorflow.python.framework.op_def_registry")
    from lockgate.scan.formats.operators import COMPUTES, OWN_FILES

    operators = {}
    for name in sorted(COMPUTES | OWN_FILES):
        one = op_def_registry.get(name)
        if one is None:
            print(f"no operator of TensorFlow: {name}")  # noqa: T201
            continue
        variable = any(arg.number_attr or arg.type_list_attr for arg in one.input_arg)
        inputs = -1 if variable else len(one.input_arg)
        needed = sorted(each.name for each in one.attr if not each.HasField("default_value"))
        operators[name] = [
            inputs,
            {each.name: each.type for each in sorted(one.attr, key=lambda a: a.name)},
            needed,
            [_argument(arg) for arg in one.input_arg],
            [[arg.name, _argument(arg)] for arg in one.output_arg],
            {each.name: found for each in one.attr if (found := _default(each)) is not None},
            {
                each.name: sorted(each.allowed_values.list.type)
                for each in one.attr
                if each.allowed_values.list.type
            },
        ]
    messages = _messages([saved_model_pb2.SavedModel.DESCRIPTOR])
    return {"messages": {"messages": messages}, "operators": {"operators": operators}}, [
        f"tensorflow {_installed()}"
    ]


def _argument(arg: Any) -> str:
    """Return the type of an argument as `lockgate.scan.formats.tensorflowtypes.expand` reads it."""
    if arg.type_list_attr:
        return f"[{arg.type_list_attr}"
    return (f"{arg.number_attr}*" if arg.number_attr else "") + (arg.type_attr or str(arg.type))


def _default(attribute: Any) -> Any:
    value = attribute.default_value
    kind = value.WhichOneof("value")
    if kind == "list" and attribute.type == "list(type)":
        return list(value.list.type)
    return getattr(value, kind) if kind in ("type", "i") else None


def _lightgbm() -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the parameters that are numbers or lists of them, as LightGBM reads its own model's."""
    import lightgbm
    import numpy as np

    lists: dict[str, Any] = {"eval_at": [1, 2], "label_gain": [0, 1], "auc_mu_weights": [0.0]}
    lists |= {"monotone_constraints": [0, 1], "feature_contri": [1, 1], "max_bin_by_feature": [2, 2]}
    lists |= {"cegb_penalty_feature_lazy": [0.1, 0.1], "cegb_penalty_feature_coupled": [0.1, 0.1]}
    rows = np.arange(200.0).reshape(100, 2)
    made = lightgbm.train({**lists, "verbose": -1}, lightgbm.Dataset(rows, rows[:, 0]), 1)
    loaded = lightgbm.Booster(model_str=made.model_to_string()).params
    firsts = {
        name: value[0] if isinstance(value, list) else value for name, value in loaded.items() if value != []
    }
    kinds = {
        name: "numbers" if isinstance(loaded[name], list) else "number"
        for name, value in firsts.items()
        if isinstance(value, (int, float))
    }
    return {"parameters": {"parameters": kinds}}, [f"lightgbm {version('lightgbm')}"]


def _installed() -> str:
    return str(import_module("tensorflow").__version__)


def _messages(open_: list[Any]) -> dict[str, dict[str, list[str]]]:
    """Return all messages that the first ones lead to: number to name and kind, ``*`` for repeated."""
    made: dict[str, dict[str, list[str]]] = {}
    while open_:
        one = open_.pop()
        if one.full_name in made:
            continue
        fields = made[one.full_name] = {}
        for each in sorted(one.fields, key=lambda field: field.number):
            kind = _KINDS.get(each.type)
            if kind is None:
                kind = each.message_type.full_name
                open_.append(each.message_type)
            repeated = each.is_repeated if hasattr(each, "is_repeated") else each.label == each.LABEL_REPEATED
            fields[str(each.number)] = [each.name, kind + "*" * repeated]
    return dict(sorted(made.items()))


def _lines(document: dict[str, Any]) -> str:
    """Return JSON with a line for each entry of its last two levels, so that differences can be read."""
    parts = []
    for key, value in document.items():
        if not isinstance(value, dict):
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
            continue
        inner = ",\n".join(f"  {json.dumps(name)}: {_nested(each)}" for name, each in value.items())
        parts.append(f" {json.dumps(key)}: {{\n{inner}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _nested(value: Any) -> str:
    if isinstance(value, dict) and any(
        isinstance(each, list) and isinstance(each[0], list) for each in value.values()
    ):
        inner = ",\n".join(
            f"   {json.dumps(name)}: {json.dumps(each, separators=(',', ':'))}"
            for name, each in value.items()
        )
        return "{\n" + inner + "\n  }"
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
