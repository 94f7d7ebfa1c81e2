"""The two engines of the demo: what they are started with, and what they leave."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from make_batches import settings as settings_of
from mlflow_server import MlflowServer

from lockgate.settings import Settings
from lockgate.training.surroundings import revision

HERE = Path(__file__).parent.absolute()
PIPELINES = HERE.parent / "pipelines"
SCHEMA = HERE / "data" / "employment.schema.yaml"
REGISTERED = "employment"  # the model's name in MLflow
# What the engines print when a task is done.
KFP_DONE = re.compile(r"Task \S*'(?P<task>[\w-]+)'\S* finished with status \S*(?:SUCCESS|FAILURE)")
AIRFLOW_DONE = re.compile(r"\[DAG TEST\] end task task_id=(?P<task>[\w-]+)(?: .*)?")


@dataclass
class Workflow:
    """One run of the example workflow in one engine on one batch.

    Attributes:
        engine: Airflow or KFP.
        batch: clean or poisoned.
        out: Folder of all that it leaves.
        settings: Its key and policy; evidence, ledger and memory are its own.
        server: The MLflow server of this engine.
        results: What its stages said, in the order in which they ran.
    """

    engine: str
    batch: str
    out: Path
    settings: Settings
    server: MlflowServer
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def model(self) -> Path:
        """Where serving finds the model, if there is one."""
        return self.out / "published" / "model.skops"

    @property
    def decision(self) -> str:
        """What gate-retraining decided."""
        return next((r["decision"] for r in self.results if r["decision"]), "none")

    def said(self, stage: str) -> dict[str, Any] | None:
        """Return the last result of a stage, or None."""
        return next((r for r in reversed(self.results) if r["stage"] == stage), None)

    def run(self, log: Path) -> Iterator[str]:
        """Run it, keep its log, and give the name of every task as it ends."""
        command, done = _airflow(self) if self.engine == "Airflow" else _kfp(self)
        log.parent.mkdir(parents=True, exist_ok=True)
        merged = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, env=_environment(self), text=True, errors="replace", **merged)
        with process, log.open("w") as kept:
            for line in process.stdout or ():
                kept.write(line)
                found = done.search(line)
                if found and not found["task"].startswith("importer"):
                    yield found["task"]


def prepare_airflow(out: Path) -> None:
    """Make Airflow's database."""
    with (out / "airflow-db.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=os.environ | _airflow_home(out),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def trust(batches: Path, folder: Path) -> Settings:
    """Return the pipeline's settings, with evidence, ledger and memory copied to a folder of their own.

    What one run has proved is then no evidence for another.
    """
    return copied(settings_of(batches, "pipeline"), folder)


def copied(settings: Settings, folder: Path) -> Settings:
    """Return settings with their evidence, ledger and memory copied to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    evidence, ledger, memory = (folder / n for n in ("evidence", "ledger.sqlite", "trust-state.json"))
    shutil.copytree(str(settings.evidence), evidence)
    shutil.copyfile(str(settings.trust_state), memory)
    with (  # not the bare file: part of it may still be in the write-ahead log beside it
        contextlib.closing(sqlite3.connect(f"file:{settings.ledger}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(ledger)) as new,
    ):
        old.backup(new)
    return dataclasses.replace(settings, evidence=str(evidence), ledger=str(ledger), trust_state=str(memory))


def results(workflow: Workflow) -> list[dict[str, Any]]:
    """Read every result of a run, in the order in which the stages ran; copy its report to `reports`."""
    found = [*workflow.out.rglob("result.json"), *workflow.out.rglob("result_json")]
    documents = []
    for path in found:
        ending = path.name[-5]  # KFP's names of artifacts have no full stop
        beside = {
            "_page": path.with_name(f"report{ending}html"),
            "_attestation": path.with_name(f"attestation{ending}json"),
        }
        documents.append(json.loads(path.read_text()) | beside)
    documents.sort(key=lambda document: document["started"])
    folder = workflow.out.parent / "reports"
    folder.mkdir(exist_ok=True)
    for number, document in enumerate(documents, start=1):
        copy = folder / f"{workflow.out.name}-{number:02}-{document['stage']}.html"
        document["_page"] = shutil.copyfile(document["_page"], copy)
    return documents


def short(path: Path) -> str:
    """Return a path relative to the current folder, if it lies there."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


# --- How they are started ---------------------------------------------------------------------------


def _environment(workflow: Workflow) -> dict[str, str]:
    around = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    around |= workflow.server.environment() | _code()
    around |= {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONUNBUFFERED": "1", "COLUMNS": "400"}
    if workflow.engine == "Airflow":
        around |= _airflow_home(workflow.out.parent) | {"LOCKGATE_HOME": str(workflow.out / "results")}
    return workflow.settings.into(around)


@functools.cache  # one answer for both engines, whoever commits meanwhile
def _code() -> dict[str, str]:
    """Return the commit of this working tree for `record-provenance`; nothing outside of one."""
    found = revision(HERE)
    if found is None:
        return {}
    return {"LOCKGATE_CODE_REVISION": found["revision"] + ("-dirty" if found["dirty"] else "")}


def _airflow_home(out: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(out / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }


def _airflow(workflow: Workflow) -> tuple[list[str], re.Pattern[str]]:
    conf = json.dumps(
        {
            "batches": str(_batches(workflow)),
            "batch": workflow.batch,
            "schema": str(SCHEMA),
            "published": str(workflow.model.parent),
            "state": str(workflow.out / "retraining-state.json"),
        }
    )
    command = [sys.executable, "-m", "airflow", "dags", "test", "secure_retraining", "--conf", conf]
    return command, AIRFLOW_DONE


def _kfp(workflow: Workflow) -> tuple[list[str], re.Pattern[str]]:
    command = [
        sys.executable,
        str(PIPELINES / "run_local.py"),
        str(_batches(workflow)),
        workflow.batch,
        *("--schema", str(SCHEMA)),
        *("--out", str(workflow.out)),
    ]
    return command, KFP_DONE


def _batches(workflow: Workflow) -> Path:
    return Path(str(workflow.settings.policy)).parent
