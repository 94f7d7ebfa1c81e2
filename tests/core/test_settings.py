"""Settings: where they come from, what outweighs what, and which part of a URL is a secret."""

from __future__ import annotations

import pytest

from lockgate.settings import NAMES, Settings, hide, secrets_in

_EVERY = {name: f"/{name}" for name in NAMES}


def test_every_setting_has_a_variable_and_an_empty_one_is_not_set():
    environ = {f"LOCKGATE_{name.upper()}": value for name, value in _EVERY.items()}
    assert Settings.from_environment(environ) == Settings(**_EVERY)
    assert Settings.from_environment({**environ, "LOCKGATE_LEDGER": ""}).ledger is None


def test_what_is_said_first_outweighs_what_comes_from_around():
    said = Settings(key="/mine").or_else(Settings(**_EVERY))
    assert (said.key, said.evidence) == ("/mine", "/evidence")


def test_an_environment_made_of_settings_holds_them_and_no_others():
    before = {"LOCKGATE_LEDGER": "old.db", "LOCKGATE_POLICY": "old.yaml", "PATH": "/bin"}
    made = Settings(key="/k", ledger="new.db").into(before)
    assert made == {"LOCKGATE_KEY": "/k", "LOCKGATE_LEDGER": "new.db", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("reference", "secrets"),
    [
        ("postgresql://ana:hush@db/ledger", ["hush"]),
        ("postgresql://ana:h%40sh@db/ledger", ["h%40sh", "h@sh"]),
        ("postgresql://ana:h@sh@db/ledger", ["h@sh"]),
        ("postgresql://ana:h/sh@db/ledger", ["h/sh"]),
        ("postgresql://:hush@db/ledger", ["hush"]),
        ("postgresql://ana@db/ledger?password=hush&sslmode=require", ["hush"]),
        ("https://token@host/lockgate.yaml", ["token"]),
        ("https://host/lockgate.yaml?sv=1&sig=a%2Bb#part", ["a%2Bb", "a+b"]),
        ("https://host/x?X-Amz-Signature=abc&X-Amz-Credential=def", ["abc", "def"]),
    ],
)
def test_passwords_and_tokens_in_a_url_are_found(reference, secrets):
    assert secrets_in(reference) == secrets
    assert "***" in hide(f"cannot open {reference}", secrets_in(reference))


@pytest.mark.parametrize(
    "reference",
    [
        "/etc/lockgate/signer.key.pem",
        "postgresql://ana@db:5432/ledger?sslmode=require",
        "sqlite:////var/lib/a:b@c.db",
        "s3://team/evidence",
        "s3://team/a:b@c?versionId=7",
        "hsm:2?label=token#signer.pub.pem",
        "C:/users/ana@home",
    ],
)
def test_a_reference_without_a_secret_has_none(reference):
    assert secrets_in(reference) == []


def test_the_settings_themselves_show_no_secret():
    said = Settings(
        policy="https://u:s3cr1@host/p",
        evidence="https://host/e?token=s3cr2",
        ledger="postgresql://u:s3cr3@db/l",
        key_passphrase="s3cr4",
    )
    assert "s3cr" not in repr(said)
    assert set(said.secrets()) == {"s3cr1", "s3cr2", "s3cr3", "s3cr4"}
    assert said.hide("s3cr3, then s3cr4") == "***, then ***"
