"""CatBoost's own binary format and its JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.adapter import Adapter
from lockgate.model.describe import Description


class CatboostAdapter(Adapter):
    """A CatBoost classifier; it knows its classes and columns itself.

    Args:
        file: A file of ``save_model``.
        told: What `lockgate.json` says.
        form: ``cbm`` or ``json``.
    """

    precision = "float32"

    def __init__(self, file: Path, told: Description, form: Literal["cbm", "json"]) -> None:
        self.kind = "CatBoost"
        self._model = _opened(file, form)
        self._classes = told.classes or tuple(self._model.classes_.tolist())
        if len(self._classes) < 2:  # noqa: PLR2004 - a class and another
            raise InputError("the CatBoost model names no classes; give a classifier, saved by save_model")
        names = self._model.feature_names_
        self.features = told.features or (tuple(map(str, names)) if names else None)
        self.shape = (len(names),)
        self._texts = {*self._model.get_cat_feature_indices(), *self._model.get_text_feature_indices()}
        self.reads = "frame" if self._texts else "numbers"

    @property
    def classes(self) -> tuple[Any, ...]:
        """See `Adapter`."""
        return self._classes

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        if hasattr(rows, "iloc"):
            rows = rows.copy()
            for at in self._texts:
                column = rows.columns[at]
                rows[column] = (
                    rows[column].map(lambda v: v if isinstance(v, (str, int)) else str(v)).astype(object)
                )
        return self._model.predict_proba(rows, thread_count=1)


def _category(value: Any) -> Any:
    return value if isinstance(value, (str, int)) else str(value)


def _opened(file: Path, form: str) -> Any:
    try:
        import catboost
    except ModuleNotFoundError as error:
        raise MissingExtraError("catboost", error.name or "catboost") from None
    model = catboost.CatBoostClassifier(allow_writing_files=False, thread_count=1, logging_level="Silent")
    try:
        model.load_model(os.fspath(file), format=form)  # its blobs can be cbm only
        _ = model.classes_
    except Exception as error:  # noqa: BLE001 - CatBoostError, and what its wrapper raises on strange fields
        raise InputError(
            f"model {file} is no sound CatBoost classifier ({type(error).__name__}); "
            "save it again with save_model"
        ) from None
    return model
