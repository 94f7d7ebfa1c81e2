"""Record which data, code and environment a model was made of, as signed SLSA provenance.

The Airflow operator of `lockgate record-provenance`, written by hand: it takes from the run's context
who ran the training, in which run, and by which DAG.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from lockgate_airflow.base import StageOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class RecordProvenanceOperator(StageOperator):
    """Record which data, code and environment a model was made of, as signed SLSA provenance.

    Train inside `lockgate.training.training_step` in the task before, and give the record that it
    writes as `step`: then the materials are those whose bytes were read.

        made = train.output
        RecordProvenanceOperator(task_id="provenance", products=made["model"], step=made["step"])

    Every argument may be a template or the output of another task. What is left out comes from the
    run: `pipeline` is the DAG file, `code_revision` the commit of the DAG's bundle where the step does
    not know its own, `invocation_id` is DAG, run, task and try, `builder_id` is `airflow://` with the
    address of the API server (`[api] base_url`).

    Args:
        products: What the training made, the model first.
        materials: What it was trained on. May be left out with `step`, which names them.
        pipeline: The definition of the workflow.
        environment_lock: The lock file that the training's environment was installed from.
        step: The record that `training_step` wrote, `step.json`.
        code_revision: Git commit of the training code, with `-dirty` at its end when the code
            differed from it.
        code_repository: URL of its repository, without user and password.
        training_parameters: What training was called with, a mapping or a JSON object.
        need_step: Whether a missing `step` is a FAIL.
        need_code: Whether code that is not known, or differed from its revision, is a FAIL.
        builder_id: URI of what ran the training.
        invocation_id: Id of the run that trained.
        started: When training started, with zone (RFC 3339). The times of `step` outweigh it.
        finished: When training ended.
        kwargs: `out`, `policy`, `place`, `fail_on` and `lockgate_conn_id` of `StageOperator`, and
            what every Airflow operator takes.
    """

    stage = "lockgate.stages.develop.record_provenance:record_provenance"

    def __init__(
        self,
        *,
        products: list[str] | str,
        materials: list[str] | str | None = None,
        pipeline: str | None = None,
        environment_lock: str | None = None,
        step: str | None = None,
        code_revision: str | None = None,
        code_repository: str | None = None,
        training_parameters: Mapping[str, Any] | str | None = None,
        need_step: bool | str = False,
        need_code: bool | str = False,
        builder_id: str | None = None,
        invocation_id: str | None = None,
        started: str | None = None,
        finished: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "products": products,
                "materials": materials,
                "pipeline": pipeline,
                "environment_lock": environment_lock,
                "step": step,
                "code_revision": code_revision,
                "code_repository": code_repository,
                "training_parameters": training_parameters,
                "need_step": need_step,
                "need_code": need_code,
                "builder_id": builder_id,
                "invocation_id": invocation_id,
                "started": started,
                "finished": finished,
            },
            **kwargs,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Fill in what the run knows, and run the stage."""
        given = {name: value for name, value in self.arguments.items() if value not in (None, "")}
        for name in ("products", "materials"):  # the outputs of a mapped task are a sequence of Airflow's own
            if isinstance(given.get(name), Sequence) and not isinstance(given[name], str):
                given[name] = list(given[name])
        if isinstance(given.get("training_parameters"), Mapping):
            given["training_parameters"] = json.dumps(dict(given["training_parameters"]))
        found = {**_run(context), **_definition(context)}
        if "code_revision" not in given and not _knows_its_code(given.get("step")):
            found |= _bundle_code(context)
        self.arguments = {**found, **given}
        return super().execute(context)


def _run(context: Context) -> dict[str, str]:
    """Return what ran the training and in which run, as Airflow knows it."""
    from airflow import __version__

    ti = context["ti"]
    parts = [ti.dag_id, ti.run_id, ti.task_id]
    if (mapped := getattr(ti, "map_index", None)) is not None and mapped >= 0:
        parts.append(str(mapped))
    said = {
        "name": "airflow",
        "version": __version__,
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "try_number": str(ti.try_number),
    }
    if context.get("logical_date"):
        said["logical_date"] = context["logical_date"].isoformat()
    bundle = getattr(ti, "bundle_instance", None)
    for name in ("name", "version"):
        if value := getattr(bundle, name, None):
            said[f"bundle_{name}"] = str(value)
    invocation = "/".join(quote(part, safe="") for part in (*parts, str(ti.try_number)))
    return {"engine": json.dumps(said), "invocation_id": invocation, "builder_id": _builder()}


def _builder() -> str:
    from airflow.sdk.configuration import conf

    address = urlsplit(conf.get("api", "base_url", fallback=None) or "")
    host = address.netloc.rpartition("@")[2]
    return f"airflow://{host}{address.path.rstrip('/')}" if host else "airflow://unnamed"


def _definition(context: Context) -> dict[str, str]:
    """Return the DAG's file as the definition of the pipeline."""
    place = getattr(context["dag"], "fileloc", None)
    return {"pipeline": place} if place and Path(place).is_file() else {}


def _bundle_code(context: Context) -> dict[str, str]:
    """Return the commit that the run's bundle is pinned to, when it comes from git."""
    from lockgate.training.surroundings import public_repository

    bundle = getattr(context["ti"], "bundle_instance", None)
    version = str(getattr(bundle, "version", None) or "")
    if not _COMMIT.match(version):
        return {}
    found = {"code_revision": version}
    if place := public_repository(str(getattr(bundle, "repo_url", None) or "")):
        found["code_repository"] = place
    return found


def _knows_its_code(step: Any) -> bool:
    """Return whether the step recorded the commit of its code, which then stands for itself."""
    from lockgate.errors import InputError
    from lockgate.training.record import load

    if not step:
        return False
    with contextlib.suppress(InputError):  # the stage will say it better, or it lies elsewhere
        return load(Path(str(step))).code is not None
    return True
