"""Look for secrets, personal data, remote code and leaking outputs in notebooks, without running them.

The Airflow operator of `lockgate scan-notebook`, written by `make faces` from
`lockgate.stages.develop.scan_notebook`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class ScanNotebookOperator(StageOperator):
    """Look for secrets, personal data, remote code and leaking outputs in notebooks, without running them.

    Every notebook gets a check of its own with its path as id. A file that is no strict JSON or not
    of nbformat 4 is INCONCLUSIVE. No value that is found appears in the result.

    Every argument of the stage may be a template or the output of another task.

    Args:
        notebook: A notebook, or a folder; there every file that ends in .ipynb is looked at.
        max_secrets: Most secrets in one notebook.
        max_personal_numbers: Most bank accounts, cards and national numbers in one notebook.
        max_contacts: Most different e-mail addresses and telephone numbers in one notebook.
        max_table_rows: Most rows of tables in one output; a table that pandas shortens has 60 at
            most.
        max_unpinned_installs: Most packages that one notebook installs without a version; by
            default any number is a WARN.
        max_unreadable_cells: Most cells in one notebook whose code cannot be read, in Python or
            another language; with more, the notebook is INCONCLUSIVE.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.develop.scan_notebook:scan_notebook"

    def __init__(
        self,
        *,
        notebook: str,
        max_secrets: int | str = 0,
        max_personal_numbers: int | str = 0,
        max_contacts: int | str = 5,
        max_table_rows: int | str = 100,
        max_unpinned_installs: int | str | None = None,
        max_unreadable_cells: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "notebook": notebook,
                "max_secrets": max_secrets,
                "max_personal_numbers": max_personal_numbers,
                "max_contacts": max_contacts,
                "max_table_rows": max_table_rows,
                "max_unpinned_installs": max_unpinned_installs,
                "max_unreadable_cells": max_unreadable_cells,
            },
            **kwargs,
        )
