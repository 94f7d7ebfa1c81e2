"""`build-bom`: what a model is made of, as CycloneDX 1.6, and what must not get into it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lockgate import artifact
from lockgate.attest import envelope, keys
from lockgate.bom import check, compose
from lockgate.errors import EnvelopeError, InputError, MissingExtraError, StageError
from lockgate.run import run
from lockgate.training import training_step

pytest.importorskip("cyclonedx.validation.json")

CARD = """
name: employment
version: "2026.3"
approach: supervised
task: classification
architecture_family: linear
licenses: [Apache-2.0]
authors: [{person: Ana, email: ana@example.org}]
supplier: {organization: Example, url: "https://example.org"}
inputs: [a row]
outputs: [a class]
datasets:
  - name: batch
    classification: public
    sensitive: [age]
    owners: [{organization: Census Bureau}]
    stewards: [{person: Bo}]
metrics:
  - {type: accuracy, value: 0.8125, lower: 0.8, upper: 0.82, slice: all}
considerations:
  limitations: [one year]
  ethical: [{name: proxies, mitigation: reviewed}]
  fairness: [{group: young people, harms: more errors}]
"""
LOCK = f"numpy==1.26.4 \\\n    --hash=sha256:{'a' * 64}\nScikit_Learn[x]==1.5.0 --hash=sha256:{'b' * 64}\n"


class Made:
    """A model with its card, its lock and signed attestations about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = keys.generate("signer", folder / "keys", None)
        self.key = str(self.pair.private)
        (folder / "batch.csv").write_text("a,y\n1,0\n2,1\n")
        (folder / "card.yaml").write_text(CARD)
        (folder / "lock.txt").write_text(LOCK)
        read = {"batch": folder / "batch.csv"}
        with training_step(materials=read, parameters={"depth": 3}, record=folder / "step.json") as step:
            step.product("model", folder / "model.bin").write_bytes(b"\0weights")
        told = {
            "products": [folder / "model.bin"],
            "step": folder / "step.json",
            "environment_lock": folder / "lock.txt",
            "code_revision": "c" * 40,
            "code_repository": "https://example.org/code.git",
        }
        run("record-provenance", told, out=folder / "trained", key=self.key)
        run("sign-artifact", {"artifact": folder / "model.bin"}, out=folder / "signed", key=self.key)
        self.whole = {
            "model": folder / "model.bin",
            "card": folder / "card.yaml",
            "lock": folder / "lock.txt",
            "provenance": folder / "trained/attestation.json",
            "attestations": folder / "signed/attestation.json",
            "key": self.pair.public,
        }

    def build(self, out: str = "bom", **changes):
        given = {name: value for name, value in (self.whole | changes).items() if value is not None}
        return run("build-bom", given, out=self.folder / out, key=self.key)

    def bill(self, out: str = "bom") -> dict:
        return json.loads((self.folder / out / "bom.cdx.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    Made(folder)
    return folder


@pytest.fixture
def made(tmp_path) -> Made:
    return Made(tmp_path)


def _rules(result) -> list[str]:
    return [finding["rule"] for finding in result.document["findings"]]


def _model(bill: dict) -> dict:
    return bill["metadata"]["component"]


def test_a_model_of_which_all_is_known_passes_and_its_bill_says_it(made):
    result = made.build()
    assert (result.verdict, _rules(result)) == ("PASS", [])
    bill = made.bill()
    model = _model(bill)
    assert (model["type"], model["name"], model["version"]) == (
        "machine-learning-model",
        "employment",
        "2026.3",
    )
    assert model["hashes"] == [{"alg": "SHA-256", "content": artifact.digest(made.whole["model"])["sha256"]}]
    card = model["modelCard"]
    assert card["modelParameters"]["approach"] == {"type": "supervised"}
    assert card["modelParameters"]["datasets"] == [{"ref": "data:1"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "accuracy",
            "value": "0.8125",
            "slice": "all",
            "confidenceInterval": {"lowerBound": "0.8", "upperBound": "0.82"},
        }
    ]
    assert card["considerations"]["fairnessAssessments"] == [
        {"groupAtRisk": "young people", "harms": "more errors"}
    ]
    data, numpy, sklearn = bill["components"]
    assert data["data"][0]["governance"]["stewards"] == [{"contact": {"name": "Bo"}}]
    assert data["hashes"][0]["content"] == artifact.digest(made.folder / "batch.csv")["sha256"]
    assert (numpy["purl"], sklearn["purl"]) == ("pkg:pypi/numpy@1.26.4", "pkg:pypi/scikit-learn@1.5.0")
    assert numpy["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    (training,) = bill["formulation"][0]["workflows"]
    assert training["inputs"] == [
        {"resource": {"ref": "data:1"}},
        {"parameters": [{"name": "depth", "value": "3"}]},
    ]
    code = bill["formulation"][0]["components"][0]
    assert (code["version"], code["externalReferences"][0]["type"]) == ("c" * 40, "vcs")


def test_every_reference_in_a_bill_leads_somewhere_and_no_two_components_share_one(made):
    made.build()
    text = json.dumps(made.bill())
    refs = __import__("re").findall(r'"bom-ref": "([^"]+)"', text)
    assert len(refs) == len(set(refs))
    pointed = __import__("re").findall(r'"ref": "([^"]+)"', text)
    assert pointed
    assert set(pointed) <= set(refs)


def test_the_same_inputs_give_the_same_bytes_and_another_byte_gives_another_serial_number(made):
    one, two = made.build("one"), made.build("two")
    assert (made.folder / "one/bom.cdx.json").read_bytes() == (made.folder / "two/bom.cdx.json").read_bytes()
    assert one.body_digest == two.body_digest
    made.build("three", name="other")
    assert made.bill("one")["serialNumber"] != made.bill("three")["serialNumber"]
    assert "timestamp" not in made.bill("one")["metadata"]


def test_attestations_are_named_by_their_digest(made):
    made.build()
    named = {ref["hashes"][0]["content"] for ref in _model(made.bill())["externalReferences"]}
    files = (made.whole["provenance"], made.whole["attestations"])
    assert named == {artifact.digest(file)["sha256"] for file in files}


def test_a_folder_of_attestations_is_read_and_one_that_is_empty_is_refused(made):
    folder = made.folder / "evidence"
    folder.mkdir()
    with pytest.raises(InputError, match="no attestation in it"):
        made.build(attestations=folder)
    shutil.copy(made.whole["attestations"], folder / "one.json")
    assert made.build(attestations=folder).document["metrics"]["attestations"] == 2


def test_of_a_model_in_a_folder_every_file_is_a_component_and_the_sealed_digest_a_property(made):
    folder = made.folder / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"a")
    (folder / "parts/é b.bin").write_bytes(b"b")
    result = made.build(model=folder, provenance=None, attestations=None, key=None)
    assert result.verdict == "WARN"
    model = _model(made.bill())
    assert [each["name"] for each in model["components"]] == ["a.bin", "parts/é b.bin"]
    assert {"name": "lockgate:lockgateTree1", "value": artifact.digest(folder)["lockgateTree1"]} in model[
        "properties"
    ]
    assert "hashes" not in model


# --- What closes the gate ---------------------------------------------------------------------------


def test_a_model_of_which_nothing_is_known_is_a_warning_and_a_fail_where_the_policy_needs_it(made):
    bare = dict.fromkeys(("card", "lock", "provenance", "attestations", "key"))
    result = made.build(**bare)
    assert (result.verdict, sorted(_rules(result))) == (
        "WARN",
        ["LG-BOM-002", "LG-BOM-004", "LG-BOM-007", "LG-BOM-009"],
    )
    assert _model(made.bill())["name"] == "model"
    for needed in ("need_card", "need_provenance", "need_libraries"):
        assert made.build(**bare, **{needed: True}).verdict == "FAIL"


def test_an_empty_model_is_no_model(made):
    (made.folder / "empty").mkdir()
    result = made.build(model=made.folder / "empty", provenance=None, attestations=None)
    assert "LG-BOM-001" in _rules(result)
    assert result.verdict == "FAIL"


@pytest.mark.parametrize("which", ["provenance", "attestations"])
def test_what_another_key_signed_does_not_get_into_the_bill(made, which):
    other = keys.generate("other", made.folder / "keys", None)
    result = made.build(key=other.public, **{{"provenance": "attestations"}.get(which, "provenance"): None})
    assert result.verdict == "FAIL"
    assert "LG-BOM-005" in _rules(result)
    assert "externalReferences" not in _model(made.bill())
    assert "formulation" not in made.bill()


def test_an_attestation_about_another_model_does_not_get_into_the_bill(made):
    made.whole["model"].write_bytes(b"\0weight5")
    result = made.build()
    assert result.verdict == "FAIL"
    assert set(_rules(result)) >= {"LG-BOM-006"}
    assert "externalReferences" not in _model(made.bill())


def test_an_attestation_without_a_key_to_check_it_is_refused(made):
    with pytest.raises(InputError, match="give key"):
        made.build(key=None)
    with pytest.raises(InputError, match="give the attestation of record-provenance"):
        made.build(provenance=made.whole["attestations"])
    assert not (made.folder / "bom/bom.cdx.json").exists()


def test_data_or_a_lock_that_the_training_did_not_see_close_the_gate(made):
    (made.folder / "other.csv").write_text("a,y\n9,9\n")
    (made.folder / "other.txt").write_text(LOCK + f"pandas==2.2.0 --hash=sha256:{'c' * 64}\n")
    assert _rules(made.build(data=made.folder / "batch.csv")) == []
    assert _rules(made.build(data=made.folder / "other.csv")) == ["LG-BOM-008"]
    result = made.build(lock=made.folder / "other.txt")
    assert (_rules(result), result.verdict) == (["LG-BOM-011"], "FAIL")


def test_libraries_without_a_digest_are_a_warning(made):
    (made.folder / "loose.txt").write_text("numpy==1.26.4\npandas>=2\n")
    result = made.build(lock=made.folder / "loose.txt", provenance=None)
    assert "LG-BOM-010" in _rules(result)
    assert [c.get("version") for c in made.bill()["components"] if c["type"] == "library"] == ["1.26.4", None]


def test_a_lock_with_a_line_that_cannot_be_read_leaves_the_bill_undecided(made):
    (made.folder / "torn.txt").write_text(LOCK + "what is this?\n")
    result = made.build(lock=made.folder / "torn.txt", provenance=None)
    assert result.verdict == "INCONCLUSIVE"
    assert [c["id"] for c in result.document["checks"] if c["verdict"] == "INCONCLUSIVE"] == ["read:line 4"]


def test_a_lock_that_names_nothing_says_nothing_of_libraries(made):
    (made.folder / "empty.txt").write_text("# nothing\n")
    result = made.build(lock=made.folder / "empty.txt", provenance=None)
    assert "LG-BOM-009" in _rules(result)


def test_the_project_itself_is_no_library_and_is_noted(made):
    (made.folder / "own.txt").write_text(LOCK + "-e .\n")
    result = made.build(lock=made.folder / "own.txt", provenance=None)
    assert result.verdict == "WARN"
    assert "LG-BOM-010" in _rules(result)


def test_a_folder_of_what_is_installed_and_requirements_with_includes_are_read(made):
    site = made.folder / "site-packages" / "Some_Lib-1.5.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: Some_Lib\nVersion: 1.5\n\n")
    made.build(lock=site.parent, provenance=None)
    assert [c["purl"] for c in made.bill()["components"] if c["type"] == "library"] == [
        "pkg:pypi/some-lib@1.5"
    ]
    folder = made.folder / "requirements"
    folder.mkdir()
    (folder / "requirements.txt").write_text("-r base.txt\n")
    (folder / "base.txt").write_text(LOCK)
    made.build(lock=folder, provenance=None)
    library = next(c for c in made.bill()["components"] if c["type"] == "library")
    assert library["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"


def test_a_dataset_that_only_the_card_names_is_there_without_a_digest(made):
    text = CARD.replace("name: batch", "name: sales")
    (made.folder / "card.yaml").write_text(text)
    result = made.build()
    assert (result.verdict, _rules(result)) == ("PASS", ["LG-BOM-012"])
    batch, sales = (c for c in made.bill()["components"] if c["type"] == "data")
    assert ("hashes" in batch, "hashes" in sales) == (True, False)


def test_what_is_installed_here_is_named_when_it_is_asked_for(made):
    result = made.build(lock=None, provenance=None, installed=True)
    assert result.document["metrics"]["libraries"] > 20
    assert "library:pyarrow" in " ".join(c["bom-ref"] for c in made.bill()["components"])


# --- The standard -----------------------------------------------------------------------------------


def test_a_bill_that_is_not_valid_is_not_written(made, monkeypatch):
    real = compose.compose
    monkeypatch.setattr(compose, "compose", lambda parts: {**real(parts), "model-card": {}})
    with pytest.raises(StageError, match=r"would not be valid CycloneDX at its root"):
        made.build()
    assert not list((made.folder / "bom").glob("*"))


def test_without_the_library_the_extra_is_named(made, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cyclonedx.validation.json", None)
    with pytest.raises(MissingExtraError, match=r"lockgate\[supply-chain\]"):
        made.build()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Apache-2.0", {"license": {"id": "Apache-2.0"}}),
        ("MIT OR Apache-2.0", {"expression": "MIT OR Apache-2.0"}),
        ("our own terms", {"license": {"name": "our own terms"}}),
    ],
)
def test_a_licence_is_an_id_an_expression_or_a_name(said, written):
    assert check.licence(said) == written


def test_two_licences_of_which_one_is_an_expression_are_valid_too(made):
    (made.folder / "card.yaml").write_text(CARD.replace("[Apache-2.0]", "[Apache-2.0, MIT OR BSD-3-Clause]"))
    assert made.build().verdict == "PASS"


# --- SPDX -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
def test_the_bill_in_spdx_is_valid_and_claims_the_ai_profile_when_the_card_knows_enough(made, whole):
    pytest.importorskip("spdx_python_model")
    known = "download: https://example.org/m\nreleased: 2026-03-01T00:00:00Z\n" if whole else ""
    (made.folder / "card.yaml").write_text(CARD + known)
    result = made.build(spdx=True)
    graph = json.loads((made.folder / "bom/bom_spdx.json").read_text("utf-8"))["@graph"]
    of = {each["type"]: each for each in graph}
    assert of["SpdxDocument"]["profileConformance"] == ["core", "software", *(["ai"] if whole else [])]
    model = of["ai_AIPackage"]
    assert model["verifiedUsing"][0]["hashValue"] == artifact.digest(made.whole["model"])["sha256"]
    assert {"type": "DictionaryEntry", "key": "depth", "value": "3"} in model["ai_hyperparameter"]
    (trained,) = (each for each in graph if each.get("relationshipType") == "trainedOn")
    assert trained["to"] == [of["dataset_DatasetPackage"]["spdxId"]]
    assert result.document["outputs"].keys() == {"bom"}
    assert result.document["attachments"].keys() == {"bom_spdx"}


def test_a_document_that_is_no_spdx_is_refused(made):
    pytest.importorskip("spdx_python_model")
    from lockgate.bom import spdx

    made.build(spdx=True)
    text = (made.folder / "bom/bom_spdx.json").read_text("utf-8")
    spdx.check(text)
    for change in (
        ('"trainedOn"', '"guessedFrom"'),
        ('"created": "2', '"created": "x'),
        ("#data-1", "#data-7"),
    ):
        with pytest.raises(StageError):
            spdx.check(text.replace(*change, 1))


def test_without_its_library_the_bill_in_spdx_is_refused_and_the_other_written(made, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "spdx_python_model", None)
    with pytest.raises(MissingExtraError, match="spdx-python-model"):
        made.build(spdx=True)
    assert made.build().verdict == "PASS"


# --- Its attestation --------------------------------------------------------------------------------


def test_the_predicate_is_the_bill_and_the_model_its_one_subject(made):
    made.build()
    raw = (made.folder / "bom/attestation.json").read_bytes()
    statement = envelope.open_envelope(raw, [keys.load_public(made.pair.public)]).statement
    assert statement.document["predicateType"] == "https://cyclonedx.org/bom"
    predicate = dict(statement.document["predicate"])
    assert predicate.pop("lockgate:result/v1")["stage"] == "build-bom"
    assert predicate == made.bill()
    assert [s.digest for s in statement.subjects] == [artifact.digest(made.whole["model"])]
    assert (statement.claim.name, statement.claim.components) == ("employment", 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"specVersion": "1.5"}, "no CycloneDX 1.6"),
        ({"serialNumber": "7"}, "no UUID"),
        ({"components": []}, "not the bill that the run wrote"),
        ({"lockgate:note": "x"}, "not the bill that the run wrote"),
        ({"version": 2**60}, "no canonical form"),
        ({"metadata": {"component": {"type": "library", "name": "x"}}}, "something else than a model"),
    ],
)
def test_a_predicate_that_says_something_else_than_the_run_wrote_is_refused(made_once, change, said):
    made = made_once
    if not (made / "bom").exists():
        whole = {"model": made / "model.bin", "card": made / "card.yaml"}
        run("build-bom", whole, out=made / "bom", key=str(made / "keys/signer.key.pem"))
    raw = (made / "bom/attestation.json").read_bytes()
    statement = envelope.unverified(raw)
    assert statement.kind == "cyclonedx"
    document = {**statement.document, "predicate": {**statement.document["predicate"], **change}}
    from lockgate.attest import statement as statements

    with pytest.raises(EnvelopeError, match=said):
        statements.parse(document)


def test_a_folder_of_more_files_than_a_bill_names_is_refused(made, monkeypatch):
    from lockgate.stages.harden import build_bom

    (made.folder / "many").mkdir()
    for name in "abc":
        (made.folder / "many" / name).write_bytes(b"x")
    bare = dict.fromkeys(("provenance", "attestations", "key"))
    for most, refused in ((3, False), (2, True)):
        monkeypatch.setattr(build_bom, "_MAX_FILES", most)
        if refused:
            with pytest.raises(InputError, match="the model has 3 files"):
                made.build(model=made.folder / "many", **bare)
        else:
            assert made.build(model=made.folder / "many", **bare).document["metrics"]["files"] == 3
