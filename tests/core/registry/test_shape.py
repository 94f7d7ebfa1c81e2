"""What a store forgets of a folder comes back; a shape that somebody made up is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.errors import ArtifactError
from lockgate.registry import shape


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "sub" / "run.sh").write_text("true\n")
    (folder / "sub" / "run.sh").chmod(0o750)
    (folder / "sub").chmod(0o700)
    return folder


@pytest.fixture
def stored(model: Path, tmp_path: Path) -> Path:
    """The folder as an artifact store returns it: names and bytes."""
    copy = tmp_path / "stored"
    for path in model.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(model)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o600)
    return copy


def test_a_folder_digests_as_before_once_it_has_its_shape_back(model, stored):
    assert artifact.digest(stored) != artifact.digest(model)
    assert shape.restore(stored, shape.describe(model)) == stored
    assert artifact.digest(stored) == artifact.digest(model)


def test_a_folder_that_its_owner_may_not_enter_comes_back_too(model, stored):
    (model / "sub" / "run.sh").chmod(0o400)
    (model / "sub").chmod(0o500)
    shape.restore(stored, shape.describe(model))
    assert artifact.digest(stored) == artifact.digest(model)
    for folder in (model, stored):
        (folder / "sub").chmod(0o700)


def test_a_folder_without_a_shape_gets_the_usual_modes(stored):
    shape.restore(stored, None)
    assert {oct(p.stat().st_mode & 0o7777) for p in stored.rglob("*")} == {"0o644", "0o755"}


def test_a_file_comes_back_as_a_file(tmp_path):
    (tmp_path / "model.skops").write_bytes(b"model")
    described = shape.describe(tmp_path / "model.skops")
    (tmp_path / "stored").mkdir()
    shutil.copyfile(tmp_path / "model.skops", tmp_path / "stored" / "model")
    found = shape.restore(tmp_path / "stored", described)
    assert artifact.digest(found) == artifact.digest(tmp_path / "model.skops")


@pytest.mark.parametrize("added", ["MLmodel", "code/evil.py"])
def test_a_file_beside_which_something_was_put_is_refused(tmp_path, added):
    (tmp_path / "model").write_bytes(b"model")
    described = shape.describe(tmp_path / "model")
    stored = tmp_path / "stored"
    (stored / added).parent.mkdir(parents=True)
    (stored / "model").write_bytes(b"model")
    (stored / added).write_text("x")
    with pytest.raises(ArtifactError, match="not alone"):
        shape.restore(stored, described)


def _made_up(**changed: object) -> bytes:
    return json.dumps({"format": shape.FORMAT, "kind": "folder", "entries": {}} | changed).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"format": "lockgate.shape/1", "kind": "file", "kind": "folder", "entries": {}}',
        _made_up(format="lockgate.shape/2"),
        _made_up(kind="link"),
        _made_up(kind=["folder"]),
        _made_up(entries=[]),
        _made_up(entries={"a": 420}),
        _made_up(entries={"a": "0o644"}),
        _made_up(entries={"a": "10644"}),
        _made_up(entries={"../out/": "0755"}),
        _made_up(entries={"/out/": "0755"}),
        _made_up(entries={"a/../../out/": "0755"}),
        _made_up(entries={"": "0755"}),
        _made_up(entries={"a\0b/": "0755"}),
        _made_up(entries={"MLmodel/": "0755"}),
        _made_up(entries={"n" * 300 + "/": "0755"}),
    ],
)
def test_a_shape_that_is_none_is_refused_and_nothing_is_written_elsewhere(raw, stored):
    around = sorted(stored.parent.iterdir())
    with pytest.raises(ArtifactError):
        shape.restore(stored, raw)
    assert sorted(stored.parent.iterdir()) == around


def test_a_shape_without_tricks_is_taken(stored):
    assert shape.restore(stored, _made_up(entries={"new/": "0700", "MLmodel": "0600"})) == stored
    assert (stored / "new").is_dir()
