"""What is cut short or damaged is never called safe, and breaks nothing."""

from __future__ import annotations

import io
import pickle
import random

import joblib
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.scan.record import Answer
from lockgate.scan.worker import scan_path


def _models(corpus):
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(3, random_state=0).fit(np.eye(6), [0, 1, 0, 1, 0, 1])
    packed = io.BytesIO()
    joblib.dump(model, packed, compress=3)
    plain = io.BytesIO()
    joblib.dump(model, plain)
    arrays = io.BytesIO()
    np.savez(arrays, a=np.eye(9), b=np.arange(9))
    tensor = '{"a":{"dtype":"F64","shape":[4],"data_offsets":[0,32]}}'
    return {
        "pickle 4": pickle.dumps(model, 4),
        "pickle 2": pickle.dumps(model, 2),
        "joblib": plain.getvalue(),
        "zlib": packed.getvalue(),
        "npz": arrays.getvalue(),
        "torch": corpus.torch_zip(pickle.dumps(dict.fromkeys("abcdef", 1.5), 2)),
        "safetensors": corpus.safetensor(tensor, b"\0" * 32),
        "tar": corpus.tarred({"a": pickle.dumps([1, 2], 2)}),
        "lz4": corpus.lz4(pickle.dumps([1, 2], 2)),
    }


def test_nothing_that_is_cut_short_is_safe(judged, corpus):
    for name, data in _models(corpus).items():
        assert judged(data).answer is Answer.SAFE, name
        for size in {
            1,
            2,
            3,
            10,
            len(data) // 3,
            len(data) // 2,
            len(data) - 9,
            len(data) - 2,
            len(data) - 1,
        }:
            if data[size:].strip(b"\0"):  # a tar archive ends with zeros, more or less of them
                assert judged(data[:size]).answer is not Answer.SAFE, (name, size)


def test_nothing_with_bytes_put_before_or_behind_it_is_safe(judged, corpus):
    for name, data in _models(corpus).items():
        if name == "tar":
            continue  # zeros after a tar archive are its padding
        for other in (b"\0", b"\xff" * 7, b"PK\x05\x06", b"garbage" * 9):
            assert judged(other + data).answer is not Answer.SAFE, name
            assert judged(data + other).answer is not Answer.SAFE, name


def test_what_a_reader_of_the_format_would_refuse_is_not_safe(judged, corpus):
    import struct

    whole = corpus.zipped({"a.npy": corpus.npy(b"\0" * 8, "<f8")})
    newer = bytearray(whole)
    newer[whole.index(b"PK\x01\x02") + 6] = 128  # needs a version of the format that does not exist
    array = corpus.npy(b"\0" * 8, "<f8")
    lz4 = bytearray(corpus.lz4(corpus.EMPTY_MODEL))
    lz4[6] ^= 1
    tar = corpus.tarred({"a.npy": array})
    onnx = corpus.onnx()
    bad = {
        "zip of another version": bytes(newer),
        "header with a null": array.replace(b"   \n", b" \0 \n"),
        "lz4 header": bytes(lz4),
        "tar without an end": tar[:1536],
        "tar cut within its end": tar[:-100],
        "onnx without operators": onnx[: onnx.rindex(b"\x42")],
        "saved model without a graph": b"\x08\x01",
        "zip with a comment of bytes": whole[:-2] + struct.pack("<H", 4) + b"\x80\x04}.",
    }
    assert [name for name, data in bad.items() if judged(data).answer is Answer.SAFE] == []
    for data in (whole, array, tar, onnx):
        assert judged(data).answer is Answer.SAFE


def test_a_thousand_fuzzed_files_end_with_an_answer(judged, corpus):
    chance = random.Random(5)
    models = list(_models(corpus).values())
    answers = []
    for _ in range(1000):
        data = bytearray(chance.choice(models))
        for _ in range(chance.randint(1, 20)):
            at = chance.randrange(max(len(data), 1))
            what = chance.random()
            if what < 0.4:
                data[at : at + 1] = chance.randbytes(1)
            elif what < 0.7:
                del data[at : at + chance.randint(1, 9)]
            else:
                data[at:at] = chance.randbytes(chance.randint(1, 9))
        answers.append(judged(bytes(data)))
    assert not [one for one in answers if any("made the scan stop" in p for p in one.problems)]
    assert sum(one.answer is Answer.SAFE for one in answers) < 10  # changes within numbers leave a sound file


@settings(max_examples=300, deadline=2000)
@given(st.binary(max_size=300))
def test_random_opcodes_never_stop_the_scan(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "random"
    path.write_bytes(b"\x80\x04" + data)
    said = scan_path(str(path), "")
    assert not any("made the scan stop" in problem for problem in said.problems)
