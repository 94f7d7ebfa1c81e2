"""Attach Evidently's data drift report, written by an interpreter of its own.

Evidently takes seconds to import, warns a lot, and can report its use to its makers. So the report
is made by ``python -m lockgate.suites.evidently REQUEST.json``: nothing of Evidently enters the
process of the stage, and its usage reports are switched off there (``DO_NOT_TRACK``).

The report is for people to look at. No verdict depends on it: it is drawn from a sample, and
Evidently chooses its own test for each column. The page (about 4 MB) loads nothing from elsewhere;
the only address in it that could be fetched belongs to map charts, of which it has none.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lockgate.errors import MissingExtraError, StageError
from lockgate.suites.apart import run_apart

SAMPLE_ROWS = 5_000
"""Rows of each table in the report: Evidently's page and time grow with them, its message does not."""
_SECONDS = 600


def require() -> None:
    """Raise unless Evidently is installed, without importing it.

    Raises:
        MissingExtraError: It is not.
    """
    if importlib.util.find_spec("evidently") is None:
        raise MissingExtraError("evidently", "evidently")


def write_report(reference: Path, current: Path, output: Path, columns: list[str], *, seed: int = 0) -> None:
    """Write Evidently's data drift report as one HTML page.

    Args:
        reference: The table to compare with.
        current: The table that may have drifted.
        output: The page to write.
        columns: Columns to show; they stand in both tables.
        seed: Seed of the sample.

    Raises:
        MissingExtraError: Evidently is not installed.
        StageError: Evidently could not make the report.
    """
    require()
    request = {
        "reference": str(reference.absolute()),
        "current": str(current.absolute()),
        "output": str(output.absolute()),
        "columns": columns,
        "seed": seed,
    }
    with tempfile.TemporaryDirectory(prefix="lockgate-evidently-") as folder:
        environment = {"DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}
        module = "lockgate.suites.evidently"
        try:
            failed = run_apart(
                sys.executable, module, request, Path(folder), seconds=_SECONDS, environment=environment
            )
        except subprocess.TimeoutExpired:
            raise StageError(f"Evidently made no report in {_SECONDS} s; run without `report`") from None
    if failed or not output.exists():
        reason = failed or "it gave no reason"
        raise StageError(f"Evidently could not make its report: {reason}; run without `report`")


def sample(path: Path, columns: list[str], rows: int, seed: int) -> Any:
    """Return a seeded sample of a table's rows, in their order, as a pyarrow Table.

    Only the sample is held in memory; the same seed gives the same rows.
    """
    import random

    from lockgate.table.read import connect, relation
    from lockgate.table.sql import quote, select

    names = ", ".join(quote(name) for name in columns)
    with connect() as connection:
        relation(connection, path).create_view("lockgate_rows")
        (total,) = connection.execute("SELECT count(*) FROM lockgate_rows").fetchall()[0]
        chosen = sorted(random.Random(seed).sample(range(total), min(rows, total)))  # noqa: S311 - a sample to look at
        connection.execute("CREATE TEMP TABLE lockgate_chosen AS SELECT unnest(?) AS place", [chosen])
        numbered = select(f"{names}, row_number() OVER () - 1 AS lockgate_place", "lockgate_rows")
        return connection.sql(
            select(
                names,
                f"({numbered})",
                "WHERE lockgate_place IN (SELECT place FROM lockgate_chosen) ORDER BY lockgate_place",
            )
        ).to_arrow_table()


def _main(request: Path) -> None:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    asked = json.loads(request.read_text("utf-8"))
    frames = {
        name: sample(Path(asked[name]), asked["columns"], SAMPLE_ROWS, asked["seed"]).to_pandas()
        for name in ("reference", "current")
    }
    numbers, categories = [], []
    for name in asked["columns"]:
        sides = [frame[name] for frame in frames.values()]
        if any(side.isna().all() for side in sides):
            continue  # Evidently cannot draw a column without values
        if all(side.dtype.kind in "iuf" for side in sides):
            numbers.append(name)
        else:
            categories.append(name)
            for frame in frames.values():
                frame[name] = frame[name].astype("string").astype(object)
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    shown = {
        name: Dataset.from_pandas(frame[numbers + categories], data_definition=definition)
        for name, frame in frames.items()
    }
    report = Report([DataDriftPreset()], include_tests=False)
    report.run(shown["current"], shown["reference"]).save_html(asked["output"])


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
