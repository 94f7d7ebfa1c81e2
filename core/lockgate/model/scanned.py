"""Evidence that `scan-model` has passed a model: an attestation with keys, or the evidence store.

    scan = ScanEvidence(Path("attestation.json"), Path("scanner.pub.pem"))
    scan.lacking(digest)      # a reason, or nothing

In the store only what was signed by a key of the policy's counts (of a role that the policy asks scans of,
where it does), or where there is no policy by the key of the run itself. The newest scan decides, as in
`gate-release`: an old PASS never hides a newer FAIL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lockgate.errors import EnvelopeError, InputError
from lockgate.settings import Settings, of_the_run

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

    from lockgate.attest.statement import RunSummary, Statement
    from lockgate.policy import Policy

SCAN = "scan-model"


@dataclass(frozen=True)
class ScanEvidence:
    """Where to look for scans.

    Attributes:
        attestation: A file that was given, or None.
        key: The public key that it was signed with, or None.
        settings: Where the evidence store, the policy and the key are; None for those of the run.
    """

    attestation: Path | None = None
    key: Path | None = None
    settings: Settings | None = None

    @property
    def around(self) -> Settings:
        """The settings that hold."""
        return self.settings or of_the_run() or Settings()

    def lacking(self, digest: Mapping[str, str]) -> str:
        """Return why no passing scan of a digest is known, as part of a sentence; nothing when one is.

        Raises:
            InputError: The store, the policy or a key cannot be read.
        """
        if self.attestation is not None:
            return self._given(digest)
        found = sorted(self._stored(digest), key=lambda each: each[0])
        if not found:
            return "there is no scan of it: no attestation was given, and none that counts is in the store"
        return "" if _newest_opens(found) else "the newest scan of it did not pass"

    def _given(self, digest: Mapping[str, str]) -> str:
        from lockgate.attest import envelope, keys
        from lockgate.documents import read_bytes

        if self.attestation is None or self.key is None:
            raise InputError("an attestation of scan-model was given without its public key; give both")
        raw = read_bytes(self.attestation, envelope.MAX_BYTES, EnvelopeError)
        try:
            statement = envelope.open_envelope(raw, [keys.load_public(self.key)]).statement
        except envelope.SignatureError as error:
            return f"its scan does not count: {error}"
        if statement.run.stage != SCAN:
            return f"the attestation is of {statement.run.stage}, not of {SCAN}"
        if not _is_about(statement, digest):
            return "the scan is of another model than this one"
        return "" if statement.run.opens else f"{SCAN} said {statement.run.verdict} about it"

    def _stored(self, digest: Mapping[str, str]) -> Iterator[tuple[dt.datetime, RunSummary]]:
        from lockgate.attest import envelope
        from lockgate.attest.store import EvidenceStore

        if not self.around.evidence:
            return
        policy = self._policy()
        public = policy.trust.keys() if policy is not None else self._own_keys()
        if not public:
            raise InputError(
                "scans in the evidence store are signed, and no key is known that may sign them; "
                "give a policy, or the attestation and its public key"
            )
        for stored in EvidenceStore(self.around.evidence).of(digest):
            try:
                opened = envelope.open_envelope(stored.raw, public)
            except EnvelopeError:
                continue  # of somebody else, or no attestation of a run
            run = opened.statement.run
            if (
                run.stage == SCAN
                and _is_about(opened.statement, digest)
                and _counts(policy, opened.signers, run)
            ):
                yield run.finished, run

    def _policy(self) -> Policy | None:
        from lockgate import policy

        said = policy.load(self.around.policy) if self.around.policy else None
        return said if said is not None and said.identities else None  # else it holds thresholds only

    def _own_keys(self) -> list[SSlibKey]:
        from lockgate.attest import keys

        if not self.around.key:
            return []
        signer = keys.load_signer(self.around.key, self.around.key_passphrase)
        return [cast("SSlibKey", signer.public_key)]


def _newest_opens(found: list[tuple[dt.datetime, RunSummary]]) -> bool:
    """Whether every scan of the newest time opens a gate."""
    last = found[-1][0]
    return all(run.opens for time, run in found if time == last)


def _is_about(statement: Statement, digest: Mapping[str, str]) -> bool:
    return statement.subjects[0].is_(digest)


def _counts(policy: Policy | None, signers: frozenset[str], run: RunSummary) -> bool:
    if policy is None:
        return True  # the run's own key
    from lockgate.policy.times import now

    required = [each for place in policy.release.values() for each in place.require if each.stage == SCAN]
    roles = sorted({role for each in required for role in each.roles}) or None
    judged = policy.trust.judge_all(signers, signed=run.finished, now=now(), roles=roles)
    return any(each.counts for each in judged)
