"""Odd and hostile places to write to, signals, two runs at once: a whole result or nothing, nothing lost."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from lockgate.attest import keys
from lockgate.errors import InputError, LockgateError, StageError
from lockgate.outcome import Outcome, Verdict
from lockgate.place import Interpreter
from lockgate.run import run
from lockgate.stage import DatasetIn, DatasetOut, stage

_MODULE = '''
import time
from pathlib import Path

from lockgate.outcome import Outcome
from lockgate.stage import DatasetIn, stage


@stage("take-time")
def take_time(data: DatasetIn, *, flag: str) -> Outcome:
    """Take time.

    Args:
        data: A file.
        flag: A file that is made when the stage has begun.
    """
    Path(flag).touch()
    time.sleep(60)
    return Outcome()
'''


@stage("copy-twice")
def copy_twice(data: DatasetIn, one: DatasetOut, two: DatasetOut) -> Outcome:
    """Copy a file twice.

    Args:
        data: The file or folder.
        one: A copy.
        two: Another copy.
    """
    one.write_text("one")
    two.write_text("two")
    outcome = Outcome()
    outcome.check("seen", value=data.exists(), comparator="==", threshold=True)
    return outcome


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("a\nb\n")
    return path


@pytest.fixture
def pair(tmp_path):
    return keys.generate("signer", tmp_path / "keys", None)


def _tree(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["inline", sys.executable])
@pytest.mark.parametrize("out", ["model", "model/", "model/signed", "link/signed", "file://{}/model"])
def test_a_result_is_never_written_into_the_folder_that_is_signed(tmp_path, pair, monkeypatch, place, out):
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    for name in ("weights", "result.json", "attestation.json"):
        (model / name).write_text(name)
    (tmp_path / "link").symlink_to(model)
    before = _tree(model)
    with pytest.raises(InputError, match=r"lies in the input|would replace"):
        run(
            "sign-artifact",
            {"artifact": "model"},
            out=out.format(tmp_path),
            key=str(pair.private),
            place=place,
        )
    assert _tree(model) == before


def test_a_folder_that_is_signed_beside_itself_verifies(tmp_path, pair):
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_text("1")
    signed = run("sign-artifact", {"artifact": model}, out=tmp_path / "model.signed", key=str(pair.private))
    asked = {"artifact": model, "attestation": signed.out / "attestation.json", "key": pair.public}
    assert run("verify-artifact", asked, out=tmp_path / "verified").verdict is Verdict.PASS


@pytest.mark.parametrize("place", ["inline", sys.executable])
def test_evidence_is_not_deleted_by_the_run_that_is_to_read_it(tmp_path, data, pair, place):
    signed = run("sign-artifact", {"artifact": data}, out=tmp_path / "signed", key=str(pair.private))
    before = _tree(signed.out)
    asked = {"artifact": data, "attestation": signed.out / "attestation.json", "key": pair.public}
    with pytest.raises(InputError, match=r"would replace .*attestation\.json"):
        run("verify-artifact", asked, out=signed.out, place=place)
    assert _tree(signed.out) == before


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"one": "same", "two": "same"}, "path of another output"),
        ({"one": "same", "two": "./same"}, "path of another output"),
        ({"one": "out/result.json"}, "the run's own result.json"),
        ({"one": "keys/signer.key.pem"}, "would overwrite the input"),
        ({"one": "lockgate.yaml"}, "would overwrite the input"),
        ({"one": "file:///{}/data.txt"}, "would overwrite the input"),
        ({"one": "pipe"}, "a link or a device"),
        ({"one": "link"}, "a link or a device"),
        ({"one": "keys"}, "is a folder"),
        ({"one": "data.txt/below"}, "is no folder"),
        ({"one": "n" * 300}, "too long"),
        ({"one": "null\0"}, "null character"),
        ({"one": "s3://bucket/one"}, "to this machine only"),
        ({"one": 5}, "no path"),
    ],
)
def test_an_output_where_something_would_be_lost_is_refused_and_nothing_is(
    tmp_path, data, pair, monkeypatch, outputs, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lockgate.yaml").write_text("version: 1\n")
    (tmp_path / "link").symlink_to("elsewhere")
    os.mkfifo(tmp_path / "pipe")
    before = _tree(tmp_path)
    named = {k: v.format(str(tmp_path)[1:]) if isinstance(v, str) else v for k, v in outputs.items()}
    with pytest.raises(InputError, match=said) as caught:
        run(copy_twice, {"data": data, **named}, out="out", policy="lockgate.yaml", key=str(pair.private))
    assert str(caught.value).isprintable()
    assert _tree(tmp_path) == before
    assert (tmp_path / "pipe").is_fifo()
    assert not (tmp_path / "out").exists()


def test_an_output_in_a_folder_of_part_files_would_be_read_with_them_next_time(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.csv").touch()
    with pytest.raises(InputError, match="would lie in the input"):
        run(copy_twice, {"data": tmp_path / "parts", "one": tmp_path / "parts/1.csv"}, out=tmp_path / "out")
    assert (tmp_path / "parts" / "1.csv").exists()


@pytest.mark.parametrize("name", ["with space/", "ü\u202e\n\x1b[31m", os.fsdecode(b"\xff"), "n" * 255])
def test_a_folder_of_any_name_takes_a_result(tmp_path, data, name):
    result = run(copy_twice, {"data": data, "one": tmp_path / ("o" * 255)}, out=tmp_path / name)
    assert json.loads((result.out / "result.json").read_text()) == result.document
    assert (tmp_path / ("o" * 255)).read_text() == "one"


@pytest.mark.parametrize(
    "out", ["s3://bucket/out", "n" * 300, "a\0b", "data.txt", "data.txt/out", "/proc/lockgate/out"]
)
def test_a_folder_that_cannot_take_a_result_is_refused_before_the_stage_runs(
    tmp_path, data, monkeypatch, out
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        run(copy_twice, {"data": data}, out=out)
    assert str(caught.value).isprintable()
    assert {path.name for path in tmp_path.iterdir()} == {"data.txt"}


def test_a_folder_called_like_a_file_of_the_result_is_kept(tmp_path, data):
    (tmp_path / "out" / "result.json").mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder"):
        run(copy_twice, {"data": data}, out=tmp_path / "out")
    assert (tmp_path / "out" / "result.json").is_dir()


def test_the_outputs_of_the_run_before_go_with_its_result_whatever_is_wrong(tmp_path, data):
    run(copy_twice, {"data": data}, out=tmp_path / "out")
    with pytest.raises(InputError, match="policy"):
        run(copy_twice, {"data": data}, out=tmp_path / "out", policy=tmp_path / "no-policy.yaml")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_second_run_into_a_folder_waits_for_nobody_and_touches_nothing(tmp_path, data):
    result = run(copy_twice, {"data": data}, out=tmp_path / "out")
    before = _tree(result.out)
    handle = os.open(result.out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for place in ("inline", sys.executable):
            with pytest.raises(StageError, match="another run is writing into"):
                run("sign-artifact", {"artifact": data}, out=result.out, place=place)
        assert _tree(result.out) == before
    finally:
        os.close(handle)
    assert run(copy_twice, {"data": data}, out=result.out).opens


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_run_that_is_told_to_end_leaves_no_copy_and_no_result(tmp_path, data, number, elsewhere):
    (tmp_path / "slow_stage.py").write_text(_MODULE)
    (tmp_path / "tmp").mkdir()
    code = (
        # A shell's background job ignores SIGINT, nohup's SIGHUP, and so would their children.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "signal.signal(signal.SIGHUP, signal.SIG_DFL); "
        "from lockgate.run import run; "
        f"run('slow_stage:take_time', {{'data': {str(data)!r}, 'flag': 'begun'}}, out='out', "
        f"place={sys.executable if elsewhere else 'inline'!r})"
    )
    around = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=around, stderr=subprocess.PIPE
    ) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        assert list((tmp_path / "tmp").iterdir()) != []
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "out").exists()


_PYTHONS = {
    "garbage": ("#!/bin/sh\necho garbage; echo garbage > $5", "without an answer"),
    "a list": ("#!/bin/sh\necho '[]' > $5", "without an answer"),
    "no error": ("#!/bin/sh\necho '{}' > $5", "without an answer"),
    "odd kind": ('#!/bin/sh\necho \'{"error": {"kind": "annotations", "message": "m"}}\' > $5', "^m$"),
    "no result": ('#!/bin/sh\necho \'{"error": null, "opens": true}\' > $5', "left no result"),
    "odd result": (
        '#!/bin/sh\nmkdir out; echo {} > out/result.json; echo \'{"error": null, "opens": true}\' > $5',
        "left no result",
    ),
    "dies": ("#!/bin/sh\nkill -9 $$", "without an answer"),
    "hangs": ("#!/bin/sh\nexec sleep 60", "was stopped after 1.0 s"),
}


@pytest.mark.parametrize("kind", _PYTHONS)
def test_an_interpreter_that_answers_wrongly_is_one_sentence_and_no_result(tmp_path, data, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    script, said = _PYTHONS[kind]
    (tmp_path / "python").write_text(script + "\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(StageError, match=said) as caught:
        run("sign-artifact", {"artifact": data}, out="out", place=Interpreter(str(tmp_path / "python"), 1.0))
    assert str(caught.value).isprintable()
    assert not (tmp_path / "out" / "result.json").exists()


def test_an_argument_that_json_does_not_know_is_named(tmp_path, data):
    with pytest.raises(InputError, match="argument 'verdicts'"):
        run("require-pass", {"verdicts": {1}}, out=tmp_path / "out", place=sys.executable)


def test_every_error_is_one_line_without_control_characters_and_of_a_length_to_read():
    said = str(LockgateError("a\nb\x1b[31m\u202e" + os.fsdecode(b"\xff") + "c" * 10_000))
    assert said.startswith("a⟨U+000A⟩b⟨U+001B⟩[31m⟨U+202E⟩⟨U+DCFF⟩c")
    assert said.isprintable()
    assert len(said) < 2_100
