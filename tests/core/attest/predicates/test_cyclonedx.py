from __future__ import annotations

import copy
import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from lockgate.attest import statement
from lockgate.attest.predicates import cyclonedx
from lockgate.errors import EnvelopeError

MODEL, DATA = {"sha256": "1" * 64}, {"sha256": "2" * 64}
SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"


def _bill(**changes):
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": SERIAL,
        "metadata": {"component": {"type": "machine-learning-model", "name": "credit"}},
        "components": [{"type": "data", "name": "batch"}, {"type": "library", "name": "numpy"}],
    } | changes


def _statement(bill=None, written=None):
    """The statement of a run that wrote a bill, whose output has the digest of `written`."""
    bill = _bill() if bill is None else bill
    digest = hashlib.sha256(rfc8785.dumps(bill if written is None else written)).hexdigest()
    return statement.from_result(
        {
            "stage": "build-bom",
            "version": "0.1.0",
            "verdict": "PASS",
            "decision": None,
            "subjects": [
                {"name": "data[0]", "uri": "batch.parquet", "digest": DATA},
                {"name": "model", "uri": "model.skops", "digest": MODEL},
            ],
            "parameters": {},
            "policy": {"digest": None, "thresholds": {}},
            "checks": [{"id": "model", "verdict": "PASS"}],
            "metrics": {},
            "findings": [],
            "outputs": {"bom": {"uri": "bom.cdx.json", "digest": {"sha256": digest}}},
            "evidence": [],
            "body_digest": "b" * 64,
            "finished": "2026-01-01T00:00:00.120Z",
            "context": {"bom": bill},
        },
        "cyclonedx",
    )


def test_a_bill_becomes_a_statement_about_the_model_alone_that_reads_back():
    read = statement.parse(_statement())
    assert [(each.name, each.digest) for each in read.subjects] == [("model", MODEL)]
    assert read.claim == cyclonedx.Bom(serial=SERIAL, name="credit", components=2)


def test_a_bill_without_components_is_one():
    bill = _bill()
    del bill["components"]
    assert statement.parse(_statement(bill)).claim.components == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bomFormat": "SPDX"}, "no CycloneDX 1.6"),
        ({"specVersion": "1.5"}, "no CycloneDX 1.6"),
        ({"serialNumber": SERIAL.upper()}, "no UUID"),
        ({"serialNumber": f"{SERIAL}\n"}, "no UUID"),
        ({"serialNumber": 7}, "serialNumber"),
        ({"metadata": {"component": {"type": "library", "name": "credit"}}}, "something else than a model"),
        ({"metadata": {"component": {"type": "machine-learning-model"}}}, "name"),
        ({"metadata": {}}, "component of the metadata"),
        ({"components": {}}, "components"),
        ({"version": 2**60}, "no canonical form"),
    ],
    ids=str,
)
def test_what_is_no_bill_of_a_model_is_refused(change, said):
    made = _statement()
    bill = _bill(**change)
    if "version" not in change:
        made = _statement(bill)
    made["predicate"] |= bill
    with pytest.raises(EnvelopeError, match=said):
        statement.parse(made)


@pytest.mark.parametrize("where", ["changed", "added", "removed"])
def test_a_bill_that_is_not_the_one_that_the_run_wrote_is_refused(where):
    bill = _bill()
    if where == "changed":
        bill["components"] = copy.deepcopy(bill["components"])
        bill["components"][0]["name"] = "other"
    elif where == "added":
        bill["version"] = 2
    else:
        del bill["components"]
    with pytest.raises(EnvelopeError, match="not the bill that the run wrote"):
        statement.parse(_statement(bill, written=_bill()))


def test_a_bill_that_no_run_wrote_is_refused():
    with pytest.raises(EnvelopeError, match="comes from a run of a stage"):
        cyclonedx.parse(_bill(), None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(_bill())), value=_JSON)
def test_any_value_in_a_field_is_read_or_refused(field, value):
    try:
        read = statement.parse(_statement(_bill(**{field: value})))
    except EnvelopeError:
        return
    assert isinstance(read.claim, cyclonedx.Bom)
