"""Nobody who can write to what the gate reads can keep it waiting for ever."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from lockgate import gate
from lockgate.attest import store
from lockgate.errors import StageError
from lockgate.policy import memory

pytestmark = pytest.mark.timeout(30)
_ENDLESS = (
    "WITH RECURSIVE c(position) AS (SELECT 1 UNION ALL SELECT position + 1 FROM c) "
    "SELECT position, x'00' AS envelope, x'00' AS payload FROM c"
)


def test_a_view_that_never_ends_in_the_place_of_a_table_is_not_read(world):
    assert world.allowed()
    world.sql(
        "ALTER TABLE lockgate_ledger_leaves RENAME TO other",
        f"CREATE VIEW lockgate_ledger_leaves AS {_ENDLESS}",
    )
    assert world.code() == "LEDGER_UNREACHABLE"
    with pytest.raises(StageError, match="has a view, trigger or computed column"):
        world.test()


def test_a_trigger_is_not_set_off_by_a_writer(world):
    world.sql("CREATE TRIGGER t AFTER INSERT ON lockgate_ledger_leaves BEGIN SELECT 1; END")
    with pytest.raises(StageError, match="has a view, trigger or computed column"):
        world.test()
    assert world.code() == "LEDGER_UNREACHABLE"
    world.sql("DROP TRIGGER t")
    assert world.allowed()


def test_a_column_that_is_made_by_a_formula_is_not_read(world):
    world.sql("ALTER TABLE lockgate_ledger_nodes ADD COLUMN more AS (zeroblob(900000000))")
    assert world.code() == "LEDGER_UNREACHABLE"


def test_a_table_of_somebody_elses_beside_the_ledger_does_no_harm(world):
    world.sql("CREATE TABLE other (a INTEGER, b AS (a + 1))", "CREATE INDEX i ON other (a)")
    assert world.allowed()


def test_a_memory_that_somebody_keeps_locked_is_given_up(world, monkeypatch):
    monkeypatch.setattr(memory, "_WAIT", 0.2)
    gate.remember(world.decide(), world.settings)
    lock = f"{world.settings.trust_state}.lock"
    assert stat.S_IMODE(Path(lock).stat().st_mode) == 0o600, "whoever can open it can lock it"
    handle = os.open(lock, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(StageError, match=r"was kept locked for 0\.2 seconds"):
        gate.remember(world.decide(), world.settings)
    os.close(handle)
    gate.remember(world.decide(), world.settings)


def test_a_file_that_becomes_a_fifo_after_it_was_listed_is_not_waited_for(world, monkeypatch):
    """Whoever writes to the store can exchange a file between the listing and the reading."""
    path = world.path(world.test())
    listed = store._File.bytes.fget

    def exchanged(each):
        if each.path == str(path) and not path.is_fifo():
            path.unlink()
            os.mkfifo(path)
        return listed(each)

    monkeypatch.setattr(store._File, "bytes", property(exchanged))
    assert world.code("robust") == "STORE_UNREADABLE"
    assert path.is_fifo()
