"""A child process that answers questions, a line of JSON each, until it is ended or breaks."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.errors import StageError

_LONGEST_ANSWER = 8 << 20


class Child:
    """One child process.

    Args:
        words: What to start.
        who: What it is called in reasons, as "the scan of this file".
        cpu_seconds: The processor time that it limits itself to, for the reason when it runs out of it.
        environment: All that it sees of the environment, beside the place of temporary files.

    Raises:
        StageError: It cannot be started.
    """

    def __init__(
        self, words: Sequence[str], who: str, cpu_seconds: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self.who = who
        self.cpu_seconds = cpu_seconds
        kept = {key: os.environ[key] for key in ("TMPDIR", "LD_LIBRARY_PATH") if key in os.environ}
        try:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**kept, **(environment or {})},
                cwd="/",
            )
        except OSError as error:
            raise StageError(
                f"{who} cannot start a process: {error.strerror}; free memory or processes"
            ) from None

    def ask(self, question: Mapping[str, Any], seconds: float) -> bytes | str:
        """Return the line that the child answers with, or the reason why there is none."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return self._death()
        return self._line(self.process.stdout.fileno(), seconds)

    def _line(self, descriptor: int, seconds: float) -> bytes | str:
        until = time.monotonic() + seconds
        parts = b""
        while not parts.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return f"{self.who} took longer than {seconds:g} s"
            part = os.read(descriptor, 1 << 16)
            if not part:
                return self._death()
            parts += part
            if len(parts) > _LONGEST_ANSWER:
                return f"{self.who} said too much"
        return parts

    def _death(self) -> str:
        code = self.process.wait()
        if code == -signal.SIGXCPU:
            return f"{self.who} took more than {self.cpu_seconds} s of processor time"
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"{self.who} died ({how})"

    def end(self) -> None:
        """End the child."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
