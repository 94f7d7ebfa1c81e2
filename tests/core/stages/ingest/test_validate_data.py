from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Finding, Outcome, Verdict
from lockgate.run import run
from lockgate.stages.ingest.validate_data import validate_data
from lockgate.table.baseline import document
from lockgate.table.engine.local import profile_of

SCHEMA = """
version: 1
label: hired
primary_key: [id]
ignore: [source]
rows: {min: 10, max: 1000}
max_conflicting_label_share: 0.1
columns:
  id: {type: integer}
  age: {type: integer, min: 16, max: 99}
  town: {type: string, categories: [Bern, Basel, Chur]}
  badge: {type: string, unique: true}
  score: {type: number, min_completeness: 0.5, min: 0}
  note: {type: string, nullable: true, required: false, categories: [x]}
  source: {type: string}
  hired: {type: integer, categories: [0, 1]}
"""


def people(rows: int = 200) -> dict[str, Any]:
    draw = np.random.default_rng(7)
    return {
        "id": np.arange(rows),
        "age": draw.integers(18, 80, rows),
        "town": np.array(["Bern", "Basel", "Chur"])[draw.integers(0, 3, rows)],
        "badge": np.array([f"{n:05d}" for n in range(rows)]),
        "score": draw.uniform(0, 1, rows),
        "source": np.array(["north", "south"])[draw.integers(0, 2, rows)],
        "hired": draw.integers(0, 2, rows),
    }


def spoilt(column: str, row: int, value: Any) -> dict[str, Any]:
    table = people()
    cells = table[column].tolist()
    cells[row] = value
    return {**table, column: cells}


