"""What a classifier's accuracy is worth when its rows are not as expected, without looking for the worst.

Attacks look for the worst row there is; stress tests spoil rows as feeds, people and cameras do, in five
severities each (the scale of Hendrycks and Dietterich 2019, arXiv:1903.12261), and say what that costs.

`tables` has the tests of table rows and `corruptions` those of images; `subgroups` looks for groups of rows
that are answered worse than the rest. `measure` runs them, `intervals` says how sure a change is, `judge`
holds it against thresholds.
"""

from __future__ import annotations

from lockgate.robustness.stress.judge import judge_stress
from lockgate.robustness.stress.measure import Level, Stressed, raised
from lockgate.robustness.stress.run import stress_images, stress_rows
from lockgate.robustness.stress.subgroups import judge_subgroups, subgroups

__all__ = [
    "Level",
    "Stressed",
    "judge_stress",
    "judge_subgroups",
    "raised",
    "stress_images",
    "stress_rows",
    "subgroups",
]
