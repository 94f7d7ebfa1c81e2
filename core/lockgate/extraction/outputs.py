"""What a service lets out of a model's probabilities, and what a thief can read from it."""

from __future__ import annotations

from typing import Any, Literal, get_args

Output = Literal["probabilities", "rounded", "temperature", "top-1", "labels"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
"""All probabilities; in tenths; softened; the likeliest label with its probability; the label alone."""
_TEMPERATURE = 4.0  # logarithms are divided by it, which hides how sure the model is
_TENTHS = 10


def let_out(probabilities: Any, output: Output) -> Any:
    """Return what a thief knows of each answer, as weights of the classes that add up to 1; rows by classes.

    Args:
        probabilities: The model's own; rows by classes.
        output: What the service lets out.
    """
    import numpy as np

    label = probabilities.argmax(axis=1)
    if output == "labels":
        return np.eye(probabilities.shape[1])[label]
    if output == "top-1":
        top = probabilities.max(axis=1)
        rest = (1 - top) / max(probabilities.shape[1] - 1, 1)
        known = np.repeat(rest[:, None], probabilities.shape[1], axis=1)
        known[np.arange(len(label)), label] = top
        return known
    if output == "rounded":
        # The label comes along, so a tie of tenths keeps it.
        tenths = np.round(probabilities * _TENTHS) / _TENTHS + 1e-3 * np.eye(probabilities.shape[1])[label]
        return tenths / tenths.sum(axis=1, keepdims=True)
    if output == "temperature":
        soft = np.clip(probabilities, 1e-12, 1.0) ** (1 / _TEMPERATURE)
        return soft / soft.sum(axis=1, keepdims=True)
    return probabilities
