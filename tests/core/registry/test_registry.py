"""The registry, on a real MLflow server: what comes out is what went in, and errors are one sentence."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.errors import ArtifactError, InputError
from lockgate.registry import Registry, RegistryError, check_alias, check_name, fetch, is_registered

server = pytest.mark.xdist_group("mlflow")


@pytest.fixture
def registry(mlflow_server) -> Registry:
    return Registry(mlflow_server.url)


@pytest.fixture
def into() -> Iterator[Path]:
    with artifact.private_folder() as folder:
        yield folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "a model"
    (folder / "sub" / "empty").mkdir(parents=True)
    (folder / "weights ü.bin").write_bytes(os.urandom(3_000_000))
    (folder / "none").write_bytes(b"")
    (folder / "sub" / "run.sh").write_text("true\n")
    (folder / "sub" / "run.sh").chmod(0o750)
    return folder


def _registered(registry: Registry, name: str, model: Path) -> int:
    version = registry.register(name, registry.upload(name, model, {"note.txt": b"x"}), {"a": "b"})
    registry.move_alias(name, "production", version.number)
    return version.number


@server
@pytest.mark.slow
def test_a_folder_comes_back_with_the_digest_it_had(registry, mlflow_server, model, into):
    assert registry.aliases("folder") is None
    number = _registered(registry, "folder", model)
    assert registry.aliases("folder") == {"production": number}
    for uri in ("models:/folder@production", f"models:/folder/{number}"):
        found = fetch(uri, into, mlflow_server.url)
        assert artifact.digest(found) == artifact.digest(model)


@server
@pytest.mark.slow
def test_a_file_comes_back_with_the_digest_it_had(registry, mlflow_server, tmp_path, into, monkeypatch):
    (tmp_path / "model.skops").write_bytes(os.urandom(1000))
    _registered(registry, "file", tmp_path / "model.skops")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    found = fetch("models:/file@production", into)
    assert found.read_bytes() == (tmp_path / "model.skops").read_bytes()


@server
@pytest.mark.slow
def test_a_file_that_is_called_like_its_folder_comes_back(registry, tmp_path, into):
    (tmp_path / "model").write_bytes(b"file")
    (tmp_path / "folder" / "model").mkdir(parents=True)
    (tmp_path / "folder" / "model" / "model").write_bytes(b"in a folder")
    (tmp_path / "folder" / "model" / "other").write_bytes(b"")
    for path in (tmp_path / "model", tmp_path / "folder"):
        found = registry.download(registry.upload("called", path, {}), into)
        assert artifact.digest(found) == artifact.digest(path)


@server
@pytest.mark.slow
def test_a_stored_file_that_was_exchanged_digests_differently(registry, mlflow_server, model, into):
    version = registry.version("changed", _registered(registry, "changed", model))
    with (mlflow_server.stored(version.source) / "weights ü.bin").open("r+b") as file:
        file.write(b"\0")
    assert artifact.digest(registry.download(version, into)) != artifact.digest(model)


@server
@pytest.mark.slow
def test_an_mlmodel_that_was_put_beside_a_stored_file_is_noticed(registry, mlflow_server, tmp_path, into):
    (tmp_path / "model.skops").write_bytes(b"model")
    version = registry.version("beside", _registered(registry, "beside", tmp_path / "model.skops"))
    (mlflow_server.stored(version.source) / "MLmodel").write_text("flavors: {}\n")
    with pytest.raises(ArtifactError, match="not alone"):
        registry.download(version, into)


@server
@pytest.mark.slow
def test_a_stored_file_that_is_gone_is_said(registry, mlflow_server, model, into):
    version = registry.version("gone", _registered(registry, "gone", model))
    shutil.rmtree(mlflow_server.stored(version.source))
    with pytest.raises(RegistryError, match="has no files where those of the model should be"):
        registry.download(version, into)


@server
@pytest.mark.slow
def test_versions_are_listed_newest_first_and_more_than_a_page_of_them(registry, model):
    upload = registry.upload("many", model / "none", {})
    for _ in range(12):
        registry.register("many", upload, {})
    found = registry.versions("many")
    assert [version.number for version in found] == list(range(12, 0, -1))
    assert {version.status for version in found} == {"READY"}


@server
@pytest.mark.slow
def test_a_model_that_mlflow_logged_itself_comes_back_as_it_logged_it(registry, mlflow_server, into):
    script = (
        "import mlflow, sys; from sklearn.dummy import DummyClassifier as D;"
        "mlflow.set_tracking_uri(sys.argv[1]);"
        "mlflow.sklearn.log_model(D().fit([[0], [1]], [0, 1]), name='m', registered_model_name='logged')"
    )
    subprocess.run(
        [sys.executable, "-c", script, mlflow_server.url], check=True, capture_output=True, cwd=into
    )
    found = fetch("models:/logged/1", into, mlflow_server.url)
    assert (found / "MLmodel").is_file()
    assert not (found / "registered_model_meta").exists()


@server
@pytest.mark.slow
def test_what_is_not_there_is_said_in_one_sentence(registry, mlflow_server, model, into):
    _registered(registry, "there", model)
    for uri, said in {
        "models:/nowhere@production": "has no registered model 'nowhere'",
        "models:/there@staging": "has no alias 'staging'",
        "models:/there/99": "has no version 99",
    }.items():
        with pytest.raises(InputError, match=said):
            fetch(uri, into, mlflow_server.url)


@pytest.mark.parametrize(
    "uri",
    [
        "models:/m",
        "models:/m/latest",
        "models:/m-0123/x",
        "models://m@a",
        "models:/m@a/b",
        "runs:/1/m",
        "models:/m/0",
    ],
)
def test_a_uri_of_another_form_is_refused(uri, into):
    assert not is_registered(uri)
    with pytest.raises(InputError, match="is no registered model"):
        fetch(uri, into, "http://127.0.0.1:9")


@pytest.mark.parametrize("alias", ["", "a b", "latest", "Latest", "v1", "V22", "ä", "x" * 256, "a\n", "a/b"])
def test_what_mlflow_would_not_take_for_an_alias_is_refused(alias):
    with pytest.raises(InputError, match="can be no alias"):
        check_alias(alias)
    check_alias("production-2_x")


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "a'b", 'a"b', "a%", "a\\b", "a\n", "x" * 251, "a@b"])
def test_what_can_be_no_name_of_a_model_is_refused(name):
    with pytest.raises(InputError, match="can be no name"):
        check_name(name)
    check_name("main.risk.credit model-2")


# --- No server --------------------------------------------------------------------------------------


def test_no_server_is_named(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="no MLflow server is named"):
        Registry()


def test_a_password_in_an_argument_is_refused_and_not_repeated():
    with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        Registry("http://ana:geheim@127.0.0.1:5000")
    assert "geheim" not in str(refused.value)


def test_a_server_that_is_down_is_said_soon_and_without_its_password(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ana:geheim@127.0.0.1:{port}")
    began = time.monotonic()
    with pytest.raises(
        RegistryError, match=f"http://127.0.0.1:{port} could not look up the model 'm'"
    ) as said:
        Registry().aliases("m")
    assert time.monotonic() - began < 20
    assert "geheim" not in str(said.value)
    assert said.value.exit_code == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "did not accept the credentials"),
        (403, "do not allow it"),
        (404, "check its address"),
        (200, "check its address"),
    ],
)
def test_a_server_that_refuses_or_is_none_of_mlflow_is_said(status, words):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>geheim</html>")

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            with pytest.raises(RegistryError, match=words) as said:
                Registry(f"http://127.0.0.1:{other.server_port}").aliases("m")
        finally:
            other.shutdown()
            thread.join()
    assert "geheim" not in str(said.value)


@server
@pytest.mark.slow
def test_nothing_of_the_environment_stays_behind(registry):
    before = dict(os.environ)
    assert registry.aliases("nobody") is None
    assert dict(os.environ) == before


@server
@pytest.mark.slow
def test_mlflow_reports_to_nobody_when_it_is_loaded_by_us(mlflow_server):
    script = (
        "import sys; from lockgate.registry import Registry;"
        "assert Registry(sys.argv[1]).aliases('nobody') is None;"
        "from mlflow.telemetry import get_telemetry_client, utils;"
        "assert not utils._IS_IN_CI_ENV_OR_TESTING;"
        "assert get_telemetry_client() is None"
    )
    around = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    done = subprocess.run(
        [sys.executable, "-c", script, mlflow_server.url],
        env=around,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
