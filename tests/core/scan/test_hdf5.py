"""HDF5 files of h5py are followed to their ends; what does not hold together is never safe."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pytest

from lockgate.scan.formats.h5.lookup3 import lookup3
from lockgate.scan.record import Answer

_FOLDER = Path(__file__).parent / "hdf5"
_CLEAN = sorted(path.name for path in _FOLDER.glob("*-*.h5"))


def test_the_checksum_is_that_of_its_author():
    # Bob Jenkins, lookup3.c (2006), driver5.
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551


@pytest.mark.parametrize("name", _CLEAN)
def test_what_h5py_writes_is_safe(judged, name):
    said = judged((_FOLDER / name).read_bytes())
    assert (said.answer, said.problems) == (Answer.SAFE, [])


@pytest.mark.parametrize("name", _CLEAN)
def test_no_cut_is_safe_and_no_flipped_bit_stops_the_scan(judged, name):
    data = (_FOLDER / name).read_bytes()
    chance = random.Random(name)
    for _ in range(20):
        assert judged(data[: chance.randrange(len(data))]).answer is not Answer.SAFE
    for _ in range(60):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert not any("made the scan stop" in problem for problem in judged(bytes(flipped)).problems)


@pytest.mark.parametrize("magic", [b"TREE", b"HEAP", b"SNOD"])
def test_a_flip_in_any_node_that_begins_with_a_signature_is_not_safe(judged, magic):
    data = (_FOLDER / "keras-earliest.h5").read_bytes()
    at = data.find(magic)
    seen = 0
    while at >= 0:
        for byte in range(10):  # the signature, the version, the counts
            flipped = bytearray(data)
            flipped[at + byte] ^= 4
            if not (magic == b"HEAP" and byte >= 8):
                assert judged(bytes(flipped)).answer is not Answer.SAFE, (at, byte)
        seen += 1
        at = data.find(magic, at + 1) if seen < 4 else -1
    assert seen


@pytest.mark.parametrize("magic", [b"OHDR", b"FRHP", b"FHDB", b"BTHD", b"BTLF"])
def test_metadata_of_the_newer_format_is_held_to_its_checksums(judged, magic):
    data = (_FOLDER / "keras-latest.h5").read_bytes()
    at = data.index(magic)
    for byte in range(4, 24):
        flipped = bytearray(data)
        flipped[at + byte] ^= 1
        assert judged(bytes(flipped)).answer is not Answer.SAFE, byte


@pytest.mark.parametrize("name", ["chunks-earliest.h5", "chunks-latest.h5"])
def test_compressed_values_are_unpacked(judged, name):
    data = (_FOLDER / name).read_bytes()
    found = 0
    for at in range(len(data)):
        if data[at : at + 2] in (b"\x78\x5e", b"\x78\x01", b"\x78\x9c"):
            inner = zlib.decompressobj()
            try:
                inner.decompress(data[at:])
            except zlib.error:
                continue
            if inner.eof:
                flipped = bytearray(data)
                flipped[len(data) - len(inner.unused_data) - 1] ^= 1
                assert judged(bytes(flipped)).answer is not Answer.SAFE, at
                found += 1
    assert found > 3


def test_two_datasets_on_the_same_bytes_are_not_safe(judged):
    data = (_FOLDER / "keras-earliest.h5").read_bytes()
    layout = struct.pack("<BB", 3, 1)  # version 3, in one piece, then where and how many bytes
    size = struct.pack("<Q", 24)
    ends = range(len(data) - 18)
    places = [at for at in ends if data[at : at + 2] == layout and data[at + 10 : at + 18] == size]
    assert len(places) > 1
    shared = bytearray(data)
    shared[places[1] + 2 : places[1] + 10] = data[places[0] + 2 : places[0] + 10]
    assert judged(bytes(shared)).answer is not Answer.SAFE


def test_values_in_another_file_are_unsafe(judged):
    said = judged((_FOLDER / "outside.h5").read_bytes())
    assert said.answer is Answer.UNSAFE
    assert [hit.rule for hit in said.hits] == ["LG-SCAN-032"]
