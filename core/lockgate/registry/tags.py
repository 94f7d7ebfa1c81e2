"""Tags of a version: what people see in the registry, and hints where to look. None is believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lockgate.registry.mlflow import READY, Version

if TYPE_CHECKING:
    from lockgate.registry.release import Release

ENVIRONMENT = "lockgate.environment"
PROMOTED_FROM = "lockgate.promoted_from"
ROLLED_BACK_FROM = "lockgate.rolled_back_from"
REASON = "lockgate.rollback_reason"
ROLLED_BACK_AT = "lockgate.rolled_back_at"
WITHDRAWN = "lockgate.withdrawn"
_DIGEST = "lockgate.digest."


def of(release: Release, environment: str, version: Version | None = None) -> dict[str, str]:
    """Return the tags of a version that the gate allows, which may have been promoted before."""
    known = _listed(version, ENVIRONMENT) if version else set()
    digests = {f"{_DIGEST}{algorithm}": value for algorithm, value in release.digest.items()}
    return digests | {
        ENVIRONMENT: _list({environment, *known}),
        "lockgate.gate.attestation": release.attestation,
        "lockgate.body_digest": release.body_digest,
        "lockgate.policy.revision": release.revision,
    }


def claims(version: Version, digest: Mapping[str, str]) -> bool:
    """Whether a version is ready, and its tags say that it has this digest."""
    said = {f"{_DIGEST}{algorithm}": value for algorithm, value in digest.items()}
    return version.status == READY and said.items() <= version.tags.items()


def contradicts(version: Version, digest: Mapping[str, str]) -> bool:
    """Whether the tags of a version name a digest, and it is another one."""
    return bool(_digests(version)) and not claims(version, digest)


def withdrawn(versions: Iterable[Version], alias: str) -> set[int]:
    """Return the numbers of versions that an alias was rolled back from, and of those of the same model.

    A model may have several versions; whether it was rolled back from is said by the newest of them.
    """
    latest: dict[frozenset[tuple[str, str]], bool] = {}
    found = set()
    for version in sorted(versions, key=lambda each: -each.number):
        gone = alias in _listed(version, WITHDRAWN)
        if named := _digests(version):
            gone = latest.setdefault(named, gone) or gone
        if gone:
            found.add(version.number)
    return found


def of_withdrawn(version: Version, alias: str) -> dict[str, str]:
    """Return the tags of a version that an alias is rolled back from."""
    return {WITHDRAWN: _list({alias, *_listed(version, WITHDRAWN)})}


def _digests(version: Version) -> frozenset[tuple[str, str]]:
    return frozenset(item for item in version.tags.items() if item[0].startswith(_DIGEST))


def _listed(version: Version, key: str) -> set[str]:
    return set(filter(None, version.tags.get(key, "").split(",")))


def _list(words: set[str]) -> str:
    return ",".join(sorted(words))
