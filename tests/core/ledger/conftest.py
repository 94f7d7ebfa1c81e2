from __future__ import annotations

import hashlib

import pytest

from lockgate.attest import keys
from lockgate.ledger import Ledger

ORIGIN = "example.org/employment"


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    return keys.generate("ledger", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    return keys.generate("other", tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="session")
def signer(pair):
    return keys.load_signer(str(pair.private))


@pytest.fixture(scope="session")
def stranger(other):
    return keys.load_signer(str(other.private))


@pytest.fixture(scope="session")
def trusted(pair):
    return [keys.load_public(pair.public)]


@pytest.fixture(scope="session")
def subject():
    """`subject("model")`: a DigestSet of its own for each name."""
    return lambda name: {"sha256": hashlib.sha256(str(name).encode()).hexdigest()}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request, tmp_path):
    """Where an empty ledger can be: in a file, then in a real PostgreSQL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def ledger(url):
    return Ledger(url, ORIGIN)
