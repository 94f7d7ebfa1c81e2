"""Find planted training rows, and say whether a table was poisoned at all.

    assessment = assess(table, label="employed", source="office", baseline=last_year)
    if assessment.alarmed:
        planted = table.filter(assessment.suspects)

A detector answers one question about the whole table ("were labels flipped in one source?") with a
p value that says how often clean data like this would look as bad. Only when a detector alarms are
rows suspects: clean data has no fixed quota of bad rows. The detectors stand in
`lockgate.poisoning.detectors.DETECTORS`; each is a module of its own.
"""

from __future__ import annotations

from lockgate.poisoning.assessment import Assessment, assess
from lockgate.poisoning.evidence import Alarm

__all__ = ["Alarm", "Assessment", "assess"]
