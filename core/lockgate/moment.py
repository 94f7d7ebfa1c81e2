"""Times as results, records and the ledger write them: UTC, to the millisecond (RFC 3339)."""

from __future__ import annotations

import datetime as dt


def now() -> str:
    """Return the time that it is."""
    return written(dt.datetime.now(dt.timezone.utc))


def written(time: dt.datetime) -> str:
    """Return a time in UTC as text."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
