"""The example workflow, in both engines and on both batches, as `make demo` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_demo_publishes_the_clean_batch_holds_the_poisoned_one_and_both_engines_agree(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "dags" / "demo.py", "--out", tmp_path / "demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for engine in ("Airflow", "KFP"):
        assert any(f"{engine}: clean batch" in line and line.endswith("model published") for line in lines)
        assert f"ok {engine}: poisoned batch QUARANTINE, model not published" in lines
        published = tmp_path / "demo" / f"{engine.lower()}-clean" / "published"
        assert {path.name for path in published.iterdir()} == {"model.skops", "model.attestation.json"}
        assert not (tmp_path / "demo" / f"{engine.lower()}-poisoned" / "published").exists()
    rows = [line for line in lines if "│" in line]
    assert sum(" yes " in row for row in rows) == 11
    assert not any(" no " in row for row in rows)
    models = [
        (tmp_path / "demo" / f"{e}-clean" / "published" / "model.skops").read_bytes()
        for e in ("airflow", "kfp")
    ]
    assert models[0] == models[1]
    private = (tmp_path / "demo" / "batches" / "pipeline.key.pem").read_text()
    secret = private.splitlines()[1]
    leaks = [p for p in (tmp_path / "demo").rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
    assert leaks == [tmp_path / "demo" / "batches" / "pipeline.key.pem"]
