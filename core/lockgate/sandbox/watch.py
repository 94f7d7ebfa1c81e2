"""Say what a model tries, before the kernel refuses it: Python's audit events (PEP 578).

This is for the finding's words only. Code that goes around the interpreter is stopped by the kernel all the
same, and then nobody can say more than that.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

_NETWORK = (
    *("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"),
    *("socket.sendto", "socket.sendmsg"),
)
_OF_A_NETWORK = (2, 10, -1)  # AF_INET, AF_INET6, and the default, which is the first
_PROCESSES = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("pty.spawn", "os.startfile", "os.kill", "os.killpg", "signal.pthread_kill"),
)
_CHANGES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
)
_LONGEST = 200
_STATUS = 86
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(answers: int, scratch: list[str], *, network: bool) -> None:
    """Report the first forbidden thing that happens in this interpreter, and end the process.

    Args:
        answers: Descriptor that the parent reads.
        scratch: Folders and files that may be written to.
        network: Whether the network may be used.
    """
    allowed = tuple(os.path.realpath(path) for path in scratch)
    write, leave, dumps, real, fsdecode = os.write, os._exit, json.dumps, os.path.realpath, os.fsdecode

    def tell(rule: str, what: str) -> None:
        said = "".join(c if c.isprintable() else "?" for c in what)[:_LONGEST]
        write(answers, dumps({"tried": rule, "what": said}).encode() + b"\n")
        leave(_STATUS)

    def outside(path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False  # a descriptor, which was opened before
        place = real(fsdecode(path))
        return not any(place == each or place.startswith(each + os.sep) for each in allowed)

    sys.addaudithook(_hook(tell, outside, network=network))


def _hook(
    tell: Callable[[str, str], None], outside: Callable[[Any], bool], *, network: bool
) -> Callable[[str, tuple[Any, ...]], None]:
    busy: list[bool] = []

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if busy:
            return
        if event == "open":
            _, mode, flags = (*given, None, None, None)[:3]
            writes = (isinstance(flags, int) and flags & _WRITING) or (
                isinstance(mode, str) and any(letter in mode for letter in "wax+")
            )
            if not writes:
                return
        busy.append(True)
        try:
            if event == "open" and outside(given[0]):
                tell("LG-SANDBOX-002", f"write to {_shown(given[0])}")
            elif event in _CHANGES and any(map(outside, given[: 2 if event in _PAIRS else 1])):
                tell("LG-SANDBOX-002", f"change {_shown(given[0])} ({event})")
            elif event in _PROCESSES:
                tell("LG-SANDBOX-003", f"{_shown(given[0]) if given else ''} ({event})".strip())
            elif event == "socket.__new__" and given[1] not in _OF_A_NETWORK:
                pass
            elif event in _NETWORK and not network:
                tell("LG-SANDBOX-001", f"{_address(event, given)} ({event})")
        finally:
            busy.pop()

    return hook


_PAIRS = ("os.rename", "os.link", "os.symlink")


def _shown(value: Any) -> str:
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    return str(value) if isinstance(value, (int, list, tuple)) else type(value).__name__


def _address(event: str, given: tuple[Any, ...]) -> str:
    if event == "socket.__new__":
        return "a socket"
    if event == "socket.getaddrinfo":
        return f"{given[0]}:{given[1]}"
    address = given[1] if len(given) > 1 else given[0]
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)
