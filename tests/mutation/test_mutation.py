from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import mutants  # noqa: E402 - a module beside this file, as for the program

SOURCE = """
LIMIT = 3
CHECKS = (one, two)

def refused(value):
    if value is None:
        raise ValueError
    if not value or value < LIMIT and value.known:
        return Problem()
    for each in value:
        if each.good:
            continue
    return [each for each in value if each.counts]

def check_it(value) -> None:
    assert value
"""


@pytest.fixture
def made():
    return {mutant.name.partition(": ")[2]: mutant for mutant in mutants.of("lockgate.x", SOURCE)}


def test_every_check_of_a_module_is_switched_off_in_turn(made):
    assert set(made) == {
        "CHECKS without one",
        "CHECKS without two",
        "`if value is None` is False",
        "`if not value or (value < LIMIT and value.known)` is False",
        "`not value or (value < LIMIT and value.known)` without `not value`",
        "`not value or (value < LIMIT and value.known)` without `value < LIMIT and value.known`",
        "`value < LIMIT and value.known` without `value < LIMIT`",
        "`value < LIMIT and value.known` without `value.known`",
        "`value < LIMIT` at the boundary",
        "`not value` without not",
        "`if each.good` is True",
        "filter `each.counts` off",
        "returns None at once",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("`if value is None` is False", "if False:\n        raise ValueError"),
        ("`if each.good` is True", "if True:\n            continue"),
        ("`value < LIMIT` at the boundary", "value <= LIMIT"),
        ("`value < LIMIT and value.known` without `value.known`", "value < LIMIT and value < LIMIT"),
        ("`not value` without not", "not not value"),
        ("filter `each.counts` off", "[each for each in value]"),
        ("returns None at once", "return None\n    assert value"),
    ],
)
def test_a_mutant_is_the_module_with_one_change(made, name, text):
    control = mutants.control("lockgate.x", SOURCE).source
    assert text not in control
    assert text in made[name].source
    changed = set(made[name].source.splitlines()) - set(control.splitlines())
    assert len(changed) == 1


def test_an_entry_of_a_list_is_taken_out_by_its_place(made):
    assert made["CHECKS without two"].registry == ("CHECKS", 1)
