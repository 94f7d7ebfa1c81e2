"""Every published technique is found, and with the rule that says what it is."""

from __future__ import annotations

import pytest

from lockgate.scan.apart import scan_files
from lockgate.scan.record import Answer

# Found, but not said to be unsafe: eight archives in each other are a limit, not a proof.
LIMITED = {"nested-deep.zip"}


@pytest.fixture(scope="module")
def scanned(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    techniques = {technique.name: technique for technique in corpus.techniques()}
    assert len(techniques) == len(corpus.techniques()) > 300
    for name, technique in techniques.items():
        (folder / name).write_bytes(technique.data)
    return techniques, {said.id: said for said in scan_files((name, folder / name) for name in techniques)}


def test_no_technique_is_called_safe(scanned):
    techniques, said = scanned
    assert set(said) == set(techniques)
    assert {name for name, one in said.items() if one.answer is not Answer.UNSAFE} == LIMITED


def test_every_technique_is_found_by_the_rule_that_is_about_it(scanned):
    techniques, said = scanned
    wrong = {
        name: sorted(hit.rule for hit in one.hits)
        for name, one in said.items()
        if not techniques[name].rules & {hit.rule for hit in one.hits}
    }
    assert wrong == {}


def test_a_file_is_judged_by_its_content_and_not_by_its_name(scanned, judged, corpus):
    for name in ("model.safetensors", "README.md", "model.json", "data.csv", ""):
        assert judged(corpus.system(), name).answer is Answer.UNSAFE
    assert judged(corpus.EMPTY_MODEL, "os.system.sh.exe.pkl").answer is Answer.SAFE


def test_every_technique_names_its_source(corpus):
    assert all(len(technique.source) > 5 for technique in corpus.techniques())
