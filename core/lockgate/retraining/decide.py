"""Decide on a batch by what moved, what broke, what its labels say, and what the budget has left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate import artifact
from lockgate.errors import InputError
from lockgate.outcome import Decision, Outcome
from lockgate.retraining import budget as budgets
from lockgate.retraining.labels import Weighed, weigh_labels
from lockgate.retraining.memory import Given, Memory, check_trigger, leave, open_memory, settle
from lockgate.retraining.moved import is_calm, look_for_drift, say_what_is_hidden
from lockgate.retraining.performance import does_worse
from lockgate.retraining.poison import look_for_poison
from lockgate.retraining.record import record_numbers, record_shape
from lockgate.retraining.upstream import look_for_bugs
from lockgate.table.comparison import Limits
from lockgate.table.drift import compare

if TYPE_CHECKING:
    import pyarrow as pa

    from lockgate.retraining.bug import Bug
    from lockgate.retraining.trigger import Trigger
    from lockgate.table.comparison import Comparison


@dataclass(frozen=True)
class Files:
    """What a run reads and writes; see the stage's parameters."""

    reference: Path
    current: Path
    next_state: Path
    trigger: Path
    model: Path | None
    pipeline: Path | None
    approval: Path | None


def decide(rules: Trigger, files: Files, given: Given, environment: str) -> Outcome:
    """Return what a batch may start, and leave the next state of its stream.

    Args:
        rules: What the decision depends on.
        files: What is read and written.
        given: What the run was told about the memory of the stream.
        environment: Whose rules of waivers hold for an approval.

    Raises:
        InputError: A table, the model, the label or the state cannot be used, or a threshold is out
            of range.
        MissingExtraError: The poisoning detectors, or what reads the model, are not installed.
    """
    label, source = rules.label, rules.source
    if source == label:
        raise InputError(f"label and source are both column {label!r}; name two columns")
    if not 0 < rules.evidence_alpha < 1:
        raise InputError(f"evidence_alpha is {rules.evidence_alpha}, and must be above 0 and below 1")
    budget = budgets.read(rules.cooldown, rules.max_retrains, rules.retrain_window, rules.calm)
    outcome = Outcome()
    memory = open_memory(outcome, given)
    pipeline = None if files.pipeline is None else artifact.digest(files.pipeline)
    raw_trigger = rules.document(pipeline)
    files.trigger.write_bytes(raw_trigger)
    trigger_holds = check_trigger(
        outcome, memory, raw_trigger, approval=files.approval, environment=environment
    )

    before, now = _read(files.reference, label, 2), _read(files.current, label, 1)
    left_out = _left_out(before, now, label, source, rules.ignore or [])
    bugs = look_for_bugs(outcome, before, now, label=label, source=source, leave_out=left_out)
    found = _compared(files, now, bugs, left_out, rules)
    record_shape(outcome, found)
    reasons = look_for_drift(outcome, found, label, rules.max_drifted_share)
    say_what_is_hidden(outcome, found)
    batch = artifact.digest(files.current)
    known = None if memory.state is None else memory.state.batch(batch)
    weighed, alarmed = _accused(
        outcome, reasons, rules, files, memory, found, before, now, bugs, left_out, again=known is not None
    )
    record_numbers(outcome, found)

    stopped = known is not None and known.decision is Decision.QUARANTINE
    opens = outcome.verdict.opens and not (alarmed or weighed.attack or stopped)
    settled = settle(
        outcome,
        memory,
        budget,
        wanted=bool(reasons) and opens,
        calm=opens and not reasons and is_calm(outcome, found, rules),
        batch=batch,
        reference=artifact.digest(files.reference),
    )
    outcome.decision, outcome.facts["Why"] = _decided(
        reasons,
        alarmed=alarmed,
        weighed=weighed.attack,
        stopped=stopped,
        opens=opens,
        retrain=settled.retrain,
    )
    if stopped and not (alarmed or weighed.attack):
        outcome.check("decided-before", value="QUARANTINE", comparator="!=", threshold="QUARANTINE")
    leave(
        outcome,
        memory,
        files.next_state,
        decision=outcome.decision,
        weighed=weighed,
        settled=settled,
        raw_trigger=raw_trigger,
        trigger_holds=trigger_holds,
        batch=files.current,
        reference=files.reference,
    )
    return outcome


