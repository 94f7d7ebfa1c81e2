"""What the gate remembers: a drip adds up, trainings are rationed, and nobody changes the trigger alone."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.attest.predicates.waiver import Waiver, build
from lockgate.errors import InputError
from lockgate.outcome import Decision, Outcome, Verdict
from lockgate.policy import signing
from lockgate.retraining import budget as budgets
from lockgate.retraining import trigger
from lockgate.retraining.keeping import Kept
from lockgate.retraining.memory import Memory, Settled, settle
from lockgate.retraining.state import State
from lockgate.run import run
from lockgate.settings import Settings

START = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
CHANGED = "LG-RETRAIN-008"
AGAIN = "LG-RETRAIN-010"


def batch(seed: int, rows: int = 300, *, shift: float = 0.0, flips: float = 0.0) -> pa.Table:
    """Two classes that are easy to tell apart, from six sources; of source s3 some labels are turned."""
    random = np.random.default_rng([seed, 5])
    y = random.integers(0, 2, rows)
    x = (
        random.normal(0, 1, (rows, 3))
        + 2.6 * y[:, None] * np.array([1, 0.6, 0])
        + shift * np.array([0, 0, 1])
    )
    source = np.array([f"s{i}" for i in random.integers(0, 6, rows)])
    turned = np.flatnonzero(source == "s3")[: round(flips * rows)]
    y[turned] = 1 - y[turned]
    return pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y, "source": source})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: keys.generate(name, folder, None) for name in ("gate", "gate2", "dan", "root", "stranger")}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "data"
    pq.write_table(batch(0, 900), path)
    return path


@pytest.fixture
def policy(tmp_path, pairs):
    """A signed policy: Dan may waive, the gate may not, and neither may strangers."""
    said = {
        "version": 1,
        "name": "fruit",
        "revision": 1,
        "expires": "2027-03-31T00:00:00Z",
        "identities": {
            "gate": {"keys": [{"public": pairs[n].public.read_text()} for n in ("gate", "gate2")]},
            "dan": {"keys": [{"public": pairs["dan"].public.read_text()}]},
        },
        "roles": {"gates": ["gate"], "security": ["dan", "gate"]},
        "release": {
            "production": {
                "require": [{"stage": "validate-data", "input": "data", "roles": ["gates"]}],
                "waivers": {"roles": ["security"], "longest": "14d"},
            }
        },
    }
    path = tmp_path / "lockgate.yaml"
    path.write_text(yaml.safe_dump(said))
    _, approval = signing.approve(path, keys.load_signer(str(pairs["root"].private)), now=START)
    Path(f"{path}{signing.ENDING}").write_bytes(approval)
    return path


@pytest.fixture
def gate(tmp_path, pairs, reference):
    """Run the gate on one batch after the other; each call goes on from the state of the one before."""

    class Gate:
        def __init__(self):
            self.number = 0
            self.now = START
            self.settings = Settings(key=str(pairs["gate"].private))
            self.state = None

        def __call__(self, table, *, after=HOUR, keep=True, **more):
            self.number += 1
            self.now += after
            path = tmp_path / f"batch-{self.number}"
            pq.write_table(table, path)
            out = tmp_path / f"out-{self.number}"
            arguments = {"reference": reference, "current": path, "label": "y", "source": "source"}
            arguments |= {"state": self.state, "as_of": self.now.isoformat(), "cooldown": "0", **more}
            result = run("gate-retraining", arguments, out=out, settings=self.settings)
            if keep and "next_state" in result.outputs:
                self.state = Path(result.outputs["next_state"])
            return result

    return Gate()


def rules(result):
    return {finding["rule"] for finding in result.document["findings"]}


def said(state: Path) -> dict:
    return envelope.unverified(state.read_bytes()).claim


DRIFTED = {"shift": 1.5}


# --- Evidence over batches --------------------------------------------------------------------------


def test_a_drip_from_one_source_is_stopped_though_each_batch_alone_passes(gate):
    single = gate(batch(4, 400, flips=0.008), keep=False)
    assert single.decision is Decision.KEEP
    for number in range(1, 11):
        result = gate(batch(number, 400, flips=0.008))
        if result.decision is Decision.QUARANTINE:
            break
    assert result.decision is Decision.QUARANTINE
    assert number > 1
    (finding, *_) = [f for f in result.document["findings"] if f["rule"] == "LG-RETRAIN-005"]
    assert "source 's3'" in finding["message"]
    assert f"{number} batches" in finding["message"]


def test_an_honest_stream_raises_nothing(gate):
    results = [gate(batch(100 + number)) for number in range(3)]
    assert {r.decision for r in results} == {Decision.KEEP}
    assert said(gate.state).sequence == 3
    assert len(said(gate.state).history) == 3
    assert max(said(gate.state).history) < 0.7


def test_no_value_of_the_data_is_in_the_state_or_the_report(gate, tmp_path):
    secret = batch(1).append_column("city", pa.array(["zanzibar"] * 150 + ["quito"] * 150))
    with_city = tmp_path / "reference-with-city"
    pq.write_table(
        batch(0, 900).append_column("city", pa.array(["zanzibar"] * 450 + ["quito"] * 450)), with_city
    )
    result = gate(secret, reference=with_city)
    assert "zanzibar" not in gate.state.read_text()
    assert "zanzibar" not in str(said(gate.state))
    assert "zanzibar" not in (result.out / "report.html").read_text("utf-8")


# --- The same batch twice ---------------------------------------------------------------------------


def test_a_batch_starts_one_training_and_counts_once(gate):
    first = gate(batch(1, **DRIFTED))
    before = said(gate.state)
    again = gate(batch(1, **DRIFTED))
    assert (first.decision, again.decision) == (Decision.RETRAIN, Decision.KEEP)
    assert AGAIN in rules(again)
    after = said(gate.state)
    assert after.accounts == before.accounts
    assert (len(after.trainings), len(after.history), after.sequence) == (1, 1, 2)


def test_a_batch_in_quarantine_stays_there(gate):
    bad = batch(1, flips=0.15)
    assert gate(bad).decision is Decision.QUARANTINE
    assert gate(bad, evidence_alpha=1e-300, min_planted_share=1.0).decision is Decision.QUARANTINE


# --- Budget -----------------------------------------------------------------------------------------


def wish(state, budget, now, *, calm=False, reference="b" * 64):
    """What becomes of a wish to train, with a batch that is new."""
    memory = Memory(Kept(state, "0" * 64, frozenset()), None, now, None)
    outcome = Outcome()
    settled = settle(
        outcome,
        memory,
        budget,
        wanted=not calm,
        calm=calm,
        batch={"sha256": "e" * 64},
        reference={"sha256": reference},
    )
    return settled, {finding.rule for finding in outcome.findings}


def trained(*times, armed=True):
    return State("fruit", 1, None, START, "a" * 64, {"sha256": "b" * 64}, armed, trainings=times)


def test_the_cooldown_holds_a_training_back_and_then_lets_it_through():
    budget = budgets.read("12h", 10, "30d", 0.8)
    early, said_early = wish(trained(START), budget, START + 11 * HOUR)
    late, said_late = wish(trained(START), budget, START + 12 * HOUR)
    assert (early.retrain, late.retrain) == (False, True)
    assert (said_early, said_late) == ({"LG-RETRAIN-009"}, set())
    assert wish(trained(START), budgets.read("0", 10, "30d", 0.8), START)[0].retrain


def test_a_window_holds_so_many_trainings_and_no_more():
    budget = budgets.read("0", 2, "7d", 0.8)
    state = trained(START, START + DAY)
    assert [wish(state, budget, START + n * DAY)[0].retrain for n in (2, 6, 7, 9)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_gate_that_has_trained_is_armed_by_a_calm_batch_or_a_new_reference_and_by_nothing_else():
    budget = budgets.read("0", 10, "30d", 0.8)
    spent = trained(START, armed=False)
    assert wish(spent, budget, START + DAY)[0] == Settled(retrain=False, armed=False)
    assert wish(spent, budget, START + DAY, calm=True)[0] == Settled(retrain=False, armed=True)
    assert wish(spent, budget, START + DAY, reference="f" * 64)[0] == Settled(retrain=True, armed=False)


def test_a_drift_that_stays_trains_once(gate):
    assert [gate(batch(n, **DRIFTED)).decision for n in (1, 2)] == [Decision.RETRAIN, Decision.KEEP]
    assert not said(gate.state).armed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cooldown": "soon"}, "cooldown is 'soon'"),
        ({"retrain_window": "3 months"}, "retrain_window is"),
        ({"max_retrains": 0}, "max_retrains is 0"),
        ({"as_of": "yesterday"}, "as_of is 'yesterday'"),
        ({"stream": "a b"}, "stream is 'a b'"),
        ({"evidence_alpha": 0.0}, "evidence_alpha is 0"),
    ],
)
def test_bad_parameters_are_one_sentence(gate, arguments, message):
    with pytest.raises(InputError, match=message):
        gate(batch(1), **arguments)


# --- The state itself -------------------------------------------------------------------------------


def test_without_a_key_nothing_is_kept_and_a_state_is_an_error(gate):
    gate.settings = Settings()
    assert "next_state" not in gate(batch(1)).outputs
    with pytest.raises(InputError, match="no key"):
        gate(batch(1), state_uri="somewhere")


def test_a_state_that_was_altered_or_signed_by_another_is_an_error(gate, pairs, tmp_path):
    gate(batch(1))
    good = json.loads(gate.state.read_text())
    good["signatures"] = []
    unsigned = tmp_path / "unsigned"
    unsigned.write_text(json.dumps(good))
    with pytest.raises(InputError, match="not signed"):
        gate(batch(2), state=unsigned)
    gate.settings = Settings(key=str(pairs["stranger"].private))
    with pytest.raises(InputError, match="not signed with this gate's key"):
        gate(batch(2))
    assert gate(batch(2), state_keys=[pairs["gate"].public]).decision is Decision.KEEP


def test_a_state_that_is_put_back_or_taken_away_is_noticed_by_the_memory(gate, tmp_path, pairs):
    gate.settings = Settings(key=str(pairs["gate"].private), trust_state=str(tmp_path / "memory"))
    place = tmp_path / "state.json"
    at = {"state": None, "state_uri": str(place)}
    gate(batch(1), **at)
    old = place.read_bytes()
    gate(batch(2), **at)
    place.write_bytes(old)
    with pytest.raises(InputError, match="number 1, and number 2 was seen"):
        gate(batch(3), **at)
    place.unlink()
    with pytest.raises(InputError, match="is missing"):
        gate(batch(3), **at)
    with pytest.raises(InputError, match="is missing"):
        gate(batch(3), state=None)


def test_a_pipeline_that_keeps_no_state_runs_again_and_again_beside_a_memory(gate, tmp_path, pairs):
    gate.settings = Settings(key=str(pairs["gate"].private), trust_state=str(tmp_path / "memory"))
    assert [gate(batch(n), state=None).verdict for n in (1, 2)] == [Verdict.PASS, Verdict.PASS]


def test_a_state_of_another_pipeline_is_refused(gate):
    gate(batch(1), stream="apples")
    with pytest.raises(InputError, match="stream 'apples'"):
        gate(batch(2), stream="pears")


def test_a_state_from_the_future_is_refused(gate):
    gate(batch(1), after=2 * DAY)
    with pytest.raises(InputError, match="later than it is now"):
        gate(batch(2), after=-DAY)


def test_the_state_is_kept_at_an_address_from_run_to_run(gate, tmp_path):
    place = str(tmp_path / "kept" / "state.json")
    gate(batch(1, **DRIFTED), state=None, state_uri=place)
    again = gate(batch(1, **DRIFTED), state=None, state_uri=place)
    assert AGAIN in rules(again)
    assert said(Path(place)).sequence == 2
    assert Path(place).read_bytes() == Path(again.outputs["next_state"]).read_bytes()


def test_a_run_that_fails_leaves_the_state_as_it_was(gate, tmp_path):
    place = tmp_path / "state.json"
    gate(batch(1), state=None, state_uri=str(place))
    before = place.read_bytes()
    with pytest.raises(InputError):
        gate(batch(2), state=None, state_uri=str(place), label="absent")
    assert place.read_bytes() == before


def test_the_attestation_names_the_state_before_and_after_and_the_body_none_of_them(gate):
    import hashlib

    first = gate(batch(1))
    state = gate.state
    one, two = (gate(batch(2), after=n * HOUR, state=state) for n in (1, 2))
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    assert {"sha256": digest} in [entry["digest"] for entry in one.document["evidence"]]
    assert one.body_digest == two.body_digest  # signatures and times are no part of what is said
    assert first.body_digest != one.body_digest


# --- The trigger ------------------------------------------------------------------------------------


def approve(about, pairs, tmp_path, by="dan", *, days=7, granted=START, rule=CHANGED, digest=None):
    waiver = Waiver("gate-retraining", (rule,), "production", "agreed", granted, granted + days * DAY)
    about = {"sha256": digest} if digest else about
    path = tmp_path / f"waiver-{by}-{days}"
    path.write_bytes(envelope.seal(build(about, waiver), keys.load_signer(str(pairs[by].private))))
    return path


@pytest.fixture
def changed(gate, pairs, policy):
    """A gate whose threshold has been changed after the first batch, and what it then says."""
    root = str(pairs["root"].public)
    gate.settings = Settings(key=str(pairs["gate"].private), policy=str(policy), policy_key=root)
    assert gate(batch(101)).decision is Decision.KEEP
    refused = gate(batch(2, **DRIFTED), max_psi=0.05)
    return gate, refused


def test_a_changed_threshold_starts_no_training_without_approval(changed):
    gate, refused = changed
    assert (refused.verdict, refused.decision) == (Verdict.FAIL, Decision.KEEP)
    assert CHANGED in rules(refused)
    assert said(gate.state).trigger != artifact.digest(Path(refused.outputs["trigger"]))["sha256"]
    assert gate(batch(4, **DRIFTED)).decision is Decision.RETRAIN  # the former one still acts


def test_an_approved_change_acts_from_then_on(changed, pairs, tmp_path):
    gate, refused = changed
    waiver = approve(artifact.digest(Path(refused.outputs["trigger"])), pairs, tmp_path)
    assert gate(batch(3, **DRIFTED), max_psi=0.05, approval=waiver).decision is Decision.RETRAIN
    later = gate(batch(102), max_psi=0.05)
    assert (later.verdict.opens, CHANGED in rules(later)) == (True, False)


def test_a_batch_that_was_held_starts_its_training_once_what_held_it_is_approved(changed, pairs, tmp_path):
    gate, refused = changed
    before = said(gate.state)
    waiver = approve(artifact.digest(Path(refused.outputs["trigger"])), pairs, tmp_path)
    held = gate(batch(2, **DRIFTED), max_psi=0.05)
    allowed = gate(batch(2, **DRIFTED), max_psi=0.05, approval=waiver)
    again = gate(batch(2, **DRIFTED), max_psi=0.05)
    assert [run.decision for run in (held, allowed, again)] == [
        Decision.KEEP,
        Decision.RETRAIN,
        Decision.KEEP,
    ]
    assert [AGAIN in rules(run) for run in (held, allowed, again)] == [False, False, True]
    after = said(gate.state)
    assert (after.accounts, after.history) == (before.accounts, before.history)  # it counts once
    assert [b.held for b in after.batches if b.decision is Decision.RETRAIN] == [False]


def why_not(trigger_digest, waiver, settings, pairs, now=START + HOUR):
    gate_key = keys.load_public(pairs["gate"].public).keyid
    return trigger.refused(
        waiver, trigger_digest, environment="production", settings=settings, now=now, involved=[gate_key]
    )


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({}, ""),
        ({"by": "gate"}, "who signed what it would waive"),
        ({"by": "gate2"}, "who signed what it would waive"),
        ({"by": "stranger"}, "does not count"),
        ({"granted": START - 9 * DAY}, "expired"),
        ({"days": 30}, "longer than"),
        ({"rule": "LG-RETRAIN-001"}, "closes no gate here"),
        ({"digest": "9" * 64}, "another artifact"),
    ],
)
def test_only_a_valid_approval_of_just_this_trigger_by_somebody_else_counts(
    pairs, policy, tmp_path, how, why
):
    settings = Settings(policy=str(policy), policy_key=str(pairs["root"].public))
    waiver = approve({"sha256": "8" * 64}, pairs, tmp_path, **how)
    said = why_not("8" * 64, waiver, settings, pairs)
    assert said == "" if why == "" else why in said
    assert "no signed policy" in why_not("8" * 64, waiver, Settings(), pairs)
    assert "nobody has approved" in why_not("8" * 64, None, settings, pairs)


def test_another_definition_of_the_pipeline_is_another_trigger(gate, tmp_path):
    dag = tmp_path / "dag.py"
    dag.write_text("schedule = '@daily'")
    gate(batch(1), pipeline=dag)
    assert CHANGED not in rules(gate(batch(2), pipeline=dag))
    dag.write_text("schedule = '@hourly'")
    assert CHANGED in rules(gate(batch(3), pipeline=dag))
