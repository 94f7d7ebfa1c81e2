"""The wheel, built once for a test run, and the container image with it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core/lockgate", "operators/lockgate_airflow", "components/lockgate_kfp")
# podman asks for its own high limits, which a container without CAP_SYS_RESOURCE refuses.
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")


def run(*words, timeout=600, **more) -> subprocess.CompletedProcess:
    """Run a command to its end, and fail with what it printed."""
    text = [str(word) for word in words]
    done = subprocess.run(text, capture_output=True, text=True, timeout=timeout, check=False, **more)
    assert done.returncode == 0, f"{text} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="session")
def command():
    """`command("lockgate", "--help").stdout`: a command that has to succeed."""
    return run


@pytest.fixture(scope="session")
def install():
    """A function that installs into an environment, with uv or else with pip, as `make` does."""

    def call(environment: Path, *what) -> None:
        python = environment / "bin/python"
        try:
            run(ROOT / ".tools/bin/uv", "pip", "install", "--python", python, *what)
        except (AssertionError, FileNotFoundError):
            run(sys.executable, "-m", "pip", "--python", python, "install", *what)

    return call


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel of what stands in the work tree now."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, ROOT)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def podman() -> str:
    """The podman that runs containers here; without it the test is skipped, and says so."""
    found = shutil.which("podman")
    if not found:
        pytest.skip("podman is not installed; .ci/run installs it")
    return found


@pytest.fixture(scope="session")
def image(podman, wheel) -> str:
    """The name of the components' image, built from the work tree; kept while nothing changes.

    Tests that ask for it carry `@pytest.mark.xdist_group("image")`, so that one worker builds it.
    """
    name = f"localhost/lockgate-test:{_digest()}"
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if subprocess.run([podman, "image", "exists", name], check=False).returncode:
            environment = {**os.environ, "TAG": name, "WHEEL": str(wheel)}
            run(ROOT / "components/image/build.sh", timeout=1200, env=environment)
            _forget_all_but(podman, name)
    return name


@pytest.fixture(scope="session")
def in_image(podman, image):
    """A function that runs words in the image without a network: `in_image("lockgate", "--help")`.

    `mounts` maps folders of this machine to folders of the container; `options` are podman's own.
    """

    def call(*words, mounts=None, options=()) -> subprocess.CompletedProcess:
        volumes = [word for here, there in (mounts or {}).items() for word in ("--volume", f"{here}:{there}")]
        return run(podman, "run", "--rm", *LIMITS, "--network=none", *volumes, *options, image, *words)

    return call


def _forget_all_but(podman: str, name: str) -> None:
    """Remove the images of earlier work trees; the large layer stays, since the new image has it too."""
    pattern = ("--filter", "reference=localhost/lockgate-test", "--format", "{{.Repository}}:{{.Tag}}")
    for earlier in run(podman, "images", *pattern).stdout.split():
        if earlier != name:
            subprocess.run([podman, "rmi", earlier], capture_output=True, check=False)


def _digest() -> str:
    """A digest of everything that the image is made of."""
    files = [ROOT / "Containerfile", ROOT / "requirements/image.txt", ROOT / "pyproject.toml"]
    files += (ROOT / "components/image").iterdir()
    for package in PACKAGES:
        files += (f for f in (ROOT / package).rglob("*") if f.is_file() and f.suffix != ".pyc")
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(ROOT)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]
