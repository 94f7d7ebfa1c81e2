"""Train the example's model: one step, used by the Airflow DAG and by the KFP pipeline.

python dags/train_model.py --label employed --out model.skops dags/data/2015.parquet
"""

from __future__ import annotations

import argparse
import json


def train(
    data: list[str],
    label: str,
    out: str,
    *,
    test: str | None = None,
    ignore: tuple[str, ...] = ("id", "year", "source"),
    seed: int = 0,
) -> dict:
    """Fit a classifier of a table and save it with skops; a fifth of the rows is held out.

    The same data and seed give the same file, byte for byte, on one core or many. It imports all it
    uses, because KFP copies its source into the step.

    Args:
        data: Parquet files of one schema; the rows are used together.
        label: The column to predict.
        out: Where to write the model.
        test: Where to write the held-out rows, as Parquet, for `lockgate test-robustness`.
        ignore: Columns that the model must not see: keys, and where a row comes from.
        seed: Of the split and the model.

    Returns:
        ``accuracy`` on the held-out rows, and the numbers of rows trained on and held out.
    """
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from threadpoolctl import threadpool_limits

    from lockgate.model import save

    table = pd.concat([pd.read_parquet(file) for file in data], ignore_index=True)
    columns = [name for name in table.columns if name != label and name not in ignore]
    numeric = [name for name in columns if pd.api.types.is_numeric_dtype(table[name])]
    texts = [name for name in columns if name not in numeric]

    order = np.random.default_rng(seed).permutation(len(table))
    held, kept = np.sort(order[: len(table) // 5]), np.sort(order[len(table) // 5 :])
    model = make_pipeline(
        make_column_transformer(
            # A category seen in fewer than a hundred rows, or never, adds nothing rather than an error.
            (OneHotEncoder(handle_unknown="ignore", min_frequency=100, sparse_output=False), texts),
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
        ),
        # Large leaves: a label that hangs on one year of age is one that a small lie can flip.
        HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=500, random_state=seed
        ),
    )
    with threadpool_limits(1):  # sums in one order: the same model on every machine
        model.fit(table.loc[kept, columns], table.loc[kept, label])
        accuracy = float(model.score(table.loc[held, columns], table.loc[held, label]))
    save(model, Path(out))
    if test is not None:
        table.loc[held].to_parquet(test, index=False)
    return {"accuracy": round(accuracy, 6), "trained_on": len(kept), "held_out": len(held)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=train.__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+")
    parser.add_argument("--label", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--test")
    given = parser.parse_args()
    print(json.dumps(train(given.data, given.label, given.out, test=given.test)))
