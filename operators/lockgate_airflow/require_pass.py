"""Close the gate unless everything that is given opens it.

The Airflow operator of `lockgate require-pass`, written by hand: it also takes the outputs of tasks
as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lockgate_airflow.base import StageOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lockgate.result import Result


class RequirePassOperator(StageOperator):
    """Fail, and hold everything after it, unless all verdicts and attestations open the gate.

    For tasks with `fail_on=()`, whose verdict is acted on later, and as the last thing before a
    model is published. Every argument may be a template or the output of another task.

    Args:
        verdicts: Outputs of earlier tasks, such as `[validate.output, detect.output]` or that of a mapped
            task, or verdicts as words.
        attestations: Paths of `attestation.json` of earlier runs.
        key: The public key that signed all of them, `NAME.pub.pem`.
        allow: Verdicts that open the gate; by default PASS, WARN and WAIVED.
        kwargs: `out`, `policy`, `place`, `fail_on` and `lockgate_conn_id` of `StageOperator`, and
            what every Airflow operator takes.
    """

    stage = "lockgate.stages.deploy.require_pass:require_pass"

    def __init__(
        self,
        *,
        verdicts: list[Any] | str | None = None,
        attestations: list[str] | str | None = None,
        key: str | None = None,
        allow: list[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={"verdicts": verdicts, "attestations": attestations, "key": key, "allow": allow},
            **kwargs,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Take the verdict out of every output that was given whole, and run the stage."""
        given = self.arguments["verdicts"]
        self._outputs = [item for item in _items(given) if isinstance(item, Mapping)]
        if self._outputs:
            words = [item["verdict"] if isinstance(item, Mapping) else item for item in _items(given)]
            self.arguments = {**self.arguments, "verdicts": words}
        return super().execute(context)

    def _reason(self, result: Result) -> str:
        closed = [item for item in self._outputs if not item["opens"]]
        named = [f"{item['stage']} {item['decision'] or item['verdict']}: {item['why']}" for item in closed]
        return "; ".join(named) or super()._reason(result)


def _items(given: Any) -> list[Any]:
    """Return the items of a list; the outputs of a mapped task are a sequence of Airflow's own."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        return list(given)
    return [given]
