from __future__ import annotations

import base64
import json
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from lockgate.attest import envelope, keys, statement
from lockgate.errors import EnvelopeError

DOCUMENT = {
    "stage": "validate-data",
    "version": "0.1.0",
    "verdict": "PASS",
    "decision": None,
    "subjects": [{"name": "data", "uri": "/home/me/batch.parquet", "digest": {"sha256": "a" * 64}}],
    "policy": {"digest": None, "thresholds": {"min_rows": 1}},
    "findings": [],
    "checks": [{"id": "rows", "verdict": "PASS"}],
    "metrics": {"rows": 12, "größe": 1e20},
    "outputs": {},
    "evidence": [],
    "body_digest": "b" * 64,
    "finished": "2026-01-01T00:00:00.123Z",
}
STATEMENT = statement.from_result(DOCUMENT)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("signer", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return keys.generate("other", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def sealed(pair):
    return envelope.seal(STATEMENT, keys.load_signer(str(pair.private)))


def _signed_payload(payload, pair, payload_type=envelope.PAYLOAD_TYPE):
    """An envelope over any bytes, with a signature that is good."""
    made = Envelope(payload, payload_type, {})
    made.sign(keys.load_signer(str(pair.private)))
    return json.dumps(made.to_dict()).encode()


def _changed(raw, **fields):
    return json.dumps(json.loads(raw) | fields).encode()


def _refused(raw, pair, kind=EnvelopeError):
    with pytest.raises(kind) as caught:
        envelope.open_envelope(raw, [keys.load_public(pair.public)])
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_sealed_statement_opens_with_the_signers_key(sealed, pair):
    opened = envelope.open_envelope(sealed, [keys.load_public(pair.public)])
    assert opened.signers == {pair.keyid}
    assert opened.statement.document == STATEMENT
    assert opened.statement.run.opens


def test_securesystemslib_verifies_our_envelope_and_refuses_it_for_another_key(sealed, pair, other):
    read = Envelope.from_dict(json.loads(sealed))
    assert read.verify([keys.load_public(pair.public)], 1)
    with pytest.raises(VerificationError):
        read.verify([keys.load_public(other.public)], 1)


def test_plain_cryptography_verifies_our_envelope_by_the_words_of_the_dsse_specification(sealed, pair):
    said = json.loads(sealed)
    payload = base64.b64decode(said["payload"])
    kind = said["payloadType"]
    signed = b" ".join([b"DSSEv1", b"%d" % len(kind), kind.encode(), b"%d" % len(payload), payload])
    public = load_pem_public_key(pair.public.read_bytes())
    signature = base64.b64decode(said["signatures"][0]["sig"])
    public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, signed + b" ", ec.ECDSA(hashes.SHA256()))


def test_we_open_what_plain_cryptography_signed(pair):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    payload = json.dumps(STATEMENT).encode()
    kind = envelope.PAYLOAD_TYPE
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    key = load_pem_private_key(pair.private.read_bytes(), None)
    signature = base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
    raw = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": signature}],
    }
    opened = envelope.open_envelope(json.dumps(raw).encode(), [keys.load_public(pair.public)])
    assert opened.signers == {pair.keyid}


def test_a_statement_sealed_without_a_key_is_refused_by_every_verifier(pair):
    raw = envelope.seal(STATEMENT, None)
    assert json.loads(raw)["signatures"] == []
    assert "not signed" in str(_refused(raw, pair, envelope.UnsignedError))
    with pytest.raises(VerificationError):
        Envelope.from_dict(json.loads(raw)).verify([keys.load_public(pair.public)], 1)


def test_a_signature_by_another_key_or_no_key_at_all_opens_nothing(sealed, other):
    _refused(sealed, other, envelope.SignatureError)
    with pytest.raises(envelope.SignatureError):
        envelope.open_envelope(sealed, [])


def test_what_an_envelope_says_about_its_key_is_not_believed(sealed, pair, other):
    signature = json.loads(sealed)["signatures"][0]["sig"]
    claimed = _changed(sealed, signatures=[{"keyid": other.keyid, "sig": signature}])
    _refused(claimed, other, envelope.SignatureError)
    assert envelope.open_envelope(claimed, [keys.load_public(pair.public)]).signers == {pair.keyid}


