"""Recognise what a table is kept in, by its content, and gather the part files of a folder.

An artifact that an engine hands over has no file name ending, so none is looked at.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from lockgate.errors import InputError
from lockgate.table.require import listed

Format = Literal["parquet", "arrow", "csv", "jsonl"]

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZ": "bzip2",
    b"PK": "a zip archive",
    b"\x28\xb5": "zstd",
    b"\xfd7": "xz",
}
_HEAD_BYTES = 1 << 20


def sniff(path: Path) -> Format:
    """Return the format of one file, read from its first bytes, at most a megabyte.

    Raises:
        InputError: The file is empty, or it is packed or of a format that is not read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path and its rights") from None
    if not head:
        raise InputError(f"{path} is an empty file; give a table with a header and rows")
    if head[:4] in (b"PAR1", b"PARE"):
        return "parquet"
    if head[:6] == b"ARROW1" or head[:4] == b"\xff\xff\xff\xff":
        return "arrow"
    if head[:2] in _PACKED and b"\x00" in head:
        raise InputError(f"{path} is packed with {_PACKED[head[:2]]}; unpack it first")
    if b"\x00" in head:
        raise InputError(
            f"{path} is neither Parquet, Arrow, CSV nor JSON lines; convert it to one of these, in UTF-8"
        )
    if head.startswith(b'{"schema": "lockgate.profile/'):
        raise InputError(f"{path} is a profile, which has no rows; give it as baseline_profile")
    return "jsonl" if head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{" else "csv"


def file_format(path: Path) -> Format:
    """Return the format of a file, or of every part file in a folder.

    Raises:
        InputError: The path is missing, of no known format, or a folder of mixed formats.
    """
    return part_files(path)[1]


def part_files(path: Path) -> tuple[list[Path], Format]:
    """Return the files that make up a table, in the order of their names, and their common format.

    Raises:
        InputError: The path is missing, or a folder that is empty or of mixed formats, or one of text
            files that is partitioned.
    """
    if not path.exists():
        raise InputError(f"there is no file or folder {path}; check the path")
    if not path.is_dir():
        return [path], sniff(path)
    files = sorted(
        f
        for f in path.rglob("*")
        if f.is_file() and not any(part[0] in "._" for part in f.relative_to(path).parts)
    )
    if not files:
        raise InputError(
            f"the folder {path} holds no table files; give a folder of Parquet, Arrow, CSV or JSON lines"
        )
    forms = {sniff(file): file for file in files}
    if set(forms) != {"parquet"} and any(partition_columns([file], path) for file in files):
        raise InputError(
            f"{path} is partitioned by folder names, which are read of Parquet only; write it as Parquet, "
            "or write that column into the files"
        )
    if len(forms) > 1:
        raise InputError(
            f"the folder {path} mixes {' and '.join(sorted(forms))} files; keep one format in it"
        )
    return files, next(iter(forms))


def partition_columns(files: Sequence[Path], path: Path) -> list[str]:
    """Return the columns that folder names such as ``day=2026-01-31`` hold, outermost first.

    Raises:
        InputError: The files lie below different columns.
    """
    if not path.is_dir():
        return []
    found = {
        tuple(part.partition("=")[0] for part in file.relative_to(path).parts[:-1] if "=" in part)
        for file in files
    }
    if len(found) > 1:
        names = sorted({name for key in found for name in key})
        raise InputError(
            f"{path} has files that lie below different columns ({listed(names)}); partition all of it alike"
        )
    return list(found.pop()) if found else []


@contextlib.contextmanager
def readable(path: Path, form: Format) -> Iterator[None]:
    """Turn what an engine says about an unreadable file into one sentence.

    DuckDB reads pages when a query needs them, so a damaged file may show in any query.

    Raises:
        InputError: An engine could not read the file in this block.
    """
    import duckdb
    import pyarrow as pa

    ours = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.InternalException)
    try:
        yield
    except (*ours, duckdb.OutOfMemoryException):
        raise  # not the file's fault
    except (duckdb.Error, pa.ArrowException, OSError, EOFError) as error:
        name = {"parquet": "Parquet", "arrow": "Arrow", "csv": "CSV", "jsonl": "JSON lines"}[form]
        raise InputError(f"{path} cannot be read as {name}: {_gist(error)}; write the file again") from None


def require_names(names: Sequence[str], path: Path) -> None:
    """Raise unless there are columns, and each has a name of its own.

    Raises:
        InputError: There is no column, or a name is empty, is there twice, or differs from another
            only in case or in how an accent is written.
    """
    if not names:
        raise InputError(f"{path} has no columns; give a table with columns")
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(
            f"{path} has the column {listed(twice)} more than once; give each column its own name"
        )
    if any(not name.strip() for name in names):
        raise InputError(
            f"column {[not n.strip() for n in names].index(True) + 1} of {path} has no name; name it"
        )
    # DuckDB, like SQL, does not tell `Age` from `age`; reading one for the other would be silent.
    folded: dict[str, str] = {}
    for name in names:
        other = folded.setdefault(unicodedata.normalize("NFC", name).lower(), name)
        if other != name:
            raise InputError(
                f"{path} has columns {other!r} and {name!r}, which differ only in case or in how an "
                "accent is written; rename one"
            )


def _gist(error: BaseException) -> str:
    """The first lines of an engine's message, without its advice and the data that it quotes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    quoted = ("Original Line", "Possible", "LINE ", "*")
    kept = " ".join([line for line in lines if not line.startswith(quoted)][:2])
    kept = re.sub(r"^[\w ]+ Error: ", "", kept.split(" Try ")[0])
    return re.sub(r"\{.*\} ?", "", kept)[:300].rstrip(" .;:") or type(error).__name__
