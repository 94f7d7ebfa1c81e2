"""Real servers, PostgreSQL, MLflow and moto: the test that asks for one starts it, the end stops it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "pa55-of-the-test"


def _programs() -> Path | None:
    """The folder of the server's programs, which Debian keeps out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3].zfill(4))
    path = shutil.which("initdb")
    return found[-1].parent if found else Path(path).parent if path else None


def _user() -> dict[str, str]:
    """PostgreSQL does not run as root; what says so to subprocess."""
    if os.getuid():
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
    return {}


def _run(*words, **more) -> subprocess.CompletedProcess:
    text = [str(word) for word in words]
    done = subprocess.run(text, capture_output=True, text=True, timeout=60, check=False, cwd="/", **more)
    assert done.returncode == 0, f"{text} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


class Server:
    """A running server.

    Attributes:
        port: On the loopback address.
        folder: Its data, and its log.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.user = programs, folder, _user()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",  # the machine does not lose power during the tests
            "shared_buffers": "16MB",
            "log_min_messages": "fatal",
        }
        words = [f"-c{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.folder / "data"), f"-p{self.port}", *words],
                stdout=log,
                stderr=log,
                cwd="/",
                **self.user,
            )
        for _ in range(300):
            if not subprocess.run(
                [self.programs / "pg_isready", "-q", "-h127.0.0.1", f"-p{self.port}"], check=False
            ).returncode:
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)  # at once: its data are thrown away
            self.process.wait(30)
            self.process = None

    def empty(self) -> str:
        """Empty the one database; return its URL, with the password in it."""
        url = f"postgresql://lockgate:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        sql = "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        _run(self.programs / "psql", "-qX", "-vON_ERROR_STOP=1", "-c", sql, url)
        return url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server of our own, with data of its own."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="lockgate-pg-"))
    server = Server(programs, folder)
    try:
        if server.user:
            shutil.chown(folder, server.user["user"], server.user["group"])
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        _run(
            programs / "initdb",
            "--auth=scram-sha-256",
            "--username=lockgate",
            f"--pwfile={secret}",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
            folder / "data",
            **server.user,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgresql_url(postgresql) -> str:
    """The URL of an empty database, this test's alone."""
    return postgresql.empty()


# --- MLflow -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MlflowServer:
    """An MLflow server on loopback: its address, and the folder in which it keeps what it is given."""

    url: str
    artifacts: Path

    def stored(self, source: str) -> Path:
        """Return where the files of a version lie on the server's disk."""
        scheme, _, path = source.partition(":/")
        assert scheme == "mlflow-artifacts"
        return self.artifacts / path.lstrip("/")


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server on SQLite and a folder, one process, for all tests of this session."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")]
    around = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=os.environ | around, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", server, folder / "log")
            yield MlflowServer(f"http://127.0.0.1:{port}", folder / "artifacts")
        finally:
            _stop(server)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310 - loopback
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server and its worker, which are a process group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


# --- An object store --------------------------------------------------------------------------------


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 server on this machine, that every client reads from its environment; as an s3fs file system."""
    s3fs = pytest.importorskip("s3fs", reason="s3fs reads s3:// addresses and is the user's to install")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield s3fs.S3FileSystem()
    finally:
        urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()  # noqa: S310 - buckets outlive it
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
