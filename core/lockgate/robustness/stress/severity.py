"""The five severities of a stress test, and which of them is judged."""

from __future__ import annotations

SEVERITIES = (1, 2, 3, 4, 5)
"""As of Hendrycks and Dietterich 2019, arXiv:1903.12261: from hardly seen to as bad as it gets."""
JUDGED = 3
"""The severity that is held against the threshold; the others show where a model gives way."""

_SHARES = (0.1, 0.5, 1.0, 2.5, 5.0)
_NOISE = (0.25, 0.5, 1.0, 2.0, 4.0)


def shares(share: float) -> tuple[float, ...]:
    """Return the share of cells that is spoiled at each severity; ``share`` is that of the judged one."""
    return tuple(min(1.0, share * factor) for factor in _SHARES)


def noise(size: float) -> tuple[float, ...]:
    """Return the standard deviation of noise at each severity; ``size`` is that of the judged one."""
    return tuple(size * factor for factor in _NOISE)
