"""What every component does: make a KFP step of a function, and run a stage inside the step."""

import shutil
import tempfile
from collections import namedtuple
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lockgate_kfp

_LONGEST_LINE = 400  # characters; as in Airflow's log
Outputs = namedtuple("Outputs", ["verdict", "decision", "body_digest"])  # noqa: PYI024 - the shape KFP reads


def stage_component(
    *, gate: bool = False, filled_in: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """Make a lightweight component of a function, on `lockgate_kfp.IMAGE` and installing nothing.

    Args:
        gate: Whether the step decides what happens next; KFP then never takes it from its cache.
        filled_in: Placeholders of KFP by parameter, for a gate whose pipeline does not give these.
    """
    from kfp import dsl

    def decorate(function: Callable[..., Any]) -> Any:
        made = dsl.component(
            function, base_image=lockgate_kfp.IMAGE, packages_to_install=[], install_kfp_package=False
        )
        return _uncached(made, filled_in or {}) if gate else made

    return decorate


def run_stage(
    stage: str,
    *,
    arguments: Mapping[str, Any],
    outputs: Mapping[str, Any],
    policy: Any,
    report_html: Any,
    metrics: Any,
    result_json: Any,
    attestation_json: Any,
) -> Outputs:
    """Run a stage inside a step and hand its result to KFP.

    A verdict never fails the step, because KFP drops the artifacts of a failed step; unusable
    input and a stage that could not run do.

    Args:
        stage: ``module:function`` of the stage.
        arguments: Plain values and input artifacts, by parameter name.
        outputs: Output artifacts, by parameter name.
        policy: The policy artifact, or None.
        report_html: Takes the report page.
        metrics: Takes the numbers.
        result_json: Takes ``result.json``.
        attestation_json: Takes the envelope.

    Raises:
        SystemExit: The step fails, with one sentence.
    """
    from lockgate.report.text import visible
    from lockgate.result import ATTESTATION, REPORT, RESULT

    given = {name: getattr(value, "path", value) for name, value in {**arguments, **outputs}.items()}
    with tempfile.TemporaryDirectory() as folder:
        result = _run(stage, given, out=folder, policy=policy.path if policy else None)
        for name, target in ((REPORT, report_html), (ATTESTATION, attestation_json), (RESULT, result_json)):
            Path(target.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder) / name, target.path)
    for name, value in result.document["metrics"].items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            metrics.log_metric(name, value)
    decision = str(result.decision) if result.decision else ""
    print(visible(f"{result.verdict} {decision} {result.document['stage']}: {result.why}", _LONGEST_LINE))
    return Outputs(str(result.verdict), decision, result.body_digest)


def export(*, result: Any, sarif: Any, junit: Any) -> None:
    """Write a result as SARIF and as JUnit XML, as `lockgate export` does.

    Args:
        result: The artifact ``result.json``.
        sarif: Takes the SARIF log.
        junit: Takes the JUnit file.

    Raises:
        SystemExit: It is no result of a run; one sentence.
    """
    from lockgate.commands.export import write
    from lockgate.errors import LockgateError
    from lockgate.exports import Exports

    for target in (sarif, junit):
        Path(target.path).parent.mkdir(parents=True, exist_ok=True)
    try:
        write(Path(result.path), Exports.of(sarif.path, junit.path))
    except LockgateError as error:
        raise SystemExit(f"lockgate: {error}") from None


def _uncached(component: Any, filled_in: Mapping[str, str]) -> Any:
    """Return the component with KFP's caching off, and its placeholders filled in, in every pipeline."""
    from kfp.dsl.python_component import PythonComponent

    class GateComponent(PythonComponent):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            task = super().__call__(*args, **{**filled_in, **kwargs})
            if hasattr(task, "set_caching_options"):  # at compile time; a local run gives outputs
                task.set_caching_options(enable_caching=False)
            return task

    return GateComponent(component_spec=component.component_spec, python_func=component.python_func)


def close_unless_passed(*, verdicts: Any, attestation: Any, key: Any, allow: Any) -> str:
    """Run `require-pass` inside a step and fail the step when the gate is closed.

    Args:
        verdicts: List of verdicts, or None.
        attestation: An attestation artifact, or None.
        key: The public key artifact, or None.
        allow: List of verdicts that open the gate, or None.

    Returns:
        The verdict.

    Raises:
        SystemExit: The gate is closed, or the input cannot be used; one sentence.
    """
    from lockgate.report.text import visible

    given = {
        "verdicts": verdicts,
        "attestations": [attestation.path] if attestation else None,
        "key": key.path if key else None,
        "allow": allow,
    }
    with tempfile.TemporaryDirectory() as folder:
        result = _run("require-pass", given, out=folder)
    if not result.opens:
        raise SystemExit(visible(f"lockgate: the gate is closed: {result.why}", _LONGEST_LINE))
    return str(result.verdict)


def _run(stage: str, given: Mapping[str, Any], **options: Any) -> Any:
    """Run a stage on what was given, with the settings of the step's environment.

    `LOCKGATE_PLACE` says where, as `--place` does. An error of Lockgate's ends the step with its sentence.
    """
    import os

    from lockgate.errors import LockgateError
    from lockgate.run import run
    from lockgate.settings import Settings

    said = {name: value for name, value in given.items() if value is not None}
    try:
        place = os.environ.get("LOCKGATE_PLACE") or "inline"
        return run(stage, said, settings=Settings.from_environment(), place=place, **options)
    except LockgateError as error:
        raise SystemExit(f"lockgate: {error}") from None
