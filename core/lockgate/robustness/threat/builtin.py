"""The threats that are known by name. To add one, write it into `BUILT_IN`."""

from __future__ import annotations

from lockgate.robustness.threat.threat import Threat

BUILT_IN: dict[str, Threat] = {
    threat.name: threat
    for threat in (
        Threat("linf", "linf"),
        Threat("linf-range", "linf", unit="range"),
        Threat("linf-raw", "linf", unit="raw"),
        Threat("l2", "l2"),
        Threat("l2-range", "l2", unit="range"),
        Threat("l2-raw", "l2", unit="raw"),
        Threat("l0-1", "l0", 1),
        Threat("l0-2", "l0", 2),
        Threat("l0-3", "l0", 3),
    )
}
"""For tables: L-infinity and L2 take their size from the parameter ``eps``, in standard deviations, ranges or
their own unit; L0 moves one, two or three features anywhere in the seen range."""
