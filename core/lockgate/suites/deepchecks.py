"""Run deepchecks' data_integrity suite in an interpreter of its own, and read its verdicts back.

deepchecks is AGPL-3.0, has no release since December 2024 and needs numpy 1, so the core never
imports it. This module stands on both sides of the border:

* `run`, in the core's interpreter, writes a bounded sample as Parquet and a ``request.json``, and
  starts ``PYTHON -m lockgate.suites.deepchecks request.json`` (the module run by the other side);
* `main`, in the other interpreter, writes ``reply.json`` and the HTML page. Nothing is pickled.

``LOCKGATE_DEEPCHECKS_PYTHON`` names that interpreter; it needs ``lockgate[deepchecks]``. Without it
the current interpreter is used if it has deepchecks, in a subprocess all the same.

The sample: at most 10,000 rows, drawn without replacement by seed, and at most 50 columns, the
label and the key first and the others in the order of the file. deepchecks compares every pair of
columns, which at 500 columns would take hours. What was left out is in the metrics.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate.errors import InputError, MissingExtraError, StageError
from lockgate.suites.apart import run_apart

if TYPE_CHECKING:
    from lockgate.outcome import Outcome
    from lockgate.table.typed import Table

PYTHON_VARIABLE = "LOCKGATE_DEEPCHECKS_PYTHON"
MAX_ROWS = 10_000
MAX_COLUMNS = 50
_TIMEOUT_SECONDS = 1_800
_MAX_CLASSES = 50


@dataclass(frozen=True)
class CheckReply:
    """What one of deepchecks' checks said.

    Attributes:
        name: deepchecks' name of the check.
        ran: Whether it ran to its end.
        conditions: Condition to ``PASS``, ``WARN``, ``FAIL`` or ``ERROR``.
    """

    name: str
    ran: bool
    conditions: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What the suite said.

    Attributes:
        version: Version of deepchecks.
        rows: Rows of the sample.
        columns: Columns of the sample.
        checks: Every check of the suite, sorted by name.
    """

    version: str
    rows: int
    columns: int
    checks: tuple[CheckReply, ...]


def run(table: Table, page: Path, *, label: str | None, key: Sequence[str] = (), seed: int = 0) -> Reply:
    """Run the data_integrity suite on a sample of a table.

    Args:
        table: From `lockgate.table.typed.open_table`.
        page: Where the HTML page goes. It shows deepchecks' own extracts of the data.
        label: The label column, or None.
        key: Columns that name a row; a single one becomes deepchecks' index.
        seed: Of the sample and of deepchecks' own sampling.

    Raises:
        MissingExtraError: There is no interpreter with deepchecks.
        InputError: ``LOCKGATE_DEEPCHECKS_PYTHON`` names no interpreter.
        StageError: deepchecks could not be run to its end.
    """
    python = interpreter()
    with tempfile.TemporaryDirectory(prefix="lockgate-deepchecks-") as folder:
        private = Path(folder)
        rows, columns = _write_sample(table, private / "sample.parquet", label, key, seed)
        request = {
            "sample": str(private / "sample.parquet"),
            "page": str(page.absolute()),
            "reply": str(private / "reply.json"),
            "label": label,
            "label_type": _label_type(table, label),
            "index": key[0] if len(key) == 1 else None,
            "categorical": [c for c in columns if table.kinds[c] in ("string", "boolean") and c != label],
            "seed": seed,
        }
        _start(python, request, private)
        said = json.loads((private / "reply.json").read_text("utf-8"))
    checks = tuple(CheckReply(c["name"], c["ran"], c["conditions"]) for c in said["checks"])
    return Reply(said["version"], rows, len(columns), checks)


