"""Reading labelled images, and giving them to models that want them in another shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.model import Predictor
from lockgate.model.adapter import NamedAdapter
from lockgate.robustness.images import Layout, read_images


class Reads(NamedAdapter):
    """Answers for rows of one shape, and remembers them."""

    def __init__(self, shape, classes=(0, 1)):
        super().__init__(classes)
        self.found(len(classes))
        self.shape = shape

    def probabilities(self, rows):
        self.seen = rows
        return np.tile([[0.75, 0.25]], (len(rows), 1))


@pytest.mark.parametrize(
    ("stored", "reads"),
    [
        ((9, 5, 4), (20,)),
        ((9, 5, 4), (5, 4)),
        ((9, 5, 4), (1, 5, 4)),
        ((9, 5, 4), (5, 4, 1)),
        ((9, 5, 4, 3), (60,)),
        ((9, 5, 4, 3), (3, 5, 4)),
        ((9, 5, 4, 3), (5, 4, 3)),
        ((9, 5, 4, 3), (3, None, None)),
        ((9, 3, 5, 7), (3, 5, 7)),
        ((9, 3, 5, 7), (5, 7, 3)),
        ((9, 16), (16,)),
        ((9, 16), (1, 4, 4)),
        ((9, 5, 4), None),
    ],
)
def test_a_model_gets_each_pixel_where_it_expects_it(npz, stored, reads):
    x = np.random.default_rng(0).random(stored)
    model = Reads(reads)
    predictor, images = read_images(Predictor(model), npz(X=x, y=np.arange(9) % 2), "y")
    predictor.predict_proba(images.pixels)
    assert model.seen.shape[1:] == ((3, 5, 4) if reads and None in reads else reads or (5, 4))
    assert images.pixels.shape[1] in (1, 3)
    if x.ndim == 4 and x.shape[3] == 3:  # channels last
        assert np.array_equal(images.pixels[2, 1], x[2, :, :, 1])
    if reads in ((3, 5, 4), (3, 5, 7)):
        assert np.allclose(model.seen[2], images.pixels[2])
    if reads == (20,):
        assert np.allclose(model.seen, x.reshape(9, -1))


def test_flat_rows_take_the_shape_that_is_given(npz):
    _, images = read_images(
        Predictor(Reads((24,))), npz(X=np.ones((4, 24)), y=[0, 1, 0, 1]), "y", shape=[2, 4, 3]
    )
    assert images.pixels.shape == (4, 3, 2, 4)


def test_the_range_is_that_of_bytes_or_fractions_or_what_is_said(npz):
    def low_high(x, **more):
        _, images = read_images(Predictor(Reads(None)), npz(X=x, y=[0, 1]), "y", **more)
        return images.low, images.high, images.whole

    x = np.arange(8).reshape(2, 2, 2)
    assert low_high(x.astype(np.uint8)) == (0, 255, True)
    assert low_high(x / 8) == (0, 1, False)
    assert low_high(x - 3.5) == (-3.5, 3.5, False)
    assert low_high(x, pixel_range=[0, 16]) == (0, 16, True)
    with pytest.raises(InputError, match="outside of pixel_range"):
        low_high(x, pixel_range=[0, 4])
    with pytest.raises(InputError, match="smallest and the largest"):
        low_high(x, pixel_range=[9, 4])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": np.ones((2, 4, 4))}, "no array y"),
        ({"X": np.ones((2, 4, 4)), "y": [0, 7]}, "none of the model's 2 classes"),
        ({"X": np.ones((2, 4, 4)), "y": [1, 1]}, "one class only"),
        ({"X": np.ones((2, 4, 4)) * np.nan, "y": [0, 1]}, "no finite numbers"),
        ({"X": np.ones((2, 5, 6, 7)), "y": [0, 1]}, "no axis has 1, 3 or 4 channels"),
        ({"X": np.ones((2, 15)), "y": [0, 1]}, "image_shape"),
        ({"X": np.ones((2, 3, 3)), "y": [0, 1]}, "reads rows of the shape 16"),
        ({"y": [0, 1]}, "no array X"),
    ],
)
def test_images_that_cannot_be_used_are_refused_in_one_sentence(npz, arrays, said):
    with pytest.raises(InputError, match=said):
        read_images(Predictor(Reads((16,))), npz(**arrays), "y")


@given(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.sampled_from(["chw", "hwc"]), st.booleans()
)
def test_to_the_model_and_back_nothing_is_lost(channels, height, width, order, flat):
    layout = Layout((channels, height, width), order, flat)
    images = np.arange(2.0 * channels * height * width).reshape(2, channels, height, width)
    assert layout.to_model(images).shape[1:] == layout.shape
    assert np.array_equal(layout.from_model(layout.to_model(images)), images)
