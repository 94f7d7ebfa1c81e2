"""The codes of a release gate: one for each distinct reason, for people, machines and tests.

The hundreds say where the reason lies: 0 held, 1 the policy and what surrounds the decision, 2 the
evidence and who signed it, 3 what it says and when, 4 how evidence hangs together, 5 the ledger,
6 a waiver that was offered and does not count, 9 the gate itself. ``core/doc/gate-codes.md`` lists them.
"""

from __future__ import annotations

import enum

from lockgate.outcome import Severity


class Code(enum.Enum):
    """Why a requirement holds or does not: number, meaning, what to do."""

    HELD = (0, "The requirement holds.", "Nothing.")
    WAIVED = (
        1,
        "The requirement holds by a waiver.",
        "See to it that the finding is mended before the waiver ends.",
    )

    POLICY_UNSIGNED = (101, "Nobody signed the policy.", "Have it signed: lockgate sign-policy.")
    POLICY_WRONG_SIGNER = (
        102,
        "The policy was signed by a key that is no root key, or its approval was altered.",
        "Have it signed by who may, or correct LOCKGATE_POLICY_KEY.",
    )
    POLICY_ALTERED = (
        103,
        "The policy was changed since it was signed.",
        "Restore it, or raise its revision and have it signed.",
    )
    POLICY_EXPIRED = (104, "The policy has expired.", "Review it, raise its revision, and have it signed.")
    POLICY_ROLLED_BACK = (105, "A newer revision of the policy is known.", "Take the newest revision.")
    POLICY_FORKED = (
        106,
        "The policy is known with the same revision and another content.",
        "Find out which one is meant, and sign it with a revision of its own.",
    )
    NO_ENVIRONMENT = (
        107,
        "The policy asks for nothing in this environment.",
        "Name an environment that the policy has under release, or add it.",
    )
    POLICY_UNREADABLE = (
        108,
        "No policy is given, or it cannot be read.",
        "Set LOCKGATE_POLICY to a lockgate.yaml that `lockgate policy-schema` describes.",
    )
    POLICY_FUTURE = (109, "The policy was signed in the future.", "Set the clocks right.")
    NO_ROOT = (
        110,
        "No root key is given, or it cannot be read.",
        "Set LOCKGATE_POLICY_KEY to the public keys of who may sign the policy.",
    )
    NO_MEMORY = (
        111,
        "The gate has no memory, so that it cannot notice a rollback, or it cannot be read.",
        "Set LOCKGATE_TRUST_STATE to a file that outlives the run; restore a damaged one from a copy.",
    )

    NONE = (201, "There is no attestation of this stage for the artifact.", "Run the stage.")
    STRIPPED = (202, "The attestation has no signature.", "Run the stage again, with a key.")
    UNKNOWN_SIGNER = (
        203,
        "The attestation was signed by no key that the policy knows, or was altered since.",
        "Have the stage run by who may, or add the key to the policy.",
    )
    WRONG_ROLE = (
        204,
        "Whoever signed has none of the roles that the policy allows.",
        "Have who may run the stage.",
    )
    KEY_NOT_VALID = (
        205,
        "The signing key was not valid at that time.",
        "Run the stage with a key that is valid now, or renew the key in the policy.",
    )
    KEY_COMPROMISED = (206, "The signing key was compromised.", "Run the stage again with another key.")
    KEY_ROTATED = (
        207,
        "The signature is later than the rotation of its key.",
        "Sign with the key that replaced it.",
    )
    TOO_FEW_IDENTITIES = (
        208,
        "Fewer identities have signed than the policy asks for.",
        "Have another person or account run the stage with a key of its own.",
    )
    MALFORMED = (
        209,
        "The attestation cannot be read.",
        "Run the stage again with this version of Lockgate, and find out who wrote the other one.",
    )
    WRONG_KIND = (
        210,
        "The attestation has another predicate than the stage writes.",
        "Run the stage again with this version of Lockgate, and find out who wrote the other one.",
    )
    WEAK_DIGEST = (
        211,
        "The attestation names its subject by no digest that counts.",
        "Run the stage again with this version of Lockgate, and find out who wrote the other one.",
    )
    OTHER_INPUT = (
        212,
        "The artifact was another input of the stage than the policy asks for.",
        "Run the stage with the artifact as that input.",
    )
    ALTERED = (
        213,
        "An attestation was altered in the evidence store.",
        "Restore the store from a copy, and find out who changed it.",
    )
    OTHER_SUBJECT = (214, "The attestation is about another artifact.", "Run the stage on this artifact.")
    STORE_UNREADABLE = (
        215,
        "No evidence store is given, or it cannot be read.",
        "Set LOCKGATE_EVIDENCE to the store, and see to its rights.",
    )

    FAIL = (301, "The newest result is FAIL.", "Mend what it found, and run the stage again.")
    INCONCLUSIVE = (
        302,
        "The newest result is INCONCLUSIVE.",
        "See its report for what was missing, and run the stage again.",
    )
    QUARANTINE = (
        303,
        "The newest result advises QUARANTINE.",
        "Look at the batch before anything is trained on it.",
    )
    STALE = (304, "The result is older than the policy allows.", "Run the stage again.")
    FUTURE = (
        305,
        "The result claims a time that had not come.",
        "Set the clocks right, and run the stage again.",
    )
    OLD_VERSION = (
        306,
        "An older Lockgate ran the stage than the policy allows.",
        "Update it, and run the stage again.",
    )
    NO_ZONE = (
        307,
        "The result has no time with a zone.",
        "Run the stage again with this version of Lockgate.",
    )
    CLOCK_BEHIND = (
        308,
        "The clock of this machine is behind a time that the gate has seen.",
        "Set the clock right; if it once ran ahead, correct the latest time in the gate's memory by hand.",
    )
    OTHER_THRESHOLDS = (
        309,
        "The stage ran with other thresholds than the policy sets.",
        "Run the stage again with the policy.",
    )

    NO_PROVENANCE = (
        401,
        "No valid provenance says what the artifact was trained on.",
        "Record its provenance where it is trained: lockgate record-provenance.",
    )
    NO_TRAINING_DATA = (
        402,
        "The provenance names no dataset.",
        "Record the provenance again, with the datasets as its inputs.",
    )
    DATASET_WITHOUT = (
        403,
        "A dataset that the provenance names has no such attestation.",
        "Run the stage on that dataset.",
    )
    NOT_SEPARATE = (
        404,
        "The same identity has signed for requirements that the policy keeps apart.",
        "Have another person or account sign.",
    )

    LEDGER_UNREACHABLE = (
        501,
        "The ledger is not given or cannot be reached.",
        "Set LOCKGATE_LEDGER, and see that the database runs.",
    )
    CHECKPOINT_UNTRUSTED = (
        502,
        "No key that is good now and may sign for the ledger signed its newest checkpoint.",
        "Find out who did; have it signed by who may.",
    )
    TRUNCATED = (
        503,
        "The ledger is shorter than it was.",
        "Restore it from a copy, and find out who changed it.",
    )
    FORKED = (
        504,
        "The ledger is not the one that was seen before.",
        "Trust neither, and find out who has its key.",
    )
    NOT_LOGGED = (505, "The attestation is not in the ledger.", "Run the stage again with the ledger set.")
    WITHHELD = (
        506,
        "The ledger names an attestation that the evidence store does not have.",
        "Restore it to the store from a copy; it may say FAIL.",
    )
    LEDGER_ALTERED = (
        507,
        "The ledger's entries, tree or index are not those that were signed.",
        "Restore it from a copy, and find out who changed it.",
    )
    ENTRY_MISSING = (
        508,
        "An entry that the ledger has signed is gone from it.",
        "Restore it from a copy, and find out who changed it.",
    )

    WAIVER_EXPIRED = (601, "The waiver has expired.", "Mend the finding, or have a new waiver granted.")
    WAIVER_OTHER = (
        602,
        "The waiver is for another artifact, rule or environment.",
        "Have one granted for just this one.",
    )
    WAIVER_SELF = (
        603,
        "The waiver was granted by who signed the result, or trained the model.",
        "Have it granted by another person.",
    )
    WAIVER_ROLE = (604, "Whoever signed the waiver may not waive.", "Have it granted by who may.")
    WAIVER_TOO_LONG = (605, "The waiver holds longer than the policy allows.", "Have a shorter one granted.")
    WAIVER_FUTURE = (606, "The waiver is not yet valid.", "Wait until it is, or set the clocks right.")
    WAIVER_NOT_ALLOWED = (607, "The policy accepts no waivers here.", "Mend the finding.")
    WAIVER_PARTIAL = (
        608,
        "The waiver leaves something that closes the gate.",
        "Mend the rest, or have that waived as well; what could not be decided cannot be waived.",
    )

    ERROR = (
        901,
        "The gate could not evaluate this.",
        "Report this as a defect; nothing is released meanwhile.",
    )

    def __init__(self, number: int, meaning: str, fix: str) -> None:
        self.number = number
        self.meaning = meaning
        self.fix = fix

    def __str__(self) -> str:
        return f"LG-GATE-{self.number:03}"

    @property
    def holds(self) -> bool:
        """Whether the gate may open with it."""
        return self in (Code.HELD, Code.WAIVED)

    @property
    def severity(self) -> Severity:
        """How much it weighs: what looks like tampering, and what the gate itself stands on, is CRITICAL."""
        if self is Code.HELD:
            return Severity.INFO
        if self is Code.WAIVED:
            return Severity.LOW
        return Severity.CRITICAL if self.number // 100 in (1, 5, 9) or self in _TAMPERING else Severity.HIGH


_TAMPERING = frozenset(
    [Code.STRIPPED, Code.KEY_COMPROMISED, Code.ALTERED, Code.WAIVER_SELF, Code.NOT_SEPARATE]
)


def table() -> str:
    """Return the list of codes as a Markdown table."""
    rows = [f"| `{code}` | `{code.name}` | {code.severity} | {code.meaning} | {code.fix} |" for code in Code]
    return (
        "\n".join(["| code | name | severity | meaning | what to do |", "|---|---|---|---|---|", *rows])
        + "\n"
    )
