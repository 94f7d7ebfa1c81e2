"""What a thief asks: rows made up from columns, rows of the same kind, or rows where the copy is unsure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

Strategy = Literal["made-up", "in-distribution", "adaptive"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
_FIRST = 0.2  # share of the budget that an adaptive thief asks at random
_CHOICES = 6  # candidates for each question that is chosen
_QUANTILES = 41


def made_up(pool: Any, count: int, rng: Any) -> Any:
    """Return rows whose columns are drawn one by one: no relation between columns is known.

    Numbers are drawn between quantiles of the column, never copied from a row; whole numbers stay whole.
    All else is a value that the column has, as an interface would list it.

    Args:
        pool: Rows that say what columns hold, a DataFrame.
        count: How many.
        rng: A numpy random generator.
    """
    import numpy as np
    import pandas as pd

    made = {}
    for name in pool.columns:
        values = pool[name].dropna()
        if _is_number(values) and len(values):
            marks = np.quantile(values.to_numpy(dtype=float), np.linspace(0, 1, _QUANTILES))
            drawn = np.interp(rng.random(count) * (_QUANTILES - 1), np.arange(_QUANTILES), marks)
            made[name] = _typed(drawn, values)
        else:
            kinds = np.array(sorted(values.unique(), key=str) or [None], dtype=object)
            drawn = kinds[rng.integers(0, len(kinds), count)]
            made[name] = pd.Series(drawn).astype(pool[name].dtype).to_numpy() if len(values) else drawn
    return pd.DataFrame(made, columns=pool.columns)


def asked(
    strategy: Strategy, pool: Any, count: int, rng: Any, learn: Callable[[Any], Callable[[Any], Any]]
) -> Any:
    """Return the rows that a thief asks about.

    Args:
        strategy: How they are chosen.
        pool: The thief's own rows, of the same kind as the model's.
        count: The budget of questions.
        rng: A numpy random generator.
        learn: Asks the model about rows and returns a copy that was taught by the answers; the copy gives
            class weights of rows.
    """
    import numpy as np
    import pandas as pd

    if strategy == "made-up":
        return made_up(pool, count, rng)
    own = pool.iloc[rng.permutation(len(pool))[:count]].reset_index(drop=True)
    if strategy == "in-distribution":
        rest = count - len(own)
        return own if not rest else pd.concat([own, between(own, rest, rng)], ignore_index=True)
    chosen = own.iloc[: max(int(count * _FIRST), 10)]
    while len(chosen) < count:  # each round doubles what is known, as in Papernot et al. 2017
        wanted = min(len(chosen), count - len(chosen))
        copy = learn(chosen)
        half = wanted * _CHOICES // 2
        around = between(chosen, half, rng)
        fresh = pool.iloc[rng.integers(0, len(pool), wanted * _CHOICES - half)]
        candidates = pd.concat([around, fresh], ignore_index=True)
        weights = np.sort(copy(candidates), axis=1)
        margin = weights[:, -1] - weights[:, -2]
        # The least sure half, and any others: only the least sure would all ask about one place.
        order = margin.argsort(kind="stable")
        sure = wanted // 2
        others = rng.permutation(order[wanted - sure :])[:sure]
        picked = candidates.iloc[np.concatenate([order[: wanted - sure], others])]
        chosen = pd.concat([chosen, picked], ignore_index=True)
    return chosen


def between(rows: Any, count: int, rng: Any) -> Any:
    """Return rows between pairs of rows: numbers in between, all else of one of the two.

    Args:
        rows: A DataFrame.
        count: How many.
        rng: A numpy random generator.
    """
    import numpy as np
    import pandas as pd

    left = rows.iloc[rng.integers(0, len(rows), count)].reset_index(drop=True)
    right = rows.iloc[rng.integers(0, len(rows), count)].reset_index(drop=True)
    share = rng.random(count)
    made = {}
    for name in rows.columns:
        if _is_number(rows[name]):
            a, b = (part[name].to_numpy(dtype=float, na_value=np.nan) for part in (left, right))
            made[name] = _typed(a + share * (b - a), rows[name])
        else:
            made[name] = left[name].where(rng.random(count) > share, right[name])
    return pd.DataFrame(made, columns=rows.columns)


def _is_number(values: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _typed(drawn: Any, like: Any) -> Any:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_integer_dtype(like) and np.isfinite(drawn).all():
        return np.rint(drawn).astype(np.int64)
    known = like.dropna().to_numpy(dtype=float)
    whole = bool(len(known)) and bool((known == np.rint(known)).all())
    return np.rint(drawn) if whole else drawn
