"""`record-provenance`: what a model was made of, and what makes the record worthless."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.errors import InputError
from lockgate.report import result_schema
from lockgate.run import run
from lockgate.training import training_step

CLEAN, OTHER = b"a,y\n1,0\n2,1\n", b"a,y\n9,0\n9,1\n"
COMMIT = "c" * 40


class Trained:
    """A training that took place, and what `record-provenance` is called with for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batch, self.model = folder / "batch.csv", folder / "model.bin"
        self.step, self.dag, self.lock = folder / "step.json", folder / "dag.py", folder / "lock.txt"
        self.batch.write_bytes(CLEAN)
        self.dag.write_text("dag\n")
        self.lock.write_text("numpy==1\n")
        self.pair = keys.generate("signer", folder / "keys", None)

    def train(self, **parameters):
        with training_step(materials={"batch": self.batch}, parameters=parameters, record=self.step) as step:
            read = step.materials["batch"].read_bytes()
            step.product("model", self.model).write_bytes(hashlib.sha256(read).digest())
        return self

    def record(self, out: str = "out", **changes):
        arguments = {
            "products": [self.model],
            "materials": [self.batch],
            "pipeline": self.dag,
            "environment_lock": self.lock,
            "step": self.step,
            "code_revision": COMMIT,
        } | changes
        given = {name: value for name, value in arguments.items() if value is not None}
        return run("record-provenance", given, out=self.folder / out, key=str(self.pair.private))

    def claim(self, out: str = "out"):
        raw = (self.folder / out / "attestation.json").read_bytes()
        return envelope.open_envelope(raw, [keys.load_public(self.pair.public)]).statement


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return Trained(tmp_path).train(depth=3)


def _rules(result) -> list[str]:
    return sorted(finding["rule"] for finding in result.document["findings"])


def test_a_training_step_becomes_signed_provenance(trained):
    result = trained.record(builder_id="airflow://example.org", invocation_id="retrain/1")
    assert (result.verdict, _rules(result)) == ("PASS", [])
    said = trained.claim()
    assert said.kind == "provenance"
    assert [s.digest for s in said.subjects] == [artifact.digest(trained.model)]
    assert [(d.name, d.digest) for d in said.claim.datasets] == [("batch", artifact.digest(trained.batch))]
    assert said.claim.pipeline.digest == artifact.digest(trained.dag)
    assert said.claim.environment.digest == artifact.digest(trained.lock)
    assert said.claim.code.digest == {"gitCommit": COMMIT}
    assert said.claim.parameters == {"depth": 3}
    assert (said.claim.builder, said.claim.invocation) == ("airflow://example.org", "retrain/1")
    assert said.claim.finished >= said.claim.started
    jsonschema.Draft202012Validator(result_schema()).validate(dict(result.document))


def test_the_step_alone_names_what_was_trained_on(trained):
    assert trained.record(materials=None).verdict == "PASS"
    assert [d.digest for d in trained.claim().claim.datasets] == [artifact.digest(trained.batch)]


def test_a_batch_swapped_between_verification_and_training_is_named_as_what_it_is(tmp_path):
    trained = Trained(tmp_path)
    verified = artifact.digest(trained.batch)
    trained.batch.write_bytes(OTHER)  # swapped
    trained.train()
    trained.batch.write_bytes(CLEAN)  # and back again
    result = trained.record()
    assert (result.verdict, _rules(result)) == ("FAIL", ["LG-PROV-005"])
    # Were the batch not given, the verdict would be PASS, and the chain to what was verified still broken.
    assert trained.record(materials=None).verdict == "PASS"
    digests = [d.digest for d in trained.claim().claim.datasets]
    assert digests == [{"sha256": hashlib.sha256(OTHER).hexdigest()}]
    assert verified not in digests


def test_a_model_altered_after_training_fails(trained):
    trained.model.write_bytes(b"backdoor")
    result = trained.record()
    assert (result.verdict, _rules(result)) == ("FAIL", ["LG-PROV-006"])


