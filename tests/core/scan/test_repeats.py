"""What repeats is judged as if every opcode had been carried out, and attackers find no way through it."""

from __future__ import annotations

import pickle
import random
import struct

import pytest

from lockgate.scan.pickles import machine, repeats, runs
from lockgate.scan.record import Answer


def _data(seed):
    chance = random.Random(seed)
    return [
        [{"id": n, "name": f"name{n}", "value": n / 7, "tags": [n, "x"]} for n in range(900)],
        [(f"a{n}", n, [n, [n]]) for n in range(900)],
        [[n, [n + 1, {2}], b"ab%d" % n] for n in range(900)],
        [{"k": chance.choice([None, n]), "t": (n, "y"), "e": {}} for n in range(900)],
        [b"abcdefgh%d" % n for n in range(900)],
        [[chance.choice(["a", "bb", 7]) for _ in range(9)] for n in range(900)] + [{}] * 300,
    ]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_repeats_leaves_the_memo_and_the_stack_as_the_opcodes_do(judged, monkeypatch, protocol):
    states = []
    stop = machine.Machine._stop

    def kept(self):
        states.append([len(self.memo), [v for v in self.memo if isinstance(v, str)], len(self.stack)])
        return stop(self)

    found = []
    find = repeats.find
    monkeypatch.setattr(machine.Machine, "_stop", kept)
    for data in _data(protocol):
        states.clear()
        for replaced in (
            lambda *of, **how: found.append(find(*of, **how)) or found[-1],
            lambda *_, **__: None,
        ):
            monkeypatch.setattr(machine.repeats, "find", replaced)
            assert judged(pickle.dumps(data, protocol)).answer is Answer.SAFE
        assert states[0] == states[-1]
    assert sum(one is not None and one.end > one.start for one in found) > 2


@pytest.mark.parametrize("inside", [b"__class__", b"__setstate__"])
def test_a_key_among_records_that_python_would_call_is_found(judged, corpus, inside):
    record = b"}\x94(" + corpus.text("a") + b"\x94K\x01" + corpus.text("b") + b"\x94K\x02u"
    bad = record.replace(corpus.text("a"), corpus.text(inside.decode()))
    link = corpus.stacked("sklearn._loss.link", "LogitLink") + b")\x81"
    used = b"e" + link + b"j" + struct.pack("<I", 300) + b"b\x86."  # the record of that number, as a state
    assert judged(b"\x80\x04](" + record * 100 + bad + record * 100 + used).answer is Answer.UNSAFE
    assert judged(b"\x80\x04](" + record * 201 + used).answer is Answer.SAFE


def test_a_name_that_is_remembered_among_pairs_is_resolved(judged, corpus):
    pair = b"".join(corpus.text(f"n{n}") + b"\x94K\x01\x86\x94" for n in range(200))
    names = corpus.text("os") + b"\x94K\x01\x86\x94" + corpus.text("system") + b"\x94K\x01\x86\x94"
    far = b"e0j" + struct.pack("<I", 400) + b"j" + struct.pack("<I", 402) + b"\x93."
    said = judged(b"\x80\x04](" + pair + names + pair + far)
    assert [hit.name for hit in said.hits] == ["os.system"]


def test_a_pickle_among_byte_strings_of_protocol_2_is_found(judged, corpus):
    inside = b"\x80\x04" + corpus.stacked("posix", "system") + corpus.text("echo") + b"\x85R."
    plain = [b"abcdefgh%d" % n for n in range(900)]
    assert judged(pickle.dumps(plain, 2)).answer is Answer.SAFE
    said = judged(pickle.dumps([*plain[:500], inside, *plain[500:]], 2))
    assert "LG-SCAN-007" in {hit.rule for hit in said.hits}


@pytest.mark.parametrize("codec", ["utf-16", "zip"])
def test_byte_strings_of_protocol_2_by_another_codec_are_unsafe(judged, codec):
    data = pickle.dumps([b"abcdefgh%d" % n for n in range(900)], 2)
    text = b"X" + struct.pack("<I", len(codec)) + codec.encode()
    assert judged(data.replace(b"X\x06\0\0\0latin1", text)).answer is Answer.UNSAFE


def test_another_function_in_the_place_of_encode_is_unsafe(judged):
    data = pickle.dumps([b"abcdefgh%d" % n for n in range(900)], 2)
    assert judged(data.replace(b"c_codecs\nencode\n", b"c_codecs\ndecode\n")).answer is Answer.UNSAFE


def test_lists_that_ask_the_memo_for_more_than_it_has_are_no_pickle(judged):
    listed = b"]\x94(" + b"h\x00" * 4 + b"e"
    assert judged(b"\x80\x04](" + listed * 400 + b"e.").answer is Answer.SAFE
    assert judged(b"\x80\x04](" + listed.replace(b"h\x00", b"h\xf0") * 400 + b"e.").answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        (b"", b"", Answer.SAFE),
        (b"\x8c\x02f8", b"\x8c\x02O8", Answer.UNSAFE),  # the bytes would be addresses of objects
        (b"K\x03\x85", b"K\x04\x85", Answer.UNSAFE),  # a shape that its bytes do not fill
    ],
)
def test_small_arrays_are_judged_as_if_every_opcode_had_been_carried_out(
    judged, monkeypatch, old, new, answer
):
    np = pytest.importorskip("numpy")
    data = pickle.dumps([np.arange(3.0) + n for n in range(90)], 5).replace(old, new)
    with monkeypatch.context() as one_by_one:
        one_by_one.setattr(runs, "array_after", lambda *_: None)
        slow = judged(data)
    assert judged(data) == slow
    assert slow.answer is answer


def test_lines_of_protocol_0_are_judged_as_if_every_opcode_had_been_carried_out(judged, monkeypatch):
    plain = {f"w{n}": [n, n / 7, None, {"a": -n, "b": True}] for n in range(400)}
    data = pickle.dumps(plain, 0)
    for old, new, answer in (
        (b"", b"", Answer.SAFE),
        (b"Vw200\n", b"cposix\nsystem\n", Answer.UNSAFE),
        (b"I200\n", b"I2x0\n", Answer.UNKNOWN),
        (b"F28.571428571428573\n", b"F28.5.7\n", Answer.UNKNOWN),
    ):
        changed = data.replace(old, new)
        with monkeypatch.context() as one_by_one:
            one_by_one.setattr(machine.lines, "carry_out", lambda _buf, i, *_: i)
            slow = judged(changed)
        said = judged(changed)
        assert (said.answer, said.hits) == (slow.answer, slow.hits)
        assert slow.answer is answer, (old, slow.problems)
