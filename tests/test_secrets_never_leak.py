"""A key, a passphrase, a ledger's password and a store's token are nowhere to be found after a run.

A stage runs on the command line, in another interpreter, in a KFP step and in a real Airflow, each with
the same secrets. While it runs it lists the arguments of every process of this machine; then all that
the runs left behind is searched: logs, databases, results, reports, attestations, events, pipelines.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from lockgate.attest import keys
from lockgate.errors import InputError, LockgateError
from lockgate.outcome import Outcome
from lockgate.run import run
from lockgate.settings import Settings
from lockgate.stage import SettingsIn, stage

_HERE = Path(__file__).parent
_PASSPHRASE = "hush-passphrase-7f3a"
_STORE_PASSWORD = "hush-store-51c9"
_STORE_TOKEN = "hush-token-2b8d"
_WRONG = "hush-wrong-90e1"
_STAGE = '''
    from __future__ import annotations

    from pathlib import Path

    from lockgate.outcome import Outcome
    from lockgate.stage import DatasetIn, DatasetOut, SettingsIn, stage


    @stage("watch", threats=["privilege"])
    def watch(data: DatasetIn, seen: DatasetOut, *, settings: SettingsIn, crash: bool = False) -> Outcome:
        """List the arguments of every process on this machine.

        Args:
            data: A file.
            seen: Where the list goes.
            settings: What lies around.
            crash: Whether to crash, and to say too much.
        """
        if crash:
            raise ValueError(f"no luck with {settings.ledger} and {settings.key_passphrase}")
        lines = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                lines.append((process / "cmdline").read_bytes().replace(b"\\0", b" "))
            except OSError:  # it has ended
                pass
        seen.write_bytes(b"\\n".join(lines))
        outcome = Outcome(metrics={"processes": len(lines), "settings": repr(settings)})
        outcome.check("own", value=len(lines) > 1, comparator="==", threshold=True)
        return outcome
'''
_STORE = '''
    """A file system whose URLs have a user, a password and a query, as those of sftp or webhdfs do."""

    from urllib.parse import urlsplit

    from fsspec.implementations.local import LocalFileSystem


    class Vault(LocalFileSystem):
        protocol = ("vault",)

        def __init__(self, user=None, password=None, token=None, **more):
            super().__init__(auto_mkdir=True, **more)
            if password is None or token is None:
                raise PermissionError("who are you?")

        @staticmethod
        def _get_kwargs_from_urls(url):
            said = urlsplit(url)
            return {"user": said.username, "password": said.password, "token": said.query.partition("=")[2]}

        @classmethod
        def _strip_protocol(cls, path):
            path = urlsplit(path).path if path.startswith("vault://") else path
            return LocalFileSystem._strip_protocol(path)


    class Broken(Vault):
        protocol = ("broken",)

        @staticmethod
        def _get_kwargs_from_urls(url):
            raise RuntimeError(f"no answer from {url}")
'''
_DAG = """
    from airflow.sdk import DAG
    from my_operators.watch import WatchOperator
    from lockgate.place import Interpreter

    with DAG("watched", schedule=None):
        WatchOperator(task_id="inline", data="{data}")
        WatchOperator(task_id="elsewhere", data="{data}", place=Interpreter("{python}"))
        WatchOperator(task_id="crash", data="{data}", crash=True)
        WatchOperator(task_id="wrong", data="{data}", lockgate_conn_id="wrong")
        WatchOperator(task_id="unreachable", data="{data}", lockgate_conn_id="unreachable")
        WatchOperator(task_id="broken", data="{data}", lockgate_conn_id="broken")
"""
_PIPELINE = """
    import sys
    from kfp import compiler, dsl, local
    import lockgate_kfp
    from my_components.watch import watch


    @dsl.pipeline(name="watched")
    def watched():
        data = dsl.importer(artifact_uri={data!r}, artifact_class=dsl.Dataset)
        watch(data=data.output)


    @dsl.pipeline(name="compiled")
    def compiled():
        data = dsl.importer(artifact_uri={data!r}, artifact_class=dsl.Dataset)
        step = watch(data=data.output)
        lockgate_kfp.use_settings(step, evidence="s3://team/evidence", ledger_secret="lockgate-ledger")


    compiler.Compiler().compile(compiled, sys.argv[1])
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[2])
    watched()
