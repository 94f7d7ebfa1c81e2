"""Read what is installed: this interpreter's packages, or a folder with ``*.dist-info`` folders in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lockgate.dependencies import address
from lockgate.dependencies.digests import holding, of_table, of_text
from lockgate.dependencies.package import Inventory, Package, Remark, is_name
from lockgate.documents import load_json, read_bytes
from lockgate.errors import InputError, LockgateError

_MAX_METADATA = 5_000_000  # bytes; a long README is in there
_MAX_FOUND = 100_000
_LONGEST = 100  # characters of a licence that is no text of one
_LICENCE = "License :: "


def folders(root: Path) -> list[Path]:
    """Return the ``*.dist-info`` folders below a folder, sorted."""
    found = sorted(path for path in root.rglob("*.dist-info") if path.is_dir())
    if len(found) > _MAX_FOUND:
        raise InputError(f"the folder holds more than {_MAX_FOUND} installed packages; give a smaller one")
    return found


def read(root: Path) -> Inventory:
    """Return what is installed in a folder; nothing in it is imported."""
    return _inventory((path, path.relative_to(root).as_posix()) for path in folders(root))


def here() -> Inventory:
    """Return what is installed for this interpreter."""
    from importlib.metadata import distributions

    found: dict[Path, None] = {}
    for each in distributions():
        path = getattr(each, "_path", None)  # the only way to its folder; metadata gives no other
        if isinstance(path, Path) and path.name.endswith(".dist-info"):
            found.setdefault(path)
    return _inventory((path, "") for path in sorted(found, key=lambda p: (p.name, str(p))))


def _inventory(found: Iterable[tuple[Path, str]]) -> Inventory:
    packages, remarks, unreadable = [], list[Remark](), dict[str, str]()
    seen = set[str]()
    for path, member in found:
        try:
            package = _package(path, member, remarks)
        except (LockgateError, OSError, ValueError) as error:
            unreadable[member or path.name] = str(error)[:300]
            continue
        if member or package.key not in seen:  # of two on the path, Python takes the first
            seen.add(package.key)
            packages.append(package)
    return Inventory(
        "environment",
        tuple(packages),
        tuple(remarks),
        closed=True,
        knows_licences=True,
        unreadable=unreadable,
    )


def _package(folder: Path, member: str, remarks: list[Remark]) -> Package:
    from email import message_from_bytes
    from email.policy import compat32

    # compat32 reads what a person wrote into a README without complaint; headers stand before it.
    raw = read_bytes(folder / "METADATA", _MAX_METADATA)
    said = message_from_bytes(raw.partition(b"\n\n")[0] + b"\n\n", policy=compat32)
    name, version = str(said.get("Name") or ""), str(said.get("Version") or "")
    if not is_name(name) or not version:
        raise InputError("its METADATA has no name or no version")
    source: Any = "index"
    digests: tuple[str, ...] = ()
    shown, fixed = "", False
    if (folder / "direct_url.json").is_file():  # PEP 610
        direct = load_json(read_bytes(folder / "direct_url.json"), name="direct_url.json").data
        direct = direct if isinstance(direct, dict) else {}
        info = direct.get("dir_info")
        editable = isinstance(info, dict) and info.get("editable") is True
        where = address.parse(str(direct.get("url") or ""), editable=editable)
        if where.credentials:
            remarks.append(Remark("credentials", where.shown, member=member))
        vcs, archive = direct.get("vcs_info"), direct.get("archive_info")
        source = "vcs" if isinstance(vcs, dict) else where.source
        archive = archive if isinstance(archive, dict) else {}
        told = archive.get("hashes")
        digests = holding([of_table(told) if isinstance(told, dict) else of_text(archive.get("hash"))])
        fixed = bool(digests) or (isinstance(vcs, dict) and bool(vcs.get("commit_id")))
        shown = where.shown if source in ("url", "vcs") else ""  # a path is this machine's own
    return Package(
        name,
        version,
        digests=digests,
        source=source,
        address=shown,
        fixed=fixed,
        licence=_licence(said),
        member=member,
    )


def _licence(said: Any) -> str | None:
    """Return what the metadata says: the expression (PEP 639), else the field, else the classifiers."""
    expression = said.get("License-Expression")
    if expression:
        return str(expression).strip()
    field = str(said.get("License") or "").strip()
    classifiers = list(_classified(said.get_all("Classifier") or []))
    if field and len(field) <= _LONGEST and "\n" not in field and field.upper() != "UNKNOWN":
        return field if not classifiers else f"{field} / {' / '.join(classifiers)}"
    return " / ".join(classifiers) or None


def _classified(classifiers: Iterable[Any]) -> Iterator[str]:
    for text in map(str, classifiers):
        if text.startswith(_LICENCE) and text != "License :: OSI Approved":
            yield text.rpartition(" :: ")[2]
