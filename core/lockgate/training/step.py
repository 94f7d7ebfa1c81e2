"""The context manager around a training step; see `lockgate.training`."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from lockgate import __version__, artifact, moment, outfolder
from lockgate.errors import InputError, StageError

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_Place = str | os.PathLike[str]


class TrainingStep:
    """A training step that is under way.

    Attributes:
        materials: The path to read, by name: a private copy.
        digests: DigestSet of every material, by name.
    """

    def __init__(self, taken: Mapping[str, artifact.Taken], sources: Sequence[str]) -> None:
        self.materials = {name: each.path for name, each in taken.items()}
        self.digests = {name: dict(each.digest) for name, each in taken.items()}
        self._sources = sources
        self._products: dict[str, Path] = {}

    def product(self, name: str, path: _Place) -> Path:
        """Say that the step makes this file or folder, and return its path; it is hashed at the end.

        Args:
            name: What to call it, for example ``model``.
            path: Where it is, or will be, on this machine.

        Raises:
            InputError: The name is taken or none, or the path is that of a material.
        """
        _check_name(name, "product")
        if name in self._products:
            raise InputError(f"there are two products called {name!r}; give each a name of its own")
        place = outfolder.on_this_machine(path, f"product {name!r}")
        if any(_same(place, source) for source in self._sources):
            raise InputError(f"product {name!r} would replace a material; give it another path than {place}")
        self._products[name] = place
        return place

    def _digests_of_products(self, record: Path) -> dict[str, artifact.DigestSet]:
        if not self._products:
            raise InputError("the training step has no product; call step.product(name, path) in its block")
        found = {}
        for name, path in self._products.items():
            if outfolder.holder(record, [str(path)]) is not None or _same(record, str(path)):
                raise InputError(f"the record {record} would alter the product {name!r}; put it elsewhere")
            try:
                found[name] = artifact.digest(path)
            except InputError as error:
                raise type(error)(f"product {name!r}: {error}") from None
        return found


@contextlib.contextmanager
def training_step(
    *,
    materials: Mapping[str, _Place],
    record: _Place,
    parameters: Mapping[str, Any] | None = None,
    expect: Mapping[str, _Place | Mapping[str, str]] | None = None,
    keys: _Place | Sequence[_Place] = (),
    attested_by: str | None = None,
    code: _Place | None = None,
) -> Iterator[TrainingStep]:
    """Bind what a block of code trains on, and what it makes, to a record of their digests.

    The record is written when the block ends without an error; one that a former step left is removed
    when it begins.

    Args:
        materials: Path or URI of everything that is trained on, by name.
        record: Where to write the record, for example ``out/step.json``.
        parameters: What training is called with: text, numbers, lists and objects.
        expect: What a material must be, by name, or nothing is trained: its digest (64 hexadecimal digits,
            or a DigestSet), or the path of an attestation, whose run must have passed and whose first
            subject the material must be.
        keys: Public keys, ``NAME.pub.pem``, one of which must have signed such an attestation.
        attested_by: The stage that must have written such an attestation, for example ``validate-data``: a
            pipeline signs the attestations of all its stages with one key, and not every one looks at data.
        code: A file or folder of the training code, to record its git commit: ``code=__file__``.

    Raises:
        InputError: A material cannot be read or is not what was expected, or a product is missing.
        StageError: There is no room for the copies, or the record cannot be written.
    """
    from lockgate.training import record as records
    from lockgate.training import surroundings

    target = outfolder.on_this_machine(record, "the record of the step")
    called_with = dict(parameters or {})
    records.canonical(called_with, "the parameters of the step")
    _check_materials(materials, target)
    for name in expect or {}:
        if name not in materials:
            raise InputError(f"{name!r} is expected, but is no material; name it among the materials")
    started = moment.now()
    made_of = surroundings.revision(Path(code)) if code is not None else None
    with artifact.private_folder() as private:
        _discard(target)
        taken = {name: _take(name, os.fspath(uri), private) for name, uri in materials.items()}
        for name, expected in (expect or {}).items():
            _check_expected(name, taken[name], expected, keys, attested_by)
        step = TrainingStep(taken, [os.fspath(uri) for uri in materials.values()])
        yield step
        products = step._digests_of_products(target)  # noqa: SLF001 - the two are one thing
        where = surroundings.installed()
        content = {
            "version": __version__,
            "materials": step.digests,
            "products": products,
            "parameters": called_with,
            "code": made_of,
            "environment": {"python": platform.python_version(), "platform": _platform(), **where},
            "started": started,
            "finished": max(started, moment.now()),  # a clock that was set back meanwhile
        }
        _write(target, records.dump(content))


def _check_materials(materials: Mapping[str, _Place], record: Path) -> None:
    if not materials:
        raise InputError("a training step needs a material; name what it trains on")
    for name, uri in materials.items():
        _check_name(name, "material")
        text = os.fspath(uri)
        inside = outfolder.holder(record, [text]) is not None
        if inside or (outfolder.is_local(text) and _same(record, text)):
            raise InputError(f"the record {record} would alter the material {name!r}; put it elsewhere")


def _check_name(name: str, what: str) -> None:
    from lockgate.training.record import NAME

    if not isinstance(name, str) or not re.match(NAME, name) or name.endswith("\n"):
        raise InputError(f"a {what} cannot be called {str(name)[:80]!r}; use letters, digits, _ . and -")


def _take(name: str, uri: str, private: Path) -> artifact.Taken:
    """Copy a material; the copy keeps the ending of its name, which readers of tables look at."""
    suffix = PurePosixPath(artifact.display(uri)).suffix
    try:
        return artifact.take(uri, private, name + (suffix if _SUFFIX.match(suffix) else ""))
    except InputError as error:
        raise type(error)(f"material {name!r}: {error}") from None


def _check_expected(
    name: str,
    taken: artifact.Taken,
    expected: _Place | Mapping[str, str],
    keys: _Place | Sequence[_Place],
    attested_by: str | None,
) -> None:
    if isinstance(expected, Mapping):
        held, source = dict(expected) == taken.digest, "the digest that is expected"
    elif isinstance(expected, str) and _HEX.match(expected):
        held, source = expected in taken.digest.values(), "the digest that is expected"
    else:
        held, source = _attested(Path(expected), taken.digest, keys, attested_by), f"what {expected} attests"
    if not held:
        raise InputError(
            f"material {name!r} is not {source}: {taken.uri} was altered or is another file; verify it again"
        )


def _attested(
    attestation: Path, digest: Mapping[str, str], keys: _Place | Sequence[_Place], attested_by: str | None
) -> bool:
    """Return whether a signed attestation of a run that passed has the digest as its first subject."""
    from lockgate.attest import envelope
    from lockgate.attest.keys import load_public
    from lockgate.documents import read_bytes

    trusted = [keys] if isinstance(keys, (str, os.PathLike)) else list(keys)
    if not trusted:
        raise InputError(f"{attestation} counts only with its signer's public key; give it as keys=")
    if not attested_by:
        raise InputError(f"{attestation} may be of any stage; give the one that you rely on as attested_by=")
    raw = read_bytes(attestation, envelope.MAX_BYTES)
    statement = envelope.open_envelope(raw, [load_public(Path(key)) for key in trusted]).statement
    if statement.run.stage != attested_by:
        raise InputError(
            f"{attestation} was written by {statement.run.stage}, not by {attested_by}; give the one of that"
        )
    if not statement.run.opens:
        raise InputError(
            f"{attestation} says {statement.run.verdict} of what was verified; train on data that passed"
        )
    return statement.subjects[0].is_(digest)


def _same(path: Path, uri: str) -> bool:
    return outfolder.is_local(uri) and os.path.realpath(path) == os.path.realpath(artifact.local_path(uri))


def _discard(record: Path) -> None:
    if record.is_dir():
        raise InputError(f"the record of the step is a folder, {record}; give the path of a file")
    outfolder.check_writable(record.parent, "the record of the step")
    artifact.discard(record)


def _write(record: Path, content: bytes) -> None:
    try:
        with artifact.written_whole(record) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise StageError(
            f"the record of the step cannot be written to {record}: {error.strerror}; "
            "make room or choose another place"
        ) from None


def _platform() -> str:
    return f"{platform.system()}-{platform.machine()}"
