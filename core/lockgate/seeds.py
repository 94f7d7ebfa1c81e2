"""Seeds for libraries that draw from numpy's global generator, as the Adversarial Robustness Toolbox does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global generator inside the block, and put its state back after it.

    Args:
        seed: A whole number; its lowest 32 bits count, as numpy takes no more.
    """
    import numpy as np

    before = np.random.get_state()  # noqa: NPY002 - it is the one that these libraries use
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
