"""What the component `record_provenance` takes from the artifacts of its step and from its run."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def arguments(
    *,
    products: Sequence[Any],
    materials: Sequence[Any],
    run: Mapping[str, str],
    **given: Any,
) -> dict[str, Any]:
    """Return the arguments of the stage `record-provenance`.

    Args:
        products: Artifacts, of which some may be None.
        materials: The same.
        run: What KFP says of the run, by name; empty, or a placeholder, where it says nothing.
        given: The other arguments, as the component has them.
    """
    from kfp import __version__

    made = [each.path for each in products if each is not None]
    used = [each for each in materials if each is not None]
    said = {name: value for name, value in run.items() if value and not value.startswith("{{")}
    parts = [said[name] for name in ("job_name", "job_id", "task_id") if name in said]
    return {
        "products": made,
        "materials": [each.path for each in used] or None,
        "material_uris": [each.uri for each in used] or None,
        "engine": json.dumps({"name": "kfp", "version": __version__, **said}),
        "invocation_id": "/".join(parts) or None,
        **given,
    }
