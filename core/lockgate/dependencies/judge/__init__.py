"""Judge an inventory: advisories, pins, digests, sources, licences and look-alike names."""

from lockgate.dependencies.judge.agreed import judge_licences, judge_names
from lockgate.dependencies.judge.audit import Audit, table
from lockgate.dependencies.judge.flaws import judge_advisories, judge_database
from lockgate.dependencies.judge.pins import judge_pins, judge_reading
from lockgate.dependencies.judge.sources import judge_sources

__all__ = [
    "Audit",
    "judge_advisories",
    "judge_database",
    "judge_licences",
    "judge_names",
    "judge_pins",
    "judge_reading",
    "judge_sources",
    "table",
]
