from __future__ import annotations

import hashlib
import json
from typing import Literal

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate import policy
from lockgate import stage as stages
from lockgate.commands import policy_schema
from lockgate.errors import InputError, PolicyError
from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, Share, Threshold, stage


@stage("check-size")
def check_size(
    data: DatasetIn,
    *,
    label: str,
    max_share: Threshold[Share] = 0.1,
    min_rows: Threshold[int] = 100,
    engine: Threshold[Literal["duckdb", "spark"]] = "duckdb",
    columns: Threshold[list[str]] | None = None,
    seed: int = 0,
) -> Outcome:
    """Count rows.

    Args:
        data: The table.
        label: The label column.
        max_share: Largest share, from 0 to 1.
        min_rows: Fewest rows.
        engine: What counts.
        columns: Which columns.
        seed: A seed.
    """
    raise NotImplementedError


@pytest.fixture(autouse=True)
def _with_check_size(monkeypatch):
    known = stages.find
    monkeypatch.setattr(stages, "find", lambda ref: check_size if ref == "check-size" else known(ref))
    monkeypatch.setattr(stages, "names", lambda: {"check-size": "x", "require-pass": "y"})
    monkeypatch.setattr(stages, "every", lambda: iter([check_size]))


def _load(tmp_path, text):
    path = tmp_path / "lockgate.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return policy.load(path)


def _refused(tmp_path, text):
    with pytest.raises(PolicyError) as caught:
        _load(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "lockgate.yaml"))
    assert "\n" not in said
    return said


GOOD = """\
version: 1
stages:
  check-size: {max_share: 0, min_rows: 5, engine: spark, columns: [a, b], on_inconclusive: open}
"""


def test_a_good_policy_gives_typed_thresholds_and_the_digest_of_its_bytes(tmp_path):
    read = _load(tmp_path, GOOD)
    assert read.thresholds("check-size") == {
        "max_share": 0.0,
        "min_rows": 5,
        "engine": "spark",
        "columns": ["a", "b"],
    }
    assert isinstance(read.thresholds(check_size)["max_share"], float)
    assert read.digest == hashlib.sha256(GOOD.encode()).hexdigest()


def test_the_gate_stays_closed_on_inconclusive_unless_the_policy_opens_it(tmp_path):
    assert _load(tmp_path, GOOD).opens_on_inconclusive("check-size")
    for text in ("version: 1", "version: 1\nstages: {check-size: {on_inconclusive: closed}}"):
        assert not _load(tmp_path, text).opens_on_inconclusive("check-size")
    assert not _load(tmp_path, GOOD).opens_on_inconclusive("require-pass")


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("stages: {}", 1, "lacks the key 'version'; write `version: 1`"),
        ("version: 2", 1, "'version' must be 1"),
        ("version: true", 1, "'version' must be 1"),
        ("version: 1.0", 1, "'version' must be 1"),
        ("version: '1'", 1, "'version' must be 1"),
        ("version: 1\nstage: {}", 2, "'stage' is not known; did you mean 'stages'?"),
        ("version: 1\nstages:", 2, "'stages' must be a mapping"),
        ("version: 1\nstages: []", 2, "'stages' must be a mapping"),
        ("version: 1\nstages:\n  check-size: 3", 3, "'stages.check-size' must be a mapping"),
        ("version: 1\nstages:\n  chek-size: {}", 3, "is no stage; did you mean 'check-size'?"),
        ("version: 1\nstages:\n  'os:system': {}", 3, "is no stage"),
        ("version: 1\nstages:\n  check-size:\n    min_row: 1", 4, "did you mean 'min_rows'?"),
        ("version: 1\nstages:\n  check-size:\n    seed: 1", 4, "nothing that a policy may set"),
        ("version: 1\nstages:\n  check-size:\n    label: y", 4, "nothing that a policy may set"),
        ("version: 1\nstages:\n  check-size:\n    data: y", 4, "nothing that a policy may set"),
        ("version: 1\nstages:\n  check-size:\n    min_rows: '5'", 4, "valid integer"),
        ("version: 1\nstages:\n  check-size:\n    min_rows: 5.5", 4, "valid integer"),
        ("version: 1\nstages:\n  check-size:\n    min_rows: true", 4, "valid integer"),
        ("version: 1\nstages:\n  check-size:\n    min_rows:", 4, "valid integer"),
        ("version: 1\nstages:\n  check-size:\n    max_share: 1.5", 4, "less than or equal to 1"),
        ("version: 1\nstages:\n  check-size:\n    max_share: no", 4, "valid number"),
        ("version: 1\nstages:\n  check-size:\n    max_share: .nan", 4, "not a finite number"),
        ("version: 1\nstages:\n  check-size:\n    engine: polars", 4, "'duckdb' or 'spark'"),
        ("version: 1\nstages:\n  check-size:\n    columns: a", 4, "valid list"),
        ("version: 1\nstages:\n  check-size:\n    on_inconclusive: maybe", 4, "closed or open"),
        ("version: 1\nstages:\n  check-size:\n    on_inconclusive: [open]", 4, "closed or open"),
        ("version: 1\nversion: 1", 2, "twice"),
        ("version: &a 1", 1, "anchor"),
        ("- version", 1, "must be a mapping"),
    ],
)
def test_a_bad_policy_is_refused_with_line_and_key(tmp_path, text, line, part):
    said = _refused(tmp_path, text)
    assert part in said
    assert f"line {line}" in said


