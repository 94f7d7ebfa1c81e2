"""Read YAML strictly, from parser events: see `lockgate.documents` for what is refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from lockgate.documents.document import Document, Key, refuse
from lockgate.documents.files import MAX_BYTES
from lockgate.documents.values import MAX_DEPTH, Keys, bytes_of, number, path_of, text_of

# YAML 1.2.2, section 10.3.2, core schema.
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = re.compile(r"(?:[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN)\Z")


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

    name, raw = bytes_of(source, max_bytes, name)
    text = text_of(raw, name)
    # libyaml where PyYAML has it: a megabyte takes a fraction of a second instead of many.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data, lines = _Reader(name, max_depth).read(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        last = text.rstrip("\n").count("\n") + 1
        line = min(error.problem_mark.line + 1, last) if error.problem_mark else None
        refuse(name, line, (), f"is not YAML: {error.problem or error.context}; correct it there")
    except yaml.YAMLError:
        refuse(name, None, (), "holds a character that YAML does not allow; remove control characters")
    return Document(data, lines, path_of(source), name, hashlib.sha256(raw).hexdigest())


class _Reader:
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
            refuse(self.name, None, (), "is empty; write a document into it")
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
        seen = Keys(self.name)
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
                return number(int, text, base, self.name, _line(event), key)
        if _FLOAT.match(text):
            return number(float, text, 10, self.name, _line(event), key)
        if _NOT_FINITE.match(text):
            self.refuse(event, key, "is not a finite number; write a number, or quotes around text")
        return text

    def refuse(self, event: Any, key: Key, what: str) -> NoReturn:
        refuse(self.name, _line(event), key, what)

    def until(self, end: type) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
