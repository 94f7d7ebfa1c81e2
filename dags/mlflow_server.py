"""An MLflow server on this machine, for as long as the example runs.

with MlflowServer(Path("demo-out/mlflow")) as server:
    server.wait()
    print(server.url)
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, final

SECONDS = 180  # until it answers; the first start makes the tables of its database
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, whatever the proxy


@final
class MlflowServer:
    """An MLflow server on loopback, on a free port, with all that it keeps in one folder.

    Args:
        folder: Where its database, its files and its log go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
        self._command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.sqlite'}"]
        self._command += ["--serve-artifacts", "--artifacts-destination", str(folder / "files")]

    def __enter__(self) -> MlflowServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        with (self.folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=kept | _QUIET,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # it and its worker are stopped together
            )
        return self

    def __exit__(self, *_: object) -> None:
        for ask in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, ask)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)

    def wait(self) -> None:
        """Return when it answers.

        Raises:
            RuntimeError: It stopped, or does not answer.
        """
        end = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError), _DIRECT.open(f"{self.url}/health", timeout=5):
                return
            time.sleep(0.2)
        raise RuntimeError(f"MLflow did not start; see {self.folder / 'log.txt'}")

    def environment(self) -> dict[str, str]:
        """Return what a client's environment needs, so that it asks this server."""
        direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
        return {"MLFLOW_TRACKING_URI": self.url, "NO_PROXY": direct, "no_proxy": direct}

    def version(self, name: str, alias: str) -> int | None:
        """Return the version of a registered model that an alias points to; None when it points nowhere."""
        asked = urllib.parse.urlencode({"name": name, "alias": alias})
        try:
            with _DIRECT.open(
                f"{self.url}/api/2.0/mlflow/registered-models/alias?{asked}", timeout=30
            ) as said:
                found: dict[str, Any] = json.load(said)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return int(found["model_version"]["version"])
