"""What a threat allows around images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.robustness.threat import Threat, domain_of
from lockgate.robustness.threat.image import ImageDomain


def around(norm, size, *, whole=False, reach=None, low=0.0, high=1.0):
    threat = Threat(norm, norm, size, unit="raw", kind="image", low=low, high=high, reach=reach)
    return ImageDomain(threat, whole=whole)


@given(
    st.sampled_from(["linf", "l2", "l0"]),
    st.floats(0.01, 60),
    st.booleans(),
    st.floats(-300, 600),
    st.integers(0, 2**16),
)
def test_what_is_projected_is_allowed_wherever_it_was(norm, size, whole, far, seed):
    rng = np.random.default_rng(seed)
    size = max(1.0, round(size)) if norm == "l0" else size
    domain = around(norm, size, whole=whole, high=255.0, reach=40.0 if norm == "l0" else None)
    origins = rng.integers(0, 256, (6, 3, 4, 5)).astype(np.float64)
    points = origins + far * rng.normal(size=origins.shape)
    made = domain.project(points, origins)
    assert domain.allowed(made, origins).all()
    assert made.min() >= 0
    assert made.max() <= 255
    if whole:
        assert (made == np.rint(made)).all()
    assert np.allclose(domain.project(made, origins), made, atol=1e-4)


@pytest.mark.parametrize(
    ("norm", "size", "move"),
    [("linf", 0.1, 0.1), ("l2", 0.5, 0.5 / np.sqrt(60)), ("l0", 2, 0.3)],
)
def test_a_move_of_the_size_is_allowed_and_a_little_more_is_not(norm, size, move):
    domain = around(norm, size)
    origins = np.full((1, 3, 4, 5), 0.5)
    points = origins.copy()
    if norm == "l0":
        points[0, :, 0, :2] += move  # two pixels, all channels
    else:
        points += move
    assert domain.allowed(points, origins).all()
    assert np.isclose(domain.distance(points, origins)[0], size)
    beyond = points.copy()
    beyond[0, :, 3, 4] += 0.01
    assert not domain.allowed(beyond, origins).any()


def test_values_outside_of_the_range_and_between_whole_numbers_are_not_possible():
    origins = np.full((1, 3, 4, 5), 250.0)
    domain = around("linf", 50, whole=True, high=255.0)
    assert not domain.allowed(origins + 6, origins).any()
    assert not domain.allowed(origins + 1.5, origins).any()
    assert domain.allowed(origins + 5, origins).all()


def test_an_array_of_images_has_a_domain_of_its_own():
    threat = Threat("linf", size=0.1, unit="raw", kind="image")
    domain = domain_of(threat, np.zeros((7, 3, 4, 5)))
    assert isinstance(domain, ImageDomain)
    assert not domain.whole
    bytes_ = Threat("linf", size=8, unit="raw", kind="image", high=255)
    assert domain_of(bytes_, np.full((7, 3, 4, 5), 9.0)).whole
    assert not domain_of(bytes_, np.full((7, 3, 4, 5), 9.5)).whole
