"""Read YAML and JSON that a person or another program wrote, strictly and within limits.

    document = load_yaml(Path("lockgate.yaml"))
    document.data["stages"]["detect-poisoning"]["alpha"]
    raise PolicyError(f"{document.where(("stages", "detect-poisoning", "alpha"))} must be below 1")

What common readers let through and what is refused here, each with one sentence that names the
file, the line and the key: duplicate keys (also when they differ only in Unicode normalisation),
anchors and aliases, tags, directives, merge keys, keys that are not text, more than one document,
numbers that are not finite, bytes that are not UTF-8, a byte-order mark, too many bytes, too deep.

Plain YAML scalars follow the core schema of YAML 1.2 (section 10.3.2), not YAML 1.1: only ``true``
and ``false`` (``True``, ``TRUE``, ...) are booleans, so ``no``, ``on`` and ``12:30:00`` are text and
``010`` is ten.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import re
import stat
import types
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from lockgate.errors import InputError

if TYPE_CHECKING:
    import pydantic

    _Model = TypeVar("_Model", bound=pydantic.BaseModel)

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_MAX_INTEGER = 2**63

Key = tuple[str | int, ...]
"""The way to a value: mapping keys and 0-based list positions, from the root."""


@dataclass(frozen=True)
class Document:
    """What a document says, and where.

    Attributes:
        data: The content: mappings, lists, text, numbers, booleans, None.
        lines: The 1-based line of every value by its way from the root; empty for JSON.
        path: The file, or None when it was read from bytes.
        name: What errors call it: the path, or the name that the caller gave.
        digest: SHA-256 of its bytes, hex.
    """

    data: Any
    lines: Mapping[Key, int] = field(default_factory=dict)
    path: Path | None = None
    name: str = "the document"
    digest: str = ""

    def line(self, key: Key) -> int | None:
        """Return the line of a value, or of the nearest value around it that has one."""
        for end in range(len(key), -1, -1):
            if key[:end] in self.lines:
                return self.lines[key[:end]]
        return None

    def where(self, key: Key = ()) -> str:
        """Return the start of an error sentence: ``lockgate.yaml, line 4, key 'stages.x'``."""
        return _where(self.name, self.line(key), key)

    def as_model(self, model: type[_Model], error: type[InputError] = InputError) -> _Model:
        """Return the content as a pydantic model, checked strictly.

        Args:
            model: A pydantic model; give it ``extra="forbid"`` to have unknown keys refused.
            error: What to raise.

        Raises:
            InputError: (or `error`) Something does not fit: file, line, key, and for an unknown key
                the closest known one.
        """
        import pydantic

        try:
            return model.model_validate(self.data, strict=True)
        except pydantic.ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            key = tuple(part for part in first["loc"] if part != "[key]")
            if first["type"] == "extra_forbidden":
                hint = suggest(str(key[-1]), _fields_at(model, key[:-1]))
                raise error(f"{self.where(key)} is not known{hint}") from None
            raise error(f"{self.where(key)} cannot be used: {first['msg']}") from None


def load_yaml(
    source: Path | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, name: str = ""
) -> Document:
    """Read one YAML document.

    Args:
        source: A file, or the bytes themselves.
        max_bytes: Largest size, in bytes.
        max_depth: Deepest nesting of mappings and lists.
        name: What errors call it; the path when empty.

    Raises:
        InputError: It cannot be read, or it is not YAML of the strict kind described above.
    """
    import yaml

    name, raw = _bytes_of(source, max_bytes, name)
    text = _text(raw, name)
    # libyaml where PyYAML has it: a megabyte takes a fraction of a second instead of many.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data, lines = _YamlReader(name, max_depth).read(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        last = text.rstrip("\n").count("\n") + 1
        line = min(error.problem_mark.line + 1, last) if error.problem_mark else None
        _refuse(name, line, (), f"is not YAML: {error.problem or error.context}; correct it there")
    except yaml.YAMLError:
        _refuse(name, None, (), "holds a character that YAML does not allow; remove control characters")
    return Document(data, lines, _path_of(source), name, hashlib.sha256(raw).hexdigest())


def load_json(
    source: Path | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, name: str = ""
) -> Document:
    """Read one JSON document (RFC 8259); its arguments and errors are those of `load_yaml`."""
    name, raw = _bytes_of(source, max_bytes, name)
    text = _text(raw, name)
    line = _too_deep(text, max_depth)
    if line:
        _refuse(name, line, (), f"is nested more than {max_depth} deep; flatten it")

    def constant(word: str) -> NoReturn:
        _refuse(name, None, (), f"holds {word}, which is no JSON number; write a finite number or null")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = _Keys(name)
        for key, _ in items:
            seen.add((key,), None)
        return dict(items)

    try:
        data = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=constant,
            parse_float=lambda digits: _number(float, digits, 10, name, None, ()),
            parse_int=lambda digits: _number(int, digits, 10, name, None, ()),
        )
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _refuse(name, error.lineno, (), f"is not JSON: {error.msg}; correct it there")
    except UnicodeEncodeError:
        _refuse(name, None, (), "holds half of a Unicode surrogate pair; write the whole character")
    return Document(data, {}, _path_of(source), name, hashlib.sha256(raw).hexdigest())


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


def suggest(word: str, known: Iterable[str]) -> str:
    """Return the end of an error sentence: the closest known word, or all of them when none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(word[:100], known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""


# --- YAML -------------------------------------------------------------------------------------------

# YAML 1.2.2, section 10.3.2, core schema.
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = re.compile(r"(?:[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN)\Z")


class _YamlReader:
    """Builds the content from parser events, so that nothing is expanded before it was judged."""

    def __init__(self, name: str, max_depth: int) -> None:
        self.name = name
        self.max_depth = max_depth
        self.lines: dict[Key, int] = {}
        self.events: Iterator[Any] = iter(())

    def read(self, events: Iterable[Any]) -> tuple[Any, dict[Key, int]]:
        import yaml

        self.events = iter(events)
        next(self.events)  # StreamStart
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            _refuse(self.name, None, (), "is empty; write a document into it")
        if start.version or start.tags:
            self.refuse(start, (), "has a directive (%YAML, %TAG), which is not accepted; remove it")
        data = self.node(next(self.events), ())
        next(self.events)  # DocumentEnd
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            self.refuse(after, (), "holds a second document; keep one document a file")
        return data, self.lines

    def node(self, event: Any, key: Key) -> Any:
        import yaml

        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.refuse(event, key, "uses an anchor or alias, which is not accepted; write the value out")
        if event.tag is not None:
            self.refuse(event, key, "has a tag, which is not accepted; remove it")
        self.lines.setdefault(key, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, key)
        if len(key) >= self.max_depth:
            self.refuse(event, key, f"is nested more than {self.max_depth} deep; flatten it")
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.node(item, (*key, i)) for i, item in enumerate(self.until(yaml.SequenceEndEvent))]
        return self.mapping(key)

    def mapping(self, key: Key) -> dict[str, Any]:
        import yaml

        found: dict[str, Any] = {}
        seen = _Keys(self.name)
        for event in self.until(yaml.MappingEndEvent):
            own = self.mapping_key(event, key)
            seen.add((*key, own), _line(event))
            self.lines[(*key, own)] = _line(event)
            found[own] = self.node(next(self.events), (*key, own))
        return found

    def mapping_key(self, event: Any, key: Key) -> str:
        import yaml

        if not isinstance(event, yaml.ScalarEvent):
            self.refuse(event, key, "has a key that is no plain text; write text as key")
        if event.anchor is not None or event.tag is not None:
            self.refuse(event, key, "has a key with an anchor or a tag, which is not accepted; remove it")
        if event.implicit[0] and event.value == "<<":
            self.refuse(event, key, "uses a merge key '<<', which is not accepted; write the keys out")
        own = self.scalar(event, key)
        if not isinstance(own, str):
            self.refuse(event, key, f"has the key {event.value[:40]!r}, which is not text; put it in quotes")
        return own

    def scalar(self, event: Any, key: Key) -> Any:
        text = str(event.value)
        if _SURROGATE.search(text):
            self.refuse(event, key, "holds half of a Unicode surrogate pair; write the whole character")
        if not event.implicit[0]:  # quoted or a block: text whatever it looks like
            return text
        if _NULL.match(text):
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEX, 16)):
            if pattern.match(text):
                return _number(int, text, base, self.name, _line(event), key)
        if _FLOAT.match(text):
            return _number(float, text, 10, self.name, _line(event), key)
        if _NOT_FINITE.match(text):
            self.refuse(event, key, "is not a finite number; write a number, or quotes around text")
        return text

    def refuse(self, event: Any, key: Key, what: str) -> NoReturn:
        _refuse(self.name, _line(event), key, what)

    def until(self, end: type) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


