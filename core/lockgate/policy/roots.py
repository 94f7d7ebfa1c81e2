"""Who may sign policies, and which: the root of trust, as ``LOCKGATE_POLICY_KEY`` names it.

    security.pub.pem                    # this key may sign any policy
    security.pub.pem#employment         # only a policy of this name

A root key that signs the policies of two teams vouches for both: whoever may say which policy a gate
reads can have something released by the other team's. With the name, the gate is for one policy.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate.errors import KeyFileError
from lockgate.policy.shape import NAME_PATTERN

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

_NAME = re.compile(NAME_PATTERN.replace("$", r"\Z"))


@dataclass(frozen=True)
class Roots:
    """The root keys of a gate.

    Attributes:
        pairs: Each key with the name of the policy that it may sign, or None for any.
    """

    pairs: tuple[tuple[SSlibKey, str | None], ...] = ()

    @property
    def keys(self) -> list[SSlibKey]:
        """All keys, each once."""
        return list({key.keyid: key for key, _ in self.pairs}.values())

    def of(self, name: str) -> list[SSlibKey]:
        """Return the keys that may sign a policy of this name."""
        return Roots(tuple((key, only) for key, only in self.pairs if only in (None, name))).keys


def load(reference: str) -> Roots:
    """Return the root keys that a reference names.

    Args:
        reference: Paths of public keys with commas between, each alone or as ``PATH#NAME``.

    Raises:
        KeyFileError: There is no path, a name can be none of a policy, or a file is no public key.
    """
    from lockgate.attest import keys

    found: list[tuple[SSlibKey, str | None]] = []
    for item in (each.strip() for each in reference.split(",")):
        path, name = _split(item)
        found += [(key, name) for key in keys.load_publics(path)]
    return Roots(tuple(found))


def _split(item: str) -> tuple[str, str | None]:
    path, there, name = item.rpartition("#")
    if not there or os.path.lexists(item):
        return item, None
    if not _NAME.match(name):
        raise KeyFileError(f"{item!r} names no policy behind the #; write NAME.pub.pem#POLICY")
    return path, name
