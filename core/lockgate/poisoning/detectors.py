"""The detectors, in the order in which reports show them. To add one: a module with `detect`, a line here."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.poisoning import label_noise, label_pair, label_source
from lockgate.poisoning.evidence import Alarm, Evidence

DETECTORS: tuple[Callable[[Evidence], Alarm], ...] = (
    label_noise.detect,
    label_pair.detect,
    label_source.detect,
)
