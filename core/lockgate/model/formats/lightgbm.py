"""LightGBM's own text format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.adapter import NamedAdapter
from lockgate.model.boosted import check_lightgbm
from lockgate.model.describe import Description


class LightgbmAdapter(NamedAdapter):
    """A booster that classifies.

    Args:
        file: A file of ``Booster.save_model``.
        told: What `lockgate.json` says.
    """

    precision = "float64"

    def __init__(self, file: Path, told: Description) -> None:
        self.kind = "LightGBM"
        super().__init__(told.classes)
        text = file.read_text("utf-8", errors="replace")
        self._booster = _opened(text, file)
        words = next((line for line in text.splitlines() if line.startswith("objective=")), "objective=")
        objective = words.removeprefix("objective=").split(" ")[0]
        if objective in ("multiclass", "multiclassova"):
            self.found(int(self._booster.num_model_per_iteration()))
        elif objective in ("binary", "cross_entropy"):
            self.found(2)
        else:
            raise InputError(
                f"the LightGBM model was trained for {objective or 'nothing it says'}, which gives no "
                "probabilities of classes; give one of binary or multiclass"
            )
        self.features = told.features or tuple(self._booster.feature_name())
        self.shape = (int(self._booster.num_feature()),)
        try:
            check_lightgbm(text.splitlines(), self.shape[0] or 0)
        except InputError as error:
            raise InputError(f"model {file} {error}") from None
        self._categories = list(self._booster.pandas_categorical or [])
        self.reads = "frame" if self._categories else "numbers"

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        import numpy as np

        found = self._booster.predict(self._prepared(rows), num_threads=1, validate_features=False)
        if found.ndim == 1:
            return np.stack([1 - found, found], axis=1)
        return found / found.sum(axis=1, keepdims=True)  # one against the rest does not sum to one

    def _prepared(self, rows: Any) -> Any:
        """Make categories of text columns: LightGBM holds them against those of its training."""
        if not self._categories or not hasattr(rows, "iloc"):
            return rows
        texts = [n for n in rows.columns if rows[n].dtype == object or str(rows[n].dtype).startswith("str")]
        return rows.astype(dict.fromkeys(texts, "category"))


def _opened(text: str, file: Path) -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise MissingExtraError("lightgbm", error.name or "lightgbm") from None
    try:
        return lightgbm.Booster(model_str=text)
    except Exception as error:  # noqa: BLE001 - LightGBMError, and what its wrapper raises on strange lines
        raise InputError(
            f"model {file} is a damaged LightGBM file ({type(error).__name__}); save it again with save_model"
        ) from None
