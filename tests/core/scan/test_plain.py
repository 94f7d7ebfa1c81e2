"""What is carried out at once is judged as if every opcode had been, in sound and in damaged pickles."""

from __future__ import annotations

import functools
import pickle
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.scan import content
from lockgate.scan.context import Context
from lockgate.scan.pickles import files
from lockgate.scan.pickles.cursor import Cursor
from lockgate.scan.pickles.inside import DeepJudge
from lockgate.scan.pickles.machine import Machine
from lockgate.scan.record import Answer, DamagedError, Record
from lockgate.scan.source import BytesStream

np = pytest.importorskip("numpy")
PUT_IN = [
    b"cposix\nsystem\n(Vecho\ntR0", b"\x8c\x05posix\x8c\x06system\x93\x8c\x04echo\x85R0",
    b"\x8c\x09__class__\x94", b"h\x05j\x05\x01\0\0\x93", b"j\x40\x01\0\0b", b"0", b"2", b"q\x05", b"\x94",
    b"b", b"u", b"e", b"(", b"\x80\x02", b"h\x01", b"K\x03", b"C\x0a\x80\x04cos\nsys\n",
    b"\x8c\x03\xff\xfe\xfd\x94",
]  # fmt: skip


def carried_out(data: bytes, *, plain: bool) -> tuple[Record, Machine]:
    context = Context(reader=content)
    cursor = Cursor(BytesStream(data))
    machine = Machine(cursor, DeepJudge(context), files.array_after, plain=plain)
    try:
        machine.run()
        context.record.met(f"pickle of {cursor.offset} bytes")
    except DamagedError as error:
        context.failed(error)
    return context.record, machine


@functools.cache
def pickles() -> list[bytes]:
    """Things that repeat themselves, and models of many trees."""
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.preprocessing import StandardScaler

    things: list[object] = []
    for n in (30, 300):
        things += [
            {f"word{k}": k * 40 for k in range(n)},
            {f"w{k}": [k, k / 7, None, {"a": -k, "b": True}] for k in range(n)},
            [(f"k{k}", f"v\u00e9{k}") for k in range(n)],
            [(f"k{k}", k) for k in range(n)],
            [f"name{k}" for k in range(n)],
            [k * 9 for k in range(n)],
            [{"id": k, "name": f"n{k}", "value": k / 7, "t": (k, "y")} for k in range(n)],
            [b"abc%d" % k for k in range(n)],
            [[("a", "bb", "the")[k * m % 3] for m in range(20)] for k in range(n // 3)],
            [np.arange(k % 5 + 1.0) for k in range(n // 3)],
            [[k, [k + 1, {2}]] for k in range(n)],
        ]
    features = np.random.default_rng(0).normal(size=(60, 4))
    labels = (features[:, 0] > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [
            RandomForestClassifier(24, max_depth=2, random_state=0).fit(features, labels),
            GradientBoostingRegressor(n_estimators=40, max_depth=1).fit(features, features[:, 0]),
            [StandardScaler().fit(features * k) for k in range(40)],
        ]
    many = [f"pad{k}" for k in range(260)]  # beyond which objects are passed over
    return [pickle.dumps(thing, protocol) for thing in things for protocol in (0, 2, 4, 5)] + [
        pickle.dumps((many, model), protocol) for model in models for protocol in (2, 4, 5)
    ]


def changed(data: bytes, at: int, how: str, what: int) -> bytes:
    if not data:  # all of it was cut away
        return data
    at %= len(data)
    if how == "bit":
        return data[:at] + bytes([data[at] ^ 1 << what % 8]) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[at + 1 + what % 6 :]
    if how == "end":
        return data[: at + 1]
    if how == "double":
        return data[:at] + data[at : at + what % 60] + data[at:]
    if how == "after":  # where an opcode ends
        at = data.find(b"\x94ueb"[what % 4], at) + 1
    put = PUT_IN[what % len(PUT_IN)]
    return data[:at] + put + data[at:]


CHANGES = st.tuples(
    st.integers(0, 1 << 20),
    st.sampled_from(["bit", "cut", "end", "double", "after", "in"]),
    st.integers(0, 999),
)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.lists(CHANGES, max_size=4))
def test_sound_and_damaged_pickles_are_judged_as_their_opcodes_one_by_one(which, changes):
    data = pickles()[which % len(pickles())]
    for change in changes:
        data = changed(data, *change)
    fast, plain = (carried_out(data, plain=one)[0] for one in (False, True))
    assert fast == plain


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"g5\n", b"g05\n"),  # no number that CPython's C reads
        (b"g5\n", b"g90000\n"),
        (b"Vname9\n", b"V__a__\n"),
        (b"I9\n", b"I9L\n"),
        (b"p60\n", b"p61\n"),
    ],
)
def test_lines_that_are_none_among_those_that_repeat_are_seen(old, new):
    things = [{"id": k, "name": f"name{k}", "words": ["a", "bb"] * 4} for k in range(90)]
    data = pickle.dumps(things, 0)
    assert old in data
    at = data.index(old)
    for changed_ in (data.replace(old, new), data[:at] + new + data[at + len(old) :]):
        fast, plain = (carried_out(changed_, plain=one)[0] for one in (False, True))
        assert fast == plain


def test_lines_that_break_off_soon_are_read_soon():
    few = b"(lp0\nV" + b"x" * 245 + b"\np1\na" + b"F11111111111111111111\na" * 11
    started = time.process_time()
    for _ in range(20):
        assert carried_out(few + b"p" * 400, plain=False)[0].answer is Answer.UNKNOWN
    assert time.process_time() - started < 5


def test_what_trees_leave_in_the_memo_is_what_their_opcodes_leave():
    for data in pickles()[-9:]:
        (fast, quick), (plain, slow) = (carried_out(data, plain=one) for one in (False, True))
        assert fast.answer is plain.answer is Answer.SAFE
        assert len(quick.memo) == len(slow.memo)
        for at in range(len(slow.memo)):
            one, other = quick.get(at), slow.get(at)
            assert getattr(one, "state", one).__class__ is getattr(other, "state", other).__class__, at
            if isinstance(other, (str, int, list)):
                assert one.__class__ is other.__class__
                assert len(one) == len(other) if isinstance(one, list) else one == other
