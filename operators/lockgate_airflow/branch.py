"""Go on as `gate-retraining` decided.

gate = GateRetrainingOperator(task_id="gate", ..., fail_on=())
DecisionBranchOperator(
    task_id="decide", result=gate.output, retrain="train", keep="kept", quarantine="hold"
)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseBranchOperator
from airflow.sdk.exceptions import AirflowFailException

from lockgate.outcome import Decision

if TYPE_CHECKING:
    from airflow.sdk import Context


class DecisionBranchOperator(BaseBranchOperator):
    """Run the branch that belongs to a decision, and skip the others.

    A gate that is closed goes the way of QUARANTINE, whatever it decided: INCONCLUSIVE is no leave
    to train. So does a result without a decision.

    Args:
        result: The output of the task that decided, for example `gate.output` (templated). Give
            that task `fail_on=()`, or it fails before anything can branch.
        retrain: Id of the task or task group that runs on RETRAIN.
        keep: The same on KEEP.
        quarantine: The same on QUARANTINE.
        kwargs: What every Airflow operator takes.
    """

    template_fields = ("result",)
    ui_color = "#dfeee7"

    def __init__(self, *, result: Any, retrain: str, keep: str, quarantine: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.result = result
        self.retrain = retrain
        self.keep = keep
        self.quarantine = quarantine

    def choose_branch(self, context: Context) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the id of the branch to run."""
        if not isinstance(self.result, Mapping) or not {"opens", "decision"} <= set(self.result):
            raise AirflowFailException(
                f"result of {self.task_id} is no output of a stage; give it that of the deciding task"
            )
        decision = self.result["decision"]
        if self.result["opens"] is True and decision == Decision.RETRAIN:
            return self.retrain
        if self.result["opens"] is True and decision == Decision.KEEP:
            return self.keep
        return self.quarantine
