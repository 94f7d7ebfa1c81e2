"""Times with a zone, and durations, as a policy writes them."""

from __future__ import annotations

import datetime as dt
import re

from lockgate.attest import fields
from lockgate.errors import EnvelopeError

CLOCK_SKEW = dt.timedelta(minutes=5)
"""How far the clocks of two machines may differ; Kerberos allows the same (RFC 4120, section 8.2)."""

LONGEST = dt.timedelta(days=3650)
"""The longest duration that a policy may write: ten years, so that a slip of the finger is noticed."""

TIME_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
"""RFC 3339 with an upper-case T, as a JSON Schema says it."""

# ISO 8601-1:2019, section 5.5.2, without years and months, which have no fixed length, and seconds.
_ISO = (
    r"P(?=.*[1-9])(?:[0-9]{1,6}W|(?=[0-9T])(?:[0-9]{1,6}D)?(?:T(?=[0-9])(?:[0-9]{1,6}H)?(?:[0-9]{1,6}M)?)?)"
)
DURATION_PATTERN = rf"^(?:[1-9][0-9]{{0,5}}[wdhm]|{_ISO})$"
"""``30d``, ``12h``, ``90m``, ``2w``, or ISO 8601: ``P30D``, ``PT12H``, ``P1DT12H``, ``P4W``."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_AMOUNT = re.compile(r"([0-9]+)([A-Za-z])")


def read_time(text: str) -> dt.datetime:
    """Return a time that was written with its zone, in UTC.

    Raises:
        ValueError: It has no zone, or is no time of a calendar.
    """
    try:
        return fields.time({"time": text}, "time")
    except EnvelopeError:
        raise ValueError("it must be a time with a zone, such as 2027-03-31T00:00:00Z") from None


def read_duration(text: str) -> dt.timedelta:
    """Return a duration that was written as ``30d``, ``12h``, ``90m``, ``2w`` or in ISO 8601 (``P30D``).

    Raises:
        ValueError: It is none, or longer than `LONGEST`.
    """
    if not re.match(DURATION_PATTERN.replace("$", r"\Z"), text):
        raise ValueError("it must be a duration of weeks, days, hours or minutes, such as 30d, 12h or P30D")
    amounts = {unit.lower(): int(amount) for amount, unit in _AMOUNT.findall(text)}
    length = dt.timedelta(**{_UNITS[unit]: amount for unit, amount in amounts.items()})
    if length > LONGEST:
        raise ValueError(f"it must be at most {LONGEST.days}d")
    return length


def now() -> dt.datetime:
    """Return the time that it is, in UTC."""
    return dt.datetime.now(dt.timezone.utc)
