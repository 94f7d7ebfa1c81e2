from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
import yaml

from lockgate import cli, policy
from lockgate.attest import envelope, keys
from lockgate.attest.predicates.policy_approval import subject_of
from lockgate.attest.store import EvidenceStore, name_of
from lockgate.ledger import Ledger
from lockgate.policy import signing

SECRET = "correct horse battery staple"
NAMES = ("root", "root2", "pipeline", "dan")


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in ("KEY", "KEY_PASSPHRASE", "POLICY", "POLICY_KEY", "EVIDENCE", "LEDGER", "TRUST_STATE"):
        monkeypatch.delenv(f"LOCKGATE_{name}", raising=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with keys, a policy that knows them, and a model."""
    for name in NAMES:
        keys.generate(name, tmp_path, SECRET if name == "root" else None)
    said = {
        "version": 1,
        "name": "employment",
        "revision": 3,
        "expires": "2999-01-01T00:00:00Z",
        "identities": {
            name: {"keys": [{"public": (tmp_path / f"{name}.pub.pem").read_text()}]} for name in NAMES[2:]
        },
        "roles": {"ledger": ["pipeline"], "security": ["dan"]},
        "ledger": {"origin": "example.org/employment", "roles": ["ledger"]},
    }
    (tmp_path / "lockgate.yaml").write_text(yaml.safe_dump(said))
    (tmp_path / "model.bin").write_bytes(b"a model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _main(capsys, *words):
    """Run the command line; return its exit code and all that it printed."""
    code = cli.main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out + said.err


def _public(home, name):
    return keys.load_public(home / f"{name}.pub.pem")


WAIVE = ("waive", "--artifact", "model.bin", "--stage", "test-robustness", "--reason", "ticket 114")


# --- sign-policy ------------------------------------------------------------------------------------


def test_a_policy_is_signed_with_an_encrypted_key_and_opens(home, capsys, monkeypatch):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    monkeypatch.setenv("LOCKGATE_KEY", "root.key.pem")
    code, said = _main(capsys, "sign-policy", "lockgate.yaml")
    assert code == 0
    assert "employment, revision 3, until 2999-01-01" in said
    assert SECRET not in said
    now = dt.datetime.now(dt.timezone.utc)
    assert signing.open_policy("lockgate.yaml", [_public(home, "root")], now=now).revision == 3


def test_a_second_person_adds_a_signature(home, capsys, monkeypatch):
    monkeypatch.setenv("LOCKGATE_KEY_PASSPHRASE", SECRET)
    for name in ("root", "root2"):
        assert _main(capsys, "sign-policy", "lockgate.yaml", "--key", f"{name}.key.pem")[0] == 0
    opened = signing.open_policy(
        "lockgate.yaml",
        [_public(home, "root"), _public(home, "root2")],
        now=dt.datetime.now(dt.timezone.utc),
    )
    assert opened.approval.signers == {_public(home, "root").keyid, _public(home, "root2").keyid}


def test_the_approval_is_found_by_the_policys_name_in_store_and_ledger(home, capsys):
    words = ["sign-policy", "lockgate.yaml", "--key", "root2.key.pem", "--evidence", "evidence"]
    assert _main(capsys, *words)[0] == 0
    raw = (home / "lockgate.yaml.attestation.json").read_bytes()
    words = [
        "publish",
        "lockgate.yaml.attestation.json",
        "--key",
        "pipeline.key.pem",
        "--ledger",
        "ledger.db",
    ]
    assert _main(capsys, *words, "--policy", "lockgate.yaml")[0] == 0
    assert [stored.raw for stored in EvidenceStore("evidence").of(subject_of("employment"))] == [raw]
    ledger = Ledger("ledger.db", "example.org/employment")
    checkpoint = ledger.checkpoint([_public(home, "pipeline")])
    entries = ledger.entries_of(subject_of("employment"), checkpoint).entries
    assert [entry.envelope for entry in entries] == [name_of(raw)]


def test_who_may_not_sign_for_the_ledger_is_told_before_anything_is_written(home, capsys):
    words = ["sign-policy", "lockgate.yaml", "--key", "root2.key.pem", "--evidence", "evidence"]
    code, said = _main(capsys, *words, "--ledger", "ledger.db")
    assert code == 2
    assert "may not sign for the ledger" in said
    assert not any(
        (home / name).exists() for name in ("evidence", "ledger.db", "lockgate.yaml.attestation.json")
    )


def test_a_policy_that_cannot_be_used_is_not_signed(home, capsys):
    text = (home / "lockgate.yaml").read_text()
    (home / "lockgate.yaml").write_text(text.replace("revision: 3", "revison: 3"))
    code, said = _main(capsys, "sign-policy", "lockgate.yaml", "--key", "root2.key.pem")
    assert code == 2
    assert "did you mean 'revision'" in said
    assert not (home / "lockgate.yaml.attestation.json").exists()


@pytest.mark.parametrize(
    "words", [("sign-policy", "lockgate.yaml"), (*WAIVE, "--rule", "LG-A-001", "--expires", "1d")]
)
def test_without_a_key_nothing_is_signed(home, capsys, words):
    before = sorted(home.iterdir())
    code, said = _main(capsys, *words)
    assert (code, "give --key or set LOCKGATE_KEY" in said) == (2, True)
    assert sorted(home.iterdir()) == before


# --- waive ------------------------------------------------------------------------------------------


def test_a_waiver_is_written_and_stored_under_the_artifact(home, capsys):
    rules = ("--rule", "LG-ROBUST-002", "--rule", "LG-ROBUST-001")
    more = (
        "--environment",
        "production",
        "--expires",
        "14d",
        "--evidence",
        "evidence",
        "--key",
        "dan.key.pem",
    )
    assert _main(capsys, *WAIVE, *rules, *more)[0] == 0
    raw = (home / "waiver.attestation.json").read_bytes()
    digest = {"sha256": hashlib.sha256(b"a model").hexdigest()}
    assert [stored.raw for stored in EvidenceStore("evidence").of(digest)] == [raw]
    opened = envelope.open_envelope(raw, [_public(home, "dan")])
    said = opened.statement.claim
    assert (said.stage, said.rules) == ("test-robustness", ("LG-ROBUST-001", "LG-ROBUST-002"))
    assert (said.environment, said.reason) == ("production", "ticket 114")
    assert said.expires - said.granted == dt.timedelta(days=14)
    assert opened.statement.subjects[0].is_(digest)


def test_a_waiver_may_end_at_a_time_and_be_for_every_environment(home, capsys):
    more = (
        "--rule",
        "LG-A-001",
        "--expires",
        "2999-12-24T00:00:00+01:00",
        "--key",
        "dan.key.pem",
        "--out",
        "w.json",
    )
    assert _main(capsys, *WAIVE, *more)[0] == 0
    said = envelope.unverified((home / "w.json").read_bytes()).claim
    assert said.environment is None
    assert said.expires == dt.datetime(2999, 12, 23, 23, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"--artifact": "none.bin"}, "none.bin does not exist"),
        ({"--stage": "test-robustnes"}, "no stage called 'test-robustnes'"),
        ({"--rule": "LG-*"}, "is no rule id"),
        ({"--rule": ""}, "is no rule id"),
        ({"--reason": "  "}, "the reason is blank"),
        ({"--reason": "\udcff"}, "no UTF-8 text"),
        ({"--environment": ""}, "is no name of one"),
        ({"--expires": "2020-01-01T00:00:00Z"}, "has passed already"),
        ({"--expires": "2999-01-01"}, "no time with a zone and no duration"),
        ({"--expires": "99999d"}, "no time with a zone and no duration"),
        ({"--key": "none.key.pem"}, "none.key.pem"),
        ({"--key": "dan.pub.pem"}, "is a public key"),
        ({"--key": " "}, "--key is empty"),
        ({"--ledger": "postgresql://me:geheim@host/db"}, "LOCKGATE_LEDGER"),
        ({"--out": "lockgate.yaml/w.json"}, "cannot be written"),
        ({"--evidence": "lockgate.yaml/evidence"}, "cannot be written"),
    ],
    ids=str,
)
def test_a_waiver_that_cannot_be_meant_is_refused_and_nothing_is_written(home, capsys, change, part):
    good = dict(zip(WAIVE[1::2], WAIVE[2::2], strict=True)) | {
        "--rule": "LG-A-001",
        "--expires": "14d",
        "--key": "dan.key.pem",
        "--environment": "production",
    }
    before = sorted(home.iterdir())
    code, said = _main(capsys, "waive", *(word for pair in (good | change).items() for word in pair))
    assert code in (2, 3)
    assert part in said
    assert said.count("\n") == 1
    assert "geheim" not in said
    assert sorted(home.iterdir()) == before


# --- publish ----------------------------------------------------------------------------------------


def test_what_is_no_attestation_is_not_published(home, capsys):
    (home / "note.json").write_text(json.dumps({"payload": "x"}))
    words = ["publish", "note.json", "--key", "pipeline.key.pem", "--evidence", "evidence"]
    code, said = _main(capsys, *words)
    assert (code, "no envelope" in said) == (2, True)
    assert not (home / "evidence").exists()


def test_publishing_nowhere_is_an_error(home, capsys):
    code, said = _main(capsys, "publish", "lockgate.yaml", "--key", "pipeline.key.pem")
    assert (code, "nowhere to publish" in said) == (2, True)


def test_the_policy_of_these_tests_is_good(home):
    assert policy.load(home / "lockgate.yaml").ledger.origin == "example.org/employment"
