"""Who can only add files to the evidence store, without a key, can neither close nor stop the gate."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from world import MODEL, hours, minutes

from lockgate.attest import store

LONG = b"a" * 1_000_000


def _add(world, raw: bytes, name: str | None = None) -> None:
    name = name or hashlib.sha256(raw).hexdigest()
    (world.path("x").parent / f"{name}.json").write_bytes(raw)


def _signed_by_strangers(number: int) -> bytes:
    signatures = [{"sig": _der(number * 100 + i)} for i in range(32)]
    payload = base64.b64encode(b"%d" % number + LONG).decode()
    made = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": signatures}
    return json.dumps(made).encode()


def _der(number: int) -> str:
    body = b"".join(b"\x02\x20" + b"\x01" * 24 + (number + i).to_bytes(8, "big") for i in (1, 2))
    return base64.b64encode(b"\x30\x44" + body).decode()


def _without_ledger(world):
    del world.policy["ledger"]
    world.sign_policy()


def test_a_file_that_does_not_fit_its_name_closes_nothing_that_must_be_logged(world):
    _add(world, b"{}", "a" * 64)
    assert world.allowed()


def test_without_a_ledger_it_may_have_been_anything(world):
    _without_ledger(world)
    _add(world, b"{}", "a" * 64)
    assert world.code("robust") == "ALTERED"


def test_more_files_than_are_read_do_not_close_the_gate_where_the_ledger_names_what_counts(
    world, monkeypatch
):
    monkeypatch.setattr(store, "MAX_OF_ONE", 10)
    monkeypatch.setattr(store, "MOST_OTHERS", 4)
    for number in range(12):
        _add(world, b"%d" % number)
    assert world.allowed()
    _without_ledger(world)
    assert world.code("robust") == "STORE_UNREADABLE"


def test_more_bytes_than_are_read_do_not_close_it_either(world, monkeypatch):
    monkeypatch.setattr(store, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(store, "MAX_BYTES", 200_000)
    for number in range(6):
        _add(world, b"%d" % number + LONG[:190_000])
    assert world.allowed()
    _without_ledger(world)
    assert world.code("robust") == "STORE_UNREADABLE"


def test_what_the_ledger_names_is_read_behind_any_number_of_other_files(world, monkeypatch):
    monkeypatch.setattr(store, "MOST_OTHERS", 0)
    world.fail(at=world.now - minutes(5))
    assert world.code("robust") == "FAIL"


def test_a_fail_that_was_not_logged_still_counts_beside_a_little_junk(world):
    for number in range(20):
        _add(world, b"%d" % number + LONG)
    world.fail(at=world.now - minutes(5), log=False)
    assert world.code("robust") == "FAIL"


@pytest.mark.timeout(30)
def test_long_junk_with_many_signatures_takes_no_longer_than_reading_it(world):
    """Each signature was once tried with each key over the whole of it: 28 ms a try, for 8 MB."""
    world.test(at=world.now - hours(1) + minutes(1))
    for number in range(10):
        _add(world, _signed_by_strangers(number))
    assert world.allowed()
    _without_ledger(world)
    assert world.allowed()
    assert MODEL