def test_one_key_under_two_ids_or_signing_twice_counts_once_and_two_keys_count_twice(sealed, pair, other):
    public = keys.load_public(pair.public)
    renamed = SSlibKey("another id", public.keytype, public.scheme, public.keyval)
    signature = json.loads(sealed)["signatures"][0]["sig"]
    twice = _changed(sealed, signatures=[{"keyid": "1", "sig": signature}, {"keyid": "2", "sig": signature}])
    assert envelope.open_envelope(twice, [public, renamed, public]).signers == {pair.keyid}

    both = Envelope.from_dict(json.loads(sealed))
    both.sign(keys.load_signer(str(other.private)))
    raw = json.dumps(both.to_dict()).encode()
    opened = envelope.open_envelope(raw, [public, keys.load_public(other.public)])
    assert opened.signers == {pair.keyid, other.keyid}


def test_a_good_signature_beside_a_bad_one_still_counts(sealed, pair):
    good = json.loads(sealed)["signatures"][0]
    raw = _changed(sealed, signatures=[{"sig": "AAAA"}, good])
    assert envelope.open_envelope(raw, [keys.load_public(pair.public)]).signers == {pair.keyid}


def test_thirty_two_signatures_are_read_and_not_one_more(sealed, pair):
    (one,) = json.loads(sealed)["signatures"]
    raw = _changed(sealed, signatures=[one] * 32)
    assert len(envelope.open_envelope(raw, [keys.load_public(pair.public)]).signers) == 1
    assert "at most 32" in str(_refused(_changed(sealed, signatures=[one] * 33), pair))


def test_a_signature_of_the_longest_form_counts(pair):
    """One in four is of 72 bytes: both of its numbers have their highest bit set."""
    for _ in range(200):
        raw = envelope.seal(STATEMENT, keys.load_signer(str(pair.private)))
        if len(base64.b64decode(json.loads(raw)["signatures"][0]["sig"])) == 72:
            break
    assert envelope.open_envelope(raw, [keys.load_public(pair.public)]).signers


def test_nothing_is_sealed_that_is_larger_than_what_is_read(monkeypatch):
    raw = envelope.seal(STATEMENT, None)
    monkeypatch.setattr(envelope, "MAX_BYTES", len(raw))
    assert envelope.seal(STATEMENT, None) == raw  # the control
    monkeypatch.setattr(envelope, "MAX_BYTES", len(raw) - 1)
    with pytest.raises(EnvelopeError, match="attestation is larger than"):
        envelope.seal(STATEMENT, None)


def test_a_payload_altered_after_signing_is_refused(sealed, pair):
    text = json.dumps(STATEMENT).replace("a" * 64, "c" * 64)
    _refused(
        _changed(sealed, payload=base64.b64encode(text.encode()).decode()), pair, envelope.SignatureError
    )


@pytest.mark.parametrize(
    "change",
    [
        {"payloadType": "application/vnd.in-toto+JSON"},
        {"payloadType": "application/json"},
        {"payloadType": None},
        {"payload": 5},
        {"payload": ""},
        {"payload": "e30"},
        {"payload": "e30=\n"},
        {"payload": " e30="},
        {"payload": "e31="},
        {"payload": "_w=="},
        {"payload": "é"},
        {"signatures": None},
        {"signatures": {}},
        {"signatures": ["x"]},
        {"signatures": [{"keyid": "x"}]},
        {"signatures": [{"sig": "!"}]},
        {"signatures": [{"sig": None}]},
        {"signatures": [{"sig": "AAAA", "keyid": 1}]},
        {"signatures": [{"sig": "AAAA", "cert": "x"}]},
        {"signatures": [{"sig": "AAAA"}] * 33},
        {"extra": 1},
    ],
)
def test_an_envelope_of_another_shape_is_refused(sealed, pair, change):
    error = _refused(_changed(sealed, **change), pair)
    assert not isinstance(error, envelope.SignatureError)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"payload": NaN}',
        b"x" * 16_000_001,
    ],
)
def test_what_is_no_envelope_at_all_is_refused_at_once(pair, raw):
    start = time.process_time()
    _refused(raw, pair)
    assert time.process_time() - start < 5


def test_a_field_given_twice_is_refused(sealed, pair):
    twice = sealed.replace(b'"payloadType"', b'"payload":"e30=","payloadType"', 1)
    assert "twice" in str(_refused(twice, pair))


def _with(**changes):
    """The statement, with fields of it, its predicate or our extension replaced; None removes one."""
    made = json.loads(json.dumps(STATEMENT))
    for where, fields in changes.items():
        level = {
            "top": made,
            "predicate": made["predicate"],
            "ours": made["predicate"][statement.EXTENSION],
            "subject": made["subject"][0],
        }[where]
        for name, value in fields.items():
            level[name] = value
    return made


