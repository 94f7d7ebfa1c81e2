"""Predicates: what a statement says about its subjects, one module for each kind.

Every module has

- ``TYPE``, the predicate's type URI;
- ``parse(predicate, run)``, which returns what the predicate says as a frozen dataclass, or refuses it
  (`lockgate.attest.fields.refuse`). ``run`` is the summary of the run that wrote it, or None where the
  predicate is not written by a stage;
- for a kind that a stage writes, ``from_result(document)``, which returns the fields of the predicate
  for a result document. A stage names it: ``@stage("record-provenance", attests="provenance")``.

An unknown kind is refused, so a gate cannot be opened by something that it does not understand.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from lockgate.attest.fields import refuse

STAGES = {  # what a run of a stage may write: the predicate's type by the word in @stage(attests=...)
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "provenance": "https://slsa.dev/provenance/v1",
    "verification-summary": "https://slsa.dev/verification_summary/v1",
    "cyclonedx": "https://cyclonedx.org/bom",
}
OTHERS = {  # no result of a stage: written by commands, and the memory of gate-retraining
    "policy-approval": "lockgate:policy/v1",
    "waiver": "lockgate:waiver/v1",
    "retraining-state": "lockgate:retraining-state/v1",
}
_KINDS = {uri: kind for kind, uri in {**STAGES, **OTHERS}.items()}


def module(kind: str) -> ModuleType:
    """Return the module of a kind, for example of ``provenance``."""
    return importlib.import_module(f"lockgate.attest.predicates.{kind.replace('-', '_')}")


def kind_of(uri: object) -> str:
    """Return the kind that a predicate type names.

    Raises:
        EnvelopeError: It names none that Lockgate reads.
    """
    if not isinstance(uri, str) or uri not in _KINDS:
        refuse(f"its predicateType is not one of {', '.join(sorted(_KINDS))}")
    return _KINDS[uri]
