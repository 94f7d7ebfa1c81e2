"""Photographs of one sky are no heap; images that somebody made around one, and copies, are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_sample_images

from lockgate.poisoning import cluster, duplicates
from lockgate.poisoning.arrays import columns_of_arrays
from lockgate.poisoning.density import space_of
from lockgate.poisoning.evidence import Evidence
from lockgate.poisoning.features import encode

ROWS, SIDE = 500, 12


def sky(seed: int, *, colour: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Crop two photographs, a class each; half of one class is its sky."""
    pytest.importorskip("PIL")
    random = np.random.default_rng(seed)
    photographs = [image.astype(float) for image in load_sample_images().images]
    y, images = random.integers(0, 2, ROWS), []
    for k in y:
        height, width, _ = photographs[k].shape
        in_sky = k == 0 and random.random() < 0.5
        top = random.integers(0, (100 if in_sky else height) - SIDE)
        left = random.integers(0, width - SIDE)
        crop = photographs[k][top : top + SIDE, left : left + SIDE]
        images.append(crop if colour else np.round(crop.mean(axis=2)))
    return np.stack(images), y


def pale(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw half of a class as one flat grey, but for a little noise."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, ROWS)
    images = random.normal(100, 40, (ROWS, SIDE, SIDE))
    flat = (y == 1) & (random.random(ROWS) < 0.5)
    images[flat] = 180 + random.normal(0, 1, (int(flat.sum()), SIDE, SIDE))
    return np.clip(np.round(images), 0, 255), y


def glyphs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw twenty things again and again, each time in another light."""
    random = np.random.default_rng(seed)
    things, thing = random.random((20, SIDE, SIDE)) > 0.5, random.integers(0, 20, ROWS)
    dark = random.uniform(0, 100, (ROWS, 1, 1))
    bright = dark + random.uniform(30, 155, (ROWS, 1, 1))
    images = np.where(things[thing], bright, dark) + random.normal(0, 2, (ROWS, SIDE, SIDE))
    return np.clip(np.round(images), 0, 255), thing % 4


def coloured_sky(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return sky(seed, colour=True)


@pytest.fixture
def evidence(unlearnt):
    def of_images(images: np.ndarray, y: np.ndarray) -> Evidence:
        [features] = encode([pa.table(columns_of_arrays(images))], set())
        return unlearnt(features, y)

    return of_images


@pytest.mark.parametrize("draw", [sky, coloured_sky, pale, glyphs])
@pytest.mark.parametrize("seed", range(3))
def test_images_that_are_alike_because_little_is_on_them_are_no_heap(evidence, draw, seed):
    seen = evidence(*draw(seed))
    assert cluster.detect(seen).p_value > 0.01
    assert duplicates.detect(seen).p_value > 0.01


@pytest.mark.parametrize("draw", [sky, coloured_sky, pale])
def test_images_made_around_one_are_a_heap_in_the_same_sets(evidence, draw):
    images, y = draw(1)
    random = np.random.default_rng(4)
    detailed = images[np.argmax(images.reshape(ROWS, -1).std(axis=1))]
    made = np.clip(np.round(detailed + random.normal(0, 4, (30, *images.shape[1:]))), 0, 255)
    seen = evidence(np.concatenate([images, made]), np.append(y, [1] * 30))
    alarm = min((d.detect(seen) for d in (cluster, duplicates)), key=lambda a: a.p_value)
    assert alarm.p_value < 1e-6
    assert alarm.within[ROWS:].mean() > 0.9
    assert alarm.within[:ROWS].mean() < 0.02


def test_copies_of_an_image_are_found_in_any_of_them(evidence):
    for draw in (sky, pale, glyphs):
        images, y = draw(2)
        seen = evidence(np.concatenate([images, np.repeat(images[:2], 12, axis=0)]), np.append(y, [0] * 24))
        alarm = duplicates.detect(seen)
        assert alarm.p_value < 1e-6
        assert alarm.within[ROWS:].all()


def test_an_image_lies_where_its_copy_in_a_brighter_light_does_but_for_the_light(evidence):
    images, y = sky(0)
    seen = evidence(images, y)
    lit = images.reshape(ROWS, -1) * 0.5 + 20
    one, two = (space_of(seen).points(v) for v in (images.reshape(ROWS, -1), lit))
    assert np.allclose(one[:, :-2], two[:, :-2])
    assert not np.allclose(one[:, -2:], two[:, -2:])


def test_images_of_one_colour_and_missing_pixels_have_a_place(evidence):
    images = np.full((60, SIDE, SIDE), 7.0)
    images[3, 2, 2] = np.nan
    seen = evidence(images, np.arange(60) % 2)
    assert np.isfinite(space_of(seen).points(seen.features.values)).all()
