"""What an attacker can do: threats, built in or from YAML, and the points that they allow around each row.

* `threat`: the threat itself, plain data.
* `builtin`: the threats that are known by name.
* `domain`: the points around rows under a threat; `table` makes those of a table, `image` those of images.
"""

from __future__ import annotations

from typing import Any

from lockgate.robustness.threat.builtin import BUILT_IN
from lockgate.robustness.threat.domain import Domain
from lockgate.robustness.threat.threat import Constraints, Norm, Rule, Threat

__all__ = ["BUILT_IN", "Constraints", "Domain", "Norm", "Rule", "Threat", "domain_of"]


def domain_of(threat: Threat, rows: Any) -> Domain:
    """Return the points that a threat allows around rows.

    Args:
        threat: The threat.
        rows: All rows of the data as the model reads them, a DataFrame or an array; ranges, deviations and
            whole numbers are taken from them where the threat does not say.

    Raises:
        InputError: The threat names a column that the rows do not have, or is of the other kind.
    """
    from importlib import import_module

    module = import_module(f"{__name__}.{threat.kind}")
    domain: Domain = module.domain(threat, rows)
    return domain
