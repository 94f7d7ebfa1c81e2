"""The stress tests of images: light, contrast, focus, noise and JPEG, in the severities of the field.

The numbers are those of Hendrycks and Dietterich 2019 (arXiv:1903.12261): of CIFAR-10-C for images of up
to 64 pixels a side, of ImageNet-C for larger ones. All are of the range from black to white, which is 0 to 1
there; sigmas of the blur are pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.errors import MissingExtraError
from lockgate.robustness.images import Images
from lockgate.robustness.stress.measure import StressTest

_SMALL = 64
_AMOUNTS = {  # name -> severities 1 to 5 for small and for large images
    "brightness": ((0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": ((0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)),
    "blur": ((0.4, 0.6, 0.7, 0.8, 1.0), (1.0, 2.0, 3.0, 4.0, 6.0)),
    "noise": ((0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)),
    "jpeg": ((80, 65, 58, 50, 40), (25, 18, 15, 10, 7)),
}
_WORDS = {
    "brightness": "images brighter by {:g} of the range",
    "contrast": "{:g} of the contrast",
    "blur": "a Gaussian blur of {:g} pixels",
    "noise": "normal noise of {:g} of the range",
    "jpeg": "images saved as JPEG of quality {:g}",
}


def corruptions(images: Images) -> list[StressTest]:
    """Return the stress tests of some images."""
    large = max(images.pixels.shape[2:]) > _SMALL
    return [
        _test(images, name, amounts[large], change)
        for (name, amounts), change in zip(
            _AMOUNTS.items(), (_brighter, _paler, _blurred, _noisy, _as_jpeg), strict=True
        )
    ]


def corrupted(images: Images, change: Callable[[Any, float, Any], Any], amount: float, rng: Any) -> Any:
    """Return corrupted pixels, within the range, and whole numbers where the images are."""
    import numpy as np

    span = images.high - images.low
    made = change((images.pixels - images.low) / span, amount, rng)
    pixels = np.clip(made, 0, 1) * span + images.low
    return np.rint(pixels) if images.whole else pixels


def _test(
    images: Images, name: str, amounts: tuple[float, ...], change: Callable[[Any, float, Any], Any]
) -> StressTest:
    return StressTest(
        f"image-{name}",
        lambda severity: _WORDS[name].format(amounts[severity - 1]),
        images.pixels.shape[2] * images.pixels.shape[3],
        lambda severity, rng: corrupted(images, change, amounts[severity - 1], rng),
    )


# --- Changes: images from 0 to 1, an amount and a generator ------------------------------------------


def _brighter(images: Any, amount: float, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    """Raise the value of HSV, the largest channel, and keep hue and saturation."""
    import numpy as np

    colours = images[:, :3]
    value = colours.max(axis=1, keepdims=True)
    raised = np.minimum(value + amount, 1.0)
    black = value == 0
    made = np.where(black, raised, colours * raised / np.where(black, 1.0, value))
    return np.concatenate([made, images[:, 3:]], axis=1)


def _paler(images: Any, amount: float, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    mean = images.mean(axis=(2, 3), keepdims=True)
    return (images - mean) * amount + mean


def _blurred(images: Any, amount: float, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, sigma=(0, 0, amount, amount), mode="nearest")


def _noisy(images: Any, amount: float, rng: Any) -> Any:
    return images + rng.normal(size=images.shape) * amount


def _as_jpeg(images: Any, amount: float, rng: Any) -> Any:  # noqa: ARG001 - the same form for all
    """Save and read every image; a fourth channel stays as it is."""
    import io

    import numpy as np

    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtraError("robustness", error.name or "pillow") from None
    made = images.copy()
    grey = images.shape[1] == 1
    shown = np.rint(np.clip(images[:, :3], 0, 1) * 255).astype(np.uint8)
    for at, one in enumerate(shown):
        file = io.BytesIO()
        Image.fromarray(one[0] if grey else one.transpose(1, 2, 0)).save(file, "JPEG", quality=int(amount))
        read = np.asarray(Image.open(file), dtype=np.float64) / 255
        made[at, :3] = read[None] if grey else read.transpose(2, 0, 1)
    return made
