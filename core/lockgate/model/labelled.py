"""Read labelled rows as one model sees them: its columns, and labels in its own writing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.model.adapter import as_array
from lockgate.model.predictor import Predictor


@dataclass(frozen=True)
class Labelled:
    """Rows with their right labels.

    Attributes:
        rows: The model's columns, a DataFrame.
        labels: The right labels as the model writes them; array.
        places: Their places among the model's classes; int array.
        keys: What each row is called: its number in the table from 0, or the value of the key column.
    """

    rows: Any
    labels: Any
    places: Any
    keys: list[int | str]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, at: Any) -> Labelled:
        """Return some of the rows, by their places or a mask."""
        import numpy as np

        chosen = np.flatnonzero(at) if np.asarray(at).dtype == bool else np.asarray(at, dtype=int)
        rows = self.rows.iloc[chosen].reset_index(drop=True)
        return Labelled(rows, self.labels[chosen], self.places[chosen], [self.keys[i] for i in chosen])


def read_labelled(predictor: Predictor, data: Path, label: str, row_key: str | None = None) -> Labelled:
    """Return the labelled rows of a table; rows without a label are left out.

    Args:
        predictor: A classifier.
        data: The table.
        label: The column with the right label, which must not be one that the model reads.
        row_key: A column that names each row; the model must not read it either.

    Raises:
        InputError: A column is missing, a label is none of the model's classes, or all are the same.
    """
    import numpy as np

    from lockgate.table.read import read_arrow, require_columns, require_label

    classes = predictor.classes
    table = read_arrow(data)
    require_label(table, label, where=data)
    require_columns(table, [row_key] if row_key else [], "row_key", where=data)
    for called, name in (("label column", label), ("column", row_key)):
        if name in (predictor.features or ()):
            raise InputError(f"the model reads the {called} {name!r} itself; train it without")
    values = table[label].to_pylist()
    numbers = np.array([i for i, value in enumerate(values) if value is not None])
    place = {value: at for at, value in enumerate(classes)}
    known = np.array([place.get(values[i], -1) for i in numbers])
    strange = len({values[i] for i, at in zip(numbers, known, strict=True) if at < 0})
    if strange:
        raise InputError(
            f"label column {label!r} of {data} has {strange} labels that are none of the model's "
            f"{len(classes)} classes, which are of type {type(classes[0]).__name__}; "
            "give data labelled as in training"
        )
    keys: list[int | str] = [int(i) for i in numbers]
    if row_key:
        named = table[row_key].to_pylist()
        keys = [i if named[i] is None else str(named[i])[:80] for i in keys]
    rows = predictor.frame(table.drop_columns([label, *([row_key] if row_key else [])])).iloc[numbers]
    return Labelled(rows.reset_index(drop=True), as_array(classes)[known], known, keys)
