"""What the README says is true: its snippets run, its commands exit as shown, its tables are complete."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lockgate import cli, errors, policy, stage
from lockgate.attest.predicates import verification_summary
from lockgate.outcome import Verdict
from lockgate.run import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PACKAGES = ("core/lockgate", "operators/lockgate_airflow", "components/lockgate_kfp")
ROWS = 8_000
PROFILE = "A baseline of statistics"
FIRST, GATE, WORKFLOW = (
    "On the command line",
    "Evidence and the release gate",
    "From training to release, in a workflow",
)
# kfp's local runner reminds that this interpreter is not the image; here it has what the image has.
pytestmark = pytest.mark.filterwarnings("ignore:You may be attemping to run a task:RuntimeWarning")


def _section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {heading!r}"
    return found.group(1)


def _blocks(heading: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _section(heading), re.MULTILINE | re.DOTALL)


def _table(heading: str, first: str) -> list[list[str]]:
    """Return the rows of the table in a section whose first column is called `first`."""
    lines = iter(_section(heading).splitlines())
    next(line for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"readme_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent))  # as for a script: its neighbours can be imported
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


# --- The snippets -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real rows, clean and with one source poisoned, and a schema drafted from the clean ones."""
    import pyarrow.parquet as pq

    example = _module(ROOT / "dags" / "make_batches.py")
    folder = tmp_path_factory.mktemp("batches")
    clean = example.with_source(pq.read_table(ROOT / "dags/data/2016.parquet").slice(0, ROWS))
    pq.write_table(clean, folder / "clean.parquet")
    pq.write_table(example.poisoned(clean), folder / "poisoned.parquet")
    drafted = {"data": folder / "clean.parquet", "label": "employed", "infer_schema": folder / "schema.yaml"}
    run("validate-data", drafted, out=folder / "drafted")
    return folder


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An Airflow home with the README's DAG."""
    home = tmp_path_factory.mktemp("airflow")
    made = _module(ROOT / "tests/operators/conftest.py").Airflow(home, home)
    (snippet,) = _blocks("In an Airflow DAG", "python")
    made.dag("my_training", snippet)
    made.run("airflow", "db", "migrate")
    return made


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("airflow")
@pytest.mark.parametrize(
    ("batch", "gate", "trained"), [("clean", "success", "success"), ("poisoned", "failed", "upstream_failed")]
)
def test_the_dag_trains_on_a_clean_batch_and_stops_before_a_poisoned_one(
    airflow, batches, batch, gate, trained
):
    conf = json.dumps({"data": str(batches / f"{batch}.parquet"), "schema": str(batches / "schema.yaml")})
    log = airflow.run("airflow", "dags", "test", "my_training", "--conf", conf, check=False)
    run_id = airflow.rows("select run_id from dag_run order by id desc")[0][0]
    states = dict(airflow.rows("select task_id, state from task_instance where run_id = ?", run_id))
    assert states == {"validate": "success", "detect": "success", "gate": gate, "train": trained}, log[-6000:]


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ModuleType]:
    """The README's pipelines as modules: KFP reads the source of a component from its file."""
    monkeypatch.setenv("LOCKGATE_KFP_IMAGE", "localhost/lockgate:readme")
    modules = []
    for number, snippet in enumerate(_blocks("In a Kubeflow pipeline", "python")):
        if "kubernetes" in snippet and importlib.util.find_spec("kfp.kubernetes") is None:
            continue
        path = tmp_path / f"pipeline_{number}.py"
        path.write_text(snippet, "utf-8")
        modules.append(_module(path))
    return modules


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "trained"), [("clean", True), ("poisoned", False)])
def test_the_pipeline_trains_on_a_clean_batch_and_stops_before_a_poisoned_one(
    pipelines, batches, tmp_path, batch, trained
):
    from kfp import local

    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(tmp_path / "root"),
        raise_on_error=False,
    )
    pipelines[0].my_training(data=str(batches / f"{batch}.parquet"), schema=str(batches / "schema.yaml"))
    verdicts = {
        (said := json.loads(path.read_text()))["stage"]: said["verdict"]
        for path in (tmp_path / "root").rglob("result_json")
    }
    assert verdicts == {"validate-data": "PASS", "detect-poisoning": "PASS" if trained else "FAIL"}
    assert bool(list((tmp_path / "root").rglob("train"))) is trained


