"""Landlock (landlock(7)): which files a confined process may read, and the folder that it may write to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Sequence

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every architecture
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_SCOPES = 3  # no abstract sockets and no signals to processes outside


def install(read: Sequence[str], write: Sequence[str]) -> int:
    """Restrict this thread and all that it starts, for good.

    Args:
        read: Files and folders to read, and to load libraries from.
        write: Files and folders to do anything in.

    Returns:
        The version of the kernel's interface; 0 when it has none and nothing is restricted.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    handled = (1 << 13) - 1  # the first version's rights, from executing to making links
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL)):
        handled |= right if version >= since else 0
    scoped = _SCOPES if version >= 6 else 0  # noqa: PLR2004 - the version that brought them
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # noqa: PLR2004 - as the structure grew
    attributes = struct.pack("QQQ", handled, 0, scoped)
    ruleset = int(libc.syscall(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return 0
    try:
        for paths, rights in ((read, _READ), (write, handled)):
            for path in paths:
                _allow(libc, ruleset, path, rights & handled)
        return version if libc.syscall(_RESTRICT, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(OSError):  # what is not there needs no leave
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(opened).st_mode):
                rights &= _OF_FILES
            rule = struct.pack("=Qi", rights, opened)
            libc.syscall(_ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
        finally:
            os.close(opened)
