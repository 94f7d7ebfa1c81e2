"""The checks of one table that nobody declared, family by family; `FAMILIES` lists them.

The families are those of deepchecks' data_integrity suite, with class imbalance and the share of missing
values, which deepchecks has beside it. Each function takes the same `Ground`, measures, and gives the worst
value and what it found over the limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lockgate.table import repeats
from lockgate.table.checks import correlation, outliers, predictive, text_values
from lockgate.table.checks.signal import LOCATED, Found, Listed, Numbered, Signal
from lockgate.table.sql import quote

if TYPE_CHECKING:
    from lockgate.table.checks.sample import Sample
    from lockgate.table.profile import Column
    from lockgate.table.typed import Table

_MOST_PAIRS = 50


@dataclass
class Ground:
    """What the checks look at.

    Attributes:
        table: The table.
        columns: Its profile.
        sample: A bounded sample of it.
        label: The label column, or None.
        key: Columns that name a row.
        ignore: Columns that are no features.
        texts: What the distinct values of each column of text say.
        located: How many findings have got row numbers so far.
    """

    table: Table
    columns: Mapping[str, Column]
    sample: Sample
    label: str | None
    key: Sequence[str]
    ignore: Sequence[str]
    texts: Mapping[str, text_values.TextColumn]
    located: int = field(default=0)

    @property
    def features(self) -> list[str]:
        """The columns that are neither label nor key nor ignored."""
        apart = {self.label, *self.key, *self.ignore}
        return [name for name in self.table.storage if name not in apart]

    def rows(self, condition: str) -> tuple[int, ...]:
        """Return the first rows for which a condition is true; none once many findings have theirs."""
        self.located += 1
        return self.table.rows_where(condition) if self.located <= LOCATED else ()


def single_value(ground: Ground, _limit: float) -> Found:
    """Columns with one value only, missing ones aside, or with none."""
    found = []
    for name, column in ground.columns.items():
        if not column.present:
            found.append(Signal(1, f"The column {name!r} has no value at all.", name))
        elif not column.invalid and ground.table.rows > 1 and _is_constant(ground, name, column):
            found.append(
                Signal(1, f"The column {name!r} has the same value in every row that has one.", name)
            )
    return Found(len(found), found, "columns with a single value or none")


def percent_of_nulls(ground: Ground, limit: float) -> Found:
    """Columns in which too many rows have no value."""
    shares = {name: 1 - column.completeness for name, column in ground.columns.items()}
    found = [
        Signal(
            share,
            f"The column {name!r} is missing in {share:.1%} of the rows.",
            name,
            ground.columns[name].rows - ground.columns[name].present,
        )
        for name, share in _worst(shares)
        if share > limit
    ]
    return Found(max(shares.values(), default=0.0), found, "largest share of missing values in a column")


def mixed_nulls(ground: Ground, _limit: float) -> Found:
    """Columns of text in which a missing value is written in more than one way."""
    worst, found = 1, []
    for name, text in ground.texts.items():
        column = ground.columns[name]
        kinds = text.null_kinds(column.rows - column.present)
        if kinds <= 1 or not text.null_words:
            continue
        worst = max(worst, kinds)
        count = sum(text.null_words.values())
        found.append(
            Signal(
                kinds,
                f"The column {name!r} writes a missing value in {kinds} ways: {count} texts such as "
                "an empty one, null or NA stand beside real gaps, each other, or numbers.",
                name,
                count,
                ground.rows(text_values.null_word(ground.table.value(name))),
            )
        )
    return Found(worst, found, "ways to write a missing value in one column")


def mixed_types(ground: Ground, _limit: float) -> Found:
    """Columns of text in which a few numbers stand among texts, or a few texts among numbers."""
    found = []
    for name, text in ground.texts.items():
        share = text.rare_type_share
        if share > 0:
            rare, usual = ("numbers", "texts") if text.numbers <= text.texts else ("texts", "numbers")
            count = min(text.numbers, text.texts)
            message = f"The column {name!r} has {count} {rare} among {max(text.numbers, text.texts)} {usual}."
            condition = text_values.is_rare_type(ground.table.value(name), text)
            found.append(Signal(share, message, name, count, ground.rows(condition)))
    return Found(len(found), found, "columns with a few values of another type")


def special_characters(ground: Ground, limit: float) -> Found:
    """Columns of text with values that have neither letter nor digit."""
    shares = {n: text.special / text.present for n, text in ground.texts.items() if text.present}
    found = []
    for name, share in _worst(shares):
        if share <= limit:
            break
        count = ground.texts[name].special
        message = f"The column {name!r} has {count} values without a letter or a digit ({share:.2%})."
        condition = text_values.is_special(ground.table.value(name))
        found.append(Signal(share, message, name, count, ground.rows(condition)))
    return Found(max(shares.values(), default=0.0), found, "largest share in a column")


def string_mismatch(ground: Ground, _limit: float) -> Found:
    """Columns of text with one value in several spellings."""
    found = [
        Signal(
            text.variants,
            f"The column {name!r} has {text.variants} values that are others in another spelling "
            f"(case, spaces or punctuation), in {text.variant_rows} rows that are not the commonest.",
            name,
            text.variant_rows,
        )
        for name, text in ground.texts.items()
        if text.variants
    ]
    return Found(len(found), found, "columns with a value in several spellings")


def string_length(ground: Ground, _limit: float) -> Found:
    """Columns of text with values far longer or shorter than nearly all others."""
    found = []
    for name, text in ground.texts.items():
        if text.odd_lengths and text.bounds:
            low, high = text.bounds
            value = ground.table.value(name)
            rows = ground.rows(f"length({value}) NOT BETWEEN {low!r}::DOUBLE AND {high!r}::DOUBLE")
            message = f"The column {name!r} has {text.odd_lengths} values of a length far from all others."
            found.append(Signal(text.odd_lengths, message, name, text.odd_lengths, rows))
    return Found(sum(s.count for s in found), found, "values of an odd length")


def duplicates(ground: Ground, limit: float) -> Found:
    """Rows that are exact copies of another, key and ignored columns aside."""
    apart = {*ground.key, *ground.ignore}
    names = [n for n in ground.table.storage if n not in apart]
    copies = repeats.duplicates(ground.table) if not apart else repeats.copies(ground.table, names)
    share = copies.count / ground.table.rows
    message = f"{copies.count} of {ground.table.rows} rows are exact copies of another row ({share:.2%})."
    signal = Signal(share, message, None, copies.count, copies.rows)
    return Found(share, [signal] if share > limit else [], "share of the rows")


def conflicting_labels(ground: Ground, limit: float) -> Found:
    """Rows that equal another in every feature and have another label."""
    if not ground.label:
        return Found(None, reason="no label was named")
    if not ground.features:
        return Found(None, reason="there is no feature beside the label")
    twins = repeats.conflicts(ground.table, ground.features, ground.label)
    share = twins.count / ground.table.rows
    message = (
        f"{twins.count} of {ground.table.rows} rows equal another in every feature and have another "
        f"label ({share:.2%})."
    )
    signal = Signal(share, message, ground.label, twins.count, twins.rows)
    return Found(share, [signal] if share > limit else [], "share of the rows")


def class_imbalance(ground: Ground, limit: float) -> Found:
    """A class of the label that is much rarer than the commonest."""
    label = ground.label
    if not label:
        return Found(None, reason="no label was named")
    value = ground.table.value(label)
    grouped = (
        f"SELECT count(*) AS n FROM {quote(ground.table.view)} WHERE {value} IS NOT NULL GROUP BY {value}"  # noqa: S608 - quoted
    )
    least, most, many = ground.table.query(f"SELECT min(n), max(n), count(*) FROM ({grouped})")[0]  # noqa: S608 - as above
    if many > predictive.MAX_CLASSES or (label in ground.sample.numbers and many > predictive.PARTS):
        return Found(None, reason="the label is a quantity, not a class")
    ratio = least / most
    message = f"The rarest class of {label!r} has {least} rows, {ratio:.2%} of the commonest."
    signal = Signal(ratio, message, label, int(least))
    return Found(
        ratio, [signal] if ratio < limit else [], "rows of the rarest class for one of the commonest"
    )


def feature_label_correlation(ground: Ground, limit: float) -> Found:
    """Features that foretell the label alone: most likely they were made from it."""
    return _foretelling(ground, ground.features, limit, "feature")


def identifier_label_correlation(ground: Ground, limit: float) -> Found:
    """Keys that foretell the label: rows were sorted or numbered by it."""
    if not ground.key:
        return Found(None, reason="no primary key was named")
    return _foretelling(ground, ground.key, limit, "key")


def feature_feature_correlation(ground: Ground, limit: float) -> Found:
    """Pairs of features that say the same."""
    features = set(ground.features)
    sample = replace(
        ground.sample,
        numbers={n: v for n, v in ground.sample.numbers.items() if n in features},
        codes={n: v for n, v in ground.sample.codes.items() if n in features},
    )
    every = correlation.pairs(sample, limit)
    if not every:
        return Found(None, reason="there are no two features of numbers or categories")
    over = [p for p in every if p.value > limit]
    found = [
        Signal(
            p.value, f"The columns {p.first!r} and {p.second!r} say nearly the same ({p.value:.3f}).", p.first
        )
        for p in over[:_MOST_PAIRS]
    ]
    if len(over) > _MOST_PAIRS:
        rest = len(over) - _MOST_PAIRS
        found.append(Signal(limit, f"{rest} more pairs of columns say nearly the same.", None, rest))
    return Found(every[0].value, found, f"strongest pair{_of_sample(ground)}")


def outlier_samples(ground: Ground, limit: float) -> Found:
    """Rows far out in one column, or odd in how their columns go together."""
    names = {n: v for n, v in ground.sample.numbers.items() if n in set(ground.features)}
    if not names:
        return Found(None, reason="there is no feature of numbers")
    sample = replace(ground.sample, numbers=names)
    seen = outliers.find(ground.table, sample)
    if seen is None:
        return Found(None, reason="there are too few rows to tell what is usual")
    single, joint = seen.rows / ground.table.rows, len(seen.joint) / seen.sampled
    found = []
    if single > limit:
        condition = outliers.any_beyond(ground.table, sample, list(seen.columns))
        message = (
            f"{seen.rows} of {ground.table.rows} rows lie far outside the rest in one of "
            f"{len(seen.columns)} columns ({single:.2%})."
        )
        found.append(Signal(single, message, None, seen.rows, ground.rows(condition)))
    if joint > limit:
        message = (
            f"{len(seen.joint)} of {seen.sampled} sampled rows have values that do not go together, "
            "each of them usual by itself."
        )
        found.append(Signal(joint, message, None, len(seen.joint), tuple(sorted(seen.joint[:20]))))
    return Found(
        max(single, joint), found, f"share of the rows; joint evidence{_of_sample(ground) or ' of all rows'}"
    )


def _foretelling(ground: Ground, names: Sequence[str], limit: float, what: str) -> Found:
    label = ground.label
    if not label:
        return Found(None, reason="no label was named")
    of_class = predictive.classes(ground.table, label, ground.sample.numbers.get(label))
    if of_class is None:
        return Found(None, reason="the label has too many classes")
    from lockgate.progress import track

    scores = {}
    for name in track(names, f"what one {what} foretells"):
        one = predictive.score(ground.table, name, of_class, ground.sample.numbers.get(name))
        if one is not None:
            scores[name] = one
    if not scores:
        return Found(None, reason=f"no {what} could be held against the label")
    found = [
        Signal(score, f"The {what} {name!r} foretells the label {label!r} alone (lambda {score:.3f}).", name)
        for name, score in _worst(scores)
        if score > limit
    ]
    return Found(max(scores.values()), found, "largest lambda: 1 foretells every label, 0 none")


def _is_constant(ground: Ground, name: str, column: Column) -> bool:
    if column.minimum is not None:
        return bool(column.minimum == column.maximum)
    if name in ground.texts:
        return ground.texts[name].distinct == 1
    value = f"CAST({ground.table.value(name)} AS VARCHAR)"
    return bool(ground.table.ask(f"min({value}) = max({value})")[0][0])


def _of_sample(ground: Ground) -> str:
    return "" if ground.sample.whole else f" in a sample of {len(ground.sample.rows)} rows"


def _worst(values: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(values.items(), key=lambda item: -item[1])


_listed = Numbered[Ground]("LG-INTEGRITY")

FAMILIES: tuple[Listed[Ground], ...] = (
    _listed("single-value", 1, single_value, "Drop the column, or find out why it never varies."),
    _listed("percent-of-nulls", 2, percent_of_nulls, "Find out why values are missing, or drop the column."),
    _listed("mixed-nulls", 3, mixed_nulls, "Write every missing value in one way where the data come from."),
    _listed(
        "mixed-types", 4, mixed_types, "Correct the odd values, or write them into a column of their own."
    ),
    _listed("special-characters", 5, special_characters, "Find out what these stand for, and write that."),
    _listed("string-mismatch", 6, string_mismatch, "Write each category in one spelling."),
    _listed("string-length", 7, string_length, "Look at these rows: values may be cut, joined or injected."),
    _listed(
        "duplicates",
        8,
        duplicates,
        "Find out what wrote rows twice, and keep each once; raise the limit where rows are naturally alike.",
    ),
    _listed(
        "conflicting-labels", 9, conflicting_labels, "Look at these rows' labels and where they come from."
    ),
    _listed(
        "class-imbalance",
        10,
        class_imbalance,
        "Get more rows of the rare class, or weigh the classes.",
        at_least=True,
    ),
    _listed(
        "feature-label-correlation",
        11,
        feature_label_correlation,
        "Find out whether the column is known before the label; leave it out if not.",
    ),
    _listed(
        "feature-feature-correlation",
        12,
        feature_feature_correlation,
        "Keep one of the two, or show why both are needed.",
    ),
    _listed(
        "identifier-label-correlation",
        13,
        identifier_label_correlation,
        "Find out whether rows were sorted or numbered by label, and shuffle them.",
    ),
    _listed(
        "outliers", 14, outlier_samples, "Look at these rows: units, sentinels such as 999, or planted rows."
    ),
)
