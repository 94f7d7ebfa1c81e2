"""Spoil rows the way real feeds do, without looking at the model, and see what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.progress import track
from lockgate.robustness.space import Space

UNSEEN = "lockgate: never seen"


@dataclass(frozen=True)
class Spoiled:
    """What one perturbation did.

    Attributes:
        name: ``noise``, ``missing-values``, ``out-of-range`` or ``unseen-category``.
        what: What was done to the rows, in words.
        columns: How many columns it could be done to; 0: it does not apply to this data.
        accuracy: Share of right labels afterwards, or None when the model raised or it does not apply.
        changed: Share of labels that changed, or None.
        error: The type of the exception that the model raised, or empty.
    """

    name: str
    what: str
    columns: int
    accuracy: float | None = None
    changed: float | None = None
    error: str = ""


def perturb(
    predictor: Predictor, frame: Any, truth: Any, space: Space, *, eps: float, share: float, seed: int
) -> list[Spoiled]:
    """Measure a model's accuracy on spoiled copies of the rows.

    Args:
        predictor: The model.
        frame: The rows, with the model's columns.
        truth: The right label of each row.
        space: Its numeric columns.
        eps: Standard deviation of the noise, in standard deviations of the column.
        share: Share of the cells that is spoiled by each of the other three, 0 to 1.
        seed: Of the choice of cells and the noise.
    """
    import numpy as np

    texts = _texts(frame)
    cells = f"{share:.0%} of the cells"
    plan: list[tuple[str, str, int, Callable[[Any], Any]]] = [
        (
            "noise",
            f"normal noise of {eps:g} standard deviations",
            len(space.columns),
            lambda r: space.moved(frame, r.normal(0, eps, (len(frame), len(space.columns)))),
        ),
        ("missing-values", f"{cells} emptied", len(frame.columns), lambda r: _emptied(frame, r, share)),
        (
            "out-of-range",
            f"{cells} of numeric columns a whole range beyond",
            len(space.columns),
            lambda r: _beyond(frame, space, r, share),
        ),
        (
            "unseen-category",
            f"{cells} of text columns set to a new value",
            len(texts),
            lambda r: _unseen(frame, texts, r, share),
        ),
    ]
    before = predictor.predict(frame)
    done = []
    for number, (name, what, columns, spoil) in enumerate(track(plan, "perturbing rows")):
        if not columns:
            done.append(Spoiled(name, what, 0))
            continue
        try:
            after = predictor.predict(spoil(np.random.default_rng([seed, number])))
        except InputError as error:
            done.append(raised(name, what, columns, error))
            continue
        right, changed = int((after == truth).sum()), int((after != before).sum())
        done.append(Spoiled(name, what, columns, right / len(frame), changed / len(frame)))
    return done


def raised(name: str, what: str, columns: int, error: InputError) -> Spoiled:
    """Record that the model raised; the type of its exception is told, not its words, which quote values."""
    return Spoiled(name, what, columns, error=type(error.__cause__ or error).__name__)


def _texts(frame: Any) -> list[str]:
    from pandas.api.types import is_object_dtype, is_string_dtype

    return [
        n
        for n in frame.columns
        if is_object_dtype(frame[n].dtype)
        or is_string_dtype(frame[n].dtype)
        or frame[n].dtype.name == "category"
    ]


def _emptied(frame: Any, rng: Any, share: float) -> Any:
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    copy = frame.copy()
    for name in copy.columns:
        cells = copy[name]
        hit = rng.random(len(copy)) < share
        if is_bool_dtype(cells.dtype):
            cells = cells.astype(object)
        elif is_numeric_dtype(cells.dtype):
            cells = cells.astype(np.float64)
        copy[name] = cells.mask(hit, None if cells.dtype == object else np.nan)
    return copy


def _beyond(frame: Any, space: Space, rng: Any, share: float) -> Any:
    """Set cells to one range above the largest or below the smallest value."""
    import numpy as np

    shape = (len(frame), len(space.columns))
    reach = space.high - space.low
    target = np.where(rng.random(shape) < 0.5, space.high + reach, space.low - reach)  # noqa: PLR2004 - up or down
    target = np.where(rng.random(shape) < share, target, np.nan)
    copy = frame.copy()
    for at, name in enumerate(space.columns):
        hit = ~np.isnan(target[:, at])
        far = np.where(hit, target[:, at], 0.0)
        cells = copy[name].astype(np.int64 if space.whole[at] else np.float64)
        copy[name] = cells.mask(hit, far.astype(cells.dtype))
    return copy


def _unseen(frame: Any, texts: list[str], rng: Any, share: float) -> Any:
    copy = frame.copy()
    for name in texts:
        cells = copy[name]
        if cells.dtype.name == "category":
            cells = cells.cat.add_categories([UNSEEN])
        copy[name] = cells.mask(rng.random(len(copy)) < share, UNSEEN)
    return copy
