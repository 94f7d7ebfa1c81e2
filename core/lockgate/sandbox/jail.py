"""Start the confined process, with bubblewrap where that works, and ask it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lockgate import private
from lockgate.errors import EscapeError, InputError, StageError
from lockgate.sandbox import wire
from lockgate.sandbox.box import Sandbox

# After the standard library and before what is installed, so that it is this Lockgate.
_START = (
    "import sys; at = [p.endswith('-packages') for p in [*sys.path, '-packages']].index(True); "
    "sys.path.insert(at, sys.argv.pop(1)); from lockgate.sandbox.child import main; main()"
)
_ASK_PYTHON = "import json, sys; print(json.dumps([sys.executable, sys.prefix, sys.base_prefix, *sys.path]))"
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime"),
    "/sys/devices/system/cpu",
)
_SHM = "/dev/shm"  # noqa: S108 - of the sandbox
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", _SHM)
_SCRATCH_BYTES = 256 << 20
_HELLO = 60  # seconds
_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "USER": "model",
    "LOGNAME": "model",
    "LANG": "C.UTF-8",
    "OMP_NUM_THREADS": "1",  # sums in one order; and nothing counts processors by starting a program
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LOKY_MAX_CPU_COUNT": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "MPLCONFIGDIR": "/nonexistent",
}
_TRIED = {
    "LG-SANDBOX-001": "The model tried to reach the network: {}.",
    "LG-SANDBOX-002": "The model tried to touch a file outside of its scratch folder: {}.",
    "LG-SANDBOX-003": "The model tried to start or signal a process: {}.",
    "LG-SANDBOX-004": "The model needed more than the {memory} of memory that it may have.",
}


class Jail:
    """A confined process.

    Args:
        box: What it may do.
        model: The file or folder that it may read.

    Raises:
        StageError: The sandbox cannot be set up, or not as strongly as `required` asks.
    """

    def __init__(self, box: Sandbox, model: Path) -> None:
        self.box = box
        self._stack = contextlib.ExitStack()
        self.said: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        try:
            self._set_up(model)
        except BaseException:
            self.end()
            raise

    def _set_up(self, model: Path) -> None:
        self._scratch = str(self._stack.enter_context(private.private_folder()))
        executable, *places = _places(sys.executable)
        root = str(Path(__file__).resolve().parents[2])
        read = [*_SYSTEM, *places, root, *map(os.fspath, self.box.read_only), str(model.absolute())]
        why = "bwrap is not installed"
        if bwrap := shutil.which("bwrap"):
            why = self._start(
                self._bubblewrap(bwrap, read),
                [executable],
                [root],
                [self._scratch, *_DEVICES],
                [*read, "/proc"],
            )
            if not why:
                self.said = {"form": "bubblewrap", **self.said}
                return
        if self.box.required:
            raise StageError(
                f"the sandbox needs bubblewrap and cannot have it: {why}; install it and allow namespaces, "
                "or leave out required"
            )
        why_not = self._start([], [executable], [root], [self._scratch, *_DEVICES], [*read, "/proc"])
        if why_not:
            raise StageError(f"the sandbox cannot be started: {why_not}; check python and read_only")
        self.said = {"form": "process limits", "without_bubblewrap": why, **self.said}

    def _bubblewrap(self, bwrap: str, read: Sequence[str]) -> list[str]:
        words = [bwrap, "--unshare-all", *(["--share-net"] if self.box.network else [])]
        words += [
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
        ]
        words += [
            "--size",
            str(_SCRATCH_BYTES),
            "--tmpfs",
            self._scratch,
            "--size",
            str(16 << 20),
            "--tmpfs",
            _SHM,
        ]
        for path in dict.fromkeys(read):
            words += ["--ro-bind-try", path, path]
        if self.box.network:
            for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl"):
                words += ["--ro-bind-try", path, path]
        return [*words, "--remount-ro", "/", "--chdir", "/", "--"]

    def _start(
        self, around: list[str], python: list[str], roots: list[str], write: list[str], read: list[str]
    ) -> str:
        """Start the process and hear from it; return why that did not work, or nothing."""
        limits = {
            "read": read,
            "write": write,
            "network": self.box.network,
            "memory": self.box.memory_bytes,
            "cpu_seconds": self.box.cpu_seconds,
            "file_bytes": _SCRATCH_BYTES,
        }
        words = [*around, *python, "-I", "-B", "-c", _START, *roots, json.dumps({"limits": limits})]
        with tempfile.TemporaryFile() as complaints:
            try:
                self._process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    env={**_ENVIRONMENT, "TMPDIR": write[0]},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                return f"{words[0]} does not start: {error.strerror}"
            try:
                hello = self._line(time.monotonic() + _HELLO)
                self.said = {"network": self.box.network, **_held(hello)}
            except (EscapeError, ValueError, LookupError, TypeError):
                self._kill()
                complaints.seek(0)
                said = complaints.read(4_000).decode("utf-8", "replace").strip().splitlines()
                return said[-1][:200] if said else "it ended without a word"
        return ""

    def ask(self, question: Mapping[str, Any], payload: bytes, most: int) -> tuple[dict[str, Any], bytes]:
        """Return what the process answers: a message, and at most so many bytes.

        Raises:
            EscapeError: It tried what it may not, or died.
            InputError: It answers something that is no answer.
        """
        until = time.monotonic() + 60 + 2 * self.box.cpu_seconds
        self._write(wire.line({**question, "bytes": len(payload)}) + payload, until)
        try:
            said = json.loads(self._line(until))
            size = said.get("bytes", 0)
        except (ValueError, AttributeError, RecursionError):
            raise _no_answer() from None
        if "tried" in said:
            raise self._escape(str(said["tried"]), str(said.get("what", "")))
        if type(size) is not int or not 0 <= size <= most:
            raise _no_answer()
        return said, self._exactly(size, until)

    # --- The pipe -----------------------------------------------------------------------------------

    def _write(self, data: bytes, until: float) -> None:
        pipe = self._pipes()[0]
        os.set_blocking(pipe, False)
        rest = memoryview(data)
        while rest:
            if not select.select([], [pipe], [], max(0.0, until - time.monotonic()))[1]:
                raise self._too_slow()
            try:
                rest = rest[os.write(pipe, rest[: 1 << 20]) :]
            except BlockingIOError:
                continue
            except OSError:
                break  # it has gone; what it said last, or how it ended, is read below

    def _line(self, until: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > wire.LONGEST_LINE:
                raise _no_answer()
            self._more(until)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _exactly(self, size: int, until: float) -> bytes:
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            self._buffer = b""
            self._more(until)
            parts.append(self._buffer)
            have += len(self._buffer)
        whole = b"".join(parts)
        self._buffer = whole[size:]
        return whole[:size]

    def _more(self, until: float) -> None:
        pipe = self._pipes()[1]
        if not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            raise self._too_slow()
        part = os.read(pipe, 1 << 20)
        if not part:
            raise self._death()
        self._buffer += part

    def _pipes(self) -> tuple[int, int]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None or process.stdin.closed:
            raise EscapeError("LG-SANDBOX-006", "The model's process has ended.")
        return process.stdin.fileno(), process.stdout.fileno()

    # --- How it ended -------------------------------------------------------------------------------

    def _escape(self, rule: str, what: str) -> EscapeError:
        shown = "".join(c if c.isprintable() else "?" for c in what)[:200]
        said = _TRIED.get(rule, "The model was stopped in its sandbox: {}.")
        return EscapeError(
            rule if rule in _TRIED else "LG-SANDBOX-006",
            said.format(shown or "unknown", memory=self.box.memory),
        )

    def _too_slow(self) -> EscapeError:
        self._kill()
        return EscapeError(
            "LG-SANDBOX-005", "The model did not answer within the time that it has in its sandbox."
        )

    def _death(self) -> EscapeError:
        assert self._process is not None  # noqa: S101 - it was read from
        code = self._process.wait()
        number = -code if code < 0 else code - 128  # bubblewrap says 128 and the signal
        if number == signal.SIGSYS:
            return EscapeError(
                "LG-SANDBOX-006",
                "The model was stopped for a system call that its sandbox forbids: a network socket, a "
                "program or process, or another process's memory.",
            )
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return EscapeError(
                "LG-SANDBOX-005",
                f"The model needed more than the {self.box.cpu_seconds} s of processor time that it may have"
                f"{'' if number == signal.SIGXCPU else ', or was killed by the system'}.",
            )
        how = f"signal {_name(number)}" if number > 0 else f"exit code {code}"
        return EscapeError("LG-SANDBOX-006", f"The model's process died in its sandbox ({how}).")

    def end(self) -> None:
        """End the process and remove its scratch folder."""
        self._kill()
        self._stack.close()

    def _kill(self) -> None:
        process, self._process = self._process, None
        self._buffer = b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _no_answer() -> InputError:
    return InputError("the model's process answers what is no answer; the model is damaged or hostile")


def _held(hello: bytes) -> dict[str, Any]:
    said = json.loads(hello)
    held = said["held"]
    return {
        "seccomp": bool(held["seccomp"]),
        "landlock": int(held["landlock"]),
        "no_new_privileges": bool(held["no_new_privileges"]),
        "without_capabilities": bool(held["capabilities"]),
        "python": str(said["python"]),
    }


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


@functools.lru_cache(maxsize=8)
def _places(python: str) -> tuple[str, ...]:
    """Return the interpreter, and every folder that it imports from."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK_PYTHON], capture_output=True, timeout=_HELLO, check=True, cwd="/"
        )
        executable, prefix, base, *path = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InputError(
            f"the sandbox's interpreter {python} cannot be started ({type(error).__name__}); check python"
        ) from None
    real = Path(executable).resolve().parents[1]
    found = [prefix, base, str(Path(base).resolve()), str(real), *(p for p in path if Path(p).exists())]
    if "/" in found:
        raise StageError(f"{python} is installed in the root folder; give the sandbox one that has a folder")
    return (executable, *dict.fromkeys(found))
