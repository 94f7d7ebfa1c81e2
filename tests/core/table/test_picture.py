"""The bars of a report are shares that add up to 1, whatever the edges are."""

import pytest

from lockgate.table.picture import bars

TINY, HUGE = 5e-324, 1.7e308


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [0],
        [0, 1],
        [0.0, TINY],
        [-TINY, 0.0, TINY],
        [-HUGE, 0.0, HUGE],
        [-HUGE, -TINY, TINY, HUGE],
        [-(2**63), 2**63 - 1],
    ],
)
def test_bars_are_shares_for_the_narrowest_and_the_widest_edges(edges):
    for sides in bars(edges, [(k, 2) for k in range(len(edges) + 1)]):
        assert sum(sides) in (pytest.approx(1), 0)
        assert min(sides) >= 0


def test_rows_that_moved_up_are_in_higher_bars():
    before, now = bars(range(11), [(0, 0), *[(10, 0)] * 5, *[(10, 20)] * 5, (0, 0)])
    assert sum(before[:7]) == pytest.approx(0.5, abs=0.1)
    assert sum(now[:7]) < 0.05
