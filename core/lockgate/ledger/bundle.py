"""Proofs to take away: one attestation's place in the ledger, checked later without the ledger.

{"schema": "lockgate.ledger-proof/1", "leaf": "<base64>", "index": 7, "path": ["<base64>", ...],
 "checkpoint": "<signed note>"}
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from lockgate.documents import load_json
from lockgate.errors import InputError
from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger import merkle
from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.errors import ProofError
from lockgate.ledger.reading import Entry

SCHEMA = "lockgate.ledger-proof/1"
_MAX_BYTES = 2_000_000
_LONGEST_PATH = 64
_FIELDS = {"schema", "leaf", "index", "path", "checkpoint"}


@dataclass(frozen=True)
class Proved:
    """What a proof showed.

    Attributes:
        index: The entry's place in the ledger.
        leaf: What was logged.
        checkpoint: The signed state that it is part of.
    """

    index: int
    leaf: leaves.Leaf
    checkpoint: Checkpoint


def write(entry: Entry, checkpoint: Checkpoint) -> bytes:
    """Return the proof of an entry as JSON."""
    document = {
        "schema": SCHEMA,
        "leaf": _encoded(entry.leaf),
        "index": entry.index,
        "path": [_encoded(node) for node in entry.proof],
        "checkpoint": checkpoint.note,
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def check(raw: bytes, public_keys: Iterable[Any], envelope: bytes | None = None) -> Proved:
    """Return what a proof shows, when it holds.

    Args:
        raw: The proof.
        public_keys: Keys that may sign for the ledger.
        envelope: The attestation that it has to be about.

    Raises:
        ProofError: It is no proof, does not hold, or is about another attestation.
        LedgerError: Its checkpoint is not one that a given key signed; see `checkpoint.open_note`.
    """
    try:
        data = load_json(raw, max_bytes=_MAX_BYTES, max_depth=3, name="the proof").data
    except InputError as error:
        raise ProofError(str(error)) from None
    if not isinstance(data, dict) or set(data) != _FIELDS or data["schema"] != SCHEMA:
        _refuse(f"it is not of the form {SCHEMA}")
    index, path, note = data["index"], data["path"], data["checkpoint"]
    if type(index) is not int or not isinstance(note, str) or not isinstance(path, list):
        _refuse("a field is of the wrong kind")
    if len(path) > _LONGEST_PATH:
        _refuse("its path is too long")
    payload, nodes = _decoded(data["leaf"]), [_decoded(node) for node in path]
    signed = notes.open_note(note, public_keys)
    leaf = leaves.parse(payload)
    if leaf is None or not merkle.includes(merkle.leaf_hash(payload), index, signed.size, nodes, signed.root):
        raise ProofError("the entry is not part of what the ledger signed; make the proof again")
    if envelope is not None and hashlib.sha256(envelope).hexdigest() != leaf.envelope:
        raise ProofError("the proof is about another attestation; give the one that it was made for")
    return Proved(index, leaf, signed)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decoded(value: Any) -> bytes:
    try:
        raw = base64.b64decode(value.encode("ascii"), validate=True)
    except (AttributeError, ValueError):
        _refuse("a field is not base64")
    if _encoded(raw) != value:
        _refuse("a field is not base64")
    return raw


def _refuse(what: str) -> NoReturn:
    raise ProofError(f"the proof cannot be used: {what}; make it with: lockgate ledger prove")
