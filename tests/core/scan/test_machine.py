"""The pickle machine does on paper what CPython's does: both see the same imports, in any pickle."""

from __future__ import annotations

import pickle
import pickletools
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.scan.context import Context
from lockgate.scan.pickles import opcodes, runs
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.pickles.inside import DeepJudge
from lockgate.scan.pickles.machine import Machine
from lockgate.scan.record import Answer, DamagedError, Record
from lockgate.scan.source import BytesStream

SIMPLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(inner, inner)
        | st.frozensets(st.integers())
    ),
)


def on_paper(data: bytes) -> Record:
    record = Record()
    cursor = Cursor(BytesStream(data))
    try:
        Machine(cursor, DeepJudge(Context(record=record))).run()
        record.met("pickle")
        if not cursor.finished:
            record.cannot("more")
    except DamagedError as error:
        record.cannot(str(error))
    return record


def test_every_opcode_there_is_is_known():
    inline = {0x94, 0x8C, 0x4B, 0x68, 0x47, 0x4D, 0x4A, 0x6A, 0x28, 0x75, 0x65, 0x4E, 0x88, 0x89, 0x7D, 0x5D}
    inline |= {0x85, 0x86, 0x87, 0x29, 0x2E, 0x61, 0x73, 0x43, 0x8F, 0x90, 0x52, 0x81, 0x74}
    known = inline | set(opcodes.HANDLERS)
    assert known == {ord(opcode.code) for opcode in pickletools.opcodes}


@settings(max_examples=200, deadline=None)
@given(SIMPLE, st.integers(0, 5))
def test_what_python_pickles_runs_to_its_end(thing, protocol):
    said = on_paper(pickle.dumps(thing, protocol))
    assert said.answer is Answer.SAFE, said


@pytest.mark.parametrize("protocol", range(6))
def test_long_lists_and_dicts_run_through_the_fast_paths(protocol):
    for thing in (
        list(range(100_000)),
        [n / 7 for n in range(9_000)],
        {n: [n, {n: str(n)}] for n in range(9_000)},
        [[n, n + 1] for n in range(30_000)],
        [(n, n / 7) for n in range(30_000)],
        [[n] * (n % 9) for n in range(30_000)] + [[[n]] for n in range(9_000)],
        {n: {n: n} for n in range(30_000)},
        [{"a": n} for n in range(9_000)] + [{n, n + 1} for n in range(30_000)] + [{n} for n in range(9_000)],
        [b"%d" % n for n in range(9_000)] + [n << 40 for n in range(9_000)] + [[], {}, set(), ()] * 9_000,
        [n % 2 == 0 for n in range(9_000)] + [None, 1, 2.5, True] * 9_000,
        [[n, "text", n] for n in range(9_000)] + [(n,) for n in range(9_000)],
    ):
        assert on_paper(pickle.dumps(thing, protocol)).answer is Answer.SAFE


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80", b"\x80\x04", b"\x80\x06N.", b"N", b"0.", b"N0.", b"NN.", b"(N.", b"t.", b"h\x00.",
        b"K", b"\x80\x04K.", b"\x8c\xffabc.", b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", b"I0x1\n.", b"I1_0\n.", b"F0x1\n.", b"S'a\n.",
        b"(Nd.", b"}(Nu.", b"NNs.", b"Na.", b"N}b.", b"\x95\xff\x00\x00\x00\x00\x00\x00\x00N.",
        b"\x97.", b"\x8b\xff\xff\xff\xff.", b"gx\n.", b"N\x80\x04.", b"\xff", b"T\xff\xff\xff\xff.",
        b"p\n.", b"cos\n", b"\x93.", b"\x8c\x01\xff.", b"P\xff\n.",
    ],
)  # fmt: skip
def test_what_no_pickler_writes_is_not_safe(data):
    assert on_paper(data).answer is not Answer.SAFE


def test_the_payload_may_stand_after_any_padding(judged, corpus):
    payload = corpus.system(0)
    for padding in (
        b"N0" * 5_000,
        b"I1\n0" * 5_000,
        b"Va\n0" * 200_000,
        b"(" * 50 + b"1" * 50,
        b"\x8c\x01a\x940" * 90_000,
    ):
        said = judged(padding + payload)
        assert said.answer is Answer.UNSAFE, padding[:8]


def test_a_name_that_was_put_before_a_million_others_is_still_known(judged):
    names = b"\x8c\x02os\x940\x8c\x06system\x940"
    filler = b"".join(b"\x8c\x06" + b"%06d" % n + b"\x940" for n in range(600_000))
    data = b"\x80\x04" + names + filler + b"h\x00h\x01\x93\x8c\x04echo\x85R."
    assert {hit.rule for hit in judged(data).hits} == {"LG-SCAN-001"}


def test_byte_strings_are_passed_over_without_being_held(judged):
    import tracemalloc

    body = b"\x80\x04B" + struct.pack("<I", 200 << 20)
    tracemalloc.start()
    said = judged(body + b"\0" * (200 << 20) + b".")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.answer is Answer.SAFE
    assert peak < 420 << 20  # the test itself holds the file; the scan adds little


NUMBERS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats()
CONTAINERS = (
    st.lists(NUMBERS, max_size=4)
    | st.tuples(NUMBERS)
    | st.tuples(NUMBERS, NUMBERS, NUMBERS)
    | st.sets(st.integers(), max_size=3)
    | st.dictionaries(st.integers(), NUMBERS, max_size=3)
)


