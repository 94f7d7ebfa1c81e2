"""What its reader would refuse, or take for something else, is not called safe; what is sound is."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from lockgate.scan.record import Answer


def safe(judged, data: bytes) -> bool:
    return judged(data).answer is Answer.SAFE


def tarred(kind: int, name: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=kind) as archive:
        info = tarfile.TarInfo(name)
        info.size = 3
        archive.addfile(info, io.BytesIO(b"a b"))
    return written.getvalue()


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_archive_has_nothing_where_it_is_empty(judged, kind):
    name = "x" * 90 if kind == tarfile.USTAR_FORMAT else "folder/" * 30 + "x"
    whole = tarred(kind, name)
    assert safe(judged, whole)
    content = whole.index(b"a b")
    padded = bytearray(whole)
    padded[content + 9] = 1
    moved = bytearray(whole)  # two bytes change places, and the sum of the header stays what it is
    header = content - 512
    moved[header + 124], moved[header + 90] = moved[header + 90], moved[header + 124]
    assert not safe(judged, bytes(padded))
    assert not safe(judged, bytes(moved))
    assert not safe(judged, whole + bytes(10240))


def test_records_of_pax_are_known_ones_of_their_kind(judged):
    whole = tarred(tarfile.PAX_FORMAT, "folder/" * 30 + "x")
    assert safe(judged, whole)
    for old, new in ((b" path=", b" pith="), (b" path=fol", b" path=\xffol"), (b"x\n", b"xx")):
        assert old in whole
        assert not safe(judged, whole.replace(old, new, 1))


def test_a_member_of_a_zip_archive_is_a_folder_to_all_readers_or_to_none(judged):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/notes.txt", "three words here")
    whole = written.getvalue()
    assert safe(judged, whole)
    marked = bytearray(whole)
    marked[whole.rindex(b"PK\x01\x02") + 38] |= 0x10  # MS-DOS's attribute of a folder
    assert not safe(judged, bytes(marked))


def test_what_is_left_of_a_model_is_no_text(judged):
    model = json.dumps({"learner": {"attributes": {}, "feature_names": [], "objective": {"name": "x"}}})
    for data in (model[1:], model[20:], "weights/0.npy", "ccopy_reg\n_reconst"):
        assert not safe(judged, data.encode())
    for data in (
        "a model of flowers, see https://example.org",
        "first: 1\nsecond: 2\n",
        '"a","b"\n1,2\n',
        "0" * 64,
    ):
        assert safe(judged, data.encode())


def test_a_number_that_no_reader_holds_is_no_number(judged):
    assert safe(judged, b'{"a": [1.5e300, 0.1]}')
    assert not safe(judged, b'{"a": [1.5e3000, 0.1]}')


@pytest.mark.parametrize("protocol", range(6))
def test_an_array_of_objects_has_as_many_as_its_shape_says(judged, protocol):
    array = np.array([["a", None], [2.5, "b"]], dtype=object)
    whole = pickle.dumps(array, protocol)
    assert safe(judged, whole)
    # The shape behind the version, which is 1.
    old, new = (b"(I2\nI2\n", b"(I2\nI3\n") if protocol == 0 else (b"K\x02K\x02", b"K\x02K\x03")
    assert old in whole
    assert not safe(judged, whole.replace(old, new, 1))


@pytest.mark.parametrize("key", [[1], {"a": 1}, OrderedDict(a=1), (1, [2])])
def test_a_key_of_a_dict_can_be_one(judged, key):
    held = b"\x80\x04}" + pickle.dumps(key, 4)[11:-1].replace(b"\x94", b"") + b"K\x01s."
    assert not safe(judged, held)
    good = b"\x80\x04}" + pickle.dumps((1, "a"), 4)[11:-1].replace(b"\x94", b"") + b"K\x01s."
    assert safe(judged, good)


def test_frames_end_where_picklers_end_them(judged):
    for value in ({"a": 1.5}, ["x" * 100_000, 1], [1.5] * 20_000, b"y" * 70_000):
        for whole in (pickle.dumps(value, 4), pickle._dumps(value, 5)):
            assert safe(judged, whole)
    whole = pickle.dumps({"a": 1.5}, 4)
    size = struct.unpack_from("<Q", whole, 3)[0]
    assert not safe(judged, whole[:3] + struct.pack("<Q", size - 1) + whole[11:])


@pytest.mark.parametrize("text", ["x" * 2000, "\\" * 500, "\u00e9\n" * 900, "\u03a9" * 300_000])
def test_long_text_of_protocol_0_has_whole_escapes(judged, text):
    whole = pickle.dumps(text, 0)
    assert safe(judged, whole)
    assert not safe(judged, whole[:-20] + b"\\u12" + whole[-20:])


def test_a_large_array_of_protocol_0_has_as_many_bytes_as_its_shape_says(judged):
    whole = pickle.dumps(np.random.default_rng(1).normal(size=300), 0)
    at = whole.index(b"\\u00")
    assert safe(judged, whole)
    assert not safe(judged, whole[:at] + b"z" + whole[at:])


def test_npy_writes_an_order_of_bytes_where_there_is_one(judged, corpus):
    for good, bad in (("<i8", "|i8"), ("|S8", "<S8"), ("|u1", "<u1")):
        size = 1 if good == "|u1" else 8
        assert safe(judged, corpus.npy(bytes(size), good))
        assert not safe(judged, corpus.npy(bytes(size), bad))
