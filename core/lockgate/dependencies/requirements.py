"""Read a requirements file as pip does (its "Requirements File Format"), without installing anything.

What pip would fetch to go on reading (a file at a URL, a file outside of the given folder) is refused.
A line that cannot be read is kept as such: the packages of a file with one are not all known.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from lockgate.dependencies import address
from lockgate.dependencies.digests import of_text
from lockgate.dependencies.package import Inventory, Package, Remark
from lockgate.documents import read_bytes
from lockgate.errors import InputError

MAX_BYTES = 20_000_000
_MAX_FILES = 50
_MAX_LINE = 1_000_000  # characters of a line with all that it continues on: thousands of hashes
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_HASH = re.compile(r"--hash[= ]\s*(\S+)")
_OPTION = re.compile(r"\s--?[a-z]")
_NAMED = re.compile(
    r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*@\s*(?=[A-Za-z][\w+.-]*:)"
)  # of PEP 508: name @ URL
_SHORT = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url",
    "-f": "--find-links",
}  # fmt: skip
_REMARKS = {
    "--index-url": "index",
    "--pypi-url": "index",
    "--extra-index-url": "extra-index",
    "--find-links": "find-links",
    "--trusted-host": "trusted-host",
    "--pre": "pre",
}
_FLAGS = ("--pre", "--no-index", "--require-hashes", "--prefer-binary")  # options without a value
_SILENT = (
    "--no-index", "--require-hashes", "--no-binary", "--only-binary", "--prefer-binary", "--use-feature",
)  # fmt: skip


@dataclass
class _Reader:
    """Follows includes inside one folder."""

    root: Path | None
    packages: list[Package] = field(default_factory=list)
    constraints: list[Package] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def read(path: Path, member: str = "") -> Inventory:
    """Return what a requirements file names.

    Args:
        path: The file; or, with `member`, the folder that its includes may lie in.
        member: The file's path inside that folder.

    Raises:
        InputError: It is not UTF-8 text, too large, or includes what is not read here.
    """
    reader = _Reader(path if member else None)
    _file(reader, path / member if member else path, member, constraint=False)
    pins = {p.key: p for p in reader.constraints if p.version}
    packages = tuple(
        replace(p, version=pins[p.key].version)
        if p.source == "index" and not p.version and p.key in pins
        else p
        for p in reader.packages
    )
    # pip checks the digest of everything that it installs as soon as one requirement has a digest,
    # so a file with digests throughout names all that it brings ("hash-checking mode").
    closed = bool(packages) and all(p.digests for p in packages)
    return Inventory("requirements", packages, tuple(reader.remarks), closed, unreadable=reader.unreadable)


def _file(reader: _Reader, path: Path, member: str, *, constraint: bool) -> None:
    if member in reader.files:
        return
    reader.files.append(member)
    if len(reader.files) > _MAX_FILES:
        raise InputError(f"more than {_MAX_FILES} requirement files include each other; merge them")
    for number, line in _lines(path, member):
        place = f"{member}, line {number}" if member else f"line {number}"
        try:
            _line(reader, line, number, member, constraint=constraint)
        except _CannotReadError as error:
            reader.unreadable[place] = str(error)


class _CannotReadError(ValueError):
    """A line that says nothing that can be audited."""


def _lines(path: Path, member: str) -> Iterator[tuple[int, str]]:
    """Yield what each line says with its continuations, without comments, and its first number."""
    from lockgate.documents.values import text_of

    name = member or "the requirements file"
    text = text_of(read_bytes(path, MAX_BYTES), name)
    start, parts, length = 0, list[str](), 0
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        start = start or number
        line = raw if not raw.lstrip().startswith("#") else " "
        going_on = line.endswith("\\")  # a comment does not go on, whatever its end
        parts.append(line[:-1] if going_on else line)
        length += len(line)
        if length > _MAX_LINE:
            raise InputError(f"{name}, line {start} is longer than {_MAX_LINE} characters; split it")
        if going_on:
            continue
        joined = _COMMENT.sub("", "".join(parts)).strip()
        if joined:
            yield start, joined
        start, parts, length = 0, [], 0
    joined = _COMMENT.sub("", "".join(parts)).strip()
    if joined:
        yield start, joined


def _line(reader: _Reader, line: str, number: int, member: str, *, constraint: bool) -> None:
    if line.startswith("-"):
        _option(reader, line, number, member, constraint=constraint)
        return
    package = _requirement(reader, line, number, member)
    (reader.constraints if constraint else reader.packages).append(package)


def _option(reader: _Reader, line: str, number: int, member: str, *, constraint: bool) -> None:
    """Read a line of options; pip takes several of them on one line."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise _CannotReadError("a quotation mark is not closed") from None
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            word, _, value = word.partition("=")
        else:
            word, value = word[:2], word[2:].removeprefix("=")  # -rother.txt
        word = _SHORT.get(word, word)
        if word not in _FLAGS and not value and words and word in (*_SHORT.values(), *_REMARKS, *_SILENT):
            value = words.pop(0)
        _one_option(reader, word, value, number, member, constraint=constraint)


