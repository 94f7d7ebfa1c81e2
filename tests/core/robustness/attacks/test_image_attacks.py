"""Attacks on images: what breaks is allowed and really misread, and what cannot break does not."""

from __future__ import annotations

import numpy as np
import pytest

from lockgate.model import Predictor
from lockgate.robustness.attacks import Target, attacks_on
from lockgate.robustness.images import ImageAdapter, Layout
from lockgate.robustness.threat import Threat
from lockgate.robustness.threat.image import ImageDomain

SIZES = {"linf": 0.12, "l2": 0.9, "l0": 4}


def under(model, pixels, labels, norm, size, *, queries=400, only=None, whole=False, high=1.0, seed=0):
    """Run the attacks, or one of them, and return the target."""
    predictor = Predictor(ImageAdapter(Predictor(model), Layout((1, *pixels.shape[1:]), "hw", flat=True)))
    threat = Threat(norm, norm, size, unit="raw", kind="image", low=0.0, high=high)
    domain = ImageDomain(threat, whole=whole)
    target = Target(predictor, domain, pixels[:, None], labels, max_queries=queries)
    for attack in attacks_on(target):
        if only in (None, attack.name):
            target.attack = attack.name
            attack.search(target, np.random.default_rng(seed))
    return target


def held_out(digits, n=30):
    return digits[0][-n:], digits[1][-n:]


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("image-gradient", "linf"),
        ("image-gradient", "l2"),
        ("image-square", "linf"),
        ("image-pixels", "l0"),
        ("image-hopskipjump", "linf"),
        ("image-hopskipjump", "l2"),
        ("image-boundary", "l2"),
    ],
)
def test_what_an_attack_breaks_is_within_the_threat_and_misread_and_it_keeps_its_budget(
    digits, network, name, norm
):
    pixels, labels = held_out(digits)
    target = under(network, pixels, labels, norm, SIZES[norm], only=name)
    assert target.broken.sum() >= 3, "an attack that finds nothing tests nothing"
    assert set(target.by[target.broken]) == {name}
    assert (target.queries <= 400).all()
    found, origins = target.found[target.broken], target.origins[target.broken]
    move = np.abs(found - origins).reshape(len(found), -1)
    size = {"linf": move.max(axis=1), "l2": np.sqrt((move**2).sum(axis=1)), "l0": (move > 0).sum(axis=1)}[
        norm
    ]
    assert (size <= SIZES[norm] + 1e-5).all()
    assert found.min() >= 0
    assert found.max() <= 1
    said = network.predict(found.reshape(len(found), -1))
    assert (said != labels[target.broken]).all()


@pytest.mark.parametrize("norm", ["linf", "l2", "l0"])
def test_a_fragile_model_breaks_everywhere_and_a_sturdy_one_nowhere(fragile_and_sturdy, norm):
    pixels, labels, (fragile, sturdy) = fragile_and_sturdy
    size = {"linf": 0.05, "l2": 0.1, "l0": 2}[norm]
    some = slice(40)
    broken = under(fragile, pixels[some], labels[some], norm, size)
    assert broken.right.all()
    assert broken.broken.all()
    held = under(sturdy, pixels[some], labels[some], norm, size)
    assert held.right.all()
    assert not held.broken.any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_on_a_linear_model_exactly_those_break_that_can(fragile_and_sturdy, norm):
    """A point breaks when its margin is below size * dual norm of the weights (no pixel reaches its end)."""
    pixels, labels, (_, sturdy) = fragile_and_sturdy
    rng = np.random.default_rng(1)
    pixels = np.clip(pixels + rng.uniform(-0.1, 0.1, (len(pixels), 1, 1)), 0, 1)[:60]
    margin = np.abs(sturdy.decision_function(pixels.reshape(60, -1)))
    weights = np.abs(sturdy.coef_[0])
    dual = weights.sum() if norm == "linf" else np.sqrt((weights**2).sum())
    size = float(np.median(margin) / dual)
    target = under(sturdy, pixels, labels[:60], norm, size)
    can = target.right & (margin < size * dual)
    assert not (target.broken & ~can).any()
    clear = target.right & (margin < 0.98 * size * dual)
    assert 5 < clear.sum() < 55
    assert target.broken[clear].all()


