"""Hold a table against a schema and against a baseline, check by check.

Each function adds to an `Outcome`: one check for everything that is declared, and for each check
that fails one finding with counts and row numbers, never with values. A check that cannot run,
because its column is absent or holds nothing of the declared type, is INCONCLUSIVE.

| module | what it holds |
|---|---|
| `roles` | the label, key and ignored columns: they must be there, and say something |
| `against_schema` | columns, types, completeness, ranges, categories, uniqueness, rows |
| `accepted` | what is known of the baseline |
| `accepted_rows`, `accepted_profile` | the same, from its rows and from its profile |
| `accepted_given` | which of the two was given, opened |
| `against_baseline` | the same, as they were in an earlier table |
| `uniqueness` | keys, exact copies, conflicting labels |
| `lifecycle` | whether a table is checked, what a violation weighs, whether a new baseline is registered |
| `checks` | what these share |
"""

from lockgate.table.conform.accepted_given import accepted
from lockgate.table.conform.against_baseline import BaselineLimits, to_baseline
from lockgate.table.conform.against_schema import to_schema
from lockgate.table.conform.checks import describe
from lockgate.table.conform.roles import require_columns, require_values, roles
from lockgate.table.conform.uniqueness import to_key, to_limits

__all__ = [
    "BaselineLimits",
    "accepted",
    "describe",
    "require_columns",
    "require_values",
    "roles",
    "to_baseline",
    "to_key",
    "to_limits",
    "to_schema",
]
