"""The form of ``lockgate.yaml``: every key, its kind, and what it is for. Reader and schema come from it."""

from __future__ import annotations

from typing import Any

from lockgate.errors import KeyFileError
from lockgate.policy import shape
from lockgate.policy.release import SUBJECT, TRAINING_DATA, Environment, LedgerPolicy, Requirement, Waivers
from lockgate.policy.shape import Choice, Each, Field, Keys, Moment, Named, Place, Text, Whole
from lockgate.policy.thresholds import Stages, find, installed
from lockgate.policy.trust import Identity, Key, Revocation

VERSION = 1
MOST_IDENTITIES = 100
_NAME = Text(shape.NAME_PATTERN, "a name of the letters a to z, digits, and . _ @ -")
# What an editor is told of a PEM text; the reader also reads the key in it.
_PEM = r"^\s*-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$"
_RELEASE = r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$"
# C2SP tlog-checkpoint: an origin has no space and no plus; kept to printable ASCII here.
_ORIGIN = r"^[!-*,-~]{1,200}$"


class PublicKey(Text):
    """A public key in PEM form, inline, so that the policy's digest covers it."""

    def __init__(self) -> None:
        super().__init__(_PEM, "one public key in PEM form, inline: what the file NAME.pub.pem holds")

    def read(self, place: Place, value: Any) -> Any:
        """Return the key; say nothing of what else was pasted here."""
        from lockgate.attest.keys import parse_public

        if isinstance(value, str) and "PRIVATE KEY" in value:
            place.refuse(
                "is a private key, which only its owner may hold; make a new pair, and write the public key"
            )
        try:
            return parse_public(super().read(place, value), "what stands here")
        except KeyFileError as error:
            place.refuse(str(error).removeprefix("what stands here "))


class StageName(shape.Kind):
    """The name of a stage that is installed."""

    def read(self, place: Place, value: Any) -> str:
        """Return the name."""
        if not isinstance(value, str):
            place.refuse("must be the name of a stage, such as test-robustness")
        return find(place, value).name

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"enum": [stage.name for stage in installed()]}


def _requirement(**said: Any) -> Requirement:
    return Requirement(**{"id": said["stage"], **said})


REVOCATION = Keys(
    {
        "at": Field(Moment(), "When the key was revoked.", required=True),
        "reason": Field(
            Choice(("compromised", "rotated")),
            "compromised voids every signature by the key; rotated keeps those up to `at`.",
            required=True,
        ),
    },
    Revocation,
)
KEY = Keys(
    {
        "public": Field(PublicKey(), "The public key (ECDSA P-256) in PEM form.", required=True),
        "valid_from": Field(Moment(), "Signatures before this time do not count."),
        "valid_until": Field(Moment(), "Signatures from this time on do not count."),
        "revoked": Field(REVOCATION, "Set when the key must not be used any more."),
    },
    Key,
)
IDENTITY = Keys(
    {"keys": Field(Each(KEY, most=100), "The keys of this person or account.", required=True)}, Identity
)
REQUIREMENT = Keys(
    {
        "id": Field(_NAME, "What the requirement is called; the stage's name if left out."),
        "stage": Field(StageName(), "The stage that must have run.", required=True),
        "about": Field(
            Choice((SUBJECT, TRAINING_DATA)),
            "What it must have run on: what is released (the default), or every dataset it was trained on.",
        ),
        "input": Field(
            Text(r"^[a-z][a-z0-9_]{0,99}$", "the name of an input of the stage"),
            "The parameter that the artifact must have been; the stage's first input if left out.",
        ),
        "roles": Field(Each(_NAME), "Roles, one of which whoever signed must have.", required=True),
        "identities": Field(Whole(1, MOST_IDENTITIES), "How many different identities must have signed."),
        "max_age": Field(Moment(duration=True), "The oldest that the attestation may be, such as 7d."),
        "min_version": Field(
            Text(_RELEASE, "a version of Lockgate, such as '0.1.0'"),
            "The oldest version of Lockgate that may have run the stage.",
        ),
    },
    _requirement,
)
WAIVERS = Keys(
    {
        "roles": Field(Each(_NAME), "Roles, one of which whoever signs a waiver must have.", required=True),
        "longest": Field(Moment(duration=True), "The longest that a waiver may hold; 30d if left out."),
    },
    Waivers,
)
ENVIRONMENT = Keys(
    {
        "require": Field(Each(REQUIREMENT), "What must be attested.", required=True),
        "provenance": Field(_NAME, "Id of the requirement whose attestation names the training data."),
        "separate": Field(
            Each(Each(_NAME, least=2)),
            "Groups of requirement ids; nobody may have signed for two of one.",
        ),
        "waivers": Field(WAIVERS, "Who may waive findings; left out, nobody."),
    },
    Environment,
)
LEDGER = Keys(
    {
        "origin": Field(
            Text(_ORIGIN, "the name of a ledger, such as example.org/employment"),
            "The ledger's name, the first line of its checkpoints.",
            required=True,
        ),
        "roles": Field(
            Each(_NAME), "Roles, one of which the signer of its checkpoints must have.", required=True
        ),
        "required": Field(
            Choice((True, False)),
            "Whether only what the ledger has counts; true if left out.",
        ),
    },
    LedgerPolicy,
)
POLICY = Keys(
    {
        "version": Field(Choice((VERSION,)), "Version of this format.", required=True, example=str(VERSION)),
        "name": Field(_NAME, "What the policy is called.", example="employment"),
        "revision": Field(
            Whole(1, 2**53 - 1), "Grows with each change; a smaller one than seen is refused.", example="1"
        ),
        "expires": Field(Moment(), "When the policy must have been renewed.", example="2027-03-31T00:00:00Z"),
        "stages": Field(Stages(), "Thresholds of single stages."),
        "identities": Field(Named(IDENTITY, "an identity"), "Persons and machine accounts, and their keys."),
        "roles": Field(Named(Each(_NAME), "a role"), "Which identities have which role."),
        "release": Field(Named(ENVIRONMENT, "an environment"), "What a release asks for."),
        "ledger": Field(LEDGER, "Which ledger counts."),
    },
    needs={
        "name": ("revision", "expires"),
        "revision": ("name", "expires"),
        "expires": ("name", "revision"),
        "roles": ("identities",),
        "release": ("name", "revision", "expires", "identities", "roles"),
        "ledger": ("roles",),
    },
)