@pytest.mark.parametrize(("norm", "size"), [("linf", 0.1), ("l2", 0.8), ("l0", 6)])
def test_every_image_of_a_linear_model_of_many_classes_breaks_or_is_proven(digits, norm, size):
    from sklearn.linear_model import LogisticRegression

    pixels, labels = digits
    model = LogisticRegression(max_iter=2000, C=0.05).fit(pixels[:1000].reshape(1000, -1), labels[:1000])
    exact = under(model, pixels[-100:], labels[-100:], norm, size, only="linear")
    assert 5 < exact.broken.sum() < 95
    assert ((exact.broken | exact.certified) == exact.right).all()
    asked = under(model, pixels[-100:], labels[-100:], norm, size, only=searched(norm))
    assert not (asked.broken & exact.certified).any()
    assert asked.broken.sum() <= exact.broken.sum()
    assert exact.queries.max() <= 1 + 2 * 9


def searched(norm):
    return "image-pixels" if norm == "l0" else "image-gradient"


def test_one_pixel_is_found_when_one_is_enough(fragile_and_sturdy):
    pixels, labels, (fragile, _) = fragile_and_sturdy
    target = under(fragile, pixels[:20], labels[:20], "l0", 1)
    assert target.broken.all()
    moved = (target.found != target.origins).reshape(20, -1)
    assert (moved.sum(axis=1) == 1).all()
    assert moved[:, 0].all()


def test_whole_pixels_stay_whole(digits, network):
    pixels, labels = held_out(digits)

    class Bytes(type(network)):
        def predict_proba(self, rows):
            return super().predict_proba(np.asarray(rows) / 255)

        def predict(self, rows):
            return super().predict(np.asarray(rows) / 255)

    model = Bytes.__new__(Bytes)
    model.__dict__.update(network.__dict__)
    for norm, size in (("linf", 25.5), ("l2", 230.0), ("l0", 4)):
        target = under(model, np.rint(pixels * 255), labels, norm, size, whole=True, high=255.0, queries=300)
        assert target.broken.sum() >= 3
        assert (target.found == np.rint(target.found)).all()
        assert target.domain.allowed(target.found, target.origins).all()


def test_the_same_seed_finds_the_same_and_numpys_own_generator_is_left_alone(digits, network):
    pixels, labels = held_out(digits, 12)
    np.random.seed(7)  # noqa: NPY002 - the one that ART draws from
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    for norm in ("linf", "l2", "l0"):
        first = under(network, pixels, labels, norm, SIZES[norm], queries=200)
        np.random.seed(8)  # noqa: NPY002
        second = under(network, pixels, labels, norm, SIZES[norm], queries=200)
        np.random.seed(7)  # noqa: NPY002
        assert np.array_equal(first.found, second.found)
        assert np.array_equal(first.queries, second.queries)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_art_never_draws_a_starting_image_of_its_own_as_that_generator_has_no_seed(
    digits, network, monkeypatch
):
    class Unseeded:
        def uniform(self, *_args, **_kwargs):
            raise AssertionError("ART drew its own starting image")

    monkeypatch.setattr(np.random, "RandomState", Unseeded)
    pixels, labels = held_out(digits, 12)
    for norm, name in (("linf", "image-hopskipjump"), ("l2", "image-boundary")):
        assert under(network, pixels, labels, norm, SIZES[norm], queries=150, only=name).queries.sum() > 500


@pytest.mark.parametrize("shape", [(2, 9), (3, 12), (9, 3), (5, 5)])
def test_images_of_any_shape_can_be_attacked(shape):
    rng = np.random.default_rng(0)
    pixels = rng.random((30, *shape))
    labels = (pixels.mean(axis=(1, 2)) > 0.5).astype(int)
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=100).fit(pixels.reshape(30, -1), labels)
    for norm, size in (("linf", 0.2), ("l2", 1.0), ("l0", 5)):
        assert under(model, pixels, labels, norm, size, queries=120).broken.any()
