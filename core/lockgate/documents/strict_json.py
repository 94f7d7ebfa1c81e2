"""Read JSON strictly (RFC 8259): see `lockgate.documents` for what is refused."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NoReturn

from lockgate.documents.document import Document, refuse
from lockgate.documents.files import MAX_BYTES
from lockgate.documents.values import MAX_DEPTH, Keys, bytes_of, number, path_of, text_of


def load_json(
    source: Path | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, name: str = ""
) -> Document:
    """Read one JSON document (RFC 8259); its arguments and errors are those of `load_yaml`."""
    name, raw = bytes_of(source, max_bytes, name)
    text = text_of(raw, name)
    line = _too_deep(text, max_depth)
    if line:
        refuse(name, line, (), f"is nested more than {max_depth} deep; flatten it")

    def constant(word: str) -> NoReturn:
        refuse(name, None, (), f"holds {word}, which is no JSON number; write a finite number or null")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = Keys(name)
        for key, _ in items:
            seen.add((key,), None)
        return dict(items)

    try:
        data = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=constant,
            parse_float=lambda digits: number(float, digits, 10, name, None, ()),
            parse_int=lambda digits: number(int, digits, 10, name, None, ()),
        )
        if "\\u" in text:
            json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        refuse(name, error.lineno, (), f"is not JSON: {error.msg}; correct it there")
    except UnicodeEncodeError:
        refuse(name, None, (), "holds half of a Unicode surrogate pair; write the whole character")
    return Document(data, {}, path_of(source), name, hashlib.sha256(raw).hexdigest())


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
