"""Types along the edges of TensorFlow's graphs are known, and what differs is damage."""

from __future__ import annotations

import pytest

from lockgate.scan.formats.tensorflowtypes import Edges, expand, same
from lockgate.scan.record import DamagedError


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ("7", [7]),
        ("T", [1]),
        ("ref", [1]),
        ("N*T", [1, 1]),
        ("N*3", [3, 3]),
        ("[Ts", [1, 9]),
        ("lost", [None]),
    ],
)
def test_an_argument_stands_for_types(spec, types):
    assert expand(spec, {"T": 1, "N": 2, "Ts": [1, 109], "ref": 101}) == types


@pytest.mark.parametrize("spec", ["M*T", "[T", "[Us"])
def test_an_argument_of_no_known_number_is_not_guessed(spec):
    assert expand(spec, {"T": 1}) is None


def test_a_result_is_found_by_its_place_in_a_graph_and_by_its_name_in_a_function():
    results, given = [("values", "T"), ("rest", "2*3")], {"T": 1, "2": 2}
    graph, function = Edges(inside=False), Edges(inside=True)
    graph.add("n", results, given)
    function.add("n", results, given)
    function.add("x", [("", "7")], {})
    assert [graph.type(name, 0) for name in ("n", "n:0", "n:1", "n:2")] == [1, 1, 3, 3]
    assert [function.type(name, 0) for name in ("n:values:0", "n:rest:1", "x")] == [1, 3, 7]
    assert graph.type("elsewhere:9", 0) is None
    for edges, name in ((graph, "n:3"), (graph, "n:x"), (function, "n:valuec:0"), (function, "n:rest:2")):
        with pytest.raises(DamagedError):
            edges.type(name, 0)


def test_what_is_taken_is_what_is_given():
    same([1, None, 3], [1, 7, None], 0)
    for found in ([1, 7], [1, 7, 4]):
        with pytest.raises(DamagedError):
            same([1, None, 3], found, 0)
