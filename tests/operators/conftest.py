"""A small stage in a package of its own, its written operator, and an Airflow home with a database.

Airflow runs in processes of its own here: it changes warnings, logging and the environment of the
process that it is imported into.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

_STAGE = '''
    from __future__ import annotations

    from lockgate.outcome import Outcome, Severity
    from lockgate.stage import DatasetIn, DatasetOut, ReportOut, Threshold, stage


    @stage("check-size", threats=["data-poisoning"])
    def check_size(
        data: DatasetIn,
        copy: DatasetOut,
        page: ReportOut,
        *,
        label: str,
        min_rows: Threshold[int] = 3,
    ) -> Outcome:
        """Count the lines of a file and hold them against a minimum.

        Args:
            data: The file to look at.
            copy: A copy of it.
            page: A page of some other tool.
            label: A column; one called `crash` makes the stage crash, `unsure` leaves it unsure.
            min_rows: Fewest lines that pass.
        """
        if label == "crash":
            raise RuntimeError("told to crash")
        outcome = Outcome()
        rows = len(data.read_text("utf-8").splitlines())
        copy.write_bytes(data.read_bytes())
        page.write_text("<script>document.title = origin</script>", "utf-8")
        if label == "unsure":
            outcome.cannot("rows", "told to be unsure")
        elif not outcome.check("rows", value=rows, comparator=">=", threshold=min_rows):
            said = f"There are {rows} lines, fewer than {min_rows}."
            outcome.find("LG-TEST-001", Severity.HIGH, said, check="rows")
        return outcome
'''


class Airflow:
    """An Airflow home: its environment, its commands, its database."""

    def __init__(self, home: Path, packages: Path) -> None:
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir(parents=True, exist_ok=True)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "LOCKGATE"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(packages),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "NO_COLOR": "1",
        }

    def dag(self, name: str, text: str) -> Path:
        path = self.dags / f"{name}.py"
        path.write_text(textwrap.dedent(text), "utf-8")
        return path

    def run(self, *command: str, check: bool = True, seconds: float = 240, **env: str) -> str:
        done = subprocess.run(
            command,
            env={**self.env, **env},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout[-6000:]}")
        return done.stdout

    def python(self, script: str, *arguments: str) -> Any:
        """Run a script that prints one line of JSON last, and return what it says."""
        said = self.run(sys.executable, "-c", textwrap.dedent(script), *arguments)
        return json.loads(said.splitlines()[-1])

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "airflow.db") as database:
            return database.execute(query, values).fetchall()

    def states(self, dag_id: str) -> dict[str, str]:
        found = self.rows("select task_id, state from task_instance where dag_id = ?", dag_id)
        return dict(found)  # type: ignore[arg-type]

    def xcom(self, dag_id: str, task_id: str, key: str = "return_value") -> Any:
        query = "select value from xcom where dag_id = ? and task_id = ? and key = ? order by timestamp desc"
        return json.loads(self.rows(query, dag_id, task_id, key)[0][0])


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: a stage of one's own, and the operator that is written for it."""
    root = tmp_path_factory.mktemp("packages")
    for package in ("my_stages", "my_operators"):
        (root / package).mkdir()
        (root / package / "__init__.py").touch()
    (root / "my_stages" / "check_size.py").write_text(textwrap.dedent(_STAGE), "utf-8")
    installed = root / "my_stages-1.0.dist-info"  # as pip leaves it: the policy finds the stage by name
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-stages\nVersion: 1.0\n")
    entry = "[lockgate.stages]\ncheck-size = my_stages.check_size:check_size\n"
    (installed / "entry_points.txt").write_text(entry)
    subprocess.run(
        [
            *(sys.executable, "-m", "lockgate.faces", "--write"),
            *("--stage", "my_stages.check_size:check_size", "--operators", str(root / "my_operators")),
        ],
        env={**os.environ, "PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
    )
    return root


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Path:
    """An Airflow home with an empty database."""
    home = tmp_path_factory.mktemp("airflow")
    Airflow(home, packages).run("airflow", "db", "migrate")
    return home


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, migrated: Path, packages: Path) -> Airflow:
    """An Airflow of a test module's own."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(migrated / "airflow.db", home / "airflow.db")
    return Airflow(home, packages)
