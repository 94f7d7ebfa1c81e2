"""What a run tells OpenLineage: inputs and outputs with their digests, checks, and the verdict.

Airflow's OpenLineage provider asks an operator after its task has ended, in the process that ran it.
Without the provider nobody asks, and nothing here is imported.

| facet | on | what |
|---|---|---|
| `dataQualityAssertions` | the first input | an assertion for each check, called by its id; and `VERDICT` |
| `version` | each input and output | `ALGORITHM:DIGEST` |
| `lockgate_digest` | each input and output | the DigestSet |
| `lockgate_result` | the run | stage, verdict, decision, body digest, where the attestation is |

The first two are OpenLineage's own, the others have their JSON Schemas in the folder `schemas`.
A dataset is called as OpenLineage's naming rules say: `file` and the path, or `s3://BUCKET` and the
key. Neither a password nor the query of a URL is in it, since `result.json` has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attr
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import data_quality_assertions_dataset, dataset_version_dataset
from openlineage.client.generated.base import DatasetFacet, RunFacet

from lockgate import __version__
from lockgate.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lockgate.result import Result

VERDICT = "lockgate:verdict"
"""The assertion that holds when the gate opens."""
_PRODUCER = f"lockgate:{__version__}"
# Checks of `validate-data` and `check-drift` that are called KIND:COLUMN.
_OF_ONE_COLUMN = frozenset(
    [
        *("type", "completeness", "range", "categories", "unique", "drift"),
        *("baseline-type", "baseline-completeness", "baseline-range", "baseline-categories"),
    ]
)


@attr.define
class DigestDatasetFacet(DatasetFacet):
    """The digests that an artifact had when a stage read or wrote it."""

    digest: dict[str, str] = attr.field(kw_only=True)

    @staticmethod
    def _get_schema() -> str:
        return "lockgate:openlineage/digest/v1"


@attr.define
class ResultRunFacet(RunFacet):
    """What a stage said, and where its attestation is."""

    stage: str = attr.field(kw_only=True)
    version: str = attr.field(kw_only=True)
    verdict: str = attr.field(kw_only=True)
    decision: str | None = attr.field(kw_only=True)
    opens: bool = attr.field(kw_only=True)
    bodyDigest: str = attr.field(kw_only=True)  # noqa: N815 - as OpenLineage spells names
    policyDigest: str | None = attr.field(kw_only=True)  # noqa: N815
    attestation: str = attr.field(kw_only=True)

    @staticmethod
    def _get_schema() -> str:
        return "lockgate:openlineage/result/v1"


def lineage(result: Result) -> OperatorLineage:
    """Return what OpenLineage is to know of a run."""
    document, summary = result.document, result.summary()
    inputs = [_dataset(InputDataset, entry) for entry in document["subjects"]]
    if inputs:
        inputs[0].inputFacets = {
            "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                assertions=_assertions(result), producer=_PRODUCER
            )
        }
    said = ResultRunFacet(
        stage=summary["stage"],
        version=document["version"],
        verdict=summary["verdict"],
        decision=summary["decision"],
        opens=result.opens,
        bodyDigest=result.body_digest,
        policyDigest=(document["policy"]["digest"] or {}).get("sha256"),
        attestation=summary["attestation"],
        producer=_PRODUCER,
    )
    return OperatorLineage(
        inputs=inputs,
        outputs=[_dataset(OutputDataset, entry) for entry in document["outputs"].values()],
        run_facets={"lockgate_result": said},
    )


def name_of(uri: str) -> tuple[str, str]:
    """Return the namespace and the name that OpenLineage has for an artifact's path or URI."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return "file", str(Path(uri).absolute())
    if scheme.lower() == "file":
        from lockgate.artifact import local_path

        return "file", str(local_path(uri))
    host, _, path = rest.partition("/")
    scheme = {"s3a": "s3", "gcs": "gs", "abfs": "abfss"}.get(scheme.lower(), scheme.lower())
    return f"{scheme}://{host}", path if scheme in ("s3", "gs") else f"/{path}"


def _dataset(kind: Any, entry: Mapping[str, Any]) -> Any:
    namespace, name = name_of(entry["uri"])
    algorithm, digits = next(iter(entry["digest"].items()))
    return kind(
        namespace=namespace,
        name=name,
        facets={
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(
                f"{algorithm}:{digits}", producer=_PRODUCER
            ),
            "lockgate_digest": DigestDatasetFacet(digest=dict(entry["digest"]), producer=_PRODUCER),
        },
    )


def _assertions(result: Result) -> list[data_quality_assertions_dataset.Assertion]:
    found = [
        data_quality_assertions_dataset.Assertion(
            assertion=check["id"], success=Verdict(check["verdict"]).opens, column=_column(check["id"])
        )
        for check in result.document["checks"]
    ]
    return [*found, data_quality_assertions_dataset.Assertion(assertion=VERDICT, success=result.opens)]


def _column(check: str) -> str | None:
    kind, _, column = check.partition(":")
    return column if kind in _OF_ONE_COLUMN and column else None
