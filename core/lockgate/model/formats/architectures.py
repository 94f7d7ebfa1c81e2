"""Networks by name and settings, for weights that come without code.

    {"name": "mlp", "layers": [30, 64, 2], "activation": "relu"}
    {"name": "sequential", "layers": [["conv2d", 1, 8, 3], ["relu"], ["maxpool2d", 2], ["flatten"],
                                      ["linear", 1352, 10]]}

The weights have the names that torch gives them in a ``torch.nn.Sequential``. Numbers only: a layer is one of
the list below, and an argument is a whole number.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from lockgate.errors import InputError

_LAYERS = {  # name -> class of torch.nn, fewest and most whole numbers, in the order of its signature
    "linear": ("Linear", 2, 2),
    "conv1d": ("Conv1d", 3, 5),
    "conv2d": ("Conv2d", 3, 5),
    "maxpool2d": ("MaxPool2d", 1, 3),
    "avgpool2d": ("AvgPool2d", 1, 3),
    "adaptiveavgpool2d": ("AdaptiveAvgPool2d", 1, 1),
    "batchnorm1d": ("BatchNorm1d", 1, 1),
    "batchnorm2d": ("BatchNorm2d", 1, 1),
    "layernorm": ("LayerNorm", 1, 1),
    "flatten": ("Flatten", 0, 0),
    "dropout": ("Dropout", 0, 0),
    "softmax": ("Softmax", 1, 1),
}
_ACTIVATIONS = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "gelu": "GELU",
    "silu": "SiLU",
    "elu": "ELU",
    "leakyrelu": "LeakyReLU",
}
_MOST_LAYERS = 1_000
_LARGEST = 1 << 24


def build(said: Mapping[str, Any]) -> Any:
    """Return the network that settings describe, without memory for its weights (torch's meta device).

    Raises:
        InputError: There is no such architecture or layer, or a setting is none of its.
    """
    from lockgate.model.formats.torch import library

    torch = library()
    layers = _layers(said)
    try:
        with torch.device("meta"):
            return torch.nn.Sequential(*(getattr(torch.nn, name)(*given) for name, given in layers)).eval()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the architecture has a layer that torch refuses ({type(error).__name__}); check its numbers"
        ) from None


def width(said: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the shape of one row, when the first layer is a dense one."""
    name, given = next(iter(_layers(said)))
    return (given[0],) if name == "Linear" else None


def _layers(said: Mapping[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    name, layers = said.get("name"), said.get("layers")
    if (
        name not in ("mlp", "sequential")
        or not isinstance(layers, list)
        or not 1 < len(layers) <= _MOST_LAYERS
    ):
        raise InputError(
            "the architecture must be named mlp or sequential and list its layers; "
            "write it as in lockgate.model.formats.architectures"
        )
    if name == "sequential":
        if said.keys() != {"name", "layers"}:
            raise InputError(
                "the architecture sequential has a name and layers, and nothing else; remove the rest"
            )
        return [_layer(each) for each in layers]
    activation = said.get("activation", "relu")
    if not said.keys() <= {"name", "layers", "activation"} or activation not in _ACTIVATIONS:
        raise InputError(f"the architecture mlp has layers and an activation of {', '.join(_ACTIVATIONS)}")
    sizes = [_whole(size) for size in layers]
    found: list[tuple[str, tuple[int, ...]]] = []
    for before, after in itertools.pairwise(sizes):
        found += [("Linear", (before, after)), (_ACTIVATIONS[activation], ())]
    return found[:-1]


def _layer(said: Any) -> tuple[str, tuple[int, ...]]:
    if not isinstance(said, list) or not said or not isinstance(said[0], str):
        raise InputError(
            'each layer must be a list of its name and numbers, as ["linear", 30, 2]; correct it'
        )
    name, *given = said
    if name in _ACTIVATIONS and not given:
        return _ACTIVATIONS[name], ()
    if name not in _LAYERS:
        known = ", ".join([*_LAYERS, *_ACTIVATIONS])
        raise InputError(f"there is no layer called {name[:40]!r}; use {known}")
    cls, least, most = _LAYERS[name]
    if not least <= len(given) <= most:
        raise InputError(f"the layer {name} takes {least} to {most} numbers and has {len(given)}; correct it")
    return cls, tuple(_whole(number) for number in given)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise InputError(f"the architecture has {str(value)[:40]!r} where a whole number belongs; correct it")
    return value
