from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from lockgate.documents import Document, load_json, load_yaml, read_bytes
from lockgate.errors import InputError


def _refused(load, raw, **more):
    with pytest.raises(InputError) as caught:
        load(raw, name="x.yaml", **more)
    said = str(caught.value)
    assert said.startswith("x.yaml")
    assert "\n" not in said
    return said


def test_a_plain_document_is_read_with_the_line_of_every_value(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\nstages:\n  a:\n    - x\n    - {b: 1.5}\n")
    document = load_yaml(path)
    assert document.data == {"version": 1, "stages": {"a": ["x", {"b": 1.5}]}}
    assert document.lines[("stages", "a", 1, "b")] == 5
    assert document.where(("stages", "a", 1, "b")) == f"{path}, line 5, key 'stages.a.1.b'"
    assert document.line(("stages", "a", 7)) == 3
    assert document.path == path
    assert len(document.digest) == 64


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("FALSE", False),
        ("'true'", "true"),
        ("~", None),
        ("null", None),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        ("-3", -3),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ('"\\u00e9"', "é"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    found = load_yaml(f"a: {text}".encode()).data["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\na: 2", 2, "'a' is there twice"),
        ("a:\n  b: 1\n  b: 2", 3, "'a.b' is there twice"),
        ('"\u00e9": 1\n"e\u0301": 2', 2, "twice"),
        ("a: &x 1\nb: *x", 1, "'a' uses an anchor"),
        ("a: *x", 1, "alias"),
        ("a: !!python/object/apply:os.system [id]", 1, "'a' has a tag"),
        ("a: !!str 1", 1, "tag"),
        ("a: ! b", 1, "tag"),
        ("!!str a: 1", 1, "tag"),
        ("<<: {a: 1}", 1, "merge key"),
        ("2015: x", 1, "'2015', which is not text"),
        ("true: x", 1, "not text"),
        ("~: x", 1, "not text"),
        ("? [a]\n: 1", 1, "no plain text"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("%YAML 1.1\n---\na: no", 1, "directive"),
        ("a: .inf", 1, "not a finite"),
        ("a: .NaN", 1, "not a finite"),
        ("a: 1e999", 1, "too large"),
        ("a: 9223372036854775808", 1, "64 bits"),
        ("a: " + "9" * 100_000, 1, "64 bits"),
        ("a: 0x" + "f" * 100, 1, "64 bits"),
        ("a: [1", 1, "is not YAML"),
        ("a: 1\n b: 2", 2, "is not YAML"),
        ("a: " + "[" * 21, 1, "20 deep"),
        ("\ufeffa: 1", 1, "byte-order mark"),
    ],
)
def test_what_common_yaml_readers_let_through_is_refused_with_its_line(text, line, part):
    said = _refused(load_yaml, text.encode())
    assert part in said
    assert f"line {line}" in said


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"# only a comment\n"])
def test_an_empty_yaml_file_is_refused(raw):
    assert "is empty" in _refused(load_yaml, raw)


@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_bytes_that_are_not_utf_8_are_refused_with_their_line(load):
    assert "line 2 is not UTF-8" in _refused(load, b'{"a":\n "\xff"}')
    assert "not UTF-8" in _refused(load, '{"a": 1}'.encode("utf-16"))
    assert "byte-order mark" in _refused(load, b"\xef\xbb\xbf{}")


@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_a_document_over_the_size_limit_is_refused_and_one_at_the_limit_is_read(load):
    assert load(b'{"a":1}', max_bytes=7).data == {"a": 1}
    assert "larger than 6 bytes" in _refused(load, b'{"a":1}', max_bytes=6)


@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_a_document_over_the_depth_limit_is_refused_and_one_at_the_limit_is_read(load):
    assert load(b"[" * 20 + b"]" * 20).data
    assert "20 deep" in _refused(load, b"[" * 21 + b"]" * 21)
    assert "20 deep" in _refused(load, b'{"a":' * 100_000)
    assert load(b'["' + b"[" * 100 + b'\\"[", "\\\\", []]').data[2] == []


