"""A model to be stolen: shared by the tests of theft and of fingerprints."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lockgate.attest import keys
from lockgate.model import save
from lockgate.run import run

FEATURES = ["x0", "x1", "x2", "x3", "kind"]


def table(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)).round(3), columns=FEATURES[:4])
    frame["kind"] = rng.integers(0, 4, rows)
    score = frame.x0 + frame.x1 * frame.x2 + 0.5 * frame.kind - 0.7 + rng.normal(0, 0.4, rows)
    return frame.assign(y=np.where(score > 0, "yes", "no"))


def fit(model, rows):
    return model.fit(rows[FEATURES], rows.y)


@pytest.fixture(scope="session")
def stealable(tmp_path_factory):
    """A forest and a linear model, rows that neither saw, and the fingerprint of the forest."""
    path = tmp_path_factory.mktemp("extraction")
    rows = table(700, 0)
    table(900, 1).to_parquet(path / "data")
    save(fit(RandomForestClassifier(40, random_state=0), rows), path / "forest")
    save(fit(LogisticRegression(), rows), path / "linear")
    keys.generate("owner", path, passphrase=None)
    keys.generate("other", path, passphrase=None)
    arguments = {"model": str(path / "forest"), "data": str(path / "data"), "label": "y", "query_budget": 200}
    arguments["fingerprint"] = str(path / "print.json")
    made = run("test-extraction", arguments, out=path / "out", key=str(path / "owner.key.pem"))
    (path / "result").write_text(json.dumps(made.document))
    return path


@pytest.fixture(scope="session")
def rows_like():
    """Makes more rows of the same kind: takes how many, and a seed."""
    return table
