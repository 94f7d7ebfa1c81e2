"""safetensors with a named architecture: weights of numbers, and a network that is known here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model import describe
from lockgate.model.describe import Description
from lockgate.model.formats import architectures
from lockgate.model.formats.torch import TorchAdapter


def open_safetensors(file: Path, told: Description) -> TorchAdapter:
    """Open weights and put them into the architecture that `lockgate.json` or their own metadata names.

    Raises:
        InputError: None is named, or the weights are not those of it.
        MissingExtraError: torch or safetensors is not installed.
    """
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise MissingExtraError("torch", error.name or "safetensors") from None
    said = _metadata(file)
    if told == Description() and said is not None:
        told = describe.read(said.encode(), "the metadata of the safetensors file")
    if told.architecture is None:
        raise InputError(
            f"model {file} has weights and no architecture; name it as `architecture` in a lockgate.json "
            "beside it, or export the model to ONNX"
        )
    network = architectures.build(told.architecture)
    try:
        weights = load_file(file)
    except Exception as error:  # noqa: BLE001 - SafetensorError, and what torch raises
        raise InputError(
            f"model {file} is a damaged safetensors file ({type(error).__name__}); save it again"
        ) from None
    _fit(network, weights, file)
    network.load_state_dict(weights, assign=True)
    return TorchAdapter(network.eval(), "safetensors", told, architectures.width(told.architecture))


def _fit(network: Any, weights: dict[str, Any], file: Path) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    wrong = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if wrong:
        raise InputError(
            f"model {file} does not fit the architecture: {wrong[0]} is {there.get(wrong[0], 'missing')} and "
            f"should be {wanted.get(wrong[0], 'absent')}; correct the architecture"
        )


def _metadata(file: Path) -> str | None:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))  # which the scan has read before
    said = header.get("__metadata__", {}).get("lockgate")
    return said if isinstance(said, str) else None
