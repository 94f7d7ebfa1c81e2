"""One signature declares a stage: its inputs, outputs, parameters, their types and their help."""

from typing import Literal

import pytest

from lockgate import stage as stages
from lockgate.errors import InputError
from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, DatasetOut, FileIn, FileOut, Share, Threshold, stage


@stage("look-closely", threats=["data-poisoning"])
def look_closely(
    data: DatasetIn,
    found: DatasetOut,
    extra: FileOut | None = None,
    others: list[FileIn] = [],  # noqa: B006 - read, never changed
    *,
    label: str,
    share: Threshold[Share] = 0.1,
    rows: Threshold[int] = 100,
    columns: list[str] | None = None,
    suite: Literal["small", "large"] | None = None,
    show: bool = False,
) -> Outcome:
    """Look at a table closely.

    More about it.

    Args:
        data: The table,
            in two lines.
        label: The label column.
    """
    return Outcome()


def _parameter(name):
    return next(p for p in look_closely.parameters if p.name == name)


def test_artifacts_are_told_from_plain_parameters():
    assert [p.name for p in look_closely.inputs] == ["data", "others"]
    assert [p.name for p in look_closely.outputs] == ["found", "extra"]
    assert [p.name for p in look_closely.plain] == ["label", "share", "rows", "columns", "suite", "show"]


def test_what_a_caller_must_give_is_what_has_no_default_and_is_no_output():
    assert [p.name for p in look_closely.parameters if p.required] == ["data", "label"]


def test_only_marked_parameters_are_thresholds_of_a_policy():
    assert [p.name for p in look_closely.parameters if p.threshold] == ["share", "rows"]


def test_help_and_choices_come_from_docstring_and_literal():
    assert _parameter("data").help == "The table, in two lines."
    assert _parameter("suite").choices == ("small", "large")
    assert look_closely.summary == "Look at a table closely."
    assert look_closely.description == "Look at a table closely.\n\nMore about it."


def test_strings_as_templates_and_flags_deliver_them_become_typed_values():
    given = {"label": "y", "share": "0.25", "rows": "7", "columns": '["a", "b,c"]', "show": "true"}
    assert look_closely.coerce(given) == {
        "label": "y", "share": 0.25, "rows": 7, "columns": ["a", "b,c"], "suite": None, "show": True,
    }  # fmt: skip


def test_a_list_may_also_be_written_with_commas():
    assert look_closely.coerce({"label": "y", "columns": "a, b"})["columns"] == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs the parameter 'label'"),
        ({"label": "y", "share": "1.5"}, "less than or equal to 1"),
        ({"label": "y", "share": "nan"}, "finite"),
        ({"label": "y", "rows": "many"}, "valid integer"),
        ({"label": "y", "suite": "huge"}, "'small' or 'large'"),
        ({"label": "y", "lable": "y"}, "has no parameter 'lable'"),
    ],
)
def test_a_value_that_does_not_fit_is_one_sentence_that_names_the_parameter(given, said):
    with pytest.raises(InputError, match=said) as caught:
        look_closely.coerce(given)
    assert "\n" not in str(caught.value)
    assert "look-closely" in str(caught.value)


def test_a_stage_is_found_by_name_and_by_reference_and_a_wrong_name_says_where_to_look():
    for name in stages.names():
        assert stages.find(name).name == name
        assert stages.find(stages.find(name).ref) is stages.find(name)
    with pytest.raises(InputError, match="lockgate --help"):
        stages.find("validate-date")
    with pytest.raises(InputError, match="install the package"):
        stages.find("no_such_package.module:function")
    with pytest.raises(InputError, match="not a stage"):
        stages.find("json:loads")


def test_the_function_must_carry_the_name_of_the_stage():
    with pytest.raises(TypeError, match="look_away"):
        stage("look-away")(look_closely.function)


def test_every_parameter_of_every_stage_has_help():
    silent = [f"{s.name}: {p.name}" for s in stages.every() for p in s.parameters if not p.help]
    assert silent == []