def test_a_policy_that_is_no_file_or_empty_is_refused(tmp_path):
    assert "is empty" in _refused(tmp_path, "")
    with pytest.raises(PolicyError, match="there is no file"):
        policy.load(tmp_path / "missing.yaml")


def test_the_policy_outweighs_a_default_and_agrees_with_an_equal_argument(tmp_path):
    read = _load(tmp_path, GOOD)
    for given_rows in (None, 5, 100):
        done = read.apply(check_size, check_size.coerce({"label": "y", "min_rows": given_rows}))
        assert done["min_rows"] == 5
        assert done["label"] == "y"
        assert done["seed"] == 0


@pytest.mark.parametrize("asked", [{"min_rows": 4}, {"min_rows": 6}, {"max_share": 1}, {"columns": "c"}])
def test_an_argument_that_differs_from_the_policy_is_refused_and_named(tmp_path, asked):
    read = _load(tmp_path, GOOD)
    given_arguments = check_size.coerce({"label": "y", **asked})
    with pytest.raises(InputError, match=f"{next(iter(asked))}=.* but the policy .*lockgate.yaml sets"):
        read.apply(check_size, given_arguments)


def test_what_the_policy_does_not_set_stays_the_pipelines_own(tmp_path):
    read = _load(tmp_path, "version: 1\nstages: {check-size: {min_rows: 5}}")
    assert read.apply(check_size, check_size.coerce({"label": "y", "max_share": "0.5"}))["max_share"] == 0.5


def test_the_schema_for_editors_accepts_what_the_reader_accepts_and_refuses_the_rest(tmp_path, capsys):
    policy_schema.main(None)
    schema = json.loads(capsys.readouterr().out)
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    assert check.is_valid(yaml.safe_load(GOOD))
    for bad in (
        {},
        {"version": 2},
        {"version": 1, "stages": {"x": {}}},
        {"version": 1, "stages": {"check-size": {"seed": 1}}},
        {"version": 1, "stages": {"check-size": {"max_share": 2}}},
        {"version": 1, "stages": {"check-size": {"on_inconclusive": True}}},
    ):
        assert not check.is_valid(bad)
        _refused(tmp_path, json.dumps(bad))


_WORDS = st.sampled_from(
    ["version", "stages", "check-size", "min_rows", "on_inconclusive", "open", "max_share"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=40)
    | _VALUES.map(lambda v: yaml.safe_dump(v).encode())
    | _VALUES.map(lambda v: b"version: 1\nstages: " + json.dumps({"check-size": v}).encode())
)
def test_any_file_is_a_policy_or_a_policy_error(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        read = policy.load(path)
    except PolicyError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(read, policy.Policy)