@pytest.mark.parametrize(
    "text",
    [
        "a: [no, 010, 1e3, ~, 'x', true]",
        "a: &b 1",
        "a: 1\na: 2",
        "<<: {}",
        "2: 1",
        "a: !!str b",
        "'<<': 1",
        "",
    ],
)
def test_yaml_reads_the_same_without_libyaml(text, monkeypatch):
    with_libyaml = _read_or_refused(load_yaml, text.encode())
    monkeypatch.delattr("yaml.CSafeLoader", raising=False)
    assert _read_or_refused(load_yaml, text.encode()) == with_libyaml


def test_a_yaml_bomb_is_refused_at_once():
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 9) for c in range(98, 123)
    )
    start = time.perf_counter()
    assert "anchor" in _refused(load_yaml, bomb)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 900_000,
        b"- " * 450_000,
        b"? " * 450_000,
        b"{" * 900_000,
        b'"' + b'\\"' * 450_000,
        b'"a\\' * 300_000,
        b"a:\n" * 300_000,
        b"&" * 900_000,
        b"[a,b,c," * 100_000,
        b"- a\n" * 200_000,
    ],
)
@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_no_document_within_the_size_limit_keeps_the_reader_busy(load, raw):
    start = time.process_time()
    with contextlib.suppress(InputError):
        load(raw)
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"a": 1, "a": 1}', "'a' is there twice"),
        ('{"b": {"\u00e9": 1, "e\u0301": 1}}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": ' + "9" * 5000 + "}", "64 bits"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": 1} x', "is not JSON"),
        ('{"a": 1,}', "is not JSON"),
        ("", "is not JSON"),
        ("{'a': 1}", "is not JSON"),
        ('{"a": "\x01"}', "is not JSON"),
    ],
)
def test_what_common_json_readers_let_through_is_refused(text, part):
    assert part in _refused(load_json, text.encode())


def test_good_json_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [1, 2.5, "\\u00e9", "\\ud83d\\ude00", null, true]}')
    assert load_json(path).data == {"a": [1, 2.5, "é", "😀", None, True]}


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=200) | st.text(alphabet="ab01:-?[]{},&*!|>'\"%#\n \t\\~<.eé\ud7ff\x85", max_size=80)
)
@example("%TAG ! tag:x,2000:\n---\n!a b")
@example("--- >\n")
@example("\x00")
@example("a: \x07")
@example("- \ufeff")
def test_any_bytes_are_a_document_or_an_input_error(content):
    raw = content if isinstance(content, bytes) else content.encode()
    for load in (load_yaml, load_json):
        assert isinstance(_read_or_refused(load, raw), Document | str)


def _read_or_refused(load, raw):
    try:
        return load(raw)
    except InputError as error:
        return str(error)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcdefgh", max_size=5), inner),
    max_leaves=20,
)


@settings(deadline=None, max_examples=200)
@given(_VALUES)
def test_json_that_was_written_is_read_back_as_it_was(value):
    assert load_json(json.dumps(value).encode(), max_depth=50).data == value


@settings(deadline=None, max_examples=200)
@given(_VALUES)
def test_ascii_json_reads_the_same_as_yaml(value):
    raw = json.dumps(value).encode()
    if b"\\ud" not in raw:  # YAML writes such characters with one \U, JSON with two \u
        assert load_yaml(raw, max_depth=50).data == value


@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_what_is_not_a_readable_file_is_an_input_error_and_nothing_waits(load, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, part in [
        (tmp_path / "missing", "there is no file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "fifo", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (Path("a\0b"), "cannot be opened"),
    ]:
        with pytest.raises(InputError, match=part):
            load(path)


def test_a_file_is_read_up_to_its_limit_only(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    assert read_bytes(path, 10) == b"x" * 10
    with pytest.raises(InputError, match="larger than 9 bytes"):
        read_bytes(path, 9)


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    minimum: float = 0


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    columns: dict[str, _Inner] | None = None


def test_a_model_names_the_line_the_key_and_the_closest_known_key():
    raw = b"columns:\n  a:\n    minimun: 1\n"
    with pytest.raises(
        InputError, match=r"line 3, key 'columns.a.minimun' is not known; did you mean 'minimum'\?"
    ):
        load_yaml(raw).as_model(_Model)
    with pytest.raises(InputError, match=r"line 2, key 'columns.a.minimum' cannot be used"):
        load_yaml(b"columns:\n  a: {minimum: no}\n").as_model(_Model)
    assert load_yaml(b"columns: {a: {minimum: 2}}").as_model(_Model).columns["a"].minimum == 2
