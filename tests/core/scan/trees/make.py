"""Writes the models beside it with CatBoost 1.2.10 and LightGBM 4.7: ``python make.py``.

They are kept as files because neither is among the packages that the tests need.
"""

from __future__ import annotations

from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas as pd

if __name__ == "__main__":
    folder = Path(__file__).parent
    numbers = np.random.default_rng(0).normal(size=(200, 3))
    target = (numbers[:, 0] > 0).astype(int)
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"])
    frame["kind"] = pd.Categorical([*"xyz", "x"] * 50)
    common = {"iterations": 3, "depth": 3, "verbose": 0, "allow_writing_files": False}
    for name, data, more in (
        ("symmetric", numbers, {}),
        ("lossguide", numbers, {"grow_policy": "Lossguide"}),
        ("categories", frame, {"cat_features": ["kind"], "one_hot_max_size": 1}),
    ):
        catboost.CatBoostClassifier(**common, **more).fit(data, target).save_model(folder / f"{name}.cbm")
    for name, more in (("plain", {}), ("linear", {"linear_tree": True})):
        said = {"objective": "binary", "verbose": -1, "num_leaves": 4, **more}
        data = lightgbm.Dataset(numbers if more else frame, target)
        lightgbm.train(said, data, 3).save_model(folder / f"{name}.txt")
