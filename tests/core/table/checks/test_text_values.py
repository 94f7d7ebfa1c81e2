from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.table.checks import text_values
from lockgate.table.read import connect
from lockgate.table.typed import open_table


@pytest.fixture
def engine() -> Iterator[Any]:
    with connect() as connection:
        yield connection


def look(engine: Any, folder: Path, values: list[Any]) -> text_values.TextColumn:
    pq.write_table(pa.table({"v": pa.array(values, pa.string())}), folder / "data")
    return text_values.look(open_table(engine, folder / "data"), "v")


def fold(*texts: str) -> list[str]:
    with duckdb.connect() as connection:
        return [connection.execute(f"SELECT {text_values.folded('?')}", [t]).fetchone()[0] for t in texts]


@pytest.mark.parametrize(
    "spellings",
    [
        ("New York", "new york", "NEW-YORK", " New  York ", "New_York.", '"New York"'),
        ("Zürich", "ZÜRICH", "zürich "),
        ("co-operate", "cooperate"),
        ("O'Neill", "ONeill"),
    ],
)
def test_spellings_of_one_word_fold_to_one(spellings: tuple[str, ...]) -> None:
    assert len(set(fold(*spellings))) == 1


@pytest.mark.parametrize(
    "apart",
    [
        ("C", "C++", "C#"),
        ("A+", "A-", "A"),
        ("1.5", "15", "-15"),
        ("1 15", "11 5"),
        ("10-20", "1020"),
        ("café", "cafe"),
        ("50%", "50"),
    ],
)
def test_signs_that_carry_meaning_are_kept(apart: tuple[str, ...]) -> None:
    assert len(set(fold(*apart))) == len(apart)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12))
def test_a_folded_text_does_not_depend_on_spaces_around_it_and_folds_to_itself(text: str) -> None:
    once, around = fold(text, f"  {text} ")
    assert once == around or text != text.strip()
    assert fold(once)[0] == once or any(c in once for c in "\x01\x02-")


def test_words_for_missing_are_counted_by_word_and_are_no_text(engine: Any, tmp_path: Path) -> None:
    found = look(engine, tmp_path, ["1", "2", "NA", "na ", "", None, "null", "3"])
    assert found.null_words == {"": 1, "na": 2, "null": 1}
    assert (found.numbers, found.texts, found.present, found.distinct) == (3, 0, 7, 7)
    assert found.null_kinds(missing=1) == 4


@pytest.mark.parametrize(
    ("numbers", "texts", "share"),
    [
        (999, 1, 0.001),
        (90, 10, 0.1),
        (89, 11, 0.0),
        (1, 999, 0.0),
        (10, 990, 0.01),
        (100, 0, 0.0),
        (0, 100, 0.0),
    ],
)
def test_a_few_of_another_type_are_suspicious_and_a_mixture_is_not(
    engine: Any, tmp_path: Path, numbers: int, texts: int, share: float
) -> None:
    found = look(engine, tmp_path, [str(i) for i in range(numbers)] + ["word"] * texts)
    assert found.rare_type_share == pytest.approx(share)


@pytest.mark.parametrize(("planted", "count"), [("x" * 4_000, 1), ("", 0), ("a usual remark of words", 0)])
def test_only_a_length_far_from_all_others_is_odd(
    engine: Any, tmp_path: Path, planted: str, count: int
) -> None:
    draw = np.random.default_rng(2)
    lengths = np.exp(draw.normal(3, 0.6, 3_000)).astype(int) + 1  # as skewed as free text is
    values = [f"{i:06d}"[: n % 7] + "w" * n for i, n in enumerate(lengths)]
    assert look(engine, tmp_path, [*values, planted]).odd_lengths == count


def test_codes_of_one_length_make_any_other_length_odd(engine: Any, tmp_path: Path) -> None:
    codes = [f"CH-{i:05d}" for i in range(500)]
    assert look(engine, tmp_path, codes).odd_lengths == 0
    assert look(engine, tmp_path, [*codes, "CH-1"]).odd_lengths == 1


def test_categories_are_never_of_an_odd_length(engine: Any, tmp_path: Path) -> None:
    assert look(engine, tmp_path, ["yes", "no"] * 500 + ["it depends on the weather"]).odd_lengths == 0