class Bench:
    """Runs the stage on tables in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "schema.yaml").write_text(SCHEMA)

    def put(self, columns: dict[str, Any], name: str = "data") -> Path:
        pq.write_table(pa.table(columns), self.folder / name)
        return self.folder / name

    def accepted(self, how: str, columns: dict[str, Any]) -> dict[str, Path]:
        """The argument that names an accepted table: its rows, or the profile that stands for them."""
        path = self.put(columns, "baseline")
        if how == "baseline_profile":
            document.write(profile_of(path), self.folder / "profile.json")
            path = self.folder / "profile.json"
        return {how: path}

    def __call__(self, columns: dict[str, Any], *, schema: str | None = SCHEMA, **more: Any) -> Outcome:
        if schema is not None:
            (self.folder / "schema.yaml").write_text(schema)
            more["schema"] = self.folder / "schema.yaml"
        return validate_data(
            self.put(columns), self.folder / "page.html", self.folder / "registered.yaml", **more
        )


BASELINES = pytest.mark.parametrize("how", ["baseline", "baseline_profile"])


@pytest.fixture
def validate(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {check.id: check.verdict for check in outcome.checks}


def only(outcome: Outcome) -> Finding:
    assert len(outcome.findings) == 1, outcome.findings
    return outcome.findings[0]


def test_a_table_that_fits_its_schema_passes_every_check(validate: Bench) -> None:
    outcome = validate(people())

    assert outcome.verdict is Verdict.PASS
    assert not outcome.findings
    assert {"range:age", "categories:town", "unique:badge", "key", "duplicates", "conflicting-labels"} <= set(
        verdicts(outcome)
    )
    assert outcome.metrics["rows"] == 200


@pytest.mark.parametrize(
    ("column", "value", "check", "rule"),
    [
        ("age", 15, "range:age", "LG-DATA-005"),
        ("age", 100, "range:age", "LG-DATA-005"),
        ("age", None, "completeness:age", "LG-DATA-004"),
        ("town", "Genf", "categories:town", "LG-DATA-006"),
        ("town", "", "categories:town", "LG-DATA-006"),
        ("badge", "00001", "unique:badge", "LG-DATA-007"),
        ("score", -0.5, "range:score", "LG-DATA-005"),
        ("score", float("inf"), "type:score", "LG-DATA-003"),
        ("hired", 2, "categories:hired", "LG-DATA-006"),
    ],
)
def test_one_bad_value_fails_its_check_and_is_located_but_not_shown(
    validate: Bench, column: str, value: Any, check: str, rule: str
) -> None:
    outcome = validate(spoilt(column, 150, value))

    finding = only(outcome)
    assert outcome.verdict is Verdict.FAIL
    assert [c.id for c in outcome.checks if c.verdict is not Verdict.PASS] == [check]
    assert (finding.rule, finding.check, finding.count) == (rule, check, 1)
    assert 150 in finding.location.rows
    assert finding.location.column == column
    assert not value or str(value) not in finding.message.replace("150", "").replace("200", "")


def test_a_key_that_repeats_or_has_gaps_fails(validate: Bench) -> None:
    repeated = validate(spoilt("id", 150, 0))
    gap = validate(
        spoilt("id", 150, None), schema=SCHEMA.replace("id: {type: integer}", "id: {nullable: true}")
    )

    assert (only(repeated).check, only(repeated).location.rows) == ("key", (0, 150))
    assert only(gap).check == "key-completeness"


def test_missing_and_extra_columns_fail_and_what_cannot_run_is_inconclusive(validate: Bench) -> None:
    table = people()
    table["Age"] = table.pop("age")  # names are compared letter by letter
    outcome = validate(table)

    assert {f.rule for f in outcome.findings} == {"LG-DATA-001", "LG-DATA-002"}
    assert verdicts(outcome)["range:age"] is Verdict.INCONCLUSIVE
    allowed = validate({**people(), "more": np.ones(200)}, schema=SCHEMA + "allow_extra_columns: true\n")
    assert allowed.verdict is Verdict.PASS


def test_a_column_of_another_type_fails_and_its_range_is_inconclusive(validate: Bench) -> None:
    outcome = validate({**people(), "age": people()["age"].astype(str)})

    assert verdicts(outcome)["type:age"] is Verdict.FAIL
    assert verdicts(outcome)["range:age"] is Verdict.INCONCLUSIVE
    assert only(outcome).count == 200


def test_integers_that_pandas_stored_as_floats_are_still_integers(validate: Bench) -> None:
    assert validate({**people(), "age": people()["age"].astype(float)}).verdict is Verdict.PASS


def test_a_nullable_column_without_any_value_leaves_its_categories_undecided(validate: Bench) -> None:
    outcome = validate({**people(), "note": pa.nulls(200, pa.string())})

    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert verdicts(outcome)["categories:note"] is Verdict.INCONCLUSIVE
    assert verdicts(outcome)["completeness:note"] is Verdict.PASS


def test_copied_rows_fail_over_the_allowed_share_and_pass_under_it(validate: Bench) -> None:
    schema = SCHEMA.replace("primary_key: [id]\n", "").replace(", unique: true", "")
    copied = {name: np.concatenate([cells, cells[:10]]) for name, cells in people().items()}

    outcome = validate(copied, schema=schema)
    assert only(outcome).rule == "LG-DATA-008"
    assert outcome.metrics["duplicate_rows"] == 10
    assert validate(copied, schema=schema, max_duplicate_share=0.05).verdict is Verdict.PASS


def test_rows_with_equal_features_and_other_labels_fail_over_the_allowed_share(validate: Bench) -> None:
    table = people()
    twins = {name: np.concatenate([cells, cells[:40]]) for name, cells in table.items()}
    twins["id"] = np.arange(240)
    twins["source"] = np.array(["elsewhere"] * 240)
    schema = SCHEMA.replace(", unique: true", "")
    agreeing = validate(twins, schema=schema)
    twins["hired"][200:] = 1 - twins["hired"][200:]
    outcome = validate(twins, schema=schema)

    assert agreeing.verdict is Verdict.PASS
    assert (only(outcome).rule, only(outcome).count) == ("LG-DATA-009", 80)


@BASELINES
@pytest.mark.parametrize(
    ("rule", "planted", "check", "number"),
    [
        ("town: {type: string, min_count: 199}", {"town": ["Bern"] * 198 + [None] * 2}, "count:town", 4),
        ("town: {min_distinct: 2}", {"town": ["Bern"] * 200}, "distinct:town:min", 17),
        (
            "town: {max_distinct: 3}",
            {"town": ["Bern", "Basel", "Chur", "Genf"] * 50},
            "distinct:town:max",
            17,
        ),
        ("town: {type: string, min_length: 4}", {"town": ["Bern"] * 199 + ["Ulm"]}, "length:town", 18),
        ("town: {type: string, max_length: 5}", {"town": ["Bern"] * 199 + ["Zurich"]}, "length:town", 18),
        (
            "town: {type: string, categories: [Bern, Basel, Chur], min_domain_mass: 0.99}",
            {"town": ["Bern"] * 197 + ["Genf"] * 3},
            "categories:town",
            6,
        ),
        ("town: {type: string, max_skew: 0.2}", {"town": ["Bern"] * 200}, "skew:town", 19),
        ("score: {type: number, max_skew: 0.1}", {"score": np.linspace(0.5, 1, 200)}, "skew:score", 19),
    ],
)
def test_what_tfdv_checks_besides_holds_for_the_clean_table_and_fails_for_the_spoilt_one(
    validate: Bench, how: str, rule: str, planted: dict[str, Any], check: str, number: int
) -> None:
    given = validate.accepted(how, people()) if "skew" in rule else {}
    nullable = rule.replace("}", ", nullable: true}")
    schema = f"version: 1\nallow_extra_columns: true\ncolumns: {{{nullable}}}\n"
    clean = validate(people(), schema=schema, **given)
    spoilt = validate({**people(), **planted}, schema=schema, **given, max_outside_baseline=1.0)

    assert verdicts(clean)[check] is Verdict.PASS
    assert [(f.rule, f.check) for f in spoilt.findings if f.check] == [(f"LG-DATA-{number:03d}", check)]
    assert spoilt.verdict is Verdict.FAIL


def test_a_few_values_of_no_category_are_within_the_mass_of_the_domain(validate: Bench) -> None:
    schema = SCHEMA.replace("Chur]}", "Chur], min_domain_mass: 0.99}")
    assert validate(spoilt("town", 150, "Genf"), schema=schema).verdict is Verdict.PASS


def test_skew_without_a_baseline_is_inconclusive(validate: Bench) -> None:
    outcome = validate(people(), schema=SCHEMA.replace("max: 99}", "max: 99, max_skew: 0.1}"))
    assert verdicts(outcome)["skew:age"] is Verdict.INCONCLUSIVE
    assert outcome.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("limits", "check"), [("{min: 201}", "rows:min"), ("{max: 199}", "rows:max")])
def test_too_few_and_too_many_rows_fail(validate: Bench, limits: str, check: str) -> None:
    outcome = validate(people(), schema=SCHEMA.replace("{min: 10, max: 1000}", limits))

    assert (only(outcome).rule, only(outcome).check) == ("LG-DATA-010", check)


def test_csv_codes_are_validated_as_text_and_as_written(validate: Bench, tmp_path: Path) -> None:
    schema = tmp_path / "codes.yaml"
    schema.write_text(
        'version: 1\ncolumns: {code: {type: string, categories: ["007", "010"]}, n: {type: integer}}\n'
    )
    page, new = tmp_path / "page.html", tmp_path / "registered.yaml"
    (tmp_path / "good").write_text("code,n\n007,1\n010,2\n")
    (tmp_path / "bad").write_text("code,n\n7,1\n010,02\n")

    assert validate_data(tmp_path / "good", page, new, schema).verdict is Verdict.PASS
    bad = validate_data(tmp_path / "bad", page, new, schema)
    assert {f.check for f in bad.findings} == {"categories:code", "type:n"}


# --- Baseline ---------------------------------------------------------------------------------------


@BASELINES
@pytest.mark.parametrize(
    ("before", "now", "compared"),
    [
        (np.arange(200), np.arange(200) + 10_000, False),  # keys go on counting
        (np.full(200, 2015), np.full(200, 2026), False),  # the mark of a batch
        (np.full(200, 2015), np.full(200, 2004), True),  # which never goes back
        (np.arange(200), np.arange(200) // 2 + 10_000, True),  # a repeated number is no key
        (np.arange(200) % 50, np.arange(200) + 10_000, True),  # and was none in the baseline
    ],
)
def test_only_numbers_that_tell_batches_apart_may_leave_the_baselines_range(
    validate: Bench, how: str, before: Any, now: Any, compared: bool
) -> None:
    given = validate.accepted(how, {**people(), "mark": before})
    outcome = validate({**people(), "mark": now}, schema=None, **given, primary_key=["id"])
    assert ("baseline-range:mark" in verdicts(outcome)) is compared
    assert outcome.verdict is (Verdict.FAIL if compared else Verdict.PASS)
    assert ("LG-DATA-016" in {f.rule for f in outcome.findings}) is not compared


@BASELINES
def test_a_table_like_its_baseline_passes_without_a_schema(validate: Bench, how: str) -> None:
    given = validate.accepted(how, people())
    later = {**people(210), "id": np.arange(1000, 1210), "badge": np.arange(1000, 1210).astype(str)}
    outcome = validate(later, schema=None, **given, primary_key=["id"], label="hired")

    assert outcome.verdict is Verdict.PASS
    assert "baseline-range:id" not in verdicts(outcome)


@BASELINES
@pytest.mark.parametrize(
    ("change", "rule", "check"),
    [
        ({"age": np.full(200, 120)}, "LG-DATA-014", "baseline-range:age"),
        ({"town": np.array(["Genf"] * 200)}, "LG-DATA-012", "baseline-categories:town"),
        ({"score": [None] * 100 + [0.5] * 100}, "LG-DATA-013", "baseline-completeness:score"),
        ({"town": np.arange(200)}, "LG-DATA-003", "baseline-type:town"),
        ({"new": np.arange(200)}, "LG-DATA-002", "baseline-extra-columns"),
    ],
)
def test_what_changed_since_the_baseline_fails(
    validate: Bench, how: str, change: dict[str, Any], rule: str, check: str
) -> None:
    given = validate.accepted(how, people())
    outcome = validate({**people(), **change}, schema=None, **given, primary_key=["id"])

    assert (only(outcome).rule, only(outcome).check) == (rule, check)


@BASELINES
def test_a_rare_new_value_is_tolerated_up_to_the_threshold(validate: Bench, how: str) -> None:
    given = validate.accepted(how, people())
    arguments: dict[str, Any] = {"schema": None, **given, "primary_key": ["id"]}

    assert validate(spoilt("town", 3, "Genf"), **arguments).verdict is Verdict.PASS
    assert validate(spoilt("town", 3, "Genf"), **arguments, max_outside_baseline=0.0).verdict is Verdict.FAIL


@BASELINES
def test_a_delivery_of_a_tenth_of_the_rows_fails_against_the_baseline(validate: Bench, how: str) -> None:
    given = validate.accepted(how, people())

    tenth = {name: cells[:20] for name, cells in people().items()}
    assert only(validate(tenth, schema=None, **given, primary_key=["id"])).check == "baseline-rows:min"
    assert only(validate(people(500), schema=None, **given, primary_key=["id"])).check == "baseline-rows:max"


def test_a_profile_knows_values_that_were_merged_into_it_or_are_too_long_to_be_listed(
    validate: Bench,
) -> None:
    towns = np.array(["Bern"] * 100 + ["Genf"] * 50 + ["x" * 300] * 50)
    monday = profile_of(validate.put(people(), "monday"))
    tuesday = profile_of(validate.put({**people(), "town": towns}, "tuesday"), layout=monday)
    document.write(monday + tuesday, validate.folder / "both.json")
    given = {"schema": None, "baseline_profile": validate.folder / "both.json", "min_row_ratio": 0.1}

    assert validate({**people(), "town": towns}, **given).verdict is Verdict.PASS
    new = validate({**people(), "town": np.array(["Thun"] * 200)}, **given)
    assert (only(new).rule, only(new).count) == ("LG-DATA-012", 200)


def test_a_schema_may_read_a_profiles_numbers_as_others_than_they_were_stored(validate: Bench) -> None:
    ages = {"age": np.array([18.0, 30.0, 44.0, np.nan])}
    given = validate.accepted("baseline_profile", ages)
    schema = "version: 1\ncolumns:\n  age: {type: integer, nullable: true}\n"

    assert validate(ages, schema=schema, **given, max_duplicate_share=1).verdict is Verdict.PASS
    older = {"age": np.array([98.0, 99.0, 97.0, np.nan])}
    assert only(validate(older, schema=schema, **given)).check == "baseline-range:age"


def test_a_profile_given_as_rows_is_told_from_them(validate: Bench) -> None:
    profile = validate.accepted("baseline_profile", people())["baseline_profile"]
    with pytest.raises(InputError, match="is a profile, which has no rows; give it as baseline_profile"):
        validate(people(), schema=None, baseline=profile)


def test_a_baseline_is_rows_or_a_profile_and_not_both(validate: Bench) -> None:
    given = validate.accepted("baseline_profile", people()) | validate.accepted("baseline", people())
    with pytest.raises(InputError, match="give one of them"):
        validate(people(), schema=None, **given)


# --- Inference --------------------------------------------------------------------------------------


def test_an_inferred_schema_passes_its_table_and_fails_a_spoilt_one(validate: Bench, tmp_path: Path) -> None:
    written = tmp_path / "inferred.yaml"
    first = validate(
        people(), schema=None, infer_schema=written, label="hired", primary_key=["id"], ignore=["source"]
    )
    text = written.read_text()

    assert first.verdict is Verdict.WARN  # it was held against what was read off it
    assert text.startswith("# Inferred from 200 rows.")
    assert 'town: {type: string, categories: ["Basel"' not in text  # plain words need no quotes
    assert "  town: {type: string, categories: [Basel, Bern, Chur]}" in text
    assert "  badge: {type: string, unique: true}" in text
    assert "  hired: {type: integer, categories: [0, 1]}" in text
    assert validate(people(), schema=text).verdict is Verdict.PASS
    assert validate(spoilt("town", 5, "Genf"), schema=text).verdict is Verdict.FAIL
    assert validate(spoilt("age", 5, 999), schema=text).verdict is Verdict.FAIL


# --- The life of a schema ---------------------------------------------------------------------------

# Given, skip_check, fail_on_violation, register_new_baseline, whether the data hold:
# the verdict, whether it was checked, and whether a new schema was registered.
LIVES = [
    (False, False, True, False, True, "INCONCLUSIVE", False, False),
    (False, False, True, True, True, "INCONCLUSIVE", False, True),
    (False, True, True, False, True, "INCONCLUSIVE", False, False),
    (False, True, True, True, True, "WARN", False, True),
    (False, False, False, False, True, "INCONCLUSIVE", False, False),
    (False, False, False, True, True, "INCONCLUSIVE", False, True),
    (False, True, False, False, True, "INCONCLUSIVE", False, False),
    (False, True, False, True, True, "WARN", False, True),
    (True, False, True, False, True, "PASS", True, False),
    (True, False, True, False, False, "FAIL", True, False),
    (True, False, True, True, True, "PASS", True, True),
    (True, False, True, True, False, "FAIL", True, False),
    (True, False, False, False, True, "PASS", True, False),
    (True, False, False, False, False, "WARN", True, False),
    (True, False, False, True, True, "PASS", True, True),
    (True, False, False, True, False, "WARN", True, True),
    (True, True, True, False, True, "WARN", False, False),
    (True, True, True, False, False, "WARN", False, False),
    (True, True, True, True, True, "WARN", False, True),
    (True, True, True, True, False, "WARN", False, True),
    (True, True, False, False, True, "WARN", False, False),
    (True, True, False, False, False, "WARN", False, False),
    (True, True, False, True, True, "WARN", False, True),
    (True, True, False, True, False, "WARN", False, True),
]


@pytest.mark.parametrize(
    ("supplied", "given", "skip", "fail", "register", "holds", "verdict", "checked", "registered"),
    [
        (supplied, *life)
        for supplied in ("schema", "baseline")
        for life in LIVES
        if life[0] or supplied == "schema"
    ],
)
def test_every_combination_checks_weighs_and_registers_as_the_table_says(
    validate: Bench,
    supplied: str,
    given: bool,
    skip: bool,
    fail: bool,
    register: bool,
    holds: bool,
    verdict: str,
    checked: bool,
    registered: bool,
) -> None:
    more: dict[str, Any] = {"schema": None, "primary_key": ["id"]}
    if given and supplied == "schema":
        more = {"schema": SCHEMA}
    elif given:
        more["baseline"] = validate.put(people(), "baseline")
    table = people() if holds else {**people(), "town": np.array(["Genf"] * 200)}
    outcome = validate(table, **more, skip_check=skip, fail_on_violation=fail, register_new_baseline=register)

    assert outcome.verdict.value == verdict
    assert ("duplicates" in verdicts(outcome)) is checked
    written = validate.folder / "registered.yaml"
    assert written.exists() is registered is outcome.metrics["new_baseline"]
    if registered:
        assert "LG-DATA-024" in {f.rule for f in outcome.findings}
        assert validate(table, schema=written.read_text()).verdict is Verdict.PASS


def test_the_combinations_are_all_that_there_are() -> None:
    lives = [life[:5] for life in LIVES]
    given = {life for life in lives if life[0]}
    assert len(set(lives)) == len(lives)
    assert len(given) == 2**4
    assert len(set(lives) - given) == 2**3


def test_a_first_run_says_how_to_register_a_baseline(validate: Bench) -> None:
    outcome = validate(people(), schema=None)

    assert only(outcome).rule == "LG-DATA-022"
    assert "set register_new_baseline" in only(outcome).fix


def test_what_cannot_run_stays_undecided_when_violations_only_warn_and_registers_nothing(
    validate: Bench,
) -> None:
    table = {n: c for n, c in people().items() if n != "age"}
    outcome = validate(table, fail_on_violation=False, register_new_baseline=True)

    assert verdicts(outcome)["missing-columns"] is Verdict.WARN
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert not (validate.folder / "registered.yaml").exists()


def test_through_run_a_registered_schema_is_a_signed_output_and_a_policy_forbids_to_skip(
    validate: Bench, tmp_path: Path
) -> None:
    data = str(validate.put(people()))
    first = run("validate-data", {"data": data, "register_new_baseline": "true"}, out=tmp_path / "first")
    again = {"data": data, "schema": first.outputs["registered_schema"]}
    second = run("validate-data", again, out=tmp_path / "second")
    (tmp_path / "lockgate.yaml").write_text("version: 1\nstages: {validate-data: {skip_check: false}}\n")

    assert (first.verdict, second.verdict) == (Verdict.INCONCLUSIVE, Verdict.PASS)
    assert "registered_schema" not in second.outputs
    with pytest.raises(InputError, match="skip_check=True, but the policy"):
        run(
            "validate-data",
            {**again, "skip_check": "true"},
            out=tmp_path / "third",
            policy=tmp_path / "lockgate.yaml",
        )


# --- Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hired": np.ones(200, int)}, "'hired' .* one class only"),
        ({"hired": pa.nulls(200, pa.int64())}, "'hired' .* no value at all"),
        ({"age": pa.nulls(200, pa.int64())}, "'age' .* no value at all"),
        ({"age": np.full(200, np.nan)}, "'age' .* no value at all"),
        ({"hired": np.array(["x", "y"] * 100)}, "'hired' .* no value of its type"),
    ],
)
def test_a_column_that_says_nothing_is_bad_input(validate: Bench, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        validate({**people(), **change})


def test_an_empty_table_and_an_absent_label_are_bad_input(validate: Bench) -> None:
    with pytest.raises(InputError, match="has no rows"):
        validate({name: cells[:0] for name, cells in people().items()})
    with pytest.raises(InputError, match=r"label names 'hired', which .* does not have"):
        validate({name: cells for name, cells in people().items() if name != "hired"})


def test_a_label_that_contradicts_the_schema_is_bad_input(validate: Bench) -> None:
    with pytest.raises(InputError, match="label is 'town', and the schema says 'hired'"):
        validate(people(), label="town")


@pytest.mark.parametrize("name", ['"; DROP TABLE x; --', "'", "n", "h", "row", "select", "naïve ☃"])
def test_hostile_column_names_are_validated_like_any_other(validate: Bench, name: str) -> None:
    table = {name: np.arange(30), "y": np.arange(30) % 2}
    schema = json.dumps(
        {"version": 1, "label": "y", "columns": {name: {"type": "integer", "max": 28}, "y": {}}}
    )

    outcome = validate(table, schema=schema)

    assert only(outcome).location.rows == (29,)
    assert only(outcome).location.column == name


# --- Through run ------------------------------------------------------------------------------------


def test_the_same_table_gives_the_same_body_digest_on_one_core_and_on_several(
    validate: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    data = validate.put(people(5_000))
    (tmp_path / "schema.yaml").write_text(SCHEMA.replace("max: 1000", "max: 5000"))
    arguments = {"data": str(data), "schema": str(tmp_path / "schema.yaml"), "baseline": str(data)}
    connect = duckdb.connect
    digests = set()
    for threads in (1, 2, 4):
        monkeypatch.setattr(
            duckdb, "connect", lambda *a, config, n=threads: connect(*a, config={**config, "threads": str(n)})
        )
        digests.add(run("validate-data", arguments, out=tmp_path / f"out-{threads}").body_digest)

    assert len(digests) == 1


def test_no_value_of_the_table_reaches_the_result_or_the_report(validate: Bench, tmp_path: Path) -> None:
    table = spoilt("town", 3, "Hidden-place")
    table["age"][7] = 87_654
    result = run(
        "validate-data",
        {"data": str(validate.put(table)), "schema": str(tmp_path / "schema.yaml")},
        out=tmp_path / "out",
    )

    assert result.verdict is Verdict.FAIL
    for name in ("result.json", "report.html", "attestation.json"):
        text = (tmp_path / "out" / name).read_text()
        assert "Hidden-place" not in text
        assert "87654" not in text
        assert "87,654" not in text
