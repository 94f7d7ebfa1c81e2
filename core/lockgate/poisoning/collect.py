"""Read a table into evidence: features, labels, and what models that never saw a row say of its label."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lockgate.errors import InputError, MissingExtraError
from lockgate.poisoning.decide import FEWEST_ROWS, draws
from lockgate.poisoning.evidence import Evidence, Labelled

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from lockgate.poisoning.features import Features

FEWEST_PER_CLASS = 10
"""Rows of a rarer class cannot be checked."""
MOST_CLASSES = 200
"""A label with more values is a number to predict, not a class."""
_SHOWN_COLUMNS = 30


@dataclass(frozen=True)
class Collected:
    """A table as evidence.

    Attributes:
        evidence: None when there is too little to decide anything.
        used: Which rows of the table the evidence holds; shape (rows,).
        why_not: Why there is none, or why some rows are missing, one sentence; or empty.
        classes: How many classes the label has, rare ones included.
        left_out: Why columns were not used, by name.
    """

    evidence: Evidence | None
    used: NDArray[np.bool_]
    why_not: str
    classes: int
    left_out: dict[str, str]


def collect(
    table: pa.Table,
    *,
    label: str,
    source: str | None,
    timestamp: str | None,
    baseline: pa.Table | None,
    ignore: Collection[str],
    alpha: float,
    min_share: float,
    seed: int,
) -> Collected:
    """Read a table, fit the models, and gather what detectors look at; see `lockgate.poisoning.assess`.

    Raises:
        InputError: As `assess`.
        MissingExtraError: As `assess`.
    """
    _need_extra()
    import numpy as np

    from lockgate.poisoning.features import codes, encode, moments
    from lockgate.poisoning.label_window import windows
    from lockgate.poisoning.surprise import out_of_sample

    _check_columns(table, baseline, label, source, timestamp)
    labels, class_names = codes(table.column(label))
    _check_classes(class_names, label)
    tables, known = [table], None
    if baseline is not None:
        tables.append(baseline)
        known = _same_codes(baseline.column(label), class_names)
    used, why_not = _usable(labels, known, len(class_names))
    if used.sum() < FEWEST_ROWS:
        why_not = f"{int(used.sum())} rows can be checked, and the detectors need {FEWEST_ROWS}"
        return Collected(None, used, why_not, len(class_names), {})
    present = np.unique(labels[used])
    if len(present) < 2:  # noqa: PLR2004 - nothing to tell apart
        why_not = f"only one class has {FEWEST_PER_CLASS} rows or more"
        return Collected(None, used, why_not, len(class_names), {})

    encoded = encode(tables, {label, *ignore, *(name for name in (source, timestamp) if name)})
    encoded = [_pixels_alone(features) for features in encoded]
    place = np.full(len(class_names) + 1, -1)
    place[present] = np.arange(len(present))
    mine = place[labels[used]]
    rows = _rows_of(encoded[0], used)
    if known is None:
        probabilities, _ = out_of_sample(rows, mine, len(present), seed)
        clean = known_rows = None
    else:
        kept = place[known] >= 0
        theirs = place[known[kept]]
        known_rows = _rows_of(encoded[1], kept)
        known_p, other = out_of_sample(known_rows, theirs, len(present), seed, rows)
        assert other is not None  # noqa: S101 - asked for just above
        probabilities, clean = other, Labelled(theirs, known_p)
    source_of, sources = (None, ()) if source is None else codes(table.column(source))
    window_of, window_names = (
        (None, ()) if timestamp is None else windows(moments(table.column(timestamp), timestamp)[used])
    )
    evidence = Evidence(
        batch=Labelled(mine, probabilities),
        baseline=clean,
        classes=tuple(class_names[k] for k in present),
        source=None if source_of is None else source_of[used],
        sources=sources,
        seed=seed,
        min_share=min_share,
        draws=draws(alpha),
        features=rows,
        known=known_rows,
        window=window_of,
        windows=window_names,
    )
    return Collected(evidence, used, why_not, len(class_names), encoded[0].left_out)


def _need_extra() -> None:
    from importlib.util import find_spec

    for module, package in (("sklearn", "scikit-learn"), ("cleanlab", "cleanlab")):
        if find_spec(module) is None:
            raise MissingExtraError("poisoning", package)


def _check_columns(
    table: pa.Table, baseline: pa.Table | None, label: str, source: str | None, timestamp: str | None
) -> None:
    for parameter, name in (("label", label), ("source", source), ("timestamp", timestamp)):
        if name is not None and name not in table.column_names:
            raise InputError(
                f"{parameter} column {name!r} is not in train; "
                f"its columns are {', '.join(table.column_names[:_SHOWN_COLUMNS])}"
            )
    if timestamp is not None and timestamp in (label, source):
        raise InputError(f"timestamp is column {timestamp!r}, which is the label or the source; name another")
    if source == label:
        raise InputError(f"label and source are both column {label!r}; name two columns")
    if baseline is not None and label not in baseline.column_names:
        raise InputError(
            f"label column {label!r} is not in baseline; "
            f"its columns are {', '.join(baseline.column_names[:_SHOWN_COLUMNS])}"
        )


def _check_classes(names: tuple[str, ...], label: str) -> None:
    if not names:
        raise InputError(f"label column {label!r} of train has no value; give a table with labels")
    if len(names) == 1:
        raise InputError(f"label column {label!r} of train has one class only; give rows of two or more")
    if len(names) > MOST_CLASSES:
        raise InputError(
            f"label column {label!r} of train has {len(names)} values; "
            f"name a column of classes (at most {MOST_CLASSES}), not a measurement or key"
        )


def _same_codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Number the baseline's labels as the table's were; -1 is a class the table does not have."""
    import numpy as np

    from lockgate.poisoning.features import codes

    own, own_names = codes(column)
    if not own_names:
        raise InputError("the label column of baseline has no value; give a baseline with labels")
    place = {name: i for i, name in enumerate(names)}
    if not any(name in place for name in own_names):
        raise InputError("baseline and train have no class in common; write the labels alike in both")
    translate = np.array([*(place.get(name, -1) for name in own_names), -1])
    return np.asarray(translate[own], dtype=np.int64)


