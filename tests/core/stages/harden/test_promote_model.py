"""A model gets into the registry only past the gate, whole, and the alias moves last."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.errors import GateClosedError, InputError, StageError
from lockgate.model import load_verified
from lockgate.registry import Registry, RegistryError, fetch
from lockgate.run import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow")]  # starts a server
FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 40)})


@pytest.fixture
def name() -> str:
    """A registered model of its own for each test; the server is one for all."""
    return f"employment {uuid.uuid4().hex}"


@pytest.fixture
def registry(mlflow_server) -> Registry:
    return Registry(mlflow_server.url)


@pytest.fixture
def promote(team, mlflow_server, name):
    def promoted(model: Path, settings=None, **more):
        arguments = {"model": model, "registered_model": name, "tracking_uri": mlflow_server.url, **more}
        return run("promote-model", arguments, out=team.folder / "out", settings=settings or team.settings)

    return promoted


def _runs(mlflow_server) -> int:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(mlflow_server.url, mlflow_server.url)
    found = client.get_experiment_by_name("lockgate")
    return len(client.search_runs([found.experiment_id], max_results=10_000)) if found else 0


def _served(uri: str, mlflow_server) -> dict:
    with artifact.private_folder() as private:
        return artifact.digest(fetch(uri, private, mlflow_server.url))


def test_a_model_that_is_allowed_is_served_as_it_was_hashed(team, promote, registry, mlflow_server, name):
    model = team.approved("one")
    said = promote(model)
    assert said.verdict == "PASS", said.why
    assert registry.aliases(name) == {"production": 1}
    assert _served(f"models:/{name}@production", mlflow_server) == artifact.digest(model)
    tags = registry.version(name, 1).tags
    gate = tags["lockgate.gate.attestation"]
    assert tags == {
        "lockgate.digest.lockgateTree1": artifact.digest(model)["lockgateTree1"],
        "lockgate.environment": "production",
        "lockgate.gate.attestation": gate,
        "lockgate.body_digest": tags["lockgate.body_digest"],
        "lockgate.policy.revision": "1",
        "lockgate.promoted_from": "",
    }
    assert [e["digest"]["sha256"] for e in said.document["evidence"]] == [gate]


def test_the_attestations_lie_beside_the_model_and_verify(team, promote, registry, mlflow_server, name):
    model = team.model("one")
    approval = team.approve(model)
    promote(model)
    version = registry.version(name, 1)
    beside = mlflow_server.stored(version.source).parent / "lockgate" / "attestations"
    gate = version.tags["lockgate.gate.attestation"]
    assert {path.stem for path in beside.iterdir()} == {gate, approval}
    trusted = [keys.load_public(team.folder / "pipeline.pub.pem")]
    opened = envelope.open_envelope((beside / f"{gate}.json").read_bytes(), trusted).statement
    assert opened.kind == "verification-summary"
    assert opened.claim.allowed
    assert opened.run.body_digest == version.tags["lockgate.body_digest"]
    assert opened.subjects[0].is_(artifact.digest(model))


def test_a_model_that_is_denied_leaves_the_registry_as_it_was(team, promote, registry, mlflow_server, name):
    promote(team.approved("one"))
    before = _runs(mlflow_server)
    said = promote(team.model("two"))
    assert said.verdict == "FAIL"
    rules = {finding["rule"] for finding in said.document["findings"]}
    assert rules == {"LG-PROMOTE-001", "LG-GATE-201"}
    assert said.why == "The release gate says DENY (LG-GATE-201); nothing was uploaded or registered."
    assert registry.aliases(name) == {"production": 1}
    assert len(registry.versions(name)) == 1
    assert _runs(mlflow_server) == before


def test_a_first_model_that_is_denied_makes_no_registered_model(team, promote, registry, name):
    assert promote(team.model("one")).verdict == "FAIL"
    assert registry.aliases(name) is None


def test_an_environment_that_the_policy_does_not_know_is_denied(team, promote, registry, name):
    said = promote(team.approved("one"), environment="moon")
    assert "LG-GATE-107" in {finding["rule"] for finding in said.document["findings"]}
    assert registry.aliases(name) is None


def test_the_same_model_again_takes_the_version_that_is_there(team, promote, registry, mlflow_server, name):
    model = team.approved("one")
    promote(model)
    before, first = _runs(mlflow_server), registry.version(name, 1).tags
    assert promote(model).verdict == "PASS"
    assert [version.number for version in registry.versions(name)] == [1]
    assert _runs(mlflow_server) == before
    second = registry.version(name, 1).tags
    assert second["lockgate.gate.attestation"] != first["lockgate.gate.attestation"]
    beside = mlflow_server.stored(registry.version(name, 1).source).parent / "lockgate" / "attestations"
    assert (beside / f"{second['lockgate.gate.attestation']}.json").is_file()


def test_a_second_environment_points_another_alias_at_the_same_version(team, promote, registry, name):
    model = team.approved("one")
    promote(model, environment="staging")
    promote(model, environment="production", alias="champion")
    assert registry.aliases(name) == {"staging": 1, "champion": 1}
    assert registry.version(name, 1).tags["lockgate.environment"] == "production,staging"


def test_a_model_that_comes_back_gets_a_new_number_so_that_numbers_tell_time(team, promote, registry, name):
    one, two = team.approved("one"), team.approved("two")
    for model in (one, two, one):
        promote(model)
    assert registry.aliases(name) == {"production": 3}
    assert registry.version(name, 3).tags["lockgate.promoted_from"] == "2"


def test_a_version_whose_files_were_changed_is_not_taken_again(team, promote, registry, mlflow_server, name):
    model = team.approved("one")
    promote(model)
    (mlflow_server.stored(registry.version(name, 1).source) / "weights.bin").write_text("evil")
    said = promote(model)
    assert said.verdict == "WARN"
    assert [finding["rule"] for finding in said.document["findings"]] == ["LG-PROMOTE-003"]
    assert registry.aliases(name) == {"production": 2}
    assert _served(f"models:/{name}@production", mlflow_server) == artifact.digest(model)


def test_a_version_that_only_claims_the_digest_in_its_tags_is_not_served(
    team, promote, registry, mlflow_server, name
):
    good, evil = team.approved("good"), team.model("evil")
    claim = {"lockgate.digest.lockgateTree1": artifact.digest(good)["lockgateTree1"]}
    registry.register(name, registry.upload(name, evil, {}), claim)
    assert promote(good).verdict == "WARN"
    assert registry.aliases(name) == {"production": 2}
    assert _served(f"models:/{name}@production", mlflow_server) == artifact.digest(good)


@pytest.mark.parametrize("odd", ["odd#name", "alone/alone"])
def test_a_name_that_mlflow_does_not_keep_is_noticed_before_a_version_is_made(
    team, promote, registry, name, odd
):
    model = team.model("one")
    (model / odd).parent.mkdir(exist_ok=True)
    (model / odd).write_text("x")
    team.approve(model)
    said = promote(model)
    assert said.verdict == "FAIL"
    assert [finding["rule"] for finding in said.document["findings"]] == ["LG-PROMOTE-002"]
    assert registry.aliases(name) is None


def test_a_file_is_promoted_as_a_file(team, promote, registry, mlflow_server, name):
    model = team.folder / "model.skops"
    model.write_bytes(b"a model in one file")
    team.approve(model)
    assert promote(model).verdict == "PASS"
    assert _served(f"models:/{name}@production", mlflow_server) == artifact.digest(model)
    assert "lockgate.digest.sha256" in registry.version(name, 1).tags


def test_a_folder_with_an_mlmodel_is_loaded_by_mlflow_afterwards(team, promote, mlflow_server, name):
    pytest.importorskip("sklearn")
    script = (
        "import mlflow, sys; from sklearn.dummy import DummyClassifier as D;"
        "mlflow.sklearn.save_model(D(strategy='constant', constant=1).fit([[0], [1]], [0, 1]), sys.argv[1])"
    )
    model = team.folder / "mlflow-model"
    subprocess.run([sys.executable, "-c", script, model], check=True, capture_output=True, cwd=team.folder)
    team.approve(model)
    assert promote(model).verdict == "PASS"
    script = (
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]);"
        "print(list(mlflow.pyfunc.load_model(sys.argv[2]).predict([[5], [6]])))"
    )
    command = [sys.executable, "-c", script, mlflow_server.url, f"models:/{name}@production"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=team.folder)
    assert done.stdout.split() == ["[np.int64(1),", "np.int64(1)]"]


@pytest.fixture
def released(team, promote, registry, mlflow_server, name) -> Path:
    """The attestation of a release of a model in skops' format, as it lies in the registry."""
    pytest.importorskip("skops")
    from sklearn.linear_model import LogisticRegression

    from lockgate.model import save

    model = team.folder / "model.skops"
    save(LogisticRegression().fit(FRAME, FRAME.a > 0), model)
    team.approve(model)
    assert promote(model).verdict == "PASS"
    version = registry.version(name, 1)
    gate = version.tags["lockgate.gate.attestation"]
    return mlflow_server.stored(version.source).parent / "lockgate" / "attestations" / f"{gate}.json"


