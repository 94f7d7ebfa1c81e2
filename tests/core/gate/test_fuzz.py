"""Fuzzing of every reader of evidence: whatever comes, the documented error or a value, never a crash."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import hashlib
import json

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import DATA, MODEL, World, key, pem

from lockgate.attest import envelope, statement
from lockgate.attest.predicates import policy_approval, retraining_state, waiver
from lockgate.errors import EnvelopeError, PolicyError
from lockgate.gate.attestation import read
from lockgate.outcome import Decision
from lockgate.policy import parse as parse_policy
from lockgate.retraining.betting import Account
from lockgate.retraining.state import Batch, State

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.timezone.utc)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_WORDS = [
    "",
    "PASS",
    "sha256",
    "a" * 64,
    "2026-06-01T00:00:00Z",
    "2026-06-01T00:00:00",
    "LG-A-1",
    "\x00",
    "é",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(_WORDS)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def _ways(data, way=()):
    """Every way to a value inside a document."""
    yield way
    if isinstance(data, dict):
        for name in data:
            yield from _ways(data[name], (*way, name))
    elif isinstance(data, list):
        for i, item in enumerate(data):
            yield from _ways(item, (*way, i))


@st.composite
def changed(draw, document):
    """A document with one to three of its values replaced or removed."""
    made = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        ways = [way for way in _ways(made) if way]
        if not ways:
            break
        way = draw(st.sampled_from(ways))
        here = made
        for part in way[:-1]:
            here = here[part]
        if draw(st.booleans()):
            here[way[-1]] = draw(VALUES)
        else:
            del here[way[-1]]
    return made


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, dict]:
    """A statement of every kind."""
    world = World(tmp_path_factory.mktemp("world"))
    said = waiver.Waiver("test-robustness", ("LG-A-1",), None, "why", NOW, NOW + dt.timedelta(1))
    approval = policy_approval.PolicyApproval("a", 1, NOW + dt.timedelta(1), NOW)
    made = world.document("gate-release", {"subject": MODEL}, parameters={"environment": "production"})
    made["policy"]["digest"] = {"sha256": "c" * 64}
    return {
        "test-result": statement.from_result(
            world.document("test-robustness", {"model": MODEL, "data": DATA})
        ),
        "provenance": world.provenance({"data": DATA}),
        "verification-summary": statement.from_result(made, "verification-summary"),
        "cyclonedx": statement.from_result(_bill(world), "cyclonedx"),
        "waiver": waiver.build(MODEL, said),
        "policy-approval": policy_approval.build("d" * 64, approval),
        "retraining-state": retraining_state.build(_state()),
    }


def _state() -> State:
    """The memory of a retraining gate."""
    accounts = {("source", "one"): Account(10, 3.5, 0.4, (1.0, 2.0, 3.0, 4.0), 1, 100, 0.1)}
    batch = Batch(DATA, Decision.KEEP, held=False, on=NOW)
    return State(
        stream="one",
        sequence=1,
        previous=None,
        written=NOW,
        trigger="a" * 64,
        reference=DATA,
        armed=True,
        trainings=(),
        batches=(batch,),
        accounts=accounts,
        history=(0.1,),
    )


def _bill(world: World) -> dict:
    """The result of a run that wrote a bill of materials."""
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "metadata": {"component": {"type": "machine-learning-model", "name": "model"}},
        "components": [{"type": "library", "name": "numpy", "version": "2.3.5"}],
    }
    digest = {"sha256": hashlib.sha256(rfc8785.dumps(bill)).hexdigest()}
    made = world.document("build-bom", {"model": MODEL})
    return made | {"context": {"bom": bill}, "outputs": {"bom": {"uri": "bom.cdx.json", "digest": digest}}}


KINDS = (
    *("test-result", "provenance", "verification-summary", "cyclonedx"),
    *("waiver", "policy-approval", "retraining-state"),
)


def test_every_kind_of_predicate_is_fuzzed(kinds):
    from lockgate.attest import predicates

    assert set(kinds) == set(KINDS) == {*predicates.STAGES, *predicates.OTHERS}
    for kind, document in kinds.items():
        assert statement.parse(document).kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_statement_is_read_or_refused(kinds, kind):
    @FEW
    @given(st.data())
    def holds(data):
        document = data.draw(changed(kinds[kind]))
        try:
            found = statement.parse(document)
        except EnvelopeError:
            return
        assert found.subjects
        assert found.summary is None or found.run.finished.tzinfo is not None

    holds()


@FEW
@given(VALUES)
def test_any_json_is_read_as_a_statement_or_refused(value):
    with pytest.raises(EnvelopeError):
        statement.parse(value)


def test_a_changed_envelope_is_refused(kinds):
    """Not one change of an envelope leaves its signature good, but for what nobody reads: the key id."""
    good = json.loads(envelope.seal(kinds["test-result"], key("pipeline")))
    public = key("pipeline").public_key

    @FEW
    @given(st.data())
    def holds(data):
        document = data.draw(changed(good))
        raw = json.dumps(document).encode()
        try:
            opened = envelope.open_envelope(raw, [public])
        except EnvelopeError:
            return
        assert document["payload"] == good["payload"]
        assert document["signatures"][0]["sig"] == good["signatures"][0]["sig"]
        assert opened.statement.document == kinds["test-result"]

    holds()


@settings(FEW, max_examples=400)
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_as_an_envelope_and_read_without_a_crash(raw):
    with pytest.raises(EnvelopeError):
        envelope.open_envelope(raw, [key("pipeline").public_key])
    assert read("a" * 64, raw, [key("pipeline").public_key]).problem is not None


def test_whatever_is_signed_is_read_without_a_crash(kinds):
    public = key("pipeline").public_key

    @FEW
    @given(st.data())
    def holds(data):
        document = data.draw(st.sampled_from(KINDS).flatmap(lambda kind: changed(kinds[kind])) | VALUES)
        from securesystemslib.dsse import Envelope

        made = Envelope(json.dumps(document).encode(), envelope.PAYLOAD_TYPE, {})
        made.sign(key("pipeline"))
        found = read("a" * 64, json.dumps(made.to_dict()).encode(), [public])
        assert (found.problem is None) == (found.statement is not None)

    holds()


POLICY = f"""
version: 1
name: a
revision: 3
expires: 2027-03-31T00:00:00Z
identities:
  ana:
    keys:
      - public: |
{"".join(f"          {line}{chr(10)}" for line in pem("ana").splitlines())}
roles: {{validator: [ana]}}
release:
  production:
    require:
      - {{id: robust, stage: test-robustness, roles: [validator], max_age: 7d, min_version: 0.1.0}}
ledger: {{origin: example.org/a, roles: [validator]}}
"""


def test_that_policy_is_read():
    assert parse_policy(POLICY.encode()).name == "a"


@settings(FEW, max_examples=300)
@given(st.data())
def test_a_changed_policy_is_read_or_refused(data):
    start = data.draw(st.integers(0, len(POLICY)))
    end = data.draw(st.integers(start, min(len(POLICY), start + 30)))
    middle = data.draw(
        st.text(max_size=6) | st.sampled_from(["&a ", "*a", "!!str ", "- ", "{", "[", "\t", "<<: ", "---\n"])
    )
    raw = (POLICY[:start] + middle + POLICY[end:]).encode("utf-8", "surrogatepass")
    with contextlib.suppress(PolicyError):
        assert parse_policy(raw).digest
