"""Whose signature counts: identities, their keys, and when a key was good.

    trust = Trust(policy.identities, policy.roles)
    judged = trust.judge(keyid, signed=statement.run.finished, now=now, roles=requirement.roles)
    judged.counts, judged.identity, judged.why

Keys are counted by whose they are: a person with two keys is one identity, and one key cannot stand
under two (`lockgate.policy.load` refuses it).

A signature says itself when it was made, and whoever has the key can write any time. So a
compromised key voids every signature, whatever its time. For a key that was merely rotated, or whose
validity is over, the claimed time is believed, unless the time is given at which a ledger took the
attestation in (``logged``): then that must lie before the end as well, because a ledger's past cannot
be written anew.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lockgate.attest.fields import written
from lockgate.policy.times import CLOCK_SKEW

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey


@dataclass(frozen=True)
class Revocation:
    """The end of a key before its time.

    Attributes:
        at: When it was revoked.
        reason: ``compromised`` voids every signature; ``rotated`` those after `at`.
    """

    at: dt.datetime
    reason: Literal["compromised", "rotated"]


@dataclass(frozen=True)
class Key:
    """A public key of an identity.

    Attributes:
        public: The key; its ``keyid`` follows from its material.
        valid_from: Signatures before this time do not count; None for no beginning.
        valid_until: Signatures from this time on do not count; None for no end.
        revoked: Set when it was revoked.
    """

    public: SSlibKey
    valid_from: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    revoked: Revocation | None = None

    @property
    def keyid(self) -> str:
        """The id that follows from the key itself."""
        return str(self.public.keyid)


@dataclass(frozen=True)
class Identity:
    """A person or a machine account.

    Attributes:
        keys: Its keys, at least one.
    """

    keys: tuple[Key, ...]


class Refusal(str, enum.Enum):
    """Why a signature does not count."""

    UNKNOWN_KEY = "unknown key"
    COMPROMISED = "compromised key"
    FUTURE = "signed in the future"
    NOT_YET_VALID = "key not yet valid"
    NO_LONGER_VALID = "key no longer valid"
    ROTATED = "rotated key"
    WRONG_ROLE = "wrong role"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Judged:
    """What became of one signature.

    Attributes:
        keyid: The key that signed.
        identity: Whose key it is; None when the policy does not know it.
        refusal: Why it does not count; None when it counts.
        why: The same for a person, one sentence without a full stop; empty when it counts.
    """

    keyid: str
    identity: str | None
    refusal: Refusal | None = None
    why: str = ""

    @property
    def counts(self) -> bool:
        """Whether the signature counts."""
        return self.refusal is None


class Trust:
    """Whose signatures count, by a policy's identities and roles.

    Args:
        identities: `Policy.identities`.
        roles: `Policy.roles`: names of identities by role.
    """

    def __init__(self, identities: Mapping[str, Identity], roles: Mapping[str, tuple[str, ...]]) -> None:
        self._roles = {role: frozenset(names) for role, names in roles.items()}
        self._keys = {
            key.keyid: (name, key) for name, identity in identities.items() for key in identity.keys
        }

    def keys(self, roles: Iterable[str] | None = None) -> list[SSlibKey]:
        """Return the public keys of whoever has one of the roles, or of everybody.

        They are to open envelopes with: keys that are no longer good are among them, so that
        `judge` can say why a signature does not count.
        """
        allowed = None if roles is None else self.holders(roles)
        return [key.public for name, key in self._keys.values() if allowed is None or name in allowed]

    def holders(self, roles: Iterable[str]) -> frozenset[str]:
        """Return the identities that have one of the roles."""
        return frozenset().union(*(self._roles.get(role, frozenset()) for role in roles))

    def signers(self, keyids: Iterable[str]) -> frozenset[str]:
        """Return whose keys these are, good or not; unknown keys are nobody's."""
        return frozenset(self._keys[keyid][0] for keyid in keyids if keyid in self._keys)

    def judge(
        self,
        keyid: str,
        *,
        signed: dt.datetime,
        now: dt.datetime,
        roles: Iterable[str] | None = None,
        logged: dt.datetime | None = None,
    ) -> Judged:
        """Say whether a signature by a key counts.

        Args:
            keyid: The key, derived from its material (`lockgate.attest.envelope.Opened.signers`).
            signed: When the statement says that it was made.
            now: The time that it is.
            roles: The roles, one of which the signer must have; None asks for none.
            logged: When a ledger took it in, as far as that is known.
        """
        if keyid not in self._keys:
            return Judged(keyid, None, Refusal.UNKNOWN_KEY, f"the policy knows no key {keyid}")
        name, key = self._keys[keyid]
        latest = signed if logged is None else max(signed, logged)
        refused = _key_refused(key, signed, latest, now)
        if refused is None and roles is not None and name not in self.holders(wanted := tuple(roles)):
            refused = Refusal.WRONG_ROLE, f"has none of the roles {', '.join(wanted)}"
        if refused is None:
            return Judged(keyid, name)
        return Judged(keyid, name, refused[0], f"{name} {refused[1]}")

    def judge_all(
        self,
        keyids: Iterable[str],
        *,
        signed: dt.datetime,
        now: dt.datetime,
        roles: Iterable[str] | None = None,
        logged: dt.datetime | None = None,
    ) -> tuple[Judged, ...]:
        """Say whether each signature of a statement counts; see `judge`. In the order of the key ids."""
        wanted = None if roles is None else tuple(roles)
        return tuple(
            self.judge(keyid, signed=signed, now=now, roles=wanted, logged=logged) for keyid in sorted(keyids)
        )


def identities(judged: Iterable[Judged]) -> frozenset[str]:
    """Return the identities behind the signatures that count: two keys of one person are one."""
    return frozenset(each.identity for each in judged if each.counts and each.identity is not None)


def _key_refused(
    key: Key, signed: dt.datetime, latest: dt.datetime, now: dt.datetime
) -> tuple[Refusal, str] | None:
    revoked = key.revoked
    if revoked is not None and revoked.reason == "compromised":
        return Refusal.COMPROMISED, f"signed with a key that was compromised ({written(revoked.at)})"
    if latest > now + CLOCK_SKEW:
        return Refusal.FUTURE, f"signed at {written(latest)}, which is in the future"
    if key.valid_from is not None and (signed < key.valid_from or now < key.valid_from):
        return Refusal.NOT_YET_VALID, f"signed with a key that is good from {written(key.valid_from)} on"
    if key.valid_until is not None and latest >= key.valid_until:
        return Refusal.NO_LONGER_VALID, f"signed with a key that was good until {written(key.valid_until)}"
    if revoked is not None and latest > revoked.at:
        return Refusal.ROTATED, f"signed with a key that was replaced at {written(revoked.at)}"
    return None
