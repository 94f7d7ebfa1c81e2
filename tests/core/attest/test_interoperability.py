"""Our envelopes in other implementations, and theirs in ours, for every kind of statement.

securesystemslib and sigstore-python check signatures; in-toto's own Python bindings read statements.
"""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import json

import pytest
import rfc8785
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as InTotoStatement
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from sigstore import dsse
from sigstore.errors import Error as SigstoreError

from lockgate.attest import envelope, keys, predicates, statement
from lockgate.attest.predicates.policy_approval import PolicyApproval
from lockgate.attest.predicates.policy_approval import build as build_approval
from lockgate.attest.predicates.retraining_state import build as build_state
from lockgate.attest.predicates.waiver import Waiver
from lockgate.attest.predicates.waiver import build as build_waiver
from lockgate.errors import EnvelopeError
from lockgate.retraining.state import State

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
RESULT = {
    "stage": "validate-data",
    "version": "0.1.0",
    "verdict": "PASS",
    "decision": None,
    "subjects": [{"name": "data", "uri": "batch.parquet", "digest": {"sha256": "a" * 64}}],
    "policy": {"digest": {"sha256": "c" * 64}, "thresholds": {"min_rows": 1}},
    "checks": [{"id": "rows", "verdict": "PASS"}],
    "findings": [],
    "metrics": {"rows": 12, "größe": 1e20},
    "outputs": {},
    "evidence": [],
    "body_digest": "b" * 64,
    "finished": "2026-01-01T00:00:00.123Z",
}
RELEASE = RESULT | {
    "stage": "gate-release",
    "parameters": {"environment": "production"},
    "evidence": [{"name": "robust", "uri": "", "digest": {"sha256": "d" * 64}}],
}
TRAINING = RESULT | {
    "stage": "record-provenance",
    "subjects": [
        {"name": "products[0]", "uri": "model.skops", "digest": {"sha256": "a" * 64}},
        {"name": "materials[0]", "uri": "s3://data/train.parquet", "digest": {"sha256": "e" * 64}},
        {"name": "environment_lock", "uri": "lock.txt", "digest": {"sha256": "f" * 64}},
    ],
    "context": {
        "training": json.dumps({"depth": 3}),
        "repository": "https://example.org/code.git",
        "engine": {"name": "airflow", "version": "3.0.0"},
        "ran_in": {"python": "3.11.9", "platform": "Linux-x86_64"},
        "builder_id": "airflow://example.org",
        "invocation_id": "run-1",
        "started": "2026-01-01T00:00:00.000Z",
        "finished": "2026-01-01T00:10:00.000Z",
        "material_uris": [""],
        "recorded": {},
        "code": {"revision": "1" * 40, "dirty": False},
        "installed": None,
    },
}
# The bill is held against the digest of the output, so its canonical form is written down with it.
BILL = {
    "bomFormat": "CycloneDX",
    "metadata": {"component": {"name": "größe", "type": "machine-learning-model"}},
    "serialNumber": "urn:uuid:83288a38-7683-58e1-972f-588348cf5830",
    "specVersion": "1.6",
}
WRITTEN = RESULT | {
    "stage": "build-bom",
    "subjects": [{"name": "model", "uri": "model.skops", "digest": {"sha256": "a" * 64}}],
    "outputs": {
        "bom": {"uri": "bom.json", "digest": {"sha256": hashlib.sha256(rfc8785.dumps(BILL)).hexdigest()}}
    },
    "context": {"bom": BILL},
}
STATE = State(
    stream="credit",
    sequence=2,
    previous="b" * 64,
    written=NOW,
    trigger="a" * 64,
    reference={"sha256": "a" * 64},
    armed=True,
    trainings=(),
    batches=(),
    accounts={},
    history=(),
)
STATEMENTS = {
    "test-result": statement.from_result(RESULT),
    "provenance": statement.from_result(TRAINING, "provenance"),
    "verification-summary": statement.from_result(RELEASE, "verification-summary"),
    "cyclonedx": statement.from_result(WRITTEN, "cyclonedx"),
    "policy-approval": build_approval("a" * 64, PolicyApproval("credit", 3, NOW + dt.timedelta(30), NOW)),
    "waiver": build_waiver(
        {"sha256": "a" * 64},
        Waiver("validate-data", ("LG-DATA-010",), "production", "Löcher", NOW, NOW + dt.timedelta(9)),
    ),
    "retraining-state": build_state(STATE),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return keys.generate("signer", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def public(pair):
    return keys.load_public(pair.public)


@pytest.fixture(params=STATEMENTS)
def said(request):
    return STATEMENTS[request.param]


@pytest.fixture
def sealed(said, pair):
    return envelope.seal(said, keys.load_signer(str(pair.private)))


def _altered(raw):
    """The envelope in which one letter of the payload is another."""
    data = json.loads(raw)
    payload = base64.b64decode(data["payload"]).replace(b"a" * 64, b"a" * 63 + b"b")
    data["payload"] = base64.b64encode(payload).decode()
    return json.dumps(data).encode()


def test_securesystemslib_verifies_every_kind_and_refuses_it_altered(sealed, public):
    assert TheirEnvelope.from_dict(json.loads(sealed)).verify([public], 1)
    with pytest.raises(VerificationError):
        TheirEnvelope.from_dict(json.loads(_altered(sealed))).verify([public], 1)


def test_sigstore_verifies_every_kind_and_refuses_it_altered(sealed, pair, said):
    key = load_pem_public_key(pair.public.read_bytes())
    payload = dsse._verify(key, dsse.Envelope._from_json(sealed))
    assert json.loads(payload) == said
    assert dsse.Statement(payload)._inner.predicate_type == said["predicateType"]
    with pytest.raises(SigstoreError, match="invalid signature"):
        dsse._verify(key, dsse.Envelope._from_json(_altered(sealed)))


def test_we_open_what_securesystemslib_signed_and_refuse_it_altered(said, pair, public):
    made = TheirEnvelope(json.dumps(said).encode(), envelope.PAYLOAD_TYPE, {})
    made.sign(keys.load_signer(str(pair.private)))
    raw = json.dumps(made.to_dict()).encode()
    assert envelope.open_envelope(raw, [public]).statement.document == said
    with pytest.raises(envelope.SignatureError):
        envelope.open_envelope(_altered(raw), [public])


def test_we_open_what_sigstore_signed_and_refuse_it_altered(said, pair, public):
    key = load_pem_private_key(pair.private.read_bytes(), None)
    raw = dsse._sign(key, dsse.Statement(json.dumps(said).encode())).to_json().encode()
    assert envelope.open_envelope(raw, [public]).statement.document == said
    with pytest.raises(envelope.SignatureError):
        envelope.open_envelope(_altered(raw), [public])


def test_in_totos_own_bindings_read_every_kind(sealed, said):
    payload = base64.b64decode(json.loads(sealed)["payload"])
    read = InTotoStatement.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement()))
    read.validate()
    assert read.pb.predicate_type == said["predicateType"]
    assert [dict(s.digest) for s in read.pb.subject] == [s["digest"] for s in said["subject"]]


