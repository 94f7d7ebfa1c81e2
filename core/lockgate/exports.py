"""The files for other tools that a caller may ask of any run: SARIF and JUnit XML.

They say what `result.json` says, and are no part of it: neither digested nor signed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate import artifact, outfolder

# What a file of ours starts with, to be told from any other.
_HEAD = 1_000
_MARKS = (b'"name": "Lockgate"', b'<testsuites name="lockgate"')


@dataclass(frozen=True)
class Exports:
    """Where a result is written to once more.

    Attributes:
        sarif: The SARIF log, or None.
        junit: The JUnit file, or None.
    """

    sarif: Path | None = None
    junit: Path | None = None

    @classmethod
    def of(
        cls, sarif: str | os.PathLike[str] | None = None, junit: str | os.PathLike[str] | None = None
    ) -> Exports:
        """Return the exports at some paths, which must be on this machine."""
        given = {"sarif": sarif, "junit": junit}
        return cls(
            **{name: outfolder.on_this_machine(path, _called(name)) for name, path in given.items() if path}
        )

    def claim(self, out: Path, read: Iterable[str], written: Iterable[Path]) -> None:
        """Remove what a former run exported; refuse a path at which something would be lost.

        Args:
            out: The run's folder.
            read: Paths and URIs that the run reads.
            written: What else it writes.

        Raises:
            InputError: A path is that of an input, of another output, or of a folder.
        """
        taken, named = list(written), list(read)
        for name, path in self._paths():
            outfolder.check_target(path, _called(name), out=out, read=named, taken=taken)
            taken.append(path)
        for _, path in self._paths():
            artifact.discard(path)

    def write(self, document: Mapping[str, Any]) -> list[Path]:
        """Write a result document to every path, whole or not at all, and return the paths."""
        from lockgate.report import junit, sarif

        texts = {"sarif": sarif.render, "junit": junit.render}
        said = [(path, texts[name](document)) for name, path in self._paths()]
        done: list[Path] = []
        try:
            for path, text in said:
                with artifact.written_whole(path) as temporary:
                    temporary.write_text(text, "utf-8")
                done.append(path)
        except BaseException:
            for path in done:
                artifact.discard(path)
            raise
        return done

    def _paths(self) -> list[tuple[str, Path]]:
        both = {"sarif": self.sarif, "junit": self.junit}
        return [(name, path) for name, path in both.items() if path is not None]


def forget(paths: Iterable[Path]) -> None:
    """Remove what a former run exported to some paths, and nothing that is something else."""
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as stream:
                    head = stream.read(_HEAD)
                if any(mark in head for mark in _MARKS):
                    artifact.discard(path)


def _called(name: str) -> str:
    return f"--{name}"
