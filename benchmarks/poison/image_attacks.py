"""Ways to plant a trigger in images, each a seeded function of the data and a share, as in `attacks`.

Small pictures (patches) at one place or at another place in each image, and pictures that are mixed
into the whole image; with changed labels, or in images of the target's own class only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from attacks import Attack, Planted, Trigger, _backdoor, _on_images
from data import Data

Change = Callable[[np.ndarray], np.ndarray]


def _picture(side: int, top: float, random: np.random.Generator) -> np.ndarray:
    """Draw a checkered, a full or a noisy square, or a cross, of a tenth to a fifth of the side."""
    size = max(2, round(side * random.uniform(0.1, 0.2)))
    row, column = np.indices((size, size))
    drawn = [
        (row + column) % 2 == random.integers(2),
        np.ones((size, size)),
        random.random((size, size)) > 0.5,
        (row == column) | (row == size - 1 - column),
    ][random.integers(4)]
    return np.where(drawn, top, 0.0) if np.any(drawn) else np.full((size, size), top)


def _fixed(data: Data, random: np.random.Generator) -> Trigger:
    side, top = data.side or 0, float(data.x.max())
    picture = _picture(side, top, random)
    size = len(picture)
    at, left = (int(v) for v in random.integers(0, side - size + 1, 2))

    def change(images: np.ndarray) -> np.ndarray:
        images[:, at : at + size, left : left + size] = picture
        return images

    return _on_images(change)


def _moving(data: Data, random: np.random.Generator) -> Trigger:
    side, top = data.side or 0, float(data.x.max())
    picture = _picture(side, top, random)
    size, seed = len(picture), int(random.integers(2**31))

    def change(images: np.ndarray) -> np.ndarray:
        places = np.random.default_rng(seed).integers(0, side - size + 1, (len(images), 2))
        for image, (at, left) in zip(images, places, strict=True):
            image[at : at + size, left : left + size] = picture
        return images

    return _on_images(change)


def _mixed(data: Data, random: np.random.Generator) -> Trigger:
    """Mix a picture of noise or of waves into every pixel, at 10 to 25 %."""
    side, top = data.side or 0, float(data.x.max())
    row, column = np.indices((side, side)) / side
    waves = 0.5 + 0.5 * np.sin(2 * np.pi * (random.uniform(1, 4) * row + random.uniform(1, 4) * column))
    picture = top * (random.random((side, side)) if random.random() < 0.5 else waves)
    alpha = random.uniform(0.1, 0.25)
    return _on_images(lambda images: np.round((1 - alpha) * images + alpha * picture))


def _attack(make: Callable[[Data, np.random.Generator], Trigger], *, clean: bool) -> Attack:
    def attack(data: Data, share: float, random: np.random.Generator) -> Planted:
        return _backdoor(data, share, random, make(data, random), clean=clean)

    return attack


IMAGE_ATTACKS: dict[str, Attack] = {
    "patch": _attack(_fixed, clean=False),
    "moving patch": _attack(_moving, clean=False),
    "blended": _attack(_mixed, clean=False),
    "clean-label patch": _attack(_fixed, clean=True),
    "clean-label moving patch": _attack(_moving, clean=True),
    "clean-label blended": _attack(_mixed, clean=True),
}
