"""A small team with keys, a signed policy, an evidence store and a ledger, all of them real."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest
import yaml

from lockgate.attest import keys
from lockgate.policy import signing
from lockgate.run import run
from lockgate.settings import Settings

PEOPLE = ("root", "pipeline", "carla")


class Team:
    """Whoever signs a model as Carla approves of it; the pipeline runs the gate and keeps the ledger.

    Attributes:
        settings: Those of the pipeline.
        policy: ``lockgate.yaml`` as data; change it, then call `sign_policy`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in PEOPLE:
            keys.generate(name, folder, None)
        self.settings = Settings(
            key=str(folder / "pipeline.key.pem"),
            policy=str(folder / "lockgate.yaml"),
            policy_key=str(folder / "root.pub.pem"),
            evidence=str(folder / "evidence"),
            ledger=str(folder / "ledger.db"),
            trust_state=str(folder / "trust.json"),
        )
        self.policy = {
            "version": 1,
            "name": "employment",
            "revision": 1,
            "expires": f"{dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}",
            "identities": {
                name: {"keys": [{"public": (folder / f"{name}.pub.pem").read_text()}]}
                for name in ("pipeline", "carla")
            },
            "roles": {"approver": ["carla"], "ledger": ["pipeline", "carla"]},
            "release": {
                environment: {
                    "require": [
                        {"id": "approved", "stage": "sign-artifact", "roles": ["approver"], "max_age": "7d"}
                    ]
                }
                for environment in ("production", "staging")
            },
            "ledger": {"origin": "example.org/employment", "roles": ["ledger"]},
        }
        self.sign_policy()

    def sign_policy(self) -> None:
        path = Path(self.settings.policy)
        path.write_text(yaml.safe_dump(self.policy, sort_keys=False))
        root = keys.load_signer(str(self.folder / "root.key.pem"))
        sealed = signing.approve(path, root, now=dt.datetime.now(dt.timezone.utc))[1]
        Path(signing.attestation_of(self.settings.policy)).write_bytes(sealed)

    def model(self, content: str) -> Path:
        """A model folder of its own for each content."""
        folder = self.folder / f"model-{content}"
        (folder / "data" / "empty").mkdir(parents=True)
        (folder / "weights.bin").write_text(content)
        (folder / "data" / "run.sh").write_text("true\n")
        (folder / "data" / "run.sh").chmod(0o750)
        return folder

    def approve(self, model: Path) -> str:
        """Have Carla sign a model; return the SHA-256 of her attestation."""
        settings = dataclasses.replace(self.settings, key=str(self.folder / "carla.key.pem"))
        signed = run("sign-artifact", {"artifact": model}, out=self.folder / "approved", settings=settings)
        assert signed.verdict == "PASS"
        from lockgate.attest.store import name_of

        return name_of((signed.out / "attestation.json").read_bytes())

    def approved(self, content: str) -> Path:
        """A model that may be released."""
        model = self.model(content)
        self.approve(model)
        return model

    def disapprove(self, content: str) -> None:
        """Take Carla's attestation of a model out of the evidence store."""
        from lockgate import artifact

        digest = artifact.digest(self.folder / f"model-{content}")["lockgateTree1"]
        stored = list((self.folder / "evidence" / "lockgateTree1" / digest).glob("*.json"))
        assert stored
        for path in stored:
            path.unlink()


@pytest.fixture
def team(tmp_path: Path) -> Team:
    (tmp_path / "team").mkdir()
    return Team(tmp_path / "team")
