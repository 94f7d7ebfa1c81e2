"""The stress tests of images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from lockgate.model import Predictor
from lockgate.outcome import Outcome, Verdict
from lockgate.robustness.images import read_images
from lockgate.robustness.stress import judge_stress, stress_images
from lockgate.robustness.stress.corruptions import corruptions


class Threshold(ClassifierMixin, BaseEstimator):
    """Says which half of an image is brighter, or whether its first pixel is above a limit."""

    classes_ = np.array([0, 1])

    def __init__(self, limit=None, side=12):
        self.limit, self.side, self.n_features_in_ = limit, side, side * side

    def predict(self, rows):
        images = np.asarray(rows).reshape(len(rows), self.side, self.side)
        if self.limit is not None:
            return (images[:, 0, 0] > self.limit).astype(int)
        half = self.side // 2
        return (images[:, :, half:].mean(axis=(1, 2)) > images[:, :, :half].mean(axis=(1, 2))).astype(int)


def halves(n=300, side=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    pixels = rng.uniform(0.2, 0.35, (n, side, side))
    pixels[labels == 1, :, side // 2 :] += 0.2
    pixels[labels == 0, :, : side // 2] += 0.2
    pixels[:, 0, 0] = np.where(labels == 1, 0.51, 0.49)
    return pixels, labels


def run(model, npz, pixels, labels):
    predictor, images = read_images(Predictor(model), npz(X=pixels, y=labels), "y", pixel_range=[0, 1])
    outcome = Outcome()
    found = stress_images(predictor, images)
    clean = float((predictor.predict(images.pixels) == labels).mean())
    judge_stress(outcome, found, clean, 0.1, 0)
    return outcome, {each.name: each for each in found}


def test_a_model_of_one_faint_pixel_fails_each_corruption_and_one_of_whole_halves_holds(npz):
    pixels, labels = halves()
    broken, found = run(Threshold(limit=0.5), npz, pixels, labels)
    verdicts = {check.id.removeprefix("accuracy-drop:image-"): check.verdict for check in broken.checks}
    for name in ("brightness", "contrast", "blur", "noise"):
        assert verdicts[name] is Verdict.FAIL, found[f"image-{name}"]
    assert found["image-jpeg"].at(5).drop > 0
    held, _ = run(Threshold(), npz, pixels, labels)
    assert held.verdict is Verdict.PASS


@pytest.mark.parametrize("kind", ["grey", "colour", "bytes", "transparent", "large"])
def test_each_severity_changes_images_more_and_leaves_them_images(npz, kind):
    rng = np.random.default_rng(1)
    channels = {"colour": (3,), "transparent": (4,)}.get(kind, ())
    side = 80 if kind == "large" else 16
    smooth = np.linspace(0.2, 0.7, side)[None, :, None] * np.ones((4, 1, side))
    pixels = np.clip(smooth + rng.normal(0, 0.05, smooth.shape), 0, 1)
    pixels = np.repeat(pixels[..., None], channels[0], axis=3) if channels else pixels
    x = np.rint(pixels * 255).astype(np.uint8) if kind == "bytes" else pixels
    _, images = read_images(Predictor(Any0(x.shape[1:])), npz(X=x, y=[0, 1, 0, 1]), "y")
    span = images.high - images.low
    for test in corruptions(images):
        moves = []
        for severity in range(1, 6):
            made = test.spoil(severity, np.random.default_rng(0))
            assert made.shape == images.pixels.shape
            assert made.min() >= images.low
            assert made.max() <= images.high
            if images.whole:
                assert (made == np.rint(made)).all()
            if kind == "transparent" and test.name == "image-brightness":
                assert np.array_equal(made[:, 3], images.pixels[:, 3])
            moves.append(float(np.abs(made - images.pixels).mean()) / span)
        assert moves[-1] > moves[0] > 0, test.name
        assert all(b > 0.9 * a for a, b in itertools.pairwise(moves)), test.name


class Any0(ClassifierMixin, BaseEstimator):
    classes_ = np.array([0, 1])

    def __init__(self, shape):
        self.shape = shape

    def predict(self, rows):
        return np.zeros(len(rows), dtype=int)


def test_brighter_colours_keep_their_hue(npz):
    x = np.tile(np.array([0.4, 0.2, 0.1]), (2, 8, 8, 1))
    _, images = read_images(Predictor(Any0((8, 8, 3))), npz(X=x, y=[0, 1]), "y")
    test = next(t for t in corruptions(images) if t.name == "image-brightness")
    made = test.spoil(3, np.random.default_rng(0))[0, :, 0, 0]
    assert np.allclose(made, [0.55, 0.275, 0.1375])  # CIFAR-10-C: 0.15 at severity 3
