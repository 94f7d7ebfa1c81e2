"""The connection of type `lockgate`: from any secrets backend, masked, with a form and a test."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from lockgate.attest import keys

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_SETTINGS = """
    import dataclasses, json, sys
    from lockgate_airflow import hook

    found = hook.settings(sys.argv[1] or None, optional=sys.argv[1] == "lockgate_default")
    print(json.dumps({**dataclasses.asdict(found), "shown": repr(found)}))
"""
_BACKEND = '''
from airflow.sdk import Connection
from airflow.secrets.base_secrets import BaseSecretsBackend


class Vault(BaseSecretsBackend):
    """Keeps one connection."""

    def get_connection(self, conn_id, team_name=None):
        if conn_id != "from_the_vault":
            return None
        extra = '{"key": "/vault/signer.key.pem", "evidence": "s3://vault/evidence"}'
        return Connection(conn_id=conn_id, conn_type="lockgate", password="hush-vault", extra=extra)
'''


def _connect(airflow: Any, monkeypatch: pytest.MonkeyPatch, password: str | None = None, **extra: Any) -> Any:
    """Have Airflow's environment backend hold the default connection."""
    said = {"conn_type": "lockgate", "password": password, "extra": extra}
    monkeypatch.setitem(airflow.env, "AIRFLOW_CONN_LOCKGATE_DEFAULT", json.dumps(said))
    return airflow


def test_a_connection_names_every_setting_and_what_it_leaves_out_comes_from_the_worker(
    airflow, monkeypatch
) -> None:
    _connect(
        *(airflow, monkeypatch, "hush-hush"),
        key="/keys/signer.key.pem",
        policy_key="/keys/root.pub.pem",
        evidence="s3://team/evidence",
        ledger="postgresql://lockgate@db/lockgate?sslmode=require",
        ledger_password="p@ss/w:rd",
        trust_state="",
    )
    monkeypatch.setitem(airflow.env, "LOCKGATE_POLICY", "/policies/lockgate.yaml")
    monkeypatch.setitem(airflow.env, "LOCKGATE_KEY", "/not/this.pem")
    monkeypatch.setitem(airflow.env, "LOCKGATE_KEY_PASSPHRASE", "not this")
    monkeypatch.setitem(airflow.env, "LOCKGATE_TRUST_STATE", "/state")
    said = airflow.python(_SETTINGS, "lockgate_default")
    shown = said.pop("shown")
    assert said == {
        "key": "/keys/signer.key.pem",
        "policy": "/policies/lockgate.yaml",
        "policy_key": "/keys/root.pub.pem",
        "evidence": "s3://team/evidence",
        "ledger": "postgresql://lockgate:p%40ss%2Fw%3Ard@db/lockgate?sslmode=require",
        "trust_state": "/state",
        "key_passphrase": "hush-hush",
    }
    assert not [secret for secret in ("hush-hush", "p%40ss", "p@ss") if secret in shown]


def test_the_password_of_the_ledger_arrives_at_the_database_as_it_was_given(airflow, monkeypatch) -> None:
    from sqlalchemy import make_url

    _connect(airflow, monkeypatch, ledger="postgresql://ana@db/lockgate", ledger_password="p@ss/w:rd%")
    url = make_url(airflow.python(_SETTINGS, "lockgate_default")["ledger"])
    assert (url.username, url.password, url.host) == ("ana", "p@ss/w:rd%", "db")


def test_without_a_connection_the_environment_holds_but_one_that_is_named_must_exist(
    airflow, monkeypatch
) -> None:
    monkeypatch.setitem(airflow.env, "LOCKGATE_EVIDENCE", "/evidence")
    for conn_id in ("lockgate_default", ""):
        assert airflow.python(_SETTINGS, conn_id)["evidence"] == "/evidence"
    with pytest.raises(AssertionError, match="isn't defined"):
        airflow.python(_SETTINGS, "another")


def test_a_connection_may_lie_in_any_secrets_backend(airflow, monkeypatch, tmp_path) -> None:
    (tmp_path / "my_vault.py").write_text(_BACKEND)
    monkeypatch.setitem(airflow.env, "PYTHONPATH", f"{tmp_path}:{airflow.env['PYTHONPATH']}")
    monkeypatch.setitem(airflow.env, "AIRFLOW__SECRETS__BACKEND", "my_vault.Vault")
    said = airflow.python(_SETTINGS, "from_the_vault")
    assert (said["key"], said["evidence"]) == ("/vault/signer.key.pem", "s3://vault/evidence")
    assert said["key_passphrase"] == "hush-vault"


