"""Hostile artifacts: what is hashed is what is released, and nothing is followed or unpacked on the way."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import textwrap
import zipfile

import pytest

from lockgate import artifact
from lockgate.errors import ArtifactError


@pytest.fixture
def released(world, tmp_path):
    """A folder that the gate allows, and its world."""
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "a.bin").write_bytes(b"weights")
    (folder / "model.json").write_text("{}")
    world.only("robust")
    world.sign_policy()
    digest = artifact.digest(folder)
    world.test(model=digest)
    assert world.decide(digest).allow
    return world, folder


def _denied(world, folder) -> str:
    decision = world.decide(artifact.digest(folder))
    assert not decision.allow
    return decision.answers[0].code.name


@pytest.mark.parametrize(
    "change", ["a byte", "a file", "an empty folder", "a name", "a mode", "a hidden file"]
)
def test_any_change_of_a_folder_makes_it_another_artifact(released, change):
    world, folder = released
    weights = folder / "weights" / "a.bin"
    {
        "a byte": lambda: weights.write_bytes(b"weightz"),
        "a file": (folder / "more").touch,
        "an empty folder": (folder / "empty").mkdir,
        "a name": lambda: weights.rename(folder / "weights" / "b.bin"),
        "a mode": lambda: weights.chmod(0o755),
        "a hidden file": lambda: (folder / ".gitignore").write_text("*"),
    }[change]()
    assert _denied(world, folder) == "NONE"


@pytest.mark.parametrize("kind", ["symbolic link", "link that never ends", "FIFO", "device"])
def test_what_cannot_be_sealed_is_refused(released, kind):
    _, folder = released
    path = folder / "odd"
    if kind == "symbolic link":
        path.symlink_to("/etc/passwd")
    elif kind == "link that never ends":
        path.symlink_to("odd")
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ArtifactError, match="cannot be sealed"):
        artifact.digest(folder)


def test_a_hard_link_out_of_the_tree_is_hashed_by_its_bytes(released, tmp_path):
    """It is a file as any other; whoever changes the bytes through the other name changes the digest."""
    world, folder = released
    weights = folder / "weights" / "a.bin"
    outside = tmp_path / "outside"
    os.link(weights, outside)
    assert world.decide(artifact.digest(folder)).allow
    outside.write_bytes(b"swapped")
    assert _denied(world, folder) == "NONE"


@pytest.mark.parametrize(
    "name", [b"\xff", b"a\nb", b"-rf", "\u202egpj.exe".encode(), "é".encode(), b"CON", b"a:b"]
)
def test_odd_names_are_sealed_as_they_are_or_refused(released, name):
    world, folder = released
    (folder / os.fsdecode(name)).write_bytes(b"")
    if name == b"\xff":
        with pytest.raises(ArtifactError, match="not UTF-8"):
            artifact.digest(folder)
    else:
        assert _denied(world, folder) == "NONE"


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../slipped", "x")
        archive.writestr("/tmp/lockgate-slipped", "x")  # noqa: S108 - what an attacker would overwrite


def _tar(path):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("../../slipped")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)


@pytest.mark.parametrize(("make", "name"), [(_zip, "model.zip"), (_tar, "model.tar"), (_zip, "model.skops")])
def test_an_archive_is_hashed_as_bytes_and_never_unpacked(world, tmp_path, make, name):
    import hashlib

    world.only("robust")
    world.sign_policy()
    path = tmp_path / "in" / "deep" / name
    path.parent.mkdir(parents=True)
    make(path)
    digest = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert artifact.digest(path) == digest
    with artifact.private_folder() as private:
        assert artifact.take(path, private, "subject").digest == digest
        assert [each.name for each in private.iterdir()] == ["subject"]
    assert not world.decide(digest).allow
    world.test(model=digest)
    assert world.decide(digest).allow
    assert not list(tmp_path.rglob("*slipped*"))
    assert not os.path.lexists("/tmp/lockgate-slipped")  # noqa: S108 - where the archive points


def test_a_file_that_is_swapped_after_it_was_hashed_is_not_the_one_that_is_used(world, tmp_path):
    """What was decided on is the private copy; the path may say anything later."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"the good model")
    with artifact.private_folder() as private:
        taken = artifact.take(path, private, "subject")
        path.write_bytes(b"a bad model")
        assert taken.path.read_bytes() == b"the good model"
        assert artifact.digest(taken.path) == taken.digest
    world.only("robust")
    world.sign_policy()
    world.test(model=taken.digest)
    assert world.decide(taken.digest).allow
    assert not world.decide(artifact.digest(path)).allow


def test_the_gate_decides_without_any_socket(world):
    """Policy, keys, evidence, ledger and memory on this machine need no network, and none is tried."""
    said = {
        name: getattr(world.settings, name)
        for name in ("policy", "policy_key", "evidence", "ledger", "trust_state")
    }
    script = textwrap.dedent(
        f"""
        import sys

        def refuse(event, _):
            # Libraries make a socket on import to learn whether there is IPv6; that reaches nobody.
            if event.startswith("socket.") and event not in ("socket.__new__", "socket.bind"):
                raise SystemExit(event)

        sys.addaudithook(refuse)
        from lockgate import gate
        from lockgate.settings import Settings
        settings = Settings(**{said!r})
        allowed = gate.decide({{"sha256": {_sha()!r}}}, "production", settings)
        denied = gate.decide({{"sha256": "0" * 64}}, "production", settings)
        gate.remember(allowed, settings)
        print(allowed.allow, denied.allow, *denied.codes, flush=True)
        import socket
        socket.create_connection(("127.0.0.1", 9))  # the control: it is noticed
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "True False LG-GATE-201 LG-GATE-201 LG-GATE-401 LG-GATE-201\n", done.stderr
    assert "socket.getaddrinfo" in done.stderr


def _sha() -> str:
    from world import MODEL

    return MODEL["sha256"]