# --- Shared -----------------------------------------------------------------------------------------


class _Keys:
    """The keys of one mapping; a second one that reads the same is refused."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: set[str] = set()

    def add(self, key: Key, line: int | None) -> None:
        plain = unicodedata.normalize("NFC", str(key[-1]))
        if plain in self.seen:
            _refuse(self.name, line, key, "is there twice; keep one")
        self.seen.add(plain)


def _number(
    kind: type[int | float], digits: str, base: int, name: str, line: int | None, key: Key
) -> int | float:
    # 25 characters hold every integer below; longer ones are not even converted, which is quadratic.
    if kind is int:
        value = int(digits, base) if len(digits) <= 25 else _MAX_INTEGER  # noqa: PLR2004 - said above
        if abs(value) >= _MAX_INTEGER:
            _refuse(name, line, key, "holds an integer of more than 64 bits; write a smaller one, or text")
        return value
    number = float(digits)
    if math.isinf(number):
        _refuse(name, line, key, "holds a number too large to be finite; write a smaller one")
    return number


def _too_deep(text: str, max_depth: int) -> int | None:
    """Return the line on which JSON text nests too deep, without parsing it (which would recurse)."""
    depth, skip, quoted = 0, -1, False
    for mark in re.finditer(r'["\\\[\]{}]', text):
        if mark.start() == skip:
            continue
        character = mark.group()
        if quoted:
            skip = mark.start() + 1 if character == "\\" else -1
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > max_depth:
                return text.count("\n", 0, mark.start()) + 1
        elif character in "]}":
            depth -= 1
    return None


def _bytes_of(source: Path | bytes, max_bytes: int, name: str) -> tuple[str, bytes]:
    if not isinstance(source, bytes):
        return name or str(source), read_bytes(source, max_bytes)
    name = name or "the document"
    if len(source) > max_bytes:
        _refuse(name, None, (), f"is larger than {max_bytes} bytes; give a smaller one")
    return name, source


def _path_of(source: Path | bytes) -> Path | None:
    return None if isinstance(source, bytes) else source


def _text(raw: bytes, name: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _refuse(name, line, (), "is not UTF-8; save it as UTF-8")
    if text.startswith("\ufeff"):
        _refuse(name, 1, (), "starts with a byte-order mark; save it as UTF-8 without one")
    return text


def _where(name: str, line: int | None, key: Key) -> str:
    parts = [name]
    if line is not None:
        parts.append(f"line {line}")
    if key:
        parts.append(f"key {'.'.join(str(k) for k in key)[:200]!r}")
    return ", ".join(parts)


def _refuse(name: str, line: int | None, key: Key, what: str) -> NoReturn:
    raise InputError(f"{_where(name, line, key)} {what}")


def _fields_at(model: Any, key: Sequence[Any]) -> list[str]:
    """Return the field names that a model knows at a place inside it, aliases where it has them."""
    import pydantic

    here: Any = model
    for part in key:
        while get_origin(here) in (Annotated, Union, types.UnionType):
            here = next(a for a in get_args(here) if a is not type(None))
        if isinstance(here, type) and issubclass(here, pydantic.BaseModel):
            known = {(f.alias or n): f.annotation for n, f in here.model_fields.items()}
            here = known.get(part)
        else:
            here = get_args(here)[-1] if get_args(here) else None
    if not (isinstance(here, type) and issubclass(here, pydantic.BaseModel)):
        return []
    return [f.alias or n for n, f in here.model_fields.items()]