def test_a_released_model_is_loaded_by_its_alias(team, released, mlflow_server, name, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    trusted = str(team.folder / "pipeline.pub.pem")
    uri = f"models:/{name}@production"
    loaded = load_verified(uri, attestation=released, keys=trusted, environment="production")
    assert list(loaded.predict(FRAME)) == list(FRAME.a > 0)


def test_a_model_that_was_exchanged_in_the_registry_is_not_loaded(
    team, released, registry, mlflow_server, name, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    with (mlflow_server.stored(registry.version(name, 1).source) / "model").open("ab") as file:
        file.write(b"more")
    trusted = str(team.folder / "pipeline.pub.pem")
    with pytest.raises(GateClosedError, match="is not the model that gate-release attested"):
        load_verified(
            f"models:/{name}@production", attestation=released, keys=trusted, environment="production"
        )


# --- Stopped on the way -----------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["upload", "download", "register", "tag", "move_alias"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_stopped_leaves_the_alias_and_the_next_one_goes_on(
    team, promote, registry, mlflow_server, name, step, when, monkeypatch
):
    one, two = team.approved("one"), team.approved("two")
    promote(one)
    real = getattr(Registry, step)

    def stopped(*args, **kwargs):
        if when == "after":
            real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, step, stopped)
        with pytest.raises(KeyboardInterrupt):
            promote(two)
    assert not (team.folder / "out" / "result.json").exists()
    moved = (step, when) == ("move_alias", "after")
    serves = _served(f"models:/{name}@production", mlflow_server)
    assert serves == artifact.digest(two if moved else one)

    made = len(registry.versions(name))
    assert promote(two).verdict == "PASS"
    assert _served(f"models:/{name}@production", mlflow_server) == artifact.digest(two)
    assert len(registry.versions(name)) == max(made, 2)  # a version that was made is used


