"""The result of a run, as it lies in its output folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate import body
from lockgate.outcome import Decision, Verdict

RESULT, REPORT, ATTESTATION = "result.json", "report.html", "attestation.json"


@dataclass(frozen=True)
class Result:
    """What one run left behind.

    Attributes:
        out: The output folder.
        document: ``result.json`` as a mapping.
        opens: Whether a gate opens on it, by the policy of the run.
    """

    out: Path
    document: Mapping[str, Any]
    opens: bool

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return Verdict(self.document["verdict"])

    @property
    def decision(self) -> Decision | None:
        """The decision, for a stage that has one."""
        return Decision(self.document["decision"]) if self.document["decision"] else None

    @property
    def body_digest(self) -> str:
        """SHA-256 (hex) over what the run says, equal wherever the run took place."""
        return str(self.document["body_digest"])

    @property
    def outputs(self) -> dict[str, str]:
        """Path of every named output and attachment."""
        both = {**self.document["outputs"], **self.document["attachments"]}
        return {name: entry["uri"] for name, entry in both.items()}

    @property
    def why(self) -> str:
        """One sentence: the reason of the verdict."""
        return body.why(self.document)

    def summary(self) -> dict[str, Any]:
        """Return the small mapping that an orchestrator passes on: no findings, no data."""
        return {
            "stage": self.document["stage"],
            "verdict": str(self.verdict),
            "decision": str(self.decision) if self.decision else None,
            "opens": self.opens,
            "body_digest": self.body_digest,
            "result": str(self.out / RESULT),
            "report": str(self.out / REPORT),
            "attestation": str(self.out / ATTESTATION),
            "outputs": self.outputs,
        }


def load(out: str | os.PathLike[str], *, opens: bool) -> Result:
    """Read the result that a run left in a folder.

    Raises:
        OSError: There is none.
        ValueError: It is not one that a run of this version wrote. So are LookupError and TypeError.
    """
    folder = Path(out).absolute()
    document = json.loads((folder / RESULT).read_text("utf-8"))
    if document["schema"] != body.SCHEMA or document["body_digest"] != body.digest(document):
        raise ValueError("the result is of another kind, or was altered")
    return Result(folder, document, opens)
