from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("cleanlab")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.poisoning import Assessment, assess

SOURCES = 6


def people(rows: int, seed: int) -> pa.Table:
    """Rows whose label no model can know for sure: one in ten is honestly on the other side."""
    random = np.random.default_rng(seed)
    age = random.integers(10, 90, rows).astype(np.float64)
    skill = random.normal(size=rows)
    region = random.choice(["north", "south", "east"], rows)
    chance = 1 / (1 + np.exp(-(4 * skill + (region == "north") - 1)))
    label = (random.random(rows) < np.where(age < 18, 0.0, chance)).astype(np.int64)
    return pa.table(
        {
            "id": np.arange(rows),
            "age": age,
            "skill": skill,
            "region": region,
            "office": [f"office-{i}" for i in random.integers(0, SOURCES, rows)],
            "label": label,
        }
    )


def flip(table: pa.Table, which: np.ndarray) -> pa.Table:
    label = table["label"].to_numpy()
    return table.set_column(
        table.column_names.index("label"), "label", pa.array(np.where(which, 1 - label, label))
    )


def of_office(table: pa.Table, number: int) -> np.ndarray:
    return np.array(table["office"].to_pylist()) == f"office-{number}"


def numbers(X: np.ndarray, y: np.ndarray) -> pa.Table:  # noqa: N803 - as scikit-learn calls it
    return pa.table({**{f"x{i}": column for i, column in enumerate(X.T)}, "label": y})


def alarmed(assessment: Assessment) -> set[str]:
    return {alarm.detector for alarm in assessment.alarms if alarm.alarmed}


@pytest.fixture(scope="module")
def clean() -> pa.Table:
    return people(2_400, seed=1)


@pytest.fixture(scope="module")
def before() -> pa.Table:
    return people(2_400, seed=2)


# --- Sources ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("with_baseline", [False, True])
def test_a_source_that_flips_labels_is_named_with_its_share(clean, before, share, with_baseline):
    flipped = of_office(clean, 3) & (np.random.default_rng(5).random(clean.num_rows) < share)
    found = assess(
        flip(clean, flipped), label="label", source="office", baseline=before if with_baseline else None
    )
    [alarm] = [a for a in found.alarms if a.alarmed]
    assert alarm.detector == "source-labels"
    assert alarm.source == "office-3"
    assert alarm.share_within == pytest.approx(share, abs=0.15)
    assert found.share == pytest.approx(flipped.mean(), abs=0.03)


def test_rows_of_a_wholly_flipped_source_are_the_suspects_and_few_others_are(clean):
    flipped = of_office(clean, 3)
    found = assess(flip(clean, flipped), label="label", source="office")
    assert found.suspects[flipped].mean() > 0.9
    assert found.suspects[~flipped].mean() < 0.01
    assert {r for r, s in zip(found.reasons, found.suspects, strict=True) if s} == {"LG-POISON-003"}


@pytest.mark.parametrize("with_baseline", [False, True])
def test_a_clean_table_raises_no_alarm_and_has_no_suspects(clean, before, with_baseline):
    found = assess(clean, label="label", source="office", baseline=before if with_baseline else None)
    assert not found.alarmed
    assert not found.suspects.any()
    assert found.reasons == [None] * clean.num_rows
    assert found.share == 0.0
    assert found.conclusive


def test_a_source_with_another_mix_of_rows_is_no_alarm(clean):
    north = np.array(clean["region"].to_pylist()) == "north"
    offices = np.where(north, "office-north", np.array(clean["office"].to_pylist()))
    found = assess(clean.set_column(4, "office", pa.array(offices)), label="label", source="office")
    assert not found.alarmed


def of_honest_mixes(table: pa.Table) -> pa.Table:
    """Offices whose shares of the label differ up to five times, while each class looks alike in all."""
    random = np.random.default_rng(11)
    weights = np.array([[6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6]], dtype=float)
    offices = [
        f"office-{random.choice(SOURCES, p=weights[k] / weights[k].sum())}"
        for k in table["label"].to_pylist()
    ]
    return table.set_column(4, "office", pa.array(offices))


@pytest.mark.parametrize("with_baseline", [False, True])
def test_offices_with_other_rates_of_a_class_are_no_alarm_and_a_flipped_one_among_them_is(with_baseline):
    table, baseline = of_honest_mixes(people(8_000, seed=3)), people(8_000, seed=4) if with_baseline else None
    assert not assess(table, label="label", source="office", baseline=baseline).alarmed
    found = assess(flip(table, of_office(table, 2)), label="label", source="office", baseline=baseline)
    assert found.alarmed
    assert found.suspects[of_office(table, 2)].mean() > 0.9
    [source] = [a.source for a in found.alarms if a.alarmed]
    assert "office-2" in source.split(", ")