def _typed(kind, message):
    """The predicate as in-toto's own type for it reads it; a field that this does not know is an error."""
    predicate = copy.deepcopy(STATEMENTS[kind]["predicate"])
    del predicate[statement.EXTENSION]  # what a reader that does not know us passes over
    if kind == "verification-summary":
        del predicate["verifier"]["version"]  # SLSA has it since 1.1, in-toto's type is older
        del predicate["verifiedLevels"]  # a list in SLSA, one text in in-toto's type
    return json_format.ParseDict(predicate, message)


def test_a_reader_of_bills_that_does_not_know_us_reads_ours():
    bom = pytest.importorskip("cyclonedx.model.bom")
    predicate = copy.deepcopy(STATEMENTS["cyclonedx"]["predicate"])
    del predicate[statement.EXTENSION]
    read = bom.Bom.from_json(predicate)
    assert read.metadata.component.name == "größe"
    assert f"urn:uuid:{read.serial_number}" == BILL["serialNumber"]


def test_a_reader_of_test_results_that_does_not_know_us_reads_ours():
    read = _typed("test-result", test_result_pb2.TestResult())
    assert read.result == "PASSED"
    assert list(read.passed_tests) == ["rows"]
    assert [dict(c.digest) for c in read.configuration] == [{"sha256": "c" * 64}]


def test_a_reader_of_slsa_provenance_that_does_not_know_us_reads_ours():
    read = _typed("provenance", provenance_pb2.Provenance())
    named = {each.name: dict(each.digest) for each in read.build_definition.resolved_dependencies}
    assert {"sha256": "e" * 64} in named.values()
    assert named["code"] == {"gitCommit": "1" * 40}
    assert read.run_details.builder.id == "airflow://example.org"


def test_a_reader_of_verification_summaries_that_does_not_know_us_reads_ours():
    read = _typed("verification-summary", vsa_pb2.VerificationSummary())
    assert read.verification_result == "PASSED"
    assert dict(read.policy.digest) == {"sha256": "c" * 64}
    assert [dict(each.digest) for each in read.input_attestations] == [{"sha256": "d" * 64}]


def test_the_kinds_looked_at_here_are_all_that_there_are():
    assert set(STATEMENTS) == {*predicates.STAGES, *predicates.OTHERS}


def test_a_folders_digest_is_one_that_in_toto_reads_and_sigstores_statement_model_does_not(pair, public):
    """What ADR 7 says of folders: the signature verifies anywhere, the digest's kind is ours."""
    folder = [{"name": "model", "uri": "m", "digest": {"lockgateTree1": "a" * 64}}]
    raw = envelope.seal(
        statement.from_result(RESULT | {"subjects": folder}), keys.load_signer(str(pair.private))
    )
    payload = dsse._verify(load_pem_public_key(pair.public.read_bytes()), dsse.Envelope._from_json(raw))
    InTotoStatement.copy_from_pb(json_format.Parse(payload, statement_pb2.Statement())).validate()
    with pytest.raises(SigstoreError, match="malformed"):
        dsse.Statement(payload)
    assert envelope.open_envelope(raw, [public]).statement.subjects[0].digest == folder[0]["digest"]


def test_an_envelope_of_another_payload_type_verifies_elsewhere_and_is_refused_here(said, pair, public):
    """Other libraries leave the payload type to their caller; ours is one place that looks."""
    made = TheirEnvelope(json.dumps(said).encode(), "application/json", {})
    made.sign(keys.load_signer(str(pair.private)))
    assert made.verify([public], 1)
    with pytest.raises(EnvelopeError, match="payloadType"):
        envelope.open_envelope(json.dumps(made.to_dict()).encode(), [public])
