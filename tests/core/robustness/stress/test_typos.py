from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate.robustness.stress.typos import typo

unit = st.floats(0, 1, exclude_max=True)


@given(st.text(), unit, unit)
def test_a_typo_is_another_text_of_nearly_the_same_length(text, kind, place):
    made = typo(text, kind, place)
    assert made != text
    assert made
    assert abs(len(made) - len(text)) <= 2 or made == text.swapcase()  # some letters have no single capital


def test_each_kind_of_slip_is_what_it_is_called():
    made = [typo("north", (slip + 0.5) / 6, 0.2) for slip in range(6)]
    assert made == ["nroth", "nrth", "noorth", "nprth", "NORTH", "north "]


def test_a_single_letter_and_an_empty_text_get_a_typo_too():
    assert typo("", 0.0, 0.0) == " "
    assert all(typo("a", slip / 6, 0.0) not in ("a", "") for slip in range(6))
