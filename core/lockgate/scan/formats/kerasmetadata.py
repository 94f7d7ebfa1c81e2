"""The Keras half of a SavedModel, ``keras_metadata.pb``: objects with their configurations as JSON.

Keras 2 makes every layer anew from its configuration when the SavedModel is loaded as a Keras model
(saved_metadata.proto: nodes with an id, a path, an identifier, the configuration, and a version).
"""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.scan.context import Context
from lockgate.scan.formats import documents, keras
from lockgate.scan.formats.protobuf import LEN, Field, Message
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

_PATH, _IDENTIFIER, _METADATA = 3, 4, 5
_KNOWN = {2: 0, _PATH: LEN, _IDENTIFIER: LEN, _METADATA: LEN, 6: LEN}


def looks_like_metadata(source: Source) -> bool:
    """Whether a file is a list of objects of which the first is one of Keras's."""
    if source.read(0, 1) != b"\x0a":
        return False
    try:
        first = next(_objects(source))
        return _text(first, _IDENTIFIER).startswith("_tf_keras_")
    except (DamagedError, StopIteration):
        return False


def scan(source: Source, context: Context) -> None:
    """Judge the configurations of all objects."""
    context.record.met("Keras")
    for one in _objects(source):
        said = _text(one, _METADATA)
        if not said:
            raise DamagedError("has an object without a configuration", one.start)
        keras.check(documents.loads(said, "configuration"), context)


def _objects(source: Source) -> Iterator[Message]:
    whole = Message(source)
    for field in whole.fields():
        if (field.number, field.wire) != (1, LEN):
            raise DamagedError("has a field that is no object of Keras", field.start)
        yield whole.message(field)


def _text(one: Message, number: int) -> str:
    found = ""
    for field in one.fields():
        _hold(field)
        if field.number == number:
            if field.size > 32 << 20:
                raise DamagedError("has a configuration that is too long", field.start)
            found = one.source.exactly(field.start, field.size).decode("utf-8", "replace")
    return found


def _hold(field: Field) -> None:
    if _KNOWN.get(field.number) != field.wire:
        raise DamagedError("has a field that is not known here", field.start)
