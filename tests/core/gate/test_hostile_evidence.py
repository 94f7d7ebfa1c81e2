"""Hostile bytes in the evidence store, in waivers and in the policy: no crash, a code, and a control."""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from pathlib import Path

import pytest
from world import MODEL, altered, minutes, said

from lockgate.attest import statement
from lockgate.attest.store import MAX_OF_ONE, name_of


@pytest.fixture
def robust(world):
    world.only("robust")
    world.sign_policy()
    world.afresh()
    return world


def _statement(world) -> bytes:
    made = statement.from_result(world.document("test-robustness", {"model": MODEL}))
    return json.dumps(made, separators=(",", ":")).encode()


# Payloads that a careless reader takes for a PASS; each is signed by who may.
PAYLOADS = {
    "duplicate key": lambda p: p.replace(b'"verdict":"PASS"', b'"verdict":"FAIL","verdict":"PASS"'),
    "duplicate after normalisation": lambda p: p.replace(
        b'"metrics":{}', b'"metrics":{"\xc3\xa9":1,"e\xcc\x81":2}'
    ),
    "NaN": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"a":NaN}'),
    "Infinity": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"a":-Infinity}'),
    "1e999": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"a":1e999}'),
    "an integer of a thousand digits": lambda p: p.replace(
        b'"metrics":{}', b'"metrics":{"a":%s}' % (b"9" * 1000)
    ),
    "depth": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"a":%s%s}' % (b"[" * 40, b"]" * 40)),
    "great depth": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"a":%s' % (b"[" * 100_000)),
    "byte-order mark": lambda p: b"\xef\xbb\xbf" + p,
    "not UTF-8": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"\xff":1}'),
    "UTF-16": lambda p: p.decode().encode("utf-16"),
    "half a surrogate": lambda p: p.replace(b'"metrics":{}', b'"metrics":{"\\ud800":1}'),
    "comment": lambda p: p.replace(b'"metrics":{}', b'"metrics":{/**/}'),
    "trailing comma": lambda p: p.replace(b'"metrics":{}', b'"metrics":{},'),
    "two documents": lambda p: p + p,
    "trailing text": lambda p: p + b"x",
    "nothing": lambda _: b" ",
    "verdict in lower case": lambda p: p.replace(b'"PASS"', b'"pass"'),
    "verdict of full-width letters": lambda p: p.replace(b'"PASS"', '"\uff30\uff21\uff33\uff33"'.encode()),
    "digest in upper case": lambda p: p.replace(MODEL["sha256"].encode(), MODEL["sha256"].upper().encode()),
    "digest with a space": lambda p: p.replace(
        MODEL["sha256"].encode(), MODEL["sha256"].encode()[:-1] + b" "
    ),
    "stage that is a list": lambda p: p.replace(b'"stage":"test-robustness"', b'"stage":["test-robustness"]'),
    "verdict that is true": lambda p: p.replace(b'"verdict":"PASS"', b'"verdict":true'),
    "time of digits of another script": lambda p: p.replace(b'"finishedOn":"20', '"finishedOn":"٢٠'.encode()),
}


@pytest.mark.parametrize("attack", PAYLOADS)
def test_a_hostile_statement_is_refused_though_it_is_signed_by_who_may(robust, attack):
    payload = _statement(robust)
    hostile = PAYLOADS[attack](payload)
    assert hostile != payload
    name = robust.put(robust.sign(hostile), MODEL)
    assert robust.code("robust") in ("MALFORMED", "WEAK_DIGEST", "WRONG_KIND")
    robust.afresh()
    robust.put(robust.sign(payload), MODEL)
    assert robust.allowed(), name


def _signatures(raw: bytes) -> list:
    return json.loads(raw)["signatures"]


# Envelopes that somebody with no key can make of a good one.
ENVELOPES = {
    "no JSON": lambda _: b"{",
    "a list": lambda raw: b"[" + raw + b"]",
    "duplicate key": lambda raw: raw.replace(b'"payload":', b'"payload":"","payload":', 1),
    "a field more": lambda raw: altered(raw, extra=1),
    "another payload type": lambda raw: altered(raw, payloadType="application/json"),
    "base64 with a line break": lambda raw: altered(raw, payload=json.loads(raw)["payload"] + "\n"),
    "base64 with junk": lambda raw: altered(raw, payload="*" + json.loads(raw)["payload"]),
    "base64 for URLs": lambda raw: altered(raw, payload="-_" + json.loads(raw)["payload"][2:]),
    "base64 without padding": lambda raw: altered(
        raw, payload=base64.b64encode(b"abcd").decode().rstrip("=")
    ),
    "base64 with loose bits": lambda raw: altered(raw, payload="QUJDRB=="),
    "no payload": lambda raw: altered(raw, payload=""),
    "payload that is no text": lambda raw: altered(raw, payload=7),
    "signatures that are no list": lambda raw: altered(raw, signatures={}),
    "too many signatures": lambda raw: altered(raw, signatures=_signatures(raw) * 100),
    "a signature that is no object": lambda raw: altered(raw, signatures=["x"]),
    "a signature of junk": lambda raw: altered(raw, signatures=[{"sig": "!"}]),
    "a key id that is no text": lambda raw: altered(raw, signatures=[{**_signatures(raw)[0], "keyid": 1}]),
    "byte-order mark": lambda raw: b"\xef\xbb\xbf" + raw,
    "depth": lambda _: b"[" * 200_000,
    "size": lambda raw: raw + b" " * 16_000_001,
}


