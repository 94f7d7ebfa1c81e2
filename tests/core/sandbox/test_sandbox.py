"""What a model tries in its sandbox fails the stage with a finding, and nothing of it happens."""

from __future__ import annotations

import json
import pickle
import shutil
import sys

import pytest

from lockgate import sandbox
from lockgate.errors import EscapeError, InputError, StageError
from lockgate.model import ScanEvidence, load, save
from lockgate.place import Interpreter, Sandbox, as_place
from lockgate.run import run
from lockgate.sandbox.jail import Jail
from lockgate.sandbox.session import in_force

FORMS = ["bubblewrap", "process limits"]
QUICK = {
    "attack_rows": 30,
    "precision": 0.25,
    "perturbed_rows": 20,
    "max_queries": 30,
    "min_accuracy_under_attack": 0,
    "max_accuracy_drop": 1,
    "max_crashes": 9,
}


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """Both forms of the sandbox: with bubblewrap, and where there is none."""
    if request.param == "process limits":
        monkeypatch.setattr(shutil, "which", lambda _: None)
    elif shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    return request.param


@pytest.fixture
def attacked(data, signing, scanned, tmp_path):
    """Run test-robustness on a model file in a sandbox, with a scan that passed it."""

    def go(path, name="run", **allowed):
        given = {"model": path, "data": data, "label": "y", **QUICK}
        given |= {"scan": scanned(path), "scan_key": signing[1]}
        return run("test-robustness", given, out=tmp_path / name, place=Sandbox(**allowed))

    return go


@pytest.fixture
def tried(signing, scanned):
    """Load a model file in a sandbox, with a scan that passed it, and return the rule that it broke."""

    def go(path, **allowed):
        with in_force(Sandbox(**allowed)):
            try:
                load(path, ScanEvidence(scanned(path), signing[1]))
            except EscapeError as error:
                return error.rule
        return None

    return go


def rules(result):
    return [finding["rule"] for finding in result.document["findings"]]