BAD_STATEMENTS = {
    "a list": [],
    "older statement type": _with(top={"_type": "https://in-toto.io/Statement/v0.1"}),
    "predicate type that is no text": _with(top={"predicateType": []}),
    "unknown predicate": _with(top={"predicateType": "https://in-toto.io/attestation/link/v0.3"}),
    "no predicate": _with(top={"predicate": None}),
    "no extension": _with(predicate={statement.EXTENSION: None}),
    "no subject": _with(top={"subject": []}),
    "subjects that are no list": _with(top={"subject": 5}),
    "subject without digest": _with(subject={"digest": {}}),
    "only a weak digest": _with(subject={"digest": {"md5": "a" * 32}}),
    "short digest": _with(subject={"digest": {"sha256": "a" * 63}}),
    "upper-case digest": _with(subject={"digest": {"sha256": "A" * 64}}),
    "digest that is no text": _with(subject={"digest": {"sha256": 1}}),
    "subject without name": _with(subject={"name": ""}),
    "two of a name": _with(top={"subject": STATEMENT["subject"] * 2}),
    "result against verdict": _with(ours={"verdict": "FAIL"}),
    "result against decision": _with(ours={"decision": "QUARANTINE"}),
    "unknown verdict": _with(ours={"verdict": "GOOD"}),
    "unknown decision": _with(ours={"decision": "PUBLISH"}),
    "unknown result": _with(predicate={"result": "passed"}),
    "no stage": _with(ours={"stage": None}),
    "time without zone": _with(ours={"finishedOn": "2026-01-01T00:00:00"}),
    "no time": _with(ours={"finishedOn": "yesterday"}),
    "impossible time": _with(ours={"finishedOn": "2026-02-30T00:00:00Z"}),
    "impossible zone": _with(ours={"finishedOn": "2026-02-03T00:00:00+99:00"}),
    "bad body digest": _with(ours={"bodyDigest": "x"}),
}


@pytest.mark.parametrize("name", BAD_STATEMENTS)
def test_a_bad_statement_is_refused_even_with_a_good_signature(pair, name):
    error = _refused(_signed_payload(json.dumps(BAD_STATEMENTS[name]).encode(), pair), pair)
    assert not isinstance(error, envelope.SignatureError)


@pytest.mark.parametrize("payload", [b"\xff", b"{", b'{"a":1,"a":2}', b'{"a":1e999}', b"[" * 1000, b"NaN"])
def test_a_payload_that_is_no_strict_json_is_refused_even_with_a_good_signature(pair, payload):
    _refused(_signed_payload(payload, pair), pair)


def test_a_signature_over_another_payload_type_does_not_count(pair):
    raw = _signed_payload(json.dumps(STATEMENT).encode(), pair, "application/vnd.other+json")
    _refused(_changed(raw, payloadType=envelope.PAYLOAD_TYPE), pair, envelope.SignatureError)


def test_fields_that_we_do_not_know_are_ignored_as_in_toto_asks(pair):
    made = _with(top={"new": 1}, predicate={"url": "https://example.org/run/1"}, ours={"new": []})
    raw = _signed_payload(json.dumps(made).encode(), pair)
    assert envelope.open_envelope(raw, [keys.load_public(pair.public)]).statement.run.stage == "validate-data"


@pytest.mark.parametrize("name", BAD_STATEMENTS)
def test_nothing_is_sealed_that_could_not_be_opened(name):
    with pytest.raises(EnvelopeError):
        envelope.seal(BAD_STATEMENTS[name], None)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_change_of_any_byte_yields_another_statement(sealed, pair, data):
    position = data.draw(st.integers(0, len(sealed) - 1))
    byte = data.draw(st.integers(0, 255))
    raw = sealed[:position] + bytes([byte]) + sealed[position + 1 :]
    try:
        opened = envelope.open_envelope(raw, [keys.load_public(pair.public)])
    except EnvelopeError:
        return
    assert opened.statement.document == STATEMENT  # the change hit the key id or white space


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_as_envelope_and_as_signed_payload(pair, raw):
    _refused(raw, pair)
    if raw:
        _refused(_signed_payload(raw, pair), pair)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["top", "predicate", "ours", "subject"]), st.data())
def test_any_value_in_any_field_is_a_statement_or_an_envelope_error(where, data):
    fields = {
        "top": ["_type", "subject", "predicateType", "predicate"],
        "predicate": ["result", statement.EXTENSION],
        "ours": ["stage", "verdict", "decision", "bodyDigest", "finishedOn"],
        "subject": ["name", "digest"],
    }[where]
    made = _with(**{where: {data.draw(st.sampled_from(fields)): data.draw(_JSON)}})
    try:
        statement.parse(made)
    except EnvelopeError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