@pytest.mark.parametrize("attack", ENVELOPES)
def test_a_hostile_envelope_is_refused_and_closes_nothing(robust, attack):
    raw = robust.seal(robust.document("test-robustness", {"model": MODEL}))
    hostile = ENVELOPES[attack](raw)
    assert hostile != raw
    robust.put(hostile, MODEL)
    assert robust.code("robust") in ("MALFORMED", "ALTERED")  # what is too large comes back cut off
    if attack != "size":
        robust.put(raw, MODEL)
        assert robust.allowed()


def test_names_that_look_alike_are_not_the_same_input(robust):
    made = robust.document("test-robustness", {unicodedata.normalize("NFKD", "mo\u0307del"): MODEL})
    robust.put(robust.seal(made), MODEL)
    assert robust.code("robust") == "OTHER_INPUT"


@pytest.mark.parametrize(
    "attack", ["duplicate rule", "pattern", "unknown field", "expires before", "no zone"]
)
def test_a_hostile_waiver_excuses_nothing(world, attack):
    world.fail(at=world.now - minutes(30))
    from lockgate.attest.predicates import waiver

    said_ = waiver.Waiver(
        "test-robustness", ("LG-ROBUST-002",), None, "why", world.now - minutes(9), world.now + minutes(9)
    )
    made = waiver.build(MODEL, said_)
    fields = made["predicate"]
    if attack == "duplicate rule":
        fields["rules"] *= 2
    elif attack == "pattern":
        fields["rules"] = ["LG-ROBUST-*"]
    elif attack == "unknown field":
        fields["only"] = "weekdays"
    elif attack == "expires before":
        fields["expires"] = said(world.now - minutes(10))
    else:
        fields["expires"] = "2090-01-01T00:00:00"
    world.put(world.sign(made, "dan"), MODEL)
    assert world.code("robust") == "FAIL"
    world.put(world.sign(waiver.build(MODEL, said_), "dan"), MODEL)
    assert world.allowed()


# Policies that YAML readers have choked on or misread; each is signed by the root.
POLICIES = {
    "bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "tag": "version: !!python/object/apply:os.system ['true']\n",
    "local tag": "version: !lockgate 1\n",
    "duplicate key": "version: 1\nversion: 1\n",
    "merge key": "version: 1\n<<: {stages: {}}\n",
    "depth": "a: " + "[" * 200 + "]" * 200 + "\n",
    "two documents": "version: 1\n---\nversion: 1\n",
    "byte-order mark": "\ufeffversion: 1\n",
    "NaN": "version: .nan\n",
    "a control character": "version: 1\x07\n",
    "size": "# " + "x" * 1_100_000 + "\n",
}


@pytest.mark.parametrize("attack", POLICIES)
def test_a_hostile_policy_is_refused_though_a_root_signed_it(world, attack):
    import hashlib

    from world import key

    from lockgate.attest import envelope
    from lockgate.attest.predicates import policy_approval

    raw = POLICIES[attack].encode()
    Path(world.settings.policy).write_bytes(raw)
    approval = policy_approval.PolicyApproval("employment", 3, world.now + minutes(99), world.now)
    sealed = envelope.seal(policy_approval.build(hashlib.sha256(raw).hexdigest(), approval), key("root"))
    Path(f"{world.settings.policy}.attestation.json").write_bytes(sealed)
    assert world.code() in ("POLICY_UNREADABLE", "POLICY_ALTERED")


# --- The store as a place ---------------------------------------------------------------------------


def _folder(world) -> Path:
    return world.path("x").parent


def test_odd_names_beside_the_evidence_are_passed_over(world):
    folder = _folder(world)
    for name in (
        "x.json",
        "A" * 64 + ".json",
        "a" * 63 + ".json",
        "a" * 64 + ".json.bak",
        "a" * 64,
        " ",
        "-rf",
        "é",
    ):
        (folder / name).write_bytes(b"{}")
    (folder / ("b" * 64 + ".json")).mkdir()
    (folder / ("c" * 64 + ".json\n")).write_bytes(b"{}")
    assert world.allowed()


def test_a_link_in_the_store_is_not_followed(world):
    """Neither a link out of the store, nor one that never ends."""
    raw = world.seal(
        world.document("test-robustness", {"model": MODEL}, verdict="FAIL", finished=said(world.now))
    )
    outside = world.folder / "outside.json"
    outside.write_bytes(raw)
    (_folder(world) / f"{name_of(raw)}.json").symlink_to(outside)
    (_folder(world) / f"{'d' * 64}.json").symlink_to(f"{'d' * 64}.json")
    assert world.allowed()
    (_folder(world) / f"{name_of(raw)}.json").unlink()
    os.link(outside, _folder(world) / f"{name_of(raw)}.json")
    assert world.code("robust") == "FAIL", "a hard link is a file as any other: its bytes count"


@pytest.mark.timeout(20)
def test_a_fifo_in_the_store_is_not_waited_for(world):
    os.mkfifo(_folder(world) / f"{'e' * 64}.json")
    assert world.allowed()


def test_a_store_with_too_many_attestations_of_one_subject_is_refused(world, monkeypatch):
    from lockgate.attest import store

    assert MAX_OF_ONE == 10_000
    monkeypatch.setattr(store, "MAX_OF_ONE", 4)
    assert world.allowed()
    world.test(at=world.now)
    world.test(at=world.now + minutes(1))
    assert world.code("robust") == "STORE_UNREADABLE"
    assert world.code("trained") == "STORE_UNREADABLE"


def test_a_store_that_is_a_file_is_refused(world):
    Path(world.folder / "file").write_bytes(b"")
    world.without(evidence=str(world.folder / "file"))
    assert not world.decide().allow
