"""The detectors, in the order in which reports show them. To add one: a module with `detect`, a line here."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.poisoning import (
    clean_trigger,
    cluster,
    duplicates,
    label_noise,
    label_pair,
    label_source,
    label_window,
    tampered,
    trigger,
)
from lockgate.poisoning.evidence import Alarm, Evidence

Detector = Callable[[Evidence], Alarm]

OF_LABELS: tuple[Detector, ...] = (
    label_noise.detect,
    label_pair.detect,
    label_source.detect,
    label_window.detect,
)
"""What looks at labels alone, and may find a trace of what another detector names better."""
DETECTORS: tuple[Detector, ...] = (
    *OF_LABELS,
    trigger.detect,
    clean_trigger.detect,
    duplicates.detect,
    cluster.detect,
    tampered.detect,
)
"""What every detector looks at, and what every detector answers."""
