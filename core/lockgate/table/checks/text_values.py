r"""Look at columns of text, distinct value by distinct value: words for missing, spellings, lengths.

Each column of text is grouped once; everything else reads the groups with their counts, so that a column
of few categories costs one pass and a column of a million texts is still counted exactly.

* **Words for missing** (`NULL_WORDS`): ``null``, ``NA``, an empty or blank text, ... beside real nulls or
  beside each other, or a single kind of them in a column of numbers (deepchecks' Mixed Nulls).
* **Special characters**: values without a letter or a digit in any script (deepchecks' Special Characters).
* **Mixed types**: numbers and texts in one column, the rarer at most a tenth (deepchecks' Mixed Data Types,
  which also leaves out what is below a hundredth: here one text among a million numbers is found, and one
  number among texts is not).
* **String mismatch**: values that are one after folding case, spaces and punctuation. Signs that carry
  meaning stay: ``C++``, ``C#``, ``A+`` and ``A-`` are four, ``1.5`` and ``15`` are two.
* **Length out of bounds**: see `_odd_lengths`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.table.sql import literal, quote, select
from lockgate.table.typed import Table

NULL_WORDS = ("", "null", "none", "nan", "na", "n/a", "#n/a", "<na>", "nat", "nil", "?", "\x00", "\x00\x00")
MAX_RARE_SHARE = 0.1
MIN_RARE_NUMBERS = 0.01
_NUMBER = r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?%?"
_BETWEEN = r"[\s_.,;:'\"`!?()\[\]{}/\\\-\x{2013}\x{2014}]"
_LEAST_LENGTHS = 100  # different values that a column needs before its lengths are looked at
_LEAST_LENGTH_SHARE = 0.01
_TAIL = 0.03
_LINEAR, _LOGARITHMIC = 4.0, 2.0


@dataclass(frozen=True)
class TextColumn:
    """What the distinct values of a column of text say. Counts are rows, unless they say values.

    Attributes:
        present: Rows with a text.
        distinct: Different texts.
        null_words: Rows for each word for missing, blank texts together under ``""``.
        numbers: Rows that are written as a number.
        texts: Rows with any other text; words for missing are in neither.
        special: Rows without a letter or a digit.
        variants: Different values that are also there in another spelling; 0 where values hardly repeat.
        variant_rows: Rows of all but the commonest spelling of each.
        odd_lengths: Rows whose length is out of bounds.
        bounds: The bounds of lengths, in characters, or None where they were not looked at.
    """

    present: int
    distinct: int
    null_words: dict[str, int]
    numbers: int
    texts: int
    special: int
    variants: int
    variant_rows: int
    odd_lengths: int
    bounds: tuple[float, float] | None

    @property
    def rare_type_share(self) -> float:
        """Share of the rarer of numbers and texts where they are suspiciously mixed, else 0."""
        total = self.numbers + self.texts
        rare = min(self.numbers, self.texts) / total if total else 0.0
        if rare > MAX_RARE_SHARE or (self.numbers <= self.texts and rare < MIN_RARE_NUMBERS):
            return 0.0
        return rare

    def null_kinds(self, missing: int) -> int:
        """Count the ways in which a missing value is written, given how many rows have none at all.

        A single word among nothing but numbers counts as two, as the numbers could have gaps instead.
        """
        kinds = len(self.null_words) + bool(missing)
        words_among_numbers = bool(self.null_words) and self.numbers > 0 and self.texts == 0
        return max(kinds, 2 if words_among_numbers else 0)


def look(table: Table, name: str) -> TextColumn:
    """Group a column of text once and count everything about it, exactly."""
    groups = quote(f"{table.view}_texts")
    value = table.value(name)
    grouped = select(
        f"{value} AS v, count(*) AS n", quote(table.view), f"WHERE {value} IS NOT NULL GROUP BY 1"
    )
    table.query(f"CREATE OR REPLACE TEMP TABLE {groups} AS {grouped}")
    try:
        number = f"regexp_full_match(trim(v), {literal(_NUMBER)})"
        special = r"NOT regexp_matches(v, '[\p{L}\p{N}]')"
        counted = select(
            f"coalesce(sum(n), 0), count(*), "
            f"coalesce(sum(n) FILTER (WHERE NOT {null_word('v')} AND {number}), 0), "
            f"coalesce(sum(n) FILTER (WHERE NOT {null_word('v')} AND NOT {number}), 0), "
            f"coalesce(sum(n) FILTER (WHERE NOT {null_word('v')} AND {special}), 0)",
            groups,
        )
        present, distinct, numbers, texts, odd = (int(x) for x in table.query(counted)[0])
        words = select("lower(trim(v)), sum(n)", groups, f"WHERE {null_word('v')} GROUP BY 1 ORDER BY 1")
        null_words = {str(word): int(n) for word, n in table.query(words)}
        variants, variant_rows = 0, 0
        if texts and 2 * distinct <= present:
            variants, variant_rows = _variants(table, groups)
        odd_lengths, bounds = _odd_lengths(table, groups, distinct, present)
    finally:
        table.query(f"DROP TABLE {groups}")
    return TextColumn(
        present, distinct, null_words, numbers, texts, odd, variants, variant_rows, odd_lengths, bounds
    )


def null_word(value: str) -> str:
    """Return the SQL condition that a text is a word for missing."""
    return f"(lower(trim({value})) IN ({', '.join(map(literal, NULL_WORDS))}))"


def is_special(value: str) -> str:
    """Return the SQL condition that a text has neither letter nor digit, and is no word for missing."""
    readable = rf"regexp_matches({value}, '[\p{{L}}\p{{N}}]')"
    return f"({value} IS NOT NULL AND NOT {null_word(value)} AND NOT {readable})"


def is_rare_type(value: str, column: TextColumn) -> str:
    """Return the SQL condition that a text is of the rarer type of its column."""
    number = f"regexp_full_match(trim({value}), {literal(_NUMBER)})"
    rarer = number if column.numbers <= column.texts else f"NOT {number}"
    return f"({value} IS NOT NULL AND NOT {null_word(value)} AND {rarer})"


def folded(value: str) -> str:
    """Return SQL for a text without case, spaces and punctuation between words; see the module docstring."""
    apart = literal(f"([0-9]){_BETWEEN}+([0-9])")
    joined = literal("\\1\x01\\2")
    end, start = literal(r"([\p{L}\p{N}])-$"), literal(r"^-")
    text = f"lower(trim({value}))"
    text = f"regexp_replace({text}, {end}, {literal(chr(92) + '1' + chr(2))})"
    text = f"regexp_replace({text}, {start}, {literal(chr(2))})"
    for _ in range(2):  # neighbours share a digit, so a second time finds every other gap
        text = f"regexp_replace({text}, {apart}, {joined}, 'g')"
    return f"regexp_replace({text}, {literal(_BETWEEN + '+')}, '', 'g')"


def _variants(table: Table, groups: str) -> tuple[int, int]:
    spelt = select(
        "count(*) AS values, sum(n) - max(n) AS others",
        groups,
        f"WHERE NOT {null_word('v')} AND {folded('v')} <> '' GROUP BY {folded('v')} HAVING count(*) > 1",
    )
    found = table.query(select("coalesce(sum(values), 0), coalesce(sum(others), 0)", f"({spelt})"))[0]
    return int(found[0]), int(found[1])


def _odd_lengths(
    table: Table, groups: str, distinct: int, present: int
) -> tuple[int, tuple[float, float] | None]:
    """Count rows whose length is far from that of nearly all others.

    The middle 94 % of the lengths give a span; a length is odd when it lies further from it than four
    spans, and two spans of the logarithms as well, since lengths of free text are skewed. Categories,
    fewer than a hundred different values, are not looked at: a rare long one is as good as the others.
    (The share and the four spans are those of deepchecks' String Length Out Of Bounds.)
    """
    if distinct < _LEAST_LENGTHS or distinct < _LEAST_LENGTH_SHARE * present:
        return 0, None
    lengths = [
        (int(length), int(n))
        for length, n in table.query(select("length(v), sum(n)", groups, "GROUP BY 1 ORDER BY 1"))
    ]
    low, high = _quantile(lengths, _TAIL * present), _quantile(lengths, (1 - _TAIL) * present)
    span = high - low
    steps = math.log1p(high) - math.log1p(low)
    bounds = (
        min(low - _LINEAR * span, math.expm1(math.log1p(low) - _LOGARITHMIC * steps)),
        max(high + _LINEAR * span, math.expm1(math.log1p(high) + _LOGARITHMIC * steps)),
    )
    return sum(n for length, n in lengths if not bounds[0] <= length <= bounds[1]), bounds


def _quantile(lengths: Sequence[tuple[int, int]], rank: float) -> int:
    seen = 0
    for length, n in lengths:
        seen += n
        if seen >= rank:
            return length
    return lengths[-1][0]
