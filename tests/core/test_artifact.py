"""Digests say what the bytes are, copies are private, and what cannot be sealed is refused."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate import artifact
from lockgate.errors import ArtifactError, StageError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "layer.bin").write_bytes(b"\x00" * 10)
    (folder / "config.json").write_text("{}")
    (folder / ".gitattributes").write_text("*.bin lfs")
    (folder / "empty").mkdir()
    return folder


def test_a_file_digests_to_the_sha256_of_its_bytes(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert artifact.digest(tmp_path / "f") == {"sha256": expected}


def test_a_copied_folder_has_the_digest_of_the_original(model, tmp_path):
    taken = artifact.take(model, tmp_path, "copy")
    assert taken.digest == artifact.digest(model) == artifact.digest(taken.path)
    assert taken.size == 10 + 2 + 9


@pytest.mark.parametrize(
    "change",
    [
        lambda m: (m / "config.json").write_text("{ }"),
        lambda m: (m / "config.json").chmod(0o755),
        lambda m: (m / "config.json").rename(m / "Config.json"),
        lambda m: (m / "empty").rmdir(),
        lambda m: (m / ".gitattributes").unlink(),
        lambda m: (m / "weights").chmod(0o700),
        lambda m: (m / "new").touch(),
    ],
    ids=["bytes", "mode", "name", "empty-folder-gone", "git-file-gone", "folder-mode", "new-file"],
)
def test_any_change_in_a_folder_changes_its_digest(model, change):
    (model / "weights").chmod(0o755)
    (model / "config.json").chmod(0o644)
    before = artifact.digest(model)
    change(model)
    assert artifact.digest(model) != before


def test_a_folder_never_digests_like_the_file_that_lists_it(model, tmp_path):
    assert set(artifact.digest(model)) == {"lockgateTree1"}
    (tmp_path / "list").write_bytes(b"")
    assert set(artifact.digest(tmp_path / "list")) == {"sha256"}


def _link(folder: Path) -> None:
    (folder / "odd").symlink_to("/etc/hostname")


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "odd")


def _link_to_folder(folder: Path) -> None:
    (folder / "odd").symlink_to(folder / "weights", target_is_directory=True)


@pytest.mark.parametrize("plant", [_link, _fifo, _link_to_folder])
def test_a_folder_with_an_entry_that_cannot_be_sealed_is_refused_by_its_name(model, plant):
    plant(model)
    with pytest.raises(ArtifactError, match=r"^odd in the folder .*model is .*(remove it)$"):
        artifact.digest(model)


def test_a_link_to_a_file_is_read_as_the_file_it_names(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    (tmp_path / "current").symlink_to(tmp_path / "f")
    assert artifact.digest(tmp_path / "current") == artifact.digest(tmp_path / "f")


def test_the_copy_is_what_was_hashed_even_when_the_original_is_swapped(tmp_path):
    original = tmp_path / "model.bin"
    original.write_bytes(b"good")
    with artifact.private_folder() as private:
        taken = artifact.take(original, private, "model")
        original.write_bytes(b"evil")
        assert taken.path.read_bytes() == b"good"
        assert private.stat().st_mode & 0o077 == 0
        assert taken.path.stat().st_mode & 0o077 == 0
    assert not private.exists()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("/no/such/file", "does not exist"),
        ("/dev/null", "neither a file nor a folder"),
        ("reference://x", "of a kind that is not read"),
        ("zip://a::s3://b/c", "of a kind that is not read"),
        ("simplecache::s3://b/c", "does not exist"),
        ("file://elsewhere/etc/passwd", "names another host"),
        ("nul\0byte", "cannot be read"),
    ],
)
def test_a_place_that_cannot_be_read_is_one_sentence(uri, said, tmp_path):
    with pytest.raises(ArtifactError, match=said) as caught:
        artifact.take(uri, tmp_path, "x")
    assert "\n" not in str(caught.value)


def test_credentials_never_show_in_a_displayed_uri():
    shown = artifact.display("https://user:secret@store.example/a/b.parquet?sig=token#part")
    assert shown == "https://store.example/a/b.parquet"


def test_a_remote_file_and_folder_are_taken_like_local_ones(tmp_path):
    import fsspec

    store = fsspec.filesystem("memory")
    store.pipe({"/bucket/folder/a": b"1", "/bucket/folder/sub/b": b"2"})
    taken = artifact.take("memory://bucket/folder/a", tmp_path, "file")
    assert taken.path.read_bytes() == b"1"
    folder = artifact.take("memory://bucket/folder", tmp_path, "folder")
    assert (folder.path / "sub" / "b").read_bytes() == b"2"
    with pytest.raises(ArtifactError, match="cannot be read"):
        artifact.take("memory://bucket/missing", tmp_path, "missing")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "result"
    target.write_text("old")

    def write_half() -> None:
        with artifact.written_whole(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


_NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20
)


@given(
    files=st.dictionaries(
        _NAMES.filter(lambda n: n not in (".", "..") and len(n.encode()) < 200),
        st.binary(max_size=64),
        max_size=6,
    )
)
def test_a_folders_digest_does_not_depend_on_the_order_of_writing(files, tmp_path_factory):
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for name, content in files.items():
        (one / name).write_bytes(content)
    for name, content in reversed(files.items()):
        (two / name).write_bytes(content)
    assert artifact.digest(one) == artifact.digest(two)


def test_a_file_that_grows_without_end_is_refused_and_not_followed(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 30_000_000)
    begun, done = threading.Event(), threading.Event()

    def grow():
        with path.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(b"x" * 1_000)
                begun.set()

    writer = threading.Thread(target=grow)
    writer.start()
    begun.wait()
    try:
        with pytest.raises(ArtifactError, match="changed while it was read"):
            artifact.take(path, tmp_path, "data")
    finally:
        done.set()
        writer.join()


def test_a_file_larger_than_the_room_for_its_copy_is_said_before_it_is_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 43)
    with pytest.raises(StageError, match=r"8,796,093,022,208 bytes has no room.*TMPDIR"):
        artifact.take(tmp_path / "sparse", tmp_path, "data")
    assert not (tmp_path / "data").exists()


def test_a_folder_nested_without_end_is_one_sentence_and_a_deep_one_is_read(tmp_path):
    deep, copy = tmp_path / "deep", tmp_path / "copy"
    (deep / "/".join("d" * 200)).mkdir(parents=True)
    try:
        assert artifact.take(deep, tmp_path, "copy").digest == artifact.digest(deep)
        (deep / "/".join("d" * 202)).mkdir(parents=True)
        with pytest.raises(ArtifactError, match="nested more than 200 deep"):
            artifact.digest(deep)
    finally:  # too deep for pytest's own way of cleaning up
        subprocess.run(["rm", "-rf", deep, copy], check=True)


def test_copies_of_folders_that_nobody_may_write_to_are_removed_like_others(tmp_path, monkeypatch):
    model = _made(tmp_path / "model" / "inner").parent
    (model / "inner" / "weights").write_text("1")
    (model / "inner").chmod(0o500)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with artifact.private_folder() as private:
        assert artifact.take(model, private, "model").digest == artifact.digest(model)
        (private / "link").symlink_to(model / "inner")
    assert not private.exists()
    assert (model / "inner").stat().st_mode & 0o777 == 0o500


@pytest.mark.parametrize(("uri", "name"), [("a%20b", "a b"), ("%FF", os.fsdecode(b"\xff")), ("%23%3F", "#?")])
def test_a_file_uri_names_the_file_whatever_characters_are_in_it(tmp_path, uri, name):
    (tmp_path / name).write_text("1")
    assert (
        artifact.take(f"file://{tmp_path}/{uri}", _made(tmp_path / "private"), "data").path.read_text() == "1"
    )


@pytest.mark.parametrize("uri", ["file:///a#b", "file:///a?b", "file://host/a", "http://[x/a"])
def test_a_uri_that_could_name_another_file_than_meant_is_refused(tmp_path, uri):
    with pytest.raises(ArtifactError):
        artifact.take(uri, tmp_path, "data")


def _made(folder):
    folder.mkdir(parents=True)
    return folder
