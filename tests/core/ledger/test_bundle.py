from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import LockgateError
from lockgate.ledger import Ledger, bundle
from lockgate.ledger.errors import ProofError, WrongSignerError


@pytest.fixture(scope="module")
def made(tmp_path_factory, signer, trusted, subject):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.db")
    ledger.append_many([(b"envelope %d" % n, [subject(n)]) for n in range(11)], signer)
    now = ledger.checkpoint(trusted)
    return bundle.write(ledger.entry_of(b"envelope 6", now), now)


def _changed(raw, **fields):
    return json.dumps({**json.loads(raw), **fields}).encode()


def test_a_proof_shows_what_was_logged_where(made, trusted, subject):
    proved = bundle.check(made, trusted, b"envelope 6")
    assert (proved.index, proved.checkpoint.size) == (6, 11)
    assert proved.leaf.subjects == (("sha256", subject(6)["sha256"]),)


def test_a_proof_of_another_attestation_signer_or_place_is_refused(made, trusted, other):
    from lockgate.attest import keys

    with pytest.raises(ProofError, match="another attestation"):
        bundle.check(made, trusted, b"envelope 7")
    with pytest.raises(WrongSignerError):
        bundle.check(made, [keys.load_public(other.public)])
    for index in (5, 7, -1, 2**70):
        with pytest.raises(ProofError):
            bundle.check(_changed(made, index=index), trusted)


@pytest.mark.parametrize(
    "fields",
    [
        {"index": "6"},
        {"index": True},
        {"index": 6.0},
        {"path": "x"},
        {"path": []},
        {"path": ["!"]},
        {"path": [base64.b64encode(b"x" * 32).decode()] * 65},
        {"leaf": None},
        {"leaf": ""},
        {"checkpoint": 5},
        {"checkpoint": ""},
        {"schema": "other"},
        {"more": 1},
    ],
)
def test_a_proof_of_another_form_is_refused(made, trusted, fields):
    with pytest.raises(LockgateError):
        bundle.check(_changed(made, **fields), trusted)


@given(st.data())
def test_no_altered_byte_is_accepted_for_another_entry(made, trusted, data):
    at = data.draw(st.integers(0, len(made) - 1))
    raw = made[:at] + bytes([data.draw(st.integers(0, 255))]) + made[at + 1 :]
    try:
        proved = bundle.check(raw, trusted)
    except LockgateError:
        return
    assert (proved.index, proved.leaf) == (6, bundle.check(made, trusted).leaf)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_sentence(trusted, raw):
    with pytest.raises(ProofError):
        bundle.check(raw, trusted)
