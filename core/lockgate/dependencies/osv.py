"""Read a snapshot of advisories in the OSV format: an export of osv.dev, one file, or a folder.

Source: Open Source Vulnerability format 1.x, https://ossf.github.io/osv-schema/. Only advisories
about packages of PyPI count. The database may come from anywhere: a zip is read member by member in
memory and within limits, nothing is written to disk, and JSON is read strictly. A record that cannot
be read is counted and named, because it may be the one that matters.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lockgate.dependencies.package import normal
from lockgate.documents import load_json, read_bytes
from lockgate.errors import EnvelopeError, InputError

MAX_RECORD = 8_000_000
"""Bytes of one advisory; the longest on PyPI lists some thousand versions."""
MAX_RECORDS = 500_000
MAX_TOTAL = 4_000_000_000
"""Bytes of all advisories, unpacked."""
_MAX_ARCHIVE = 2_000_000_000
_DEPTH = 32
_ECOSYSTEM = "PyPI"
_SHOWN = 20  # unreadable records that are named


@dataclass(frozen=True)
class Affected:
    """Versions of one package that an advisory is about.

    Attributes:
        versions: Listed one by one.
        ranges: Events of each range, in order: pairs of ``introduced``, ``fixed``,
            ``last_affected`` or ``limit``, and a version.
    """

    versions: tuple[str, ...]
    ranges: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True)
class Advisory:
    """One advisory, as far as it is about one package.

    Attributes:
        id: Its own id.
        aliases: Ids of the same flaw in other databases.
        summary: One line.
        vectors: CVSS vectors.
        rated: The database's own word: LOW, MEDIUM, HIGH, CRITICAL, or empty.
        affected: What it is about.
        malicious: Whether the package itself is the attack.
    """

    id: str
    aliases: tuple[str, ...]
    summary: str
    vectors: tuple[str, ...]
    rated: str
    affected: tuple[Affected, ...]
    malicious: bool


@dataclass
class Database:
    """A snapshot of advisories.

    Attributes:
        advisories: By normalised name; only of the names that were asked for.
        records: How many records about PyPI it holds in all.
        withdrawn: How many of them are withdrawn.
        dated: The newest `modified` of any record, or None.
        unreadable: How many records could not be read.
        examples: Some of these: name to reason.
    """

    advisories: dict[str, list[Advisory]] = field(default_factory=dict)
    records: int = 0
    withdrawn: int = 0
    dated: dt.datetime | None = None
    unreadable: int = 0
    examples: dict[str, str] = field(default_factory=dict)


def load(path: Path, names: frozenset[str]) -> Database:
    """Read a database and keep what it says about some packages.

    Args:
        path: A zip of JSON files (``PyPI/all.zip`` of osv.dev), a JSON or JSON-lines file, or a folder.
        names: Normalised names.

    Raises:
        InputError: It is none of these, or past a limit.
    """
    database = Database()
    seen = set[str]()
    for name, raw in _records(path):
        try:
            data = load_json(raw, max_bytes=MAX_RECORD, max_depth=_DEPTH, name=name).data
            for record in data if isinstance(data, list) else [data]:
                _add(database, record, names, seen)
        except InputError as error:  # noqa: PERF203 - each record stands alone
            database.unreadable += 1
            if len(database.examples) < _SHOWN:
                database.examples[name] = str(error)[:300]
    return database


# --- Where records come from ------------------------------------------------------------------------


def _records(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        found: Iterable[tuple[str, bytes]] = _folder(path)
    elif zipfile.is_zipfile(path):
        found = _zip(path)
    elif _begins_as_zip(path):
        raise InputError("the database is a zip without its end; download it again")
    else:
        found = _file(path)
    total = 0
    for number, (name, raw) in enumerate(found, 1):
        total += len(raw)
        if number > MAX_RECORDS or total > MAX_TOTAL:
            raise InputError(
                f"the database holds more than {MAX_RECORDS:,} records or {MAX_TOTAL:,} bytes; "
                "give a smaller one"
            )
        yield name, raw


def _folder(root: Path) -> Iterator[tuple[str, bytes]]:
    found = False
    for path in sorted(root.rglob("*.json")):
        if path.is_file():
            found = True
            yield path.relative_to(root).as_posix(), read_bytes(path, MAX_RECORD)
    if not found:
        raise InputError("the folder of advisories holds no .json file; give an export of osv.dev")


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _zip(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.stat().st_size > _MAX_ARCHIVE:
        raise InputError(f"the database is larger than {_MAX_ARCHIVE:,} bytes; give the export of PyPI only")
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".json") and not m.is_dir()]
            if len(members) > MAX_RECORDS:
                raise InputError(f"the database holds more than {MAX_RECORDS:,} files; give a smaller one")
            names = {member.filename for member in members}
            if len(names) != len(members):
                raise InputError("the database holds two files of one name; export it again")
            if not members:
                raise InputError("the zip holds no .json file; give an export of osv.dev")
            for member in members:
                yield member.filename, _member(archive, member)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise InputError(f"the database is a zip that cannot be read: {error}; export it again") from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & 0x1:
        raise InputError(f"{member.filename!r} in the database is encrypted; export it without a password")
    with archive.open(member) as stream:  # what it says of its size is not believed
        raw = stream.read(MAX_RECORD + 1)
    if len(raw) > MAX_RECORD:
        raise InputError(
            f"{member.filename!r} in the database is larger than {MAX_RECORD:,} bytes; export it again"
        )
    return raw


def _file(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the records of a JSON file, or of one with a record a line."""
    with path.open("rb") as stream:
        head = stream.read(MAX_RECORD + 1)
        lines = head.lstrip().splitlines()
    if not lines:
        raise InputError("the file of advisories is empty; give an export of osv.dev")
    if len(head) <= MAX_RECORD and not _is_lines(lines):
        yield "the file of advisories", head
        return
    with path.open("rb") as stream:
        for number in itertools.count(1):
            line = stream.readline(MAX_RECORD + 1)
            if not line:
                return
            if len(line) > MAX_RECORD:
                raise InputError(
                    f"the file of advisories has a line {number} of more than {MAX_RECORD:,} bytes; "
                    "give one advisory a line, or the zip of osv.dev"
                )
            if line.strip():
                yield f"line {number}", line


