"""Threats as YAML files, and the rules in them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.errors import InputError
from lockgate.robustness.threat import BUILT_IN, Threat
from lockgate.robustness.threat.chosen import chosen
from lockgate.robustness.threat.form import read_threat
from lockgate.robustness.threat.rules import read_rule

FULL = """
version: 1
name: loan
norm: l0
size: 3
unit: range
reach: 0.5
move: [income, debt, town]
immutable: [age]
categories: [town]
category_changes: 2
steps: {rooms: 1, price: 0.5, x: 0}
ranges: {income: [0, 200000]}
only_up: [tenure]
only_down: [debt]
one_hot: [[rent, own, other]]
rules: ["debt <= income", "a + b == 100", "`hours per week` >= 2 * x - 1"]
infer: false
"""


def test_everything_that_a_file_can_say_is_read():
    found = read_threat(FULL.encode())
    assert (found.name, found.norm, found.size, found.unit, found.reach) == ("loan", "l0", 3, "range", 0.5)
    said = found.constraints
    assert said.move == ("income", "debt", "town")
    assert said.steps == (("rooms", 1.0), ("price", 0.5), ("x", 0.0))
    assert said.ranges == (("income", 0.0, 200000.0),)
    assert said.one_hot == (("rent", "own", "other"),)
    assert said.rules[0].weights == (("debt", 1.0), ("income", -1.0))
    assert (said.rules[1].most, said.rules[1].equal) == (100.0, True)
    assert dict(said.rules[2].weights) == {"hours per week": -1.0, "x": 2.0}
    assert said.rules[2].most == 1.0
    assert said.infer is False


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("name: a\nsize: 1", "version"),
        ("version: 2\nname: a\nsize: 1", "version"),
        ("version: 1\nname: a", "size"),
        ("version: 1\nname: a b\nsize: 1", "name"),
        ("version: 1\nname: a\nsize: 0", "size"),
        ("version: 1\nname: a\nsize: -1", "size"),
        ("version: 1\nname: a\nsize: .nan", "size"),
        ("version: 1\nname: a\nsize: one", "size"),
        ("version: 1\nname: a\nsize: true", "size"),
        ("version: 1\nname: a\nsize: 1\nnorm: l3", "norm"),
        ("version: 1\nname: a\nsize: 1.5\nnorm: l0", "whole number"),
        ("version: 1\nname: a\nsize: 1\nreach: 1", "reach"),
        ("version: 1\nname: a\nsize: 1\nimutable: [x]", "did you mean 'immutable'"),
        ("version: 1\nname: a\nsize: 1\nimmutable: x", "immutable"),
        ("version: 1\nname: a\nsize: 1\nimmutable: [x, x]", "twice"),
        ("version: 1\nname: a\nsize: 1\nmove: [x]\nimmutable: [x]", "decide for one"),
        ("version: 1\nname: a\nsize: 1\nonly_up: [x]\nonly_down: [x]", "decide for one"),
        ("version: 1\nname: a\nsize: 1\nranges: {x: [2, 1]}", "smaller value first"),
        ("version: 1\nname: a\nsize: 1\nranges: {x: [1]}", "ranges"),
        ("version: 1\nname: a\nsize: 1\nsteps: {x: -1}", "steps"),
        ("version: 1\nname: a\nsize: 1\none_hot: [[x]]", "one_hot"),
        ("version: 1\nname: a\nsize: 1\none_hot: [[x, y], [y, z]]", "twice"),
        ("version: 1\nname: a\nsize: 1\nrules: [x < y]", "rules"),
        ("version: 1\nname: a\nsize: 1\nkind: image\nimmutable: [x]", "of tables"),
        ("version: 1\nname: a\nsize: 1\npixels: [0, 1]", "of images"),
        ("version: 1\nname: a\nsize: 1\nname: b", "twice"),
        ("", "empty"),
        ("[1, 2", "not YAML"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(lines, said):
    with pytest.raises(InputError, match=said) as raised:
        read_threat(lines.encode(), "t.yaml")
    assert "t.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_they_are_a_threat_or_one_sentence(raw):
    with contextlib.suppress(InputError):
        assert isinstance(read_threat(raw), Threat)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = ("norm", "unit", "reach", "move", "steps", "ranges", "one_hot", "rules", "infer", "kind", "pixels")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=4))
def test_whatever_stands_under_the_keys_it_is_a_threat_or_one_sentence(said):
    raw = json.dumps({"version": 1, "name": "a", "size": 1, **said}).encode()
    with contextlib.suppress(InputError):
        assert isinstance(read_threat(raw), Threat)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a <= ", "<= a", "a < b", "a <= b <= c", "a * b <= 1", "a b <= 1", "1 <= 2", "a <= a",
     "2 + <= a", "a <= (b)", "a <= b;", "* a <= 1", "a + * b <= 1", "`a <= b", "1e999 * a <= 1", "a" * 600],
)  # fmt: skip
def test_a_rule_that_is_no_linear_rule_is_refused(text):
    with pytest.raises(InputError, match="rule"):
        read_rule(text)


_TERMS = st.lists(
    st.tuples(st.integers(-50, 50).filter(bool), st.sampled_from(["a", "b", "größe", "hours per week"])),
    min_size=1,
    max_size=5,
)


@given(_TERMS, _TERMS, st.sampled_from(["<=", ">=", "=="]))
def test_a_rule_means_what_it_says(left, right, sign):
    values = {"a": 3, "b": -7, "größe": 11, "hours per week": 0.5}

    def side(terms):
        return " + ".join(f"{w} * `{n}`" if " " in n else f"{w} * {n}" for w, n in terms).replace("+ -", "- ")

    def total(terms):
        return sum(w * values[n] for w, n in terms)

    try:
        rule = read_rule(f"{side(left)} {sign} {side(right)}")
    except InputError as error:
        assert "no column that matters" in str(error)  # noqa: PT017 - the only reason there may be
        return
    excess = sum(w * values[n] for n, w in rule.weights) - rule.most
    expected = {
        "<=": total(left) <= total(right),
        ">=": total(left) >= total(right),
        "==": total(left) == total(right),
    }[sign]
    assert (excess == 0 if rule.equal else excess <= 0) == expected


def test_names_files_and_sizes_go_together(tmp_path):
    (tmp_path / "t.yaml").write_text(FULL)
    found = chosen(["linf", "l0-2", str(tmp_path / "t.yaml")], None, kind="table", eps=0.3, columns=["x"])
    assert [t.name for t in found] == ["linf", "l0-2", "loan"]
    assert [t.size for t in found] == [0.3, 2, 3]
    assert found[0].constraints.move == ("x",)
    assert found[2].constraints.move == ("income", "debt", "town")
    assert BUILT_IN["linf"].constraints.move is None


@pytest.mark.parametrize(
    ("named", "said"),
    [(["linff"], "did you mean 'linf'"), (["linf", "linf"], "the name 'linf'"), (["no.yaml"], "no file")],
)
def test_threats_that_are_not_there_are_refused(named, said):
    with pytest.raises(InputError, match=said):
        chosen(named, None, kind="table", eps=0.1, columns=None)
