"""The example workflow, in both engines and on both batches, as `make demo` runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.errors import EnvelopeError, GateClosedError
from lockgate.model import load_verified

ROOT = Path(__file__).parents[2]
BOTH = ("verify-artifact", "validate-data", "detect-poisoning", "gate-retraining")
RELEASE = ("record-provenance", "scan-model", "test-robustness", "gate-release", "promote-model")
ENGINES = ("airflow", "kfp")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder, and what it printed."""
    around = tmp_path_factory.mktemp("demo")
    command = [sys.executable, ROOT / "dags" / "demo.py", "--out", "demo-out"]
    done = subprocess.run(command, cwd=around, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in around.iterdir()} == {"demo-out"}
    return around / "demo-out", done.stdout


def _rows(printed: str, title: str) -> list[list[str]]:
    """Return the rows of the printed table below a title."""
    lines = printed[printed.index(title) :].splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if line.startswith("└"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines[:end] if line[0] == "│"]


def test_the_clean_batch_is_published_the_poisoned_one_held_and_both_engines_agree(demo):
    out, printed = demo
    rows = _rows(printed, "The same gates in two engines")
    assert [(batch, stage) for batch, stage, *_ in rows] == [
        *(("clean", stage) for stage in (*BOTH, *RELEASE)),
        *(("poisoned", stage) for stage in BOTH),
    ]
    assert {same for _, _, _, _, same, _ in rows} == {"yes"}
    assert {one == two for _, _, one, two, _, _ in rows} == {True}
    assert rows[-1][2] == "FAIL QUARANTINE"
    assert not [line for line in printed.splitlines() if line.startswith("NOT OK")]
    models = [(out / f"{engine}-clean" / "published" / "model.skops").read_bytes() for engine in ENGINES]
    assert models[0] == models[1]
    for engine in ENGINES:
        assert not (out / f"{engine}-poisoned" / "published").exists()


def test_what_it_prints_is_what_the_readme_shows(demo):
    _, printed = demo
    shown = re.search(
        r"^```text\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = {line.rstrip() for line in printed.splitlines()}
    unsure = "record-provenance"  # a WARN in a tree with changes, or without git
    assert [line for line in shown[1].splitlines() if line not in lines and unsure not in line] == []
    assert any(unsure in line for line in lines)


def test_the_gate_allows_with_all_evidence_and_denies_with_its_codes_without(demo):
    out, printed = demo
    rows = _rows(printed, "A release, allowed and denied")
    assert [(answer, because) for _, answer, because in rows] == [
        ("ALLOW", ""),
        ("ALLOW", ""),
        ("DENY", "LG-GATE-401, LG-GATE-506"),
        ("ALLOW", ""),
        ("DENY", "LG-GATE-401, LG-GATE-201"),
    ]
    for engine in ("Airflow", "KFP"):
        assert f"MLflow beside {engine}: employment@production is version 1" in printed
    assert re.search(r"^robust +LG-GATE-506 ", printed, re.MULTILINE)
    assert "lockgate publish COPY.attestation.json" in printed
    shown = [line[2:] for line in printed.splitlines() if line.startswith("$ ")]
    again = subprocess.run(
        ["bash", "-c", "; ".join(shown)], cwd=out.parent, capture_output=True, text=True, check=False
    )
    assert again.returncode == 1, again.stdout + again.stderr
    assert "LG-GATE-506" in again.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_serving_loads_the_published_model_and_refuses_a_changed_one(demo, engine, tmp_path):
    out, _ = demo
    published = out / f"{engine}-clean" / "published"
    assert {path.name for path in published.iterdir()} == {"model.skops", "model.attestation.json"}
    release = {
        "attestation": published / "model.attestation.json",
        "keys": str(out / "batches" / "pipeline.pub.pem"),
        "environment": "production",
    }
    assert load_verified(published / "model.skops", **release).classes == (0, 1)

    changed = bytearray((published / "model.skops").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "model.skops").write_bytes(changed)
    with pytest.raises(GateClosedError, match="is not the model that gate-release attested"):
        load_verified(tmp_path / "model.skops", **release)
    with pytest.raises(EnvelopeError):
        load_verified(
            published / "model.skops", **{**release, "keys": str(out / "batches" / "supplier.pub.pem")}
        )


def test_evidence_of_one_engine_is_none_for_the_other(demo):
    out, _ = demo
    names = [
        {path.name for path in (out / f"{engine}-clean" / "evidence").rglob("*.json")} for engine in ENGINES
    ]
    made_before = {path.name for path in (out / "batches" / "evidence").rglob("*.json")}
    assert names[0] & names[1] == made_before
    assert all(len(each) > len(made_before) for each in names)


def test_the_page_of_all_reports_links_what_is_there(demo):
    out, _ = demo
    page = (out / "index.html").read_text()
    links = re.findall(r'href="\./([^"]+)"', page)
    assert len(links) == 2 * (len(BOTH) * 2 + len(RELEASE)) + 3
    assert all((out / link).exists() for link in links)


def test_the_private_key_is_nowhere_but_in_its_file(demo):
    out, _ = demo
    key = out / "batches" / "pipeline.key.pem"
    secret = key.read_text().splitlines()[1].encode()
    assert [path for path in out.rglob("*") if path.is_file() and secret in path.read_bytes()] == [key]


def test_no_server_is_left_running(demo):
    out, _ = demo
    left = [line for line in Path("/proc").glob("[0-9]*/cmdline") if str(out).encode() in _bytes(line)]
    assert left == []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
