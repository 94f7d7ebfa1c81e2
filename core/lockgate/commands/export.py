"""`lockgate export`: write a result that is there as SARIF or JUnit XML.

    lockgate export lockgate-out/scan-model/result.json --sarif scan.sarif --junit scan.xml

For a result from elsewhere, such as the artifact `result_json` of a KFP step. A run writes the same files
itself when it is given `--sarif` and `--junit`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError, StageError

if TYPE_CHECKING:
    from lockgate.exports import Exports

_MAX_BYTES = 100_000_000
_MAX_DEPTH = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("result", metavar="FILE", type=Path, help="a result.json")
    parser.add_argument("--sarif", metavar="FILE", help="the SARIF 2.1.0 file to write")
    parser.add_argument("--junit", metavar="FILE", help="the JUnit XML file to write")


def main(args: argparse.Namespace) -> int:
    """Write the files and return the exit code."""
    from lockgate.exports import Exports

    exports = Exports.of(args.sarif, args.junit)
    if exports == Exports():
        raise InputError("there is nothing to write; give --sarif or --junit, or both")
    for path in write(args.result, exports):
        sys.stdout.write(f"wrote  {path}\n")
    return 0


def write(result: Path, exports: Exports) -> list[Path]:
    """Write a result as what is asked for, and return what was written.

    Raises:
        InputError: It is no result of a run, or was altered.
        StageError: There is no room.
    """
    from lockgate import body
    from lockgate.documents import load_json

    document = load_json(result, max_bytes=_MAX_BYTES, max_depth=_MAX_DEPTH).data
    try:
        sound = document["schema"] == body.SCHEMA and document["body_digest"] == body.digest(document)
    except (LookupError, TypeError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise InputError(f"{result} is no result of a run, or was altered; give the result.json of one")
    exports.claim(result.parent, [str(result)], [])
    try:
        return list(exports.write(document))
    except OSError as error:
        raise StageError(f"{error.filename} cannot be written: {error.strerror}; make room") from error
    except (LookupError, TypeError, ValueError, AttributeError):  # what the digest leaves out was altered
        raise InputError(f"{result} is no whole result of a run; give the result.json of one") from None
