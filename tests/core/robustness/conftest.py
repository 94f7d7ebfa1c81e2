"""Images of digits, and models of them: one that a small move confuses and one that it does not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

TRAINED = 1000


def _fit(model, pixels, labels):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not converge
        return model.fit(pixels.reshape(len(pixels), -1), labels)


@pytest.fixture(scope="session")
def digits():
    """Pixels from 0 to 1, of shape n x 8 x 8, and labels."""
    loaded = load_digits()
    return loaded.images / 16, loaded.target


@pytest.fixture(scope="session")
def network(digits):
    pixels, labels = digits
    return _fit(MLPClassifier((48,), max_iter=120, random_state=0), pixels[:TRAINED], labels[:TRAINED])


@pytest.fixture(scope="session")
def fragile_and_sturdy():
    """Two models of stripes, right on all rows: one reads a faint pixel, one reads the bright half."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    pixels = rng.uniform(0.2, 0.4, (400, 6, 6))
    pixels[labels == 1, :, 3:] += 0.4
    pixels[:, 0, 0] = np.where(labels == 1, 0.52, 0.48)
    faint, bright = np.zeros((6, 6)), np.zeros((6, 6))
    faint[0, 0] = 200.0
    bright[:, 3:] = 5.0
    return pixels, labels, (_linear(faint, 0.5 * 200), _linear(bright, 0.5 * 5 * 18))


def _linear(weights, threshold):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.classes_ = np.array([0, 1])
    model.coef_, model.intercept_ = weights.reshape(1, -1), np.array([-threshold])
    model.n_features_in_, model.n_iter_ = weights.size, np.array([1])
    return model


@pytest.fixture
def npz(tmp_path):
    """Saves arrays and returns the path."""

    def save(**arrays):
        path = tmp_path / "images.npz"
        np.savez(path, **arrays)
        return path

    return save
