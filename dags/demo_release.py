"""What the demo tries on the release gate: the model with all its evidence, without a part of it, altered."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_engines import Workflow, copied, short
from rich.console import Console

from lockgate.settings import NAMES, PREFIX, Settings

ENVIRONMENT = "production"
HELD = ("LG-GATE-000", "LG-GATE-001")


@dataclass
class Question:
    """One thing that the gate is asked.

    Attributes:
        about: What is asked about, for a person.
        allowed: What it should answer.
        codes: The codes that it should answer with, some of which may be there.
        result: What it said, the gate's result document; None when there is none.
    """

    about: str
    allowed: bool
    codes: tuple[str, ...] = ()
    result: dict[str, Any] | None = None

    @property
    def denied_by(self) -> list[str]:
        """The codes of the requirements that do not hold, each once."""
        metrics = self.result["metrics"] if self.result else {}
        return [code for code in dict.fromkeys(metrics.get("codes", [])) if code not in HELD]

    @property
    def good(self) -> bool:
        """Whether the gate answered as it should."""
        if self.result is None or self.result["metrics"]["allow"] is not self.allowed:
            return False
        return set(self.codes) <= set(self.denied_by)


class Trial:
    """A copy of evidence, in a folder of its own, and the model that it is about."""

    def __init__(self, model: Path, settings: Settings, folder: Path) -> None:
        self.folder = folder
        self.subject = model
        self.settings = copied(settings, folder)

    def take_out(self, attestation: Path) -> Path:
        """Take one attestation out of the evidence store, and return where it was put."""
        content = attestation.read_bytes()
        aside = self.folder / "taken-out.attestation.json"
        aside.write_bytes(content)
        places = list(Path(str(self.settings.evidence)).rglob(f"{hashlib.sha256(content).hexdigest()}.json"))
        if not places:
            raise RuntimeError(f"{attestation} is not in the evidence store")
        for place in places:
            place.unlink()
        return aside

    def alter(self) -> None:
        """Change one byte of the model."""
        changed = bytearray(self.subject.read_bytes())
        changed[len(changed) // 2] ^= 1
        self.subject = self.folder / self.subject.name
        self.subject.write_bytes(changed)

    def gate(self) -> dict[str, Any]:
        """Ask `lockgate gate-release`, and return its result document.

        Raises:
            RuntimeError: It could not decide, or its exit code is not that of its answer.
        """
        asked = ["gate-release", "--subject", short(self.subject), "--environment", ENVIRONMENT]
        left = self.folder / "gate"
        done = self.run(*asked, "--out", str(left))
        if done.returncode not in (0, 1):
            raise RuntimeError(f"lockgate gate-release exited with {done.returncode}: {done.stdout}")
        result: dict[str, Any] = json.loads((left / "result.json").read_text())
        if result["metrics"]["allow"] is not (done.returncode == 0):
            raise RuntimeError(f"lockgate gate-release exited with {done.returncode}: {done.stdout}")
        return result | {"_page": left / "report.html"}

    def publish(self, attestation: Path) -> None:
        """Put an attestation back into the evidence store with `lockgate publish`."""
        done = self.run("publish", str(attestation))
        if done.returncode:
            raise RuntimeError(f"lockgate publish exited with {done.returncode}: {done.stdout}")

    def explained(self, console: Console) -> str:
        """Return what `lockgate explain-gate` says, below the commands that show it once more."""
        command = ["explain-gate", "--subject", short(self.subject)]
        colours = {"FORCE_COLOR": "1"} if console.is_terminal else {"NO_COLOR": "1"}
        said = self.run(*command, COLUMNS=str(console.width), **colours).stdout
        shown = [f"$ source {short(self.exports())}", f"$ lockgate {shlex.join(command)}"]
        return "\n".join([*shown, *(line.rstrip() for line in said.splitlines())])

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Lockgate with the settings of this trial."""
        return subprocess.run(
            [sys.executable, "-m", "lockgate", *command],
            env=self.settings.into(os.environ) | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def exports(self) -> Path:
        """Write a shell file that sets what this trial's commands need, and return its path."""
        lines = [
            f"export {PREFIX}{name.upper()}={shlex.quote(value)}\n"
            for name in NAMES
            if (value := getattr(self.settings, name)) and name != "key_passphrase"
        ]
        lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n')
        file = self.folder / "settings.sh"
        file.write_text("".join(lines))
        return file


def ask(workflows: Sequence[Workflow], out: Path, console: Console) -> tuple[list[Question], str]:
    """Ask the gate in several ways about the clean batch's model.

    Returns:
        The questions, answered, and what `lockgate explain-gate` says of the first denial.
    """
    clean = [w for w in workflows if w.batch == "clean"]
    questions = [
        Question(f"{w.engine}'s model of the clean batch", allowed=True, result=w.said("gate-release"))
        for w in clean
    ]
    first, tested = clean[0], clean[0].said("test-robustness")
    if not first.model.exists() or tested is None:
        return questions, ""
    withheld = Trial(first.model, first.settings, out / "denied" / "withheld")
    aside = withheld.take_out(tested["_attestation"])
    without = Question(
        f"{first.engine}'s, without the attestation of test-robustness",
        allowed=False,
        codes=("LG-GATE-506",),
        result=withheld.gate(),
    )
    restored = Trial(first.model, withheld.settings, out / "denied" / "restored")
    restored.publish(aside)
    again = Question(
        f"{first.engine}'s, after lockgate publish has put it back", allowed=True, result=restored.gate()
    )
    altered = Trial(first.model, first.settings, out / "denied" / "altered")
    altered.alter()
    changed = Question(
        f"{first.engine}'s, with one byte changed",
        allowed=False,
        codes=("LG-GATE-201",),
        result=altered.gate(),
    )
    return [*questions, without, again, changed], withheld.explained(console)
