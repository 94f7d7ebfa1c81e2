"""A state says what was put in, and nothing but a whole, signed and newest one of its stream is read."""

import copy
import datetime as dt
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.attest import envelope, keys
from lockgate.attest.predicates import retraining_state
from lockgate.errors import EnvelopeError, LockgateError, StageError
from lockgate.outcome import Decision
from lockgate.policy.errors import StateRefusedError, TrustStateError
from lockgate.policy.memory import TrustState
from lockgate.retraining import keeping, state
from lockgate.retraining.betting import Account
from lockgate.settings import Settings

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
FIRST = state.State(
    stream="employment",
    sequence=1,
    previous=None,
    written=NOW,
    trigger="a" * 64,
    reference={"sha256": "b" * 64},
    armed=False,
    trainings=(NOW,),
    batches=(state.Batch({"sha256": "c" * 64}, Decision.RETRAIN, False, NOW),),
    accounts={
        ("all",): Account(100, 4.5, 4.0, (0.1, 0.2, -0.3, -1.0), 1, 100, 1.0),
        ("source", "office 3"): Account(10, 3.5, 0.4, (1.0, 2.0, 3.0, 4.0), 1, 100, 0.1),
        ("values", "AGEP", "SEX", "0123+4567"): Account(5, 3.0, 0.4, (1.0, 2.0, 3.0, 4.0), 1, 100, 0.0),
    },
    history=(0.25,),
)
SAID = state.document(FIRST)


@pytest.fixture(scope="module")
def signers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {
        name: keys.load_signer(str(keys.generate(name, folder, None).private)) for name in ("gate", "other")
    }


def sealed(signer, **change):
    from dataclasses import replace

    return keeping.seal(replace(FIRST, **change), signer)


def read(raw, signer, memory=None, stream="employment"):
    around = Settings(trust_state=str(memory) if memory else None)
    return keeping.read(raw, stream=stream, keys=[signer.public_key], settings=around)


def test_what_is_written_is_what_is_read(signers):
    raw = sealed(signers["gate"])
    kept = read(raw, signers["gate"])
    assert kept.state == FIRST
    assert kept.signers == {signers["gate"].public_key.keyid}
    assert kept.name == hashlib.sha256(raw).hexdigest()


def test_no_state_is_the_first_run_unless_the_memory_knows_one(signers, tmp_path):
    memory = tmp_path / "memory"
    assert read(None, signers["gate"], memory) is None
    TrustState(memory).remember_state("employment", 1, "d" * 64)
    with pytest.raises(StateRefusedError, match="is missing, and state 1"):
        read(None, signers["gate"], memory)
    assert read(None, signers["gate"], memory, stream="another") is None


def test_an_unsigned_a_foreign_and_an_altered_state_are_errors(signers):
    gate, other = signers["gate"], signers["other"]
    unsigned = envelope.seal(retraining_state.build(FIRST), None)
    with pytest.raises(EnvelopeError, match="not signed"):
        read(unsigned, gate)
    with pytest.raises(EnvelopeError, match="not signed with this gate's key"):
        read(sealed(other), gate)
    good = json.loads(sealed(gate))
    good["payload"] = json.loads(sealed(gate, armed=True))["payload"]
    with pytest.raises(EnvelopeError, match="altered since"):
        read(json.dumps(good).encode(), gate)


def test_a_former_key_counts_when_it_is_given(signers):
    gate, other = signers["gate"].public_key, signers["other"].public_key
    kept = keeping.read(
        sealed(signers["other"]), stream="employment", keys=[gate, other], settings=Settings()
    )
    assert kept.signers == {other.keyid}


def test_another_attestation_of_the_same_key_is_no_state(signers):
    from lockgate.attest.predicates import waiver

    said = waiver.Waiver("gate-retraining", ("LG-A-1",), None, "why", NOW, NOW + dt.timedelta(days=1))
    raw = envelope.seal(waiver.build({"sha256": "a" * 64}, said), signers["gate"])
    with pytest.raises(EnvelopeError, match="kind waiver"):
        read(raw, signers["gate"])


def test_a_state_of_another_stream_is_refused(signers):
    with pytest.raises(StateRefusedError, match="stream 'employment', and this gate watches 'income'"):
        read(sealed(signers["gate"]), signers["gate"], stream="income")