def test_a_clean_pickle_that_was_scanned_is_tested_in_the_sandbox(form, model, attacked, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    result = attacked(tmp_path / "model.pkl")
    assert result.verdict in ("PASS", "WARN")
    said = result.document["environment"]["sandbox"]
    assert said["form"] == form
    assert said["seccomp"] is True
    assert said["no_new_privileges"] is True
    assert said["without_capabilities"] is True


def test_a_model_that_writes_a_marker_and_calls_home_does_neither(
    form, hostile, listener, attacked, tmp_path
):
    marker = tmp_path / "marker"
    path = hostile(
        "import socket\n"
        f"try:\n open({str(marker)!r}, 'w').write('here')\nexcept OSError: pass\n"
        f"socket.create_connection(('127.0.0.1', {listener.port}), 2)"
    )
    result = attacked(path)
    assert result.verdict == "FAIL"
    assert not result.opens
    assert rules(result) == ["LG-SANDBOX-002"]
    assert str(marker) in result.document["findings"][0]["message"]
    assert not marker.exists()
    assert listener.came == []


def test_the_same_payload_does_both_where_nothing_confines_it(hostile, listener, tmp_path):
    marker = tmp_path / "marker"
    path = hostile(
        f"import pathlib, socket; pathlib.Path({str(marker)!r}).write_text('here')\n"
        f"socket.create_connection(('127.0.0.1', {listener.port}), 2).close()"
    )
    assert pickle.loads(path.read_bytes()).classes_.tolist() == ["no", "yes"]
    assert marker.read_text() == "here"
    for _ in range(50):
        if listener.came:
            break
        listener.thread.join(0.1)
    assert len(listener.came) == 1


TRIES = {
    "a connection": ("import socket; socket.create_connection(('127.0.0.1', {port}), 2)", "LG-SANDBOX-001"),
    "a datagram": ("import socket; socket.socket(type=2).sendto(b'x', ('::1', {port}))", "LG-SANDBOX-001"),
    "a name to look up": ("import socket; socket.getaddrinfo('example.com', 80)", "LG-SANDBOX-001"),
    "a file to write": ("open({marker!r}, 'w')", "LG-SANDBOX-002"),
    "a file to remove": ("import os; os.remove({victim!r})", "LG-SANDBOX-002"),
    "a file to rename": ("import os; os.rename({victim!r}, {marker!r})", "LG-SANDBOX-002"),
    "a folder to make": ("import os; os.mkdir({marker!r})", "LG-SANDBOX-002"),
    "a program": ("import os; os.system('touch ' + {marker!r})", "LG-SANDBOX-003"),
    "a subprocess": ("import subprocess; subprocess.run(['touch', {marker!r}])", "LG-SANDBOX-003"),
    "a fork": ("import os; os.fork()", "LG-SANDBOX-003"),
    "a signal": ("import os; os.kill(os.getppid(), 9)", "LG-SANDBOX-003"),
    "memory": ("x = bytearray(1 << 40)", "LG-SANDBOX-004"),
}


@pytest.mark.parametrize("what", TRIES)
def test_what_a_model_tries_has_a_rule_of_its_own_and_does_not_happen(
    form, what, hostile, listener, tried, tmp_path
):
    (tmp_path / "victim").write_text("still here")
    code, rule = TRIES[what]
    names = {"marker": str(tmp_path / "marker"), "victim": str(tmp_path / "victim"), "port": listener.port}
    assert tried(hostile(code.format(**names))) == rule
    assert not (tmp_path / "marker").exists()
    assert (tmp_path / "victim").read_text() == "still here"
    assert listener.came == []


# Code that goes around Python's audit events, by calling the C library: the kernel stops it.
AROUND = {
    "a socket": "ctypes.CDLL(None).socket(2, 1, 0)",
    "a fork": "ctypes.CDLL(None).fork()",
    "a bomb of forks": "exec('while True: ctypes.CDLL(None).fork()')",
    "a program": "ctypes.CDLL(None).execv(b'/bin/true', (ctypes.c_char_p * 2)(b'true', None))",
    "a ring around the filter": "ctypes.CDLL(None).syscall(425, 8, 0)",
    "another namespace": "ctypes.CDLL(None).unshare(0x10000000)",
    "a signal to the parent": "ctypes.CDLL(None).kill(ctypes.CDLL(None).getppid(), 9)",
}


@pytest.mark.parametrize("what", AROUND)
def test_code_that_goes_around_the_interpreter_is_stopped_by_the_kernel(form, what, hostile, tried):
    assert tried(hostile(f"import ctypes; {AROUND[what]}")) == "LG-SANDBOX-006"


@pytest.mark.slow
def test_code_that_goes_around_the_interpreter_writes_nothing_outside(form, hostile, tried, tmp_path):
    marker = str(tmp_path / "marker").encode()
    tried(hostile(f"import ctypes; ctypes.CDLL(None).creat({marker!r}, 0o644)"))
    tried(hostile(f"import ctypes; ctypes.CDLL(None).mkdir({marker!r}, 0o755)"))
    assert not (tmp_path / "marker").exists()


def test_code_that_goes_around_the_interpreter_reads_no_file_of_the_user(form, hostile, tried, tmp_path):
    (tmp_path / "secret").write_text("the signing key")
    code = f"open({str(tmp_path / 'secret')!r}).read()"
    with pytest.raises(InputError, match=r"raised (FileNotFoundError|PermissionError)"):
        tried(hostile(code))


@pytest.mark.slow
def test_a_model_that_needs_more_processor_time_than_it_has_fails(form, hostile, tried):
    assert tried(hostile("while True: pass"), cpu_seconds=5) == "LG-SANDBOX-005"


@pytest.mark.slow
def test_a_model_that_allocates_bit_by_bit_meets_the_limit_and_a_larger_one_lets_it_pass(
    form, hostile, tried
):
    code = "import builtins; builtins.kept = list(map(bytearray, [1 << 20] * 600))"
    assert tried(hostile(code), memory="500M") == "LG-SANDBOX-004"
    assert tried(hostile(code), memory="3G") is None


def test_a_model_that_misbehaves_only_when_it_is_asked_fails_too(form, hostile, attacked, tmp_path):
    marker = tmp_path / "marker"
    code = (
        "import sklearn.linear_model._base as base\n"
        "was = base.LinearClassifierMixin.predict\n"
        f"def predict(self, X):\n open({str(marker)!r}, 'w')\n return was(self, X)\n"
        "base.LinearClassifierMixin.predict = predict"
    )
    result = attacked(hostile(code))
    assert rules(result) == ["LG-SANDBOX-002"]
    assert not marker.exists()


NOISE = {
    "prints": "print('{\"kind\": 5}', flush=True); import os; os.write(1, b'{}\\n')",
    "lies": "import os\nfor fd in range(3, 60):\n try: os.write(fd, b'{\"bytes\": 99999999999}\\n')\n"
    " except OSError: pass",
}


@pytest.mark.parametrize("what", NOISE)
def test_a_model_that_prints_or_speaks_for_its_process_is_no_traceback(form, what, hostile, tried):
    try:
        assert tried(hostile(NOISE[what])) is None
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right


def test_a_scanned_pickle_stays_refused_outside_of_a_sandbox(model, data, signing, scanned, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    given = {"model": path, "data": data, "label": "y", **QUICK}
    given |= {"scan": scanned(path), "scan_key": signing[1]}
    with pytest.raises(InputError, match=r"skops\.io\.dump.*place=Sandbox"):
        run("test-robustness", given, out=tmp_path / "out")


def test_a_sandbox_opens_no_pickle_without_a_passing_scan_of_that_very_file(
    model, data, signing, scanned, tmp_path
):
    path, other = tmp_path / "model.pkl", tmp_path / "other.pkl"
    path.write_bytes(pickle.dumps(model, protocol=4))
    other.write_bytes(pickle.dumps(model, protocol=3))
    given = {"model": path, "data": data, "label": "y", **QUICK}
    with pytest.raises(InputError, match=r"there is no scan of it.*skops\.io\.dump"):
        run("test-robustness", given, out=tmp_path / "out", place="sandbox")
    given |= {"scan": scanned(other), "scan_key": signing[1]}
    with pytest.raises(InputError, match="the scan is of another model"):
        run("test-robustness", given, out=tmp_path / "out", place="sandbox")


def test_a_safe_model_says_the_same_inside_and_outside_to_what_only_asks(form, model, data, tmp_path):
    """Inside, its weights and trees cannot be read: attacks that do so are left out, as the result says."""
    save(model, tmp_path / "model.skops")
    given = {"model": tmp_path / "model.skops", "data": data, "label": "y", **QUICK}
    inside = run("test-robustness", given, out=tmp_path / "inside", place="sandbox")
    outside = run("test-robustness", given, out=tmp_path / "outside")
    asked, read = inside.document["metrics"], outside.document["metrics"]
    assert asked.pop("threats")["linf"]["broken_by"].keys() <= {
        "exhaustive",
        "gradient",
        "greedy",
        "hopskipjump",
    }
    assert read.pop("threats")
    assert asked == read
    assert inside.document["environment"]["sandbox"]["form"] == form
    assert "sandbox" not in outside.document["environment"]
    page = (tmp_path / "inside" / "report.html").read_text("utf-8")
    assert form in page


def test_the_sandbox_gives_probabilities_gradients_and_errors_as_the_model_does(form, model, rows, tmp_path):
    save(model, tmp_path / "model.skops")
    plain = load(tmp_path / "model.skops")
    with in_force(Sandbox()):
        confined = load(tmp_path / "model.skops")
        assert confined.estimator is None
        assert (confined.kind, confined.features) == (plain.kind, plain.features)
        assert confined.classes == plain.classes
        assert (confined.predict_proba(rows) == plain.predict_proba(rows)).all()
        assert (confined.gradient(rows, rows.y) == plain.gradient(rows, rows.y)).all()
        with pytest.raises(InputError, match="raised ValueError"):
            confined.predict(rows.assign(a="text"))
        assert (confined.predict(rows) == plain.predict(rows)).all()
        assert confined.queries == 4 * len(rows)


def test_a_sandbox_that_must_be_bubblewrap_is_an_error_where_there_is_none(monkeypatch, model, tmp_path):
    save(model, tmp_path / "model.skops")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with in_force(Sandbox(required=True)), pytest.raises(StageError, match="bwrap is not installed"):
        load(tmp_path / "model.skops")


def test_a_bubblewrap_that_may_not_make_namespaces_is_said_in_the_result(monkeypatch, model, tmp_path):
    save(model, tmp_path / "model.skops")
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(broken))
    with in_force(Sandbox()) as session:
        load(tmp_path / "model.skops")
        assert session.describe()["form"] == "process limits"
        assert "No permissions" in session.describe()["without_bubblewrap"]
    with in_force(Sandbox(required=True)), pytest.raises(StageError, match="No permissions"):
        load(tmp_path / "model.skops")


def test_a_kernel_that_filters_nothing_opens_no_pickle(monkeypatch, model, signing, scanned, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    was = Jail._set_up

    def weak(self, given):
        monkeypatch.setattr(shutil, "which", lambda _: None)
        was(self, given)
        self.said["landlock"] = 0  # as on a kernel without it

    monkeypatch.setattr(Jail, "_set_up", weak)
    with in_force(Sandbox()), pytest.raises(StageError, match="too weak here for a format that runs code"):
        load(path, ScanEvidence(scanned(path), signing[1]))


@pytest.mark.slow
def test_another_interpreter_runs_the_stage_and_its_sandbox(model, data, tmp_path):
    save(model, tmp_path / "model.skops")
    given = {"model": tmp_path / "model.skops", "data": data, "label": "y", **QUICK}
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    result = run("test-robustness", given, out=tmp_path / "out", place=Sandbox(python=str(other)))
    assert result.document["environment"]["sandbox"]["form"] in FORMS


def test_processes_of_a_sandbox_end_with_it(model, rows, tmp_path):
    save(model, tmp_path / "model.skops")
    with in_force(Sandbox()) as session:
        predictor = load(tmp_path / "model.skops")
        process = session.jails[0]._process
    assert process.poll() is not None
    with pytest.raises(EscapeError, match="has ended"):
        predictor.predict(rows)
    assert sandbox.current() is None


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("sandbox", Sandbox()),
        ("sandbox:required", Sandbox(required=True)),
        (
            "sandbox:memory=2G,cpu_seconds=60,network=false,read_only=/usr+/opt",
            Sandbox(memory="2G", cpu_seconds=60, read_only=("/usr", "/opt")),
        ),
    ],
)
def test_a_sandbox_can_be_written_as_text(text, made):
    assert as_place(text) == made