"""
_ELSEWHERE = """
    import sys
    from lockgate.run import run
    from lockgate.settings import Settings

    run(
        "my_stages.watch:watch",
        {"data": sys.argv[1]},
        out=sys.argv[2],
        settings=Settings.from_environment(),
        place=sys.executable,
    )
"""


# --- The search -------------------------------------------------------------------------------------


def _forms(raw: bytes) -> Iterator[bytes]:
    """Yield what a file says, and what stands in it as Base64 or as hexadecimal digits."""
    yield raw
    for run_ in re.findall(rb"[A-Za-z0-9+/_-]{16,}={0,2}", raw):
        text = run_.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        for start in range(4):  # a path or a slash may stand before it
            part = text[start:]
            with contextlib.suppress(binascii.Error):
                yield base64.b64decode(part[: len(part) // 4 * 4] + b"=" * 0)
    for run_ in re.findall(rb"(?:[0-9a-fA-F]{2}){16,}", raw):
        yield bytes.fromhex(run_.decode())


def _found(root: Path, secrets: list[str]) -> set[tuple[str, str]]:
    """Return every file below a folder that holds a secret, with the secret."""
    wanted = [(secret, form.encode()) for secret in secrets for form in {secret, quote(secret, safe="")}]
    hits = set()
    for path in root.rglob("*"):
        hits |= {
            (str(path.relative_to(root)), secret) for secret, form in wanted if form in os.fsencode(path)
        }
        if path.is_file() and not path.is_symlink():
            for said in _forms(path.read_bytes()):
                hits |= {(str(path.relative_to(root)), secret) for secret, form in wanted if form in said}
    return hits


# --- The runs ---------------------------------------------------------------------------------------


class Runs:
    """What is needed to run the stage anywhere, and the folder in which all traces of it are."""

    def __init__(self, root: Path, ledger: str) -> None:
        self.traces = root / "traces"
        self.packages = root / "packages"
        self.ledger = ledger
        for folder in (self.traces, self.packages):
            folder.mkdir()
        self.pair = keys.generate("pipeline", root / "keys", passphrase=_PASSPHRASE)
        self.data = self.traces / "data.csv"
        self.data.write_text("a\nb\n")
        store = f"{self.traces}/evidence?token={_STORE_TOKEN}"
        self.evidence = f"vault://ana:{_STORE_PASSWORD}@store{store}"
        self.broken = f"broken://ana:{_STORE_PASSWORD}@store{store}"
        self.settings = Settings(
            key=str(self.pair.private),
            evidence=self.evidence,
            ledger=ledger,
            trust_state=str(self.traces / "state.json"),
            key_passphrase=_PASSPHRASE,
        )
        self._write_packages()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKGATE", "AIRFLOW", "PG"))}
        self.env = self.settings.into(kept) | {"PYTHONPATH": str(self.packages), "LOCKGATE_DEBUG": "1"}

    @property
    def secrets(self) -> list[str]:
        """Every secret: the key as it lies on disk and as it is in memory, line by line."""
        from cryptography.hazmat.primitives import serialization as s

        password = urlsplit(self.ledger).password
        assert password
        raw = self.pair.private.read_bytes()
        opened = s.load_pem_private_key(raw, _PASSPHRASE.encode())
        clear = opened.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        # The second half of the clear form is the public key, which is no secret.
        lines = [*raw.decode().splitlines()[1:-1], clear.decode().splitlines()[1]]
        return [_PASSPHRASE, _WRONG, _STORE_PASSWORD, _STORE_TOKEN, password, *lines]

    def command(self, *words: str, name: str, check: bool = True, **env: str) -> None:
        """Run a command and keep what it says among the traces."""
        done = subprocess.run(
            words,
            env=self.env | env,
            cwd=self.traces,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
        )
        (self.traces / f"{name}.log").write_bytes(done.stdout)
        assert bool(done.returncode) is not check, done.stdout.decode()[-4000:]

    def _write_packages(self) -> None:
        for name in ("my_stages", "my_operators", "my_components"):
            (self.packages / name).mkdir()
            (self.packages / name / "__init__.py").touch()
        (self.packages / "my_stages" / "watch.py").write_text(textwrap.dedent(_STAGE))
        (self.packages / "my_vault.py").write_text(textwrap.dedent(_STORE))
        installed = self.packages / "my_stages-1.0.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-stages\nVersion: 1.0\n")
        entries = "[fsspec.specs]\nvault = my_vault:Vault\nbroken = my_vault:Broken\n"
        (installed / "entry_points.txt").write_text(entries)
        subprocess.run(
            [
                *(sys.executable, "-m", "lockgate.faces", "--write", "--stage", "my_stages.watch:watch"),
                *("--operators", str(self.packages / "my_operators")),
                *("--components", str(self.packages / "my_components")),
            ],
            env={**os.environ, "PYTHONPATH": str(self.packages)},
            check=True,
            capture_output=True,
        )


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"secrets_{path.stem}", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def runs(postgresql: Any, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("secrets"), postgresql.empty())


@pytest.fixture(scope="module")
def searched(runs: Runs) -> Callable[[], None]:
    def search() -> None:
        assert _found(runs.traces, runs.secrets) == set()

    return search


def _signed(runs: Runs, name: str) -> None:
    """Hold that the secrets of a run were used: its attestation is signed, and lies in the store."""
    envelopes = [path for path in (runs.traces / name).rglob("attestation*json") if path.is_file()]
    assert envelopes
    kept = {path.read_bytes() for path in (runs.traces / "evidence").rglob("*.json")}
    for path in envelopes:
        assert json.loads(path.read_bytes())["signatures"]
        assert path.read_bytes() in kept


slow = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("secrets")]


class TestAfterARun:
    """Each test adds a run to the traces, and searches all of them."""

    pytestmark = slow

    def test_on_the_command_line(self, runs: Runs, searched) -> None:
        words = ("-m", "lockgate", "my_stages.watch:watch", "--data", str(runs.data), "--out", "cli")
        runs.command(sys.executable, *words, name="cli")
        _signed(runs, "cli")
        assert "my_stages.watch:watch" in (runs.traces / "cli" / "seen.parquet").read_text()  # it looked
        runs.command(sys.executable, *words, "--crash", name="cli-crash", check=False)
        assert "***" in (runs.traces / "cli-crash.log").read_text()
        searched()

    def test_in_another_interpreter(self, runs: Runs, searched) -> None:
        script = textwrap.dedent(_ELSEWHERE)
        runs.command(sys.executable, "-c", script, str(runs.data), "elsewhere", name="elsewhere")
        _signed(runs, "elsewhere")
        assert "lockgate answer" in (runs.traces / "elsewhere" / "seen.parquet").read_text()
        searched()

    def test_in_a_kfp_step_and_in_the_compiled_pipeline(self, runs: Runs, searched) -> None:
        pipeline = runs.packages / "watched.py"
        pipeline.write_text(textwrap.dedent(_PIPELINE.replace("{data!r}", repr(str(runs.data)))))
        runs.command(sys.executable, str(pipeline), "pipeline.yaml", "kfp", name="kfp")
        _signed(runs, "kfp")
        assert "LOCKGATE_KEY_PASSPHRASE" in (runs.traces / "pipeline.yaml").read_text()
        searched()

    def test_in_a_real_airflow(self, runs: Runs, searched) -> None:
        real = _module(_HERE / "operators" / "test_real_airflow.py")
        home = runs.traces / "airflow"
        airflow = _module(_HERE / "operators" / "conftest.py").Airflow(home, runs.packages)
        airflow.dag("watched", _DAG.format(data=runs.data, python=sys.executable))
        airflow.run("airflow", "db", "migrate")
        events = {"type": "file", "log_file_path": str(home / "events.jsonl"), "append": True}
        with real.running(
            airflow,
            ("watched",),
            AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(events),
            AIRFLOW__LOGGING__LOGGING_LEVEL="DEBUG",
            **_connections(runs),
        ) as server:
            run_id = server.run("watched", {})
            names = ("inline", "elsewhere", "crash", "wrong", "unreachable", "broken")
            states = {name: server.task("watched", run_id, name)["state"] for name in names}
        assert states == {name: "success" if i < 2 else "failed" for i, name in enumerate(names)}
        assert airflow.xcom("watched", "inline")["verdict"] == "PASS"
        assert (home / "events.jsonl").stat().st_size
        logs = "".join(path.read_text() for path in (home / "logs").rglob("*.log"))
        for said in ("could not run", "passphrase", "does not answer", "evidence store"):
            assert said in logs
        _signed(runs, "airflow")
        searched()

    def test_in_the_ledger_itself(self, runs: Runs, searched) -> None:
        import sqlalchemy as sa

        engine = sa.create_engine(runs.ledger.replace("://", "+pg8000://", 1), poolclass=sa.NullPool)
        tables = sa.MetaData()
        tables.reflect(engine)
        with engine.connect() as connection:
            rows = [row for table in tables.sorted_tables for row in connection.execute(sa.select(table))]
        cells = [cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row]
        (runs.traces / "ledger").write_bytes(b"\n".join(cells))
        assert len(cells) > 20
        searched()

    def test_and_the_stage_does_see_a_secret_in_the_arguments_of_another_process(
        self, runs: Runs, tmp_path: Path
    ) -> None:
        planted = "hush-planted-1d77"
        careless = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", planted])
        try:
            words = ("my_stages.watch:watch", "--data", str(runs.data), "--out", str(tmp_path / "out"))
            env = {**os.environ, "PYTHONPATH": str(runs.packages)}
            subprocess.run(
                [sys.executable, "-m", "lockgate", *words], env=env, check=True, capture_output=True
            )
        finally:
            careless.kill()
            careless.wait()
        assert _found(tmp_path, [planted]) == {("out/seen.parquet", planted)}


def _connections(runs: Runs) -> dict[str, str]:
    """Return Airflow's connections: one that is right, and one for each thing that goes wrong."""
    ledger = urlsplit(runs.ledger)
    right = {
        "conn_type": "lockgate",
        "password": _PASSPHRASE,
        "extra": {
            "key": str(runs.pair.private),
            "evidence": runs.evidence,
            "ledger": f"postgresql://{ledger.username}@{ledger.hostname}:{ledger.port}{ledger.path}",
            "ledger_password": ledger.password,
        },
    }

    def other(password: str = _PASSPHRASE, **extra: str) -> dict[str, Any]:
        return {**right, "password": password, "extra": {**right["extra"], **extra}}  # type: ignore[dict-item]

    made = {
        "lockgate_default": right,
        "wrong": other(_WRONG),
        "unreachable": other(ledger="postgresql://ana@127.0.0.1:1/l"),
        "broken": other(evidence=runs.broken),
    }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(said) for name, said in made.items()}


