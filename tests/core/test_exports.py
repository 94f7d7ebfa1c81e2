"""`--sarif` and `--junit`: written whole, before anyone raises, and over nothing that is read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lockgate import cli
from lockgate.attest import keys
from lockgate.errors import InputError
from lockgate.run import run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "now.csv").write_text("a,b\n" + "".join(f"{i % 7},{i % 3}\n" for i in range(2000)))
    (tmp_path / "then.csv").write_text("a\n" + "".join(f"{i % 7}\n" for i in range(2000)))
    return tmp_path / "now.csv"


def _drift(data: Path, **more):
    reference = more.pop("reference", data)
    return run("check-drift", {"reference": reference, "current": data}, out="out", **more)


def _verdict(path: str | Path) -> str:
    return json.loads(Path(path).read_text("utf-8"))["runs"][0]["properties"]["verdict"]


@pytest.mark.parametrize("place", ["inline", sys.executable])
def test_both_files_say_what_the_result_says_wherever_the_stage_ran(data, place):
    closed = _drift(data, reference="then.csv", sarif="ci/scan.sarif", junit="ci/scan.xml", place=place)
    assert (closed.verdict, _verdict("ci/scan.sarif")) == ("FAIL", "FAIL")
    suites = ET.parse("ci/scan.xml").getroot()  # noqa: S314 - our own
    assert int(suites.get("failures")) > 0
    opened = _drift(data, sarif="ci/scan.sarif", junit="ci/scan.xml", place=place)
    assert (opened.verdict, _verdict("ci/scan.sarif")) == ("PASS", "PASS")
    assert "sarif" not in json.dumps(opened.document)


def test_they_are_no_part_of_what_the_run_says(data):
    assert _drift(data, sarif="a.sarif").body_digest == _drift(data).body_digest


def test_the_command_line_writes_them_before_it_exits_with_1(data, capsys):
    words = ["check-drift", "--reference", "then.csv", "--current", str(data), "--out", "out"]
    assert cli.main([*words, "--sarif", "s.sarif", "--junit", "j.xml"]) == 1
    assert _verdict("s.sarif") == "FAIL"
    assert Path("j.xml").exists()
    assert cli.main([*words, "--sarif", ""]) == 2
    assert "--sarif is empty" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["inline", sys.executable])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("now.csv", "overwrite the input"),
        ("out/result.json", "own result.json"),
        ("out", "is a folder"),
        ("link", "is a link"),
        ("s3://bucket/scan.sarif", "this machine only"),
    ],
)
def test_a_path_at_which_something_would_be_lost_is_refused_and_nothing_is(data, path, said, place):
    Path("other.csv").write_text("kept")
    Path("link").symlink_to("other.csv")
    Path("out").mkdir(exist_ok=True)
    before = data.read_bytes()
    with pytest.raises(InputError, match=said):
        _drift(data, sarif=path, place=place)
    assert data.read_bytes() == before
    assert not Path("out/result.json").exists()


def test_two_exports_or_an_export_and_an_output_never_share_a_path(data):
    with pytest.raises(InputError, match="path of another output"):
        _drift(data, sarif="one", junit="one")
    keys.generate("k", Path("keys"), None)
    with pytest.raises(InputError, match="path of another output"):
        run("validate-data", {"data": data, "infer_schema": "s.yaml"}, out="out", junit="s.yaml")
    with pytest.raises(InputError, match="overwrite the input"):
        _drift(data, key="keys/k.key.pem", sarif="keys/k.key.pem")
    assert "PRIVATE" in Path("keys/k.key.pem").read_text()


def test_a_path_inside_a_folder_that_is_read_is_refused(data):
    Path("parts").mkdir()
    Path("parts/one.csv").write_bytes(data.read_bytes())
    with pytest.raises(InputError, match="would lie in the input"):
        run("check-drift", {"reference": "parts", "current": data}, out="out", sarif="parts/x.sarif")


def test_a_former_export_is_not_taken_for_that_of_a_run_which_could_not_run(data):
    _drift(data, sarif="s.sarif", junit="j.xml")
    with pytest.raises(InputError):
        _drift(data, sarif="s.sarif", junit="j.xml", reference="missing.csv")
    assert not Path("s.sarif").exists()
    assert not Path("j.xml").exists()


def test_a_mistyped_command_leaves_no_former_export_and_everything_else(data):
    _drift(data, sarif="s.sarif", junit="j.xml")
    words = ["check-drift", "--current", str(data), "--typo", "--junit=j.xml", "--sarif"]
    assert cli.main([*words, "s.sarif"]) == 2
    assert cli.main([*words, str(data)]) == 2
    assert not Path("s.sarif").exists()
    assert not Path("j.xml").exists()
    assert data.exists()


def test_a_result_whose_export_cannot_be_written_is_not_left(data, monkeypatch):
    from lockgate.report import junit

    monkeypatch.setattr(junit, "render", lambda _: "\ud800")  # what no disk takes
    with pytest.raises(UnicodeEncodeError):
        _drift(data, sarif="s.sarif", junit="j.xml")
    assert not Path("s.sarif").exists()
    assert not Path("out/result.json").exists()


def test_export_writes_a_result_that_is_there_and_refuses_one_that_was_altered(data, capsys):
    result = _drift(data, reference="then.csv")
    at = result.out / "result.json"
    assert cli.main(["export", str(at), "--sarif", "s.sarif", "--junit", "j.xml"]) == 0
    assert _verdict("s.sarif") == "FAIL"
    assert cli.main(["export", str(at)]) == 2
    assert cli.main(["export", str(at), "--sarif", str(at)]) == 2
    at.write_text(at.read_text().replace('"FAIL"', '"PASS"'))
    capsys.readouterr()
    assert cli.main(["export", str(at), "--sarif", "t.sarif"]) == 2
    assert "was altered" in capsys.readouterr().err
    assert not Path("t.sarif").exists()
