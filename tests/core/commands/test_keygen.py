from __future__ import annotations

import argparse
import getpass
import io
import sys

import pytest

from lockgate.attest import keys
from lockgate.commands import keygen
from lockgate.errors import InputError

SECRET = "correct horse battery staple"


def _main(*words):
    parser = argparse.ArgumentParser()
    keygen.add_arguments(parser)
    return keygen.main(parser.parse_args(words))


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal at which a person types the given answers."""
    monkeypatch.delenv("LOCKGATE_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys, "stdin", _Terminal())

    def types(*answers):
        left = list(answers)
        monkeypatch.setattr(getpass, "getpass", lambda _: left.pop(0))

    return types


def test_the_passphrase_of_the_environment_encrypts_the_key_and_is_not_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    assert _main("keys/signer", "--out", str(tmp_path)) == 0
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    assert str(tmp_path / "keys" / "signer.key.pem") in said.out
    assert keys.load_signer(str(tmp_path / "keys" / "signer.key.pem"), SECRET).public_key.keyid in said.out
    assert b"ENCRYPTED" in (tmp_path / "keys" / "signer.key.pem").read_bytes()


def test_a_passphrase_typed_twice_alike_encrypts_the_key(tmp_path, terminal):
    terminal(SECRET, SECRET)
    _main("signer", "--out", str(tmp_path))
    assert keys.load_signer(str(tmp_path / "signer.key.pem"), SECRET)


@pytest.mark.parametrize(("answers", "part"), [((SECRET, "other"), "differ"), (("",), "is empty")])
def test_passphrases_that_differ_or_are_empty_make_no_key(tmp_path, terminal, answers, part):
    terminal(*answers)
    with pytest.raises(InputError, match=part) as caught:
        _main("signer", "--out", str(tmp_path))
    assert SECRET not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_a_sentence_says_what_to_do_and_no_key_is_made(tmp_path, monkeypatch):
    monkeypatch.delenv("LOCKGATE_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(InputError, match="LOCKGATE_KEY_PASSPHRASE, or give --no-passphrase"):
        _main("signer", "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_no_passphrase_leaves_the_key_in_the_clear_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    _main("signer", "--out", str(tmp_path), "--no-passphrase")
    assert "(not encrypted)" in capsys.readouterr().out
    assert keys.load_signer(str(tmp_path / "signer.key.pem"))


@pytest.mark.parametrize("name", ["", ".", "..", "keys/", "a/..", "signer.key.pem", "a\nb", "a\0b"])
def test_what_is_no_name_for_a_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="no name for a key pair"):
        keygen.keygen(name, tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("passphrase", "said"), [("geheim\udcff", "not UTF-8"), ("geheim" * 200, "1023 bytes")]
)
def test_a_passphrase_that_cannot_encrypt_is_refused_without_being_shown(
    tmp_path, monkeypatch, passphrase, said
):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", passphrase)
    with pytest.raises(InputError, match=said) as caught:
        _main(str(tmp_path / "team"))
    assert "geheim" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
