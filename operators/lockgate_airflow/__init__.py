"""The Airflow face of Lockgate: one operator a stage, in a module named after it.

from lockgate_airflow.detect_poisoning import DetectPoisoningOperator
"""

from __future__ import annotations

from typing import Any

# The form of a connection of type `lockgate`: label, what it is, and the JSON Schema format, if any.
_FIELDS = {
    "key": ("Signing key", "Path of a PEM file, or URI of a key service.", None),
    "policy": ("Policy", "Path or URL of lockgate.yaml.", None),
    "policy_key": (
        "Keys of the policy",
        "Public keys of who may sign the policy, with commas between: the root of trust.",
        None,
    ),
    "evidence": ("Evidence store", "Folder or URL into which attestations are put.", None),
    "ledger": ("Ledger", "Path of an SQLite file, or URL of a database, without a password.", None),
    "ledger_password": ("Password of the ledger", "Of the user in the ledger's URL.", "password"),
    "trust_state": ("Memory of the gate", "Path of what a release gate has seen.", None),
}


def _field(label: str, description: str, form: str | None) -> dict[str, Any]:
    schema = {"type": ["string", "null"], **({"format": form} if form else {})}
    return {"label": label, "description": description, "schema": schema}


def get_provider_info() -> dict[str, Any]:
    """Tell Airflow what this distribution brings; it imports nothing."""
    return {
        "package-name": "lockgate",
        "name": "Lockgate",
        "description": "Security gates for machine-learning pipelines.",
        "connection-types": [
            {
                "connection-type": "lockgate",
                "hook-class-name": "lockgate_airflow.hook.LockgateHook",
                "hook-name": "Lockgate",
                "conn-fields": {name: _field(*said) for name, said in _FIELDS.items()},
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema", "login", "port", "extra"],
                    "relabeling": {"password": "Passphrase of the key"},
                    "placeholders": {},
                },
            }
        ],
        "extra-links": ["lockgate_airflow.links.ReportLink"],
        "plugins": [{"name": "lockgate", "plugin-class": "lockgate_airflow.plugin.LockgatePlugin"}],
    }
