"""A stage in a newcomer's package becomes a KFP component that runs and says what the CLI says."""

import json
import os
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lockgate import faces
from lockgate.run import run
from lockgate.stage import find

# kfp's local runner reminds that this interpreter is not the image; here it has what the image has.
pytestmark = pytest.mark.filterwarnings("ignore:You may be attemping to run a task:RuntimeWarning")

_STAGE = '''
from lockgate.outcome import Outcome, Severity
from lockgate.stage import DatasetIn, DatasetOut, Threshold, stage


@stage("count-words", threats=["data-poisoning"])
def count_words(
    data: DatasetIn,
    kept: DatasetOut,
    other: DatasetIn | None = None,
    *,
    word: str,
    max_count: Threshold[int] = 2,
    also: list[str] | None = None,
    share: Threshold[float] = 0.5,
) -> Outcome:
    """Count a word in a text and hold the count against a maximum.

    Args:
        data: The text.
        kept: The text again.
        other: Another text.
        word: What to count.
        max_count: Most occurrences that pass.
        also: More words.
        share: Something with a fraction.
    """
    text = data.read_text() + (other.read_text() if other else "")
    kept.write_text(text)
    count = sum(text.split().count(w) for w in [word, *(also or [])])
    outcome = Outcome(metrics={"count": count})
    if not outcome.check("count", value=count, comparator="<=", threshold=max_count):
        outcome.find("X-WORD-001", Severity.HIGH, "The word comes too often.", subject="data")
    return outcome
'''
_PIPELINE = """
from kfp import dsl
from faces_of_mine.count_words import count_words
from lockgate_kfp.export_result import export_result
from lockgate_kfp.require_pass import require_pass


@dsl.component(base_image="python:3.11", packages_to_install=[], install_kfp_package=False)
def after() -> str:
    return "ran"


@dsl.pipeline
def guarded(word: str, max_count: int):
    text = dsl.importer(artifact_uri={uri!r}, artifact_class=dsl.Dataset)
    counted = count_words(data=text.output, word=word, max_count=max_count)
    exported = export_result(result=counted.outputs["result_json"])
    gate = require_pass(verdicts=[counted.outputs["verdict"]]).after(exported)
    after().after(gate)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder on sys.path with a stage, and its written component."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "count_words_stage.py").write_text(_STAGE)
    (folder / "words.txt").write_text("a b a b a\n")
    written = folder / "faces_of_mine"
    written.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        for face in faces.faces([find("count_words_stage:count_words")], None, written):
            face.path.write_text(face.text)
        text = _PIPELINE.replace("{uri!r}", repr(str(folder / "words.txt")))
        (folder / "guarded_pipeline.py").write_text(textwrap.dedent(text))
        yield folder
    for name in [
        n for n in sys.modules if n.startswith(("faces_of_mine", "guarded_pipeline", "count_words"))
    ]:
        del sys.modules[name]


@pytest.fixture
def local(tmp_path):
    from kfp import local

    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(tmp_path / "root"),
        raise_on_error=False,
    )
    return tmp_path / "root"


def _results(root: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in root.rglob("result_json")]


@pytest.mark.parametrize(("most", "verdict", "ran"), [(9, "PASS", True), (2, "FAIL", False)])
def test_a_pipeline_goes_on_after_an_open_gate_and_stops_at_a_closed_one(package, local, most, verdict, ran):
    from guarded_pipeline import guarded

    guarded(word="a", max_count=most)
    (result,) = _results(local)
    assert result["verdict"] == verdict
    assert bool(list(local.rglob("after"))) == ran
    assert [p.name for p in local.rglob("report_html")] == ["report_html"]


def test_a_result_is_exported_for_other_tools_also_when_the_gate_is_closed(package, local):
    from guarded_pipeline import guarded

    guarded(word="a", max_count=2)
    (sarif,) = local.rglob("sarif")
    (junit,) = local.rglob("junit")
    assert json.loads(sarif.read_text())["runs"][0]["properties"]["verdict"] == "FAIL"
    assert "<failure " in junit.read_text()


def test_what_is_no_result_is_not_exported(tmp_path):
    from lockgate_kfp._base import export

    (tmp_path / "it").write_text("{}")
    paths = {name: SimpleNamespace(path=str(tmp_path / name)) for name in ("sarif", "junit")}
    with pytest.raises(SystemExit, match=r"^lockgate: .* is no result of a run"):
        export(result=SimpleNamespace(path=str(tmp_path / "it")), **paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it"]


def test_the_component_says_what_the_command_line_says_byte_for_byte(package, local, tmp_path):
    from guarded_pipeline import guarded

    guarded(word="a", max_count=2)
    (there,) = _results(local)
    arguments = {"data": package / "words.txt", "word": "a", "max_count": 2}
    here = run("count_words_stage:count_words", arguments, out=tmp_path / "here")
    assert there["body_digest"] == here.body_digest


def test_unusable_input_fails_the_step_with_one_sentence(package, local, capfd):
    from guarded_pipeline import guarded

    (package / "words.txt").rename(package / "away.txt")
    try:
        guarded(word="a", max_count=2)
    finally:
        (package / "away.txt").rename(package / "words.txt")
    said = "".join(capfd.readouterr())
    assert "does not exist" in said
    assert _results(local) == []


def test_a_written_component_declares_every_parameter_and_compiles(package, tmp_path):
    (face,) = faces.compiled(package / "faces_of_mine", ["count_words"])
    assert face.path.name == "count_words.yaml"
    spec = next(iter(yaml.safe_load(face.text)["components"].values()))
    assert set(spec["inputDefinitions"]["artifacts"]) == {"data", "other", "policy"}
    assert set(spec["inputDefinitions"]["parameters"]) == {"word", "max_count", "also", "share"}
    assert set(spec["outputDefinitions"]["parameters"]) == {"verdict", "decision", "body_digest"}
    assert "pip install" not in face.text


def test_gate_components_are_never_taken_from_the_cache(package, tmp_path):
    from guarded_pipeline import guarded
    from kfp import compiler

    compiler.Compiler().compile(
        guarded, str(tmp_path / "p.yaml"), pipeline_parameters={"word": "a", "max_count": 1}
    )
    tasks = yaml.safe_load((tmp_path / "p.yaml").read_text())["root"]["dag"]["tasks"]
    assert tasks["count-words"]["cachingOptions"] == {"enableCache": True}
    assert not tasks["require-pass"]["cachingOptions"].get("enableCache")


def test_a_component_file_on_disk_loads_as_kfp_users_load_it(package, tmp_path):
    from kfp import components

    (face,) = faces.compiled(package / "faces_of_mine", ["count_words"])
    (tmp_path / "count_words.yaml").write_text(face.text)
    loaded = components.load_component_from_file(str(tmp_path / "count_words.yaml"))
    assert loaded.name == "count-words"


_HOSTILE = '''
from lockgate.outcome import Outcome, Severity
from lockgate.stage import stage


@stage("say-much")
def say_much() -> Outcome:
    """Say much."""
    outcome = Outcome()
    outcome.check("said", value=1, comparator="==", threshold=1)
    outcome.find("X-1", Severity.HIGH, "a\\x1b[31m\\n\\u202e" + "b" * 9_000)
    return outcome
'''


def test_what_a_stage_says_is_one_short_line_in_the_log_of_the_step(tmp_path, monkeypatch, capsys):
    from lockgate_kfp import _base

    (tmp_path / "hostile_stage.py").write_text(_HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    taken = {
        name: SimpleNamespace(path=str(tmp_path / name))
        for name in ("report_html", "metrics", "result_json", "attestation_json")
    }
    said = _base.run_stage("hostile_stage:say_much", arguments={}, outputs={}, policy=None, **taken)
    assert said.verdict == "FAIL"
    log = capsys.readouterr().out
    assert log.startswith("FAIL  say-much: a⟨U+001B⟩[31m⟨U+000A⟩⟨U+202E⟩bbb")
    assert log[:-1].isprintable()
    assert len(log) < 900
