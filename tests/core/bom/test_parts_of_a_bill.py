"""Cards, locks and models as a bill reads them: strictly, and without loading anything."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.bom import card, libraries
from lockgate.bom.facts import facts
from lockgate.dependencies import read
from lockgate.errors import InputError

A, B = "a" * 64, "b" * 64


# --- Cards ------------------------------------------------------------------------------------------


def test_a_card_is_read_and_what_it_leaves_out_is_named(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text("name: x\ntask: classification\nlicenses: [MIT]\n")
    read = card.load(path)
    assert (read.name, read.licenses) == ("x", ["MIT"])
    assert read.left_out == ["version", "approach", "architecture_family", "considerations.limitations"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nam: x", "did you mean 'name'"),
        ("approach: guesswork", "approach"),
        ("version: 2026.3", "version"),
        ("supplier: {organization: A, person: B}", "one of them"),
        ("authors: [{}]", "one of them"),
        ("supplier: {organization: A, url: 'https://a:secret@example.org'}", "password"),
        ("authors: [{person: A, email: nobody}]", "email"),
        ("datasets: [{name: d, digest: {md5: abc}}]", "digest"),
        ("metrics: [{type: accuracy, value: .nan}]", "finite"),
        ("name: x\nname: y", "twice"),
        ("", "is empty"),
        ("- name", "cannot be used"),
    ],
)
def test_a_card_that_says_something_else_is_refused_in_one_sentence(tmp_path, text, said):
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        card.load(path)
    assert "secret" not in str(caught.value)


# --- Locks ------------------------------------------------------------------------------------------


def named(path) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.name, each.version, each.digests) for each in libraries.of(read(path))]


def test_requirement_lines_are_named_with_their_digests(tmp_path):
    path = tmp_path / "lock.txt"
    path.write_text(
        f"# made by hand\n--index-url https://example.org\nNumPy==1.0 \\\n  --hash=sha256:{B} \\\n"
        f"  --hash=sha256:{A}  # via x\nruamel.yaml[a,b] == 2.0 ; python_version < '3.9'\nloose>=1\nbare\n"
        f"u @ https://example.org/u-1.0-py3-none-any.whl\nnumpy==1.0 --hash=sha512:{A}{B}\n"
        f"torn==1 --hash=sha256:{A}\ntorn==1\n"
    )
    assert named(path) == [
        ("bare", "", ()),
        ("loose", "", ()),
        ("numpy", "1.0", (f"sha256:{A}", f"sha256:{B}", f"sha512:{A}{B}")),
        ("ruamel-yaml", "2.0", ()),
        ("torn", "1", ()),  # one of its two lines takes any file
        ("u", "1.0", ()),
    ]


def test_pylock_and_uv_lock_are_named_alike_and_the_project_itself_is_left_out(tmp_path):
    pylock, uv = tmp_path / "pylock.toml", tmp_path / "uv.lock"
    pylock.write_text(
        f'lock-version = "1.0"\n[[packages]]\nname = "numpy"\nversion = "1.0"\n'
        f'wheels = [{{name = "n.whl", hashes = {{sha256 = "{A}"}}}}]\n'
        f'[packages.sdist]\nname = "n.tar.gz"\nhashes = {{sha256 = "{B}"}}\n'
    )
    uv.write_text(
        f'version = 1\n[[package]]\nname = "mine"\nversion = "1"\nsource = {{ editable = "." }}\n'
        f'[[package]]\nname = "numpy"\nversion = "1.0"\nsource = {{ registry = "https://x" }}\n'
        f'sdist = {{ url = "u", hash = "sha256:{B}" }}\nwheels = [{{ url = "u", hash = "sha256:{A}" }}]\n'
    )
    assert named(pylock) == named(uv) == [("numpy", "1.0", (f"sha256:{A}", f"sha256:{B}"))]


def test_a_package_url_says_where_a_library_comes_from(tmp_path):
    path = tmp_path / "lock.txt"
    commit = "0123456789" * 4
    path.write_text(
        "a==1.0+cpu\nb @ https://user:pa55word@example.org/b-2.0-py3-none-any.whl\n"
        f"c @ git+https://example.org/c@{commit}\n./d-1.0-py3-none-any.whl\n-e .\n"
    )
    inventory = read(path)
    assert {each.name: each.purl for each in libraries.of(inventory)} == {
        "a": "pkg:pypi/a@1.0%2Bcpu",
        "b": "pkg:pypi/b@2.0?download_url=https%3A%2F%2Fexample.org%2Fb-2.0-py3-none-any.whl",
        "c": f"pkg:pypi/c?vcs_url=git%2Bhttps%3A%2F%2Fexample.org%2Fc%40{commit}",
        "d": "",
    }
    assert libraries.nameless(inventory) == ["."]


def test_more_libraries_than_a_bill_can_name_are_refused(tmp_path):
    path = tmp_path / "lock"
    path.write_text("".join(f"p{n}==1\n" for n in range(2_001)))
    with pytest.raises(InputError, match="more than 2000 libraries"):
        libraries.of(read(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="abz019-_.=<>[]{}\"';#@\\ \n-:", max_size=200))
def test_a_lock_of_any_text_gives_libraries_with_names_or_one_sentence(tmp_path, text):
    path = tmp_path / "lock"
    path.write_text(text)
    try:
        found = libraries.of(read(path))
    except InputError:
        return
    assert all(library.name for library in found)


# --- Models -----------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def test_a_skops_model_says_its_class(tmp_path):
    io, linear = pytest.importorskip("skops.io"), pytest.importorskip("sklearn.linear_model")
    io.dump(linear.LogisticRegression().fit(np.arange(10)[:, None], [0] * 5 + [1] * 5), tmp_path / "m")
    found = facts(tmp_path / "m")
    assert found["format"] == "skops"
    assert found["architecture"].endswith("LogisticRegression")


def test_safetensors_onnx_and_xgboost_say_what_stands_in_their_heads(tmp_path):
    header = json.dumps(
        {"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    ).encode()
    (tmp_path / "s").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert facts(tmp_path / "s") == {
        "format": "safetensors",
        "tensors": "1",
        "dtypes": "F32",
        "framework": "pt",
    }
    model = _field(1, 9) + _field(2, b"skl2onnx") + _field(3, b"1.17") + _field(7, bytes(5_000))
    (tmp_path / "o").write_bytes(model)
    assert facts(tmp_path / "o") == {
        "format": "onnx",
        "ir-version": "9",
        "producer": "skl2onnx",
        "producer-version": "1.17",
    }
    learner = {"objective": {"name": "binary:logistic"}, "gradient_booster": {"name": "gbtree"}}
    (tmp_path / "x").write_text(json.dumps({"learner": learner, "version": [2, 1, 0]}))
    assert facts(tmp_path / "x")["objective"] == "binary:logistic"


class _Harm:
    def __reduce__(self):
        return (print, ("this must never be printed",))


def test_a_pickle_is_named_and_never_loaded(tmp_path, capsys):
    (tmp_path / "p").write_bytes(pickle.dumps(_Harm()))
    assert facts(tmp_path / "p") == {"format": "pickle"}
    assert capsys.readouterr().out == ""


def test_a_model_that_lies_about_its_head_is_left_alone(tmp_path):
    lies = {
        "length": struct.pack("<Q", 2**60) + b"{}",
        "field": _field(1, 9) + _varint(7 << 3 | 2) + _varint(2**40),
        "empty": b"",
        "deep": b"{" * 5_000,
        "json": b'{"learner": 7, "version": []}',
    }
    for name, raw in lies.items():
        (tmp_path / name).write_bytes(raw)
        assert facts(tmp_path / name) == {}, name
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 30_000_000)
    assert facts(tmp_path / "z") == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\x08\x09", b"{", b"\x20\0\0\0\0\0\0\0{"])
)
def test_any_bytes_give_facts_or_none(tmp_path, raw, head):
    (tmp_path / "any").write_bytes(head + raw)
    assert all(isinstance(value, str) for value in facts(tmp_path / "any").values())
