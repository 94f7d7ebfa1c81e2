"""The ledger: which attestations exist, so that none can be hidden, and none replaced.

    ledger = Ledger("evidence/ledger.db", origin="example.org/employment")
    ledger.append(envelope, statement.subjects, signer)                 # what a run does

    now = ledger.checkpoint(keys)                                       # what a gate does
    ledger.consistent(remembered, now)
    ledger.entries_of({"sha256": "..."}, now).envelopes                 # all of them, or an error

An evidence store holds attestations; whoever can write to it can also take a FAIL away, and an older
PASS then looks like the last word. The ledger is a Merkle log (RFC 9162) of every attestation's hash,
with an index by subject that is a Merkle tree as well. A checkpoint signs the roots of both. A reader
trusts the checkpoint's signature and nothing else, least of all the database: what is left out,
altered, added or reordered there leads to an error of its own class (`lockgate.ledger.errors`).

What a database can still do is show an earlier state in whole. So a reader keeps the last checkpoint
that it saw, and asks for `Ledger.consistent`; a writer passes it as ``seen``.

`merkle` and `trie` are the two trees as pure functions, `leaf` and `checkpoint` the two documents,
`tables`, `database` and `rows` the storage, `reading`, `writing`, `repair` and `audit` what is done
with it, `bundle` a proof to take away, and `store` the class in front of them. The decision and its
costs are in ``core/doc/adr/0006-ledger.md``.
"""

from lockgate.ledger.checkpoint import Checkpoint
from lockgate.ledger.reading import Entries, Entry
from lockgate.ledger.store import ORIGIN, Ledger
from lockgate.ledger.writing import Receipt

__all__ = ["ORIGIN", "Checkpoint", "Entries", "Entry", "Ledger", "Receipt"]