def _usable(
    labels: NDArray[np.int64], known: NDArray[np.int64] | None, classes: int
) -> tuple[NDArray[np.bool_], str]:
    """Say which rows can be checked: those of classes with enough rows, in the baseline as well."""
    import numpy as np

    enough = np.bincount(labels[labels >= 0], minlength=classes) >= (FEWEST_PER_CLASS if known is None else 1)
    if known is not None:
        enough &= np.bincount(known[known >= 0], minlength=classes) >= FEWEST_PER_CLASS
    used = (labels >= 0) & enough[np.maximum(labels, 0)]
    lost = int((labels >= 0).sum() - used.sum())
    where = "here" if known is None else "in the baseline"
    few = f"{lost} rows belong to a class with fewer than {FEWEST_PER_CLASS} rows {where}"
    return used, f"{few} and could not be checked" if lost else ""


def _pixels_alone(features: Features) -> Features:
    """Leave out what is known of images beside their pixels: detectors of pictures look at pixels only."""
    from lockgate.poisoning.image_windows import image_shape, is_pixel

    kept = [j for j, name in enumerate(features.names) if is_pixel(name)]
    names = tuple(features.names[j] for j in kept)
    if len(kept) == len(features.names) or image_shape(names) is None:
        return features
    beside = {name: "not a pixel" for name in features.names if not is_pixel(name)}
    return replace(
        features,
        values=features.values[:, kept],
        categorical=tuple(features.categorical[j] for j in kept),
        names=names,
        left_out={**features.left_out, **beside},
    )


def _rows_of(features: Features, rows: NDArray[np.bool_]) -> Features:
    return replace(features, values=features.values[rows])
