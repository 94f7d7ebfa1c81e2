"""What a compiled pipeline says of the settings of its steps: names of secrets, and never a secret."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, dsl

import lockgate_kfp
from lockgate.errors import InputError
from lockgate_kfp.sign_artifact import sign_artifact


def _compiled(folder: Path, **settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile a pipeline with one step, and return its container and its Kubernetes configuration."""

    @dsl.pipeline(name="signed")
    def signed(uri: str):  # type: ignore[no-untyped-def]
        model = dsl.importer(artifact_uri=uri, artifact_class=dsl.Model)
        step = sign_artifact(artifact=model.output)
        assert lockgate_kfp.use_settings(step, **settings) is step

    compiler.Compiler().compile(signed, str(folder / "signed.yaml"))
    pipeline, *platform = yaml.safe_load_all((folder / "signed.yaml").read_text())
    container = pipeline["deploymentSpec"]["executors"]["exec-sign-artifact"]["container"]
    if not platform:
        return container, {}
    (executor,) = platform[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    return container, executor


def _environment(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container.get("env", [])}


def test_the_key_is_mounted_and_its_passphrase_and_the_ledger_come_from_secrets(tmp_path):
    container, kubernetes = _compiled(
        tmp_path,
        policy="s3://team/lockgate.yaml",
        policy_key="/etc/lockgate/root.pub.pem",
        evidence="s3://team/evidence",
        ledger_secret="team-ledger",
        trust_state="/state/gate.json",
    )
    assert _environment(container) == {
        "LOCKGATE_KEY": "/etc/lockgate/signer.key.pem",
        "LOCKGATE_POLICY": "s3://team/lockgate.yaml",
        "LOCKGATE_POLICY_KEY": "/etc/lockgate/root.pub.pem",
        "LOCKGATE_EVIDENCE": "s3://team/evidence",
        "LOCKGATE_TRUST_STATE": "/state/gate.json",
    }
    (volume,) = kubernetes["secretAsVolume"]
    assert (volume["secretName"], volume["mountPath"]) == ("lockgate-signer", "/etc/lockgate")
    taken = {
        (entry["secretName"], pair["secretKey"]): pair["envVar"]
        for entry in kubernetes["secretAsEnv"]
        for pair in entry["keyToEnv"]
    }
    assert taken == {
        ("lockgate-signer", "passphrase"): "LOCKGATE_KEY_PASSPHRASE",
        ("team-ledger", "url"): "LOCKGATE_LEDGER",
    }


def test_a_step_that_signs_nothing_mounts_nothing(tmp_path):
    container, kubernetes = _compiled(tmp_path, key_secret=None, policy="s3://team/lockgate.yaml")
    assert _environment(container) == {"LOCKGATE_POLICY": "s3://team/lockgate.yaml"}
    assert kubernetes == {}


def test_a_ledger_without_a_password_may_stand_in_the_pipeline(tmp_path):
    container, _ = _compiled(tmp_path, ledger="postgresql://pipeline@db/lockgate?sslmode=require")
    assert _environment(container)["LOCKGATE_LEDGER"] == "postgresql://pipeline@db/lockgate?sslmode=require"


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"ledger": "postgresql://pipeline:hush-hush@db/lockgate"}, "name it as ledger_secret"),
        ({"evidence": "https://ana:hush-hush@host/evidence"}, "set LOCKGATE_EVIDENCE with"),
        ({"policy": "https://host/lockgate.yaml?token=hush-hush"}, "set LOCKGATE_POLICY with"),
        ({"ledger": "sqlite:////l.db", "ledger_secret": "team-ledger"}, "given twice"),
    ],
)
def test_a_secret_in_a_url_stops_the_compilation_and_is_not_repeated(tmp_path, settings, fix):
    with pytest.raises(InputError, match=fix) as raised:
        _compiled(tmp_path, **settings)
    assert "hush" not in str(raised.value)
    assert not (tmp_path / "signed.yaml").exists()


def test_a_step_takes_its_settings_from_its_environment(tmp_path, monkeypatch):
    """The other end: what `use_settings` sets is what the step signs with and writes to."""
    from types import SimpleNamespace

    from lockgate.attest import keys
    from lockgate_kfp import _base

    pair = keys.generate("signer", tmp_path, passphrase="hush-hush")
    (tmp_path / "model").write_text("weights")
    monkeypatch.setenv("LOCKGATE_KEY", str(pair.private))
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", "hush-hush")
    monkeypatch.setenv("LOCKGATE_EVIDENCE", str(tmp_path / "evidence"))
    taken = {
        name: SimpleNamespace(path=str(tmp_path / name), log_metric=lambda *_: None)
        for name in ("report_html", "metrics", "result_json", "attestation_json")
    }
    said = _base.run_stage(
        "sign-artifact",
        arguments={"artifact": str(tmp_path / "model")},
        outputs={},
        policy=None,
        **taken,
    )
    assert said.verdict == "PASS"
    (kept,) = (tmp_path / "evidence").rglob("*.json")
    assert kept.read_bytes() == (tmp_path / "attestation_json").read_bytes()
