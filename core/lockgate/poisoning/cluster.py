"""LG-POISON-007: a heap of rows lies where real rows would thin out.

Threat: somebody makes rows up and sends many that are nearly alike, among the real ones or far from
them, to move the boundary between classes.

Statistic and null: see `lockgate.poisoning.density`, here for heaps that are wider than copies and
tighter than `density.TIGHT` times what is usual.

Does not see: made-up rows that are spread as widely as real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.duplicates import NEARLY, heap_alarm

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Alarm, Evidence

NAME = "cluster"
RULE = "LG-POISON-007"


def detect(evidence: Evidence) -> Alarm:
    """Look for heaps of made-up rows; see the module's text."""
    from lockgate.poisoning.density import TIGHT

    return heap_alarm(evidence, NAME, RULE, NEARLY, TIGHT)
