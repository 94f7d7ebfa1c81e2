"""What a decision stands on: policy, memory, clock, ledger and store, checked in a fixed order.

`STEPS` is the order. Each step adds to the ground or returns the problem that ends it: a later step
needs what an earlier one has found, and with none of it may a gate go on to look at evidence.
Nothing is remembered here; see `lockgate.gate.remember`.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lockgate.errors import InputError, StageError
from lockgate.gate import problems
from lockgate.gate.codes import Code
from lockgate.gate.decision import Problem, at
from lockgate.policy.roots import Roots
from lockgate.policy.times import CLOCK_SKEW

if TYPE_CHECKING:
    from lockgate.attest.store import EvidenceStore
    from lockgate.ledger import Checkpoint, Entry, Ledger
    from lockgate.policy import Policy
    from lockgate.policy.memory import Seen
    from lockgate.policy.release import Environment, LedgerPolicy
    from lockgate.policy.trust import Trust
    from lockgate.settings import Settings


@dataclass
class Ground:
    """What a decision stands on; filled in by `STEPS`.

    Attributes:
        settings: Where everything is.
        name: The environment's name.
        now: The time that it is.
        roots: Public keys of who may sign the policy, and which.
        policy: The policy, signed and the newest known.
        seen: What the gate remembers.
        store: The evidence store.
        ledger: The ledger, when the policy names one and it is there.
        checkpoint: Its newest signed state; None without a ledger, and for one that is still empty.
    """

    settings: Settings
    name: str
    now: dt.datetime
    roots: Roots = field(default_factory=Roots)
    policy: Policy | None = None
    seen: Seen | None = None
    store: EvidenceStore | None = None
    ledger: Ledger | None = None
    checkpoint: Checkpoint | None = None

    @property
    def the_policy(self) -> Policy:
        """The policy, which was opened."""
        if self.policy is None:
            raise InputError("the policy was not opened; report this as a defect")
        return self.policy

    @property
    def identity(self) -> tuple[str, int, str] | None:
        """Name, revision and SHA-256 (hex) of the policy; None as long as it was not opened."""
        return self.policy.identity if self.policy else None

    @property
    def environment(self) -> Environment:
        """What the policy asks for."""
        return self.the_policy.environment(self.name)

    @property
    def trust(self) -> Trust:
        """Whose signatures count."""
        return self.the_policy.trust

    @property
    def ledger_rule(self) -> LedgerPolicy | None:
        """Which ledger counts; None when the policy names none."""
        return self.the_policy.ledger

    @property
    def must_be_logged(self) -> bool:
        """Whether an attestation counts only when the ledger has it."""
        return self.ledger_rule is not None and self.ledger_rule.required

    def stored(self, digest: Mapping[str, str], logged: Collection[str] = ()) -> dict[str, bytes]:
        """Return what the store has of a digest: bytes by the name that they lie under.

        Where an attestation must be logged to count, those that the ledger names are enough: who can only
        add to the store must not be able to keep the gate busy, or closed.
        """
        if self.store is None:
            return {}
        known = logged if self.must_be_logged else None
        return {each.name: each.raw for each in self.store.of(digest, known)}

    def logged(self, digest: Mapping[str, str]) -> dict[str, Entry]:
        """Return the first entry that the ledger has of each attestation of a digest, by its SHA-256.

        Raises:
            LedgerError: The ledger is not what was signed.
        """
        if self.ledger is None or self.checkpoint is None:
            return {}
        found: dict[str, Entry] = {}
        for entry in self.ledger.entries_of(digest, self.checkpoint).entries:
            found.setdefault(entry.envelope, entry)
        return found


def lay(ground: Ground) -> Problem | None:
    """Take every step; return the problem of the first that fails, or None."""
    for step in STEPS:
        problem = step(ground)
        if problem is not None:
            return problem
    return None


# --- The policy, and what is remembered -------------------------------------------------------------


def roots_are_given(ground: Ground) -> Problem | None:
    """Who may sign the policy is said where the gate is set up, and nowhere else."""
    from lockgate.policy import roots

    if not ground.settings.policy_key:
        return Problem(Code.NO_ROOT, "no key is given of who may sign the policy")
    try:
        ground.roots = roots.load(ground.settings.policy_key)
    except InputError as error:
        return problems.of(Code.NO_ROOT, error)
    return None


def policy_is_signed(ground: Ground) -> Problem | None:
    """A root key signed just these bytes, not in the future, and they have not expired."""
    from lockgate.policy import signing

    if not ground.settings.policy:
        return Problem(Code.POLICY_UNREADABLE, "no policy is given to release by")
    try:
        ground.policy = signing.open_policy(ground.settings.policy, ground.roots.keys, now=ground.now)
    except InputError as error:
        return problems.of_policy(error)
    return None


def policy_is_of_the_roots_name(ground: Ground) -> Problem | None:
    """Who signed the policy may sign this one: a root key may be for a policy of another name."""
    policy = ground.the_policy
    name, _, _ = policy.identity
    allowed = {key.keyid for key in ground.roots.of(name)}
    if policy.approval is not None and allowed & policy.approval.signers:
        return None
    said = f"none of the root keys that signed it may sign a policy called {name}"
    return Problem(Code.POLICY_WRONG_SIGNER, said)


def memory_is_readable(ground: Ground) -> Problem | None:
    """The gate remembers what it has seen; a memory that cannot be read is no new beginning."""
    from lockgate.policy.memory import TrustState

    if not ground.settings.trust_state:
        return Problem(Code.NO_MEMORY, "no file is given in which the gate remembers what it has seen")
    try:
        ground.seen = TrustState(ground.settings.trust_state).read()
    except InputError as error:
        return problems.of(Code.NO_MEMORY, error)
    return None


def policy_is_the_newest_seen(ground: Ground) -> Problem | None:
    """The gate has seen no newer revision, and no other content of this one."""
    from lockgate.policy.memory import check_policy

    name, revision, digest = ground.the_policy.identity
    known = ground.seen.policies.get(name) if ground.seen else None
    try:
        check_policy(known, name, revision, digest)
    except InputError as error:
        return problems.of_policy(error)
    return None


def clock_has_not_gone_back(ground: Ground) -> Problem | None:
    """A clock that was put back makes what is stale fresh, and what has expired valid."""
    latest = ground.seen.latest if ground.seen else None
    if latest is not None and ground.now < latest - CLOCK_SKEW:
        return Problem(Code.CLOCK_BEHIND, f"it is {at(ground.now)} here, but {at(latest)} was seen before")
    return None


def environment_is_known(ground: Ground) -> Problem | None:
    """The policy asks for something in this environment."""
    if ground.name not in ground.the_policy.release:
        return Problem(
            Code.NO_ENVIRONMENT,
            f"the policy {ground.the_policy.name} has no environment {ground.name[:80]!r}",
        )
    return None


# --- Where the evidence is --------------------------------------------------------------------------


def store_is_given(ground: Ground) -> Problem | None:
    """There is an evidence store at all; whether it can be read shows when it is."""
    from lockgate.attest.store import EvidenceStore

    if not ground.settings.evidence:
        return Problem(Code.STORE_UNREADABLE, "no evidence store is given")
    try:
        ground.store = EvidenceStore(ground.settings.evidence)
    except InputError as error:
        return problems.of_store(error)
    return None


def ledger_is_signed(ground: Ground) -> Problem | None:
    """Somebody who may sign for the ledger, with a key that is good now, signed its newest state."""
    from lockgate.ledger import Ledger

    rule = ground.ledger_rule
    if rule is None:
        return None
    if not ground.settings.ledger:
        # A ledger that the policy does not insist on need not be there; one that is named must answer.
        return Problem(Code.LEDGER_UNREACHABLE, "no ledger is given") if rule.required else None
    try:
        ground.ledger = Ledger(ground.settings.ledger, origin=rule.origin)
        ground.checkpoint = ground.ledger.checkpoint(ground.trust.keys(rule.roles))
    except StageError as error:
        return problems.of_ledger(error)
    if ground.checkpoint is None:
        return None
    judged = ground.trust.judge_all(
        ground.checkpoint.signers, signed=ground.now, now=ground.now, roles=rule.roles
    )
    if not any(each.counts for each in judged):
        return Problem(
            Code.CHECKPOINT_UNTRUSTED,
            f"the ledger's checkpoint does not count: {'; '.join(each.why for each in judged)}",
        )
    return None


def ledger_only_grew(ground: Ground) -> Problem | None:
    """The ledger continues the newest state of it that the gate has seen."""
    rule = ground.ledger_rule
    note = ground.seen.checkpoints.get(rule.origin) if ground.seen and rule else None
    if ground.ledger is None or note is None:
        return None
    before = _checkpoint_of(note)
    if ground.checkpoint is None:
        return Problem(
            Code.TRUNCATED, f"the ledger is empty, and had {before.size} entries when it was last seen"
        )
    try:
        ground.ledger.consistent(before, ground.checkpoint)
    except StageError as error:
        return problems.of_ledger(error)
    return None


def policy_is_the_newest_logged(ground: Ground) -> Problem | None:
    """The ledger knows no newer revision of the policy, and has no approval that is withheld."""
    from lockgate.attest.predicates.policy_approval import subject_of
    from lockgate.attest.store import name_of
    from lockgate.policy.signing import check_logged

    policy = ground.the_policy
    name, _, _ = policy.identity
    digest = subject_of(name)
    try:
        known = ground.logged(digest)
    except StageError as error:
        return problems.of_ledger(error)
    if not known:
        return None
    try:
        stored = ground.stored(digest, known)
    except InputError as error:
        return problems.of_store(error)
    withheld = tuple(each for each in known if name_of(stored.get(each, b"")) != each)
    if withheld:
        said = f"the store lacks an approval of the policy {name} that the ledger names"
        return Problem(Code.WITHHELD, said, withheld)
    try:
        check_logged(policy, [stored[each] for each in known], ground.roots.of(name))
    except InputError as error:
        return problems.of_policy(error)
    return None


STEPS: tuple[Callable[[Ground], Problem | None], ...] = (
    roots_are_given,
    policy_is_signed,
    policy_is_of_the_roots_name,
    memory_is_readable,
    policy_is_the_newest_seen,
    clock_has_not_gone_back,
    environment_is_known,
    store_is_given,
    ledger_is_signed,
    ledger_only_grew,
    policy_is_the_newest_logged,
)
"""The steps, in their order."""


def _checkpoint_of(note: str) -> Checkpoint:
    """Return the checkpoint of a note that this gate verified when it remembered it.

    Its signature is not checked again: the key may have been replaced since.
    """
    from lockgate.ledger import Checkpoint
    from lockgate.ledger.checkpoint import SUBJECTS

    origin, size, root, subjects = note.split("\n")[:4]
    roots = base64.b64decode(root), base64.b64decode(subjects.removeprefix(f"{SUBJECTS} "))
    return Checkpoint(origin, int(size), *roots, note)
