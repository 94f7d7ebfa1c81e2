"""Settings on the command line: flags beat variables, and no secret is taken from or shown on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lockgate.attest import keys
from lockgate.cli import main
from lockgate.settings import NAMES, PREFIX

_STAGE = '''
from lockgate.outcome import Outcome
from lockgate.stage import SettingsIn, stage


@stage("tell-settings")
def tell_settings(*, settings: SettingsIn, crash: bool = False) -> Outcome:
    """Say where things come from.

    Args:
        settings: What lies around.
        crash: Whether to crash over the ledger.
    """
    if crash:
        raise ValueError(f"cannot open {settings.ledger} with {settings.key_passphrase}")
    outcome = Outcome(metrics={"key": settings.key, "trust_state": settings.trust_state})
    outcome.check("said", value=True, comparator="==", threshold=True)
    return outcome
'''
_FLAGS = ["policy", "key", "policy-key", "evidence", "ledger", "trust-state"]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "telling_stage.py").write_text(_STAGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "telling_stage", raising=False)
    monkeypatch.delenv("LOCKGATE_DEBUG", raising=False)
    for name in NAMES:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)

    def call(*flags: str) -> tuple[int, str]:
        code = main(["telling_stage:tell_settings", "--out", str(tmp_path / "out"), *flags])
        return code, "".join(capsys.readouterr())

    return call


def test_a_flag_beats_its_variable_and_the_others_keep_theirs(tell, tmp_path, monkeypatch):
    ours, theirs = (keys.generate(name, tmp_path, passphrase=None) for name in ("ours", "theirs"))
    monkeypatch.setenv("LOCKGATE_KEY", str(theirs.private))
    monkeypatch.setenv("LOCKGATE_EVIDENCE", str(tmp_path / "evidence"))
    monkeypatch.setenv("LOCKGATE_TRUST_STATE", str(tmp_path / "state"))
    code, _ = tell("--key", str(ours.private), "--trust-state", str(tmp_path / "mine"))
    assert code == 0
    result = (tmp_path / "out" / "result.json").read_text()
    assert str(ours.private) in result
    assert str(tmp_path / "mine") in result
    assert str(theirs.private) not in result


@pytest.mark.parametrize("flag", _FLAGS)
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_flag_is_wrong_use_and_does_not_fall_back_on_the_variable(
    tell, monkeypatch, tmp_path, flag, empty
):
    monkeypatch.setenv(f"LOCKGATE_{flag.upper().replace('-', '_')}", str(tmp_path / "there"))
    code, said = tell(f"--{flag}", empty)
    assert (code, said.count("\n")) == (2, 1)
    assert f"--{flag} is empty" in said


@pytest.mark.parametrize("flag", _FLAGS)
@pytest.mark.parametrize(
    "url", ["postgresql://u:hush-hush@127.0.0.1/db", "https://127.0.0.1/x?token=hush-hush"]
)
def test_a_password_in_an_argument_is_refused_without_being_repeated(tell, tmp_path, flag, url):
    for words in ([f"--{flag}", url], [f"--{flag}={url}"]):
        code, said = tell(*words)
        assert (code, said.count("\n")) == (2, 1)
        assert f"LOCKGATE_{flag.upper().replace('-', '_')} instead" in said
        assert "hush-hush" not in said
        assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize("debug", ["", "1"])
def test_neither_an_error_nor_its_traceback_shows_a_secret(tell, monkeypatch, tmp_path, debug):
    pair = keys.generate("k", tmp_path, passphrase="hush-passphrase")
    monkeypatch.setenv("LOCKGATE_KEY", str(pair.private))
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", "hush-passphrase")
    monkeypatch.setenv("LOCKGATE_LEDGER", "postgresql://u:hush-ledger@127.0.0.1:1/db")
    monkeypatch.setenv("LOCKGATE_DEBUG", debug)
    code, said = tell("--crash")
    assert code == 3
    assert "cannot open postgresql://u:***@127.0.0.1:1/db with ***" in said
    assert ("Traceback" in said) is bool(debug)
    assert "hush" not in said


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_unexpected_error_shows_no_secret_of_an_argument(monkeypatch, capsys, debug):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("https://ana:hush-hush@host/data.csv")

    monkeypatch.setattr("lockgate.run.run", broken)
    monkeypatch.setenv("LOCKGATE_DEBUG", debug)
    code = main(["sign-artifact", "--artifact=https://ana:hush-hush@host/data.csv"])
    said = "".join(capsys.readouterr())
    assert code == 3
    assert "https://ana:***@host/data.csv" in said
    assert ("Traceback" in said) is bool(debug)
    assert "hush" not in said
