from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from lockgate.ledger import Ledger

CHILD = """
import os, sys
from lockgate.attest import keys
from lockgate.ledger import Ledger

ledger, signer = Ledger(os.environ["LOCKGATE_LEDGER"]), keys.load_signer(sys.argv[1])
for number in range(25):
    envelope = f"{sys.argv[2]}-{number}".encode()
    print(ledger.append(envelope, [{"sha256": "a" * 64}, {"sha256": f"{number:064x}"}], signer).index)
"""


@pytest.mark.slow
def test_four_processes_append_a_hundred_entries_and_none_is_lost(url, ledger, pair, trusted):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(pair.private), str(name)],
            env={**os.environ, "LOCKGATE_LEDGER": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in range(4)
    ]
    told = [each.communicate(timeout=120) for each in children]
    assert [each.returncode for each in children] == [0] * 4, told
    indices = [int(line) for out, _ in told for line in out.split()]
    assert sorted(indices) == list(range(100))
    own = Ledger(url)
    now = own.checkpoint(trusted)
    assert now.size == 100
    assert own.verify(trusted).checkpoints == 100
    assert len(own.entries_of({"sha256": "a" * 64}, now).entries) == 100
    assert len(own.entries_of({"sha256": f"{7:064x}"}, now).entries) == 4


def test_threads_share_one_ledger_and_readers_never_see_half_an_append(url, signer, trusted, subject):
    ledger = Ledger(url)
    ledger.append(b"first", [subject("all")], signer)
    failures, done = [], threading.Event()

    def write(name):
        try:
            for number in range(10):
                ledger.append(b"%d-%d" % (name, number), [subject("all")], signer)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    def read():
        last = None
        try:
            while not done.is_set():
                now = ledger.checkpoint(trusted)
                assert len(ledger.entries_of(subject("all"), now).entries) == now.size
                if last:
                    ledger.consistent(last, now)
                last = now
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(name,)) for name in range(3)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(60)
    done.set()
    reader.join(60)
    assert not failures, failures
    assert ledger.verify(trusted).entries == 31


def test_two_who_append_the_same_attestation_log_it_once(url, signer, trusted, subject):
    ledger, indices = Ledger(url), []
    threads = [
        threading.Thread(target=lambda: indices.append(ledger.append(b"same", [subject(1)], signer).index))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert indices == [0] * 4
    assert ledger.checkpoint(trusted).size == 1


def test_a_ledger_survives_a_fork(url, signer, trusted, subject):
    ledger = Ledger(url)
    ledger.append(b"before", [subject(1)], signer)
    code = os.fork()
    if code == 0:
        try:
            ledger.append(b"in the child", [subject(1)], signer)
        finally:
            os._exit(0)
    os.waitpid(code, 0)
    assert ledger.append(b"after", [subject(1)], signer).index == 2


pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
