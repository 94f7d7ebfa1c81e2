"""Pictures: inline SVG that holds under a strict policy, whatever the points and names are."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.report.picture import Axis, Curves, Images, Series, draw

_any = st.floats(allow_nan=True, allow_infinity=True)


@settings(deadline=None)
@given(st.lists(st.tuples(_any, _any)), st.lists(st.tuples(_any, _any, _any)), st.booleans())
def test_any_points_make_finite_coordinates_inside_the_picture(points, band, log):
    page = draw(Curves(Axis("x", 0.001, 1.0, log), Axis("y"), [Series("line", points, band)]))
    assert not re.search(r"nan|inf", page.split("</svg>")[0])
    for x, y in re.findall(r'[ML](-?[\d.]+) (-?[\d.]+)(?=[LMZ"])', page):
        assert 0 <= float(x) <= 490
        assert 0 <= float(y) <= 330


def test_names_are_escaped_and_nothing_is_loaded_or_run():
    name = '<script>alert("x")</script>'
    page = draw(Curves(Axis(name), Axis(name), [Series(name, [(0.1, 0.2), (0.3, 0.4)])], says=name))
    page += draw(Images([(name, [[0.0, 1.0]])], says=name))
    assert "<script" not in page
    assert not re.search(r"\s(on\w+|style|href|src)=", page)


def test_many_points_and_pixels_stay_small():
    points = [(i / 50_000, i / 50_000) for i in range(50_000)]
    assert len(draw(Curves(Axis("x"), Axis("y"), [Series(str(n), points) for n in range(9)]))) < 40_000
    image = [[(x * y) % 7 / 7 for x in range(200)] for y in range(200)]
    assert len(draw(Images([(str(n), image) for n in range(9)]))) < 400_000


def test_a_short_logarithmic_axis_names_twice_and_five_times_the_powers_of_ten():
    assert Axis("queries", 50.0, 300.0, log=True).ticks() == [50, 100, 200]
    assert Axis("share", 0.1, 1.0, log=True).ticks() == [0.1, 0.2, 0.5, 1]
    assert Axis("share", 0.001, 1.0, log=True).ticks() == [0.001, 0.01, 0.1, 1]


def test_a_logarithmic_axis_names_its_powers_of_ten():
    page = draw(Curves(Axis("x", 0.001, 1.0, log=True), Axis("y"), []))
    assert all(f">{tick}<" in page for tick in ("0.001", "0.01", "0.1", "1"))
