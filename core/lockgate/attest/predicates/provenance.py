"""Provenance v1 of SLSA: which training made an artifact, from which data, with which code.

https://slsa.dev/spec/v1.1/provenance, with the build type ``lockgate:training/v1``:

    {
      "buildDefinition": {
        "buildType": "lockgate:training/v1",
        "externalParameters": {"training": {"depth": 3}, "repository": "https://example.org/code.git"},
        "internalParameters": {"python": "3.11.9", "platform": "Linux-x86_64", "engine": {"name": "airflow"}},
        "resolvedDependencies": [
          {"name": "batch", "digest": {"sha256": "..."}, "annotations": {"kind": "dataset"}},
          {"name": "code", "digest": {"gitCommit": "..."}, "annotations": {"kind": "code", "dirty": false}},
          {"name": "pipeline", "digest": {"sha256": "..."}, "annotations": {"kind": "pipeline"}},
          {"name": "environment_lock", "digest": {"sha256": "..."}, "annotations": {"kind": "environment"}}
        ]
      },
      "runDetails": {
        "builder": {"id": "airflow://example.org", "version": {"lockgate": "0.1.0", "airflow": "3.0.0"}},
        "metadata": {"invocationId": "...", "startedOn": "...", "finishedOn": "..."},
        "byproducts": [{"name": "step", "digest": {"sha256": "..."}}]
      }
    }

- Subjects are the products of the training; what `record-provenance` was given else are dependencies.
- ``externalParameters.training`` is what training was called with, whole; ``repository`` is where the code
  of the dependency ``code`` is, when that is known.
- Every dependency says by its annotation ``kind`` what it was to the training: ``dataset`` for each thing
  trained on, ``code`` for the git commit (``gitCommit``), ``pipeline`` for the definition of the workflow,
  ``environment`` for a lock file (``environment_lock``) or, named ``installed``, for the list of installed
  distributions (`lockgate.training.surroundings.installed`).
- A dependency has a ``uri`` when it came from a remote store. Paths on the machine stay out.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockgate import artifact
from lockgate.attest import fields
from lockgate.attest.fields import refuse
from lockgate.attest.predicates import STAGES

if TYPE_CHECKING:
    from lockgate.attest.statement import RunSummary

TYPE = STAGES["provenance"]
BUILD_TYPE = "lockgate:training/v1"
PRODUCTS, MATERIALS = "products", "materials"
"""The parameters of `record-provenance` with the products, and with what was trained on."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class Kind(str, enum.Enum):
    """What a dependency was to the training."""

    DATASET = "dataset"
    CODE = "code"
    PIPELINE = "pipeline"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Material:
    """Something that went into the training.

    Attributes:
        name: What the training called it.
        kind: What it was.
        digest: Its DigestSet; of code ``gitCommit``.
        uri: Where it came from, or empty.
        dirty: Of code: whether it differed from the commit.
    """

    name: str
    kind: Kind
    digest: Mapping[str, str]
    uri: str = ""
    dirty: bool = False


@dataclass(frozen=True)
class Provenance:
    """How the subjects were made.

    Attributes:
        materials: All that went in.
        parameters: What training was called with.
        builder: URI of what ran the training.
        invocation: Id of that run, or None.
        started: When it started, or None.
        finished: When it ended, or None.
    """

    materials: tuple[Material, ...]
    parameters: Mapping[str, Any] = field(repr=False)
    builder: str
    invocation: str | None
    started: dt.datetime | None
    finished: dt.datetime | None

    @property
    def datasets(self) -> tuple[Material, ...]:
        """What was trained on."""
        return tuple(each for each in self.materials if each.kind is Kind.DATASET)

    @property
    def code(self) -> Material | None:
        """The code, when its commit is known."""
        return self._first(Kind.CODE)

    @property
    def pipeline(self) -> Material | None:
        """The definition of the workflow."""
        return self._first(Kind.PIPELINE)

    @property
    def environment(self) -> Material | None:
        """The lock file, else the list of installed distributions."""
        return self._first(Kind.ENVIRONMENT)

    def _first(self, kind: Kind) -> Material | None:
        return next((each for each in self.materials if each.kind is kind), None)


# --- Writing ----------------------------------------------------------------------------------------


def subjects(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the products as subjects: the other inputs went into them."""
    return [{"name": each["name"], "digest": each["digest"]} for each in _given(document, PRODUCTS)]


def from_result(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the predicate's own fields for a result document of `record-provenance`."""
    context = document["context"]
    engine = dict(context["engine"])
    external = {"training": json.loads(context["training"])}
    if context["repository"]:
        external["repository"] = context["repository"]
    version = {"lockgate": document["version"]}
    if "name" in engine and "version" in engine:
        version.setdefault(engine["name"], engine["version"])
    times = {"startedOn": context["started"], "finishedOn": context["finished"]}
    metadata = {"invocationId": context["invocation_id"], **times}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {**context["ran_in"], **({"engine": engine} if engine else {})},
            "resolvedDependencies": list(_dependencies(document)),
        },
        "runDetails": {
            "builder": {"id": context["builder_id"], "version": version},
            "metadata": _without_empty(metadata),
            "byproducts": [
                {"name": each["name"], "digest": each["digest"]} for each in _given(document, "step")
            ],
        },
    }


