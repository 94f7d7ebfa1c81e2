"""A real Airflow: API server, scheduler and DAG processor on this machine, driven by its REST API."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

_EXAMPLES = Path(__file__).parents[2] / "dags"
_PASSPHRASE = "correct-horse-battery-staple"
_PARTS = (["api-server", "--workers", "1"], ["scheduler", "--skip-serve-logs"], ["dag-processor"])
_DAG = """
    from airflow.sdk import DAG, Asset
    from my_operators.check_size import CheckSizeOperator

    with DAG("sizes", schedule=None, params={"data": "", "min_rows": 3, "out": ""}):
        CheckSizeOperator(
            task_id="check",
            data="{{ params.data }}",
            label="y",
            min_rows="{{ params.min_rows }}",
            out="{{ params.out }}",
            outlets=[Asset("checked_batch")],
            retries=3,
        )
"""


class Server:
    """The REST API of a running Airflow, as one user."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        self.password = password
        self.token = ""
        self.client = httpx.Client(base_url=address, timeout=30)

    def log_in(self) -> None:
        said = self.client.post("/auth/token", json={"username": "admin", "password": self.password})
        self.token = said.raise_for_status().json()["access_token"]

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        said = self.client.request(method, f"/api/v2{path}", headers=headers, **options)
        assert said.is_success, f"{method} {path}: {said.status_code} {said.text}"
        return said.json()

    def start(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Trigger a DAG and return the run's id."""
        self.ask("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        started = self.ask("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        return started["dag_run_id"]

    def end(self, dag_id: str, run_id: str, seconds: float = 240) -> str:
        """Wait for the end of a run and return its state."""
        run = f"/dags/{dag_id}/dagRuns/{run_id}"
        until(lambda: self.ask("GET", run)["state"] in ("success", "failed"), f"the end of {dag_id}", seconds)
        return self.ask("GET", run)["state"]

    def run(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Trigger a DAG, wait for its end, and return the run's id."""
        run_id = self.start(dag_id, conf)
        self.end(dag_id, run_id)
        return run_id

    def task(self, dag_id: str, run_id: str, task_id: str) -> Any:
        return self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def report(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return where the button on a task leads."""
        links = self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links")
        return links["extra_links"]["Security report"]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str) -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.ask("GET", path)["value"]

    def page(self, url: str, token: str | None = None) -> httpx.Response:
        return self.client.get(url, headers={"Cookie": f"_token={token}"} if token else {})


def until(condition: Callable[[], Any], what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError, AssertionError):
            if condition():
                return
        time.sleep(0.5)
    pytest.fail(f"waited {seconds} s for {what}")


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batches of the example workflow; the pipeline's key has a passphrase."""
    from lockgate.attest import keys

    folder = tmp_path_factory.mktemp("batches")
    keys.generate("pipeline", folder, passphrase=_PASSPHRASE)
    env = {**os.environ, "LOCKGATE_KEY_PASSPHRASE": _PASSPHRASE}
    subprocess.run([sys.executable, _EXAMPLES / "make_batches.py", folder], env=env, check=True)
    return folder


@pytest.fixture(scope="module")
def server(airflow, batches: Path, mlflow_server: Any) -> Iterator[Server]:
    airflow.dag("sizes", _DAG)
    for name in ("secure_retraining.py", "train_model.py"):
        shutil.copy(_EXAMPLES / name, airflow.dags / name)
    connection = {
        "conn_type": "lockgate",
        "password": _PASSPHRASE,
        "extra": {
            "key": str(batches / "pipeline.key.pem"),
            "policy": str(batches / "lockgate.yaml"),
            "policy_key": f"{batches / 'security.pub.pem'}#employment",
            "evidence": str(batches / "evidence"),
            "ledger": str(batches / "ledger.sqlite"),
            "trust_state": str(batches / "trust-state.json"),
        },
    }
    with running(
        airflow,
        ("sizes", "secure_retraining"),
        AIRFLOW_CONN_LOCKGATE_DEFAULT=json.dumps(connection),
        MLFLOW_TRACKING_URI=mlflow_server.url,
    ) as made:
        yield made


@contextlib.contextmanager
def running(airflow: Any, dags: Sequence[str], **around: str) -> Iterator[Server]:
    """Start an Airflow, wait until it knows its DAGs, and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    password = os.urandom(12).hex()
    passwords = airflow.home / "passwords.json"
    passwords.write_text(json.dumps({"admin": password}))
    env = {
        **airflow.env,
        **around,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": os.urandom(16).hex(),
        "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    }
    parts = []
    made = Server(address, password)
    try:
        for part in _PARTS:
            with (airflow.home / f"{part[0]}.log").open("wb") as log:
                parts.append(
                    subprocess.Popen(
                        ["airflow", *part],
                        env=env,
                        cwd=airflow.home,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        until(lambda: made.client.get("/api/v2/version").is_success, "the API server", 120)
        made.log_in()
        for dag_id in dags:
            until(lambda dag_id=dag_id: made.ask("GET", f"/dags/{dag_id}"), f"{dag_id} to be parsed", 120)
        yield made
    finally:
        made.client.close()
        _stop(parts)


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    """Stop the parts and what they started: each leads a process group of its own."""
    for ask in (signal.SIGTERM, signal.SIGKILL):
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, ask)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


# --- A browser, driven by the Chrome DevTools Protocol ----------------------------------------------


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.asked = 0

    def do(self, method: str, **parameters: Any) -> Any:
        self.asked += 1
        self.channel.send(json.dumps({"id": self.asked, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.channel.recv(timeout=30))
            if said.get("id") == self.asked:
                assert "error" not in said, said
                return said["result"]

    def value(self, expression: str) -> Any:
        return self.do("Runtime.evaluate", expression=expression)["result"].get("value")

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)
        until(
            lambda: self.value("document.readyState") == "complete" and self.value("location.href") == url,
            url,
            60,
        )

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"]))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    from websockets.sync.client import connect

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    profile = tmp_path / "profile"
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    process = subprocess.Popen(
        [
            chromium,
            *options,
            "--window-size=1280,1600",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        said = profile / "DevToolsActivePort"
        until(lambda: said.exists() and said.read_text().strip(), "Chromium", 60)
        port = said.read_text().splitlines()[0]
        targets = httpx.get(f"http://127.0.0.1:{port}/json/list").json()
        page = next(t for t in targets if t["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None, proxy=None) as channel:
            yield Browser(channel)
    finally:
        _stop([process])


# --- Tests ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def passed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    data = tmp_path_factory.mktemp("data") / "four.csv"
    data.write_text("a\nb\nc\nd\n")
    return server.run("sizes", {"data": str(data)})


def test_a_good_batch_passes_and_its_report_opens_in_a_browser(
    server: Server, passed: str, browser: Browser, tmp_path: Path
) -> None:
    assert server.task("sizes", passed, "check")["state"] == "success"
    url = server.report("sizes", passed, "check")
    assert url.startswith(server.address)

    browser.do("Network.setCookie", name="_token", value=server.token, url=server.address)
    browser.open(url)

    assert "check-size" in browser.value("document.title")
    assert "PASS" in browser.value("document.body.innerText")
    browser.picture(tmp_path / "report.png")
    print(f"screenshot: {tmp_path / 'report.png'}")


def test_the_button_on_the_task_leads_to_the_report(
    server: Server, passed: str, browser: Browser, tmp_path: Path
) -> None:
    browser.do("Network.setCookie", name="_token", value=server.token, url=server.address)
    browser.open(f"{server.address}/dags/sizes/runs/{quote(passed)}/tasks/check/details")
    button = "[...document.querySelectorAll('a')].find(a => a.innerText.includes('Security report'))"
    until(lambda: browser.value(f"{button} !== undefined"), "the button", 60)
    assert browser.value(f"{button}.href") == server.report("sizes", passed, "check")
    browser.picture(tmp_path / "task.png")
    print(f"screenshot: {tmp_path / 'task.png'}")


def test_the_asset_of_a_good_batch_carries_its_digest(server: Server, passed: str) -> None:
    events = server.ask("GET", "/assets/events", params={"source_dag_id": "sizes", "source_run_id": passed})
    (extra,) = (event["extra"] for event in events["asset_events"])
    assert extra["verdict"] == "PASS"
    assert len(extra["digests"]["data"]["sha256"]) == 64


def test_a_bad_batch_fails_at_once_and_its_report_is_there_all_the_same(
    server: Server, tmp_path: Path
) -> None:
    data = tmp_path / "one.csv"
    data.write_text("a\n")
    run_id = server.run("sizes", {"data": str(data)})

    task = server.task("sizes", run_id, "check")
    assert (task["state"], task["try_number"]) == ("failed", 1)
    page = server.page(server.report("sizes", run_id, "check"), server.token)
    assert page.status_code == 200
    assert "FAIL" in page.text
    assert "fewer than 3" in page.text


def test_a_report_is_refused_without_a_login_and_with_a_forged_one(server: Server, passed: str) -> None:
    url = server.report("sizes", passed, "check")
    forged = server.token[:-6] + "AAAAAA"
    assert server.page(url).status_code == 401
    assert server.page(url, forged).status_code in (401, 403)


def test_only_pages_of_the_result_are_served_and_no_script_may_run_in_them(
    server: Server, passed: str
) -> None:
    url = server.report("sizes", passed, "check")
    folder = url.removesuffix("report.html")
    policy = server.page(url, server.token).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for other in ("result.json", "copy.parquet", "..%2f..%2fpasswords.json", "%2e%2e", "/etc/passwd"):
        assert server.page(folder + other, server.token).status_code == 404
    assert server.page(url.replace("check", "nothing"), server.token).status_code == 404


def test_an_attached_page_runs_its_scripts_without_the_origin_of_airflow(
    server: Server, passed: str, browser: Browser
) -> None:
    url = server.report("sizes", passed, "check").replace("report.html", "page.html")
    assert server.page(url, server.token).headers["content-security-policy"].startswith("sandbox ")
    browser.do("Network.setCookie", name="_token", value=server.token, url=server.address)
    browser.open(url)
    assert browser.value("document.title") == "null"  # what a page without an origin calls it


def test_an_attached_page_that_was_changed_afterwards_is_not_served(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "four.csv"
    data.write_text("a\nb\nc\nd\n")
    run_id = server.run("sizes", {"data": str(data)})
    url = server.report("sizes", run_id, "check").replace("report.html", "page.html")
    assert server.page(url, server.token).status_code == 200
    said = server.xcom("sizes", run_id, "check", "page")
    Path(said).write_text("<p>Nothing to see here</p>")
    assert server.page(url, server.token).status_code == 404


def test_a_report_outside_of_the_folders_for_reports_is_not_served(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "four.csv"
    data.write_text("a\nb\nc\nd\n")
    run_id = server.run("sizes", {"data": str(data), "out": str(tmp_path / "out")})
    assert (tmp_path / "out" / "report.html").exists()
    page = server.page(server.report("sizes", run_id, "check"), server.token)
    assert page.status_code == 404
    assert "LOCKGATE_REPORT_ROOTS" in page.text


# --- The example workflow ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def retrained(server: Server, batches: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both batches, at the same time: state and published folder of each run."""
    root = tmp_path_factory.mktemp("published")
    schema = str(_EXAMPLES / "data" / "employment.schema.yaml")
    runs = {
        batch: server.start(
            "secure_retraining",
            {
                "batches": str(batches),
                "batch": batch,
                "schema": schema,
                "published": str(root / batch),
                "stream": batch,  # at the same time, so neither goes on from the other
                "state": str(root / f"{batch}.state.json"),
            },
        )
        for batch in ("clean", "poisoned")
    }
    return {
        batch: {"run": run, "state": server.end("secure_retraining", run), "published": root / batch}
        for batch, run in runs.items()
    }


def test_the_example_releases_a_model_of_the_clean_batch_and_publishes_it_with_the_gates_word(
    server: Server, retrained: dict[str, Any], batches: Path, mlflow_server: Any
) -> None:
    from lockgate.model import load_verified
    from lockgate.registry import Registry

    clean = retrained["clean"]
    assert clean["state"] == "success"
    assert server.task("secure_retraining", clean["run"], "hold")["state"] == "skipped"
    assert (clean["published"] / "model.skops").exists()
    assert load_verified(
        clean["published"] / "model.skops",
        attestation=clean["published"] / "model.attestation.json",
        keys=str(batches / "pipeline.pub.pem"),
        environment="production",
    ).classes == (0, 1)
    registry = Registry(mlflow_server.url)
    (served,) = registry.aliases("employment").items()  # other tests may have promoted before
    assert served[0] == "production"
    model = (clean["published"] / "model.skops").read_bytes()
    tags = registry.version("employment", served[1]).tags
    assert tags["lockgate.digest.sha256"] == hashlib.sha256(model).hexdigest()


def test_the_example_holds_the_poisoned_batch_and_publishes_nothing(
    server: Server, retrained: dict[str, Any]
) -> None:
    poisoned = retrained["poisoned"]
    assert poisoned["state"] == "failed"
    assert poisoned["published"].with_name("poisoned.state.json").exists()
    states = {
        name: server.task("secure_retraining", poisoned["run"], name)["state"]
        for name in ("detect", "gate", "hold", "train", "release", "promote", "publish")
    }
    assert states["detect"] == states["gate"] == "success"  # their verdict is acted on, not failed on
    assert states["hold"] == "failed"
    assert {states[name] for name in ("train", "release", "promote", "publish")} == {"skipped"}
    assert not poisoned["published"].exists()
    page = server.page(server.report("secure_retraining", poisoned["run"], "gate"), server.token)
    assert "QUARANTINE" in page.text


def test_the_passphrase_of_the_key_is_in_no_log_and_not_in_the_database(
    retrained: dict[str, Any], airflow
) -> None:
    assert retrained["clean"]["state"] == "success"  # it was used
    files = [path for path in airflow.home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if _PASSPHRASE.encode() in path.read_bytes()] == []
