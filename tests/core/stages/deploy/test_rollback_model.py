"""The alias goes back to the newest earlier version that the gate allows now, or stays."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.errors import InputError
from lockgate.policy import times
from lockgate.registry import Registry, RegistryError, fetch
from lockgate.run import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow")]  # starts a server
REASON = "more complaints since Monday"


@pytest.fixture
def name() -> str:
    """A registered model of its own for each test; the server is one for all."""
    return f"employment {uuid.uuid4().hex}"


@pytest.fixture
def registry(mlflow_server) -> Registry:
    return Registry(mlflow_server.url)


@pytest.fixture
def promote(team, mlflow_server, name):
    def promoted(*models: Path) -> None:
        for model in models:
            arguments = {"model": model, "registered_model": name, "tracking_uri": mlflow_server.url}
            said = run("promote-model", arguments, out=team.folder / "out", settings=team.settings)
            assert said.opens, said.why

    return promoted


@pytest.fixture
def roll_back(team, mlflow_server, name):
    def rolled_back(**more):
        arguments = {"registered_model": name, "reason": REASON, "tracking_uri": mlflow_server.url, **more}
        return run("rollback-model", arguments, out=team.folder / "out", settings=team.settings)

    return rolled_back


def _served(name: str, mlflow_server) -> dict:
    with artifact.private_folder() as private:
        return artifact.digest(fetch(f"models:/{name}@production", private, mlflow_server.url))


def _rules(said) -> list[str]:
    return [finding["rule"] for finding in said.document["findings"]]


def test_the_alias_goes_back_by_one_and_the_registry_says_why(
    team, promote, roll_back, registry, mlflow_server, name
):
    one, two, three = (team.approved(word) for word in ("one", "two", "three"))
    promote(one, two, three)
    said = roll_back()
    assert said.verdict == "PASS", said.why
    assert registry.aliases(name) == {"production": 2}
    assert _served(name, mlflow_server) == artifact.digest(two)
    assert said.document["metrics"]["model"] == artifact.digest(two)
    left, back = registry.version(name, 3).tags, registry.version(name, 2).tags
    assert left["lockgate.withdrawn"] == "production"
    assert back["lockgate.rolled_back_from"] == "3"
    assert left["lockgate.rollback_reason"] == back["lockgate.rollback_reason"] == REASON
    assert left["lockgate.rolled_back_at"] == back["lockgate.rolled_back_at"]
    gate = back["lockgate.gate.attestation"]
    assert [entry["digest"]["sha256"] for entry in said.document["evidence"]] == [gate]
    beside = mlflow_server.stored(registry.version(name, 2).source).parent / "lockgate" / "attestations"
    assert (beside / f"{gate}.json").is_file()


def test_a_version_whose_evidence_is_gone_is_passed_over(
    team, promote, roll_back, registry, mlflow_server, name
):
    one, two, three = (team.approved(word) for word in ("one", "two", "three"))
    promote(one, two, three)
    team.disapprove("two")
    said = roll_back()
    assert said.verdict == "WARN"
    assert _rules(said) == ["LG-ROLLBACK-002"]
    assert "Version 2 was passed over: the release gate says DENY (LG-GATE-" in said.why
    assert registry.aliases(name) == {"production": 1}
    assert _served(name, mlflow_server) == artifact.digest(one)


def test_a_version_that_is_older_than_the_policy_allows_now_is_passed_over(
    team, promote, roll_back, registry, name, monkeypatch
):
    promote(team.approved("one"), team.approved("two"))
    later = times.now() + dt.timedelta(days=8)
    monkeypatch.setattr(times, "now", lambda: later)
    said = roll_back()
    assert said.verdict == "FAIL"
    assert "LG-GATE-304" in "".join(finding["message"] for finding in said.document["findings"])
    assert registry.aliases(name) == {"production": 2}


@pytest.mark.parametrize("changed", ["weights.bin", "data/run.sh", "MLmodel"])
def test_a_version_whose_stored_files_were_changed_is_passed_over(
    team, promote, roll_back, registry, mlflow_server, name, changed
):
    promote(*(team.approved(word) for word in ("one", "two", "three")))
    (mlflow_server.stored(registry.version(name, 2).source) / changed).write_text("evil")
    said = roll_back()
    assert _rules(said) == ["LG-ROLLBACK-003"]
    assert registry.aliases(name) == {"production": 1}


def test_a_version_with_the_files_of_another_one_that_is_allowed_is_passed_over(
    team, promote, roll_back, registry, mlflow_server, name
):
    promote(*(team.approved(word) for word in ("one", "two", "three")))
    (mlflow_server.stored(registry.version(name, 2).source) / "weights.bin").write_text("three")
    assert _rules(roll_back()) == ["LG-ROLLBACK-003"]
    assert registry.aliases(name) == {"production": 1}


def test_a_version_that_never_passed_the_gate_is_passed_over_whatever_its_tags_say(
    team, promote, roll_back, registry, name
):
    promote(team.approved("one"))
    evil = team.model("evil")
    claim = registry.version(name, 1).tags | {
        "lockgate.digest.lockgateTree1": artifact.digest(evil)["lockgateTree1"]
    }
    registry.register(name, registry.upload(name, evil, {}), claim)
    promote(team.approved("three"))
    said = roll_back()
    assert _rules(said) == ["LG-ROLLBACK-002"]
    assert registry.aliases(name) == {"production": 1}


def test_a_model_that_was_rolled_back_from_is_not_chosen_again(team, promote, roll_back, registry, name):
    one, two, three = (team.approved(word) for word in ("one", "two", "three"))
    promote(one, two)
    roll_back()
    promote(three)
    said = roll_back()
    assert _rules(said) == ["LG-ROLLBACK-004"]
    assert registry.aliases(name) == {"production": 1}


def test_nor_is_an_older_version_of_it(team, promote, roll_back, registry, name):
    one, two = team.approved("one"), team.approved("two")
    promote(one, two, one)  # versions 1 and 3 are the same model
    roll_back()
    assert registry.aliases(name) == {"production": 2}
    said = roll_back()
    assert said.verdict == "FAIL"
    assert registry.aliases(name) == {"production": 2}


def test_a_model_that_is_promoted_anew_may_be_chosen_again(team, promote, roll_back, registry, name):
    one, two, three = (team.approved(word) for word in ("one", "two", "three"))
    promote(one, two)
    roll_back()
    promote(two, three)
    assert roll_back().verdict == "PASS"
    assert registry.aliases(name) == {"production": 3}
    assert registry.version(name, 3).tags["lockgate.digest.lockgateTree1"] in artifact.digest(two).values()


def test_without_an_earlier_version_the_alias_stays(team, promote, roll_back, registry, name):
    promote(team.approved("one"))
    said = roll_back()
    assert said.verdict == "FAIL"
    assert _rules(said) == ["LG-ROLLBACK-001"]
    assert registry.aliases(name) == {"production": 1}
    assert "lockgate.withdrawn" not in registry.version(name, 1).tags


def test_if_no_version_passes_each_is_named_with_its_reason(team, promote, roll_back, registry, name):
    promote(*(team.approved(word) for word in ("one", "two", "three")))
    team.disapprove("one")
    team.disapprove("two")
    said = roll_back()
    assert said.verdict == "FAIL"
    assert _rules(said) == ["LG-ROLLBACK-001", "LG-ROLLBACK-002", "LG-ROLLBACK-002"]
    assert all("LG-GATE-" in finding["message"] for finding in said.document["findings"][1:])
    assert registry.aliases(name) == {"production": 3}


@pytest.mark.parametrize("step", ["add", "tag", "tag_model", "move_alias"])
def test_a_run_that_is_stopped_leaves_the_alias_and_the_next_one_goes_on(
    team, promote, roll_back, registry, name, step, monkeypatch
):
    promote(team.approved("one"), team.approved("two"))

    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, step, stopped)
        with pytest.raises(KeyboardInterrupt):
            roll_back()
    assert registry.aliases(name) == {"production": 2}
    assert roll_back().opens
    assert registry.aliases(name) == {"production": 1}


def test_an_alias_that_somebody_else_moves_meanwhile_is_left_where_it_is(
    team, promote, roll_back, registry, name, monkeypatch
):
    promote(*(team.approved(word) for word in ("one", "two", "three")))
    real = Registry.versions

    def meanwhile(self, asked):
        registry.move_alias(asked, "production", 1)
        return real(self, asked)

    monkeypatch.setattr(Registry, "versions", meanwhile)
    said = roll_back()
    assert said.verdict == "FAIL"
    assert _rules(said) == ["LG-ROLLBACK-005"]
    assert registry.aliases(name) == {"production": 1}


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 501])
def test_a_rollback_without_a_reason_is_refused(team, roll_back, reason):
    with pytest.raises(InputError, match="needs"):
        roll_back(reason=reason)


def test_what_is_not_there_is_said(team, promote, roll_back, name):
    with pytest.raises(InputError, match="has no registered model"):
        roll_back()
    promote(team.approved("one"))
    with pytest.raises(InputError, match="with the alias 'staging'"):
        roll_back(environment="staging")
    with pytest.raises(RegistryError, match="could not look up"):
        roll_back(tracking_uri="http://127.0.0.1:9")


def test_the_commands_of_the_readme_exit_as_shown(team, mlflow_server):
    """With the README's names: nobody else uses that registered model."""
    text = (Path(__file__).parents[4] / "README.md").read_text("utf-8")
    section = re.search(r"^## Promote and roll back in MLflow\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    block = re.search(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[1].replace("\\\n", " ")
    lines = [line.partition("  # exit ") for line in block.splitlines() if line]
    assert [command.split()[1] for command, _, _ in lines] == [
        *("promote-model", "promote-model", "promote-model", "rollback-model", "gate-release")
    ]
    for month in ("january", "february", "march"):
        model = team.approved(month) if month != "march" else team.model(month)
        model.rename(team.folder / month)
    settings = {f"LOCKGATE_{name.upper()}": value for name, value in vars(team.settings).items() if value}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    around = {**settings, "PATH": path, "HOME": str(team.folder), "MLFLOW_TRACKING_URI": mlflow_server.url}
    for command, _, shown in lines:
        code, _, verdict = shown.partition(": ")
        done = subprocess.run(
            ["bash", "-c", command], cwd=team.folder, env=around, capture_output=True, text=True, check=False
        )
        assert done.returncode == int(code), (command, done.stdout, done.stderr)
        assert done.stdout.startswith(verdict), (command, done.stdout)
        assert done.stderr == "", command
