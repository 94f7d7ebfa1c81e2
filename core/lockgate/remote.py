"""What lies elsewhere: remote stores that fsspec reads, and MLflow's registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockgate.address import REGISTERED, display
from lockgate.errors import ArtifactError

# Remote file systems that hold artifacts. Chained URLs (``a::b``) and wrappers such as
# ``reference://`` are not among them: they run more code than "read these bytes".
_REMOTE = frozenset(
    ["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "hdfs", "webhdfs", "http", "https", "memory"]
)


def read_remote(uri: str, max_bytes: int) -> bytes | None:
    """Return the bytes of a small file in a remote store, or None when there is none.

    Raises:
        ArtifactError: It cannot be read, or is larger than `max_bytes`.
    """
    system, path = _store(uri)
    try:
        with system.open(path, "rb") as stream:
            raw = bytes(stream.read(max_bytes + 1))
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise _unreachable(uri, error) from None
    if len(raw) > max_bytes:
        raise ArtifactError(f"{display(uri)} is larger than {max_bytes} bytes; give a smaller file")
    return raw


def write_remote(uri: str, raw: bytes) -> None:
    """Write a small file into a remote store, in the place of what is there.

    Raises:
        ArtifactError: It cannot be written.
    """
    system, path = _store(uri)
    try:
        system.pipe_file(path, raw)
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise ArtifactError(
            f"{display(uri)} cannot be written ({type(error).__name__}); check the address and the rights"
        ) from None


def download(uri: str, target: Path) -> None:
    """Copy a remote file or folder to a path in a private folder.

    Raises:
        ArtifactError: It cannot be read.
        RegistryError: MLflow's server does not have it, or does not answer.
    """
    if uri.startswith(REGISTERED):
        from lockgate import registry

        registry.fetch(uri, target.parent).rename(target)
        return
    system, path = _store(uri)
    try:
        system.get(path, str(target), recursive=bool(system.isdir(path)))
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise _unreachable(uri, error) from None


def _store(uri: str) -> tuple[Any, str]:
    """Return the remote file system of a URI, and the path in it."""
    scheme = uri.partition(":")[0].lower()
    if "::" in uri or scheme not in _REMOTE:
        raise ArtifactError(
            f"{display(uri)} is of a kind that is not read ({scheme}); "
            f"use a path or one of {', '.join(sorted(_REMOTE))}"
        )
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise ArtifactError(f"{display(uri)} cannot be read here: {error}") from None
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise _unreachable(uri, error) from None
    return system, str(path)


def _unreachable(uri: str, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{display(uri)} cannot be read ({type(error).__name__}); check the address and the rights"
    )
