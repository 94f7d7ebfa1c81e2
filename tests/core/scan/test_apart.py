"""A file that breaks the scan breaks that file's scan, and nothing else."""

from __future__ import annotations

import pickle
import signal
import struct
import zlib

import pytest

from lockgate.scan import apart
from lockgate.scan.apart import Bounds, scan_files
from lockgate.scan.record import Answer


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    return path


@pytest.fixture
def long(tmp_path):
    """Takes minutes: opcodes without end, from a few hundred kilobytes."""
    path = tmp_path / "long.gz"
    path.write_bytes(zlib.compress(b"\x80\x04" + b"K\x010" * (80 << 20), 9))
    return path


def test_a_scan_that_takes_too_long_is_ended_and_the_next_file_is_scanned(good, long, monkeypatch):
    bounds, children, start = Bounds(seconds=0.5), [], apart._child
    monkeypatch.setattr(apart, "_child", lambda bounds: children.append(start(bounds)) or children[-1])

    def files():
        yield "long", long
        assert [child.process.poll() for child in children] == [-signal.SIGKILL]
        object.__setattr__(bounds, "seconds", 300)  # all that a busy machine may need for the short one
        yield "good", good

    said = list(scan_files(files(), bounds))
    assert [one.answer for one in said] == [Answer.UNKNOWN, Answer.SAFE]
    assert said[0].problems == ("the scan of this file took longer than 0.5 s",)
    assert len(children) == 2


def test_processor_time_is_limited_for_each_file(good, long):
    said = list(scan_files([("good", good), ("long", long), ("again", good)], Bounds(cpu_seconds=1)))
    assert [one.answer for one in said] == [Answer.SAFE, Answer.UNKNOWN, Answer.SAFE]
    assert "1 s of processor time" in said[1].problems[0]


def test_memory_is_limited(good, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(zlib.compress(b"\x80\x04" + b"\x8c\x05abcde\x94" * 9_000_000))
    said = list(scan_files([("large", path), ("good", good)], Bounds(memory_bytes=48 << 20)))
    assert [one.answer for one in said] == [Answer.UNKNOWN, Answer.SAFE]


def test_a_scan_that_dies_is_unknown_with_the_reason(good, monkeypatch):
    monkeypatch.setattr(apart, "_START", "import os; os.kill(os.getpid(), 11)")
    (said,) = scan_files([("good", good)])
    assert said.answer is Answer.UNKNOWN
    assert said.problems == ("the scan of this file died (signal SIGSEGV)",)


def test_an_answer_that_is_none_is_unknown(good, monkeypatch):
    for start, reason in (
        ("input(); print('[]')", "no readable answer"),
        ("input(); print('x' * 9_000_000)", "too much"),
    ):
        monkeypatch.setattr(apart, "_START", start)
        (said,) = scan_files([("good", good)])
        assert said.answer is Answer.UNKNOWN
        assert reason in said.problems[0]


def test_the_child_does_not_see_the_environment(good, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (said,) = scan_files([("good", good)])
    assert said.answer is Answer.SAFE


def test_a_hundred_gigabyte_checkpoint_is_passed_over(tmp_path):
    path = tmp_path / "sparse.safetensors"
    size = 100 << 30
    header = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
    (said,) = scan_files([("big", path)], Bounds(seconds=20))
    assert said.answer is Answer.SAFE