def test_two_promotions_at_once_leave_one_alias_and_two_whole_versions(team, registry, mlflow_server, name):
    models = [team.approved("one"), team.approved("two")]
    variables = {f"LOCKGATE_{key.upper()}": value for key, value in vars(team.settings).items() if value}
    path = str(Path(sys.executable).parent)
    command = [sys.executable, "-m", "lockgate", "promote-model", "--registered-model", name]
    command += ["--tracking-uri", mlflow_server.url]
    started = [
        subprocess.Popen(
            [*command, "--model", model, "--out", team.folder / f"out-{number}"],
            env={**variables, "PATH": path, "HOME": str(team.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number, model in enumerate(models)
    ]
    said = [process.communicate(timeout=300)[0] for process in started]
    served = registry.aliases(name)["production"]
    assert [v.number for v in registry.versions(name)] == [2, 1], said
    digests = {}
    for number in (1, 2):
        tags = registry.version(name, number).tags
        digests[number] = {"lockgateTree1": tags["lockgate.digest.lockgateTree1"]}
        assert _served(f"models:/{name}/{number}", mlflow_server) == digests[number]
    assert sorted(d["lockgateTree1"] for d in digests.values()) == sorted(
        artifact.digest(model)["lockgateTree1"] for model in models
    )
    # Whoever says PASS was served when it looked; the last one to move the alias still is.
    results = [json.loads((team.folder / f"out-{n}" / "result.json").read_text()) for n in (0, 1)]
    passed = [r["metrics"]["version"] for r in results if r["verdict"] == "PASS"]
    assert served in passed, said
    for result in results:
        if result["verdict"] != "PASS":
            assert [f["rule"] for f in result["findings"]] == ["LG-PROMOTE-004"], said


# --- What cannot be used ----------------------------------------------------------------------------


def test_an_alias_or_name_that_mlflow_refuses_is_said_before_anything_is_done(team, promote, registry, name):
    model = team.approved("one")
    with pytest.raises(InputError, match="'v1' can be no alias"):
        promote(model, alias="v1")
    with pytest.raises(InputError, match="can be no name"):
        promote(model, registered_model="a/b")
    assert registry.aliases(name) is None


def test_a_server_that_is_down_is_said_and_no_result_is_left(team, promote):
    with pytest.raises(RegistryError, match="could not look up the model"):
        promote(team.approved("one"), tracking_uri="http://127.0.0.1:9")
    assert not (team.folder / "out" / "result.json").exists()


def test_a_ledger_without_a_key_to_sign_with_is_said(team, promote, registry, name):
    with pytest.raises((InputError, StageError), match="LOCKGATE_KEY"):
        promote(team.approved("one"), dataclasses.replace(team.settings, key=None))
    assert registry.aliases(name) is None


def test_no_server_is_named(team, promote, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="no MLflow server is named"):
        promote(team.approved("one"), tracking_uri=None)


def test_a_password_in_the_address_is_refused_and_nowhere_repeated(team, promote, mlflow_server):
    address = mlflow_server.url.replace("://", "://ana:geheim@")
    with pytest.raises(InputError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        promote(team.approved("one"), tracking_uri=address)
    assert "geheim" not in str(refused.value)


def test_credentials_of_mlflow_are_in_no_result_and_nowhere_in_the_registry(
    team, promote, registry, mlflow_server, name, monkeypatch
):
    model = team.approved("one")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ana:geheim@127.0.0.1:9")
    with pytest.raises(RegistryError) as refused:
        promote(model, tracking_uri=None)
    assert "geheim" not in str(refused.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url.replace("://", "://ana:geheim@"))
    said = promote(model, tracking_uri=None)
    assert said.verdict == "PASS"
    assert "result.json" in {path.name for path in said.out.iterdir()}
    run_folder = mlflow_server.stored(registry.version(name, 1).source).parent
    written = [path for folder in (team.folder, run_folder) for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if b"geheim" in path.read_bytes()]
