"""Run a module of ours in an interpreter of its own, with a request file, and say why it failed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run_apart(
    python: str,
    module: str,
    request: Mapping[str, Any],
    folder: Path,
    *,
    seconds: int,
    environment: Mapping[str, str],
) -> str | None:
    """Run ``PYTHON -m MODULE REQUEST.json`` and return its last words if it failed, else None.

    Args:
        python: The interpreter.
        module: The module to run.
        request: What is asked of it; written as JSON.
        folder: A private folder, in which it runs: ``-m`` would import a file of the caller's own
            folder that is called like the library.
        seconds: How long it may take.
        environment: Variables beside the ones that there are.

    Raises:
        OSError: The interpreter cannot be started.
        subprocess.TimeoutExpired: It took longer.
    """
    asked = folder / "request.json"
    asked.write_text(json.dumps(request), encoding="utf-8")
    done = subprocess.run(
        [python, "-W", "ignore", "-m", module, str(asked)],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if not done.returncode:
        return None
    return (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:300]
