"""The Airflow face of Lockgate: one operator a stage, in a module named after it.

from lockgate_airflow.detect_poisoning import DetectPoisoningOperator
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Tell Airflow what this distribution brings; it imports nothing."""
    return {
        "package-name": "lockgate",
        "name": "Lockgate",
        "description": "Security gates for machine-learning pipelines.",
        "connection-types": [
            {"connection-type": "lockgate", "hook-class-name": "lockgate_airflow.hook.LockgateHook"}
        ],
        "extra-links": ["lockgate_airflow.links.ReportLink"],
        "plugins": [{"name": "lockgate", "plugin-class": "lockgate_airflow.plugin.LockgatePlugin"}],
    }
