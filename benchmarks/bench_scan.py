"""Scanning of model files: lockgate beside picklescan, modelscan and fickling, in one run.

    LOCKGATE_SECOND_OPINION_PYTHON=/path/to/python python benchmarks/bench_scan.py [MIB]

Detection on the techniques of ``tests/core/scan/corpus.py``, false alarms on clean files (every estimator
of scikit-learn by pickle and joblib, arrays), speed and memory on a tensor file of MIB mebibytes (1024 by
default) beside a plain read of it, and speed on pickle opcodes. The other scanners run in the interpreter
that the variable names; those that are not installed there are left out. Nothing is ever loaded.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
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
clock = time.process_time if len(sys.argv) > 2 else time.perf_counter
times = []
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    start = clock(); said = scan_path(sys.argv[1], ""); times.append(clock() - start)
took = sorted(times)[len(times) // 2]
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
    import advisories
    import corpus

    for technique in [*corpus.techniques(), *advisories.advisories(corpus)]:
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
    for name, protocol, data in plain():
        path = folder / "o.pkl"
        path.write_bytes(data)
        said, took, memory = child(path, 5)
        speed = len(data) / took / 1e6
        print(f"{name:18} {protocol} {said}, {speed:6.1f} MB/s of opcodes; {memory} MiB of memory")


def plain() -> Iterator[tuple[str, int, bytes]]:
    """Yield pickles of a few megabytes, mostly opcodes: plain values by three protocols, and models."""
    import numpy as np
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier

    kinds: dict[str, object] = {
        "floats": [n / 7 for n in range(500_000)],
        "integers": list(range(1_000_000)),
        "texts": [f"name{n}" for n in range(300_000)],
        "records": [{"id": n, "name": f"name{n}", "value": n / 7} for n in range(120_000)],
        "records in records": [
            {"id": n, "tags": [f"t{n % 50}", "x"], "ok": n % 2 == 0, "sub": {"a": None, "b": (n, n)}}
            for n in range(60_000)
        ],
        "pairs": [[n, n + 1] for n in range(200_000)],
        "pairs of texts": [(f"k{n}", f"v{n}") for n in range(120_000)],
        "text and number": [(f"k{n}", n) for n in range(150_000)],
        "vocabulary": {f"word{n}": n for n in range(200_000)},
        "lists in lists": [[[n], [n + 1, [2]]] for n in range(100_000)],
        "lists of words": [[("a", "bb", "the")[n * m % 3] for m in range(20)] for n in range(30_000)],
        "byte strings": [b"abcdefgh%d" % n for n in range(200_000)],
    }
    for name, thing in kinds.items():
        for protocol in (2, 4, 5):
            yield name, protocol, pickle.dumps(thing, protocol)
    yield "texts", 0, pickle.dumps({f"w{n}": [n, n / 7] for n in range(60_000)}, 0)
    features = np.random.default_rng(0).normal(size=(600, 8))
    labels = (features[:, 0] > 0).astype(int)
    forest = RandomForestClassifier(200, random_state=0).fit(features, labels)
    boosted = GradientBoostingRegressor(n_estimators=300).fit(features, labels)
    for name, model in (("forest of 200", forest), ("boosting, 300", boosted)):
        yield name, 5, pickle.dumps(model, 5)


def child(path: Path, times: int = 0) -> tuple[str, float, int]:
    words = [sys.executable, "-c", CHILD, str(path), *([str(times)] if times else [])]
    said, took, memory = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return said, float(took), int(memory)


if __name__ == "__main__":
    main()
