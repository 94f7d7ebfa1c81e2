"""Calls of MLflow's client: without telemetry or noise, and with errors of one sentence.

What the client raises may repeat the server's address, and a password in that. So of an error only its
kind is told, and what the server itself said in MLflow's form of an error.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from lockgate.errors import LockgateError, StageError

_QUIET = {  # where the user has not said otherwise
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_LONGEST = 200  # characters of what a server says


class RegistryError(StageError):
    """The registry cannot be reached, or did not do what it was asked to."""


class NotThereError(RegistryError):
    """The registry has no such model, version or file."""


class AlreadyThereError(RegistryError):
    """The registry has it already: another run was faster."""


@contextlib.contextmanager
def asked(server: str, doing: str, **environ: str) -> Iterator[None]:
    """Run calls of the client, and raise what goes wrong as `RegistryError`.

    Args:
        server: What to call the server, without credentials.
        doing: What the calls are for, after "could not".
        environ: Settings of the client for these calls, where the user has not set them.
    """
    with quietly(**environ):
        try:
            yield
        except LockgateError:
            raise
        except Exception as error:  # noqa: BLE001 - the client raises its own, requests' and the system's
            raise _said(server, doing, error) from None


@contextlib.contextmanager
def quietly(**environ: str) -> Iterator[None]:
    """Set environment variables of the client that are not set, for a while."""
    ours = {name: value for name, value in {**_QUIET, **environ}.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _said(server: str, doing: str, error: Exception) -> RegistryError:
    from mlflow.exceptions import RestException

    code = str(getattr(error, "error_code", "") or "")
    status = getattr(getattr(error, "response", None), "status_code", None)
    could_not = f"{server} could not {doing}"
    if code == "UNAUTHENTICATED" or status == 401:  # noqa: PLR2004 - HTTP's number for it
        return RegistryError(
            f"{could_not}: it did not accept the credentials; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if code == "PERMISSION_DENIED" or status == 403:  # noqa: PLR2004 - the same
        return RegistryError(f"{could_not}: the credentials do not allow it; ask who runs the server")
    kind = {"RESOURCE_DOES_NOT_EXIST": NotThereError, "RESOURCE_ALREADY_EXISTS": AlreadyThereError}
    if isinstance(error, RestException) or code in kind:  # the latter from a store without a server
        words = str(getattr(error, "message", error)).removeprefix(f"{code}: ")[:_LONGEST].rstrip(". ")
        return kind.get(code, RegistryError)(f"{could_not}: {words}; correct that, or see the server's log")
    if isinstance(error, FileNotFoundError) or status == 404:  # noqa: PLR2004 - the same
        return NotThereError(f"{could_not}: it has no such file; promote the model again")
    return RegistryError(
        f"{could_not} ({code or type(error).__name__}); check its address, and that it is up"
    )
