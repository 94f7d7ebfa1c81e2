"""The record of a training step is read strictly, and the digest of what is installed is one of a list."""

from __future__ import annotations

import contextlib
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.training.record import dump, load
from lockgate.training.surroundings import installed, public_repository

A, B = {"sha256": "a" * 64}, {"lockgateTree1": "b" * 64}


def _said(**changes):
    return {
        "version": "0.1.0",
        "materials": {"batch": A},
        "products": {"model": B},
        "parameters": {"depth": 3},
        "code": {"revision": "c" * 40, "dirty": False, "repository": None},
        "environment": {"python": "3.11.1", "platform": "Linux-x86_64", "distributions": 2, "digest": A},
        "started": "2026-01-01T00:00:00.000Z",
        "finished": "2026-01-01T00:00:01.000Z",
    } | changes


def _raw(**changes) -> bytes:
    return json.dumps({"schema": "lockgate.step/1", **_said(**changes)}).encode()


def test_a_record_reads_back():
    record = load(dump(_said()))
    assert (record.materials, record.products, record.parameters) == (
        {"batch": A},
        {"model": B},
        {"depth": 3},
    )
    assert record.code is not None
    assert record.code.revision == "c" * 40


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "lockgate.step/2"},
        {"materials": {}},
        {"materials": {"batch": {}}},
        {"materials": {"batch": {"md5": "a" * 32}}},
        {"materials": {"batch": {"sha256": "A" * 64}}},
        {"materials": {"batch": {"sha256": "a" * 64 + "\n"}}},
        {"materials": {"batch": {**A, **B}}},
        {"materials": {"../batch": A}},
        {"materials": {"batch\n": A}},
        {"materials": [A]},
        {"products": {}},
        {"parameters": []},
        {"code": {"revision": "main", "dirty": False, "repository": None}},
        {"code": {"revision": "c" * 40, "dirty": 0, "repository": None}},
        {"environment": {}},
        {"started": "2026-01-01T00:00:00.000"},
        {"started": "2026-13-01T00:00:00.000Z"},
        {"started": "2027-01-01T00:00:00.000Z"},
        {"verdict": "PASS"},
    ],
)
def test_a_record_of_another_shape_is_refused(changes):
    load(_raw())
    with pytest.raises(InputError, match="record of the step"):
        load(_raw(**changes))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"schema": "lockgate.step/1", "schema": "lockgate.step/1"}',
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'"' + b" " * 1_100_000 + b'"',
    ],
)
def test_what_is_no_record_is_refused_in_one_sentence(raw):
    with pytest.raises(InputError, match="the record of the step"):
        load(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(_said())) | st.text(), inner),
)


@given(st.sampled_from(["schema", *_said()]), JSON)
def test_no_value_of_any_field_ends_in_another_error(field, value):
    with contextlib.suppress(InputError):
        load(json.dumps({"schema": "lockgate.step/1", **_said(), field: value}).encode())


@given(st.binary(max_size=300))
def test_no_bytes_end_in_another_error(raw):
    with pytest.raises(InputError):
        load(raw)


def test_the_digest_of_what_is_installed_is_that_of_a_sorted_list():
    said = installed([("Zope.Interface", "5"), ("a_b", "1.0"), ("zope-interface", "5")])
    assert said["distributions"] == 2
    assert said["digest"] == {"sha256": hashlib.sha256(b"a-b==1.0\nzope-interface==5\n").hexdigest()}
    assert installed([("a-b", "1.0"), ("zope_interface", "5")]) == said
    assert installed([("a-b", "1.1"), ("zope_interface", "5")]) != said


def test_what_is_installed_here_is_found():
    assert installed()["distributions"] > 10
    assert installed() == installed()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("ssh://git:pw@example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:team/a.git", "ssh://example.org/team/a.git"),
        ("example.org:a.git", "ssh://example.org/a.git"),
        ("/srv/git/a.git", None),
        ("file:///srv/git/a.git", None),
        ("", None),
    ],
)
def test_the_address_of_a_repository_is_one_without_user_and_password(address, public):
    assert public_repository(address) == public
