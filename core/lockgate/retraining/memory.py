"""Remember a stream of batches: open its state, decide within its budget, and leave the next state."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lockgate import artifact
from lockgate.errors import InputError
from lockgate.outcome import Decision, Outcome, Severity, Verdict
from lockgate.policy import times
from lockgate.retraining import budget as budgets
from lockgate.retraining import keeping, trigger
from lockgate.retraining.state import STREAM, Batch, State

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

    from lockgate.retraining.labels import Weighed
    from lockgate.settings import Settings


@dataclass(frozen=True)
class Given:
    """What a run was told about the memory; see the stage's parameters."""

    stream: str
    state: Path | None
    state_uri: str | None
    state_keys: Sequence[Path]
    as_of: str | None
    settings: Settings


@dataclass(frozen=True)
class Memory:
    """The memory of a stream as this run found it.

    Attributes:
        kept: The state and its signers; None on the first run.
        signer: What signs the next one; None keeps none.
        now: The time that it is.
        given: What the run was told.
    """

    kept: keeping.Kept | None
    signer: Signer | None
    now: dt.datetime
    given: Given

    @property
    def state(self) -> State | None:
        """What is remembered, or None."""
        return None if self.kept is None else self.kept.state


def open_memory(outcome: Outcome, given: Given) -> Memory:
    """Read the state of the stream, and check that it is the one to go on from.

    Raises:
        InputError: The state is not signed by an accepted key, is another's or an older one; or there
            is a state and no key to sign the next one with.
    """
    if not STREAM.match(given.stream):
        raise InputError(
            f"stream is {given.stream[:80]!r}; give letters, digits, '.', '_' and '-', at most 100"
        )
    if given.state is not None and given.state_uri:
        raise InputError("state and state_uri are both given; give the one where the state is kept")
    now = _now(given.as_of)
    signer = _signer(given.settings)
    raw = None
    if given.state is not None:
        from lockgate.attest import envelope
        from lockgate.documents import read_bytes

        raw = read_bytes(given.state, envelope.MAX_BYTES)
    elif given.state_uri:
        raw = keeping.fetch(given.state_uri)
    if signer is None:
        if raw is not None or given.state_uri:
            raise InputError("a state is kept signed, and there is no key; give --key or set LOCKGATE_KEY")
        return Memory(None, None, now, given)
    from lockgate.attest import keys

    own = keys.trusted(cast("SSlibKey", signer.public_key))
    accepted = [own, *(keys.load_public(path) for path in given.state_keys)]
    kept = keeping.read(raw, stream=given.stream, keys=accepted, settings=given.settings)
    if kept is not None:
        if kept.state.written > now + times.CLOCK_SKEW:
            raise InputError(
                f"the state was written at {kept.state.written:%Y-%m-%d %H:%M} UTC, later than it is now; "
                "check the clock, or as_of"
            )
        if given.state is None:  # as an input it is recorded already
            outcome.evidence["state"] = {"sha256": kept.name}
    return Memory(kept, signer, now, given)


def _now(as_of: str | None) -> dt.datetime:
    if as_of is None:
        return times.now().replace(microsecond=0)
    try:
        return times.read_time(as_of)
    except ValueError as error:
        raise InputError(f"as_of is {as_of[:80]!r}: {error}") from None


def _signer(settings: Settings) -> Signer | None:
    if not settings.key:
        return None
    from lockgate.attest import keys

    return keys.load_signer(settings.key, settings.key_passphrase)


# --- Whether a training may start -------------------------------------------------------------------


def check_trigger(
    outcome: Outcome, memory: Memory, raw: bytes, *, approval: Path | None, environment: str
) -> bool:
    """Record whether the trigger is the one that was approved, and return whether it may act."""
    mine = trigger.digest(raw)
    outcome.context["trigger"] = mine
    if memory.state is None:
        return True
    why_not = ""
    changed = memory.state.trigger != mine
    if changed:
        assert memory.kept is not None and memory.signer is not None  # noqa: PT018, S101 - there is a state
        why_not = trigger.refused(
            approval,
            mine,
            environment=environment,
            settings=memory.given.settings,
            now=memory.now,
            involved=[*memory.kept.signers, memory.signer.public_key.keyid],
        )
    held = outcome.check("trigger", value=not why_not, comparator="==", threshold=True)
    if not held:
        outcome.find(
            trigger.RULE,
            Severity.HIGH,
            f"What starts a training has changed (thresholds, parameters or pipeline), and {why_not}.",
            subject="current",
            check="trigger",
            fix=(
                "Compare trigger.json with the former one, and have somebody else approve it: lockgate waive "
                f"--artifact trigger.json --stage gate-retraining --rule {trigger.RULE}; then give approval."
            ),
        )
    elif changed:
        outcome.facts["Trigger"] = "changed, and the change was approved"
    return held


