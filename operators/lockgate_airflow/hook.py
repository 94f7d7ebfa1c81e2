"""Where keys and policies come from: an Airflow connection of type `lockgate`.

    airflow connections add lockgate_default --conn-type lockgate --conn-password PASSPHRASE \
        --conn-extra '{"key": "/etc/lockgate/signer.key.pem", "policy": "/etc/lockgate/lockgate.yaml"}'

A key never stands in an operator's arguments: those are shown in the user interface.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from lockgate.errors import InputError


@dataclass(frozen=True)
class Settings:
    """What a run takes from its surroundings.

    Attributes:
        key: URI of the key that signs attestations, a PEM file's path by default; None signs nothing.
        policy: Path of `lockgate.yaml`, or None.
        passphrase: Of the key. Never shown.
    """

    key: str | None = None
    policy: str | None = None
    passphrase: str | None = field(default=None, repr=False)


class LockgateHook(BaseHook):
    """Read the signing key and the policy from a connection of type `lockgate`.

    Args:
        lockgate_conn_id: The connection. Its password is the key's passphrase; its extra holds
            `key` and `policy`.
    """

    conn_name_attr = "lockgate_conn_id"
    default_conn_name = "lockgate_default"
    conn_type = "lockgate"
    hook_name = "Lockgate"

    def __init__(self, lockgate_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.lockgate_conn_id = lockgate_conn_id

    def get_conn(self) -> Settings:
        """Return what the connection says; what it leaves out comes from the environment."""
        connection = self.get_connection(self.lockgate_conn_id)
        said = connection.extra_dejson
        for name in ("key", "policy"):
            if not isinstance(said, Mapping) or not isinstance(said.get(name) or "", str):
                raise InputError(
                    f"the extra of the connection {self.lockgate_conn_id} is no object with {name} as text; "
                    'write {"key": "FILE", "policy": "FILE"}'
                )
        around = from_environment()
        return Settings(
            key=said.get("key") or around.key,
            policy=said.get("policy") or around.policy,
            passphrase=connection.password or None,
        )

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection's form looks."""
        return {
            "hidden_fields": ["host", "schema", "login", "port"],
            "relabeling": {"password": "Passphrase of the key"},
            "placeholders": {
                "extra": '{"key": "/etc/lockgate/signer.key.pem", "policy": "/etc/lockgate/lockgate.yaml"}'
            },
        }


def from_environment() -> Settings:
    """Return the settings of `LOCKGATE_KEY` and `LOCKGATE_POLICY`."""
    return Settings(key=os.environ.get("LOCKGATE_KEY"), policy=os.environ.get("LOCKGATE_POLICY"))


def settings(conn_id: str | None, *, optional: bool) -> Settings:
    """Return the settings of a connection, or of the environment when there is none.

    Args:
        conn_id: Id of the connection; None looks at the environment only.
        optional: Whether the connection may be missing.
    """
    if conn_id is None:
        return from_environment()
    try:
        return LockgateHook(conn_id).get_conn()
    except AirflowNotFoundException:
        if not optional:
            raise
        return from_environment()
