"""Private folders: for what nobody else may see or change, and gone when the work is done."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can enter, and remove it with all it holds at the end.

    SIGTERM and SIGHUP, which would end the process at once, raise SystemExit inside the block, so that
    a run that is told to end takes its copies of the data with it. A handler that the process has
    set itself stays.
    """
    with _ended_by_signals():
        folder = Path(tempfile.mkdtemp(prefix="lockgate-"))
        try:
            yield folder
        finally:
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder of ours, with copies of folders in it that their owner could not write to."""
    for root, names, _ in os.walk(folder):
        for path in (Path(root, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Make the signals that end a process at once end it by way of every ``finally``."""
    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
        yield
        return
    owner = os.getpid()
    ours = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]

    def end(number: int, _: object) -> None:
        if os.getpid() != owner:  # a forked helper has nothing to clean up, and must not
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for each in ours:  # a second signal must not stop the cleaning up
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