def test_every_pipeline_compiles(pipelines, tmp_path):
    from kfp import compiler

    assert pipelines
    for module in pipelines:
        pipeline = getattr(module, "my_training", None) or module.sign_model
        compiler.Compiler().compile(pipeline, str(tmp_path / "compiled.yaml"))
        assert "lockgate:" in (tmp_path / "compiled.yaml").read_text()


# --- From training to release -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's batches with policy, evidence and ledger, and one batch that no supplier signed."""
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("delivered")
    command = [sys.executable, ROOT / "dags" / "make_batches.py", folder]
    subprocess.run(command, check=True, capture_output=True)
    pq.write_table(pq.read_table(folder / "clean.parquet").slice(1), folder / "unsigned.parquet")
    return folder


def _around(delivered: Path) -> dict[str, str]:
    settings = _module(ROOT / "dags" / "make_batches.py").settings(delivered, "pipeline")
    return settings.into({})


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("airflow")
@pytest.mark.parametrize(("batch", "release"), [("clean", "success"), ("unsigned", "failed")])
def test_the_dag_releases_what_was_trained_on_signed_data_only(airflow, delivered, tmp_path, batch, release):
    (snippet, _) = _blocks(WORKFLOW, "python")
    airflow.dag("my_release", snippet)
    (airflow.dags / "train_model.py").write_bytes((ROOT / "dags" / "train_model.py").read_bytes())
    conf = {
        "data": str(delivered / f"{batch}.parquet"),
        "schema": str(ROOT / "dags" / "data" / "employment.schema.yaml"),
        "key": str(delivered / "pipeline.pub.pem"),
        "out": str(tmp_path),
    }
    command = ("airflow", "dags", "test", "my_release", "--conf", json.dumps(conf))
    log = airflow.run(*command, check=False, **_around(delivered))
    run_id = airflow.rows("select run_id from dag_run order by id desc")[0][0]
    states = dict(airflow.rows("select task_id, state from task_instance where run_id = ?", run_id))
    before = dict.fromkeys(("validate", "train", "record", "scan", "attack"), "success")
    assert states == {**before, "release": release}, log[-6000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("batch", "verdict"), [("clean", "PASS"), ("unsigned", "FAIL")])
def test_the_pipeline_releases_what_was_trained_on_signed_data_only(
    delivered, tmp_path, monkeypatch, batch, verdict
):
    from kfp import local

    monkeypatch.setenv("PYTHONPATH", str(ROOT / "dags"))
    for name, value in _around(delivered).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "pipeline.py").write_text(_blocks(WORKFLOW, "python")[1], "utf-8")
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(tmp_path / "root"),
        raise_on_error=False,
    )
    _module(tmp_path / "pipeline.py").my_release(
        data=str(delivered / f"{batch}.parquet"),
        schema=str(ROOT / "dags" / "data" / "employment.schema.yaml"),
        key=str(delivered / "pipeline.pub.pem"),
    )
    said = {
        (found := json.loads(path.read_text()))["stage"]: found
        for path in (tmp_path / "root").rglob("result_json")
    }
    assert said["gate-release"]["verdict"] == verdict
    codes = set(said["gate-release"]["metrics"]["codes"])
    assert codes == ({"LG-GATE-000"} if verdict == "PASS" else {"LG-GATE-000", "LG-GATE-403"})


# --- The command line -------------------------------------------------------------------------------


