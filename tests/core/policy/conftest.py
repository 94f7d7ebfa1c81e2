from __future__ import annotations

import copy
import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from securesystemslib.signer import SSlibKey

from lockgate import stage as stages
from lockgate.attest import keys
from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, ModelOut, stage

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)


@dataclass(frozen=True)
class Pair:
    """A key pair of a test."""

    private: Path

    @property
    def signer(self):
        return keys.load_signer(str(self.private))

    @property
    def pem(self) -> str:
        return self.private.with_name(self.private.name.replace(".key.", ".pub.")).read_text()

    @property
    def public(self) -> SSlibKey:
        return keys.parse_public(self.pem, "a key of a test")

    @property
    def keyid(self) -> str:
        return self.public.keyid


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """Key pairs by name."""
    folder = tmp_path_factory.mktemp("keys")
    names = ("root", "root2", "pipeline", "pipeline2", "bo", "carla", "dan", "stranger")
    return {name: Pair(keys.generate(name, folder, None).private) for name in names}


@stage("train-model", attests="provenance")
def train_model(data: DatasetIn, model: ModelOut) -> Outcome:
    """Train.

    Args:
        data: The table.
        model: The model.
    """
    raise NotImplementedError


@stage("read-nothing")
def read_nothing(*, note: str = "") -> Outcome:
    """Read nothing.

    Args:
        note: A note.
    """
    raise NotImplementedError


@pytest.fixture
def with_training(monkeypatch):
    """A stage that attests provenance is installed, and one without inputs."""
    known, every = stages.find, stages.every
    own = {made.name: made for made in (train_model, read_nothing)}
    monkeypatch.setattr(stages, "find", lambda ref: own.get(ref) or known(ref))
    monkeypatch.setattr(stages, "every", lambda: iter([*every(), *own.values()]))


@pytest.fixture
def written(pairs):
    """A whole policy, as the mapping that YAML gives; a copy to change."""
    return copy.deepcopy(
        {
            "version": 1,
            "name": "employment",
            "revision": 3,
            "expires": "2027-03-31T00:00:00Z",
            "stages": {"detect-poisoning": {"alpha": 0.001}},
            "identities": {
                "pipeline": {
                    "keys": [
                        {
                            "public": pairs["pipeline"].pem,
                            "valid_from": "2026-01-01T00:00:00Z",
                            "valid_until": "2027-01-01T00:00:00+01:00",
                        },
                        {
                            "public": pairs["pipeline2"].pem,
                            "revoked": {"at": "2026-06-01T00:00:00Z", "reason": "rotated"},
                        },
                    ]
                },
                "bo": {"keys": [{"public": pairs["bo"].pem}]},
                "dan": {"keys": [{"public": pairs["dan"].pem}]},
            },
            "roles": {
                "trainer": ["pipeline"],
                "validator": ["pipeline", "bo"],
                "security": ["dan"],
                "ledger": ["pipeline"],
            },
            "release": {
                "production": {
                    "require": [
                        {"id": "trained", "stage": "train-model", "roles": ["trainer"]},
                        {
                            "id": "robust",
                            "stage": "test-robustness",
                            "input": "model",
                            "roles": ["validator"],
                            "identities": 2,
                            "max_age": "7d",
                            "min_version": "0.1.0",
                        },
                        {"stage": "detect-poisoning", "about": "training-data", "roles": ["validator"]},
                    ],
                    "provenance": "trained",
                    "separate": [["trained", "robust"]],
                    "waivers": {"roles": ["security"], "longest": "P30D"},
                },
                "staging": {"require": [{"stage": "validate-data", "roles": ["validator"]}]},
            },
            "ledger": {"origin": "example.org/employment", "roles": ["ledger"], "required": True},
        }
    )


def text_of(said) -> bytes:
    """Return a mapping as the bytes of a policy: JSON, which is YAML."""
    return json.dumps(said, indent=1).encode()
