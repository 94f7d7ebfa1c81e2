"""What classes that fill themselves ask their state for: without it, they cannot be unpickled."""

from __future__ import annotations

from collections.abc import Iterable

# sklearn/tree/_tree.pyx, Tree.__setstate__; sklearn/neighbors/_binary_tree.pxi takes a tuple.
_NEEDED = {"sklearn.tree._tree.Tree": ("max_depth", "node_count", "nodes", "values")}


def missing(path: str, keys: Iterable[str]) -> str:
    """Return the first key that a class asks for and that is not there, or nothing."""
    if path not in _NEEDED:
        return ""
    have = set(keys)
    return next((key for key in _NEEDED[path] if key not in have), "")
