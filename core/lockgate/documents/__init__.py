"""Read YAML and JSON that a person or another program wrote, strictly and within limits.

    document = load_yaml(Path("lockgate.yaml"))
    document.data["stages"]["detect-poisoning"]["alpha"]
    raise PolicyError(document.where(("stages", "detect-poisoning", "alpha")) + " must be below 1")

What common readers let through and what is refused here, each with one sentence that names the
file, the line and the key: duplicate keys (also when they differ only in Unicode normalisation),
anchors and aliases, tags, directives, merge keys, keys that are not text, more than one document,
numbers that are not finite, bytes that are not UTF-8, a byte-order mark, too many bytes, too deep.

Plain YAML scalars follow the core schema of YAML 1.2 (section 10.3.2), not YAML 1.1: only ``true``
and ``false`` (``True``, ``TRUE``, ...) are booleans, so ``no``, ``on`` and ``12:30:00`` are text and
``010`` is ten.

`strict_yaml` and `strict_json` read, `document` is what they return, `values` is what they share,
and `files` reads bytes without waiting or overflowing.
"""

from lockgate.documents.document import Document, Key, suggest
from lockgate.documents.files import MAX_BYTES, read_bytes
from lockgate.documents.strict_json import load_json
from lockgate.documents.strict_yaml import load_yaml
from lockgate.documents.values import MAX_DEPTH

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Document", "Key", "load_json", "load_yaml", "read_bytes", "suggest"]