def interpreter() -> str:
    """Return the interpreter that has deepchecks.

    It is the one that `PYTHON_VARIABLE` names, else that of the environment beside this one whose
    name ends in ``-deepchecks`` (``.venv-deepchecks`` beside ``.venv``, as `make` has it), else this
    one if it has deepchecks.

    Raises:
        MissingExtraError: There is none.
        InputError: The environment variable names something that is not there.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise InputError(
                f"{PYTHON_VARIABLE} is {named!r}, which is no file; give the path of a Python interpreter"
            )
        return str(Path(named).absolute())
    beside = Path(f"{sys.prefix}-deepchecks") / "bin" / "python"
    if beside.is_file():
        return str(beside)
    if importlib.util.find_spec("deepchecks") is None:
        raise MissingExtraError(
            "deepchecks",
            "deepchecks",
            f" in an environment of its own, and name its python in {PYTHON_VARIABLE}",
        )
    return sys.executable


def record(outcome: Outcome, reply: Reply) -> None:
    """Add what the suite said to an outcome: one check for each of deepchecks' checks.

    A condition that deepchecks warns about or fails is a finding of MEDIUM severity and makes the
    check a WARN: its thresholds are deepchecks' defaults and nobody here chose them, so they show
    but do not close a gate. A check that deepchecks itself could not run is an INFO finding and no
    check of ours: which of them run depends on the versions beside deepchecks and on what columns
    there are (without a label a third of the suite has nothing to do), and says nothing about the
    data. If not one ran, the suite is INCONCLUSIVE.
    """
    from lockgate.outcome import Severity, Verdict

    for check in reply.checks:
        name = f"deepchecks:{check.name}"
        if not check.ran:
            outcome.find(
                "LG-DATA-021",
                Severity.INFO,
                f"deepchecks did not run its check {check.name!r}.",
                subject="data",
                fix="Read the attached page for the reason.",
                check=name,
            )
            continue
        if not check.conditions:
            continue  # a check that only draws: it ran, and held nothing against anything
        bad = [condition for condition, status in check.conditions.items() if status != "PASS"]
        outcome.check(name, value=len(bad), comparator="<=", threshold=0, failing=Verdict.WARN)
        for condition in bad:
            outcome.find(
                "LG-DATA-020",
                Severity.MEDIUM,
                f"deepchecks' check {check.name!r} did not hold: {condition}.",
                subject="data",
                fix="Read the attached page for the columns and rows it is about.",
                check=name,
            )
    if not any(check.ran for check in reply.checks):
        outcome.cannot("deepchecks", "deepchecks could run none of its checks; read the attached page")
    outcome.metrics["deepchecks"] = {
        "rows": reply.rows,
        "columns": reply.columns,
        "checks_run": sum(check.ran for check in reply.checks),
        "checks_not_run": sum(not check.ran for check in reply.checks),
    }
    outcome.facts["deepchecks"] = f"{reply.version}, on {reply.rows} rows and {reply.columns} columns"


# --- This side --------------------------------------------------------------------------------------


def _write_sample(
    table: Table, path: Path, label: str | None, key: Sequence[str], seed: int
) -> tuple[int, list[str]]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lockgate.table.sql import quote, select

    first = [name for name in dict.fromkeys([*([label] if label else []), *key]) if name in table.storage]
    others = [name for name in table.storage if name not in first]
    chosen = set([*first, *others][:MAX_COLUMNS])
    columns = [name for name in table.storage if name in chosen]
    size = min(MAX_ROWS, table.rows)
    rows = np.sort(np.random.default_rng(seed).choice(table.rows, size=size, replace=False))
    table.connection.register("lockgate_sample", pa.table({"row": rows}))
    row = quote("lockgate_row" + "_" * max(map(len, table.storage)))  # longer than any column's name
    values = ", ".join(f"{_storable(table, name)} AS {quote(name)}" for name in columns)
    numbered = select(f"row_number() OVER () - 1 AS {row}, {values}", quote(table.view))
    drawn = f"WHERE {row} IN (FROM lockgate_sample) ORDER BY {row}"
    query = select(f"* EXCLUDE ({row})", f"({numbered})", drawn)
    pq.write_table(table.connection.sql(query).to_arrow_table(), path)
    table.connection.unregister("lockgate_sample")
    return size, columns


def _storable(table: Table, name: str) -> str:
    """SQL for a value as deepchecks reads it: its kind, 128-bit integers as floats, nested values as text."""
    kind = table.kinds[name]
    if kind == "integer":
        return f"CAST({table.value(name)} AS {'BIGINT' if _small(table, name) else 'DOUBLE'})"
    return f"CAST({table.value(name)} AS VARCHAR)" if kind == "any" else table.value(name)


def _small(table: Table, name: str) -> bool:
    value = table.value(name)
    return bool(table.ask(f"coalesce(max(abs({value})) < {2**63}, true)")[0][0])


def _label_type(table: Table, label: str | None) -> str | None:
    """Say what the label is; deepchecks guesses, and warns, unless it is told."""
    if label is None:
        return None
    from lockgate.table.profile import categories

    classes = categories(table, label, _MAX_CLASSES)
    if classes is None:
        return "multiclass" if table.kinds[label] == "string" else "regression"
    return "binary" if len(classes) == 2 else "multiclass"  # noqa: PLR2004 - two classes are binary


def _start(python: str, request: Mapping[str, Any], folder: Path) -> None:
    from lockgate.progress import working

    environment = {"PYTHONHASHSEED": "0", "MPLBACKEND": "agg", "TQDM_DISABLE": "1"}
    module = "lockgate.suites.deepchecks"
    try:
        with working("deepchecks is looking at the data"):
            failed = run_apart(
                python, module, request, folder, seconds=_TIMEOUT_SECONDS, environment=environment
            )
    except OSError as error:
        raise InputError(
            f"{PYTHON_VARIABLE} names {python}, which cannot be started: {error.strerror}"
        ) from None
    except subprocess.TimeoutExpired:
        raise StageError(
            f"deepchecks did not finish within {_TIMEOUT_SECONDS} s; leave out --suite"
        ) from None
    if failed:
        raise StageError(
            f"deepchecks could not run in {python}: {failed}; install 'lockgate[deepchecks]' there"
        )


# --- The other side ---------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """Run the suite as a request file says, and write the reply and the page."""
    import deepchecks
    import pandas as pd
    from deepchecks.core import CheckFailure
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.suites import data_integrity

    asked = json.loads(Path(arguments[0]).read_text("utf-8"))
    frame = pd.read_parquet(asked["sample"])
    for name in asked["categorical"]:
        frame[name] = frame[name].astype("object")
    dataset = Dataset(
        frame,
        label=asked["label"],
        label_type=asked["label_type"],
        index_name=asked["index"],
        cat_features=[name for name in asked["categorical"] if name != asked["index"]],
    )
    done = data_integrity(random_state=asked["seed"]).run(dataset)
    checks = [
        {
            "name": str(result.check.name()),
            "ran": not isinstance(result, CheckFailure),
            "conditions": {c.name: str(c.category.value) for c in getattr(result, "conditions_results", ())},
        }
        for result in done.results
    ]
    reply: dict[str, Any] = {
        "version": deepchecks.__version__,
        "checks": sorted(checks, key=lambda check: str(check["name"])),
    }
    done.save_as_html(asked["page"], as_widget=False, requirejs=False)
    Path(asked["reply"]).write_text(json.dumps(reply), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
