"""The same bill once more in SPDX 3.0.1, with the model as an AI package.

https://spdx.github.io/spdx-spec/v3.0.1/. SPDX wants a time of creation in every document, so two bills of
the same content differ: this one is attached for readers of SPDX, and is no part of what the run says.

The AI profile asks for a supplier, a version, a release time and a place to download from; the document
claims that profile when the card knows them all.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lockgate.errors import MissingExtraError, StageError

if TYPE_CHECKING:
    from lockgate.bom.compose import Parts

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_CREATION = "_:creation"


def require() -> Any:
    """Return the bindings of SPDX 3.0.1.

    Raises:
        MissingExtraError: spdx-python-model is not installed.
    """
    try:
        return importlib.import_module("spdx_python_model").v3_0_1
    except ImportError as error:
        raise MissingExtraError("supply-chain", "spdx-python-model") from error


def compose(parts: Parts, serial: str, created: str) -> str:
    """Return a bill as SPDX 3.0.1 in JSON-LD.

    Args:
        parts: What goes in.
        serial: Serial number of the CycloneDX bill; the elements are named after it.
        created: When, as ``2026-01-01T00:00:00Z``.

    Raises:
        StageError: It would not be valid.
    """
    graph = list(_Elements(parts, serial).graph(created))
    text = json.dumps({"@context": _CONTEXT, "@graph": graph}, ensure_ascii=False, sort_keys=True, indent=1)
    check(text)
    return text + "\n"


def check(text: str) -> None:
    """Raise unless a document is valid SPDX 3.0.1 whose elements are all there."""
    bindings = require()
    found = bindings.SHACLObjectSet()
    try:
        bindings.JSONLDDeserializer().read(io.BytesIO(text.encode()), found)
        bindings.JSONLDSerializer().write(found, io.BytesIO())  # what must be there is checked in writing
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error)[:200].split())
        raise StageError(f"the bill would not be valid SPDX 3.0.1: {said}; correct the card") from error
    if found.missing_ids:
        raise StageError("the bill would name elements in SPDX that are not there; report this as a defect")


class _Elements:
    """The elements of one document."""

    def __init__(self, parts: Parts, serial: str) -> None:
        self.parts = parts
        self.base = f"{serial}#"
        self.made: list[dict[str, Any]] = []

    def graph(self, created: str) -> Iterator[dict[str, Any]]:
        parts, card = self.parts, self.parts.card
        tool = self._element("Tool", "tool", name="lockgate", comment=f"version {parts.tool}")
        author = self._element("SoftwareAgent", "agent", name="lockgate")
        supplier = card.supplier.organization if card.supplier else None
        by = self._element("Organization", "supplier", name=supplier) if supplier else None
        model = self._model(by)
        self._related(model, "contains", [self._file(file.path, file.sha256) for file in parts.files])
        self._related(model, "trainedOn", [self._data(n, each) for n, each in enumerate(parts.data, 1)])
        self._related(model, "dependsOn", [self._library(each) for each in parts.libraries or ()])
        licences = [
            self._element("simplelicensing_LicenseExpression", f"licence-{n}", **_licence(said, parts))
            for n, said in enumerate(card.licenses, 1)
        ]
        for licence in licences:
            self._related(model, "hasDeclaredLicense", [licence])
        yield {
            "type": "CreationInfo",
            "@id": _CREATION,
            "specVersion": "3.0.1",
            "created": created,
            "createdBy": [author],
            "createdUsing": [tool],
        }
        whole = by and parts.version and card.released and card.download
        self._element(
            "SpdxDocument",
            "document",
            rootElement=[model],
            element=[each["spdxId"] for each in self.made],
            profileConformance=["core", "software", *(["ai"] if whole else [])],
        )
        yield from self.made

    def _model(self, supplier: str | None) -> str:
        parts, card = self.parts, self.parts.card
        considered = card.considerations
        facts = dict(parts.files[0].facts) if len(parts.files) == 1 else {}
        kind = [card.approach, card.architecture_family, card.architecture or facts.get("architecture")]
        called = parts.provenance.parameters if parts.provenance else {}
        return self._element(
            "ai_AIPackage",
            "model",
            name=parts.name,
            description=card.description,
            software_packageVersion=parts.version,
            software_primaryPurpose="model",
            software_downloadLocation=card.download,
            releaseTime=card.released,
            suppliedBy=supplier,
            verifiedUsing=_hashes(parts.digest),
            comment=_other(parts.digest),
            ai_domain=[card.task] if card.task else [],
            ai_typeOfModel=[each for each in kind if each],
            ai_limitation="\n".join(considered.limitations),
            ai_informationAboutApplication="\n".join(considered.use_cases),
            ai_informationAboutTraining=f"Made by {parts.provenance.builder}." if parts.provenance else None,
            ai_hyperparameter=[_entry(name, value) for name, value in sorted(called.items())],
            ai_metric=[_entry(each.type, each.value) for each in card.metrics],
            externalRef=[
                {
                    "type": "ExternalRef",
                    "externalRefType": "secureSoftwareAttestation",
                    "locator": [f"sha256:{voucher.sha256}"],
                    "comment": f"{voucher.statement.run.stage}: {voucher.statement.run.verdict}",
                }
                for voucher in parts.vouchers
            ],
        )

    def _file(self, path: str, sha256: str) -> str:
        name = f"file-{quote(path, safe='')}"
        return self._element("software_File", name, name=path, verifiedUsing=_hashes({"sha256": sha256}))

    def _data(self, number: int, data: Any) -> str:
        card = data.card
        return self._element(
            "dataset_DatasetPackage",
            f"data-{number}",
            name=data.name,
            description=card.description if card else None,
            software_primaryPurpose="data",
            software_downloadLocation=data.uri or (card.url if card else None),
            dataset_datasetType=["noAssertion"],
            verifiedUsing=_hashes(data.digest),
            comment=_other(data.digest),
        )

    def _library(self, library: Any) -> str:
        version = f"@{quote(library.version, safe='')}" if library.version else ""
        return self._element(
            "software_Package",
            f"library-{library.name}{version}",
            name=library.name,
            software_packageVersion=library.version,
            software_packageUrl=library.purl,
        )

    def _related(self, source: str, how: str, targets: list[str]) -> None:
        if targets:
            name = f"{how}-{len(self.made)}"
            self._element("Relationship", name, **{"from": source, "to": targets, "relationshipType": how})

    def _element(self, kind: str, at: str, /, **said: Any) -> str:
        known = {key: value for key, value in said.items() if value not in (None, "", [])}
        self.made.append({"type": kind, "spdxId": self.base + at, "creationInfo": _CREATION, **known})
        return self.base + at


def _hashes(digest: Mapping[str, str]) -> list[dict[str, str]]:
    return (
        [{"type": "Hash", "algorithm": "sha256", "hashValue": digest["sha256"]}] if "sha256" in digest else []
    )


def _other(digest: Mapping[str, str]) -> str:
    return ", ".join(f"{name}:{value}" for name, value in digest.items() if name != "sha256")


def _entry(name: str, value: Any) -> dict[str, str]:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return {"type": "DictionaryEntry", "key": name, "value": text}


def _licence(said: str, parts: Parts) -> dict[str, str]:
    made = parts.licence(said)
    known = "expression" in made or "id" in dict(made.get("license") or {})
    expression = said if known else "LicenseRef-stated"
    return {"simplelicensing_licenseExpression": expression, **({} if known else {"comment": said})}