def state(data: bytes) -> tuple[object, ...]:
    record = Record()
    machine = Machine(Cursor(BytesStream(data)), DeepJudge(Context(record=record)))
    value = machine.run()
    return type(value), [type(one) if one is not None else None for one in machine.memo], record.problems


@settings(max_examples=150, deadline=None)
@given(st.lists(CONTAINERS | NUMBERS | st.text(max_size=3), min_size=1, max_size=9), st.sampled_from([4, 5]))
def test_a_run_leaves_what_its_opcodes_leave(things, protocol):
    data = pickle.dumps([list(things) for _ in range(12)] + things * 12, protocol)
    fast = state(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "find", lambda _, i, *__: ([], [], i))
        slow = state(data)
    assert len(fast[1]) == len(slow[1])
    plain = (type(None), tuple, None)  # tuples of numbers are forgotten
    for one, other in zip(fast[1], slow[1], strict=True):
        same = one is other or (one in plain and other in plain) or issubclass(one or int, other or str)
        assert same, (one, other)


def test_a_payload_after_a_run_or_in_one_is_found(judged, corpus):
    run = pickle.dumps([[n, n + 1] for n in range(500)], 4)
    bare = run[11:-1]  # without PROTO and FRAME, before STOP
    payload = corpus.system()[2:-1]
    for data in (
        b"\x80\x04" + bare + b"0" + payload + b".",
        b"\x80\x04" + bare[:-1] + payload + b"e.",
        b"\x80\x04" + bare[:3] + payload + bare[3:] + b".",
        b"\x80\x04" + bare[:-1].replace(b"K\x10K\x11e", b"K\x10" + payload + b"e") + b"e.",
    ):
        assert "LG-SCAN-001" in {hit.rule for hit in judged(data).hits}


def test_names_that_are_remembered_beside_runs_are_still_the_right_ones(judged):
    lists = b"".join(b"]\x94(K%cK%ce" % (n % 250, n % 7) for n in range(100))
    tuples = b"".join(b"K%cK%c\x86\x94" % (n % 250, n % 7) for n in range(100))
    mixed = b"]\x94K\x01" + b"}\x94K\x01K\x02s" * 20 + b"\x8f\x94(K\x01\x90N\x88" * 20
    head = b"\x80\x04(" + lists + tuples + mixed
    at = 100 + 100 + 1 + 20 + 20
    names = b"\x8c\x02os\x94\x8c\x06system\x940h%ch%c\x93\x8c\x04echo\x85R" % (at, at + 1)
    assert {hit.name for hit in judged(head + names + b"l.").hits} == {"os.system"}


@pytest.mark.parametrize("begin", [b"(", b"]\x94("])
def test_what_is_fetched_in_a_row_is_what_was_remembered(judged, begin):
    names = b"\x80\x04(\x8c\x02os\x94\x8c\x06system\x94"
    row = b"h\x00h\x01" * 20
    attack = names + begin + row + b"\x93\x8c\x04echo\x85R"
    end = b"lt." if begin == b"(" else b"et."
    assert {hit.name for hit in judged(attack + end).hits} == {"os.system"}
    assert judged(names + begin + row + end).answer is Answer.SAFE
    assert judged(names + begin + row + b"h\x07" * 9 + end).answer is Answer.UNKNOWN


def test_a_deep_pickle_ends_soon():
    for data in (
        b"(" * 200_000,
        b"]" + b"2a" * 200_000 + b".",
        b"N" + b"\x85" * 300_000 + b".",
        b"(" * 9_000 + b"t" * 9_000 + b".",
    ):
        started = time.monotonic()
        on_paper(data)
        assert time.monotonic() - started < 5


def _made_of(*attributes: str) -> bytes:
    """Opcodes of an object of scikit-learn with these attributes, each of them 1."""
    texts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in attributes]
    cls = b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in ("sklearn._loss.link", "LogitLink"))
    return cls + b"\x93)\x81}(" + b"".join(text + b"K\x01" for text in texts) + b"ub"


@pytest.mark.parametrize(
    ("first", "second", "answer"),
    [
        ("a b", "a b", Answer.SAFE),
        ("a b", "a b c", Answer.SAFE),
        ("a b", "a b b", Answer.UNKNOWN),
        ("a b b", "a b", Answer.UNKNOWN),
        ("a __class__", "a __class__", Answer.UNSAFE),
        ("a b", "a __class__", Answer.UNSAFE),
    ],
)
def test_the_attributes_of_every_object_of_a_class_are_judged(first, second, answer):
    data = b"\x80\x04" + _made_of(*first.split()) + _made_of(*second.split()) + b"\x86."
    said = on_paper(data)
    assert said.answer is answer, said
    assert {hit.name for hit in said.hits} == {"__class__"} & {*first.split(), *second.split()}


def test_a_class_that_is_only_named_to_joblib_is_no_attribute_wherever_it_was_imported():
    memmap = b"\x8c\x05numpy\x8c\x06memmap\x93"
    fill = _made_of("a") + b"0" + _made_of("a")[:-4] + memmap + b"ub."  # the last K 1 u b gives way
    said = on_paper(b"\x80\x04" + fill)
    assert said.answer is Answer.UNSAFE, said
    assert [hit.name for hit in said.hits] == ["numpy.memmap"]