def test_a_batch_with_fewer_rows_of_a_class_is_no_alarm_and_one_with_that_class_relabelled_is():
    before, now = people(6_000, seed=5), people(6_000, seed=6)
    ones, random = now["label"].to_numpy() == 1, np.random.default_rng(8)
    some = ones & (random.random(len(ones)) < 0.4)
    assert not assess(now.filter(pa.array(~some)), label="label", baseline=before).alarmed
    assert assess(flip(now, some), label="label", baseline=before).alarmed


# --- Flips all over, and pairs ----------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_random_flips_are_found_against_a_baseline_and_put_down_to_no_source(clean, before, share):
    flipped = np.random.default_rng(7).random(clean.num_rows) < share
    found = assess(flip(clean, flipped), label="label", source="office", baseline=before)
    assert alarmed(found) == {"label-noise"}
    assert found.share == pytest.approx(share, abs=0.04)
    assert found.scores[flipped].mean() > found.scores[~flipped].mean() + 0.2


def test_flips_of_one_class_are_named_as_a_pair_against_a_baseline(clean, before):
    label = clean["label"].to_numpy()
    flipped = (label == 1) & (np.random.default_rng(7).random(clean.num_rows) < 0.3)
    found = assess(flip(clean, flipped), label="label", baseline=before)
    [alarm] = [a for a in found.alarms if a.alarmed]
    assert (alarm.detector, alarm.label_pair) == ("label-pair", ("1", "0"))
    assert not found.suspects[(label == 1) & ~flipped].any()


@pytest.mark.parametrize("kind", ["random", "pair"])
def test_flips_in_data_with_clear_classes_are_found_without_a_baseline(kind):
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)  # noqa: N806 - as scikit-learn calls it
    random = np.random.default_rng(3)
    if kind == "random":
        flipped = random.random(len(y)) < 0.1
        found = assess(
            numbers(X, np.where(flipped, (y + random.integers(1, 10, len(y))) % 10, y)), label="label"
        )
        assert alarmed(found) == {"label-noise"}
    else:
        flipped = (y == 3) & (random.random(len(y)) < 0.3)
        found = assess(numbers(X, np.where(flipped, 8, y)), label="label")
        assert "label-pair" in alarmed(found)
        assert {a.label_pair for a in found.alarms if a.alarmed} == {("3", "8")}
    assert found.suspects[flipped].mean() > 0.5
    assert found.suspects[~flipped].mean() < 0.02


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_packaged_data_as_it_is_raises_no_alarm(name):
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)  # noqa: N806 - as scikit-learn calls it
    found = assess(numbers(X, y), label="label")
    assert not found.alarmed
    assert not found.suspects.any()


# --- Numbers ----------------------------------------------------------------------------------------


def test_the_same_input_and_seed_give_the_same_answer_on_one_thread_or_two(clean):
    from threadpoolctl import threadpool_limits

    table = flip(clean, of_office(clean, 0))
    first = assess(table, label="label", source="office", seed=4)
    with threadpool_limits(2):
        second = assess(table, label="label", source="office", seed=4)
    assert first.scores.tobytes() == second.scores.tobytes()
    assert [a.p_value for a in first.alarms] == [a.p_value for a in second.alarms]


def test_the_order_of_the_rows_does_not_move_an_alarm(clean):
    flipped = of_office(clean, 2)
    order = np.random.default_rng(0).permutation(clean.num_rows)
    found = assess(flip(clean, flipped).take(order), label="label", source="office")
    assert alarmed(found) == {"source-labels"}
    assert found.suspects[flipped[order]].mean() > 0.9


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
@given(
    labels=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=60, max_size=120),
    numbers_=st.lists(
        st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=9
    ),
    texts=st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=9),
)
def test_every_row_has_a_score_from_0_to_1_whatever_the_columns_hold(labels, numbers_, texts):
    labels = ["a", "b", *labels]
    rows = len(labels)
    table = pa.table(
        {
            "number": pa.array([numbers_[i % len(numbers_)] for i in range(rows)], pa.float64()),
            "text": pa.array([texts[i % len(texts)] for i in range(rows)], pa.string()),
            "steady": pa.array([i % 7 for i in range(rows)]),
            "label": pa.array(labels),
        }
    )
    found = assess(table, label="label")
    assert found.scores.shape == (rows,) == found.suspects.shape
    assert len(found.reasons) == rows
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert all(score == 0 for score, given_ in zip(found.scores, labels, strict=True) if given_ is None)
    assert found.alarmed or not found.suspects.any()