def _compared(
    files: Files, now: pa.Table, bugs: list[Bug], left_out: list[str], rules: Trigger
) -> Comparison:
    """Compare the tables; a column that a bug has emptied has nothing to compare."""
    named = _names(bugs)
    empty = [name for name in named if name not in left_out and now[name].null_count == now.num_rows]
    limits = Limits(rules.alpha, rules.max_psi, rules.max_js, rules.min_rows)
    return compare(files.reference, files.current, ignore=[*left_out, *empty], limits=limits)


def _names(bugs: list[Bug]) -> list[str]:
    return list(dict.fromkeys(name for bug in bugs for name in bug.columns))


def _accused(
    outcome: Outcome,
    reasons: list[str],
    rules: Trigger,
    files: Files,
    memory: Memory,
    found: Comparison,
    before: pa.Table,
    now: pa.Table,
    bugs: list[Bug],
    left_out: list[str],
    *,
    again: bool,
) -> tuple[Weighed, bool]:
    """Ask the model, the labels and the detectors what they hold against the batch."""
    label, source = rules.label, rules.source
    known = {} if memory.state is None else memory.state.accounts or {}
    if any(label in b.columns and b.kind not in ("codes", "missing", "constant", "detached") for b in bugs):
        outcome.cannot("poisoning", f"the classes of the label column {label!r} have other names now")
        return Weighed(known), False
    broken = sorted({*left_out, *_names(bugs)} - {label})
    if files.model is not None and does_worse(
        outcome, files.model, before, now, label, rules.max_accuracy_loss, rules.alpha
    ):
        reasons.append("the model does worse on the batch")
    if source is not None and now[source].null_count == now.num_rows:
        outcome.cannot("sources", f"the source column {source!r} of the batch has no value at all")
        broken, source = [*broken, source], None
    weighed = weigh_labels(
        outcome,
        before,
        now,
        label=label,
        source=source,
        leave_out=[*broken, *found.ignored],
        moved={c.column for c in found.drifted} - {label},
        known=known,
        again=again,
        history=() if memory.state is None else memory.state.history,
        alpha=rules.evidence_alpha,
        seed=rules.seed,
    )
    given, taught = _classes(now, label), _classes(before, label)
    if len(given) <= 1 or not given & taught:
        same = "one and the same label" if len(given) <= 1 else "labels that the reference does not have"
        outcome.cannot("poisoning", f"all rows of the batch have {same} in {label!r}")
        return weighed, False
    alarmed = look_for_poison(
        outcome,
        found,
        before,
        now,
        label=label,
        source=source,
        ignore=broken,
        alpha=rules.poisoning_alpha,
        min_share=rules.min_planted_share,
        seed=rules.seed,
        held=weighed.audit,
        other_rates=weighed.other_rates,
    )
    return weighed, alarmed


def _classes(table: pa.Table, label: str) -> set[str]:
    from lockgate.poisoning.features import codes

    return set(codes(table.column(label))[1])


def _decided(
    reasons: list[str], *, alarmed: bool, weighed: bool, stopped: bool, opens: bool, retrain: bool
) -> tuple[Decision, str]:
    if alarmed:
        return Decision.QUARANTINE, "the batch trips the poisoning alarm"
    if weighed:
        return Decision.QUARANTINE, "labels contradict the reference beyond chance"
    if stopped:
        return Decision.QUARANTINE, "the batch was put into quarantine before"
    if not opens:
        return Decision.KEEP, "the gate could not open, so nothing is trained"
    if retrain:
        return Decision.RETRAIN, " and ".join(reasons)
    return Decision.KEEP, "no training may start now" if reasons else "nothing has changed that matters"


def _read(path: Path, label: str, classes: int) -> pa.Table:
    from lockgate.table.read import read_arrow, require_label

    table = read_arrow(path)
    require_label(table, label, where=path, classes=classes)
    return table


def _left_out(
    before: pa.Table, now: pa.Table, label: str, source: str | None, ignore: list[str]
) -> list[str]:
    """The columns that are not compared: the ignored ones, and the source, whose mix changes freely."""
    from lockgate.table.read import require_columns

    there = dict.fromkeys([*before.column_names, *now.column_names])
    require_columns(there, ignore, "ignore", where="the pair of tables")
    if label in ignore:
        raise InputError(f"ignore names the label column {label!r}; the label is always looked at")
    if source is None:
        return ignore
    require_columns(now, [source], "source", where="current")
    return [*dict.fromkeys([*ignore, source])]