@pytest.mark.parametrize(
    "text",
    ["sandbox:", "sandbox:memory", "sandbox:memory=much", "sandbox:memory=1", "sandbox:cpu_seconds=0",
     "sandbox:cpu_seconds=-1", "sandbox:network=maybe", "sandbox:memory=2G,memory=3G",
     "sandbox:read_only=/no/where", "sandbox:python=", "sandbox:colour=red"],
)  # fmt: skip
def test_a_sandbox_that_is_written_wrongly_is_refused(text):
    with pytest.raises(InputError) as raised:
        as_place(text)
    assert "\n" not in str(raised.value)


def test_other_text_is_a_path():
    assert as_place("/usr/bin/python3") == Interpreter("/usr/bin/python3")
    assert as_place("inline") is None


def test_the_command_line_takes_a_place(model, data, tmp_path, capsys):
    from lockgate.cli import main

    save(model, tmp_path / "model.skops")
    words = ["test-robustness", "--model", str(tmp_path / "model.skops"), "--data", str(data), "--label", "y"]
    words += [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    words += ["--out", str(tmp_path / "o")]
    assert main([*words, "--place", "sandbox:memory=3G"]) == 0
    document = json.loads((tmp_path / "o" / "result.json").read_text())
    assert document["environment"]["sandbox"]["form"] in FORMS
    assert main([*words, "--place", "sandbox:colour=red"]) == 2
    assert "colour" in capsys.readouterr().err


def test_a_sandbox_of_another_interpreter_is_that_interpreter_with_the_sandbox_in_it():
    there = as_place("sandbox:python=/usr/bin/python3,memory=2G")
    assert there == Interpreter("/usr/bin/python3", sandbox=Sandbox(memory="2G"))
    here = Sandbox(python=sys.executable, memory="2G")
    assert as_place(here) is here
