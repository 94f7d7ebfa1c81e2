"""`lockgate answer REQUEST REPLY`: run what another interpreter asked for; see `lockgate.place`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lockgate import artifact
from lockgate.errors import LockgateError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two files to the parser."""
    parser.add_argument("request", type=Path, help="JSON file: stage, arguments, out")
    parser.add_argument("reply", type=Path, help="JSON file to write: whether the gate opens, or the error")


def main(given: argparse.Namespace) -> int:
    """Run the request, write the reply, and return the exit code."""
    from lockgate.run import run
    from lockgate.sandbox import Sandbox
    from lockgate.settings import Settings

    asked = json.loads(given.request.read_text("utf-8"))
    said: dict[str, Any] = {"opens": False, "error": None}
    code = 0
    try:
        box = asked.get("sandbox")
        result = run(
            asked["stage"],
            asked["arguments"],
            out=asked["out"],
            settings=Settings.from_environment(),
            place=Sandbox(**box) if box else "inline",
        )
        said["opens"] = result.opens
    except LockgateError as error:
        said["error"] = {"kind": type(error).__name__, "message": str(error)}
        code = error.exit_code
    with artifact.written_whole(given.reply) as temporary:
        temporary.write_text(json.dumps(said), "utf-8")
    return code
