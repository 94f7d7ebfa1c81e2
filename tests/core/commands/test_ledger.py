from __future__ import annotations

import hashlib
import json
import re
import socket

import pytest

from lockgate import cli
from lockgate.attest import keys
from lockgate.ledger import Ledger, checkpoint, merkle, tables

MODEL = {"sha256": hashlib.sha256(b"model").hexdigest()}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("ledger", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture
def place(tmp_path, pair, monkeypatch):
    """A folder with a ledger of five attestations, and the first of them as a file."""
    for name in ("LOCKGATE_LEDGER", "LOCKGATE_KEY", "LOCKGATE_KEY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    ledger = Ledger("ledger.db", "example.org/employment")
    signer = keys.load_signer(str(pair.private))
    ledger.append_many(
        [(b"attestation %d" % n, [MODEL] if n % 2 else [{"sha256": "0" * 64}]) for n in range(5)], signer
    )
    (tmp_path / "attestation.json").write_bytes(b"attestation 3")
    return tmp_path


@pytest.fixture
def lockgate(place, pair, capsys):
    """`lockgate("verify")`: exit code, output, errors of a ledger command with ledger and key given."""

    def call(action, *words, ledger="ledger.db", public=True):
        line = ["ledger", action, *words]
        line += ["--ledger", ledger] if ledger and action != "check-proof" else []
        line += ["--public-key", str(pair.public)] if public else []
        code = cli.main(line)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def no_sockets(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)


def test_a_sound_ledger_verifies_and_an_altered_one_does_not(lockgate, place):
    code, out, _ = lockgate("verify")
    assert (code, out.splitlines()[0]) == (0, "example.org/employment: 5 entries, 2 subjects, 1 checkpoints")
    with Ledger(place / "ledger.db")._database.writing() as connection:
        connection.execute(tables.LEAVES.update().where(tables.LEAVES.c.position == 2).values(payload=b"{}"))
    code, out, err = lockgate("verify")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"lockgate: the ledger's entry 2 is not what was logged; .*\n", err)


def test_show_lists_the_last_entries_or_all_of_an_artifact(lockgate):
    code, out, _ = lockgate("show")
    assert code == 0
    assert "origin    example.org/employment\nentries   5\n" in out
    assert len(re.findall(r"^ +\d+  \d{4}-", out, re.MULTILINE)) == 5
    code, out, _ = lockgate("show", "--digest", f"sha256:{MODEL['sha256']}")
    assert re.findall(r"^ +(\d+)  ", out, re.MULTILINE) == ["1", "3"]
    assert "2 entries about" in out
    assert lockgate("show", "--digest", "sha256:" + "9" * 64)[1].count("0 entries about") == 1
    assert lockgate("show", "--digest", "nonsense")[0] == 2


def test_a_proof_is_written_and_checked_elsewhere_without_a_network(lockgate, place, no_sockets):
    code, out, _ = lockgate("prove", "--attestation", "attestation.json", "--out", "proof.json")
    assert (code, out) == (0, "entry 3 of 5: proof.json\n")
    (place / "ledger.db").unlink()
    words = ("--proof", "proof.json", "--attestation", "attestation.json")
    code, out, _ = lockgate("check-proof", *words, ledger=None)
    assert code == 0
    assert out.startswith("entry 3 of 5 in example.org/employment, logged ")
    assert f"about sha256:{MODEL['sha256']}" in out
    (place / "attestation.json").write_bytes(b"attestation 4")
    code, _, err = lockgate("check-proof", *words, ledger=None)
    assert (code, "another attestation" in err) == (1, True)
    document = json.loads((place / "proof.json").read_bytes())
    (place / "proof.json").write_text(json.dumps({**document, "index": 2}))
    assert lockgate("check-proof", "--proof", "proof.json", ledger=None)[0] == 1


def test_a_proof_of_what_was_not_logged_is_not_written(lockgate, place):
    (place / "attestation.json").write_bytes(b"never logged")
    code, _, err = lockgate("prove", "--attestation", "attestation.json", "--out", "proof.json")
    assert (code, "not in the ledger" in err) == (1, True)
    assert not (place / "proof.json").exists()


def test_what_is_exported_gives_the_signed_root(lockgate, place, pair):
    assert lockgate("export", "--out", "ledger.jsonl")[:2] == (0, "5 entries: ledger.jsonl\n")
    first, *lines = (place / "ledger.jsonl").read_bytes().splitlines()
    signed = checkpoint.open_note(json.loads(first)["checkpoint"], [keys.load_public(pair.public)])
    assert merkle.tree([merkle.leaf_hash(line) for line in lines])[0] == signed.root


def test_entries_without_a_checkpoint_are_signed_on_demand(lockgate, place, pair, monkeypatch):
    with Ledger(place / "ledger.db")._database.writing() as connection:
        connection.execute(tables.CHECKPOINTS.delete())
    assert lockgate("verify")[0] == 1
    assert lockgate("checkpoint")[::2] == (
        2,
        "lockgate: no key signs the checkpoint; give --key, or set LOCKGATE_KEY\n",
    )
    code, out, _ = lockgate("checkpoint", "--key", str(pair.private), public=False)
    assert code == 0
    assert out.startswith("lockgate.local/ledger\n5\n")
    assert lockgate("verify")[0] == 0
    monkeypatch.setenv("LOCKGATE_KEY", str(pair.private))
    assert lockgate("checkpoint", public=False)[1] == out


@pytest.mark.parametrize("action", ["verify", "show", "export", "prove"])
def test_the_ledger_may_be_named_by_the_environment_and_must_be_named(lockgate, monkeypatch, action):
    words = {"export": ["--out", "x"], "prove": ["--attestation", "attestation.json"]}.get(action, [])
    assert lockgate(action, *words, ledger=None)[::2] == (
        2,
        "lockgate: no ledger is named; give --ledger, or set LOCKGATE_LEDGER\n",
    )
    monkeypatch.setenv("LOCKGATE_LEDGER", "ledger.db")
    assert lockgate(action, *words, ledger=None)[0] == 0


def test_a_password_on_the_command_line_is_refused_and_not_repeated(lockgate):
    code, out, err = lockgate("verify", ledger="postgresql://user:s3cret@host/base")
    assert code == 2
    assert "LOCKGATE_LEDGER" in err
    assert "s3cret" not in out + err


def test_a_ledger_that_is_not_there_is_exit_code_3_and_another_one_1(lockgate):
    code, _, err = lockgate("verify", ledger="missing.db")
    assert (code, err) == (
        3,
        "lockgate: there is no ledger at missing.db; check the path, or append to it first\n",
    )
    assert lockgate("verify", "--origin", "example.org/other")[0] == 1
    assert lockgate("verify", "--origin", "two words")[0] == 2
    assert lockgate("verify", public=False)[0] == 2
    assert cli.main(["ledger"]) == 2
