"""The report pages in Airflow's API server: `/lockgate/DAG/RUN/TASK/MAP_INDEX/report.html`.

A page is shown to a user who is logged in and may read the task instances of that DAG; Airflow's
own checks decide. Only the report of the task instance and the pages attached to it are served,
from the folders that `lockgate_airflow.folders.shown` names. Nothing in a page may run with the
user's session: the report may run no script at all, and an attached page, which some other tool has
written, runs its scripts in a sandbox without an origin.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.xcom import XComModel
from fastapi import Depends, FastAPI, HTTPException, Response

from lockgate import artifact
from lockgate.errors import ArtifactError
from lockgate.result import REPORT, RESULT
from lockgate_airflow import folders

_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_ATTACHED_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_LARGEST_RESULT = 20_000_000  # bytes; findings are capped, so that a result is far smaller

app = FastAPI(title="Lockgate reports", openapi_url=None, docs_url=None, redoc_url=None)


@app.get(
    "/{dag_id}/{run_id}/{task_id}/{map_index}/{page}",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE))],
)
def show(dag_id: str, run_id: str, task_id: str, map_index: int, page: str, session: SessionDep) -> Response:
    """Return the report of a task instance, or a page attached to it."""
    found = session.execute(
        XComModel.get_many(
            key="result", run_id=run_id, dag_ids=dag_id, task_ids=task_id, map_indexes=map_index
        ).with_only_columns(XComModel.value)
    ).first()
    if found is None:
        raise HTTPException(404, "this task instance has left no report; look at its log")
    folder = _folder(XComModel.deserialize_value(found))
    path = folder / REPORT if page == REPORT else _attached(folder, page)
    try:
        content = path.read_bytes()
    except OSError:
        raise HTTPException(404, "the report is not on this machine; look where the task ran") from None
    return Response(
        content,
        media_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": _REPORT_POLICY if page == REPORT else _ATTACHED_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )


def _folder(result: Any) -> Path:
    """Return the folder of the result that a task named, if it lies where reports are shown from."""
    named = Path(str(result))
    folder = named.parent.resolve()
    inside = any(folder.is_relative_to(root.resolve()) for root in folders.shown())
    if named.name != RESULT or not inside or (folder / REPORT).is_symlink():
        raise HTTPException(404, "the report lies outside of LOCKGATE_HOME and LOCKGATE_REPORT_ROOTS")
    return folder


def _attached(folder: Path, page: str) -> Path:
    """Return the attached page of that name, if the result names it and it is what the run wrote."""
    try:
        with (folder / RESULT).open("rb") as file:
            attachments = json.loads(file.read(_LARGEST_RESULT))["attachments"]
        for entry in attachments.values():
            named, path = Path(entry["uri"]), folder / page
            ours = named.name == page and named.parent.resolve() == folder and not path.is_symlink()
            if ours and artifact.digest(path) == entry["digest"]:
                return path
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArtifactError):
        pass  # whatever is wrong with the result, the answer is the same
    raise HTTPException(404, "the result names no such page")
