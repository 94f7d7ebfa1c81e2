"""The CycloneDX predicate of in-toto: the bill of materials of a model.

https://github.com/in-toto/attestation/blob/main/spec/predicates/cyclonedx.md

The predicate is the bill (CycloneDX 1.6) as it stands in the output ``bom`` of `build-bom`. The summary of
the run lies in it as one more field, ``lockgate:result/v1``: the bill of a statement is the predicate
without that field, and its canonical form (RFC 8785) has the SHA-256 that the run gives for its output.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate.attest import fields
from lockgate.attest.fields import refuse
from lockgate.attest.predicates import STAGES

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = STAGES["cyclonedx"]
_SERIAL = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True)
class Bom:
    """A bill of materials.

    Attributes:
        serial: Its serial number.
        name: What the model is called.
        components: How many components it names beside the model and the model's files.
    """

    serial: str
    name: str
    components: int


def subjects(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the model as the one subject."""
    return [{"name": s["name"], "digest": s["digest"]} for s in document["subjects"] if s["name"] == "model"]


def from_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the predicate's own fields for a result document of `build-bom`."""
    return dict(document["context"]["bom"])


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> Bom:
    """Return what a predicate says; refuse one that is not the bill of a model that was written."""
    if run is None:
        refuse("a bill of materials comes from a run of a stage")
    from lockgate.attest.statement import EXTENSION

    bill = {name: value for name, value in predicate.items() if name != EXTENSION}
    if (bill.get("bomFormat"), bill.get("specVersion")) != ("CycloneDX", "1.6"):
        refuse("it is no CycloneDX 1.6")
    serial = fields.text(bill, "serialNumber")
    if not _SERIAL.match(serial):
        refuse("its serialNumber is no UUID")
    metadata = fields.mapping(bill.get("metadata"), "the metadata")
    model = fields.mapping(metadata.get("component"), "the component of the metadata")
    if model.get("type") != "machine-learning-model":
        refuse("it is about something else than a model")
    if _sha256(bill) != _written(predicate.get(EXTENSION)):
        refuse("it is not the bill that the run wrote")
    components = fields.items(bill.get("components", []), "the field 'components'")
    return Bom(serial, fields.text(model, "name"), len(components))


def _sha256(bill: Mapping[str, Any]) -> str:
    import rfc8785

    try:
        return hashlib.sha256(rfc8785.dumps(dict(bill))).hexdigest()
    except (ValueError, TypeError, RecursionError):  # a number that JSON readers do not keep
        refuse("it holds what has no canonical form")


def _written(said: Any) -> str:
    outputs = fields.mapping(fields.mapping(said, "the summary of the run").get("outputs"), "the outputs")
    return fields.digest_set(outputs.get("bom"), "the output").get("sha256", "")
