"""Techniques that were written down blind are found, by a rule of their kind."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from lockgate.outcome import Verdict
from lockgate.scan.apart import Bounds, scan_files
from lockgate.scan.record import Answer
from lockgate.stages.harden.scan_model import scan_model

_IMPORTS = {f"LG-SCAN-00{n}" for n in (1, 2, 3, 4, 5, 7, 9)}
# The rules of each kind of technique; none where what counts is that it is not called safe.
_RULES = {
    "global": _IMPORTS,
    "class changed": {"LG-SCAN-003", "LG-SCAN-004"},
    "path": {f"LG-SCAN-{n}" for n in ("003", "020", "032", "040", "050", "061", "062", "080", "095")},
    "link": {"LG-SCAN-021"},
    "bomb": {"LG-SCAN-003", "LG-SCAN-025"},
    "container": {f"LG-SCAN-02{n}" for n in range(2, 8)} | _IMPORTS | {"LG-SCAN-008"},
    "template": {"LG-SCAN-060"},
    "remote code": {f"LG-SCAN-{n}" for n in ("002", "061", "062", "090", "095", "101")},
    "operator": {"LG-SCAN-040", "LG-SCAN-051", "LG-SCAN-090"},
    "class name": {"LG-SCAN-030", "LG-SCAN-031", "LG-SCAN-032", "LG-SCAN-080"},
    "malformed": set(),
    "unknown format": set(),
}
# Not called safe, for want of a rule that says what it is, or found by the rule of another kind.
_BLOCKED = {
    *("second_pickle_after_padding", "bomb_in_layers", "bomb_of_gzip", "sparse_member"),
    *("seven_zip_with_packed_header", "tf_checkpoint_elsewhere", "gguf_big_endian", "cog_predictor"),
    *("arrow_extension_type", "parquet_extension_type", "paddle_py_func", "coreml_custom_layer"),
    *("tflite_with_files_behind", "joblib_file_beside_outside", "joblib_compressed_file_beside"),
    *(
        "tuples_doubled_and_hashed",
        "tf_keras_metadata",
        "spacy_callback",
        "triton_environment_elsewhere",
        "onnx_as_text",
        "onnx_as_json",
    ),
}


@pytest.fixture(scope="module")
def techniques():
    """The register; test folders are no packages, so it is imported by its place."""
    folder = Path(__file__).with_name("unseen")
    place = [str(folder)]
    spec = importlib.util.spec_from_file_location(
        "unseen", folder / "__init__.py", submodule_search_locations=place
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["unseen"] = module
    spec.loader.exec_module(module)
    parts = [importlib.import_module(f"unseen.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))]
    (register,) = (part.TECHNIQUES for part in parts if part.__name__ == "unseen.kit")
    return register


@pytest.mark.slow
def test_techniques_that_nobody_had_in_mind_are_unsafe_by_a_rule_of_their_kind(techniques, tmp_path):
    files: list[tuple[str, Path]] = []
    for name, one in techniques.items():
        if one.kind == "link" and not one.file.endswith((".zip", ".tar", ".nemo")):
            continue
        (tmp_path / name).mkdir()
        made = one.write(tmp_path / name)
        found = sorted(path for path in made.rglob("*") if path.is_file()) if made.is_dir() else [made]
        files += [(f"{name}/{path.name}", path) for path in found]
    said: dict[str, list[object]] = {}
    for record in scan_files(files, Bounds(cpu_seconds=5)):
        said.setdefault(record.id.partition("/")[0], []).append(record)
    assert len(said) > 180
    missed = {}
    for name, records in said.items():
        rules = {hit.rule for record in records for hit in record.hits}
        answers = {record.answer for record in records}
        wanted = _RULES[techniques[name].kind]
        if answers == {Answer.SAFE} or (wanted and name not in _BLOCKED and not rules & wanted):
            missed[name] = (answers, rules)
    assert missed == {}


@pytest.mark.parametrize(
    "name",
    ["folder_link_to_outside", "folder_link_to_itself", "folder_fifo", "onnx_data_by_a_linked_folder"],
)
def test_a_folder_with_what_is_no_file_does_not_pass(techniques, tmp_path, name):
    outcome = scan_model(techniques[name].write(tmp_path))
    assert outcome.verdict is Verdict.FAIL
    assert "LG-SCAN-021" in {finding.rule for finding in outcome.findings}


def test_every_technique_names_its_source(techniques):
    assert all(len(one.source) > 10 for one in techniques.values())
    assert len(techniques) > 180
