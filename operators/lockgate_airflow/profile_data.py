"""Count a table and write its profile, which stands for it as a baseline.

The Airflow operator of `lockgate profile-data`, written by `make faces` from
`lockgate.stages.monitor.profile_data`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class ProfileDataOperator(StageOperator):
    """Count a table and write its profile, which stands for it as a baseline.

    A profile holds counts, extremes, exact sums, hashes of values and the values of categories; no
    rows. Profiles of days, partitions or sources merge exactly, if they were counted in one layout.

    Every argument of the stage may be a template or the output of another task.

    Args:
        data: The table to count: Parquet, CSV, Arrow or JSON lines, a file or a folder of parts.
        profile: Where the profile goes, as JSON. It names the values of categories.
        layout: An earlier profile whose edges and categories are used; without it the table's own.
        merge: Profiles to add to that of the table, counted in the same layout. Without `layout`,
            that of the first one is used.
        columns: The columns to count; all by default.
        ignore: Columns to leave out.
        engine: Where to count: on DuckDB in this process, or on Spark.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.monitor.profile_data:profile_data"

    def __init__(
        self,
        *,
        data: str,
        profile: str | None = None,
        layout: str | None = None,
        merge: list[str] | str | None = None,
        columns: list[str] | str | None = None,
        ignore: list[str] | str | None = None,
        engine: Literal["duckdb", "spark"] = "duckdb",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "data": data,
                "profile": profile,
                "layout": layout,
                "merge": merge,
                "columns": columns,
                "ignore": ignore,
                "engine": engine,
            },
            **kwargs,
        )
