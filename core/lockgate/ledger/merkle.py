"""The Merkle tree of RFC 9162, section 2 (the one of RFC 6962), as pure functions over hashes.

A tree of any size falls into complete subtrees, whose hashes never change once they are full. A
subtree is named by ``(level, index)``: it covers the leaves from ``index << level`` to
``(index + 1) << level``. Whoever keeps the hashes of the complete subtrees can grow the tree and
build every proof, of every earlier size too, from a logarithmic number of them: `edge`,
`inclusion_nodes` and `consistency_nodes` say which.

Hashes are SHA-256 with a first byte that keeps leaves and nodes apart (section 2.1.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

Subtree = tuple[int, int]
"""A complete subtree: its level (0 is a leaf) and its index among those of the level."""

Hashes = Callable[[Subtree], bytes]
"""Gives the hash of a complete subtree."""

EMPTY_ROOT = hashlib.sha256().digest()
HASH_BYTES = 32
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children."""
    return hashlib.sha256(_NODE + left + right).digest()


# --- Growing ----------------------------------------------------------------------------------------


def edge(size: int) -> list[Subtree]:
    """Return the complete subtrees that a tree consists of, from the largest, on the left, on."""
    return _cover(0, size)


def grow(size: int, top: Sequence[bytes], leaf: bytes) -> tuple[list[bytes], list[tuple[Subtree, bytes]]]:
    """Add one leaf.

    Args:
        size: Leaves so far.
        top: Hashes of `edge(size)`.
        leaf: The hash of the new leaf.

    Returns:
        The hashes of ``edge(size + 1)``, and the subtrees that the leaf completes with their hashes.
    """
    kept, level, node = list(top), 0, leaf
    full = [((0, size), leaf)]
    while (size >> level) & 1:  # the last subtree of the edge is of this level
        node = node_hash(kept.pop(), node)
        level += 1
        full.append(((level, size >> level), node))
    return [*kept, node], full


def root(top: Sequence[bytes]) -> bytes:
    """Return the root of a tree from the hashes of its `edge`."""
    if not top:
        return EMPTY_ROOT
    node = top[-1]
    for left in reversed(top[:-1]):
        node = node_hash(left, node)
    return node


# --- Proofs -----------------------------------------------------------------------------------------


def inclusion_nodes(index: int, size: int) -> list[Subtree]:
    """Return the complete subtrees that a proof of inclusion is built from."""
    return [node for begin, end in _audit_path(index, size) for node in _cover(begin, end)]


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """Return the proof that a leaf is in a tree (RFC 9162, section 2.1.3.1)."""
    return [_range_hash(begin, end, hashes) for begin, end in _audit_path(index, size)]


def consistency_nodes(old: int, new: int) -> list[Subtree]:
    """Return the complete subtrees that a proof of consistency is built from."""
    return [node for begin, end in _consistency_path(old, new) for node in _cover(begin, end)]


def consistency_proof(old: int, new: int, hashes: Hashes) -> list[bytes]:
    """Return the proof that a tree continues a smaller one (RFC 9162, section 2.1.4.1)."""
    return [_range_hash(begin, end, hashes) for begin, end in _consistency_path(old, new)]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], whole: bytes) -> bool:
    """Whether a proof shows that a leaf's hash stands at an index below a root (section 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        return False
    number, last, node = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            node = node_hash(other, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, other)
        number, last = number >> 1, last >> 1
    return last == 0 and node == whole


def continues(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree continues a smaller one (section 2.1.4.2).

    Every tree continues the empty one, and itself, by an empty proof.
    """
    if not 0 <= old <= new:
        return False
    if old == 0 and old_root != EMPTY_ROOT:
        return False
    if old in (0, new):
        return not proof and (old != new or old_root == new_root)
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, other)
        number, last = number >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


# --- Ranges of leaves -------------------------------------------------------------------------------


def _audit_path(index: int, size: int) -> list[tuple[int, int]]:
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[tuple[int, int]] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return path[::-1]


def _consistency_path(old: int, new: int) -> list[tuple[int, int]]:
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not continue one of {old}")
    if old in (0, new):
        return []
    path: list[tuple[int, int]] = []
    begin, end = 0, new
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    if begin:  # otherwise what is left is the old tree, whose root the verifier has
        path.append((begin, end))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two smaller than a size."""
    return 1 << ((size - 1).bit_length() - 1)


def _cover(begin: int, end: int) -> list[Subtree]:
    """The complete subtrees that a range of a tree consists of, from the left."""
    found: list[Subtree] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def _range_hash(begin: int, end: int, hashes: Hashes) -> bytes:
    return root([hashes(node) for node in _cover(begin, end)])


def tree(leaves: Iterable[bytes]) -> tuple[bytes, dict[Subtree, bytes]]:
    """Return the root over leaf hashes, and the hash of every complete subtree."""
    top: list[bytes] = []
    nodes: dict[Subtree, bytes] = {}
    for size, leaf in enumerate(leaves):
        top, full = grow(size, top, leaf)
        nodes.update(full)
    return root(top), nodes
