"""Scanning of model files: lockgate beside picklescan, modelscan and fickling, in one run.

    LOCKGATE_SECOND_OPINION_PYTHON=/path/to/python python benchmarks/bench_scan.py [MIB]

Detection on the techniques of ``tests/core/scan/corpus.py``, false alarms on clean files (every estimator
of scikit-learn by pickle and joblib, arrays), speed and memory on a tensor file of MIB mebibytes (1024 by
default) beside a plain read of it, and speed on pickle opcodes. The other scanners run in the interpreter
that the variable names; those that are not installed there are left out. Nothing is ever loaded.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/core/scan"))

# Reads a folder; says for each file whether the scanner calls it clean, blocks it or cannot tell.
PEERS = {
    "picklescan": """
from picklescan.scanner import scan_file_path
def judge(path):
    said = scan_file_path(path)
    return "error" if said.scan_err else "blocked" if said.issues_count else "clean"
""",
    "modelscan": """
from modelscan.modelscan import ModelScan
def judge(path):
    said = ModelScan().scan(path)
    if said["issues"]: return "blocked"
    return "error" if said["errors"] or said["summary"]["skipped"]["total_skipped"] else "clean"
""",
    "fickling": """
from fickling.fickle import Pickled
from fickling.analysis import check_safety, Severity
def judge(path):
    said = check_safety(Pickled.load(open(path, "rb")))
    return "clean" if said.severity == Severity.LIKELY_SAFE else "blocked"
""",
}
HARNESS = """
import json, logging, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try: found[path.name] = judge(str(path))
    except BaseException: found[path.name] = "error"
print("\\n" + json.dumps(found))
"""
CHILD = """
import re, sys, time
from lockgate.scan.worker import scan_path
start = time.perf_counter(); said = scan_path(sys.argv[1], ""); took = time.perf_counter() - start
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1)
print(said.answer, took, int(peak) // 1024)
"""


def main() -> None:
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.TemporaryDirectory() as folder:
        bad, clean = Path(folder) / "bad", Path(folder) / "clean"
        bad.mkdir()
        clean.mkdir()
        malicious(bad)
        harmless(clean)
        detection(bad, clean)
        tensors(Path(folder), mebibytes)
        opcodes(Path(folder))


def malicious(folder: Path) -> None:
    import corpus

    for technique in corpus.techniques():
        (folder / technique.name).write_bytes(technique.data)


def harmless(folder: Path) -> None:
    import joblib
    import numpy as np
    from sklearn.datasets import make_classification
    from sklearn.utils import all_estimators

    features, labels = make_classification(60, 6, random_state=0)
    warnings.simplefilter("ignore")
    for name, cls in all_estimators():
        try:
            model = cls().fit(abs(features), labels)
        except Exception:  # noqa: BLE001, S112 - needs other data or arguments; the tests cover it
            continue
        for protocol in (2, 4, 5):
            (folder / f"{name}-{protocol}.pkl").write_bytes(pickle.dumps(model, protocol))
        joblib.dump(model, folder / f"{name}.joblib")
        joblib.dump(model, folder / f"{name}-z.joblib", compress=3)
    np.save(folder / "a.npy", features)
    np.savez(folder / "a.npz", features, labels)


def detection(bad: Path, clean: Path) -> None:
    from lockgate.scan.apart import scan_files

    print(f"{'scanner':12} {'blocked of bad':>16} {'not clean of bad':>18} {'blocked of clean':>18} {'s':>7}")
    start = time.perf_counter()
    said = [
        {"safe": "clean", "unsafe": "blocked", "unknown": "error"}[str(one.answer)]
        for folder in (bad, clean)
        for one in scan_files([(p.name, p) for p in sorted(folder.iterdir())])
    ]
    count = len(list(bad.iterdir()))
    row("lockgate", said[:count], said[count:], time.perf_counter() - start)
    python = os.environ.get("LOCKGATE_SECOND_OPINION_PYTHON")
    for name, code in PEERS.items() if python else ():
        start = time.perf_counter()
        answers = []
        for folder in (bad, clean):
            words = [str(python), "-c", code + HARNESS, str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            lines = done.stdout.splitlines()
            answers.append(list(json.loads(lines[-1]).values()) if done.returncode == 0 and lines else [])
        if all(answers):
            row(name, *answers, time.perf_counter() - start)
        else:
            print(f"{name:12} not installed there")


def row(name: str, bad: list[str], clean: list[str], seconds: float) -> None:
    blocked, shut = (sum(a in kinds for a in bad) for kinds in (["blocked"], ["blocked", "error"]))
    alarms = sum(a != "clean" for a in clean)
    print(
        f"{name:12} {blocked:5} = {blocked / len(bad):6.1%} {shut:8} = {shut / len(bad):6.1%}"
        f" {alarms:8} = {alarms / len(clean):6.1%} {seconds:8.1f}"
    )


def tensors(folder: Path, mebibytes: int) -> None:
    size = mebibytes << 20
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    plain, packed = folder / "t.safetensors", folder / "t.pt"
    block = os.urandom(1 << 20)
    with plain.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(mebibytes):
            file.write(block)
    torch_archive(packed, block, mebibytes)
    for path in (plain, packed):
        start = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
        read = time.perf_counter() - start
        said, took, memory = child(path)
        print(
            f"{path.suffix:12} {said}, {mebibytes / took:,.0f} MiB/s,"
            f" a plain read {mebibytes / read:,.0f} MiB/s: {read / took:.2f} of it; {memory} MiB of memory"
        )


def torch_archive(path: Path, block: bytes, mebibytes: int) -> None:
    import zipfile

    storage = (
        b"(X\x07\0\0\0storagectorch\nByteStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ"
        + struct.pack("<i", mebibytes << 20)
        + b"tQ"
    )
    pickled = b"\x80\x02" + storage + b"."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickled)
        archive.writestr("m/version", "3\n")
        with archive.open(zipfile.ZipInfo("m/data/0"), "w", force_zip64=True) as member:
            for _ in range(mebibytes):
                member.write(block)


def opcodes(folder: Path) -> None:
    kinds = {
        "floats": [n / 7 for n in range(1_000_000)],
        "integers": list(range(2_000_000)),
        "texts": [f"name{n}" for n in range(500_000)],
        "records": [{"id": n, "name": f"name{n}", "value": n / 7} for n in range(200_000)],
        "pairs": [[n, n + 1] for n in range(300_000)],
    }
    for name, thing in kinds.items():
        path = folder / "o.pkl"
        written = io.BytesIO()
        pickle.dump(thing, written, 4)
        path.write_bytes(written.getvalue())
        said, took, memory = child(path)
        speed = path.stat().st_size / took / 1e6
        print(f"{name:12} {said}, {speed:,.1f} MB/s of opcodes; {memory} MiB of memory")


def child(path: Path) -> tuple[str, float, int]:
    words = [sys.executable, "-c", CHILD, str(path)]
    said, took, memory = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return said, float(took), int(memory)


if __name__ == "__main__":
    main()