# --- What goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"key_passphrase": _WRONG}, "passphrase"),
        ({"ledger": f"postgresql://ana:{_WRONG}@127.0.0.1:1/l"}, "does not answer"),
        ({"ledger": f"postgresql://ana:{_WRONG}@[127.0.0.1/l"}, "ledger"),
        ({"ledger": f"postgresql://ana:{_WRONG}@127.0.0.1:1/l?sslmode=odd"}, "sslmode"),
        ({"evidence": f"nosuch://ana:{_WRONG}@store/x?token={_WRONG}"}, "evidence store nosuch://store/x"),
        ({"evidence": f"http://ana:{_WRONG}@127.0.0.1:1/x?token={_WRONG}"}, "evidence store"),
        ({"evidence": f"ftp://ana:{_WRONG}@127.0.0.1:1/x?token={_WRONG}"}, "evidence store"),
        ({"evidence": f"vault://ana:{_WRONG}@[store/x"}, "address"),
        ({"policy": f"https://ana:{_WRONG}@127.0.0.1:1/lockgate.yaml?token={_WRONG}"}, "lockgate.yaml"),
    ],
)
def test_an_error_and_its_traceback_name_no_secret(
    tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    pair = keys.generate("k", tmp_path, passphrase=_PASSPHRASE)
    (tmp_path / "data").write_text("a")
    given = {"key": str(pair.private), "key_passphrase": _PASSPHRASE} | change
    with pytest.raises(LockgateError, match=re.escape(sentence)) as raised:
        run(
            "sign-artifact", {"artifact": tmp_path / "data"}, out=tmp_path / "out", settings=Settings(**given)
        )
    shown = "".join(traceback.format_exception(raised.value))
    assert [secret for secret in (_WRONG, _PASSPHRASE) if secret in shown] == []
    assert not (tmp_path / "out" / "result.json").exists()


@stage("slip")
def slip(*, settings: SettingsIn, known: bool) -> Outcome:
    """Say too much, in an error that led to another.

    Args:
        settings: What lies around.
        known: Whether the last error is one of Lockgate's.
    """
    try:
        int(str(settings.ledger))
    except ValueError as error:
        if known:
            raise InputError(f"cannot use {settings.ledger}") from error
        raise KeyError(f"cannot use {settings.ledger}") from ValueError(settings.ledger)
    return Outcome()


@pytest.mark.parametrize("known", [False, True])
def test_what_a_stage_lets_slip_is_hidden_in_the_error_and_in_all_that_led_to_it(
    tmp_path: Path, known: bool
) -> None:
    key = str(keys.generate("k", tmp_path, passphrase=None).private)
    settings = Settings(key=key, ledger=f"postgresql://ana:{_WRONG}@127.0.0.1/l")
    with pytest.raises(LockgateError, match=re.escape("cannot use postgresql://ana:***@")) as raised:
        run(slip, {"known": known}, out=tmp_path / "out", settings=settings)
    seen: list[BaseException | None] = [raised.value]
    for error in seen:
        if error is not None:
            assert _WRONG not in "".join(traceback.format_exception(error))
            seen += [error.__cause__, error.__context__]
    assert len(seen) > 3
    assert "in slip" in "".join(traceback.format_exception(raised.value))  # where it was is still said


def test_an_input_with_a_password_in_its_url_is_named_without_it(tmp_path: Path) -> None:
    (tmp_path / "current.csv").write_text("a\n1\n")
    with pytest.raises(LockgateError, match=re.escape("http://127.0.0.1:1/data cannot be read")) as raised:
        run(
            "check-drift",
            {
                "current": str(tmp_path / "current.csv"),
                "reference": f"http://ana:{_WRONG}@127.0.0.1:1/data?token={_WRONG}",
            },
            out=tmp_path / "out",
        )
    assert _WRONG not in str(raised.value)


# --- The search finds what is there -----------------------------------------------------------------


@pytest.mark.parametrize(
    "hide",
    [
        lambda secret: secret.encode(),
        lambda secret: f"postgresql://u:{quote(secret, safe='')}@db".encode(),
        lambda secret: json.dumps(
            {"payload": base64.b64encode(f'{{"x": "{secret}"}}'.encode()).decode()}
        ).encode(),
        lambda secret: b"/" + base64.b64encode(b"abcdefghijkl" + secret.encode()),
        lambda secret: base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 5 + secret.encode()).rstrip(b"="),
        lambda secret: b"\\x" + (b"abcdefghij" + secret.encode()).hex().encode(),
    ],
)
def test_the_search_finds_a_secret_that_was_planted(tmp_path: Path, hide: Callable[[str], bytes]) -> None:
    secret = "hush-planted+/40c2"
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "log").write_bytes(hide("nothing-to-hide-here"))
    (tmp_path / "log").write_bytes(b"some line\n" + hide(secret) + b"\nanother")
    assert _found(tmp_path, [secret]) == {("log", secret)}


def test_the_search_finds_a_secret_in_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / f"evidence?token={_STORE_TOKEN}").mkdir()
    assert {secret for _, secret in _found(tmp_path, [_STORE_TOKEN])} == {_STORE_TOKEN}
