from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from lockgate import policy
from lockgate.attest import envelope
from lockgate.attest.predicates import policy_approval, waiver
from lockgate.attest.predicates.policy_approval import PolicyApproval
from lockgate.errors import InputError, PolicyError
from lockgate.policy import errors, signing
from lockgate.policy.memory import SeenPolicy, TrustState

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
TEXT = "version: 1\nname: employment\nrevision: {}\nexpires: 2027-03-31T00:00:00Z\nstages: {{}}\n"


@dataclass
class Signed:
    """A policy and its approval in a folder."""

    path: Path
    root: object

    @property
    def approval(self) -> Path:
        return Path(signing.attestation_of(self.path))

    def write(self, text, *signers, now=NOW) -> bytes:
        """Write the policy and have it signed by each."""
        self.path.write_text(text)
        for signer in signers:
            self.approval.write_bytes(signing.approve(self.path, signer, now=now)[1])
        return self.approval.read_bytes()

    def open(self, *keys, now=NOW, **more):
        return signing.open_policy(self.path, keys or [self.root.public], now=now, **more)


@pytest.fixture
def signed(tmp_path, pairs):
    made = Signed(tmp_path / "lockgate.yaml", pairs["root"])
    made.write(TEXT.format(3), pairs["root"].signer)
    return made


def _seal(digest, signer, **change):
    said = {"name": "employment", "revision": 3, "expires": dt.datetime(2027, 3, 31, tzinfo=dt.timezone.utc)}
    return envelope.seal(
        policy_approval.build(digest, PolicyApproval(**{**said, "signed": NOW, **change})), signer
    )


def test_a_signed_policy_opens_and_says_who_signed_it(signed, pairs):
    read = signed.open()
    assert (read.name, read.revision) == ("employment", 3)
    assert read.digest == hashlib.sha256(signed.path.read_bytes()).hexdigest()
    assert read.approval.signers == {pairs["root"].keyid}
    assert read.approval.signed == NOW
    assert read.approval.envelope == hashlib.sha256(signed.approval.read_bytes()).hexdigest()


def test_the_approval_is_found_by_the_digest_and_by_the_name(signed):
    found = envelope.unverified(signed.approval.read_bytes()).subjects
    assert [dict(subject.digest) for subject in found] == [
        {"sha256": hashlib.sha256(signed.path.read_bytes()).hexdigest()},
        {"sha256": hashlib.sha256(b"lockgate-policy:employment").hexdigest()},
    ]


def test_a_signed_policy_opens_from_a_url(signed):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/signed/lockgate.yaml", signed.path.read_bytes())
    url = "memory://signed/lockgate.yaml"
    with pytest.raises(errors.PolicyUnsignedError):
        signing.open_policy(url, [signed.root.public], now=NOW)
    memory.pipe_file("/signed/lockgate.yaml.attestation.json", signed.approval.read_bytes())
    assert signing.open_policy(url, [signed.root.public], now=NOW).revision == 3
    assert (
        signing.attestation_of("https://h/p/lockgate.yaml?v=1")
        == "https://h/p/lockgate.yaml.attestation.json?v=1"
    )


# --- Unsigned, by somebody else, altered ------------------------------------------------------------


def test_a_policy_without_approval_is_unsigned(signed):
    signed.approval.unlink()
    with pytest.raises(errors.PolicyUnsignedError, match="run: lockgate sign-policy"):
        signed.open()


def test_an_approval_without_signature_is_unsigned(signed):
    stripped = json.loads(signed.approval.read_bytes()) | {"signatures": []}
    signed.approval.write_text(json.dumps(stripped))
    with pytest.raises(errors.PolicyUnsignedError):
        signed.open()


def test_an_approval_by_somebody_else_is_refused(signed, pairs):
    with pytest.raises(errors.PolicyWrongSignerError):
        signed.open(pairs["root2"].public)
    assert signed.open(pairs["root2"].public, pairs["root"].public).revision == 3


