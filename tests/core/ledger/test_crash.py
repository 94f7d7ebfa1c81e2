"""A writer that is killed, at any statement, leaves a ledger that verifies and lost nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Appends one entry, and kills itself before its n-th statement, its commit, or after it.
CHILD = """
import os, signal, sys
import sqlalchemy as sa
from lockgate.attest import keys
from lockgate.ledger import Ledger

key, when = sys.argv[1], sys.argv[2]
ledger = Ledger(os.environ["LOCKGATE_LEDGER"], "example.org/employment")
signer = keys.load_signer(key)
count = 0


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def statement(connection, cursor, said, *_):
    global count
    count += 1
    if when == str(count) or (when == "checkpoint" and "INSERT INTO lockgate_ledger_checkpoints" in said):
        die()


sa.event.listen(sa.engine.Engine, "before_cursor_execute", statement)
if when == "commit":
    sa.event.listen(sa.engine.Engine, "commit", die)
subjects = [{"sha256": "0" * 63 + str(n)} for n in range(3)]
receipt = ledger.append(sys.argv[3].encode(), subjects, signer)
if when == "after":
    die()
print(count, receipt.index)
"""


@pytest.fixture
def child(url, pair):
    def run(when, envelope):
        return subprocess.run(
            [sys.executable, "-c", CHILD, str(pair.private), str(when), envelope],
            env={**os.environ, "LOCKGATE_LEDGER": url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.slow
def test_a_writer_killed_at_any_point_leaves_all_or_nothing(ledger, child, trusted, signer):
    for number in range(4):
        ledger.append(b"before %d" % number, [{"sha256": "0" * 64}], signer)
    control = child("never", "control")
    assert control.returncode == 0, control.stderr
    statements = int(control.stdout.split()[0])
    size = 5
    points = [1, 2, statements // 2, statements - 1, statements, "checkpoint", "commit", "after"]
    for when in points:
        killed = child(when, f"killed {when}")
        assert killed.returncode == -signal.SIGKILL, (when, killed.stdout, killed.stderr)
        size += when == "after"
        assert ledger.verify(trusted).entries == size, when
        assert ledger.checkpoint(trusted).size == size
    for when in points:
        again = child("never", f"killed {when}")
        assert again.returncode == 0, again.stderr
        size += when != "after"
        assert ledger.verify(trusted).entries == size
    everything = ledger.entries_of({"sha256": "0" * 64}, ledger.checkpoint(trusted))
    assert len(everything.entries) == size
