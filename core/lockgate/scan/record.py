"""What a scan says about one file: hits, and why it could not be read to its end if it could not."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_HITS = 100  # kept for one file; the rest is counted
_LONGEST = 300  # characters of a name or sentence taken from a file


class Answer(str, enum.Enum):
    """Whether loading a file can run code of the file's choice."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class DamagedError(Exception):
    """The bytes are not what the format asks for; what cannot be read to its end is never safe.

    Args:
        message: What is wrong, without a full stop.
        offset: Where in the member, in bytes.
    """

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class CutShortError(DamagedError):
    """The bytes end before the format does."""


class BytesFollowError(DamagedError):
    """The format is at its end and the file is not; the offset says where what follows begins."""


class TooMuchError(DamagedError):
    """A limit of the scan is reached."""


@dataclass(frozen=True)
class Hit:
    """One unsafe thing, or one to look at.

    Attributes:
        rule: Rule id, see `lockgate.stages.harden.scan_model`.
        severity: CRITICAL and HIGH are unsafe, MEDIUM and below only noted.
        message: One sentence.
        member: The place inside the file: names of members, joined by ``!``; empty for the file itself.
        offset: Byte offset inside the member.
        name: The global, operator or type that it is about, or empty.
    """

    rule: str
    severity: str
    message: str
    member: str = ""
    offset: int | None = None
    name: str = ""

    @property
    def unsafe(self) -> bool:
        """Whether this hit alone makes the file unsafe."""
        return self.severity in ("HIGH", "CRITICAL")


@dataclass
class Record:
    """Everything that a scan says about one file.

    Attributes:
        hits: What was found, in the order of the file.
        more: How many hits were not kept.
        problems: Why parts could not be judged, one sentence each.
        formats: The formats met, outermost first, each once.
        members: How many members of archives were looked at.
    """

    hits: list[Hit] = field(default_factory=list)
    more: int = 0
    problems: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    members: int = 0
    _seen: set[tuple[str, str, str]] = field(default_factory=set, repr=False)
    _worst_dropped: bool = field(default=False, repr=False)

    def hit(
        self,
        rule: str,
        severity: str,
        message: str,
        *,
        member: str = "",
        offset: int | None = None,
        name: str = "",
    ) -> None:
        """Add a hit; the same rule for the same name in the same member is kept once."""
        key = (rule, member, name or message)
        if key in self._seen:
            self.more += 1
            return
        made = Hit(rule, severity, clip(message), clip(member), offset, clip(name))
        if len(self.hits) >= MAX_HITS:
            self.more += 1
            self._worst_dropped |= made.unsafe
            return
        self._seen.add(key)
        self.hits.append(made)

    def cannot(self, reason: str, member: str = "", offset: int | None = None) -> None:
        """Say that something could not be judged, and why."""
        where = f"{member}: " if member else ""
        at = f" at byte {offset:,}" if offset is not None else ""
        if len(self.problems) < MAX_HITS:
            self.problems.append(clip(f"{where}{reason}{at}"))

    def met(self, name: str) -> None:
        """Note a format that was recognised."""
        if name not in self.formats:
            self.formats.append(name)

    @property
    def answer(self) -> Answer:
        """Unsafe on any unsafe hit; unknown when something could not be judged; else safe."""
        if self._worst_dropped or any(hit.unsafe for hit in self.hits):
            return Answer.UNSAFE
        if self.problems or not self.formats:
            return Answer.UNKNOWN
        return Answer.SAFE

    def plain(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "answer": str(self.answer),
            "hits": [asdict(hit) for hit in self.hits],
            "more": self.more,
            "problems": self.problems,
            "formats": self.formats,
            "members": self.members,
        }


def clip(text: str) -> str:
    """Return text from a file so that it can be shown: one line of bounded length."""
    shown = "".join(c if c.isprintable() else f"<{ord(c):02x}>" for c in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