def _commands(heading: str) -> list[tuple[str, int, str]]:
    """Return each command of a section, the exit code that it has, and the verdict, in order."""
    (block,) = _blocks(heading, "sh")
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            command, _, said = line.partition("  # exit ")
            code, _, verdict = said.partition(": ")
            found.append((" ".join(command.split()), int(code or 0), verdict))
    return found


def _try(heading: str, folder: Path) -> list[tuple[int, str]]:
    """Run all commands of a section in one shell; returns exit code and output of each."""
    said = folder / "said"
    said.mkdir(exist_ok=True)
    script = "".join(
        f"{{ {command}; }} > {said}/{number}.txt 2>&1; echo $?\n"
        for number, (command, _, _) in enumerate(_commands(heading))
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LOCKGATE")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**kept, "PATH": path, "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    codes = [int(line) for line in done.stdout.split()]
    return [(code, (said / f"{number}.txt").read_text()) for number, code in enumerate(codes)]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str]]]:
    """Run the commands of the first section; returns the folder they end in, and what each said."""
    checkout = tmp_path_factory.mktemp("checkout")
    (checkout / "dags").symlink_to(ROOT / "dags")
    return checkout / "demo-out" / "try", _try(FIRST, checkout)


@pytest.fixture(scope="module")
def profiled(tried: tuple[Path, list[tuple[int, str]]]) -> tuple[Path, list[tuple[int, str]]]:
    """Run the commands of the section on profiles where the first section's ended."""
    folder, _ = tried
    return folder, _try(PROFILE, folder)


@pytest.fixture(scope="module")
def released(tried: tuple[Path, list[tuple[int, str]]]) -> tuple[Path, list[tuple[int, str]]]:
    """Run the commands of the section on the release gate where the first section's ended."""
    folder, _ = tried
    (folder / "train_step.py").write_text(_blocks(GATE, "python")[0], "utf-8")
    return folder, _try(GATE, folder)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("heading", "ran"), [(FIRST, "tried"), (PROFILE, "profiled"), (GATE, "released")])
def test_every_command_exits_as_shown_with_the_verdict_shown(heading, ran, request):
    _, results = request.getfixturevalue(ran)
    for (command, code, verdict), (got, said) in zip(_commands(heading), results, strict=True):
        assert got == code, f"{command}\n{said}"
        assert said.startswith(verdict), f"{command}\n{said}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("readme")
def test_the_denial_looks_as_shown(released):
    def lines(text: str) -> list[str]:
        return [re.sub(r"[0-9a-f]{12}…", "…", line).rstrip() for line in text.splitlines()]

    _, results = released
    (said,) = [
        said
        for (command, _, _), (_, said) in zip(_commands(GATE), results, strict=True)
        if command.startswith("lockgate explain-gate")
    ]
    assert lines(_blocks(GATE, "text")[0]) == lines(said)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("released_for", "code"), [("production", 0), ("staging", 1)])
def test_serving_loads_the_model_where_it_was_released_for(released, released_for, code):
    folder, _ = released
    snippet = _blocks(GATE, "python")[1].replace('"production"', repr(released_for))
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert (done.stdout == "(0, 1)\n") is (code == 0)
    assert ("not for 'staging'" in done.stderr) is (code == 1)


@pytest.mark.parametrize("language", ["sh", "yaml"])
def test_the_commands_for_other_tools_have_flags_that_their_stages_know(language):
    heading = "A model's bill of materials" if language == "sh" else "What a run leaves"
    (block,) = _blocks(heading, language)
    commands = re.findall(r"lockgate ([a-z-]+) (--.*)", block.replace("\\\n", " "))
    assert commands
    for name, words in commands:
        assert cli.stage_parser(stage.find(name)).parse_args(words.split())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("readme")