def _dependencies(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what went in: the materials as the step recorded them, else as they were given."""
    context = document["context"]
    given = _given(document, MATERIALS)
    addresses = [
        _remote(told or each["uri"]) for each, told in zip(given, context["material_uris"], strict=True)
    ]
    recorded = context["recorded"]
    for name, digest in recorded.items():
        known = [uri for each, uri in zip(given, addresses, strict=True) if each["digest"] == digest]
        yield _dependency(name, Kind.DATASET, digest, next(iter(known), ""))
    for each, uri in zip(given, addresses, strict=True):
        if each["digest"] not in recorded.values():
            yield _dependency(each["name"], Kind.DATASET, each["digest"], uri)
    if code := context["code"]:
        uri = f"git+{context['repository']}@{code['revision']}" if context["repository"] else ""
        commit = {"gitCommit": code["revision"]}
        yield _dependency("code", Kind.CODE, commit, uri, dirty=code["dirty"])
    for name, kind in (("pipeline", Kind.PIPELINE), ("environment_lock", Kind.ENVIRONMENT)):
        for each in _given(document, name):
            yield _dependency(name, kind, each["digest"])
    if context["installed"]:
        yield _dependency("installed", Kind.ENVIRONMENT, context["installed"])


def _dependency(
    name: str, kind: Kind, digest: Mapping[str, str], uri: str = "", **notes: bool
) -> dict[str, Any]:
    annotations = {"kind": str(kind.value), **notes}
    return _without_empty({"name": name, "uri": uri, "digest": dict(digest), "annotations": annotations})


def _given(document: Mapping[str, Any], parameter: str) -> list[Mapping[str, Any]]:
    """Return the inputs of one parameter, in order."""
    given = (*document["subjects"], *document["evidence"])
    return [each for each in given if each["name"].partition("[")[0] == parameter]


def _remote(uri: str) -> str:
    """Return the address of a store; of a path on this machine nothing."""
    scheme, separator, _ = uri.partition("://")
    return artifact.display(uri) if separator and "/" not in scheme and scheme.lower() != "file" else ""


def _without_empty(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value}


# --- Reading ----------------------------------------------------------------------------------------


def parse(predicate: Mapping[str, Any], run: RunSummary | None) -> Provenance:
    """Return what a predicate says; refuse one that is not of a training, or says two things at once."""
    if run is None:
        refuse("provenance comes from a run of a stage")
    definition = fields.mapping(predicate.get("buildDefinition"), "the buildDefinition")
    details = fields.mapping(predicate.get("runDetails"), "the runDetails")
    if definition.get("buildType") != BUILD_TYPE:
        refuse(f"its buildType is not {BUILD_TYPE}")
    external = fields.mapping(definition.get("externalParameters"), "the field 'externalParameters'")
    if not {"training"} <= set(external) <= {"training", "repository"}:
        refuse("its externalParameters are not just training and repository")
    builder = fields.mapping(details.get("builder"), "the builder")
    version = fields.mapping(builder.get("version"), "the version of the builder")
    if version.get("lockgate") != run.version:
        refuse("its builder has another version of Lockgate than the run")
    metadata = fields.mapping(details.get("metadata", {}), "the metadata")
    started, finished = (_optional_time(metadata, name) for name in ("startedOn", "finishedOn"))
    if started and finished and finished < started:
        refuse("its training ended before it started")
    invocation = fields.text(metadata, "invocationId") if "invocationId" in metadata else None
    return Provenance(
        materials=_materials(definition.get("resolvedDependencies")),
        parameters=fields.mapping(external.get("training"), "the field 'training'"),
        builder=fields.text(builder, "id"),
        invocation=invocation,
        started=started,
        finished=finished,
    )


def _optional_time(metadata: Mapping[str, Any], name: str) -> dt.datetime | None:
    return fields.time(metadata, name) if name in metadata else None


def _materials(value: Any) -> tuple[Material, ...]:
    found = tuple(_material(entry) for entry in fields.items(value, "the field 'resolvedDependencies'"))
    names = [(each.kind, each.name) for each in found]
    if len(set(names)) != len(names):
        refuse("two of its dependencies have the same kind and name")
    if sum(each.kind is Kind.CODE for each in found) > 1:
        refuse("it names two revisions of the code")
    return found


def _material(value: Any) -> Material:
    """Return a dependency: one of no known kind is refused, for a dataset could hide in it."""
    entry = fields.mapping(value, "a dependency")
    name = fields.text(entry, "name")
    notes = fields.mapping(entry.get("annotations"), "the annotations of a dependency")
    kind = fields.word(Kind, notes, "kind")
    dirty = notes.get("dirty", False)
    if not isinstance(dirty, bool) or (dirty and kind is not Kind.CODE):
        refuse("a dependency is dirty in a way that nothing can be")
    digest = entry.get("digest")
    uri = fields.text(entry, "uri") if "uri" in entry else ""
    if kind is Kind.CODE:
        return Material(name, kind, {"gitCommit": _commit(digest)}, uri, dirty)
    return Material(name, kind, fields.digest_set(digest, "a dependency"), uri)


def _commit(digest: Any) -> str:
    commit = fields.mapping(digest, "the digest of the code").get("gitCommit")
    if not isinstance(commit, str) or not _COMMIT.match(commit):
        refuse("the code has no gitCommit of 40 or 64 lower-case hexadecimal digits")
    return commit