# --- Columns and bad input --------------------------------------------------------------------------


def test_keys_and_columns_without_values_are_left_out_and_said_so(clean):
    import datetime as dt

    day = dt.date(2026, 1, 1)
    rows = clean.num_rows
    table = (
        clean.append_column("nothing", pa.nulls(rows))
        .append_column("lists", pa.array([[1]] * rows))
        .append_column("day", pa.array([day] * rows))
        .append_column("flag", pa.array([i % 2 == 0 for i in range(rows)]))
        .append_column("code", pa.array([f"c{i % 900}" for i in range(rows)]).dictionary_encode())
    )
    found = assess(table, label="label", source="office", ignore=["age"])
    assert set(found.left_out) == {"id", "nothing", "lists"}
    assert found.features == ("skill", "region", "day", "flag", "code")


@pytest.mark.parametrize(
    "type_", [pa.float64(), pa.int8(), pa.decimal128(22, 2), pa.dictionary(pa.int32(), pa.int64())]
)
def test_a_class_is_the_same_class_in_whatever_type_a_table_keeps_it(clean, before, type_):
    def kept(table: pa.Table) -> pa.Table:
        column = table["label"].combine_chunks()
        typed = column.dictionary_encode() if pa.types.is_dictionary(type_) else column.cast(type_)
        return table.set_column(5, "label", typed)

    plain = assess(clean, label="label", source="office", baseline=before)
    for one, other in ((clean, kept(before)), (kept(clean), before)):
        found = assess(one, label="label", source="office", baseline=other)
        assert found.scores.tobytes() == plain.scores.tobytes()


def test_times_mean_the_same_in_whatever_unit_a_table_keeps_them(clean, before):
    def with_time(table: pa.Table, type_: pa.DataType) -> pa.Table:
        days = pa.array(
            20_000 + 100 * table["label"].to_numpy() + np.arange(table.num_rows) % 150, pa.int32()
        )
        return table.append_column("day", days.cast(pa.date32()).cast(type_))

    baseline = with_time(before, pa.timestamp("us"))
    plain = assess(with_time(clean, pa.timestamp("us")), label="label", baseline=baseline)
    assert not plain.alarmed
    for type_ in (pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("ns"), pa.date32()):
        found = assess(with_time(clean, type_), label="label", baseline=baseline)
        assert found.scores.tobytes() == plain.scores.tobytes()
        assert not found.alarmed


def test_too_few_rows_decide_nothing(clean):
    found = assess(clean.slice(0, 40), label="label")
    assert not found.conclusive
    assert "40 rows" in found.why_not
    assert not found.alarmed


def test_rows_of_a_class_too_rare_to_check_leave_the_answer_open_and_the_rest_checked(clean):
    labels = clean["label"].to_pylist()
    labels[:3] = [7, 7, 7]
    found = assess(clean.set_column(5, "label", pa.array(labels)), label="label")
    assert not found.conclusive
    assert "3 rows" in found.why_not
    assert found.checked == clean.num_rows - 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"label": "absent"}, "label column 'absent' is not in train"),
        ({"label": "label", "source": "absent"}, "source column 'absent' is not in train"),
        ({"label": "label", "source": "label"}, "name two columns"),
        ({"label": "id"}, "name a column of classes"),
        (
            {"label": "label", "ignore": ["age", "skill", "region", "office"]},
            "no column that a model could learn",
        ),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence(clean, arguments, said):
    with pytest.raises(InputError, match=said):
        assess(clean, **arguments)


def test_one_class_or_no_label_at_all_cannot_be_used(clean):
    for column, said in (([1] * clean.num_rows, "one class only"), ([None] * clean.num_rows, "has no value")):
        with pytest.raises(InputError, match=said):
            assess(clean.set_column(5, "label", pa.array(column, pa.int64())), label="label")


def test_a_baseline_of_other_classes_or_types_cannot_be_used(clean, before):
    with pytest.raises(InputError, match="no class in common"):
        assess(clean, label="label", baseline=before.set_column(5, "label", pa.array(["x", "y"] * 1_200)))
    texts = pa.array([str(age) for age in before["age"].to_pylist()])
    with pytest.raises(InputError, match="'age' is a number in train and a category in baseline"):
        assess(clean, label="label", baseline=before.set_column(1, "age", texts))
