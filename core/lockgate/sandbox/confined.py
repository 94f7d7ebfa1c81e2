"""A model in the sandbox, as an adapter: rows go in over a pipe, numbers come back and are looked at."""

from __future__ import annotations

import io
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lockgate.errors import InputError, StageError
from lockgate.model.adapter import Adapter, as_array
from lockgate.sandbox import wire
from lockgate.sandbox.jail import Jail

if TYPE_CHECKING:
    from lockgate.model.recognise import Found
    from lockgate.sandbox.session import Session

_MOST_NAMES = 1_000_000
_LONGEST = 100
_HEAD = 4_096  # bytes of an npy header and more


class ConfinedAdapter(Adapter):
    """A model that another process holds.

    Args:
        session: The sandbox in force.
        path: What was given as the model: all of it can be read in there.
        found: The file in it, and its family.

    Raises:
        InputError: The model cannot be opened there.
        EscapeError: It tried what it may not.
        StageError: The sandbox cannot be set up, or is too weak for a format that runs code.
    """

    def __init__(self, session: Session, path: Path, found: Found) -> None:
        from lockgate.model.recognise import PICKLES

        self._jail = Jail(session.box, path)
        session.jails.append(self._jail)
        session.said = self._jail.said
        said = self._jail.said
        if (
            found.family in PICKLES
            and said["form"] != "bubblewrap"
            and not (said["seccomp"] and said["landlock"])
        ):
            raise StageError(
                "the sandbox is too weak here for a format that runs code: there is no bubblewrap, and the "
                "kernel lacks seccomp or Landlock; install bubblewrap"
            )
        self._lock = threading.Lock()
        question = {
            "ask": "open",
            "file": str(found.file.absolute()),
            "called": str(path),
            "family": found.family,
            "told": asdict(found.told),
        }
        self._take(self._asked(question, b"", 0)[0])

    def _take(self, said: dict[str, Any]) -> None:
        """Take what the process says about the model, as far as it is of the right kind."""
        try:
            self.kind = "".join(c for c in str(said["kind"]) if c.isprintable())[:_LONGEST]
            self.features = None if said["features"] is None else _names(said["features"], (str,))
            self.shape = None if said["shape"] is None else _shape(said["shape"])
            reads: Literal["frame", "numbers"] = "frame" if said["reads"] == "frame" else "numbers"
            self.reads = reads
            self.precision = "float64" if said["precision"] == "float64" else "float32"
            self.gives_probabilities = said["gives_probabilities"] is True
            self.has_gradient = said["has_gradient"] is True
            classes = said.get("classes")
            self._classes = None if classes is None else _names(classes, (str, int, bool, float))
        except (LookupError, TypeError, ValueError):
            raise InputError(
                "the model's process describes no model; the model is damaged or hostile"
            ) from None

    @property
    def classes(self) -> tuple[Any, ...]:
        """See `Adapter`."""
        if self._classes is None:
            raise InputError(
                f"the model ({self.kind}) is not a fitted classifier of one label; give one that is"
            )
        return self._classes

    def labels(self, rows: Any) -> Any:
        """See `Adapter`."""
        count = len(rows)
        asked = {"ask": "labels", "places": self._classes is not None}
        found = self._numbers(asked, rows, 8 * count)
        if self._classes is None:
            return found
        if found.dtype.kind != "i" or found.shape != (count,):
            raise InputError(f"the model ({self.kind}) gives answers that are no labels; do not use it")
        if count and (found.min() < 0 or found.max() >= len(self._classes)):
            raise InputError(
                f"the model ({self.kind}) gives labels that are none of its classes; do not use it"
            )
        return as_array(self._classes)[found]

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        return self._numbers({"ask": "probabilities"}, rows, 8 * len(rows) * max(1, len(self.classes)))

    def gradient(self, rows: Any, target: Any) -> Any:
        """See `Adapter`."""
        if not self.has_gradient:
            return super().gradient(rows, target)
        return self._numbers({"ask": "gradient", "target": target.tolist()}, rows, 8 * rows.size)

    def _numbers(self, question: dict[str, Any], rows: Any, most: int) -> Any:
        import numpy as np

        how, payload = wire.packed(rows)
        _, raw = self._asked({**question, **how}, payload, most + _HEAD)
        try:
            return np.load(io.BytesIO(raw), allow_pickle=False)
        except (ValueError, EOFError, OSError, MemoryError, SyntaxError):
            raise InputError(
                f"the model ({self.kind}) gives answers that are no numbers; do not use it"
            ) from None

    def _asked(self, question: dict[str, Any], payload: bytes, most: int) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            said, raw = self._jail.ask(question, payload, most)
        if "refused" in said:
            raise InputError(str(said["refused"]))
        if "raised" in said:
            name = str(said["raised"])[:_LONGEST]
            if question["ask"] == "open":
                raise InputError(
                    f"model {question['called']} cannot be opened in the sandbox, it raised "
                    f"{name if name.isidentifier() else 'an error'}; "
                    "see that the sandbox's python has the libraries it was saved with"
                )
            raise type(name if name.isidentifier() else "Exception", (Exception,), {})
        return said, raw


def _names(value: Any, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES or len(set(value)) != len(value):
        raise ValueError
    if not all(type(item) in kinds for item in value):
        raise ValueError
    return tuple(value)


def _shape(value: Any) -> tuple[int | None, ...]:
    if not isinstance(value, list) or not all(n is None or (type(n) is int and n > 0) for n in value):
        raise ValueError
    return tuple(value)
