"""Tell which advisories are about the version that a package is pinned to.

Source: OSV format 1.x, "Evaluation" (https://ossf.github.io/osv-schema/#evaluation). Versions are
ordered as Python orders them (PEP 440). An advisory whose versions cannot be compared is never taken
for harmless: it is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from lockgate.dependencies import cvss
from lockgate.dependencies.osv import Advisory, Affected

if TYPE_CHECKING:
    from packaging.version import Version

RATINGS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
Rating = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
_UNRATED = "HIGH"  # nobody said how bad it is, so nobody said that it is not
_NUMBERING = ("CVE-", "GHSA-", "PYSEC-", "MAL-")


@dataclass(frozen=True)
class Flaw:
    """One flaw of one package, whatever number of advisories tell of it.

    Attributes:
        id: The best known id: CVE, else GHSA, else PYSEC.
        ids: All ids.
        rating: The worst that any of them says, by base score or by the database's word.
        score: The highest base score, or None where no vector of version 3 is given.
        rated: Whether anybody said how bad it is.
        summary: One line.
        fixed: Versions that are without it, oldest first.
        malicious: Whether the package itself is the attack.
    """

    id: str
    ids: tuple[str, ...]
    rating: Rating
    score: float | None
    rated: bool
    summary: str
    fixed: tuple[str, ...]
    malicious: bool


def match(version: str, advisories: Iterable[Advisory]) -> tuple[list[Flaw], list[str]]:
    """Return the flaws of a version, worst first, and the ids of advisories that are in doubt."""
    hits, doubtful = [], []
    for advisory in advisories:
        answers = [affects(version, each) for each in advisory.affected]
        if True in answers:
            hits.append(advisory)
        elif None in answers:
            doubtful.append(advisory.id)
    flaws = [_flaw(group, version) for group in _grouped(hits)]
    flaws.sort(key=lambda f: (not f.malicious, -RATINGS.index(f.rating), -(f.score or 0), f.id))
    return flaws, doubtful


def affects(version: str, affected: Affected) -> bool | None:
    """Return whether a version is among what is affected, or None when that cannot be told."""
    if version in affected.versions:
        return True
    mine = parsed(version)
    doubt = mine is None or not (affected.versions or affected.ranges)
    for listed in affected.versions:
        other = parsed(listed)
        if mine is not None and other is not None and other == mine.__class__(mine.public):
            return True
    for events in affected.ranges:
        inside = None if mine is None else _inside(mine, events)
        if inside:
            return True
        doubt = doubt or inside is None
    return None if doubt else False


def _inside(version: Version, events: Sequence[tuple[str, str]]) -> bool | None:
    from packaging.version import Version

    limits, steps = list[Version](), list[tuple[Version, int, str]]()
    endless = True
    for kind, text in events:
        if kind == "limit":
            if text == "*":
                continue
            endless = False
        at = Version("0.dev0") if text == "0" and kind == "introduced" else parsed(text)
        if at is None:
            return None
        if kind == "limit":
            limits.append(at)
        else:
            # Of a fix and an introduction in one version the introduction stands.
            steps.append((at, 1 if kind == "introduced" else 0, kind))
    if not any(kind == "introduced" for _, _, kind in steps):
        return None
    if not endless and not any(version < limit for limit in limits):
        return False
    inside = False
    first = min(at for at, _, kind in steps if kind == "introduced")
    for at, _, kind in sorted(steps, key=lambda step: step[:2]):
        if kind == "introduced" and (version >= at or (at == first == Version("0.dev0"))):
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and _after(version, at)):
            inside = False
    return inside


def _after(version: Version, last: Version) -> bool:
    """Whether a version is past the last affected one; a local build of that one is not."""
    return version > last and version.__class__(version.public) != last


@lru_cache(maxsize=100_000)
def parsed(text: str) -> Version | None:
    """Return a version (PEP 440), or None."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except (InvalidVersion, ValueError):  # the latter for numbers of thousands of digits
        return None


def _grouped(advisories: list[Advisory]) -> list[list[Advisory]]:
    """Put advisories of one flaw together: those whose ids and aliases meet."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for advisory in advisories:
        ids, members = {advisory.id, *advisory.aliases}, [advisory]
        apart = []
        for group in groups:
            if group[0] & ids:
                ids |= group[0]
                members = group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (ids, members)]
    return [members for _, members in groups]


def _flaw(group: list[Advisory], version: str) -> Flaw:
    ids = {i for advisory in group for i in (advisory.id, *advisory.aliases)}
    ordered = sorted(
        ids, key=lambda i: (next((n for n, p in enumerate(_NUMBERING) if i.startswith(p)), 9), i)
    )
    scores = [s for a in group for v in a.vectors if (s := cvss.base_score(v)) is not None]
    said = [a.rated for a in group if a.rated in RATINGS] + [cvss.rating(s) for s in scores]
    malicious = any(advisory.malicious for advisory in group)
    rating = "CRITICAL" if malicious else max(said, key=RATINGS.index, default=_UNRATED)
    return Flaw(
        id=ordered[0],
        ids=tuple(ordered),
        rating=rating,  # type: ignore[arg-type]
        score=max(scores, default=None),
        rated=malicious or bool(said),
        summary=next((a.summary for a in group if a.summary), ""),
        fixed=_fixes(group, version),
        malicious=malicious,
    )


def _fixes(group: list[Advisory], version: str) -> tuple[str, ...]:
    mine = parsed(version)
    found = {
        text: at
        for advisory in group
        for affected in advisory.affected
        for events in affected.ranges
        for kind, text in events
        if kind == "fixed" and (at := parsed(text)) is not None and (mine is None or at > mine)
    }
    return tuple(sorted(found, key=lambda text: found[text]))
