"""`lockgate policy-schema`: print the JSON Schema of ``lockgate.yaml``, for editors.

    lockgate policy-schema > lockgate.schema.json

A first line ``# yaml-language-server: $schema=lockgate.schema.json`` in ``lockgate.yaml`` then gives
completion and checks while it is written.
"""

from __future__ import annotations

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; there are none."""


def main(args: argparse.Namespace) -> int:  # noqa: ARG001 - the shape of every command
    """Print the schema and return the exit code."""
    from lockgate import policy

    sys.stdout.write(json.dumps(policy.schema(), indent=2) + "\n")
    return 0