def test_a_product_that_is_a_material_fails(trained):
    result = trained.record(step=None, products=[trained.model, trained.batch])
    assert "LG-PROV-009" in _rules(result)
    assert result.verdict == "FAIL"
    assert "LG-PROV-009" not in _rules(trained.record(step=None))


def test_without_a_step_the_materials_are_what_was_told_which_warns_or_fails_by_policy(trained):
    result = trained.record(step=None)
    assert (result.verdict, _rules(result)) == ("WARN", ["LG-PROV-008"])
    assert [d.digest for d in trained.claim().claim.datasets] == [artifact.digest(trained.batch)]
    assert trained.record(step=None, need_step=True).verdict == "FAIL"
    assert trained.record(need_step=True).verdict == "PASS"


def test_nothing_trained_on_fails(trained):
    result = trained.record(step=None, materials=None)
    assert result.verdict == "FAIL"
    assert "LG-PROV-001" in _rules(result)
    assert trained.claim().claim.datasets == ()


def test_no_product_is_refused(trained):
    with pytest.raises(InputError, match="needs the input 'products'"):
        trained.record(products=[])


@pytest.mark.parametrize(("revision", "rule"), [(None, "LG-PROV-003"), (f"{COMMIT}-dirty", "LG-PROV-004")])
def test_code_that_is_not_known_or_differed_warns_or_fails_by_policy(trained, revision, rule):
    result = trained.record(code_revision=revision)
    assert (result.verdict, _rules(result)) == ("WARN", [rule])
    assert trained.record(code_revision=revision, need_code=True).verdict == "FAIL"
    assert trained.record(need_code=True).verdict == "PASS"
    assert trained.record("dirty", code_revision=f"{COMMIT}-dirty").verdict == "WARN"
    assert trained.claim("dirty").claim.code.dirty


def _with_code(trained: Trained, **code):
    said = json.loads(trained.step.read_text())
    said["code"] = {"revision": COMMIT, "dirty": False, "repository": None} | code
    trained.step.write_text(json.dumps(said))


def test_the_record_of_the_step_outweighs_nothing_that_contradicts_it(trained):
    _with_code(trained)
    assert trained.record().verdict == "PASS"
    result = trained.record(code_revision="d" * 40)
    assert (result.verdict, _rules(result)) == ("FAIL", ["LG-PROV-007"])
    assert trained.record(training_parameters='{"depth": 3.0}').verdict == "PASS"
    for other in ('{"depth": 4}', "{}", '{"depth": true}'):
        result = trained.record(training_parameters=other)
        assert (result.verdict, _rules(result)) == ("FAIL", ["LG-PROV-007"])


def test_the_code_of_the_step_is_taken_with_its_dirt_and_its_repository(trained):
    _with_code(trained, dirty=True, repository="https://example.org/code.git")
    assert _rules(trained.record(code_revision=None)) == ["LG-PROV-004"]
    code = trained.claim().claim.code
    assert code.uri == f"git+https://example.org/code.git@{COMMIT}"
    assert code.dirty
    _with_code(trained, dirty=False)
    assert _rules(trained.record(code_revision=f"{COMMIT}-dirty")) == ["LG-PROV-004"]


def test_what_nobody_says_of_the_environment_warns(trained):
    result = trained.record(step=None, environment_lock=None)
    assert "LG-PROV-010" in _rules(result)
    assert trained.claim().claim.environment.name == "installed"
    assert "LG-PROV-010" not in _rules(trained.record(step=None))
    assert [m.name for m in trained.claim().claim.materials if m.kind == "environment"] == [
        "environment_lock"
    ]


