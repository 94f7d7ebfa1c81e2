"""What a training step ran with: the revision of its code, and the distributions that are installed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lockgate import artifact
from lockgate.errors import InputError

_SECONDS = 30
_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!/)(\S+)\Z")  # user@host:path, as git and scp write it
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")  # SHA-1, or SHA-256 in newer repositories


def installed(distributions: Iterable[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Return a digest of what is installed in this interpreter.

    It is the SHA-256 of the lines ``name==version``, names as PEP 503 writes them, sorted, each once.

    Args:
        distributions: Names and versions; by default all that this interpreter finds.

    Returns:
        ``digest``, a DigestSet, and ``distributions``, their number.
    """
    if distributions is None:
        from importlib import metadata

        found = metadata.distributions()
        distributions = [(each.metadata["Name"] or "", each.version or "") for each in found]
    lines = {f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}" for name, version in distributions if name}
    text = "".join(f"{line}\n" for line in sorted(lines))
    return {"digest": {"sha256": hashlib.sha256(text.encode()).hexdigest()}, "distributions": len(lines)}


def revision(code: Path) -> dict[str, Any] | None:
    """Return the commit of the git working tree that holds a file or folder; None when none does.

    Returns:
        ``revision``, the commit; ``dirty``, whether a tracked file differs from it; ``repository``, the
        URL of the remote ``origin`` without user or password, or None.

    Raises:
        InputError: The file or folder is missing.
    """
    if not code.exists():
        raise InputError(f"the code {code} does not exist; give a file or folder of the training code")
    folder = code if code.is_dir() else code.parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or not _COMMIT.match(commit):
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {
        "revision": commit,
        "dirty": changed != "",  # None, when git cannot tell, is not known to be clean
        "repository": public_repository(_git(folder, "remote", "get-url", "origin") or ""),
    }


def public_repository(address: str) -> str | None:
    """Return a repository's address as a URL without user and password; None for a path."""
    if (match := _SCP.match(address)) and "://" not in address:
        return f"ssh://{match.group(1)}/{match.group(2)}"
    scheme, separator, _ = address.partition("://")
    if not separator or scheme.lower() == "file":
        return None
    return artifact.display(address)


def _git(folder: Path, *command: str) -> str | None:
    """Return what git says, or None. It runs nothing that the repository's configuration names."""
    program = shutil.which("git")
    if program is None:
        return None
    own = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            [program, "-c", "core.fsmonitor=false", "-C", str(folder), *command],
            env=own | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None
