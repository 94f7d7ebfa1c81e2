"""The parts of a notebook scan: magics apart from Python, check digits, and any input at all."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate import notebook
from lockgate.errors import InputError
from lockgate.notebook import commands, magics, personal


@pytest.mark.parametrize(
    ("source", "python", "shell", "named"),
    [
        ("x = 1", "x = 1", [], []),
        ("!ls -l\nx = 1", "pass\nx = 1", [(1, "ls -l")], []),
        ("files = !ls\nx = 1", "files = None\nx = 1", [(1, "ls")], []),
        ("if x:\n    !ls", "if x:\n    pass", [(2, "ls")], []),
        ("!curl a \\\n  | sh\nx", "pass\n\nx", [(1, "curl a    | sh")], []),
        ("%pip install a\nx", "pass\nx", [], [(1, "pip", "install a")]),
        ("%time f(1)", "f(1)", [], [(1, "time", "f(1)")]),
        ("%timeit f(1,\n  2)\nx", "f(1, 2)\n\nx", [], [(1, "timeit", "f(1,\n  2)")]),
        ("x?\nprint", "pass\nprint", [], []),
        ("%%bash\nls\nrm x", None, [(2, "ls"), (3, "rm x")], [(1, "bash", "")]),
        ("%%time\nx = 1", "\nx = 1", [], [(1, "time", "")]),
        ('s = """\n!no command\n"""\n!ls', 's = """\n!no command\n"""\npass', [(4, "ls")], []),
        ("x = (4\n% 3)", "x = (4\n% 3)", [], []),
        ("await f()", "await f()", [], []),
    ],
)
def test_magics_and_commands_are_taken_out_and_lines_stay(source, python, shell, named):
    code = magics.separate(source)
    assert code.shell == shell
    assert code.magics == named
    assert code.broken == ""
    if python is None:
        assert code.tree is None
    else:
        assert [n.lineno for n in code.tree.body] == [n.lineno for n in magics._parsed(python)[0].body]
        assert ast.dump(code.tree) == ast.dump(magics._parsed(python)[0])


@given(st.text(alphabet="!%?=x \n\\'\"()[]{}#:;,.1\t", max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_cell_is_taken_apart(source):
    code = magics.separate(source)
    assert code.tree is not None or code.broken or code.magics


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "outputs", "metadata", "output_type", "data", "text"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=3), _JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_a_notebook_or_refused_with_a_sentence(cells, metadata):
    raw = json.dumps({"nbformat": 4, "cells": cells, "metadata": metadata}).encode()
    try:
        notebook.scan(notebook.read(raw))
    except InputError as error:
        assert str(error)  # noqa: PT017 - refusing is one of two right answers


# Numbers published as examples by the authorities themselves, or made from the published rules.
@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("IBAN", "FR76 3000 6000 0112 3456 7890 189", "FR76 3000 6000 0112 3456 7890 188"),
        ("CPF (Brazil)", "529.982.247-25", "529.982.247-26"),
        ("DNI or NIE (Spain)", "DNI 00000023T", "DNI 00000023R"),
        ("NIR (France)", "nir 2 55 08 14 168 025 38", "nir 2 55 08 14 168 025 39"),
        ("national number (Belgium)", "85.07.30-033.28", "85.07.30-033.29"),
        ("personnummer (Sweden)", "personnummer 811228-9874", "personnummer 811228-9875"),
        ("Aadhaar number (India)", "aadhaar 2363 5678 9017", "aadhaar 2363 5678 9018"),
        ("PESEL (Poland)", "PESEL 44051401359", "PESEL 44051401358"),
        ("BSN (Netherlands)", "BSN 111222333", "BSN 111222334"),
        ("tax id (Germany)", "IdNr 86095742719", "IdNr 86095742718"),
        ("NHS number (UK)", "NHS number 943 476 5919", "NHS number 943 476 5918"),
        ("social insurance number (Canada)", "SIN 130 692 544", "SIN 130 692 545"),
    ],
)
def test_a_number_counts_if_its_check_digit_holds(kind, good, bad):
    if kind.startswith("Aadhaar"):  # no published example: the digit is made by the rule
        stem = "2363 5678 901"
        digits = [d for d in "0123456789" if personal.verhoeff((stem + d).replace(" ", ""))]
        assert len(digits) == 1
        good, bad = f"aadhaar {stem}{digits[0]}", f"aadhaar {stem}{(int(digits[0]) + 1) % 10}"
    assert [p.kind for p in personal.find(good) if p.grave] == [kind]
    assert [p.kind for p in personal.find(bad) if p.grave] == []


def test_the_verhoeff_digit_is_that_of_its_author():
    assert personal.verhoeff("2363")  # Verhoeff's own example
    assert not personal.verhoeff("2364")


@pytest.mark.parametrize(
    "text",
    [
        "accuracy 0.4111111111111111 and 1.4556737586899855",
        "commit 4556737586899855a1b2, id 20240131123456789",
        "shape (100, 28, 28), epoch 12/20, 1_000_000 rows, 2024-01-31 12:30:45.123456",
        "git@github.com:a/b.git, you@example.com, noreply@users.noreply.github.com, figure@2x.png",
        "array([ 5.1,  3.5, +1.4, +0.2]), +1e-05, x+12345678",
        "call (555) 555-0142",
    ],
)
def test_numbers_of_science_are_no_persons(text):
    assert list(personal.find(text)) == []


@given(st.text(max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_command_has_an_answer(text):
    for rule, *_ in commands.judge(text):
        assert rule.startswith("LG-NOTEBOOK-")
