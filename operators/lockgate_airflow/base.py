"""Run a stage as an Airflow task; the base of every written operator.

    from lockgate_airflow.detect_poisoning import DetectPoisoningOperator

    DetectPoisoningOperator(task_id="detect", train="{{ params.batch }}", label="employed")

The verdict decides over the task. A closed gate fails it at once, without retries, because trying
again cannot change what the data say; a stage that could not run fails it as any crash does, and
Airflow's retries apply. The result is written before the task fails, and its summary is in XCom
either way, so that the report can be opened and a later task can act on the verdict.

Why the arguments of a stage live in one attribute, and more: `core/doc/adr/0004-airflow-face.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias, BaseOperator, XComArg
from airflow.sdk.definitions.mappedoperator import OperatorPartial
from airflow.sdk.exceptions import AirflowFailException

from lockgate.errors import InputError
from lockgate.outcome import Verdict
from lockgate_airflow.folders import default_out
from lockgate_airflow.links import ReportLink

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    from lockgate.place import Place, Sandbox
    from lockgate.result import Result
    from lockgate.settings import Settings

DEFAULT_CONNECTION = "lockgate_default"
_LOGGED_FINDINGS = 20
_LONGEST_LINE = 400


class StageOperator(BaseOperator):
    """Run one stage, keep its result, and fail the task when its gate is closed.

    Args:
        arguments: Inputs, outputs and parameters of the stage by name (templated, nested values too).
        out: Folder for the result (templated). By default it is
            `$LOCKGATE_HOME/DAG/RUN/TASK`, with the map index below it for a mapped task, and
            `LOCKGATE_HOME` is by default `$AIRFLOW_HOME/lockgate`.
        policy: Path of `lockgate.yaml` (templated); by default the policy of the connection, or
            that of `LOCKGATE_POLICY`.
        place: Where the stage runs: `"inline"`, the path of another Python interpreter, `"sandbox"`, or a
            `lockgate.place.Interpreter` or `Sandbox`, which confines the models that it loads.
        sarif: A file on the worker to write the result to as SARIF 2.1.0 as well (templated).
        junit: A file on the worker to write the result to as JUnit XML as well (templated).
        fail_on: The verdicts that fail the task. `()` never fails it over a verdict, for a task
            whose verdict a later task acts on. INCONCLUSIVE does not fail a task whose policy
            opens the gate on it.
        lockgate_conn_id: The connection of type `lockgate` that names the signing key, the policy,
            the evidence store and the ledger. What it leaves out comes from `LOCKGATE_*` of the
            worker's environment, as does everything when the default one is missing. None looks at
            the environment only.
        kwargs: What every Airflow operator takes. An `Asset` in `outlets` gets the verdict and the
            digests as its event's `extra`; an `AssetAlias` gets one asset for each output, or, when
            the stage writes none, for each input, and only when the gate is open; the asset is called
            `DAG/TASK/NAME`, and its event carries URI and digest.
    """

    stage: ClassVar[str]
    """The stage, as `module:function`: importing an operator does not import its stage."""

    __test__ = False  # TestRobustnessOperator is no test, whatever pytest makes of its name
    template_fields = ("arguments", "out", "policy", "sarif", "junit")
    template_fields_renderers: ClassVar[dict[str, str]] = {"arguments": "json"}
    operator_extra_links = (ReportLink(),)
    ui_color = "#dfeee7"

    def __init__(
        self,
        *,
        arguments: Mapping[str, Any],
        out: str | None = None,
        policy: str | None = None,
        place: Place | Sandbox | str = "inline",
        fail_on: Sequence[str] = ("FAIL", "INCONCLUSIVE"),
        lockgate_conn_id: str | None = DEFAULT_CONNECTION,
        sarif: str | None = None,
        junit: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments
        self.out = out
        self.policy = policy
        self.place = place
        self.fail_on = _verdicts(fail_on)
        self.lockgate_conn_id = lockgate_conn_id
        self.sarif = sarif
        self.junit = junit
        self._result: Result | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Map the operator over inputs, as with any operator: `.partial(...).expand(...)`."""
        made = super().partial(**kwargs)
        made._expand_called = True  # noqa: SLF001 - it is replaced, and must not warn that nobody expanded it
        return _StagePartial(operator_class=made.operator_class, kwargs=made.kwargs, params=made.params)

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the stage and return the summary of its result."""
        from lockgate.run import run

        if self.policy is not None and not str(self.policy).strip():
            raise AirflowFailException(
                f"policy of {self.task_id} is empty; give a path, or leave it out for that of the connection"
            )
        try:
            settings = self._settings()
            result = self._result = run(
                self.stage,
                self.arguments,
                out=self.out or default_out(context),
                policy=self.policy,
                settings=settings,
                place=self.place,
                sarif=self.sarif,
                junit=self.junit,
            )
        except InputError as error:  # the same parameters and input would be refused again
            raise AirflowFailException(str(error)) from None
        self._log(result, context)
        summary = {**result.summary(), "why": _line(result.why)}
        _push_parts(context, summary)
        _describe_assets(self.outlets, context, result)
        if self._closes(result):
            context["ti"].xcom_push(key="return_value", value=summary)
            raise AirflowFailException(self._reason(result))
        return summary

    def on_kill(self) -> None:
        """End the run when Airflow asks the task to end, so that no private copy of the data stays behind."""
        raise SystemExit(f"{self.task_id} was told to end")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage | None:  # noqa: ARG002 - Airflow's signature
        """Tell OpenLineage what was looked at and what came of it; see `lockgate_airflow.lineage`."""
        if self._result is None:  # no stage ran to its end
            return None
        from lockgate_airflow.lineage import lineage

        return lineage(self._result)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage | None:
        """Tell it of a closed gate, too: the task failed, and the stage did not."""
        return self.get_openlineage_facets_on_complete(task_instance)

    def _settings(self) -> Settings:
        from lockgate_airflow.hook import settings

        return settings(self.lockgate_conn_id, optional=self.lockgate_conn_id == DEFAULT_CONNECTION)

    def _closes(self, result: Result) -> bool:
        opened_by_policy = result.verdict is Verdict.INCONCLUSIVE and result.opens
        return str(result.verdict) in self.fail_on and not opened_by_policy

    def _reason(self, result: Result) -> str:
        return _line(f"{result.verdict}: {result.why}")

    def _log(self, result: Result, context: Context) -> None:
        decision = f" {result.decision}" if result.decision else ""
        self.log.info("%s%s %s", result.verdict, decision, _line(result.why))
        findings = result.document["findings"]
        for finding in findings[:_LOGGED_FINDINGS]:
            self.log.info("%s %s %s", finding["severity"], finding["rule"], _line(finding["message"]))
        if len(findings) > _LOGGED_FINDINGS:
            self.log.info("... and %d more findings in the report", len(findings) - _LOGGED_FINDINGS)
        self.log.info("Result in %s", result.out)
        self.log.info("Report at %s", ReportLink().get_link(self, ti_key=context["ti"]))


class _StagePartial(OperatorPartial):
    """Draws the edges to the tasks whose outputs stand in `.partial(...)`.

    Airflow draws them for arguments that are template fields by name; the arguments of a stage are
    templated inside the one field `arguments`.
    """

    def _expand(self, expand_input: Any, *, strict: bool) -> MappedOperator:
        mapped = super()._expand(expand_input, strict=strict)
        ours = {k: v for k, v in self.kwargs.items() if k not in {"dag", "task_group"}}
        XComArg.apply_upstream_relationship(mapped, ours)
        return mapped


def _verdicts(names: Sequence[str]) -> tuple[str, ...]:
    given = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
    known = {str(verdict) for verdict in Verdict}
    for name in given:
        if name not in known:
            raise ValueError(f"fail_on names {name!r}; the verdicts are {', '.join(sorted(known))}")
    return given


def _push_parts(context: Context, summary: Mapping[str, Any]) -> None:
    """Make `task.output["decision"]` and `task.output["suspects"]` work: Airflow looks into no dict."""
    parts = {name: summary[name] for name in ("verdict", "decision", "result", "attestation")}
    for name, value in {**summary["outputs"], **parts}.items():
        context["ti"].xcom_push(key=name, value=value)


def _describe_assets(outlets: Sequence[Any], context: Context, result: Result) -> None:
    """Give every asset that this task updates the verdict and the digests that it was seen with."""
    said = {
        "stage": result.document["stage"],
        "verdict": str(result.verdict),
        "opens": result.opens,
        "body_digest": result.body_digest,
    }
    inputs = {entry["name"]: entry for entry in result.document["subjects"]}
    outputs = dict(result.document["outputs"])
    for outlet in outlets:
        events = context["outlet_events"][outlet]
        if isinstance(outlet, Asset):
            digests = {name: entry["digest"] for name, entry in {**inputs, **outputs}.items()}
            events.extra.update({**said, "digests": digests})
        elif isinstance(outlet, AssetAlias) and result.opens:
            for name, entry in (outputs or inputs).items():
                extra = {**said, "uri": entry["uri"], "digest": entry["digest"]}
                events.add(_asset(context, name), extra=extra)


def _asset(context: Context, artifact: str) -> Asset:
    """Return the asset of an artifact, the same one in every run: its path is not."""
    ti = context["ti"]
    name = f"{ti.dag_id}/{ti.task_id}/{artifact}"
    return Asset(name=name, uri=f"lockgate://{quote(name)}")


def _line(text: str) -> str:
    """Return a text as one short log line: a column's name may hold line ends and escapes."""
    from lockgate.report.text import visible

    return visible(text, _LONGEST_LINE)
