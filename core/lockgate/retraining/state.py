"""What `gate-retraining` keeps from one batch to the next, and how a file says it: strict, nothing optional.

A state belongs to one stream of batches. It names the state before it, so states form a chain: two
that follow the same one are a fork. It holds no value of the data: places are named by source, class
and column, and values by a digest.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lockgate.attest import fields
from lockgate.outcome import Decision
from lockgate.retraining.betting import SHARES, Account
from lockgate.retraining.places import Place

MOST_ACCOUNTS = 3_000
"""Places that are kept; those with the least evidence go first."""
MOST_BATCHES = 1_000
"""Batches that are remembered; the oldest go first."""
MOST_TRAININGS = 1_000
MOST_HISTORY = 200
STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
"""What a stream may be called."""

_FIELDS = frozenset(
    [
        *("stream", "sequence", "previous", "writtenOn", "trigger", "reference", "armed"),
        *("trainings", "batches", "accounts", "history"),
    ]
)
_PLACES = {
    "all": (1,),
    "source": (2,),
    "crowd": (2,),
    "labels": (3,),
    "value": (3,),
    "values": (4,),
    "planted": (4, 5),
}
_LARGEST = 1e15
_LONGEST_NAME = 10_000  # characters


@dataclass(frozen=True)
class Batch:
    """A batch that was decided on.

    Attributes:
        digest: Its DigestSet.
        decision: What was decided.
        held: Whether the gate stayed closed.
        on: When.
    """

    digest: Mapping[str, str]
    decision: Decision
    held: bool
    on: dt.datetime


@dataclass(frozen=True)
class State:
    """What is known of a stream after some batches.

    Attributes:
        stream: Name of the stream.
        sequence: How many states there are, this one included; from 1.
        previous: SHA-256 (hex) of the state before it, as it was signed; None for the first.
        written: When it was written.
        trigger: SHA-256 (hex) of the trigger that may start a training (`lockgate.retraining.trigger`).
        reference: DigestSet of the reference of the last batch.
        armed: Whether a reason may start a training; see `lockgate.retraining.budget`.
        trainings: When trainings were asked for, oldest first.
        batches: The batches that were decided on, oldest first.
        accounts: The evidence, by place.
        history: The strongest evidence after each batch, 1 is an alarm; oldest first.
    """

    stream: str
    sequence: int
    previous: str | None
    written: dt.datetime
    trigger: str
    reference: Mapping[str, str]
    armed: bool = True
    trainings: tuple[dt.datetime, ...] = ()
    batches: tuple[Batch, ...] = ()
    accounts: Mapping[Place, Account] | None = None
    history: tuple[float, ...] = ()

    def batch(self, digest: Mapping[str, str]) -> Batch | None:
        """Return the latest decision on a batch; None for one that is new."""
        found = [
            b for b in self.batches if any(digest.get(name) == value for name, value in b.digest.items())
        ]
        return found[-1] if found else None

    def trimmed(self) -> State:
        """Return the state with as much as is kept."""
        accounts = sorted((self.accounts or {}).items(), key=lambda pair: (-pair[1].log_evidence, pair[0]))
        return replace(
            self,
            trainings=self.trainings[-MOST_TRAININGS:],
            batches=self.batches[-MOST_BATCHES:],
            accounts=dict(sorted(accounts[:MOST_ACCOUNTS])),
            history=self.history[-MOST_HISTORY:],
        )


# --- Writing ----------------------------------------------------------------------------------------


def document(state: State) -> dict[str, Any]:
    """Return what the file says, floats with nine digits."""
    return {
        "stream": state.stream,
        "sequence": state.sequence,
        "previous": state.previous,
        "writtenOn": fields.written(state.written),
        "trigger": state.trigger,
        "reference": dict(state.reference),
        "armed": state.armed,
        "trainings": [fields.written(time) for time in state.trainings],
        "batches": [
            {
                "digest": dict(b.digest),
                "decision": str(b.decision),
                "held": b.held,
                "on": fields.written(b.on),
            }
            for b in state.batches
        ],
        "accounts": [
            {
                "place": list(place),
                "rows": a.rows,
                "of": a.of,
                "batches": a.batches,
                "surprise": _short(a.surprise),
                "expected": _short(a.expected),
                "usual": _short(a.usual),
                "wealth": [_short(w) for w in a.wealth],
            }
            for place, a in sorted((state.accounts or {}).items())
        ],
        "history": [_short(value) for value in state.history],
    }


def _short(value: float) -> float:
    return float(f"{value:.9g}") + 0.0


# --- Reading ----------------------------------------------------------------------------------------


def parse(value: Any) -> State:
    """Return what a file says; `lockgate.errors.EnvelopeError` when it is none of ours."""
    data = fields.mapping(value, "the state")
    fields.exactly(data, _FIELDS, "the state")
    stream = fields.text(data, "stream")
    if not STREAM.match(stream):
        fields.refuse("its stream is no name of one")
    if type(data["armed"]) is not bool:
        fields.refuse("its field 'armed' is neither true nor false")
    sequence, previous = _whole(data["sequence"], "sequence", least=1), data["previous"]
    if (previous is None) is not (sequence == 1):
        fields.refuse("it is the first and follows another, or follows none")
    accounts = [_account(entry) for entry in _items(data, "accounts", MOST_ACCOUNTS)]
    if len(dict(accounts)) != len(accounts):
        fields.refuse("a place stands in it twice")
    return State(
        stream=stream,
        sequence=sequence,
        previous=None if previous is None else fields.hex_256(previous, "previous"),
        written=fields.time(data, "writtenOn"),
        trigger=fields.hex_256(data["trigger"], "trigger"),
        reference=fields.digest_set(data["reference"], "the reference"),
        armed=data["armed"],
        trainings=tuple(fields.time({"on": t}, "on") for t in _items(data, "trainings", MOST_TRAININGS)),
        batches=tuple(_batch(entry) for entry in _items(data, "batches", MOST_BATCHES)),
        accounts=dict(accounts),
        history=tuple(_number(v, "history") for v in _items(data, "history", MOST_HISTORY)),
    )


def _batch(value: Any) -> Batch:
    entry = fields.mapping(value, "a batch")
    fields.exactly(entry, {"digest", "decision", "held", "on"}, "a batch")
    if type(entry["held"]) is not bool:
        fields.refuse("the field 'held' of a batch is neither true nor false")
    digest = fields.digest_set(entry["digest"], "a batch")
    return Batch(digest, fields.word(Decision, entry, "decision"), entry["held"], fields.time(entry, "on"))


def _account(value: Any) -> tuple[Place, Account]:
    entry = fields.mapping(value, "an account")
    known = {"place", "rows", "of", "batches", "surprise", "expected", "usual", "wealth"}
    fields.exactly(entry, known, "an account")
    place = tuple(fields.items(entry["place"], "a place"))
    if not place or not all(isinstance(part, str) and len(part) <= _LONGEST_NAME for part in place):
        fields.refuse("a place is no list of texts")
    if len(place) not in _PLACES.get(place[0], ()):
        fields.refuse("a place is of no known kind")
    wealth = fields.items(entry["wealth"], "the wealth of a place")
    if len(wealth) != len(SHARES):
        fields.refuse(f"the wealth of a place is no list of {len(SHARES)} numbers")
    return place, Account(
        rows=_whole(entry["rows"], "rows"),
        surprise=_number(entry["surprise"], "surprise", least=0.0),
        expected=_number(entry["expected"], "expected", least=0.0),
        wealth=tuple(_number(w, "wealth") for w in wealth),
        batches=_whole(entry["batches"], "batches"),
        of=_whole(entry["of"], "of"),
        usual=_number(entry["usual"], "usual", least=0.0),
    )


def _items(data: Mapping[str, Any], name: str, most: int) -> list[Any]:
    found = fields.items(data[name], f"the field {name!r}")
    if len(found) > most:
        fields.refuse(f"its field {name!r} has more than {most} entries")
    return found


def _whole(value: Any, name: str, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= _LARGEST:
        fields.refuse(f"the field {name!r} is no whole number of {least} or more")
    return value


def _number(value: Any, name: str, least: float = -_LARGEST) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not least <= value <= _LARGEST:
        fields.refuse(f"the field {name!r} is no number in its range")
    return float(value)
