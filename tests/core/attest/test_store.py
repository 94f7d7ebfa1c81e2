"""The evidence store, on disk and in another file system of fsspec: what lies in it, and what it refuses."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from lockgate.attest import store
from lockgate.attest.envelope import MAX_BYTES
from lockgate.attest.statement import Subject
from lockgate.attest.store import EvidenceStore, Stored, name_of
from lockgate.errors import InputError, StageError

ONE, TWO = {"sha256": "a" * 64}, {"lockgateTree1": "b" * 64}
BOTH = {**ONE, **TWO}


@pytest.fixture(params=["folder", "file URL", "memory"])
def url(request, tmp_path):
    """A store on disk, by its path and by its URL, and one that is no disk at all."""
    if request.param == "memory":
        import fsspec

        yield f"memory://{tmp_path.name}/evidence"
        fsspec.filesystem("memory").store.clear()
    else:
        folder = tmp_path / "some folder" / "evidence"
        yield folder.as_uri() if request.param == "file URL" else str(folder)


def _raws(url: str, digest: dict) -> set[bytes]:
    return {each.raw for each in EvidenceStore(url).of(digest)}


def test_what_was_put_is_found_by_each_digest_of_each_subject(url):
    name = EvidenceStore(url).put(b"one", [Subject("a", ONE), Subject("b", TWO)])
    assert name == hashlib.sha256(b"one").hexdigest()
    for digest in (ONE, TWO, BOTH):
        assert EvidenceStore(url).of(digest) == [Stored(name, b"one")]
    assert EvidenceStore(url).of({"sha256": "c" * 64}) == []


@pytest.mark.parametrize("written", ["..", "../sha256/" + "a" * 64, "A" * 64, "a" * 63, ""])
def test_what_is_no_digest_leads_nowhere(url, written):
    EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    assert EvidenceStore(url).of({"sha256": written}) == []


def test_several_lie_beside_each_other_and_the_same_once(url):
    for raw in (b"one", b"two", b"one"):
        EvidenceStore(url).put(raw, [Subject("a", ONE), Subject("b", ONE)])
    assert _raws(url, ONE) == {b"one", b"two"}
    assert len(EvidenceStore(url).of(ONE)) == 2


def test_an_empty_store_has_nothing(url):
    assert EvidenceStore(url).of(ONE) == []


def test_an_altered_attestation_no_longer_fits_its_name_and_putting_it_again_mends_it(url):
    import fsspec

    name = EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/sha256/{'a' * 64}/{name}.json", b"other")
    (found,) = EvidenceStore(url).of(ONE)
    assert not found.intact
    EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    (found,) = EvidenceStore(url).of(ONE)
    assert found.intact
    assert found == Stored(name_of(b"one"), b"one")


def test_only_digests_that_count_are_kept_and_asked_for(url):
    EvidenceStore(url).put(b"one", [Subject("a", {"sha1": "a" * 40, **ONE})])
    assert EvidenceStore(url).of({"sha1": "a" * 40}) == []
    assert EvidenceStore(url).of({"sha256": "../" + "a" * 61}) == []
    assert EvidenceStore(url).of({"sha256": "A" * 64}) == []
    assert EvidenceStore(url).of({"lockgateTree1": f"../sha256/{'a' * 64}"}) == []
    assert EvidenceStore(url).of({}) == []


def test_one_that_is_larger_than_an_attestation_may_be_comes_back_cut_off(url):
    import fsspec

    system, root = fsspec.core.url_to_fs(url)
    folder = f"{root}/sha256/{'a' * 64}"
    raw = b"x" * (MAX_BYTES + 10)
    system.makedirs(folder, exist_ok=True)
    system.pipe_file(f"{folder}/{name_of(raw)}.json", raw)
    (found,) = EvidenceStore(url).of(ONE)
    assert len(found.raw) == MAX_BYTES + 1
    assert not found.intact


def test_more_than_a_store_may_hold_of_one_subject_are_refused(url, monkeypatch):
    for raw in (b"one", b"two"):
        EvidenceStore(url).put(raw, [Subject("a", ONE)])
    monkeypatch.setattr(store, "MAX_OF_ONE", 2)
    assert len(EvidenceStore(url).of(ONE)) == 2
    EvidenceStore(url).put(b"three", [Subject("a", ONE)])
    with pytest.raises(InputError, match="more than 2 attestations"):
        EvidenceStore(url).of(ONE)


def test_bytes_and_sizes_count_up_to_what_they_may_be_and_no_further(url, monkeypatch):
    for raw in (b"1234567890", b"abcdefghij"):
        EvidenceStore(url).put(raw, [Subject("a", ONE)])
    monkeypatch.setattr(store, "MOST_BYTES", 20)
    assert len(EvidenceStore(url).of(ONE)) == 2
    monkeypatch.setattr(store, "MOST_BYTES", 19)
    with pytest.raises(InputError, match="more than 19 bytes"):
        EvidenceStore(url).of(ONE)


def test_of_those_that_no_ledger_names_as_many_bytes_are_read_as_one_may_have(url, monkeypatch):
    names = {raw: EvidenceStore(url).put(raw, [Subject("a", ONE)]) for raw in (b"12345", b"abcde")}
    monkeypatch.setattr(store, "MAX_BYTES", 10)
    assert len(EvidenceStore(url).of(ONE, known=())) == 2
    monkeypatch.setattr(store, "MAX_BYTES", 9)
    assert len(EvidenceStore(url).of(ONE, known=())) == 1
    for name in names.values():
        assert len(EvidenceStore(url).of(ONE, known=[name])) == 2


# --- Stores of other habits -------------------------------------------------------------------------


@pytest.fixture
def habits(monkeypatch, tmp_path):
    """Register a file system on disk with habits of its own; return its URL."""
    from fsspec.registry import _registry

    def register(name, **habits):
        def strip(path):
            return LocalFileSystem._strip_protocol(str(path).removeprefix(f"{name}://"))

        made = type(
            name, (LocalFileSystem,), {"protocol": name, "_strip_protocol": staticmethod(strip), **habits}
        )
        monkeypatch.setitem(_registry, name, made)
        return f"{name}://{tmp_path}/evidence"

    return register


def test_a_store_that_tells_no_sizes_is_read_all_the_same(habits):
    def ls(self, path, detail=False, **more):
        return [{**entry, "size": None} for entry in LocalFileSystem.ls(self, path, detail=True, **more)]

    url = habits("sizeless", ls=ls)
    EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    assert _raws(url, ONE) == {b"one"}


@pytest.mark.parametrize("most", [3, 10])
def test_a_store_that_refuses_a_range_past_the_end_is_read_all_the_same(habits, monkeypatch, most):
    def cat_file(self, path, start=None, end=None, **_):
        raw = Path(path).read_bytes()
        if end is not None and end > len(raw):
            raise ValueError("the range does not end in the file")
        return raw[start:end]

    url = habits("strict", cat_file=cat_file)
    monkeypatch.setattr(store, "MAX_BYTES", most)
    EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    assert _raws(url, ONE) == {b"one"}


def test_folders_are_made_where_there_are_folders_and_not_in_an_object_store(habits):
    def makedirs(*_, **__):
        raise AssertionError("this would make a bucket")

    def pipe_file(self, path, value, **_):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(value)

    url = habits("bare")  # refuses to write into a folder that is not there
    EvidenceStore(url).put(b"one", [Subject("a", ONE)])
    assert _raws(url, ONE) == {b"one"}
    url = habits("oss", makedirs=makedirs, pipe_file=pipe_file)
    EvidenceStore(url).put(b"two", [Subject("a", TWO)])
    assert _raws(url, TWO) == {b"two"}


# --- A folder ---------------------------------------------------------------------------------------


def test_a_half_written_file_never_has_the_name_of_an_attestation(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(StageError, match="cannot be written"):
            EvidenceStore(str(tmp_path)).put(b"one", [Subject("a", ONE)])
    assert EvidenceStore(str(tmp_path)).of(ONE) == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_names_that_are_none_folders_links_and_fifos_are_passed_over(tmp_path):
    target = EvidenceStore(str(tmp_path))
    target.put(b"one", [Subject("a", ONE)])
    folder = tmp_path / "sha256" / ("a" * 64)
    (folder / "readme.txt").write_text("x")
    (folder / f"{'c' * 64}.json").mkdir()
    (folder / f"{'d' * 64}.json").symlink_to(folder / "readme.txt")
    os.mkfifo(folder / f"{'e' * 64}.json")
    assert [each.raw for each in target.of(ONE)] == [b"one"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_folder_without_rights_is_one_sentence(tmp_path):
    folder = tmp_path / "evidence"
    EvidenceStore(str(folder)).put(b"one", [Subject("a", ONE)])
    folder.chmod(0)
    try:
        with pytest.raises(InputError, match="cannot be read"):
            EvidenceStore(str(folder)).of(ONE)
        with pytest.raises(StageError, match="cannot be written"):
            EvidenceStore(str(folder)).put(b"two", [Subject("a", ONE)])
    finally:
        folder.chmod(0o700)


def test_a_store_in_the_place_of_a_file_is_one_sentence(tmp_path):
    (tmp_path / "sha256").write_text("a file")
    with pytest.raises(StageError, match="cannot be written"):
        EvidenceStore(str(tmp_path)).put(b"one", [Subject("a", ONE)])


# --- Addresses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "zip::file.zip", "simplecache::s3://bucket", "nosuch://x"])
def test_an_address_that_is_not_read_is_one_sentence(address):
    with pytest.raises(InputError, match="evidence store") as caught:
        EvidenceStore(address)
    assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_in_no_sentence():
    with pytest.raises(InputError) as caught:
        EvidenceStore("nosuch://ana:pa55w0rd@host/evidence")
    assert "pa55w0rd" not in str(caught.value)


def test_a_store_is_shown_without_user_and_password(tmp_path):
    assert str(EvidenceStore(str(tmp_path))) == str(tmp_path)
    assert str(EvidenceStore("memory://u:p@x/evidence")) == "memory://x/evidence"


# --- An object store --------------------------------------------------------------------------------


@pytest.fixture
def bucket(object_store):
    object_store.mkdir("evidence")
    return "s3://evidence/team"


@pytest.mark.filterwarnings("default")  # of the client libraries
def test_a_store_in_an_s3_bucket_keeps_gives_back_and_notices_what_was_altered(bucket):
    import fsspec

    assert EvidenceStore(bucket).of(ONE) == []
    name = EvidenceStore(bucket).put(b"one", [Subject("a", ONE), Subject("b", TWO)])
    EvidenceStore(bucket).put(b"one", [Subject("a", ONE)])
    EvidenceStore(bucket).put(b"two", [Subject("a", ONE)])
    assert _raws(bucket, ONE) == {b"one", b"two"}
    assert _raws(bucket, TWO) == {b"one"}
    system, root = fsspec.core.url_to_fs(bucket)
    system.pipe_file(f"{root}/sha256/{'a' * 64}/{name}.json", b"other")
    assert {each.intact for each in EvidenceStore(bucket).of(ONE)} == {True, False}


@pytest.mark.filterwarnings("default")
def test_a_bucket_that_is_not_there_is_one_sentence(bucket):
    with pytest.raises(StageError, match="cannot be written"):
        EvidenceStore("s3://nobody-made-this").put(b"one", [Subject("a", ONE)])
