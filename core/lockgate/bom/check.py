"""Hold a bill of materials against the JSON schema of CycloneDX 1.6, with the library that carries it."""

from __future__ import annotations

from lockgate.errors import MissingExtraError, StageError

SPEC_VERSION = "1.6"


def require() -> None:
    """Find out before a long run that the schema is not here.

    Raises:
        MissingExtraError: cyclonedx-python-lib is not installed, or without its JSON validation.
    """
    try:
        import cyclonedx.spdx
        import cyclonedx.validation.json  # noqa: F401 - only whether it is there
        import jsonschema  # noqa: F401 - the same
    except ImportError as error:
        raise MissingExtraError("supply-chain", "cyclonedx-python-lib") from error


def check(text: str) -> None:
    """Raise unless a bill of materials is valid; keys that the schema does not know are not.

    Raises:
        StageError: It is not valid.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        where = "/".join(str(part) for part in getattr(problem.data, "absolute_path", ()))
        said = " ".join(str(getattr(problem.data, "message", problem))[:200].split())
        raise StageError(
            f"the bill of materials would not be valid CycloneDX at {where or 'its root'}: {said}; "
            "correct the card, or report this as a defect"
        )


def licence(said: str) -> dict[str, object]:
    """Return how CycloneDX writes a licence: by its SPDX id, as an expression, or else by its name."""
    from cyclonedx import spdx

    if spdx.is_supported_id(said):
        return {"license": {"id": said}}
    return {"expression": said} if spdx.is_expression(said) else {"license": {"name": said}}
