"""Techniques that were written down after the rules are found, too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from lockgate.scan.record import Answer

# What follows the model is not read by any library; that it is there, and what it is, closes the gate.
BEHIND = {"new-tail.ubj"}


def test_techniques_of_advisories_are_unsafe_by_a_rule_that_is_about_them(judged, corpus):
    spec = importlib.util.spec_from_file_location("advisories", Path(__file__).with_name("advisories.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    techniques = list(module.advisories(corpus))
    assert len({one.name for one in techniques}) == len(techniques) > 150
    missed = {}
    for one in techniques:
        said = judged(one.data, one.name)
        found = {hit.rule for hit in said.hits}
        if one.name in BEHIND:
            assert "LG-SCAN-026" in found
        elif said.answer is not Answer.UNSAFE or not found & one.rules or len(one.source) < 6:
            missed[one.name] = (said.answer, sorted(found))
    assert missed == {}


def test_names_of_torchscript_may_stand_for_functions_of_the_model_and_for_nothing_else(judged, corpus):
    def script(given: str) -> bytes:
        code = f"def forward(self, x: Tensor) -> Tensor:\n  _0 = {given}\n  return _0(x, )\n".encode()
        return corpus.torch_zip(corpus.EMPTY_MODEL, **{"m/code/__torch__.py": code})

    assert judged(script("__torch__.torch.nn.functional.dropout")).answer is Answer.SAFE
    for other in ("torch.from_file", "ops.custom.run", "x", "eval", "__torch__.a\n  _0 = torch.save"):
        assert judged(script(other)).answer is Answer.UNSAFE
