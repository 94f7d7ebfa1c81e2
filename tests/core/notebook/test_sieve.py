"""A line that a detector finds something in is always shown to it, however many are looked at together."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.notebook import secret
from lockgate.notebook.sieve import _AT_ONCE, sieve

DETECTORS = secret._detectors()
PATTERNS = [(one, number) for one in DETECTORS for number in range(len(one.patterns))]
EDGES = st.sampled_from(["", " ", "x", '"', "=", ".", "-", "é"])


@pytest.mark.parametrize(("detector", "number"), PATTERNS, ids=lambda part: getattr(part, "kind", str(part)))
def test_whatever_a_pattern_matches_is_let_through(detector, number):
    plain = detector.patterns[number]

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(plain.pattern.replace("(?<=^)", "^"), fullmatch=False), EDGES, EDGES)
    def holds(made, before, after):
        line = (before + made + after).replace("\n", " ").replace("\r", " ")
        if not any(one.search(line) for one in detector.patterns):
            return
        lines = [(0, "loss: 0.25")] * 3 + [(1, line)] + [(2, "word " * 9)] * 4
        assert [(n, detector in left) for (n, _), left in sieve(lines, DETECTORS) if n == 1] == [(1, True)]

    holds()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_findings_are_those_of_each_line_by_itself(data):
    keys = [
        *(
            "AKIAABCDEFGHIJKLMNOP",
            'password = "hunter2!x9"',
            "https://u5:p4ssw0rdX@h.org",
            "ghp_" + "a1B2" * 9,
        ),
        *("key='aB3dE6hJ9kL2mN5pQ8rS1tU4'", '"3f7a9c2e8b1d4f60aa5577"', "\u017fecret_key = 'aB3$dE6&hJ9'"),
    ]
    lines = data.draw(st.lists(st.sampled_from([*keys, "epoch 3 token usage", "", "loss 0.5"]), max_size=40))
    text = "\n".join(lines)
    for words in (True, False):
        alone = {
            (n, each[:1] + each[2:])
            for n, line in enumerate(lines, 1)
            for each in secret.find(line, words=words)
        }
        assert {(each.line, each[:1] + each[2:]) for each in secret.find(text, words=words)} == alone


def test_a_long_plain_output_goes_past_the_detectors():
    lines = [(n, f"epoch {n} [====>...] - loss: {n / 7:.5f} - accuracy: 0.{n}") for n in range(3 * _AT_ONCE)]
    assert list(sieve(lines, DETECTORS)) == []
