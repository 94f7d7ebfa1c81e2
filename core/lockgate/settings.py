"""Where a run finds keys, policy, evidence and ledger: references, said once and never in arguments.

    LOCKGATE_KEY             URI of the key that signs (`lockgate.attest.keys`)
    LOCKGATE_KEY_PASSPHRASE  its passphrase, which has no other place
    LOCKGATE_POLICY          path or URL of lockgate.yaml
    LOCKGATE_POLICY_KEY      public keys of who may sign the policy, comma between: the root of trust
    LOCKGATE_EVIDENCE        folder or fsspec URL where attestations are kept, by digest
    LOCKGATE_LEDGER          path of an SQLite file, or SQLAlchemy URL of a database
    LOCKGATE_TRUST_STATE     file in which a release gate remembers what it has seen

The command line has a flag for each but the passphrase; in Airflow they come from a connection of
type `lockgate`, in a KFP step from its environment.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lockgate.errors import InputError

PREFIX = "LOCKGATE_"
_SHORTEST_HIDDEN = 3  # characters
# The password ends at the last @ before the path; one with a slash in it, at the first.
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/@:?#]*)(?::([^/]*|[^@]*))?@")
_TOKEN = re.compile(r"pass|pwd|token|secret|credential|signature|api_?key|access_?key|^sig$", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """References to what lies around a run; None for what is not set.

    Attributes:
        key: URI of the key that signs attestations; None signs nothing.
        policy: Path or URL of ``lockgate.yaml``.
        policy_key: Paths of the public keys of who may sign the policy, comma between them; ``PATH#NAME``
            is of who may sign the policy of this name only.
        evidence: Folder or fsspec URL of the evidence store, into which every attestation is put.
        ledger: Path of an SQLite file or SQLAlchemy URL of the ledger, to which every one is appended.
        trust_state: Path of what a release gate remembers from one decision to the next.
        key_passphrase: Of the key. Never shown.
    """

    key: str | None = None
    policy: str | None = field(default=None, repr=False)  # these URLs may have a password or a token in them
    policy_key: str | None = None
    evidence: str | None = field(default=None, repr=False)
    ledger: str | None = field(default=None, repr=False)
    trust_state: str | None = None
    key_passphrase: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return what the variables ``LOCKGATE_*`` say; an empty one is not set."""
        around = os.environ if environ is None else environ
        return cls(**{name: around.get(PREFIX + name.upper()) or None for name in NAMES})

    def or_else(self, other: Settings) -> Settings:
        """Return these settings, with those of another where one is not set."""
        return Settings(**{name: getattr(self, name) or getattr(other, name) for name in NAMES})

    def into(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment in which just these settings are set, to hand it to another process."""
        said = {PREFIX + name.upper(): getattr(self, name) for name in NAMES}
        others = {name: value for name, value in environ.items() if name not in said}
        return others | {name: value for name, value in said.items() if value}

    def secrets(self) -> list[str]:
        """Return what must be shown to nobody: the passphrase, and passwords and tokens in URLs."""
        said = [getattr(self, name) for name in NAMES if name != "key_passphrase"]
        found = [secret for reference in said if reference for secret in secrets_in(reference)]
        return [*found, *([self.key_passphrase] if self.key_passphrase else [])]

    def refuse_secrets(self) -> None:
        """Refuse a password or a token in a flag, which every user of the machine can read.

        Raises:
            InputError: One of these settings, given as flags, holds one.
        """
        for name in NAMES:
            if secrets_in(getattr(self, name) or ""):
                raise InputError(
                    f"--{name.replace('_', '-')} has a password or token in it, which others could read; "
                    f"set {PREFIX}{name.upper()} instead"
                )

    def hide(self, text: str) -> str:
        """Return a text with three asterisks for every secret of these settings."""
        return hide(text, self.secrets())

    def hide_causes(self, error: BaseException) -> None:
        """Exchange what led to an error, when it says a secret, for its traceback without it.

        Whoever logs an error logs its causes too: Airflow, and OpenLineage's events.
        """
        suppressed = error.__suppress_context__
        error.__cause__ = self._quiet(error.__cause__)
        error.__context__ = self._quiet(error.__context__)
        error.__suppress_context__ = suppressed

    def _quiet(self, error: BaseException | None) -> BaseException | None:
        if error is None:
            return None
        import traceback

        said = "".join(traceback.format_exception(error)).rstrip()
        hidden = self.hide(said)
        return error if hidden == said else RuntimeError(hidden)


_OF_THE_RUN: contextvars.ContextVar[Settings | None] = contextvars.ContextVar(
    "lockgate_settings", default=None
)


def of_the_run() -> Settings | None:
    """Return the settings of the run that this is called in; None outside of one."""
    return _OF_THE_RUN.get()


@contextlib.contextmanager
def in_a_run(settings: Settings) -> Iterator[None]:
    """Make settings those of the run inside."""
    token = _OF_THE_RUN.set(settings)
    try:
        yield
    finally:
        _OF_THE_RUN.reset(token)


NAMES = tuple(each.name for each in dataclasses.fields(Settings))
"""The names of the settings; the variable of ``policy_key`` is ``LOCKGATE_POLICY_KEY``."""


def secrets_in(reference: str) -> list[str]:
    """Return the passwords and tokens in a path or URL, as they stand there and decoded.

    They are the password before an @ (in a web address a user without one: it may be a token), and
    the values in a query whose name says that they are secret.
    """
    from urllib.parse import unquote, unquote_plus

    found = []
    if match := _USERINFO.match(reference):
        scheme, user, password = match.groups()
        token = user if scheme.lower() in ("http", "https") else ""
        found = [password or token, unquote(password or token)]
    if "://" in reference:
        query = reference.partition("?")[2].partition("#")[0]
        for name, _, value in (part.partition("=") for part in re.split("[&;]", query)):
            if _TOKEN.search(unquote_plus(name)):
                found += [value, unquote_plus(value)]
    return [secret for secret in dict.fromkeys(found) if secret]


def hide(text: str, secrets: list[str]) -> str:
    """Return a text with three asterisks in the place of every secret.

    One of fewer than three characters hides nothing, and would be found in every other word: it stays.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, "***")
    return text
