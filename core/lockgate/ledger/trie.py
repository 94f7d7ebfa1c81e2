"""The index of subjects: a map from 256-bit keys whose root is one hash, as pure functions.

A sparse Merkle tree (Dahlberg, Pulls and Peeters 2016, https://eprint.iacr.org/2016/683) over the
bits of the key, in which a subtree of one key is that key's leaf itself (as in Gao, Hu and Wu 2021,
"Jellyfish Merkle Tree"), so that a key lies about as deep as the logarithm of their number. An empty subtree
has the hash of 32 zero bytes. There is one tree for each content, whatever the order of writing.

A node is stored under its own hash and never changes. So every earlier root stays readable, and who
reads needs to trust nothing but a root: each step recomputes the hash that the step before it gave.
The nodes that a look-up touched are themselves the proof of what it found, presence or absence.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

EMPTY = bytes(32)
_LEAF, _NODE = b"\x02", b"\x03"  # apart from the two of the Merkle tree
_CHAIN = b"\x04"
_NODE_BYTES = 64
_LAST_BIT = 255
_RECORD = struct.Struct(">32sQ32s")  # key, count, chain

Load = Callable[[bytes], "bytes | None"]
"""Gives the content of the node with a hash, or None; what it gives is not trusted."""


class BrokenNodeError(Exception):
    """A node is missing, or its content is not what its hash says."""


@dataclass(frozen=True)
class Record:
    """What the map holds for one subject.

    Attributes:
        count: How many entries the ledger has of it.
        chain: The hash over those entries in their order; see `chained`.
    """

    count: int
    chain: bytes


NOTHING = Record(0, EMPTY)


def key_of(algorithm: str, value: str) -> bytes:
    """Return the key of a subject's digest."""
    return hashlib.sha256(f"{algorithm}:{value}".encode()).digest()


def chained(record: Record, index: int, leaf: bytes) -> Record:
    """Return a record with one more entry: its index in the ledger and its leaf hash."""
    chain = hashlib.sha256(_CHAIN + record.chain + struct.pack(">Q", index) + leaf).digest()
    return Record(record.count + 1, chain)


def digest(content: bytes) -> bytes:
    """Return the hash under which a node is stored."""
    return hashlib.sha256((_NODE if len(content) == _NODE_BYTES else _LEAF) + content).digest()


def find(root: bytes, key: bytes, load: Load) -> Record | None:
    """Return what a map holds for a key, or None when it provably holds nothing.

    Raises:
        BrokenNodeError: A node on the way is missing or altered.
    """
    _, end = _descend(root, key, load)
    return end[1] if end and end[0] == key else None


def put(root: bytes, key: bytes, record: Record, load: Load) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the root of a map with a key set, and the nodes that are new in it by their hash.

    Raises:
        BrokenNodeError: A node on the way is missing or altered.
    """
    siblings, end = _descend(root, key, load)
    content = _RECORD.pack(key, record.count, record.chain)
    node = digest(content)
    new = {node: content}
    if end and end[0] != key:  # two keys that agree so far: go on to the bit where they part
        depth = len(siblings)
        while _bit(key, depth) == _bit(end[0], depth):
            depth += 1
        other = digest(_RECORD.pack(end[0], end[1].count, end[1].chain))
        siblings += [EMPTY] * (depth - len(siblings)) + [other]
    for depth in range(len(siblings) - 1, -1, -1):
        beside = siblings[depth]
        content = beside + node if _bit(key, depth) else node + beside
        node = digest(content)
        new[node] = content
    return node, new


def reachable(root: bytes, new: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return those of some new nodes that a root leads to: the others were replaced on the way to it."""
    found: dict[bytes, bytes] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        content = new.get(node)
        if content is not None and node not in found:
            found[node] = content
            if len(content) == _NODE_BYTES:
                waiting += [content[:32], content[32:]]
    return found


def _descend(root: bytes, key: bytes, load: Load) -> tuple[list[bytes], tuple[bytes, Record] | None]:
    """Follow a key from the root: the siblings on the way, and the leaf at its end if there is one."""
    siblings: list[bytes] = []
    node = root
    while node != EMPTY:
        content = load(node)
        sound = content is not None and len(content) in (_NODE_BYTES, _RECORD.size)
        if content is None or not sound or digest(content) != node or len(siblings) > _LAST_BIT:
            raise BrokenNodeError
        if len(content) != _NODE_BYTES:
            found, count, chain = _RECORD.unpack(content)
            return siblings, (found, Record(count, chain))
        right = _bit(key, len(siblings))
        siblings.append(content[:32] if right else content[32:])
        node = content[32:] if right else content[:32]
    return siblings, None


def _bit(key: bytes, depth: int) -> int:
    return (key[depth >> 3] >> (7 - (depth & 7))) & 1
