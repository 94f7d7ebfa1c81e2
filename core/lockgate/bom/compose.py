"""Compose a bill of materials: CycloneDX 1.6, JSON in canonical form, the same bytes for the same content.

https://cyclonedx.org/docs/1.6/json/. The model is the component that the document is about, with its
model card and its files; datasets and libraries are components beside it; how it was trained is a workflow
in ``formulation``. A folder's sealed digest (`lockgate.artifact`), for which CycloneDX has no name, is the
property ``lockgate:lockgateTree1``. The serial number is a UUID over the content (RFC 9562, version 5).
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate import stage as stages
from lockgate.attest import fields

if TYPE_CHECKING:
    from lockgate.attest.predicates.provenance import Provenance
    from lockgate.bom.card import Card, Dataset, Party
    from lockgate.bom.libraries import Library
    from lockgate.bom.vouched import Voucher

MODEL = "model"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/bom")
_ALGORITHM = {"sha256": "SHA-256"}


@dataclass(frozen=True)
class File:
    """A file of the model.

    Attributes:
        path: In the folder; of a single file its name.
        sha256: Of its bytes.
        size: In bytes.
        facts: What it says of itself; see `lockgate.bom.facts`.
    """

    path: str
    sha256: str
    size: int
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Data:
    """A dataset that the model was trained on.

    Attributes:
        name: What it is called.
        digest: Its DigestSet; empty for one that only the card names.
        uri: Where it came from, or empty.
        card: What the card says of it, or None.
    """

    name: str
    digest: Mapping[str, str]
    uri: str = ""
    card: Dataset | None = None


@dataclass(frozen=True)
class Parts:
    """Everything that goes into a bill.

    Attributes:
        name: What the model is called.
        version: Its version, or empty.
        digest: Its DigestSet.
        files: Its files; one, when it is no folder.
        card: What people say of it.
        data: What it was trained on.
        libraries: What its environment holds; None when that is not known.
        provenance: How it was trained, when a signed attestation says so.
        vouchers: The signed attestations about it.
        tool: Version of Lockgate.
    """

    name: str
    version: str
    digest: Mapping[str, str]
    files: Sequence[File]
    card: Card
    data: Sequence[Data]
    libraries: Sequence[Library] | None
    provenance: Provenance | None
    vouchers: Sequence[Voucher]
    tool: str
    licence: Callable[[str], dict[str, Any]] = field(repr=False)


def compose(parts: Parts) -> dict[str, Any]:
    """Return the bill of materials as a document."""
    data = [(f"data:{number}", each) for number, each in enumerate(parts.data, 1)]
    libraries = [(f"library:{each.name}@{each.version}", each) for each in parts.libraries or ()]
    refs = [ref for ref, _ in [*data, *libraries]]
    bill = _said(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "tools": {"components": [{"type": "application", "name": "lockgate", "version": parts.tool}]},
                "component": _model(parts, [ref for ref, _ in data]),
            },
            "components": [
                *(_data(ref, each, parts) for ref, each in data),
                *(_library(ref, each) for ref, each in libraries),
            ],
            "dependencies": [{"ref": MODEL, "dependsOn": refs}, *({"ref": ref} for ref in refs)],
            "compositions": [
                {"aggregate": "complete", "assemblies": [MODEL]},
                {"aggregate": "incomplete", "dependencies": [MODEL]},
            ],
            "formulation": _formulation(parts, data),
        }
    )
    serial = uuid.uuid5(_NAMESPACE, text(bill))
    return {**bill, "serialNumber": f"urn:uuid:{serial}"}


def text(bill: Mapping[str, Any]) -> str:
    """Return a bill in its one form (RFC 8785)."""
    import rfc8785

    return rfc8785.dumps(dict(bill)).decode()


# --- The model --------------------------------------------------------------------------------------


def _model(parts: Parts, datasets: Iterable[str]) -> dict[str, Any]:
    card = parts.card
    folder = "sha256" not in parts.digest
    own = dict(parts.files[0].facts) if len(parts.files) == 1 else {}
    size = sum(file.size for file in parts.files)
    facts = {f"lockgate:{name}": value for name, value in own.items()} | {"lockgate:bytes": str(size)}
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": parts.name,
        "version": parts.version,
        "description": card.description,
        "supplier": _organization(card.supplier) if card.supplier and card.supplier.organization else None,
        "authors": [_contact(each) for each in card.authors],
        "licenses": _licences(card.licenses, parts),
        **_digest(parts.digest, facts),
        "externalReferences": [
            *([{"type": "distribution", "url": card.download}] if card.download else []),
            *(_attested(voucher) for voucher in parts.vouchers),
        ],
        "components": [_file(file) for file in parts.files] if folder else [],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": card.approach},
                "task": card.task,
                "architectureFamily": card.architecture_family,
                "modelArchitecture": card.architecture or own.get("architecture"),
                "datasets": [{"ref": ref} for ref in datasets],
                "inputs": [{"format": each} for each in card.inputs],
                "outputs": [{"format": each} for each in card.outputs],
            },
            "quantitativeAnalysis": {"performanceMetrics": [*_metrics(card), *_measured(parts.vouchers)]},
            "considerations": _considerations(card),
        },
    }


def _file(file: File) -> dict[str, Any]:
    facts = {f"lockgate:{name}": value for name, value in file.facts.items()}
    return {
        "type": "file",
        "bom-ref": f"file:{file.path}",
        "name": file.path,
        **_digest({"sha256": file.sha256}, facts | {"lockgate:bytes": str(file.size)}),
    }


def _metrics(card: Card) -> list[dict[str, Any]]:
    return [
        {
            "type": each.type,
            "value": _number(each.value),
            "slice": each.slice,
            "confidenceInterval": {
                "lowerBound": None if each.lower is None else _number(each.lower),
                "upperBound": None if each.upper is None else _number(each.upper),
            },
        }
        for each in card.metrics
    ]


def _measured(vouchers: Iterable[Voucher]) -> list[dict[str, Any]]:
    return [
        {"type": f"{voucher.statement.run.stage}: {name}", "value": _number(value)}
        for voucher in vouchers
        if _validates(voucher.statement.run.stage)
        for name, value in voucher.numbers()
    ]


def _validates(stage: str) -> bool:
    """Return whether a stage measures how a model does: it is one of the life-cycle step `validate`."""
    return stages.names().get(stage, "").startswith("lockgate.stages.validate.")


def _considerations(card: Card) -> dict[str, Any]:
    said = card.considerations
    return {
        "users": list(said.users),
        "useCases": list(said.use_cases),
        "technicalLimitations": list(said.limitations),
        "performanceTradeoffs": list(said.tradeoffs),
        "ethicalConsiderations": [{"name": e.name, "mitigationStrategy": e.mitigation} for e in said.ethical],
        "fairnessAssessments": [
            {
                "groupAtRisk": each.group,
                "benefits": each.benefits,
                "harms": each.harms,
                "mitigationStrategy": each.mitigation,
            }
            for each in said.fairness
        ],
    }


def _attested(voucher: Voucher) -> dict[str, Any]:
    run = voucher.statement.run
    return {
        "type": "attestation",
        "url": _named(voucher.sha256),
        "comment": f"{run.stage}: {run.verdict}, body {run.body_digest}",
        "hashes": _hashes({"sha256": voucher.sha256}),
    }


# --- What it is made of -----------------------------------------------------------------------------


def _data(ref: str, data: Data, parts: Parts) -> dict[str, Any]:
    card = data.card
    said = {
        "type": "dataset",
        "name": data.name,
        "contents": {"url": data.uri or (card.url if card else None)},
        "classification": card.classification if card else None,
        "sensitiveData": list(card.sensitive) if card else [],
        "governance": {
            "custodians": [_responsible(each) for each in card.custodians],
            "stewards": [_responsible(each) for each in card.stewards],
            "owners": [_responsible(each) for each in card.owners],
        }
        if card
        else {},
    }
    return {
        "type": "data",
        "bom-ref": ref,
        "name": data.name,
        "description": card.description if card else None,
        "licenses": _licences(card.licenses, parts) if card else [],
        **_digest(data.digest, {}),
        "data": [said],
    }


def _library(ref: str, library: Library) -> dict[str, Any]:
    told = [each.partition(":") for each in library.digests]
    hashes = [{"alg": f"SHA-{name.removeprefix('sha')}", "content": digest} for name, _, digest in told]
    said = {
        "type": "library",
        "bom-ref": ref,
        "name": library.name,
        "version": library.version,
        "purl": library.purl or None,
    }
    if not library.purl:  # a local file: there is one
        return {**said, "hashes": hashes}
    archives = {"type": "distribution", "url": library.purl, "comment": "the archives that the lock allows"}
    return {**said, "externalReferences": [{**archives, "hashes": hashes}] if hashes else []}


def _formulation(parts: Parts, data: Sequence[tuple[str, Data]]) -> list[dict[str, Any]]:
    made = parts.provenance
    if made is None:
        return []
    code = made.code
    components = []
    if code is not None:
        components.append(
            {
                "type": "application",
                "bom-ref": "code",
                "name": "training code",
                "version": code.digest["gitCommit"],
                "modified": code.dirty,
                "externalReferences": [{"type": "vcs", "url": code.uri}] if code.uri else [],
            }
        )
    for name, each in (("pipeline", made.pipeline), ("environment", made.environment)):
        if each is not None:
            components.append(
                {"type": "file", "bom-ref": name, "name": each.name, **_digest(each.digest, {})}
            )
    called_with = [
        {"name": name, "value": value if isinstance(value, str) else json.dumps(value, sort_keys=True)}
        for name, value in sorted(made.parameters.items())
    ]
    training = {
        "bom-ref": "training",
        "uid": made.invocation or made.builder,
        "name": f"training by {made.builder}",
        "taskTypes": ["build"],
        "timeStart": fields.written(made.started) if made.started else None,
        "timeEnd": fields.written(made.finished) if made.finished else None,
        "resourceReferences": [{"ref": each["bom-ref"]} for each in components],
        "inputs": [
            *({"resource": {"ref": ref}} for ref, each in data if each.digest),
            *([{"parameters": called_with}] if called_with else []),
        ],
        "outputs": [{"type": "artifact", "resource": {"ref": MODEL}}],
    }
    return [{"bom-ref": "formula", "components": components, "workflows": [training]}]


# --- Small parts ------------------------------------------------------------------------------------


def _digest(digest: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, Any]:
    """Return the hashes that CycloneDX knows, and all else as properties."""
    other = {f"lockgate:{name}": value for name, value in digest.items() if name not in _ALGORITHM}
    properties = [{"name": name, "value": value} for name, value in sorted({**facts, **other}.items())]
    return {"hashes": _hashes(digest), "properties": properties}


def _hashes(digest: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"alg": _ALGORITHM[name], "content": value} for name, value in digest.items() if name in _ALGORITHM
    ]


def _named(sha256: str) -> str:
    """Return the name of some bytes by their digest (RFC 6920): where they lie is not known here."""
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def _licences(said: Sequence[str], parts: Parts) -> list[dict[str, Any]]:
    """Return licences as CycloneDX takes them: one expression alone, or any number of the others."""
    made = [parts.licence(each) for each in said]
    if len(made) > 1:
        made = [{"license": {"name": e["expression"]}} if "expression" in e else e for e in made]
    return made


def _responsible(party: Party) -> dict[str, Any]:
    return {"organization": _organization(party)} if party.organization else {"contact": _contact(party)}


def _organization(party: Party) -> dict[str, Any]:
    contact = [{"email": party.email}] if party.email else []
    return {"name": party.organization, "url": [party.url] if party.url else [], "contact": contact}


def _contact(party: Party) -> dict[str, Any]:
    return {"name": party.person or party.organization, "email": party.email}


def _number(value: float | str) -> str:
    return (
        value if isinstance(value, str) else format(value, ".9g") if isinstance(value, float) else str(value)
    )


def _said(value: Any) -> Any:
    """Return a value without what nothing is known of: None, and what is left empty by that."""
    if isinstance(value, Mapping):
        made = {name: _said(item) for name, item in value.items()}
        return {name: item for name, item in made.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, (list, tuple)):
        return [item for item in map(_said, value) if item not in (None, {})]
    return value
