"""The stage `build-bom`.

Rules:
``LG-BOM-001`` there is no file in the model;
``LG-BOM-002`` nobody has written a card of the model;
``LG-BOM-003`` the card leaves out what a reader looks for first;
``LG-BOM-004`` no provenance says how the model was trained;
``LG-BOM-005`` an attestation was signed by no given key, or altered since;
``LG-BOM-006`` an attestation is about another artifact;
``LG-BOM-007`` no dataset is named;
``LG-BOM-008`` the dataset is none of those that the provenance names;
``LG-BOM-009`` nothing says which libraries the model runs with;
``LG-BOM-010`` libraries are not pinned, or have no digest in the lock;
``LG-BOM-011`` the lock is not the one that the training recorded;
``LG-BOM-012`` the card describes a dataset that nothing else names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from lockgate import __version__, artifact
from lockgate.errors import InputError
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.stage import Artifact, DatasetIn, EvidenceIn, FileIn, ModelIn, Threshold, stage

if TYPE_CHECKING:
    from lockgate.attest.predicates.provenance import Provenance
    from lockgate.bom.card import Card
    from lockgate.bom.compose import Data, File
    from lockgate.bom.libraries import Library
    from lockgate.bom.vouched import Voucher

BomOut = Annotated[Path, Artifact("file", "out", ".cdx.json")]
SpdxOut = Annotated[Path, Artifact("evidence", "out", ".json")]
_MAX_FILES = 2_000  # the validator compares each with each, which takes seconds at this number
_MAX_BYTES = 8_000_000  # of a bill, so that its attestation stays within what is read
_NAMED = 5  # names in a sentence


@stage("build-bom", threats=["supply-chain"], attests="cyclonedx")
def build_bom(
    model: ModelIn,
    bom: BomOut,
    bom_spdx: SpdxOut,
    card: FileIn | None = None,
    data: DatasetIn | None = None,
    lock: FileIn | None = None,
    provenance: EvidenceIn | None = None,
    attestations: EvidenceIn | None = None,
    key: FileIn | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    installed: bool = False,
    spdx: bool = False,
    need_card: Threshold[bool] = False,
    need_provenance: Threshold[bool] = False,
    need_libraries: Threshold[bool] = False,
) -> Outcome:
    """Write the bill of materials of a model: a CycloneDX 1.6 ML-BOM, attached as an attestation.

    It names the files of the model, its card, what it was trained on, its libraries, how it was trained and
    which signed attestations there are about it, each by digest. What an attestation says counts only if the
    given key signed it and it is about this very model. No model is loaded.

    The same inputs give the same bytes: the bill carries no time of its own, and its serial number follows
    from its content. The predicate of the attestation is the bill itself.

    Args:
        model: The model, a file or a folder.
        bom: The bill of materials, JSON in canonical form.
        bom_spdx: With `spdx`, the bill in SPDX 3.0.1.
        card: What people say of the model, a YAML file: `lockgate.bom.card` shows its keys.
        data: What it was trained on, when no provenance names it.
        lock: The libraries that it runs with: requirement lines, `pylock.toml` or `uv.lock`, or a folder: one
            of these with what it includes, or what is installed (the `site-packages` of an environment).
        provenance: The attestation of `record-provenance`.
        attestations: Further attestations about the model: a file, or a folder of them. Numbers that they
            measured become performance metrics.
        key: The public key that must have signed provenance and attestations.
        name: What the model is called; outweighs the card.
        version: Its version; outweighs the card.
        installed: Without a lock, name the libraries that are installed where this stage runs. The result
            then differs from machine to machine.
        spdx: Attach the bill in SPDX 3.0.1 as well, with the model as an AI package. It carries the time at
            which it was written, and so is no part of the result.
        need_card: Whether a missing card is a FAIL.
        need_provenance: Whether missing provenance is a FAIL.
        need_libraries: Whether missing libraries are a FAIL.
    """
    from lockgate import dependencies
    from lockgate.bom import card as cards
    from lockgate.bom import check, compose
    from lockgate.bom import spdx as spdx3

    check.require()
    if lock or installed:
        dependencies.require()
    if spdx:
        spdx3.require()
    outcome, digest = Outcome(), artifact.digest(model)
    said = cards.load(card) if card else cards.Card()
    named = name or said.name or "model"
    files = _files(outcome, model, named)
    _check_card(outcome, said, given=card is not None, unmet=_unmet(need_card))
    made, vouchers = _attested(outcome, provenance, attestations, key, digest, _unmet(need_provenance))
    datasets = _datasets(outcome, said, artifact.digest(data) if data else None, made)
    libraries = _libraries(outcome, lock, installed, made, _unmet(need_libraries))
    parts = compose.Parts(
        name=named,
        version=version or said.version or "",
        digest=digest,
        files=files,
        card=said,
        data=datasets,
        libraries=libraries,
        provenance=made,
        vouchers=vouchers,
        tool=__version__,
        licence=check.licence,
    )
    bill = compose.compose(parts)
    text = compose.text(bill)
    if len(text.encode()) > _MAX_BYTES:
        raise InputError(
            f"the bill of materials has more than {_MAX_BYTES:,} bytes; give a smaller model folder"
        )
    check.check(text)
    outcome.check("schema", value=True, comparator="==", threshold=True)
    bom.write_text(text, "utf-8")
    if spdx:
        bom_spdx.write_text(spdx3.compose(parts, bill["serialNumber"], _now()), "utf-8")
    outcome.context["bom"] = bill
    outcome.metrics = {
        "files": len(files),
        "datasets": len(datasets),
        "libraries": len(libraries or ()),
        "attestations": len(vouchers),
    }
    outcome.facts = {"Model": named, "Serial number": bill["serialNumber"]}
    outcome.tables["Components"] = _table(bill)
    return outcome


# --- Parts ------------------------------------------------------------------------------------------


def _files(outcome: Outcome, model: Path, named: str) -> list[File]:
    from lockgate.bom.compose import File
    from lockgate.bom.facts import facts

    paths = sorted(p for p in model.rglob("*") if p.is_file()) if model.is_dir() else [model]
    if len(paths) > _MAX_FILES:
        raise InputError(f"the model has {len(paths):,} files; a bill names at most {_MAX_FILES:,}")
    if not outcome.check("files", value=len(paths), comparator=">=", threshold=1):
        message = "There is no file in the model."
        _find(
            outcome,
            "LG-BOM-001",
            Severity.HIGH,
            message,
            "files",
            "Give the folder that the model was saved to.",
        )
    return [
        File(
            path=path.relative_to(model).as_posix() if model.is_dir() else named,
            sha256=artifact.digest(path)["sha256"],
            size=path.stat().st_size,
            facts=facts(path),
        )
        for path in paths
    ]


def _check_card(outcome: Outcome, card: Card, *, given: bool, unmet: Verdict) -> None:
    if not outcome.check("card", value=given, comparator="==", threshold=True, failing=unmet):
        message = "Nobody has written down what the model is for, and where its limits are."
        _find(outcome, "LG-BOM-002", _weight(unmet), message, "card", "Write a card, and give it as card.")
        return
    missing = card.left_out
    if not outcome.check(
        "card-fields", value=len(missing), comparator="==", threshold=0, failing=Verdict.WARN
    ):
        message = f"The card leaves out {', '.join(missing)}."
        _find(outcome, "LG-BOM-003", Severity.MEDIUM, message, "card-fields", "Add them to the card.", "card")


def _attested(
    outcome: Outcome,
    provenance: Path | None,
    attestations: Path | None,
    key: Path | None,
    digest: Mapping[str, str],
    unmet: Verdict,
) -> tuple[Provenance | None, list[Voucher]]:
    """Return how the model was trained and every attestation about it, as far as the key signed them."""
    from lockgate.attest import keys
    from lockgate.bom import vouched

    if (provenance or attestations) and key is None:
        raise InputError("an attestation is given and no key that must have signed it; give key")
    public = [keys.load_public(key)] if key else []
    good: dict[str, Voucher] = {}
    made: Provenance | None = None
    for what, given in (("provenance", provenance), ("attestations", attestations)):
        bad = 0
        for file in vouched.files(given):
            try:
                voucher = vouched.vouched(file, public, digest)
            except vouched.NotVouchedError as error:
                bad += 1
                fix = "Leave it out, or find out who wrote it."
                _find(outcome, error.rule, Severity.HIGH, str(error), what, fix, what)
                continue
            if what == "provenance":
                if voucher.statement.kind != "provenance":
                    raise InputError(
                        f"the provenance was written by {voucher.statement.run.stage}; "
                        "give the attestation of record-provenance"
                    )
                made = voucher.statement.claim
            good[voucher.sha256] = voucher
        if given is not None:
            outcome.check(what, value=bad, comparator="==", threshold=0)
    if provenance is None and not outcome.check(
        "provenance", value=False, comparator="==", threshold=True, failing=unmet
    ):
        message = "No provenance says how the model was trained."
        fix = "Run record-provenance after the training, and give its attestation."
        _find(outcome, "LG-BOM-004", _weight(unmet), message, "provenance", fix)
    return made, [good[name] for name in sorted(good)]


def _datasets(
    outcome: Outcome, card: Card, given: Mapping[str, str] | None, made: Provenance | None
) -> list[Data]:
    from lockgate.bom.compose import Data

    found = {each.name: (each.digest, each.uri) for each in made.datasets} if made else {}
    if given is not None and made is not None:
        known = given in [dict(digest) for digest, _ in found.values()]
        if not outcome.check("data-of-provenance", value=known, comparator="==", threshold=True):
            message = "The dataset is none of those that the provenance names."
            fix = "Give the one that was trained on, or the provenance of this model."
            _find(outcome, "LG-BOM-008", Severity.HIGH, message, "data-of-provenance", fix, "data")
    elif given is not None:
        found = {"data": (given, "")}
    described: dict[str, Any] = {}
    loose = []
    alone = made is None and len(card.datasets) == len(found) == 1  # the card can mean no other
    for each in card.datasets:
        names = [n for n, (digest, _) in found.items() if (each.digest or digest) == digest]
        fit = [n for n in names if each.digest or n == each.name or alone]
        described |= dict.fromkeys(fit, each)
        loose += [] if fit else [each]
    if loose:
        message = f"The card describes {_some([each.name for each in loose])}, which nothing else names."
        fix = "Write its digest into the card, or the name that the provenance has for it."
        _find(outcome, "LG-BOM-012", Severity.LOW, message, "", fix, "card")
    datasets = [
        Data(described[n].name if n in described else n, digest, uri, described.get(n))
        for n, (digest, uri) in sorted(found.items())
    ]
    datasets += [Data(each.name, each.digest or {}, card=each) for each in loose]
    if not outcome.check("datasets", value=len(datasets), comparator=">=", threshold=1, failing=Verdict.WARN):
        message = "No dataset is named that the model was trained on."
        fix = "Give provenance, or the dataset as data."
        _find(outcome, "LG-BOM-007", Severity.MEDIUM, message, "datasets", fix)
    return datasets


def _libraries(
    outcome: Outcome, lock: Path | None, here: bool, made: Provenance | None, unmet: Verdict
) -> list[Library] | None:
    from lockgate import dependencies
    from lockgate.bom import libraries

    inventory = dependencies.read(lock) if lock else dependencies.environment.here() if here else None
    found = libraries.of(inventory) if inventory else None
    for where, reason in inventory.unreadable.items() if inventory else ():
        outcome.cannot(f"read:{where}", reason)
    if not outcome.check("libraries", value=bool(found), comparator="==", threshold=True, failing=unmet):
        message = "Nothing says which libraries the model runs with."
        _find(
            outcome,
            "LG-BOM-009",
            _weight(unmet),
            message,
            "libraries",
            "Give the lock file of its environment.",
        )
    if lock is None or inventory is None or found is None:
        return found
    weak = [each.name for each in found if not each.version or not each.digests]
    weak += libraries.nameless(inventory)
    if not outcome.check("pinned", value=len(weak), comparator="==", threshold=0, failing=Verdict.WARN):
        message = f"{_some(weak)}: not pinned to a version and a digest."
        fix = "Lock the environment with digests (uv export, pip-compile --generate-hashes)."
        _find(outcome, "LG-BOM-010", Severity.MEDIUM, message, "pinned", fix, "lock")
    recorded = made.environment if made else None
    if recorded is not None and recorded.name == "environment_lock":
        same = dict(recorded.digest) == artifact.digest(lock)
        if not outcome.check("lock-of-provenance", value=same, comparator="==", threshold=True):
            message = "The lock is not the one that the training recorded."
            fix = "Give the lock that was trained with."
            _find(outcome, "LG-BOM-011", Severity.HIGH, message, "lock-of-provenance", fix, "lock")
    return found


# --- Small helpers ----------------------------------------------------------------------------------


def _find(
    outcome: Outcome,
    rule: str,
    severity: Severity,
    message: str,
    check: str,
    fix: str,
    subject: str = "model",
) -> None:
    outcome.find(rule, severity, message, subject=subject, threat="supply-chain", fix=fix, check=check)


def _now() -> str:
    import datetime as dt

    return f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _unmet(needed: bool) -> Verdict:
    return Verdict.FAIL if needed else Verdict.WARN


def _weight(unmet: Verdict) -> Severity:
    return Severity.HIGH if unmet is Verdict.FAIL else Severity.MEDIUM


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _table(bill: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    model = bill["metadata"]["component"]
    inside = [*model.get("components", []), *bill.get("components", [])]
    return [
        {
            "component": each["name"],
            "type": each["type"],
            "version": each.get("version", ""),
            "digest": _digest(each),
        }
        for each in [model, *inside]
    ]


def _digest(component: Mapping[str, Any]) -> str:
    """Return the digest of a file, or of how many archives a library may come in."""
    hashes = [*component.get("hashes", [])]
    for each in component.get("externalReferences", []):
        hashes += each.get("hashes", [])
    if len(hashes) > 1:
        return f"of {len(hashes)} archives"
    return "".join(f"{each['alg']} {each['content']}" for each in hashes)
