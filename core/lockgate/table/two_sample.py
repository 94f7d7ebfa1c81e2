"""Say how far two samples are apart, and whether chance explains it, from whole counts alone.

Two distances, `psi` and `jensen_shannon`; two tests, `chi_square` and `kolmogorov_smirnov_p`; and
`holm` and `benjamini_hochberg`, which correct the p values of many tests. Sums are compensated
(``math.fsum``), so the order of the counts changes no bit.

| name | from |
|---|---|
| PSI | Siddiqi, Credit Risk Scorecards, 2006; as a divergence Jeffreys, Proc. R. Soc. A 186, 1946 |
| smoothing | Krichevsky and Trofimov, IEEE Trans. Inf. Theory 27, 1981 |
| Jensen-Shannon | Lin, IEEE Trans. Inf. Theory 37, 1991; Endres and Schindelin, the same 49, 2003 |
| chi-square | Cochran, Biometrics 10, 1954 (how few expected rows are too few) |
| Kolmogorov-Smirnov | Hodges, Arkiv för Matematik 3, 1958; Stephens, J. R. Stat. Soc. B 32, 1970 |
| Holm | Holm, Scand. J. Statist. 6, 1979 |
| Benjamini-Hochberg | Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995 |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Counts = list[tuple[int, int]]
"""One pair a bin or category: its rows in the reference and in the current table."""

LEAST_EXPECTED = 5
_SMOOTHING = 0.5
_EXACT_PATHS = 1_000_000


def psi(counts: Counts) -> float:
    """Return the Population Stability Index: the sum of (p - q) ln(p / q), 0 when nothing changed.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946; as PSI in Siddiqi 2006). Half a
    row is added to every bin of both sides (the estimator of Krichevsky and Trofimov 1981), so that
    an empty bin weighs by how many rows it could have had and not infinitely.
    """
    total_p = math.fsum(p + _SMOOTHING for p, _ in counts)
    total_q = math.fsum(q + _SMOOTHING for _, q in counts)
    shares = [((p + _SMOOTHING) / total_p, (q + _SMOOTHING) / total_q) for p, q in counts]
    return max(0.0, math.fsum((p - q) * math.log(p / q) for p, q in shares))


def jensen_shannon(counts: Counts) -> float:
    """Return the Jensen-Shannon distance to base 2: 0 for the same shares, 1 for none in common.

    The square root of the divergence (Lin 1991), which makes it a metric (Endres and Schindelin
    2003). No smoothing: it is defined for empty bins.
    """
    total_p, total_q = sum(p for p, _ in counts), sum(q for _, q in counts)
    if not total_p or not total_q:
        return 0.0 if total_p == total_q else 1.0
    terms = []
    for p, q in ((p / total_p, q / total_q) for p, q in counts):
        middle = (p + q) / 2
        terms += [x / 2 * math.log2(x / middle) for x in (p, q) if x]
    return math.sqrt(min(1.0, max(0.0, math.fsum(terms))))


def chi_square(counts: Counts) -> tuple[float, float]:
    """Return chi-square and p value of the test that both sides have the same shares.

    Categories with fewer than 5 expected rows on either side are pooled into one; if the pool is
    still too small, it joins the smallest other category. (Stricter than Cochran 1954, who lets a
    fifth of them expect between 1 and 5.) With one category left there is nothing to tell apart: 0
    and 1.
    """
    from scipy.special import chdtrc

    n, m = sum(p for p, _ in counts), sum(q for _, q in counts)
    if not n or not m:
        return 0.0, 1.0
    common = [pair for pair in counts if is_common(pair, n, m)]
    pool = n - sum(p for p, _ in common), m - sum(q for _, q in common)
    if any(pool):
        if common and not is_common(pool, n, m):
            smallest = min(common, key=lambda pair: (sum(pair), pair))
            common.remove(smallest)
            pool = pool[0] + smallest[0], pool[1] + smallest[1]
        common.append(pool)
    if len(common) <= 1:
        return 0.0, 1.0
    # For two samples, chi-square is the sum over categories of (p m - q n)^2 / (n m (p + q)).
    statistic = math.fsum((p * m - q * n) ** 2 / (n * m * (p + q)) for p, q in common)
    return statistic, float(chdtrc(len(common) - 1, statistic))


def kolmogorov_smirnov_p(gap: int, n: int, m: int) -> float:
    """Return the two-sided p value of the two-sample Kolmogorov-Smirnov test.

    Exact for up to a million pairs n * m, by counting lattice paths (Hodges 1958); beyond that from
    the limit law with Stephens' correction for finite samples (1970), his sample size taken as
    n m / (n + m) as in Press et al., Numerical Recipes, section 14.3. With ties both err on the safe
    side: the true p value is smaller.

    Args:
        gap: D * n * m, a whole number: the largest difference of the two distribution functions.
        n: Rows of one sample, at least 1.
        m: Rows of the other.
    """
    if gap <= 0:
        return 1.0
    if n * m <= _EXACT_PATHS:
        return _exact_p(gap, n, m)
    from scipy.special import kolmogorov

    root = math.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * gap / (n * m)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by Holm's step-down method (1979), in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for the rate of false discoveries (1995), in the given order.

    Those below a level q are, on average, false in at most a share q of all that are called significant.
    """
    order = sorted(range(len(p_values)), key=lambda i: -p_values[i])
    corrected = [1.0] * len(p_values)
    lowest = 1.0
    for above, i in enumerate(order):
        lowest = min(lowest, p_values[i] * len(p_values) / (len(p_values) - above))
        corrected[i] = lowest
    return corrected


def _exact_p(gap: int, n: int, m: int) -> float:
    """Walk the antidiagonals of the n x m lattice: the chance that no path reaches the gap, from 1.

    ``stay[i]`` is the chance that a random interleaving of the first s rows took i of the n and has
    stayed below the gap so far.
    """
    import numpy as np

    i = np.arange(n + 1, dtype=np.int64)
    stay = np.zeros(n + 1)
    stay[0] = 1.0
    for s in range(1, n + m + 1):
        from_n = np.zeros(n + 1)
        from_n[1:] = stay[:-1] * (n - i[:-1])
        # Of the n + m - s + 1 rows that are left, m - (s - 1 - i) are of the other sample.
        from_m = stay * np.maximum(m - (s - 1 - i), 0)
        stay = (from_n + from_m) / (n + m - s + 1)
        j = s - i
        stay[(j < 0) | (j > m) | (np.abs(i * m - j * n) >= gap)] = 0.0
    return float(min(1.0, max(0.0, 1.0 - stay[n])))


def is_common(pair: tuple[int, int], n: int, m: int) -> bool:
    """Return whether a category has at least 5 expected rows on both sides of n and m rows."""
    return sum(pair) * min(n, m) >= LEAST_EXPECTED * (n + m)
