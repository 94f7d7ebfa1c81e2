from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from lockgate.outcome import Severity, Verdict
from lockgate.run import run
from lockgate.scan import opinions
from lockgate.stages.harden import scan_model as module
from lockgate.stages.harden.scan_model import scan_model

SCAN = Path(module.__file__).parents[2] / "scan"
SYSTEM = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04echo\x85R."


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "parts").mkdir(parents=True)
    (made / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0]}))
    (made / "parts" / "config.json").write_text("{}")
    return made


def test_every_file_of_a_folder_has_a_check_of_its_own(folder):
    outcome = scan_model(folder)
    assert outcome.verdict is Verdict.PASS
    assert [(c.id, c.verdict, c.value) for c in outcome.checks] == [
        ("model.pkl", Verdict.PASS, "safe"),
        ("parts/config.json", Verdict.PASS, "safe"),
    ]
    (folder / "parts" / "extra.txt").write_bytes(SYSTEM)
    (folder / "parts" / "what").write_bytes(b"\x00\x01\x02")
    outcome = scan_model(folder)
    assert outcome.verdict is Verdict.FAIL
    assert {c.id: c.verdict for c in outcome.checks} == {
        "model.pkl": Verdict.PASS,
        "parts/config.json": Verdict.PASS,
        "parts/extra.txt": Verdict.FAIL,
        "parts/what": Verdict.INCONCLUSIVE,
    }


def test_a_finding_names_rule_member_offset_and_global(folder):
    (folder / "bad.pkl").write_bytes(SYSTEM)
    (finding,) = scan_model(folder).findings
    assert (finding.rule, finding.severity, finding.check) == ("LG-SCAN-001", Severity.CRITICAL, "bad.pkl")
    assert (finding.location.member, finding.location.offset) == ("bad.pkl", 14)
    assert "os.system" in finding.message
    assert finding.fix


def test_what_cannot_be_read_to_its_end_is_inconclusive(folder):
    data = (folder / "model.pkl").read_bytes()
    (folder / "model.pkl").write_bytes(data[:-1])
    outcome = scan_model(folder)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "before STOP" in outcome.checks[0].reason


def test_an_empty_folder_is_inconclusive(tmp_path):
    (tmp_path / "nothing").mkdir()
    assert scan_model(tmp_path / "nothing").verdict is Verdict.INCONCLUSIVE


def test_the_same_file_gives_the_same_digest_whatever_it_is_called(tmp_path):
    for name in ("a.pkl", "b.safetensors"):
        (tmp_path / name).write_bytes(SYSTEM)
    first, second = (
        run("scan-model", {"model": tmp_path / n}, out=tmp_path / "out") for n in ("a.pkl", "b.safetensors")
    )
    assert first.verdict is Verdict.FAIL
    assert first.body_digest == second.body_digest


def test_raw_tensors_that_a_model_names_are_part_of_it(tmp_path):
    def field(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        return bytes([number << 3 | 2, len(value)]) + value

    outside = field(13, field(1, b"location") + field(2, b"weights.raw")) + field(14, 1)
    weights = field(1, 16) + field(2, 1) + field(8, b"w") + outside  # 16 floats
    node = field(1, b"w") + field(2, b"y") + field(4, b"Relu")
    made = field(1, b"y") + field(2, field(1, field(1, 1)))
    graph = field(1, node) + field(2, b"g") + field(5, weights) + field(12, made)
    (tmp_path / "model.onnx").write_bytes(field(1, 9) + field(7, graph) + field(8, field(2, 18)))
    (tmp_path / "weights.raw").write_bytes(bytes(range(64)))
    assert scan_model(tmp_path).verdict is Verdict.PASS
    (tmp_path / "other.raw").write_bytes(bytes(range(64)))
    assert scan_model(tmp_path).verdict is Verdict.INCONCLUSIVE


def test_every_rule_that_is_used_is_listed_and_has_a_fix():
    places = [*SCAN.rglob("*.py"), Path(module.__file__).with_name("_opinions.py")]
    used = {rule for path in places for rule in re.findall(r"LG-SCAN-\d{3}", path.read_text("utf-8"))}
    assert used == set(re.findall(r"``(LG-SCAN-\d{3})``", module.__doc__ or ""))
    assert all(module._fix(rule) for rule in used)


SCANNERS = os.environ.get(opinions.PYTHON_VARIABLE) or str(
    Path(__file__).parents[4] / ".venv-scanners" / "bin" / "python"
)


@pytest.mark.skipif(not Path(SCANNERS).is_file(), reason=f"needs {opinions.PYTHON_VARIABLE}")
def test_the_locked_scanners_read_arrays_and_the_safe_formats(tmp_path, monkeypatch):
    """modelscan reads headers of arrays by a function of numpy that newer releases do not have."""
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, SCANNERS)
    folder = tmp_path / "model"
    folder.mkdir()
    np.save(folder / "a.npy", np.arange(4.0))
    np.savez(folder / "b.npz", a=np.arange(3))
    (folder / "c.pkl").write_bytes(pickle.dumps({"a": 1}))
    outcome = scan_model(folder, second_opinion=["picklescan", "modelscan"])
    assert outcome.verdict is Verdict.PASS
    assert {check.id for check in outcome.checks} >= {"second-opinion:picklescan", "second-opinion:modelscan"}


@pytest.mark.skipif(not Path(SCANNERS).is_file(), reason=f"needs {opinions.PYTHON_VARIABLE}")
@pytest.mark.parametrize(("data", "verdict"), [(pickle.dumps({"a": 1}), "PASS"), (SYSTEM, "FAIL")])
def test_a_scanner_that_goes_by_names_has_an_opinion_on_a_single_file_too(
    tmp_path, monkeypatch, data, verdict
):
    monkeypatch.setenv(opinions.PYTHON_VARIABLE, SCANNERS)
    (tmp_path / "it").write_bytes(data)
    result = run(
        "scan-model", {"model": tmp_path / "it", "second_opinion": ["modelscan"]}, out=tmp_path / "out"
    )
    checks = {check["id"]: check["verdict"] for check in result.document["checks"]}
    assert checks["second-opinion:modelscan"] == verdict
    assert all(str(tmp_path) not in f["message"] for f in result.document["findings"])
