"""Read a policy, and hold its parts against each other."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lockgate.documents import load_yaml, suggest
from lockgate.errors import InputError, PolicyError
from lockgate.policy import source
from lockgate.policy.contents import Policy
from lockgate.policy.form import POLICY
from lockgate.policy.release import SUBJECT, TRAINING_DATA, Environment, Requirement
from lockgate.policy.shape import Place
from lockgate.policy.thresholds import find
from lockgate.policy.trust import Identity, Trust

PROVENANCE = "provenance"


def load(path: str | os.PathLike[str]) -> Policy:
    """Read a policy, without asking who signed it; a gate uses `lockgate.policy.signing.open_policy`.

    Args:
        path: Path or URL of ``lockgate.yaml``.

    Raises:
        PolicyError: It cannot be read, or says something that cannot be meant; the sentence names
            file, line and key, and what to write.
    """
    return parse(source.read(path), source.shown(path))


def parse(raw: bytes, name: str = "lockgate.yaml") -> Policy:
    """Read a policy from its bytes.

    Args:
        raw: The bytes of ``lockgate.yaml``.
        name: What errors call it.

    Raises:
        PolicyError: See `load`.
    """
    try:
        document = load_yaml(raw, name=name)
    except InputError as error:
        raise PolicyError(str(error)) from None
    root = Place(document)
    said = POLICY.read(root, document.data)
    _check_keys(root / "identities", said.get("identities", {}))
    _check_roles(root / "roles", said.get("roles", {}), said.get("identities", {}))
    if "ledger" in said:
        _check_known(root / "ledger" / "roles", said["ledger"].roles, said["roles"], "role")
    if "release" in said:
        trust = Trust(said["identities"], said["roles"])
        said["release"] = {
            name: _environment(root / "release" / name, environment, said["roles"], trust)
            for name, environment in said["release"].items()
        }
    del said["version"]
    return Policy(path=name, digest=document.digest, **said)


def _check_keys(place: Place, identities: Mapping[str, Identity]) -> None:
    """Refuse a key that stands twice, and times that leave a key no time."""
    owners: dict[str, str] = {}
    for name, identity in identities.items():
        for i, key in enumerate(identity.keys):
            here = place / name / "keys" / i
            if key.keyid in owners:
                whose = "this identity" if owners[key.keyid] == name else repr(owners[key.keyid])
                (here / "public").refuse(f"is a key that {whose} has already; give every key once")
            owners[key.keyid] = name
            if key.valid_from and key.valid_until and key.valid_from >= key.valid_until:
                (here / "valid_until").refuse("must be later than valid_from")


def _check_roles(
    place: Place, roles: Mapping[str, tuple[str, ...]], identities: Mapping[str, Identity]
) -> None:
    for role, names in roles.items():
        _check_known(place / role, names, identities, "identity")


def _check_known(place: Place, names: tuple[str, ...], known: Mapping[str, Any], what: str) -> None:
    for i, name in enumerate(names):
        if name not in known:
            (place / i).refuse(f"names no {what} of this policy ({name!r}){suggest(name, known)}")


def _environment(
    place: Place, environment: Environment, roles: Mapping[str, tuple[str, ...]], trust: Trust
) -> Environment:
    require = tuple(
        _requirement(place / "require" / i, requirement, roles, trust)
        for i, requirement in enumerate(environment.require)
    )
    _check_ids(place, require)
    settled = dataclasses.replace(environment, require=require)
    _check_provenance(place, settled)
    for i, group in enumerate(environment.separate):
        _check_known(place / "separate" / i, group, settled.by_id, "requirement")
    if environment.waivers is not None:
        _check_known(place / "waivers" / "roles", environment.waivers.roles, roles, "role")
    return settled


def _requirement(
    place: Place, requirement: Requirement, roles: Mapping[str, tuple[str, ...]], trust: Trust
) -> Requirement:
    _check_known(place / "roles", requirement.roles, roles, "role")
    able = len(trust.holders(requirement.roles))
    if requirement.identities > able:
        (place / "identities").refuse(
            f"asks for {requirement.identities} identities, but {able} have these roles; add to the roles"
        )
    stage = find(place / "stage", requirement.stage)
    # What a stage reads as evidence is no subject of its attestation.
    inputs = [p.name for p in stage.inputs if p.artifact is not None and p.artifact.kind != "evidence"]
    if _attests(requirement.stage, place) == PROVENANCE:
        if requirement.input is not None:
            (place / "input").refuse(
                f"has no meaning for {stage.name}, which is about what the training wrote; remove it"
            )
        return requirement
    if not inputs:
        (place / "stage").refuse(f"reads nothing that it could be about ({stage.name}); name another stage")
    if requirement.input is None:
        return dataclasses.replace(requirement, input=inputs[0])
    if requirement.input not in inputs:
        (place / "input").refuse(f"is no input of {stage.name}{suggest(requirement.input, inputs)}")
    return requirement


def _check_ids(place: Place, require: tuple[Requirement, ...]) -> None:
    counted = Counter(requirement.id for requirement in require)
    for i, requirement in enumerate(require):
        if counted[requirement.id] > 1:
            (place / "require" / i).refuse(
                f"is one of {counted[requirement.id]} requirements called {requirement.id!r}; "
                "write a different `id:` for each"
            )


def _check_provenance(place: Place, environment: Environment) -> None:
    named = environment.provenance
    if named is not None:
        if named not in environment.by_id:
            (place / "provenance").refuse(
                f"names no requirement of this environment ({named!r}){suggest(named, environment.by_id)}"
            )
        requirement = environment.by_id[named]
        if _attests(requirement.stage, place / "provenance") != PROVENANCE:
            (place / "provenance").refuse(
                f"names {named!r}, but {requirement.stage} attests no provenance; "
                "name a requirement of record-provenance"
            )
        if requirement.about != SUBJECT:
            (place / "provenance").refuse(f"names {named!r}, which must be about the subject itself")
    for i, requirement in enumerate(environment.require):
        if requirement.about == TRAINING_DATA and named is None:
            (place / "require" / i / "about").refuse(
                "needs `provenance: ID` in this environment, of the requirement that names the training data"
            )


def _attests(stage: str, place: Place) -> str:
    return str(getattr(find(place, stage), "attests", "test-result"))