@pytest.mark.parametrize("extra", [{"key": 5}, {"policy": ["a"]}, {"ledger_password": {"a": 1}}])
def test_a_connection_that_names_no_files_is_one_sentence(airflow, monkeypatch, extra) -> None:
    _connect(airflow, monkeypatch, **extra)
    with pytest.raises(
        AssertionError, match=r"InputError: the extra of the connection lockgate_default is no"
    ):
        airflow.python(_SETTINGS, "lockgate_default")


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"ledger": "postgresql://u:hush-hush@db/l"}, "move it to ledger_password"),
        ({"ledger": "postgresql://db/l", "ledger_password": "hush-hush"}, "names no user"),
        ({"ledger": "/var/ledger.db", "ledger_password": "hush-hush"}, "names no user"),
    ],
)
def test_a_password_of_the_ledger_has_one_place_and_errors_do_not_repeat_it(
    airflow, monkeypatch, extra, sentence
) -> None:
    _connect(airflow, monkeypatch, **extra)
    with pytest.raises(AssertionError, match=sentence) as raised:
        airflow.python(_SETTINGS, "lockgate_default")
    assert "hush-hush" not in str(raised.value)


def test_airflow_masks_every_secret_that_the_settings_hold(airflow, monkeypatch) -> None:
    _connect(
        *(airflow, monkeypatch, "hush-passphrase"),
        evidence="https://host/evidence?token=hush-token",
        ledger="postgresql://u@db/l",
        ledger_password="hush-p@ssword",
    )
    said = airflow.python("""
        import json
        from airflow.sdk.log import redact
        from lockgate_airflow import hook

        found = hook.settings("lockgate_default", optional=False)
        text = f"{found.key_passphrase} {found.evidence} {found.ledger} hush-p@ssword, and more"
        print(json.dumps(redact(text)))
    """)
    assert "hush" not in said
    assert said.endswith(", and more")


# --- The form and the button "Test" -----------------------------------------------------------------


def test_the_form_has_a_field_for_every_setting_and_hides_what_is_secret(airflow) -> None:
    said = airflow.python("""
        import json
        from airflow.providers_manager import ProvidersManager
        from lockgate.settings import NAMES

        manager = ProvidersManager()
        fields = {
            name.removeprefix("extra__lockgate__"): [widget.field["schema"]["title"], widget.is_sensitive]
            for name, widget in manager.connection_form_widgets.items()
            if name.startswith("extra__lockgate__")
        }
        hook = manager.hooks["lockgate"]
        behaviour = manager.field_behaviours["lockgate"]
        print(json.dumps([fields, hook.hook_name, behaviour, sorted(NAMES)]))
    """)
    fields, name, behaviour, settings = said
    assert name == "Lockgate"
    assert set(fields) == {*settings, "ledger_password"} - {"key_passphrase"}
    assert [each for each, (_, sensitive) in fields.items() if sensitive] == ["ledger_password"]
    assert behaviour["relabeling"]["password"] == "Passphrase of the key"
    assert "password" not in behaviour["hidden_fields"]


def _tested(airflow: Any) -> list[Any]:
    """Press "Test", as the API server does it."""
    return airflow.python("""
        import json
        from airflow.models import Connection
        import os

        said = json.loads(os.environ["AIRFLOW_CONN_LOCKGATE_DEFAULT"])
        connection = Connection(conn_id="lockgate_default", **{**said, "extra": json.dumps(said["extra"])})
        print(json.dumps(connection.test_connection()))
    """)


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, str]:
    """A key, a policy and an evidence store that can be used, and their passphrase."""
    pair = keys.generate("team", tmp_path, passphrase="hush-passphrase")
    (tmp_path / "lockgate.yaml").write_text(
        textwrap.dedent("""
        version: 1
        stages:
          sign-artifact:
            on_inconclusive: open
        """)
    )
    (tmp_path / "evidence").mkdir()
    return {
        "key": str(pair.private),
        "policy": str(tmp_path / "lockgate.yaml"),
        "policy_key": str(pair.public),
        "evidence": str(tmp_path / "evidence"),
    }


def test_the_button_test_says_what_can_be_used(airflow, monkeypatch, kept) -> None:
    good, said = _tested(_connect(airflow, monkeypatch, "hush-passphrase", **kept))
    assert (good, said) == (True, "Can be used: key, policy, policy_key, evidence.")


def test_the_button_test_says_that_a_connection_names_nothing(airflow, monkeypatch) -> None:
    assert _tested(_connect(airflow, monkeypatch))[0] is False


@pytest.mark.parametrize(
    ("change", "password", "sentence"),
    [
        ({}, "hush-wrong", "passphrase"),
        ({"key": "/not/there.pem"}, "hush-passphrase", "/not/there.pem"),
        ({"policy": "/not/there.yaml"}, "hush-passphrase", "/not/there.yaml"),
        ({"policy_key": "/not/there.pub.pem"}, "hush-passphrase", "/not/there.pub.pem"),
        ({"evidence": "nosuch://host/x?token=hush-token"}, "hush-passphrase", "evidence store"),
        (
            {"ledger": "postgresql://u@127.0.0.1:1/l", "ledger_password": "hush-ledger"},
            "hush-passphrase",
            "postgresql://127.0.0.1:1/l does not answer",
        ),
        ({"ledger": "/not/there/ledger.db"}, "hush-passphrase", "no ledger at /not/there/ledger.db"),
    ],
)
def test_the_button_test_says_what_is_wrong_without_a_secret(
    airflow, monkeypatch, kept, change, password, sentence
) -> None:
    good, said = _tested(_connect(airflow, monkeypatch, password, **{**kept, **change}))
    assert good is False
    assert sentence in said
    assert "hush" not in said