def _is_lines(lines: list[bytes]) -> bool:
    first = lines[0].strip()
    return len(lines) > 1 and first.startswith(b"{") and first.endswith(b"}") and len(first) > len("{}")


# --- What a record says -----------------------------------------------------------------------------


def _add(database: Database, record: Any, names: frozenset[str], seen: set[str]) -> None:
    if not isinstance(record, dict) or not isinstance(record.get("id"), str) or not record["id"]:
        raise InputError("a record has no id, so it is no advisory of the OSV format")
    if record["id"] in seen:
        raise InputError(f"{record['id'][:80]} is there twice; keep one")
    seen.add(record["id"])
    version = str(record.get("schema_version", "1.0.0"))
    if version.partition(".")[0] != "1":
        raise InputError(f"{record['id'][:80]} is of version {version[:20]!r} of the format; 1 is read")
    modified = _time(record.get("modified"), record["id"])
    about: dict[str, list[Affected]] = {}
    for entry in _list(record, "affected"):
        package = entry.get("package")
        if isinstance(package, dict) and str(package.get("ecosystem")).partition(":")[0] == _ECOSYSTEM:
            name = package.get("name")
            if not isinstance(name, str) or not name:
                raise InputError(f"{record['id'][:80]} is about a package without a name")
            about.setdefault(normal(name), []).append(_affected(entry, record["id"]))
    if not about:
        return
    database.records += 1
    database.dated = max(modified, database.dated or modified)
    if record.get("withdrawn") is not None:
        database.withdrawn += 1
        return
    for name in about.keys() & names:
        database.advisories.setdefault(name, []).append(_advisory(record, tuple(about[name])))


def _advisory(record: Mapping[str, Any], affected: tuple[Affected, ...]) -> Advisory:
    aliases = tuple(a for a in record.get("aliases") or () if isinstance(a, str))
    specific = record.get("database_specific")
    rated = str(specific.get("severity", "")).upper() if isinstance(specific, dict) else ""
    ids = (record["id"], *aliases)
    entries = [record, *_list(record, "affected")]
    vectors = [
        entry["score"]
        for place in entries
        for entry in _list(place, "severity")
        if isinstance(entry.get("score"), str)
    ]
    summary = str(record.get("summary") or str(record.get("details") or "").strip().partition("\n")[0])
    return Advisory(
        id=record["id"],
        aliases=aliases,
        summary=" ".join(summary.split())[:200],
        vectors=tuple(dict.fromkeys(vectors)),
        rated={"MODERATE": "MEDIUM"}.get(rated, rated),
        affected=affected,
        malicious=any(i.startswith("MAL-") for i in ids),
    )


def _affected(entry: Mapping[str, Any], name: str) -> Affected:
    versions = entry.get("versions") or []
    if not isinstance(versions, list) or not all(isinstance(v, str) for v in versions):
        raise InputError(f"{name[:80]} has versions that are no list of texts")
    ranges = []
    for each in _list(entry, "ranges"):
        if each.get("type") == "GIT":  # commits say nothing of a released version
            continue
        events = []
        for event in _list(each, "events"):
            for kind, version in event.items():
                if kind not in ("introduced", "fixed", "last_affected", "limit") or not isinstance(
                    version, str
                ):
                    raise InputError(f"{name[:80]} has a range with the event {str(kind)[:40]!r}")
                events.append((kind, version))
        ranges.append(tuple(events))
    return Affected(tuple(versions), tuple(ranges))


def _list(entry: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(f"the field {key!r} of a record is no list of objects")
    return value


def _time(value: Any, name: str) -> dt.datetime:
    from lockgate.attest import fields

    try:
        time = str(value)
        whole, dot, rest = time.partition(".")
        if dot:  # Go writes nanoseconds
            digits = rest.rstrip("Zz")
            time = f"{whole}.{digits[:6]}Z"
        return fields.time({"modified": time}, "modified")
    except EnvelopeError:
        raise InputError(f"{name[:80]} has no time of its last change (`modified`, RFC 3339)") from None
