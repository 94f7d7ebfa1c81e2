"""Run the example workflow in Airflow and in KFP, on a clean and on a poisoned batch, and compare.

    python dags/demo.py [--out demo-out]

Two engines, the same stages: the table at the end shows the verdict of every stage in both, and
whether both say the same to the byte. Logs, results and published models stay below --out. Exits 1
when the engines disagree, or when the clean batch is not published or the poisoned one is.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from make_batches import make_batches
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent.absolute()
PIPELINES = HERE.parent / "pipelines"
SCHEMA = HERE / "data" / "employment.schema.yaml"
BATCHES = ("clean", "poisoned")
WIDE = 150  # columns of a terminal that shows the table with the paths of the reports
COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red", "INCONCLUSIVE": "magenta"}
# What the engines print when a task is done.
KFP_DONE = re.compile(r"Task \S*'(?P<task>[\w-]+)'\S* finished with status \S*(?:SUCCESS|FAILURE)")
AIRFLOW_DONE = re.compile(r"\[DAG TEST\] end task task_id=(?P<task>[\w-]+)(?: .*)?")


@dataclass
class Workflow:
    """One run of the example workflow in one engine on one batch."""

    engine: str
    batch: str
    out: Path
    results: list[dict] = field(default_factory=list)

    @property
    def published(self) -> bool:
        """Whether a model was published."""
        return (self.out / "published" / "model.skops").exists()

    @property
    def decision(self) -> str:
        """What gate-retraining decided."""
        return next((r["decision"] for r in self.results if r["decision"]), "none")


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the example workflow in Airflow and KFP.")
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    out = parser.parse_args().out.absolute()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with step(console, "make the batches: census records of 2015 and 2016, one copy poisoned, all signed"):
        make_batches(out / "batches")
    with step(console, "set up Airflow on SQLite"):
        prepare_airflow(out)

    workflows = []
    for batch in BATCHES:
        for engine, run in (("Airflow", run_airflow), ("KFP", run_kfp)):
            console.print(f"\n[bold]{engine}[/], {batch} batch")
            workflow = Workflow(engine, batch, out / f"{engine.lower()}-{batch}")
            watch(console, run(workflow, out), workflow.out / "log.txt")
            workflow.results = results(workflow)
            state = "published" if workflow.published else "not published"
            console.print(f"  decision {workflow.decision}, model {state}")
            workflows.append(workflow)
    return report(console, workflows, out)


# --- The engines ------------------------------------------------------------------------------------


def prepare_airflow(out: Path) -> None:
    with (out / "airflow-db.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=airflow_environment(out, out / "airflow-results"),
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def airflow_environment(out: Path, results_folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(out / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "LOCKGATE_HOME": str(results_folder),
        "LOCKGATE_KEY": str(out / "batches" / "pipeline.key.pem"),
    }


def run_airflow(workflow: Workflow, out: Path) -> tuple[list[str], dict[str, str], re.Pattern[str]]:
    conf = json.dumps(
        {
            "batches": str(out / "batches"),
            "batch": workflow.batch,
            "schema": str(SCHEMA),
            "published": str(workflow.out / "published"),
        }
    )
    command = [sys.executable, "-m", "airflow", "dags", "test", "secure_retraining", "--conf", conf]
    return command, airflow_environment(out, workflow.out / "results"), AIRFLOW_DONE


def run_kfp(workflow: Workflow, out: Path) -> tuple[list[str], dict[str, str], re.Pattern[str]]:
    command = [
        sys.executable,
        str(PIPELINES / "run_local.py"),
        str(out / "batches"),
        workflow.batch,
        *("--schema", str(SCHEMA)),
        *("--out", str(workflow.out)),
    ]
    return command, dict(os.environ), KFP_DONE


def results(workflow: Workflow) -> list[dict]:
    """Read every result of a run, in the order in which the stages ran; copy its report to `reports`."""
    found = [(path, path.with_name("report.html")) for path in workflow.out.rglob("result.json")]
    found += [(path, path.with_name("report_html")) for path in workflow.out.rglob("result_json")]
    documents = [json.loads(path.read_text()) | {"_page": page} for path, page in found]
    documents.sort(key=lambda document: document["started"])
    folder = workflow.out.parent / "reports"
    folder.mkdir(exist_ok=True)
    for number, document in enumerate(documents, start=1):
        copy = folder / f"{workflow.out.name}-{number}-{document['stage']}.html"
        document["_page"] = shutil.copyfile(document["_page"], copy)
    return documents


# --- What a person sees -----------------------------------------------------------------------------


class step:  # noqa: N801 - reads as a statement: with step(...)
    """Show a spinner on a terminal while a step runs, and one line with its time when it is done."""

    def __init__(self, console: Console, what: str) -> None:
        self.console, self.what = console, what
        self.status = console.status(what) if console.is_terminal else None

    def __enter__(self) -> None:
        self.started = time.monotonic()
        if self.status:
            self.status.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if self.status:
            self.status.stop()
        mark = "[red]failed[/]" if kind else "[green]done[/]"
        self.console.print(f"  {mark} {self.what} ({time.monotonic() - self.started:.0f} s)")


def watch(console: Console, run: tuple[list[str], dict[str, str], re.Pattern[str]], log: Path) -> None:
    """Run an engine, keep its log, and print a line for every task as it ends."""
    command, environment, done = run
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with console.status("starting") if console.is_terminal else open(os.devnull) as status:  # noqa: PTH123 - nothing to show
        for task in finished_tasks(command, environment, done, log):
            console.print(f"  {task:<24} {time.monotonic() - started:5.0f} s")
            if console.is_terminal:
                status.update(f"after {task}")


def finished_tasks(
    command: list[str], environment: dict[str, str], done: re.Pattern[str], log: Path
) -> Iterator[str]:
    environment = {**environment, "PYTHONUNBUFFERED": "1", "COLUMNS": "400"}
    merged = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, env=environment, text=True, errors="replace", **merged)
    with process, log.open("w") as kept:
        for line in process.stdout or ():
            kept.write(line)
            found = done.search(line)
            if found and not found["task"].startswith("importer"):
                yield found["task"]


def report(console: Console, workflows: list[Workflow], out: Path) -> int:
    """Print the table and write the page; returns the exit code."""
    from lockgate.report.index import Run, index

    agreed = True
    table = Table(title="The same gates in two engines", title_justify="left")
    wide = console.width >= WIDE
    same = ("same body digest", "report") if wide else ("same",)
    for column in ("batch", "stage", "in Airflow", "in KFP", *same):
        table.add_column(column, overflow="fold")
    pages = []
    for batch in BATCHES:
        airflow, kfp = (w for w in workflows if w.batch == batch)
        for name, (one, two) in paired(airflow.results, kfp.results).items():
            equal = bool(one and two) and one["body_digest"] == two["body_digest"]
            agreed &= equal
            answer = "yes" if equal else "[red]no[/]"
            pages.append(os.path.relpath((one or two)["_page"]))
            table.add_row(batch, name, verdict(one), verdict(two), answer, *(pages[-1:] if wide else []))
        table.add_section()
    console.print()
    console.print(table)
    if not wide:
        console.print("\n".join(pages))
    runs = [
        Run(document, os.path.relpath(document["_page"], out), f"{w.batch} batch", w.engine)
        for w in workflows
        for document in w.results
        if document["stage"] != "require-pass"
    ]
    (out / "index.html").write_text(index(runs, title="Secure retraining, in two engines"))
    console.print(f"All reports: {os.path.relpath(out / 'index.html')}")

    good = agreed
    for w in workflows:  # KEEP trains all the same when nothing is in service yet
        poisoned = w.batch == "poisoned"
        expected = w.published != poisoned and (w.decision == "QUARANTINE") == poisoned
        said = f"{w.engine}: {w.batch} batch {w.decision}, model {'' if w.published else 'not '}published"
        console.print(f"{'[green]ok[/]' if expected else '[red]NOT OK[/]'} {said}")
        good &= expected
    if not agreed:
        console.print("[red]The engines do not agree; see the rows marked no.[/]")
    return 0 if good else 1


def paired(airflow: list[dict], kfp: list[dict]) -> dict[str, tuple[dict | None, dict | None]]:
    """Pair the runs of a stage in both engines; the second run of a stage pairs with the second."""
    pairs: dict[str, list] = {}
    for side, documents in enumerate((airflow, kfp)):
        seen: dict[str, int] = {}
        for document in documents:
            stage = document["stage"]
            if stage == "require-pass":  # KFP closes gates with it that Airflow's operators close themselves
                continue
            seen[stage] = seen.get(stage, 0) + 1
            name = stage if seen[stage] == 1 else f"{stage} ({seen[stage]})"
            pairs.setdefault(name, [None, None])[side] = document
    return {name: (one, two) for name, (one, two) in pairs.items()}


def verdict(document: dict | None) -> str:
    if document is None:
        return "[red]did not run[/]"
    decision = f" {document['decision']}" if document["decision"] else ""
    return f"[{COLOURS[document['verdict']]}]{document['verdict']}{decision}[/]"


if __name__ == "__main__":
    sys.exit(main())