def _one_option(
    reader: _Reader, word: str, value: str, number: int, member: str, *, constraint: bool
) -> None:
    if word in ("--requirement", "--constraint"):
        _include(reader, value, member, constraint=constraint or word == "--constraint")
    elif word == "--editable":
        named = _NAMED.match(value)
        where = _address(reader, value[named.end() :] if named else value, number, member, editable=True)
        path = where.shown.rpartition("@")[0] or where.shown if where.source == "vcs" else where.shown
        name = where.egg or (named and named.group(1)) or PurePosixPath(path).name.removesuffix(".git")
        found = Package(
            name or "an editable package",
            source=where.source,
            address=where.shown,
            fixed=where.fixed,
            line=number,
            member=member,
        )
        (reader.constraints if constraint else reader.packages).append(found)
    elif word in _REMARKS:
        shown = value
        if word != "--pre" and "://" in value:
            shown = _address(reader, value, number, member).shown
        reader.remarks.append(Remark(_REMARKS[word], shown, number, member))
    elif word not in _SILENT:
        raise _CannotReadError(f"the option {word[:40]!r} is not known")


def _include(reader: _Reader, value: str, member: str, *, constraint: bool) -> None:
    if not value or "://" in value:
        raise InputError(
            f"{member or 'the requirements file'} includes {address.parse(value).shown!r}, which is no local "
            "file; copy it into the folder and include it by its name"
        )
    if reader.root is None:
        raise InputError(
            f"the requirements file includes {value!r}, which is not given; give the folder that holds both"
        )
    parts: list[str] = []
    for part in (PurePosixPath(member).parent / value).parts:
        if part == "..":
            if not parts:
                raise InputError(
                    f"{member} includes {value!r}, which is outside of the folder; move it inside"
                )
            parts.pop()
        elif part == "/" or "\x00" in part:
            raise InputError(f"{member} includes {value!r}, which is outside of the folder; move it inside")
        else:
            parts.append(part)
    inner = "/".join(parts)
    _file(reader, reader.root / inner, inner, constraint=constraint)


def _requirement(reader: _Reader, line: str, number: int, member: str) -> Package:
    if _VARIABLE.search(line):
        raise _CannotReadError("it holds an environment variable, whose value is not known here")
    found = set[str]()
    for digest in _HASH.findall(line):
        if re.fullmatch(r"[0-9a-fA-F]+", digest.partition(":")[2]) is None:
            raise _CannotReadError("a --hash is no digest")
        found.update(of_text(digest))
    digests = tuple(sorted(found))
    options = _OPTION.search(line)
    text = line[: options.start()].strip() if options else line
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return _bare_address(reader, text, number, member, digests)
    if parsed.url:
        where = _address(reader, parsed.url, number, member)
        return Package(
            parsed.name,
            _version_in(where.shown),
            digests=digests or where.digests,
            line=number,
            source=where.source,
            address=where.shown,
            fixed=where.fixed or bool(digests),
            member=member,
        )
    return Package(
        parsed.name, pinned(str(parsed.specifier)), str(parsed.specifier), digests, line=number, member=member
    )


def _bare_address(reader: _Reader, text: str, number: int, member: str, digests: tuple[str, ...]) -> Package:
    """Return a requirement that is only a URL, or a path of a file or folder."""
    text = text.split(" ; ", maxsplit=1)[0].strip()
    if " " in text or not re.search(r"[/\\]|\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)(?:$|#)|^\.", text):
        raise _CannotReadError("it is no requirement")
    where = _address(reader, text, number, member)
    file = PurePosixPath(where.shown.rpartition("@")[0] if where.source == "vcs" else where.shown).name
    name = where.egg or re.split(r"-\d|\.(?:whl|zip|tar|tgz|git)", file)[0] or "a path"
    return Package(
        name,
        _version_in(where.shown),
        digests=digests or where.digests,
        source=where.source,
        address=where.shown,
        fixed=where.fixed or bool(digests),
        line=number,
        member=member,
    )


def _address(
    reader: _Reader, text: str, number: int, member: str, *, editable: bool = False
) -> address.Address:
    where = address.parse(text, editable=editable)
    if where.credentials:
        reader.remarks.append(Remark("credentials", where.shown, number, member))
    if where.plain:
        reader.remarks.append(Remark("plain", where.shown, number, member))
    return where


def _version_in(shown: str) -> str | None:
    """Return the version in the name of a wheel or source archive, the only ones that state it."""
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        parse_sdist_filename,
        parse_wheel_filename,
    )

    name = PurePosixPath(shown).name
    try:
        if name.endswith(".whl"):
            return str(parse_wheel_filename(name)[1])
        return str(parse_sdist_filename(name)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def pinned(specifier: str) -> str | None:
    """Return the one version that a specifier allows, or None when it allows more."""
    found = [
        clause.strip().lstrip("=").strip()
        for clause in specifier.split(",")
        if re.match(r"\s*===?", clause) and not clause.strip().endswith(".*")
    ]
    return found[0] if len(set(found)) == 1 else None
