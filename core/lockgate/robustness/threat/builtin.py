"""The threats that are known by name. To add one, write it into `BUILT_IN`."""

from __future__ import annotations

from lockgate.robustness.threat.threat import Threat

BUILT_IN: dict[str, Threat] = {
    threat.name: threat
    for threat in (
        Threat("linf", "linf", 0.1),
        Threat("l2", "l2", 0.1),
        Threat("l0-1", "l0", 1),
        Threat("l0-2", "l0", 2),
        Threat("l0-3", "l0", 3),
    )
}
"""For tables: `linf` and `l2` take their size from the parameter ``eps``; L0 moves cells anywhere in the seen
range. For images: values from 0 to 1."""