def test_an_approval_that_was_altered_is_refused(signed):
    data = json.loads(signed.approval.read_bytes())
    said = base64.b64decode(data["payload"]).replace(b'"revision":3', b'"revision":9')
    signed.approval.write_text(json.dumps(data | {"payload": base64.b64encode(said).decode()}))
    with pytest.raises(errors.PolicyWrongSignerError):
        signed.open()


def test_a_policy_that_was_altered_after_it_was_signed_is_refused(signed):
    signed.path.write_text(signed.path.read_text() + "# one more line\n")
    with pytest.raises(errors.PolicyAlteredError, match="was changed since it was signed"):
        signed.open()


@pytest.mark.parametrize(
    "change",
    [{"revision": 4}, {"name": "other"}, {"expires": dt.datetime(2028, 1, 1, tzinfo=dt.timezone.utc)}],
    ids=str,
)
def test_an_approval_that_says_something_else_than_the_policy_is_refused(signed, pairs, change):
    digest = hashlib.sha256(signed.path.read_bytes()).hexdigest()
    signed.approval.write_bytes(_seal(digest, pairs["root"].signer))
    signed.open()  # the control
    signed.approval.write_bytes(_seal(digest, pairs["root"].signer, **change))
    with pytest.raises(errors.PolicyAlteredError):
        signed.open()


def test_a_statement_of_another_kind_approves_nothing(signed, pairs):
    digest = {"sha256": hashlib.sha256(signed.path.read_bytes()).hexdigest()}
    said = waiver.Waiver("check", ("LG-A-001",), None, "why", NOW, NOW + DAY)
    signed.approval.write_bytes(envelope.seal(waiver.build(digest, said), pairs["root"].signer))
    with pytest.raises(errors.PolicyAlteredError, match="of the kind waiver"):
        signed.open()


@pytest.mark.parametrize("subjects", [[0], [1], [1, 0], [0, 1, 2]], ids=str)
def test_an_approval_has_just_its_two_subjects(signed, pairs, subjects):
    document = policy_approval.build(
        hashlib.sha256(signed.path.read_bytes()).hexdigest(),
        envelope.unverified(signed.approval.read_bytes()).claim,
    )
    known = [*document["subject"], {"name": "another", "digest": {"sha256": "a" * 64}}]
    document["subject"] = [known[i] for i in subjects]
    signed.approval.write_bytes(envelope.seal(document, pairs["root"].signer))
    with pytest.raises(errors.PolicyAlteredError):
        signed.open()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"payload": "", "payload": ""}'])
def test_what_is_no_envelope_approves_nothing(signed, raw):
    signed.approval.write_bytes(raw)
    with pytest.raises(errors.PolicyAlteredError):
        signed.open()


def test_without_a_root_key_nothing_opens(signed):
    with pytest.raises(InputError, match="set LOCKGATE_POLICY_KEY"):
        signing.open_policy(signed.path, [], now=NOW)


def test_a_signed_policy_that_cannot_be_read_is_said_to_be_that(signed, pairs):
    signed.path.write_text("version: 1\nname: employment\nnonsense: 1\n")
    digest = hashlib.sha256(signed.path.read_bytes()).hexdigest()
    signed.approval.write_bytes(_seal(digest, pairs["root"].signer))
    with pytest.raises(PolicyError, match="line 3, key 'nonsense' is not known"):
        signed.open()


# --- Time and revisions -----------------------------------------------------------------------------


def test_an_expired_policy_is_refused_from_that_moment_on(signed):
    end = dt.datetime(2027, 3, 31, tzinfo=dt.timezone.utc)
    assert signed.open(now=end - dt.timedelta(seconds=1)).revision == 3
    with pytest.raises(errors.PolicyExpiredError, match="2027-03-31 00:00 UTC"):
        signed.open(now=end)


