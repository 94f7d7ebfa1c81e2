"""Which versions an advisory is about: the OSV format's own rules, held against a slow and plain reading."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from lockgate.dependencies import cvss
from lockgate.dependencies.matching import affects, match
from lockgate.dependencies.osv import Advisory, Affected

VERSIONS = [
    "0.9",
    "1.0.dev1",
    "1.0a1",
    "1.0rc1",
    "1.0",
    "1.0.post1",
    "1.0.1",
    "1.1",
    "1.9",
    "1.10",
    "2.0",
    "1!0.1",
]


def about(*ranges, versions=()) -> Affected:
    return Affected(tuple(versions), tuple(tuple(r) for r in ranges))


def between(first: str, fixed: str) -> list[tuple[str, str]]:
    return [("introduced", first), ("fixed", fixed)]


@pytest.mark.parametrize(
    ("version", "affected", "answer"),
    [
        ("1.9", about(between("0", "1.10")), True),  # as numbers, not as text
        ("1.10", about(between("0", "1.10")), False),
        ("1.10.0", about(between("0", "1.10")), False),
        ("1.10rc1", about(between("0", "1.10")), True),  # before the fix
        ("1.0", about([("introduced", "1.0"), ("last_affected", "1.5")]), True),
        ("1.5", about([("introduced", "1.0"), ("last_affected", "1.5")]), True),
        ("1.5+local", about([("introduced", "1.0"), ("last_affected", "1.5")]), True),
        ("1.5.1", about([("introduced", "1.0"), ("last_affected", "1.5")]), False),
        ("0.9", about(between("1.0", "2.0")), False),
        ("1!0.1", about(between("0", "2.0")), False),  # an epoch is later than every version without
        ("1.0", about([("fixed", "1.5"), ("introduced", "0")]), True),  # in any order
        ("3.1", about([("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("fixed", "4")]), True),
        ("2.5", about([("introduced", "1"), ("fixed", "2"), ("introduced", "3"), ("fixed", "4")]), False),
        ("2", about([("introduced", "1"), ("fixed", "2"), ("introduced", "2")]), True),
        ("9", about([("introduced", "0")]), True),
        ("9", about([("introduced", "0"), ("limit", "2")]), False),
        ("1.0.0", about(versions=["1.0"]), True),  # equal by PEP 440
        ("1.0+cpu", about(versions=["1.0"]), True),
        ("1.0.1", about(versions=["1.0"]), False),
        ("2004d", about(versions=["2004d"]), True),  # no version by PEP 440, but listed
        ("2004e", about(versions=["2004d"]), None),
        ("1.0", about(between("0", "banana")), None),
        ("1.0", about([("fixed", "2")]), None),  # no introduction: no range
        ("1.0", about(), None),
    ],
)  # fmt: skip
def test_a_version_is_affected_as_the_format_says(version, affected, answer):
    assert affects(version, affected) is answer


@given(
    st.sampled_from(VERSIONS),
    st.lists(
        st.tuples(
            st.sampled_from(["introduced", "fixed", "last_affected"]), st.sampled_from(["0", *VERSIONS])
        ),
        max_size=6,
    ),
)
@settings(max_examples=400, deadline=None)
def test_no_order_of_events_changes_the_answer(version, events):
    forward, backward = affects(version, about(events)), affects(version, about(events[::-1]))
    assert forward is backward


@given(st.sampled_from(VERSIONS), st.sampled_from(VERSIONS), st.sampled_from(VERSIONS))
def test_one_introduction_and_one_fix_are_a_half_open_interval(version, first, fixed):
    inside = Version(first) <= Version(version) < Version(fixed)
    if Version(first) < Version(fixed):
        assert affects(version, about(between(first, fixed))) is inside


@given(st.text(max_size=20))
@settings(deadline=None)
def test_whatever_a_version_is_there_is_an_answer(version):
    assert affects(version, about(between("0", "2"))) in (True, False, None)


def advisory(name: str, *aliases: str, vector: str = "", rated: str = "", fixed: str = "2.0") -> Advisory:
    return Advisory(name, aliases, "", (vector,) if vector else (), rated, (about(between("0", fixed)),),
                    name.startswith("MAL-"))  # fmt: skip


def test_advisories_of_one_flaw_count_once_and_the_worst_rating_stands():
    told = [
        advisory("PYSEC-1", "CVE-1"),
        advisory("GHSA-2", "CVE-2", rated="LOW"),
        advisory(
            "GHSA-1", "CVE-1", rated="LOW", vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", fixed="1.5"
        ),
    ]
    flaws, doubtful = match("1.0", told)
    assert [(f.id, f.rating, f.score) for f in flaws] == [("CVE-1", "CRITICAL", 9.8), ("CVE-2", "LOW", None)]
    assert flaws[0].fixed == ("1.5", "2.0")
    assert doubtful == []


def test_a_flaw_that_nobody_rated_counts_as_high_and_a_malicious_package_as_critical():
    assert [(f.rating, f.rated) for f in match("1.0", [advisory("PYSEC-1")])[0]] == [("HIGH", False)]
    assert [(f.rating, f.malicious) for f in match("1.0", [advisory("MAL-1")])[0]] == [("CRITICAL", True)]


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # examples of FIRST, "CVSS v3.1 Examples"
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
        ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N/E:P/RL:O", 7.5),  # temporal metrics are no base
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", None),
        ("CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
    ],
)
def test_the_base_score_is_that_of_the_specification(vector, score):
    assert cvss.base_score(vector) == score