@dataclass(frozen=True)
class Settled:
    """What became of the reasons to train.

    Attributes:
        retrain: Whether a training starts.
        armed: Whether the next reason may start one.
    """

    retrain: bool
    armed: bool


def settle(
    outcome: Outcome,
    memory: Memory,
    budget: budgets.Budget,
    *,
    wanted: bool,
    calm: bool,
    batch: Mapping[str, str],
    reference: Mapping[str, str],
) -> Settled:
    """Hold the wish to train against the budget, and record what holds it back.

    A batch is decided on once, unless the gate could not open then: it has started nothing, and what held it
    back (a trigger that nobody had approved, a check that could not run) may be gone.
    """
    state = memory.state
    if state is None:
        return Settled(wanted, not wanted)
    armed = state.armed or calm or dict(state.reference) != dict(reference)
    known = state.batch(batch)
    if known is not None and (not known.held or known.decision is Decision.QUARANTINE):
        outcome.find(
            "LG-RETRAIN-010",
            Severity.MEDIUM if wanted else Severity.INFO,
            f"The batch was decided on before ({known.decision}), so it starts no training and counts once.",
            subject="current",
            fix="Give a new batch; for another decision on this one, start a stream of its own.",
        )
        return Settled(retrain=False, armed=state.armed)
    if not wanted:
        return Settled(retrain=False, armed=armed)
    from dataclasses import replace

    why_not = budgets.why_not(replace(state, armed=armed), budget, memory.now)
    outcome.check("budget", value=not why_not, comparator="==", threshold=True, failing=Verdict.WARN)
    if why_not:
        outcome.find(
            "LG-RETRAIN-009",
            Severity.MEDIUM,
            f"There is a reason to train, and the budget holds it back: {why_not}.",
            subject="current",
            check="budget",
            fix="Wait, or give what was trained on as reference; a larger budget needs an approval.",
        )
    return Settled(retrain=not why_not, armed=armed if why_not else False)


# --- The next state ---------------------------------------------------------------------------------


def leave(
    outcome: Outcome,
    memory: Memory,
    target: Path,
    *,
    decision: Decision,
    weighed: Weighed,
    settled: Settled,
    raw_trigger: bytes,
    trigger_holds: bool,
    batch: Path,
    reference: Path,
) -> None:
    """Write the next state, signed, and see to it that it is kept once the result is."""
    if memory.signer is None:
        return
    before = memory.state
    digest, now = artifact.digest(batch), memory.now
    known = None if before is None else before.batch(digest)
    batches = () if before is None else before.batches
    history = () if before is None else before.history
    held = not outcome.verdict.opens
    if known is None or (decision, held) != (known.decision, known.held):
        batches = (*batches, Batch(digest, decision, held, now))
    trainings = () if before is None else before.trainings
    state = State(
        stream=memory.given.stream,
        sequence=1 if before is None else before.sequence + 1,
        previous=None if memory.kept is None else memory.kept.name,
        written=now,
        trigger=trigger.digest(raw_trigger) if trigger_holds or before is None else before.trigger,
        reference=artifact.digest(reference),
        armed=settled.armed,
        trainings=(*trainings, now) if decision is Decision.RETRAIN else trainings,
        batches=batches,
        accounts=weighed.accounts,
        history=history if known is not None else (*history, max(-1e6, weighed.strongest)),
    )
    sealed = keeping.seal(state, memory.signer)
    target.write_bytes(sealed)
    outcome.evidence["next_state"] = {"sha256": hashlib.sha256(sealed).hexdigest()}
    outcome.metrics["stream"] = _numbers(state)
    given = memory.given

    def commit() -> None:
        if given.state_uri:
            keeping.store(given.state_uri, sealed, memory.kept)
        # A run that neither was given a state nor keeps one may be of a pipeline that never does.
        if given.state_uri or memory.kept is not None:
            keeping.remember(given.settings, state, sealed)

    outcome.commit = commit


def _numbers(state: State) -> dict[str, Any]:
    return {
        "batches": len({tuple(sorted(b.digest.items())) for b in state.batches}),
        "states": state.sequence,
        "trainings": len(state.trainings),
        "armed": state.armed,
        "places": len(state.accounts or {}),
    }
