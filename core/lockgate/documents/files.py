"""Read the bytes of a file that a user named, whatever it turns out to be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lockgate.errors import InputError

MAX_BYTES = 1_000_000


def read_bytes(path: Path, max_bytes: int = MAX_BYTES, error: type[InputError] = InputError) -> bytes:
    """Return the bytes of a regular file, without waiting on pipes and without reading past a limit.

    Args:
        path: The file.
        max_bytes: Largest size, in bytes.
        error: What to raise.

    Raises:
        InputError: (or `error`) It is missing, not a regular file, unreadable or too large.
    """
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to returns instead of waiting for ever.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise error(f"there is no file {path}; check the path") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{path} cannot be opened: {reason}; check the path and its permissions") from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise error(f"{path} is not a regular file; give a file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            raw = file.read(max_bytes + 1)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}; check the disk") from None
    finally:
        os.close(handle)
    if len(raw) > max_bytes:
        raise error(f"{path} is larger than {max_bytes} bytes; give a smaller file")
    return raw
