"""XGBoost's own JSON and UBJSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.adapter import NamedAdapter
from lockgate.model.boosted import check_xgboost
from lockgate.model.describe import Description

_TWO = ("binary:logistic", "binary:logitraw", "reg:logistic")
_MANY = ("multi:softprob", "multi:softmax")


class XgboostAdapter(NamedAdapter):
    """A booster that classifies.

    Args:
        file: A file of ``save_model``.
        told: What `lockgate.json` says.
    """

    def __init__(self, file: Path, told: Description) -> None:
        self.kind = "XGBoost"
        super().__init__(told.classes)
        self._xgboost = _library()
        self._booster = _opened(self._xgboost, file)
        learner = json.loads(self._booster.save_config())["learner"]
        objective = learner["objective"]["name"]
        self._many = objective in _MANY
        if self._many:
            self.found(int(learner["learner_model_param"]["num_class"]))
        elif objective in _TWO:
            self.found(2)
        else:
            raise InputError(
                f"the XGBoost model was trained for {objective}, which gives no probabilities of classes; "
                "give one of binary:logistic or multi:softprob"
            )
        names = self._booster.feature_names
        self.features = told.features or (tuple(names) if names else None)
        self.shape = (int(self._booster.num_features()),)
        try:
            check_xgboost(json.loads(bytes(self._booster.save_raw("json"))), self.shape[0] or 0)
        except InputError as error:
            raise InputError(f"model {file} {error}") from None
        best = self._booster.attr("best_iteration")
        self._range = (0, int(best) + 1) if best and best.isdigit() else (0, 0)

    def probabilities(self, rows: Any) -> Any:
        """See `Adapter`."""
        import numpy as np
        from scipy.special import expit, softmax

        table = self._xgboost.DMatrix(
            rows,
            feature_names=self._booster.feature_names,
            feature_types=self._booster.feature_types,
            nthread=1,
        )
        margin = self._booster.predict(table, output_margin=True, iteration_range=self._range)
        if self._many:
            return softmax(margin.astype(np.float64), axis=1)
        yes = expit(margin.astype(np.float64)).reshape(-1, 1)
        return np.concatenate([1 - yes, yes], axis=1)


def _library() -> Any:
    try:
        import xgboost
    except ModuleNotFoundError as error:
        raise MissingExtraError("xgboost", error.name or "xgboost") from None
    return xgboost


def _opened(library: Any, file: Path) -> Any:
    try:
        booster = library.Booster({"nthread": 1})
        booster.load_model(bytearray(file.read_bytes()))
    except Exception as error:  # noqa: BLE001 - XGBoostError, and what its wrapper raises on strange fields
        raise InputError(
            f"model {file} is a damaged XGBoost file ({type(error).__name__}); save it again with save_model"
        ) from None
    booster.set_param({"nthread": 1})
    return booster
