"""Run the example workflow in Airflow and in KFP, on a clean and on a poisoned batch, and compare.

    python dags/demo.py [--out demo-out]

Two engines, the same stages: the first table shows the verdict of every stage in both, and whether
both say the same to the byte. The second asks the release gate about the model: with all its evidence,
with an attestation removed, and with one byte changed. Logs, results and published models stay below
--out. Exits 1 when the engines disagree, when the clean batch is not published or the poisoned one is,
or when the gate allows what it must deny.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo_engines import REGISTERED, Workflow, prepare_airflow, results, short, trust
from demo_release import ENVIRONMENT, Question, ask
from make_batches import make_batches
from mlflow_server import MlflowServer
from rich.console import Console
from rich.table import Table
from rich.text import Text

BATCHES = ("clean", "poisoned")
ENGINES = ("Airflow", "KFP")
WIDE = 150  # columns of a terminal that shows the tables with the paths of the reports
COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red", "INCONCLUSIVE": "magenta"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the example workflow in Airflow and KFP.")
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    out = parser.parse_args().out.absolute()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with contextlib.ExitStack() as running:
        servers = {
            engine: running.enter_context(MlflowServer(out / f"mlflow-{engine.lower()}"))
            for engine in ENGINES
        }
        with step(
            console, "make the batches: census records of 2015 and 2016, one copy poisoned, all signed"
        ):
            make_batches(out / "batches")
        with step(console, "set up Airflow on SQLite"):
            prepare_airflow(out)
        with step(console, "start MLflow, a server for each engine"):
            for server in servers.values():
                server.wait()

        workflows = []
        for batch in BATCHES:
            for engine in ENGINES:
                console.print(f"\n[bold]{engine}[/], {batch} batch")
                folder = out / f"{engine.lower()}-{batch}"
                workflow = Workflow(engine, batch, folder, trust(out / "batches", folder), servers[engine])
                watch(console, workflow)
                workflow.results = results(workflow)
                state = "published" if workflow.model.exists() else "not published"
                console.print(f"  decision {workflow.decision}, model {state}")
                workflows.append(workflow)
        console.print("\n[bold]The release gate[/]")
        with step(
            console, "ask it about the model of the clean batch, once an attestation short, once altered"
        ):
            questions, explained = ask(workflows, out, console)
        good = report(console, workflows)
        good &= release(console, workflows, questions, explained)
    write_index(out, workflows, questions)
    console.print(f"\nAll reports: {short(out / 'index.html')}")
    return 0 if conclude(console, workflows, questions) and good else 1


# --- While it runs ----------------------------------------------------------------------------------


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


def watch(console: Console, workflow: Workflow) -> None:
    """Run a workflow, and print a line for every task as it ends."""
    started = time.monotonic()
    with console.status("starting") if console.is_terminal else contextlib.nullcontext() as status:
        for task in workflow.run(workflow.out / "log.txt"):
            console.print(f"  {task:<24} {time.monotonic() - started:5.0f} s")
            if status:
                status.update(f"after {task}")


# --- What a person sees at the end ------------------------------------------------------------------


def report(console: Console, workflows: Sequence[Workflow]) -> bool:
    """Print the table of all stages; returns whether the engines agree."""
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
    if not agreed:
        console.print("[red]The engines do not agree; see the rows marked no.[/]")
    return agreed


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


def release(
    console: Console, workflows: Sequence[Workflow], questions: Sequence[Question], explained: str
) -> bool:
    """Print what the gate and MLflow say; returns whether the models are in production, the same version."""
    table = Table(title="A release, allowed and denied", title_justify="left")
    for column in ("what the gate was asked about", "answer", "because of"):
        table.add_column(column, overflow="fold")
    for question in questions:
        answer = "[red]none[/]"
        if question.result:
            answer = "[green]ALLOW[/]" if question.result["metrics"]["allow"] else "[red]DENY[/]"
        table.add_row(question.about, answer, ", ".join(question.denied_by))
    console.print()
    console.print(table)
    versions = {w.engine: w.server.version(REGISTERED, ENVIRONMENT) for w in workflows if w.batch == "clean"}
    for engine, version in versions.items():
        console.print(f"MLflow beside {engine}: {REGISTERED}@{ENVIRONMENT} is version {version}")
    if explained:
        console.print("\n[bold]Why it was denied without the attestation[/]")
        console.print(Text.from_ansi(explained), soft_wrap=True)
    return len(set(versions.values())) == 1 and None not in versions.values()


def write_index(out: Path, workflows: Sequence[Workflow], questions: Sequence[Question]) -> None:
    """Write the page that lists all reports."""
    from lockgate.report.index import Run, index

    runs = [
        Run(document, os.path.relpath(document["_page"], out), f"{w.batch} batch", w.engine)
        for w in workflows
        for document in w.results
        if document["stage"] != "require-pass"
    ]
    runs += [
        Run(q.result, os.path.relpath(q.result["_page"], out), "gate-release", "verdict", q.about)
        for q in questions[len(ENGINES) :]
        if q.result
    ]
    (out / "index.html").write_text(index(runs, title="Secure retraining, in two engines"))


def conclude(console: Console, workflows: Sequence[Workflow], questions: Sequence[Question]) -> bool:
    """Print a line for everything that had to happen; returns whether all of it did."""
    said = []
    for w in workflows:  # KEEP trains all the same when nothing is in service yet
        poisoned, published = w.batch == "poisoned", w.model.exists()
        expected = published != poisoned and (w.decision == "QUARANTINE") == poisoned
        state = "published" if published else "not published"
        said.append((expected, f"{w.engine}: {w.batch} batch {w.decision}, model {state}"))
    complete = len(questions) > len(ENGINES)
    answers = [
        ("release allowed with all evidence", [q for q in questions if q.allowed]),
        (
            "release denied without an attestation or with another byte",
            [q for q in questions if not q.allowed],
        ),
    ]
    said += [(complete and all(q.good for q in asked), text) for text, asked in answers]
    for good, text in said:
        console.print(f"{'[green]ok[/]' if good else '[red]NOT OK[/]'} {text}")
    return all(good for good, _ in said)


if __name__ == "__main__":
    sys.exit(main())