def test_a_run_leaves_the_files_that_are_listed(tried):
    folder, _ = tried
    rows = _table("What a run leaves", "file")
    listed = {name for row in rows for name in re.findall(r"`([\w.]+)`", row[0])}
    assert listed == {"result.json", "report.html", "attestation.json"}
    left = {path.name for path in (folder / "poisoned").iterdir()}
    assert left == listed | {"scores.parquet", "suspects.parquet"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("readme")
def test_the_python_snippet_runs_on_what_the_commands_left(tried):
    folder, _ = tried
    (snippet,) = _blocks(FIRST, "python")
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("PASS ")


# --- The tables -------------------------------------------------------------------------------------


def test_the_table_of_stages_is_what_the_stages_declare():
    declared = [[f"`{s.name}`", s.lifecycle, s.summary, ", ".join(s.threats)] for s in stage.every()]
    assert _table("Stages", "stage") == declared


def test_the_policy_loads_and_sets_what_it_shows(tmp_path):
    (text,) = _blocks("Policy", "yaml")
    (tmp_path / "lockgate.yaml").write_text(text, "utf-8")
    read = policy.load(tmp_path / "lockgate.yaml")
    assert read.thresholds("detect-poisoning") == {"alpha": 0.001}
    assert read.opens_on_inconclusive("check-drift")
    assert not read.opens_on_inconclusive("detect-poisoning")


def test_the_policy_of_the_release_is_the_one_that_the_example_writes():
    (shown,) = _blocks(GATE, "yaml")
    module = _module(ROOT / "dags" / "make_policy.py")
    written = module.POLICY.format(expires="", supplier="", pipeline="", security="")
    assert written.endswith(shown)


def test_the_table_of_verdicts_says_which_open_and_how_the_command_exits():
    rows = {row[0]: row for row in _table("Verdicts and exit codes", "verdict")}
    assert set(rows) == {verdict.value for verdict in Verdict}
    for name, (_, _, gate, code) in rows.items():
        opens = Verdict(name).opens
        assert (gate.startswith("open"), code) == (opens, "0" if opens else "1")
    assert errors.InputError("x").exit_code == 2
    assert errors.StageError("x").exit_code == 3


def test_every_environment_variable_that_is_read_is_listed():
    sources = "".join(
        path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    )
    listed = {row[0].strip("`") for row in _table("Where a stage runs", "environment variable")}
    named = set(re.findall(r"\bLOCKGATE_[A-Z_]+\b", sources))
    assert listed == named - {verification_summary.LEVEL}  # which is no variable


def test_every_extra_is_listed():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = [name for row in _table("Install", "extra") for name in row[0].replace("`", "").split(", ")]
    assert sorted(listed) == sorted(["none", *project["optional-dependencies"]])


def test_an_error_about_a_missing_library_names_an_extra_that_is_listed():
    rows = {row[0].strip("`"): row[1] for row in _table("Install", "extra")}
    named = {
        extra
        for path in (ROOT / "core/lockgate").rglob("*.py")
        for extra in re.findall(r'MissingExtraError\("([\w-]+)"', path.read_text("utf-8"))
    }
    assert named <= set(rows)


def test_every_make_target_that_is_named_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        named = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
        named |= set(re.findall(r"`make ([a-z-]+)", text))
        assert named
        assert named <= targets


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "core/doc/adr/README.md"])
def test_every_link_to_a_file_leads_to_one(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text("utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{page} links to {target}"


def test_the_index_of_decisions_lists_every_decision():
    folder = ROOT / "core" / "doc" / "adr"
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8")))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_the_stage_that_contributing_shows_runs(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (snippet,) = re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "shown_stage.py").write_text(textwrap.dedent(snippet), "utf-8")
    shown = _module(tmp_path / "shown_stage.py").check_size
    (tmp_path / "table.csv").write_text("a\n1\n2\n", "utf-8")
    for rows, verdict in ((2, "PASS"), (3, "FAIL")):
        said = run(shown, {"data": tmp_path / "table.csv", "min_rows": rows}, out=tmp_path / "out")
        assert said.verdict == verdict
