"""TorchServe's model archives: a zip with ``MAR-INF/MANIFEST.json`` that names a handler to run.

The handler is Python that the server executes; one of TorchServe's own is named without ``.py``.
"""

from __future__ import annotations

from lockgate.scan.context import Context
from lockgate.scan.formats import documents
from lockgate.scan.formats.members import text_of
from lockgate.scan.formats.zips import Member
from lockgate.scan.record import DamagedError
from lockgate.scan.source import Source

# ts/torch_handler of TorchServe 0.12.
_HANDLERS = frozenset(
    ["base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier"]
)


class Archive:
    """A model archive of TorchServe."""

    def __init__(self, source: Source, held: set[str], context: Context) -> None:
        self.source = source
        self.held = held
        context.record.met("MAR")

    def scan_member(self, member: Member, context: Context) -> bool:
        """Judge the manifest; code and weights are judged by their content."""
        if member.name != "MAR-INF/MANIFEST.json":
            return False
        try:
            manifest = documents.loads(text_of(self.source, member, context), "manifest")
            model = manifest["model"]
            handler = str(model.get("handler", "")).partition(":")[0]
        except (KeyError, TypeError, AttributeError):
            raise DamagedError("the manifest is no JSON of a model archive") from None
        if handler not in _HANDLERS:
            message = f"Names a handler of its own, {handler or 'none'}, which the server runs."
            context.hit("LG-SCAN-095", "HIGH", message, name=handler)
        for key in ("requirementsFile", "extensions", "extraFiles"):
            if key in model and key == "requirementsFile":
                message = "Has the server install packages that it names."
                context.hit("LG-SCAN-095", "HIGH", message, name=str(model[key]))
        return True
