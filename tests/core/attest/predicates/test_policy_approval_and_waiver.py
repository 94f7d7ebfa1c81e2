from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.attest import statement
from lockgate.attest.predicates import policy_approval, waiver
from lockgate.attest.predicates.policy_approval import PolicyApproval
from lockgate.attest.predicates.waiver import Waiver
from lockgate.errors import EnvelopeError

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
APPROVED = PolicyApproval("employment", 3, NOW + DAY, NOW)
WAIVED = Waiver("test-robustness", ("LG-ROBUST-002",), None, "why", NOW, NOW + DAY)
APPROVAL = policy_approval.build("a" * 64, APPROVED)
WAIVER = waiver.build({"sha256": "b" * 64}, WAIVED)


@pytest.mark.parametrize(
    ("document", "said", "kind"), [(APPROVAL, APPROVED, "policy-approval"), (WAIVER, WAIVED, "waiver")]
)
def test_what_was_built_is_read_back_and_is_no_statement_of_a_run(document, said, kind):
    read = statement.parse(json.loads(json.dumps(document)))
    assert (read.claim, read.kind) == (said, kind)
    with pytest.raises(EnvelopeError, match="which no stage writes"):
        _ = read.run


@pytest.mark.parametrize(
    ("document", "change", "part"),
    [
        (APPROVAL, {"revision": 0}, "revision"),
        (APPROVAL, {"revision": True}, "revision"),
        (APPROVAL, {"revision": 3.0}, "revision"),
        (APPROVAL, {"revision": "3"}, "revision"),
        (APPROVAL, {"name": ""}, "'name'"),
        (APPROVAL, {"expires": "2027-01-01T00:00:00"}, "no time with a zone"),
        (APPROVAL, {"signedOn": None}, "'signedOn'"),
        (APPROVAL, {"signedOn": "0001-01-01T00:00:00+14:00"}, "no time that a calendar has"),
        (APPROVAL, {"scope": "all"}, "not known ('scope')"),
        (WAIVER, {"rules": []}, "rules"),
        (WAIVER, {"rules": "LG-ROBUST-002"}, "rules"),
        (WAIVER, {"rules": ["LG-*"]}, "rules"),
        (WAIVER, {"rules": ["LG-ROBUST-002\n"]}, "rules"),
        (WAIVER, {"rules": [None]}, "rules"),
        (WAIVER, {"rules": ["LG-A-001"] * 2}, "twice"),
        (WAIVER, {"rules": [f"LG-A-{i}" for i in range(101)]}, "rules"),
        (WAIVER, {"environment": ""}, "'environment'"),
        (WAIVER, {"environment": ["production"]}, "'environment'"),
        (WAIVER, {"reason": "  "}, "reason"),
        (WAIVER, {"reason": "x" * 2001}, "reason"),
        (WAIVER, {"stage": 1}, "'stage'"),
        (WAIVER, {"expires": "2026-11-23T12:00:00Z"}, "expires before"),
        (WAIVER, {"input": "model"}, "not known ('input')"),
    ],
    ids=str,
)
def test_a_predicate_that_says_anything_else_is_refused(document, change, part):
    statement.parse(document)  # the control
    with pytest.raises(EnvelopeError) as caught:
        statement.parse(document | {"predicate": document["predicate"] | change})
    assert part in str(caught.value)


@pytest.mark.parametrize("change", [{"rules": [f"LG-A-{i}" for i in range(100)]}, {"reason": "x" * 2000}])
def test_a_waiver_of_the_longest_form_is_read(change):
    statement.parse(WAIVER | {"predicate": WAIVER["predicate"] | change})


def test_the_first_revision_is_one_too():
    first = APPROVAL | {"predicate": APPROVAL["predicate"] | {"revision": 1}}
    assert statement.parse(first).claim.revision == 1


@pytest.mark.parametrize("document", [APPROVAL, WAIVER], ids=["approval", "waiver"])
def test_no_field_may_be_left_out(document):
    for field in document["predicate"]:
        rest = {name: value for name, value in document["predicate"].items() if name != field}
        with pytest.raises(EnvelopeError, match=f"lacks the field '{field}'"):
            statement.parse(document | {"predicate": rest})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 5)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["LG-A-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([APPROVAL, WAIVER]).flatmap(
        lambda d: st.tuples(
            st.just(d), st.dictionaries(st.sampled_from([*d["predicate"], "x"]), _JSON, max_size=3)
        )
    )
)
def test_any_predicate_is_read_or_refused(pair):
    document, change = pair
    try:
        read = statement.parse(document | {"predicate": document["predicate"] | change})
    except EnvelopeError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(read.claim, (PolicyApproval, Waiver))
