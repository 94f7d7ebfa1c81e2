from __future__ import annotations

import datetime as dt

import pytest

from lockgate.gate.attestation import Reading, _with_first
from lockgate.ledger.reading import Entry

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)


def _read(name, payload, index):
    when = NOW + dt.timedelta(minutes=index or 0)
    entry = None if index is None else Entry(index, name, (), when, b"", ())
    return Reading(name, payload=payload, entry=entry)


@pytest.mark.parametrize("order", [(2, 5, None), (5, 2, None), (None, 5, 2)], ids=str)
def test_the_first_place_of_a_payload_counts_in_whatever_order_its_envelopes_are_read(order):
    """The order is that of their hashes, which whoever makes an envelope can choose."""
    found = _with_first([_read(f"n{index}", "same", index) for index in order])
    assert [each.first.index for each in found] == [2, 2, 2]
    assert {each.logged for each in found} == {NOW + dt.timedelta(minutes=2)}


def test_the_place_of_another_payload_is_not_lent():
    one, other, never = _with_first([_read("a", "one", 2), _read("b", "other", 5), _read("c", "never", None)])
    assert (one.first.index, other.first.index, never.first, never.logged) == (2, 5, None, None)