def test_a_policy_signed_in_the_future_is_refused(signed):
    assert signed.open(now=NOW - dt.timedelta(minutes=5)).revision == 3
    with pytest.raises(errors.PolicyNotYetSignedError, match="check the clocks"):
        signed.open(now=NOW - dt.timedelta(minutes=5, seconds=1))


def test_an_older_revision_than_remembered_is_refused(signed, pairs, tmp_path):
    memory = TrustState(tmp_path / "trust.json")
    old = signed.path.read_text(), signed.approval.read_bytes()
    signed.open(remembered=memory)
    signed.write(TEXT.format(4), pairs["root"].signer)
    signed.open(remembered=memory)
    assert memory.policy("employment").revision == 4
    signed.path.write_text(old[0])
    signed.approval.write_bytes(old[1])
    assert signed.open().revision == 3  # the control: it is good but for what is remembered
    with pytest.raises(errors.PolicyRolledBackError, match="revision 3, but revision 4 was seen"):
        signed.open(remembered=memory)


def test_the_same_revision_with_another_content_is_refused(signed, pairs, tmp_path):
    memory = TrustState(tmp_path / "trust.json")
    first = signed.open(remembered=memory)
    signed.write(TEXT.format(3) + "# another\n", pairs["root"].signer)
    with pytest.raises(errors.PolicyForkedError, match=first.digest):
        signed.open(remembered=memory)
    assert memory.policy("employment") == SeenPolicy(3, first.digest)


@pytest.mark.parametrize("damage", ["unlink", "alter", "expire"])
def test_a_policy_that_is_refused_is_not_remembered(signed, tmp_path, damage):
    memory = TrustState(tmp_path / "trust.json")
    if damage == "unlink":
        signed.approval.unlink()
    elif damage == "alter":
        signed.path.write_text(TEXT.format(9))
    with pytest.raises(PolicyError):
        signed.open(remembered=memory, now=NOW + 300 * DAY if damage == "expire" else NOW)
    assert memory.policy("employment") is None


def test_a_newer_revision_in_the_ledger_rolls_back_what_is_older(signed, pairs):
    old = signed.path.read_text(), signed.approval.read_bytes()
    newer = signed.write(TEXT.format(4), pairs["root"].signer)
    assert signed.open(logged=[old[1], newer]).revision == 4
    signed.path.write_text(old[0])
    signed.approval.write_bytes(old[1])
    with pytest.raises(errors.PolicyRolledBackError):
        signed.open(logged=[newer])
    with pytest.raises(errors.PolicyForkedError):
        signed.open(logged=[_seal("f" * 64, pairs["root"].signer)])


def test_what_strangers_put_beside_the_approvals_in_the_ledger_says_nothing(signed, pairs):
    other = _seal("a" * 64, pairs["stranger"].signer, revision=99)
    unsigned = _seal("a" * 64, None, revision=99)
    about_another = _seal("a" * 64, pairs["root"].signer, revision=99, name="other")
    assert signed.open(logged=[other, unsigned, about_another, b"{}", b"junk"]).revision == 3
    with pytest.raises(errors.PolicyRolledBackError):
        signed.open(logged=[_seal("a" * 64, pairs["root"].signer, revision=99)])


def test_what_root_keys_signed_that_is_no_approval_of_a_file_says_nothing_of_revisions(signed, pairs):
    root = pairs["root"].signer
    a_waiver = waiver.build(
        {"sha256": "a" * 64}, waiver.Waiver("check", ("LG-A-001",), None, "why", NOW, NOW + DAY)
    )
    claim = envelope.unverified(signed.approval.read_bytes()).claim
    of_no_file = policy_approval.build("a" * 64, dataclasses.replace(claim, revision=99))
    of_no_file["subject"][0]["digest"] = {"lockgateTree1": "a" * 64}
    logged = [envelope.seal(document, root) for document in (a_waiver, of_no_file)]
    assert signed.open(logged=logged).revision == 3
    with pytest.raises(errors.PolicyRolledBackError):  # the control
        signed.open(logged=[*logged, _seal("a" * 64, root, revision=4)])


