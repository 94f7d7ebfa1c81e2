"""Techniques that were written down before the rules were read are found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lockgate.scan.record import Answer

# Not read here, so not judged: the gate is closed all the same.
NOT_READ = {
    "mix-pax-size.tar",
    "mix-model.pkl.zst",
    "mix-promise.rds",
    "mix-entity.pmml",
}


def test_harmless_things_put_together_to_do_harm_are_unsafe_by_a_rule_that_is_about_them(judged, corpus):
    spec = importlib.util.spec_from_file_location("combinations", Path(__file__).with_name("combinations.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    techniques = list(module.combinations(corpus))
    assert len({one.name for one in techniques}) == len(techniques) > 100
    missed = {}
    for one in techniques:
        said = judged(one.data, one.name.rpartition("/")[2])
        found = {hit.rule for hit in said.hits}
        if one.name in NOT_READ:
            assert said.answer is Answer.UNKNOWN, one.name
        elif said.answer is not Answer.UNSAFE or not found & one.rules:
            missed[one.name] = (said.answer, sorted(found))
    assert missed == {}
