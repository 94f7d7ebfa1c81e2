"""Look for secrets, personal data, remote code and leaking outputs in notebooks, without running them.

The KFP component of `lockgate scan-notebook`, written by `make faces` from
`lockgate.stages.develop.scan_notebook`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def scan_notebook(
    notebook: dsl.Input[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    max_secrets: int = 0,
    max_personal_numbers: int = 0,
    max_contacts: int = 5,
    max_table_rows: int = 100,
    max_unpinned_installs: Optional[int] = None,
    max_unreadable_cells: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Look for secrets, personal data, remote code and leaking outputs in notebooks, without running them.

    Every notebook gets a check of its own with its path as id. A file that is no strict JSON or not
    of nbformat 4 is INCONCLUSIVE. No value that is found appears in the result.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        notebook: A notebook, or a folder; there every file that ends in .ipynb is looked at.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        max_secrets: Most secrets in one notebook.
        max_personal_numbers: Most bank accounts, cards and national numbers in one notebook.
        max_contacts: Most different e-mail addresses and telephone numbers in one notebook.
        max_table_rows: Most rows of tables in one output; a table that pandas shortens has 60 at
            most.
        max_unpinned_installs: Most packages that one notebook installs without a version; by
            default any number is a WARN.
        max_unreadable_cells: Most cells in one notebook whose code cannot be read, in Python or
            another language; with more, the notebook is INCONCLUSIVE.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.develop.scan_notebook:scan_notebook",
        arguments={
            "notebook": notebook,
            "max_secrets": max_secrets,
            "max_personal_numbers": max_personal_numbers,
            "max_contacts": max_contacts,
            "max_table_rows": max_table_rows,
            "max_unpinned_installs": max_unpinned_installs,
            "max_unreadable_cells": max_unreadable_cells,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
