"""Add up what differentially private training has spent: epsilon of the subsampled Gaussian mechanism.

One step of DP-SGD takes every row with probability q (Poisson sampling), sums the clipped gradients and
adds Gaussian noise of `noise_multiplier` times the clipping norm. Its Rényi divergence of order alpha is

    log(A) / (alpha - 1),   A = E over z ~ N(0, s^2) of (1 - q + q exp((2 z - 1) / (2 s^2)))^alpha

(Mironov, Talwar and Zhang 2019, arXiv:1908.10530, section 3.3). Here A is integrated directly, by the
trapezoidal rule in logarithms, for whole and fractional orders alike: the integrand is analytic and
decays like a Gaussian, so the rule converges exponentially (Trefethen and Weideman 2014). Steps add up,
and the best order gives epsilon for a delta (Canonne, Kamath and Steinke 2020, arXiv:2004.00010,
proposition 12). The result is an upper bound that holds, not an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ORDERS: tuple[float, ...] = (
    *(1 + tenth / 10 for tenth in range(1, 100)),
    *(float(order) for order in range(12, 64)),
)
"""The orders that are tried: 1.1 to 10.9 in tenths, then 12 to 63, as libraries for DP-SGD do."""
_TAIL = 40.0  # standard deviations past the outermost peaks: what lies beyond is below e^-800


@dataclass(frozen=True)
class Steps:
    """Some equal steps of training.

    Attributes:
        noise_multiplier: Standard deviation of the noise, in units of the clipping norm; 0 is no noise.
        sample_rate: Probability with which a row is in a batch.
        count: How many such steps were made.
    """

    noise_multiplier: float
    sample_rate: float
    count: int


@dataclass(frozen=True)
class Spent:
    """What was spent: the training is (epsilon, delta)-differentially private.

    Attributes:
        epsilon: Infinite when a step had no noise.
        delta: As asked.
        order: The order of Rényi divergence that gave the epsilon; None when none did.
    """

    epsilon: float
    delta: float
    order: float | None


def spent(history: Iterable[Steps], delta: float, orders: Sequence[float] = ORDERS) -> Spent:
    """Return the epsilon of a whole training.

    Args:
        history: The steps that were made, in any order.
        delta: The probability that is left out of the promise, above 0 and below 1.
        orders: Orders of Rényi divergence to try, all above 1.
    """
    made = [steps for steps in history if steps.count and steps.sample_rate]
    if not made:
        return Spent(0.0, delta, None)
    best = Spent(math.inf, delta, None)
    for order in orders:
        total = math.fsum(steps.count * divergence(steps, order) for steps in made)
        epsilon = total + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        if epsilon < best.epsilon:
            best = Spent(max(epsilon, 0.0), delta, order)
    return best


def divergence(step: Steps, order: float) -> float:
    """Return the Rényi divergence of one step, of an order above 1; infinite without noise."""
    sigma, rate = step.noise_multiplier, step.sample_rate
    if not rate:
        return 0.0
    if not sigma:
        return math.inf
    if rate == 1.0:
        return order / (2 * sigma * sigma)
    return max(_log_moment(order, sigma, rate), 0.0) / (order - 1)


def _log_moment(order: float, sigma: float, rate: float) -> float:
    import numpy as np

    # Poles of the integrand's logarithm lie at a distance of pi sigma^2 from the real axis: the step must
    # be small against it and against sigma.
    width = min(sigma / 16, sigma * sigma / 2)
    z = np.arange(-_TAIL * sigma, order + _TAIL * sigma, width)
    mixture = np.logaddexp(math.log1p(-rate), math.log(rate) + (2 * z - 1) / (2 * sigma * sigma))
    logs: Any = order * mixture - z * z / (2 * sigma * sigma)
    top = float(logs.max())
    total = math.fsum(np.exp(logs - top).tolist())
    return top + math.log(total) + math.log(width / (sigma * math.sqrt(2 * math.pi)))


def composed(parts: Sequence[tuple[float, float]], slack: float) -> tuple[float, float]:
    """Return (epsilon, delta) of several private answers together.

    The least of three bounds that hold for answers of different budgets: the plain sums, and theorem 3.5
    of Kairouz, Oh and Viswanath (2015, arXiv:1311.0776), which buys a smaller epsilon for `slack`.

    Args:
        parts: (epsilon, delta) of each answer.
        slack: The share of delta that may be given away, 0 to below 1.
    """
    sums = math.fsum(epsilon for epsilon, _ in parts)
    whole = any(delta >= 1 for _, delta in parts)
    kept = -math.inf if whole else math.fsum(math.log1p(-delta) for _, delta in parts)
    if slack <= 0:
        return sums, -math.expm1(kept)
    squares = math.fsum(epsilon * epsilon for epsilon, _ in parts)
    drift = math.fsum(epsilon * math.tanh(epsilon / 2) for epsilon, _ in parts)
    near = drift + math.sqrt(2 * squares * math.log(math.e + math.sqrt(squares) / slack))
    far = drift + math.sqrt(2 * squares * math.log(1 / slack))
    return min(sums, near, far), -math.expm1(kept + math.log1p(-slack))
