"""Add up evidence over batches, so that looking after every batch cheats nobody: bets against honesty.

For one place (a source, a value of a column, ...) the surprise x_i of each label lies in [0, 1], and
honest labels have an expectation of at most m_i. A gambler who stakes the share w of what he owns on
"more than that" owns, after n rows, the product of 1 + w (x_i - m_i). While labels are honest nobody
gets rich so, whatever he does and whenever he stops: the chance of ever owning a times the stake is at
most 1 / a (Ville 1939; the bets are those of Waudby-Smith and Ramdas, J. R. Stat. Soc. B 86, 2024,
section 4). The stake is divided over the shares in `SHARES`, and over all places by their weight, so
that one alarm level holds for everything that is watched together, for as long as it is watched.

A place whose owner has lost all but nothing starts anew with his stake, as CUSUM does (Page 1954), so
that honest years do not pay for a later attack. What is promised is therefore a bound for each start,
not for ever; `ALPHA` is small enough for thousands of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHARES = (0.5, 1.5, 4.0, 8.0)
"""Shares staked on each row, in units of a surprise of 1."""
SHARP_SHARES = (4.0, 16.0, 60.0, 240.0)
"""The same for what is cut at `surprise.SHARP`: of 1, 4, 15 and 60 replaced labels in a hundred."""
assert len(SHARP_SHARES) == len(SHARES)  # noqa: S101 - one kind of account
ALPHA = 1e-3
"""Chance of a false alarm, for each start and over all places together."""
WORTH = 1.5
"""In nats: of places that may be any value there is no account with less, so that a state stays small."""
_MOST_EXPECTED = 0.75
"""No honest label is expected to surprise more than this: w m stays below 1 for the smallest share."""
_LEAST_LEFT = 0.2
"""A gambler never stakes so much that one row could leave him less than this part of what he owns."""
_FORGET = -2.0
"""In nats: below it a place starts anew."""


@dataclass(frozen=True)
class Account:
    """What was seen in one place since its gamblers started.

    Attributes:
        rows: Rows of the place.
        surprise: Sum of their surprise.
        expected: Sum of what honest labels may show.
        wealth: Logarithm of what each share of `SHARES` has become.
        batches: Batches since the start.
        of: Rows of all places in those batches.
        usual: Share of the place in the reference, 0 to 1.
    """

    rows: int = 0
    surprise: float = 0.0
    expected: float = 0.0
    wealth: tuple[float, ...] = (0.0,) * len(SHARES)
    batches: int = 0
    of: int = 0
    usual: float = 0.0

    @property
    def log_evidence(self) -> float:
        """The logarithm of what the whole stake has become, in nats; 0 says nothing either way."""
        most = max(self.wealth)
        return most + math.log(math.fsum(math.exp(w - most) for w in self.wealth) / len(self.wealth))

    @property
    def grown(self) -> float:
        """How many times as frequent the place is as in the reference."""
        return (self.rows / max(self.of, 1)) / max(self.usual, 0.5 / max(self.of, 1))

    def and_then(self, other: Account) -> Account:
        """Return the account after another batch; one that had lost nearly everything starts anew."""
        both = Account(
            self.rows + other.rows,
            self.surprise + other.surprise,
            self.expected + other.expected,
            tuple(a + b for a, b in zip(self.wealth, other.wealth, strict=True)),
            self.batches + other.batches,
            self.of + other.of,
            other.usual,
        )
        return other if self.log_evidence < _FORGET else both

    def at(self, usual: float, of: int) -> Account:
        """Return the account with how frequent its place is in the reference, and all rows of the batch."""
        return replace(self, usual=usual, of=of, batches=1)


def stake(surprise: Floats, expected: Floats, shares: tuple[float, ...] = SHARES) -> Floats:
    """Return what each row does to the wealth of each share, as logarithms; shape (rows, shares).

    Args:
        surprise: Of each row, 0 to 1.
        expected: The most that honest labels show on average.
        shares: The shares that are staked.
    """
    import numpy as np

    bound = np.minimum(expected, _MOST_EXPECTED)[:, None]
    staked = np.minimum(np.array(shares)[None, :], (1.0 - _LEAST_LEFT) / np.maximum(bound, 1e-9))
    logs: Floats = np.log1p(staked * (surprise[:, None] - bound))
    return logs


def account(surprise: Floats, expected: Floats, shares: tuple[float, ...] = SHARES) -> Account:
    """Return the account of some rows alone."""
    logs = stake(surprise, expected, shares)
    return Account(
        len(surprise),
        math.fsum(surprise),
        math.fsum(expected),
        tuple(math.fsum(column) for column in logs.T),
    )


def threshold(weight: float, alpha: float = ALPHA) -> float:
    """Return the evidence, in nats, from which a place of some weight alarms.

    Args:
        weight: Its part of the whole stake, above 0; all parts add up to at most 1.
        alpha: Chance of a false alarm.
    """
    return -math.log(alpha) - math.log(weight)