# --- Signing ----------------------------------------------------------------------------------------


def test_several_may_sign_and_each_of_them_suffices(signed, pairs):
    signed.write(TEXT.format(3), pairs["root2"].signer)
    assert signed.open(pairs["root"].public).revision == 3
    assert signed.open(pairs["root2"].public).revision == 3
    both = signed.open(pairs["root"].public, pairs["root2"].public).approval
    assert both.signers == {pairs["root"].keyid, pairs["root2"].keyid}
    assert both.signed == NOW


def test_signing_twice_with_one_key_leaves_one_signature(signed, pairs):
    raw = signed.write(TEXT.format(3), pairs["root"].signer)
    assert len(json.loads(raw)["signatures"]) == 1


def test_a_changed_policy_gets_an_approval_of_its_own(signed, pairs):
    raw = signed.write(TEXT.format(4), pairs["root2"].signer)
    assert len(json.loads(raw)["signatures"]) == 1
    assert signed.open(pairs["root2"].public).revision == 4
    with pytest.raises(errors.PolicyWrongSignerError):
        signed.open(pairs["root"].public)


def test_nobody_countersigns_what_says_more_than_they_would(signed, pairs):
    digest = hashlib.sha256(signed.path.read_bytes()).hexdigest()
    document = policy_approval.build(digest, envelope.unverified(signed.approval.read_bytes()).claim)
    for planted in (
        document | {"note": "and everything else"},
        document | {"predicate": document["predicate"] | {"revision": 99}},
        document | {"predicate": document["predicate"] | {"signedOn": "2027-01-01T00:00:00Z"}},
    ):
        raw = envelope.seal(planted, pairs["stranger"].signer)
        signed.approval.write_bytes(raw)
        made = signed.write(TEXT.format(3), pairs["root"].signer)
        assert json.loads(made)["payload"] != json.loads(raw)["payload"]
        assert len(json.loads(made)["signatures"]) == 1
        assert signed.open().revision == 3


def test_an_approval_from_a_clock_ahead_is_countersigned_and_one_from_the_future_replaced(signed, pairs):
    both = (dt.timedelta(minutes=5), 2), (dt.timedelta(minutes=5, seconds=1), 1)
    for ahead, signatures in both:
        signed.approval.unlink()
        signed.write(TEXT.format(3), pairs["root"].signer, now=NOW + ahead)
        raw = signed.write(TEXT.format(3), pairs["root2"].signer)
        assert len(json.loads(raw)["signatures"]) == signatures


def test_a_policy_is_not_signed_from_the_moment_on_at_which_it_expires(signed, pairs):
    end = dt.datetime(2027, 3, 31, tzinfo=dt.timezone.utc)
    signing.approve(signed.path, pairs["root"].signer, now=end - dt.timedelta(seconds=1))
    with pytest.raises(errors.PolicyExpiredError):
        signing.approve(signed.path, pairs["root"].signer, now=end)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("version: 1\nstages: {}\n", "needs all three"),
        ("version: 1\nname: x\nrevision: 1\nexpires: 2020-01-01T00:00:00Z\n", "expired at 2020-01-01"),
        ("version: 1\nnam: x\n", "did you mean 'name'"),
    ],
)
def test_a_policy_that_no_gate_would_take_is_not_signed(tmp_path, pairs, text, part):
    (tmp_path / "lockgate.yaml").write_text(text)
    with pytest.raises(PolicyError, match=part):
        signing.approve(tmp_path / "lockgate.yaml", pairs["root"].signer, now=NOW)


def test_load_asks_nobody_who_signed(signed):
    signed.approval.unlink()
    assert policy.load(signed.path).approval is None
