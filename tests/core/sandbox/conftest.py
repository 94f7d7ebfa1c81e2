"""Models in files that run code, with an attestation of a scan that let them pass."""

from __future__ import annotations

import operator
import pickle
import socket
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lockgate import artifact
from lockgate.attest import envelope, keys, statement
from lockgate.run import run


@pytest.fixture(scope="session")
def rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    return frame.assign(y=np.where(frame.a + frame.b > 0, "yes", "no"))


@pytest.fixture(scope="session")
def data(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.parquet"
    rows.to_parquet(path)
    return path


@pytest.fixture(scope="session")
def model(rows):
    return LogisticRegression().fit(rows[["a", "b"]], rows.y)


@pytest.fixture(scope="session")
def signing(tmp_path_factory):
    """A key pair: the paths of the private and of the public half."""
    folder = tmp_path_factory.mktemp("keys")
    pair = keys.generate("scanner", folder, None)
    return pair.private, pair.public


@pytest.fixture(scope="session")
def passing_scan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan")
    np.save(folder / "clean.npy", np.zeros(3))
    return run("scan-model", {"model": folder / "clean.npy"}, out=folder / "out").document


@pytest.fixture
def scanned(passing_scan, signing, tmp_path):
    """Write an attestation that says that `scan-model` passed a file, whatever is in it."""

    def write(path: Path) -> Path:
        document = {
            **passing_scan,
            "subjects": [{"name": "model", "uri": "model", "digest": artifact.digest(path)}],
        }
        said = statement.from_result(document)
        attestation = tmp_path / f"{path.name}.attestation.json"
        attestation.write_bytes(envelope.seal(said, keys.load_signer(str(signing[0]))))
        return attestation

    return write


class Listener:
    """A server on loopback that notes who comes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.came: list[object] = []
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        while True:
            try:
                peer, address = self.socket.accept()
            except OSError:
                return
            peer.close()
            self.came.append(address)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.close()


class Payload:
    """Runs code when it is unpickled."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


class Both:
    """Unpickles as the second of two things, after the first."""

    def __init__(self, *things):
        self.things = things

    def __reduce__(self):
        return operator.itemgetter(1), (self.things,)


@pytest.fixture
def hostile(model, tmp_path):
    """Write a pickle of a good model that runs code first, and return its path."""

    def write(code: str) -> Path:
        path = tmp_path / "hostile.pkl"
        path.write_bytes(pickle.dumps(Both(Payload(code), model), protocol=4))
        return path

    return write
