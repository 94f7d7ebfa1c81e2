"""The budget and the trigger on the command line: one stream, batch after batch, state at an address."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from lockgate.attest import keys
from lockgate.cli import main
from lockgate.policy import signing

NOW = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
HOUR = dt.timedelta(hours=1)


def table(path: Path, seed: int, rows: int = 300, shift: float = 0.0) -> Path:
    random = np.random.default_rng([seed, 5])
    y = random.integers(0, 2, rows)
    x = random.normal(0, 1, (rows, 3)) + 2.6 * y[:, None] * np.array([1, 0.6, 0])
    pq.write_table(pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2] + shift, "y": y}), path)
    return path


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Run `lockgate gate-retraining`; returns exit code, decision and rules."""
    for name in ("LOCKGATE_KEY", "LOCKGATE_EVIDENCE", "LOCKGATE_LEDGER", "LOCKGATE_POLICY"):
        monkeypatch.delenv(name, raising=False)
    keys.generate("gate", tmp_path, None)
    old = table(tmp_path / "old", 0, 900)

    def run(number: int, after: dt.timedelta | None, *more: str, reference: Path = old, shift: float = 1.5):
        current, out = table(tmp_path / f"batch-{number}", number, shift=shift), tmp_path / "out"
        words = ["gate-retraining", "--reference", reference, "--current", current, "--label", "y"]
        words += ["--state-uri", tmp_path / "state.json", "--stream", "fruit", "--cooldown", "1h"]
        words += ["--key", tmp_path / "gate.key.pem", "--out", out, *more]
        words += [] if after is None else ["--as-of", (NOW - 9 * HOUR + after).isoformat()]
        code = main([str(word) for word in words])
        said = json.loads((out / "result.json").read_text())
        return (
            code,
            said["decision"],
            {f["rule"] for f in said["findings"]} & {f"LG-RETRAIN-0{n}" for n in ("08", "09", "10")},
        )

    return run


def why(tmp_path: Path) -> str:
    said = json.loads((tmp_path / "out" / "result.json").read_text())
    return next(f["message"] for f in said["findings"] if f["rule"] == "LG-RETRAIN-009")


def test_a_batch_trains_once_a_drift_that_stays_once_and_a_cooldown_and_a_window_hold(gate, tmp_path):
    newer = table(tmp_path / "newer", 50, 900)
    few = ("--max-retrains", "2")
    assert gate(1, 0 * HOUR, *few) == (0, "RETRAIN", set())
    assert gate(1, 2 * HOUR, *few) == (0, "KEEP", {"LG-RETRAIN-010"})
    assert gate(2, 2 * HOUR, *few) == (0, "KEEP", {"LG-RETRAIN-009"})
    assert "neither a batch was calm nor the reference new" in why(tmp_path)
    assert gate(3, 3 * HOUR, *few, reference=newer) == (0, "RETRAIN", set())
    again = table(tmp_path / "again", 51, 900)
    assert gate(4, 3 * HOUR + HOUR / 2, *few, reference=again)[1:] == ("KEEP", {"LG-RETRAIN-009"})
    assert "cooldown" in why(tmp_path)
    assert gate(5, 6 * HOUR, *few, reference=again)[1:] == ("KEEP", {"LG-RETRAIN-009"})
    assert "2 were asked for within the window" in why(tmp_path)


def test_a_calm_batch_arms_the_gate_again(gate):
    assert gate(1, 0 * HOUR)[1] == "RETRAIN"
    assert gate(101, 2 * HOUR, shift=0.0) == (0, "KEEP", set())
    assert gate(2, 4 * HOUR)[1] == "RETRAIN"


def test_a_changed_trigger_acts_only_with_a_waiver_of_somebody_else(gate, tmp_path, monkeypatch):
    made = {name: keys.generate(name, tmp_path, None) for name in ("dan", "root")}
    public = {"gate": tmp_path / "gate.pub.pem", "dan": made["dan"].public}
    said = {
        "version": 1,
        "name": "fruit",
        "revision": 1,
        "expires": (NOW + dt.timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "identities": {who: {"keys": [{"public": path.read_text()}]} for who, path in public.items()},
        "roles": {"gates": ["gate"], "security": ["dan", "gate"]},
        "release": {
            "production": {
                "require": [{"stage": "validate-data", "input": "data", "roles": ["gates"]}],
                "waivers": {"roles": ["security"], "longest": "14d"},
            }
        },
    }
    policy = tmp_path / "lockgate.yaml"
    policy.write_text(yaml.safe_dump(said))
    _, approval = signing.approve(policy, keys.load_signer(str(made["root"].private)), now=NOW)
    Path(f"{policy}{signing.ENDING}").write_bytes(approval)
    assert gate(101, 0 * HOUR, shift=0.0)[1] == "KEEP"
    monkeypatch.setenv("LOCKGATE_POLICY", str(policy))
    monkeypatch.setenv("LOCKGATE_POLICY_KEY", str(made["root"].public))
    changed = ("--max-psi", "0.05")
    assert gate(1, 2 * HOUR, *changed) == (1, "KEEP", {"LG-RETRAIN-008"})

    def waived(by: str) -> tuple[str, str]:
        waiver = tmp_path / f"{by}.waiver.json"
        words = ["waive", "--artifact", tmp_path / "out" / "trigger.json", "--stage", "gate-retraining"]
        words += ["--rule", "LG-RETRAIN-008", "--environment", "production", "--reason", "agreed"]
        words += ["--expires", "7d", "--key", tmp_path / f"{by}.key.pem", "--out", waiver]
        assert main([str(word) for word in words]) == 0
        return "--approval", str(waiver)

    assert gate(2, None, *changed, *waived("gate"))[2] == {"LG-RETRAIN-008"}
    assert gate(3, None, *changed, *waived("dan")) == (0, "RETRAIN", set())
