"""What a sandbox allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.errors import InputError

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?\Z", re.IGNORECASE)
_LEAST_MEMORY = 64 << 20
_WORDS = ("python", "network", "memory", "cpu_seconds", "read_only", "required")


@dataclass(frozen=True)
class Sandbox:
    """A place where models are loaded and asked in a confined process; see `lockgate.sandbox`.

    Attributes:
        python: Path of the interpreter that runs the stage and its models; None for the one that runs.
        network: Whether the model may use the network.
        memory: Private memory of the model's process, in bytes or as ``"2G"``.
        cpu_seconds: Its time on a processor, in seconds.
        read_only: Further files and folders that it may read, for libraries that lie elsewhere.
        required: Whether anything less than bubblewrap is an error.
    """

    python: str | None = None
    network: bool = False
    memory: int | str = "4G"
    cpu_seconds: int = 3600
    read_only: tuple[str, ...] | list[str] = ()
    required: bool = False

    def __post_init__(self) -> None:
        if self.memory_bytes < _LEAST_MEMORY:
            raise InputError(f"a sandbox with {self.memory} of memory runs nothing; give at least 64M")
        if type(self.cpu_seconds) is not int or self.cpu_seconds < 1:
            raise InputError(f"cpu_seconds is {self.cpu_seconds!r}; give a whole number of seconds from 1")
        for path in self.read_only:
            if not Path(path).exists():
                raise InputError(f"read_only names {path}, which is not there; give paths of this machine")

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes.

        Raises:
            InputError: It is no size.
        """
        match = _SIZE.match(str(self.memory).strip())
        if match is None:
            raise InputError(f"memory is {str(self.memory)[:40]!r}; give bytes, or a size such as 2G")
        return int(match.group(1)) * _UNITS[match.group(2).upper()]


def parse(text: str) -> Sandbox:
    """Read ``sandbox`` or ``sandbox:memory=2G,cpu_seconds=600,required``, as a flag or variable has it.

    Raises:
        InputError: It says something that no sandbox has.
    """
    said: dict[str, Any] = {}
    for word in text.partition(":")[2].split(",") if ":" in text else []:
        name, equals, value = word.strip().partition("=")
        if name not in _WORDS or name in said:
            raise InputError(f"a sandbox has no {name[:40]!r}; it has {', '.join(_WORDS)}, each once")
        if name in ("network", "required"):
            if value not in ("", "true", "false") or (equals and not value):
                raise InputError(f"{name} of the sandbox is {value[:40]!r}; write true or false")
            said[name] = value != "false"
        elif not value:
            raise InputError(f"{name} of the sandbox is empty; write {name}=VALUE")
        elif name == "cpu_seconds":
            if not value.isdecimal():
                raise InputError(f"cpu_seconds of the sandbox is {value[:40]!r}; give a whole number")
            said[name] = int(value)
        else:
            said[name] = tuple(value.split("+")) if name == "read_only" else value
    return Sandbox(**said)
