"""The link "Security report" in Airflow's user interface: on the tab Details of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

URL_PREFIX = "/lockgate"


class ReportLink(BaseOperatorLink):
    """Opens the report of a task instance, served by `lockgate_airflow.plugin`."""

    name = "Security report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the address of the report page of a task instance."""
        from airflow.sdk.configuration import conf

        base = conf.get("api", "base_url", fallback="").rstrip("/")
        map_index = -1 if ti_key.map_index is None else ti_key.map_index
        place = "/".join(quote(part, safe="") for part in (ti_key.dag_id, ti_key.run_id, ti_key.task_id))
        return f"{base}{URL_PREFIX}/{place}/{map_index}/report.html"
