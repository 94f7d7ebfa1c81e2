"""Hold a licence against lists of what is allowed and what is refused, both in SPDX ids.

Source of the ids and expressions: SPDX 2.3, annex D, by the library `license-expression`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from lockgate.errors import InputError, MissingExtraError

Answer = Literal["allowed", "refused", "unknown"]

# What metadata says in words, and the id that it means. Words that may mean several ids ("BSD",
# "GPL") are left out: they are unknown, and a person decides.
_MEANT = {
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "expat": "MIT",
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache-2": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0",
    "apache 2": "Apache-2.0", "apache software license 2.0": "Apache-2.0", "apache v2": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "modified bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause", "new bsd license": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause", "2-clause bsd": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause",
    "isc license": "ISC", "isc license (iscl)": "ISC", "psf": "PSF-2.0", "psf-2.0": "PSF-2.0",
    "python software foundation license": "PSF-2.0", "mpl 2.0": "MPL-2.0", "mpl-2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "the unlicense (unlicense)": "Unlicense",
    "gplv2": "GPL-2.0-only", "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later", "gplv2+": "GPL-2.0-or-later",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only", "agplv3": "AGPL-3.0-only",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "boost software license 1.0 (bsl-1.0)": "BSL-1.0", "zlib/libpng license": "Zlib",
    "academic free license (afl)": "AFL-3.0", "european union public licence 1.2 (eupl 1.2)": "EUPL-1.2",
}  # fmt: skip
# Classifiers that name a family and no version; beside a field that names one they add nothing.
_FAMILIES = {
    "apache software license": "Apache-", "bsd license": "BSD-", "gnu general public license (gpl)": "GPL-",
    "gnu lesser general public license (lgpl)": "LGPL-",
}  # fmt: skip


def ids(said: str) -> str | None:
    """Return what metadata says as one SPDX expression, or None when that is not known for sure."""
    parts = [part.strip() for part in said.split(" / ") if part.strip()]
    found = [_one(part) for part in parts]
    known = list(dict.fromkeys(each for each in found if each))
    for part, each in zip(parts, found, strict=True):
        family = _FAMILIES.get(part.lower())
        if each is None and not (family and any(i.startswith(family) for i in known)):
            return None
    return " AND ".join(f"({i})" if " " in i and len(known) > 1 else i for i in known) or None


def judge(said: str | None, allow: Sequence[str] | None, deny: Sequence[str] | None) -> Answer:
    """Return whether a licence fits: `deny` outweighs `allow`; of a choice (OR) one branch is enough."""
    if not said:
        return "unknown"
    expression = ids(said)
    if expression is None:
        return "unknown"
    return _answer(_spdx().parse(expression), set(allow or ()), set(deny or ()), bool(allow))


def check_ids(names: Sequence[str] | None, parameter: str) -> None:
    """Refuse a list of a policy with something in it that is no SPDX id.

    Raises:
        InputError: It says which.
    """
    for name in names or ():
        if not re.fullmatch(r"LicenseRef-[\w.-]+", name) and name not in _known():
            raise InputError(
                f"{parameter} holds {name[:60]!r}, which is no SPDX licence id; see spdx.org/licenses"
            )


def _answer(node: Any, allow: set[str], deny: set[str], only: bool) -> Answer:
    operator = getattr(node, "operator", "").strip()
    if operator:
        answers = [_answer(each, allow, deny, only) for each in node.args]
        order = ("allowed", "unknown", "refused")
        best = min if operator == "OR" else max
        return best(answers, key=order.index)
    # An exception (WITH) only widens what a licence allows.
    names = {str(node), str(getattr(node, "license_symbol", node))}
    if names & deny:
        return "refused"
    return "allowed" if not only or names & allow else "refused"


def _one(part: str) -> str | None:
    meant = _MEANT.get(" ".join(part.lower().split()))
    if meant:
        return meant
    try:
        parsed = _spdx().parse(part, validate=True)
    except Exception:  # noqa: BLE001 - its parser raises many kinds for words that are no expression
        return None
    return str(parsed) if parsed is not None else None


@lru_cache(maxsize=1)
def _spdx() -> Any:
    try:
        from license_expression import get_spdx_licensing  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("supply-chain", "license-expression") from None
    return get_spdx_licensing()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(_spdx().known_symbols)
