"""Which rows of a large table each detector looked at, in words, for the report."""

from __future__ import annotations

from collections.abc import Sequence


def looked_at(rows: int, features: Sequence[str], classes: int) -> str:
    """Say what was judged on all rows and what on a sample; empty when everything was seen.

    Args:
        rows: Rows that could be checked.
        features: Names of the columns that were used.
        classes: Number of classes.
    """
    from lockgate.poisoning import density, groups, image_pictures, surprise
    from lockgate.poisoning.image_windows import image_shape

    images = image_shape(features) is not None
    most = image_pictures.most_rows(len(features)) if images else groups.most_rows(len(features), classes)
    parts = [
        f"{kind} in {limit:,} rows drawn with the seed, and what was found then in all rows"
        for kind, limit in (("triggers", most), ("heaps", density.MOST_ROWS))
        if rows > limit
    ]
    if not parts:
        return ""
    if rows * 3 > 4 * surprise.MOST_ROWS:
        parts.append(f"models learnt from {surprise.MOST_ROWS:,} rows each and judged every row")
    return f"labels, sources and exact copies in all {rows:,} rows; {'; '.join(parts)}"
