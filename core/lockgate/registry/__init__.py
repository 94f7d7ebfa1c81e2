"""MLflow's model registry: put a model in, point an alias at it, get back the bytes that were hashed.

    registry = Registry("http://127.0.0.1:5000")
    upload = registry.upload("credit", Path("model"), {})
    version = registry.register("credit", upload, {})
    registry.move_alias("credit", "production", version.number)

    path = fetch("models:/credit@production", into)

A registry is a place and no authority: whoever may write to it can change tags, aliases and stored
files. So nothing that it says is believed. What comes out of it is hashed, and what counts is what the
evidence says about that digest.
"""

from lockgate.registry.calls import RegistryError
from lockgate.registry.mlflow import Registry, Upload, Version, check_alias, check_name, fetch, is_registered

__all__ = [
    "Registry",
    "RegistryError",
    "Upload",
    "Version",
    "check_alias",
    "check_name",
    "fetch",
    "is_registered",
]
