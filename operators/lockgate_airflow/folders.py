"""Where results are kept, for the tasks that write them and the page that shows them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST_NAME = 200  # of a folder; file systems allow 255 bytes


def home() -> Path:
    """Return the folder below which results are kept by default."""
    configured = os.environ.get("LOCKGATE_HOME")
    if configured:
        return Path(configured).absolute()
    airflow = os.environ.get("AIRFLOW_HOME", "~/airflow")
    return Path(airflow).expanduser().absolute() / "lockgate"


def default_out(context: Context) -> Path:
    """Return the folder of a task instance's result: `HOME/DAG/RUN/TASK[/MAP_INDEX]`."""
    ti = context["ti"]
    parts = [ti.dag_id, ti.run_id, ti.task_id]
    if ti.map_index is not None and ti.map_index >= 0:
        parts.append(str(ti.map_index))
    return home().joinpath(*(_file_name(part) for part in parts))


def _file_name(name: str) -> str:
    """Return an id as one file name; different ids give different names, and none leads elsewhere."""
    quoted = quote(name, safe="+:@=")
    if not quoted.strip("."):  # `..` is the folder above
        quoted = quoted.replace(".", "%2E")
    if len(quoted) > _LONGEST_NAME:
        quoted = f"{quoted[:100]}-{hashlib.sha256(name.encode()).hexdigest()}"
    return quoted


def shown() -> list[Path]:
    """Return the folders whose reports the web server shows: `home`, and those of `LOCKGATE_REPORT_ROOTS`.

    The variable is a list like `PATH`. Reports elsewhere are not shown: a task names the folder of
    its report, and must not make the web server read whatever file it names.
    """
    more = os.environ.get("LOCKGATE_REPORT_ROOTS", "").split(os.pathsep)
    return [home(), *(Path(root).absolute() for root in more if root)]