def test_an_older_state_and_a_fork_are_refused_and_the_newest_is_not(signers, tmp_path):
    gate, memory = signers["gate"], tmp_path / "memory"
    old = sealed(gate)
    new = sealed(gate, sequence=2, previous=hashlib.sha256(old).hexdigest())
    twin = sealed(gate, sequence=2, previous=hashlib.sha256(old).hexdigest(), armed=True)
    keeping.remember(Settings(trust_state=str(memory)), read(new, gate).state, new)
    assert read(new, gate, memory).state.sequence == 2
    with pytest.raises(StateRefusedError, match="number 1, and number 2 was seen"):
        read(old, gate, memory)
    with pytest.raises(StateRefusedError, match="two runs went on from the same state"):
        read(twin, gate, memory)
    assert read(old, gate).state.sequence == 1  # without a memory nobody can tell


def test_a_memory_without_states_is_read_as_before_and_a_broken_one_is_not(tmp_path):
    memory = TrustState(tmp_path / "memory")
    memory.remember_policy("employment", 3, "a" * 64)
    assert "states" not in json.loads(memory.path.read_text())
    memory.remember_state("employment", 7, "b" * 64)
    assert (memory.state("employment").revision, memory.policy("employment").revision) == (7, 3)
    memory.path.write_text(memory.path.read_text().replace('"revision": 7', '"revision": 0'))
    with pytest.raises(TrustStateError):
        memory.state("employment")


def test_storing_replaces_what_was_read_and_nothing_newer(signers, tmp_path):
    gate, place = signers["gate"], tmp_path / "deep" / "state.json"
    one = sealed(gate)
    assert keeping.fetch(str(place)) is None
    keeping.store(str(place), one, None)
    kept = read(keeping.fetch(str(place)), gate)
    two = sealed(gate, sequence=2, previous=kept.name)
    keeping.store(str(place), two, kept)
    assert keeping.fetch(str(place)) == two
    with pytest.raises(StageError, match="another run has written"):
        keeping.store(str(place), sealed(gate, sequence=2, previous=kept.name), kept)
    assert keeping.fetch(str(place)) == two


def test_a_state_lies_in_a_remote_store_too(signers):
    gate, place = signers["gate"], "memory://lockgate-test/state.json"
    one = sealed(gate)
    keeping.store(place, one, None)
    assert read(keeping.fetch(place), gate).state == FIRST


def test_what_is_kept_is_bounded_and_the_strongest_evidence_stays(signers):
    many = {
        ("value", "x", f"{i:016x}"): Account(wealth=(float(i),) * 4) for i in range(state.MOST_ACCOUNTS + 9)
    }
    kept = read(sealed(signers["gate"], accounts=many, history=(0.1,) * 500), signers["gate"]).state
    assert len(kept.accounts) == state.MOST_ACCOUNTS
    assert ("value", "x", f"{state.MOST_ACCOUNTS + 8:016x}") in kept.accounts
    assert ("value", "x", "0" * 16) not in kept.accounts
    assert len(kept.history) == state.MOST_HISTORY


def paths(value, at=()):
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from paths(part, (*at, key))


EVERY = [path for path in paths(SAID) if path]
WRONG = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
    st.just(float("nan")), st.just(10**30), st.just(-1),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EVERY), WRONG)
def test_whatever_stands_in_a_field_is_read_as_it_is_or_refused(path, wrong):
    said = copy.deepcopy(SAID)
    at = said
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    try:
        found = state.parse(said)
    except EnvelopeError:
        return
    said = state.document(found)
    assert state.document(state.parse(said)) == said


@pytest.mark.parametrize("field", sorted(SAID))
def test_no_field_is_optional_and_none_may_be_added(field):
    with pytest.raises(EnvelopeError):
        state.parse({key: value for key, value in SAID.items() if key != field})
    with pytest.raises(EnvelopeError):
        state.parse({**SAID, f"{field}2": SAID[field]})


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_sentence(signers, raw):
    with pytest.raises(LockgateError):
        read(raw, signers["gate"])


def test_the_next_state_is_remembered_over_the_one_before(tmp_path):
    memory = TrustState(tmp_path / "memory.json")
    for sequence, digest in ((1, "a" * 64), (1, "a" * 64), (2, "b" * 64), (5, "c" * 64)):
        memory.remember_state("employment", sequence, digest)
        assert memory.state("employment").digest == digest
    for sequence, digest in ((5, "d" * 64), (4, "c" * 64)):
        with pytest.raises(StateRefusedError):
            memory.remember_state("employment", sequence, digest)
    assert memory.state("employment").revision == 5
    assert memory.state("income") is None
