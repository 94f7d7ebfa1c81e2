"""A small world with a release that is allowed, built in few lines; each attack changes one thing in it.

The keys, the signed policy, the evidence store, the ledger and the gate's memory are real and lie in one
folder. Ana trains, the pipeline tests and keeps the ledger, Bo validates as well, Carla approves, Dan may
waive, Eve has no role, and Mallory is nobody.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime as dt
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import yaml
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from lockgate import gate
from lockgate.attest import envelope, statement
from lockgate.attest.predicates import waiver
from lockgate.attest.store import EvidenceStore
from lockgate.ledger import Ledger
from lockgate.policy import signing
from lockgate.settings import Settings

ORIGIN = "example.org/test"
NAMES = ("root", "pipeline", "ana", "bo", "carla", "dan", "eve", "mallory", "bo-2", "pipeline-2")
_KEYS = {name: CryptoSigner.generate_ecdsa() for name in NAMES}  # keys are slow to make, and hold no state

MODEL = {"sha256": hashlib.sha256(b"the model").hexdigest()}
OTHER = {"sha256": hashlib.sha256(b"another model").hexdigest()}
DATA = {"sha256": hashlib.sha256(b"the training data").hexdigest()}
POISON = {"sha256": hashlib.sha256(b"other training data").hexdigest()}
FAILING = [{"rule": "LG-ROBUST-002", "severity": "HIGH", "check": "accuracy"}]
FAILED = [{"id": "accuracy", "verdict": "FAIL"}]


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


def hours(number: float) -> dt.timedelta:
    return dt.timedelta(hours=number)


def days(number: float) -> dt.timedelta:
    return dt.timedelta(days=number)


def said(time: dt.datetime) -> str:
    return time.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def pem(name: str) -> str:
    return _KEYS[name].public_key.keyval["public"]


def key(name: str) -> CryptoSigner:
    return _KEYS[name]


def identity(*names: str, **more) -> dict:
    return {"keys": [{"public": pem(name), **more} for name in names]}


class World:
    """A release that is allowed, and what surrounds it.

    Attributes:
        now: The time of the decision; the ledger logs by the machine's clock, so it is about that.
        policy: ``lockgate.yaml`` as data; change it, then call `sign_policy`.
    """

    def __init__(self, folder: Path) -> None:
        self.now = dt.datetime.now(dt.timezone.utc)
        self.policy = self._policy()
        self._settle(folder)
        (folder / "root.pub.pem").write_text(pem("root"))
        self.sign_policy()
        self.train()
        self.test()
        self.validate()
        self.approve()

    def _settle(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(
            policy=str(folder / "lockgate.yaml"),
            policy_key=str(folder / "root.pub.pem"),
            evidence=str(folder / "evidence"),
            ledger=str(folder / "ledger.db"),
            trust_state=str(folder / "trust.json"),
        )

    def copied(self, folder: Path) -> World:
        """The same world in another folder."""
        made = copy.copy(self)
        made.policy = copy.deepcopy(self.policy)
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        made._settle(folder)
        return made

    def without(self, **names: None) -> None:
        """Take settings away, or put others in their place."""
        self.settings = dataclasses.replace(self.settings, **names)

    def afresh(self) -> None:
        """Empty store and ledger."""
        shutil.rmtree(self.settings.evidence, ignore_errors=True)
        for path in self.folder.glob("ledger.db*"):
            path.unlink()

    def _policy(self) -> dict:
        people = ("pipeline", "ana", "bo", "carla", "dan", "eve")
        require = [
            {"id": "trained", "stage": "record-provenance", "roles": ["trainer"]},
            {
                "id": "robust",
                "stage": "test-robustness",
                "input": "model",
                "roles": ["validator"],
                "max_age": "7d",
                "min_version": "0.1.0",
            },
            {
                "id": "clean",
                "stage": "detect-poisoning",
                "about": "training-data",
                "input": "train",
                "roles": ["validator"],
            },
            {"id": "approved", "stage": "sign-artifact", "roles": ["approver"]},
        ]
        return {
            "version": 1,
            "name": "employment",
            "revision": 3,
            "expires": said(self.now + days(300)),
            "stages": {"test-robustness": {"eps": 0.05}},
            "identities": {name: identity(name) for name in people},
            "roles": {
                "trainer": ["ana"],
                "validator": ["pipeline", "bo"],
                "approver": ["carla", "ana"],
                "security": ["dan", "ana", "pipeline"],
                "ledger": ["pipeline"],
            },
            "release": {
                "production": {
                    "require": require,
                    "provenance": "trained",
                    "separate": [["trained", "approved"]],
                    "waivers": {"roles": ["security"], "longest": "30d"},
                }
            },
            "ledger": {"origin": ORIGIN, "roles": ["ledger"]},
        }

    # --- The policy -------------------------------------------------------------------------------------

    @property
    def production(self) -> dict:
        return self.policy["release"]["production"]

    def requirement(self, name: str) -> dict:
        return next(each for each in self.production["require"] if each["id"] == name)

    def only(self, *names: str) -> None:
        """Leave just these requirements in the policy."""
        self.production["require"] = [self.requirement(name) for name in names]
        self.production.pop("separate", None)
        if "trained" not in names:
            self.production.pop("provenance", None)

    def write_policy(self) -> None:
        Path(self.settings.policy).write_text(yaml.safe_dump(self.policy, sort_keys=False))

    def sign_policy(self, by: str = "root", *, at: dt.datetime | None = None) -> bytes:
        approval = Path(signing.attestation_of(self.settings.policy))
        approval.unlink(missing_ok=True)
        self.write_policy()
        made = signing.approve(Path(self.settings.policy), key(by), now=at or self.now - days(1))[1]
        approval.write_bytes(made)
        return made

    # --- Attestations -----------------------------------------------------------------------------------

    def document(self, stage: str, subjects: dict, **more) -> dict:
        """A result document, as a run writes it."""
        thresholds = {"eps": 0.05} if stage == "test-robustness" else {}
        made = {
            "stage": stage,
            "version": "0.1.0",
            "verdict": "PASS",
            "decision": None,
            "subjects": [{"name": n, "uri": "", "digest": d} for n, d in subjects.items()],
            "parameters": {},
            "policy": {"digest": None, "thresholds": thresholds},
            "metrics": {},
            "checks": [{"id": "one", "verdict": "PASS"}],
            "findings": [],
            "outputs": {},
            "evidence": [],
            "body_digest": hashlib.sha256(repr((stage, subjects)).encode()).hexdigest(),
            "started": said(self.now - hours(2)),
            "finished": said(self.now - hours(1)),
        }
        made.update(more)
        return made

    def seal(self, made: dict, by: str | tuple[str, ...] = "pipeline", *, kind: str = "test-result") -> bytes:
        return self.sign(statement.from_result(made, kind), by)

    def sign(self, data: object, by: str | tuple[str, ...] = "pipeline") -> bytes:
        """An envelope around anything, with good signatures: what an attacker with a key can make."""
        payload = data if isinstance(data, bytes) else json.dumps(data).encode()
        made = Envelope(payload, envelope.PAYLOAD_TYPE, {})
        for name in (by,) if isinstance(by, str) else by:
            made.sign(key(name))
        return json.dumps(made.to_dict()).encode()

    def put(self, raw: bytes, *digests: dict, store: bool = True, log: bool = True) -> str:
        subjects = [statement.Subject(str(i), digest) for i, digest in enumerate(digests)]
        if store:
            EvidenceStore(self.settings.evidence).put(raw, subjects)
        if log:
            self.log(raw, *digests)
        return hashlib.sha256(raw).hexdigest()

    def log(self, raw: bytes, *digests: dict, by: str = "pipeline") -> None:
        trusted = [key(name).public_key for name in ("pipeline", "pipeline-2")]
        Ledger(self.settings.ledger, ORIGIN).append(raw, digests, key(by), trusted=trusted)

    def attest(
        self,
        stage: str,
        subjects: dict,
        by: str | tuple[str, ...] = "pipeline",
        *,
        at: dt.datetime | None = None,
        kind: str = "test-result",
        store: bool = True,
        log: bool = True,
        **more,
    ) -> str:
        """Make, sign, store and log the attestation of a run; return its name in the store."""
        if at is not None:
            more["finished"] = said(at)
        raw = self.seal(self.document(stage, subjects, **more), by, kind=kind)
        return self.put(raw, *subjects.values(), store=store, log=log)

    def test(self, by="pipeline", model=MODEL, **more) -> str:
        return self.attest("test-robustness", {"model": model, "data": DATA}, by, **more)

    def fail(self, by="pipeline", **more) -> str:
        found = {"verdict": "FAIL", "checks": FAILED, "findings": FAILING, **more}
        return self.test(by, **found)

    def validate(self, by="pipeline", data=DATA, **more) -> str:
        return self.attest("detect-poisoning", {"train": data}, by, **more)

    def approve(self, by="carla", **more) -> str:
        return self.attest("sign-artifact", {"artifact": MODEL}, by, **more)

    def provenance(self, datasets: dict, **more) -> dict:
        """The statement of a provenance, whole."""
        made = self.document("record-provenance", {"products[0]": MODEL}, **more)
        result = statement.from_result({**made, "subjects": made["subjects"]})
        predicate = result["predicate"]
        dependencies = [
            {"name": name, "digest": digest, "annotations": {"kind": "dataset"}}
            for name, digest in datasets.items()
        ]
        return {
            **result,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "lockgate:training/v1",
                    "externalParameters": {"training": {}},
                    "internalParameters": {},
                    "resolvedDependencies": dependencies,
                },
                "runDetails": {"builder": {"id": "lockgate:local", "version": {"lockgate": made["version"]}}},
                statement.EXTENSION: predicate[statement.EXTENSION],
            },
        }

    def train(self, by="ana", datasets=None, *, at=None, store=True, log=True, **more) -> str:
        if at is not None:
            more["finished"] = said(at)
        used = {"data": DATA} if datasets is None else datasets
        return self.put(self.sign(self.provenance(used, **more), by), MODEL, store=store, log=log)

    def waive(self, by="dan", *, digest=MODEL, under=None, log=True, **more) -> str:
        fields = {
            "stage": "test-robustness",
            "rules": ("LG-ROBUST-002",),
            "environment": "production",
            "reason": "Inputs are limited upstream.",
            "granted": self.now - minutes(30),
            "expires": self.now + days(10),
            **more,
        }
        raw = self.sign(waiver.build(digest, waiver.Waiver(**fields)), by)
        return self.put(raw, under or digest, log=log)

    # --- The store and the ledger, as who can write to them sees them -----------------------------------

    def path(self, name: str, digest: dict = MODEL) -> Path:
        return Path(self.settings.evidence) / "sha256" / digest["sha256"] / f"{name}.json"

    def clear(self, digest: dict = MODEL) -> None:
        """Remove all that the store has of an artifact."""
        for path in self.path("*", digest).parent.glob("*"):
            path.unlink()

    def sql(self, *statements: str) -> None:
        with sqlite3.connect(self.settings.ledger) as connection:
            for each in statements:
                connection.execute(each)
        connection.close()

    # --- The decision -----------------------------------------------------------------------------------

    def decide(self, subject: dict = MODEL, environment: str = "production") -> gate.Decision:
        return gate.decide(subject, environment, self.settings, now=self.now)

    def code(self, name: str | None = None, subject: dict = MODEL) -> str:
        """The code of a requirement; without a name that of the problem around the decision. A DENY only."""
        decision = self.decide(subject)
        assert not decision.allow, decision
        if name is None:
            assert decision.problems, decision.answers
            return decision.problems[0].code.name
        assert not decision.problems, decision.problems
        found = next(each for each in decision.answers if each.requirement == name)
        assert not found.holds
        return found.code.name

    def allowed(self) -> bool:
        decision = self.decide()
        assert not decision.problems, decision.problems
        assert decision.allow, [(a.requirement, str(a.code), a.message) for a in decision.answers]
        return True


def altered(raw: bytes, **fields) -> bytes:
    """An envelope with other fields."""
    return json.dumps(json.loads(raw) | fields).encode()


def payload_of(raw: bytes) -> dict:
    return json.loads(base64.b64decode(json.loads(raw)["payload"]))


def changed(data: dict, *way: str | int, to: object) -> dict:
    """A deep copy with one value changed."""
    made = copy.deepcopy(data)
    here = made
    for part in way[:-1]:
        here = here[part]
    here[way[-1]] = to
    return made