def test_the_body_is_the_same_whatever_engine_ran_it(trained):
    here = trained.record("here")
    there = trained.record(
        "there",
        builder_id="kfp://example.org",
        invocation_id="7",
        engine='{"name": "kfp", "version": "2", "job": "7"}',
        material_uris=["minio://bucket/batch.csv"],
    )
    assert here.body_digest == there.body_digest
    assert trained.claim("there").claim.builder == "kfp://example.org"
    assert trained.claim("there").claim.datasets[0].uri == "minio://bucket/batch.csv"
    trained.lock.write_text("numpy==2\n")
    assert trained.record("other").body_digest != here.body_digest


def test_parameters_keep_every_digit(trained):
    trained.record(step=None, training_parameters='{"rate": 0.12345678901234, "n": 3}')
    assert trained.claim().claim.parameters == {"rate": 0.12345678901234, "n": 3}


def test_times_are_those_of_the_step_else_those_given(trained):
    trained.record(step=None, started="2026-01-01T02:00:00+02:00", finished="2026-01-01T00:00:01Z")
    claim = trained.claim().claim
    assert (claim.finished - claim.started).total_seconds() == 1
    trained.record(started="2020-01-01T00:00:00Z")
    assert trained.claim().claim.started.year > 2020


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code_revision": "main"}, "no git commit"),
        ({"code_revision": f"{COMMIT}\n"}, "no git commit"),
        ({"training_parameters": "[1]"}, "no JSON object"),
        ({"training_parameters": "{"}, "is not JSON"),
        ({"training_parameters": '{"a": NaN}'}, "NaN"),
        ({"training_parameters": '{"a": 1, "a": 2}'}, "twice"),
        ({"training_parameters": '{"a": 9007199254740993}'}, "no JSON"),
        ({"engine": '{"try": 1}'}, "no text"),
        ({"builder_id": "me"}, "no URI"),
        ({"material_uris": ["s3://a/b", "s3://a/c"]}, "not as many"),
        ({"started": "2026-01-01T00:00:00"}, "started is no time"),
        ({"finished": "0001-01-01T00:00:00+23:00"}, "finished is no time"),
        ({"started": "2026-01-02T00:00:00Z", "finished": "2026-01-01T00:00:00Z"}, "before started"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_one_sentence(trained, changes, said):
    with pytest.raises(InputError, match=said):
        trained.record(**changes)
    assert not (trained.folder / "out").exists()


def test_a_step_record_that_is_none_is_refused(trained):
    trained.step.write_text("{}")
    with pytest.raises(InputError, match="record of the step"):
        trained.record()


SECRET = "hunter2-of-ana"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_repository": f"https://ana:{SECRET}@example.org/a.git"},
        {"code_repository": f"https://{SECRET}@example.org/a.git"},
        {"code_repository": f"ssh://ana:{SECRET}@example.org/a.git"},
        {"builder_id": f"https://ana:{SECRET}@example.org"},
        {"training_parameters": f'{{"at": ["postgresql://ana:{SECRET}@db/x"]}}'},
        {"engine": f'{{"at": "https://ana:{SECRET}@example.org"}}'},
    ],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(trained, changes):
    with pytest.raises(InputError, match="user or password") as refused:
        trained.record(**changes)
    assert SECRET not in str(refused.value)


def test_a_password_in_the_record_of_the_step_is_refused_as_well(trained):
    trained.train(at=f"https://ana:{SECRET}@example.org")
    with pytest.raises(InputError, match="user or password") as refused:
        trained.record()
    assert SECRET not in str(refused.value)


def test_addresses_without_a_password_are_taken_and_others_cut(trained):
    trained.record(
        code_repository="ssh://git@example.org/a.git",
        material_uris=[f"s3://ana:{SECRET}@bucket/batch.csv?sig={SECRET}"],
    )
    assert trained.claim().claim.datasets[0].uri == "s3://bucket/batch.csv"
    for path in (trained.folder / "out").iterdir():
        assert SECRET not in path.read_text()


def test_provenance_needs_a_key(trained):
    with pytest.raises(InputError, match="needs a signing key"):
        run("record-provenance", {"products": [trained.model]}, out=trained.folder / "out")
