"""The Airflow plugin: it serves the reports of stages to people who may read the DAG.

Airflow loads plugins in every process, so this module imports next to nothing; the pages are built
by `lockgate_airflow.reports` on the first request, in the API server only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar

from airflow.sdk.plugins_manager import AirflowPlugin

from lockgate_airflow.links import URL_PREFIX, ReportLink


class _Reports:
    """The application of `lockgate_airflow.reports`, imported when it is first asked."""

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        from lockgate_airflow.reports import app

        await app(scope, receive, send)


class LockgatePlugin(AirflowPlugin):
    """Adds the report pages, and the button that leads to them."""

    name = "lockgate"
    fastapi_apps: ClassVar[list[Any]] = [{"app": _Reports(), "url_prefix": URL_PREFIX, "name": "Lockgate"}]
    operator_extra_links: ClassVar[list[Any]] = [ReportLink()]
