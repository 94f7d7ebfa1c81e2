from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test modules of one folder share `world`

from world import World


@pytest.fixture(scope="session")
def _built(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def world(_built, tmp_path) -> World:
    """A world of its own, in which the release is allowed."""
    return _built.copied(tmp_path / "world")
