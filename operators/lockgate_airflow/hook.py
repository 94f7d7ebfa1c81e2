"""Where keys, policies and stores come from: an Airflow connection of type `lockgate`.

    airflow connections add lockgate_default --conn-type lockgate --conn-password PASSPHRASE \
        --conn-extra '{"key": "/etc/lockgate/signer.key.pem", "policy": "/etc/lockgate/lockgate.yaml",
                       "evidence": "s3://team/evidence", "ledger": "postgresql+pg8000://lockgate@db/lockgate",
                       "ledger_password": "..."}'

The connection may lie in any secrets backend of Airflow. A key never stands in an operator's
arguments: those are shown in the user interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from lockgate.errors import InputError, LockgateError
from lockgate.settings import NAMES, Settings, secrets_in

EXTRA = tuple(name for name in NAMES if name != "key_passphrase")
"""The settings that the extra of a connection may hold, beside `ledger_password`."""


class LockgateHook(BaseHook):
    """Read where the signing key, the policy and the stores are from a connection of type `lockgate`.

    Args:
        lockgate_conn_id: The connection. Its password is the key's passphrase; its extra holds the
            settings of `lockgate.settings.Settings`, and `ledger_password`, which goes into the URL
            of the ledger. By this name Airflow knows that it must show it to nobody.
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
        for name in (*EXTRA, "ledger_password"):
            if not isinstance(said, Mapping) or not isinstance(said.get(name) or "", str):
                raise InputError(
                    f"the extra of the connection {self.lockgate_conn_id} is no object with {name} as text; "
                    'write {"key": "FILE", "policy": "FILE"}'
                )
        ledger = said.get("ledger") or None
        if ledger and secrets_in(ledger):
            raise InputError(
                f"ledger of the connection {self.lockgate_conn_id} has a password in it, which the user "
                "interface would show; move it to ledger_password"
            )
        if ledger and said.get("ledger_password"):
            ledger = _with_password(ledger, said["ledger_password"])
        named = {name: said.get(name) or None for name in EXTRA} | {"ledger": ledger}
        settings = Settings(**named, key_passphrase=connection.password or None)
        return _masked(settings.or_else(Settings.from_environment()))

    def test_connection(self) -> tuple[bool, str]:
        """Open the key, and read the policy, the evidence store and the ledger.

        This is what the button "Test" of Airflow's user interface does. It is the API server that
        looks, which may not see the same files as a worker.

        Returns:
            Whether everything that is set can be used, and what was found or what is wrong.
        """
        try:
            settings = self.get_conn()
            found = [name for name, look in _LOOKS.items() if getattr(settings, name) and not look(settings)]
        except LockgateError as error:
            return False, str(error)
        if not found:
            return False, "The connection names nothing; give at least a key."
        return True, f"Can be used: {', '.join(found)}."


def settings(conn_id: str | None, *, optional: bool) -> Settings:
    """Return the settings of a connection, or of the environment when there is none.

    Args:
        conn_id: Id of the connection; None looks at the environment only.
        optional: Whether the connection may be missing.
    """
    if conn_id is not None:
        try:
            return LockgateHook(conn_id).get_conn()
        except AirflowNotFoundException:
            if not optional:
                raise
    return _masked(Settings.from_environment())


def _masked(settings: Settings) -> Settings:
    """Have Airflow hide what is secret, wherever it may come to be logged."""
    for secret in settings.secrets():
        mask_secret(secret)
    return settings


def _with_password(ledger: str, password: str) -> str:
    scheme, separator, rest = ledger.partition("://")
    user, at, host = rest.rpartition("@")
    if not separator or not at:
        raise InputError(
            "ledger_password is set, and ledger names no user whose password it is; "
            "write ledger as postgresql+pg8000://USER@HOST/DATABASE"
        )
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}"


# --- What "Test" looks at ---------------------------------------------------------------------------


def _key(settings: Settings) -> None:
    from lockgate.attest import keys

    keys.load_signer(settings.key or "", settings.key_passphrase)


def _policy(settings: Settings) -> None:
    from lockgate import policy

    policy.load(settings.policy or "")


def _policy_key(settings: Settings) -> None:
    from lockgate.policy import roots

    roots.load(settings.policy_key or "")


def _evidence(settings: Settings) -> None:
    from lockgate.attest.store import EvidenceStore

    EvidenceStore(settings.evidence or "").of({"sha256": "0" * 64})


def _ledger(settings: Settings) -> None:
    from lockgate.ledger.database import Database

    with Database(settings.ledger or "").reading():
        pass


_LOOKS = {
    "key": _key,
    "policy": _policy,
    "policy_key": _policy_key,
    "evidence": _evidence,
    "ledger": _ledger,
}
