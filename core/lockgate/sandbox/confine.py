"""Confine this process, for good: what the kernel then refuses, nothing in the process can take back.

Standard library only: it runs before anything of the model's libraries is imported.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from dataclasses import asdict, dataclass

from lockgate.sandbox import landlock, seccomp

_PR_SET_NO_NEW_PRIVS = 38
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITIES_3 = 0x20080522
_GRACE = 5  # seconds of processor time between being told and being killed
_STATE = {"in_force": False}


@dataclass(frozen=True)
class Held:
    """What holds this process.

    Attributes:
        seccomp: Whether the kernel filters its system calls.
        landlock: Version of the interface that restricts its files; 0 for none.
        no_new_privileges: Whether no program can give it more rights.
        capabilities: Whether it has none.
    """

    seccomp: bool
    landlock: int
    no_new_privileges: bool
    capabilities: bool

    def plain(self) -> dict[str, bool | int]:
        """Return it as JSON knows it."""
        return asdict(self)


def in_force() -> bool:
    """Whether this process is confined."""
    return _STATE["in_force"]


def confine(
    *, read: list[str], write: list[str], network: bool, memory: int, cpu_seconds: int, file_bytes: int
) -> Held:
    """Confine this process; see `lockgate.sandbox.box.Sandbox` for what the numbers mean."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + cpu_seconds
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + _GRACE),
        (resource.RLIMIT_DATA, memory, memory),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(what)[1]
        limit = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(what, (min(soft, limit), limit))
    libc = ctypes.CDLL(None, use_errno=True)
    privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    files = landlock.install(read, write)
    capabilities = _without_capabilities(libc)
    calls = seccomp.install(network=network)
    _STATE["in_force"] = True
    return Held(calls, files, privileges, capabilities)


def _without_capabilities(libc: ctypes.CDLL) -> bool:
    number = _CAPSET.get(os.uname().machine)
    if number is None:
        return os.geteuid() != 0
    header, none = struct.pack("Ii", _CAPABILITIES_3, 0), struct.pack("6I", *[0] * 6)
    return bool(libc.syscall(number, ctypes.c_char_p(header), ctypes.c_char_p(none)) == 0)
