from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from lockgate.run import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image"), pytest.mark.timeout(1500)]


def test_the_image_answers_with_the_help_of_the_command_line(in_image):
    assert "detect-poisoning" in in_image("lockgate", "--help").stdout


def test_the_image_runs_as_an_ordinary_user_that_cannot_change_the_code(in_image):
    tries = "import os; print(os.getuid(), os.access('/opt/lockgate', 2), os.access('/opt/requirements', 2))"

    assert in_image("python3", "-c", tries).stdout == "10001 False False\n"


def test_the_image_needs_no_writable_root(in_image):
    done = in_image("lockgate", "--help", options=["--read-only"])

    assert "detect-poisoning" in done.stdout


def test_every_library_of_the_image_imports_and_torch_and_deepchecks_are_not_there(in_image):
    probe = """if True:
        import importlib.util, json, warnings
        warnings.simplefilter("ignore")
        import lockgate_kfp, kfp.dsl, cleanlab, evidently, art.attacks.evasion, skops.io, duckdb
        others = ("torch", "deepchecks", "airflow")
        print(json.dumps({name: importlib.util.find_spec(name) is not None for name in others}))
    """

    there = json.loads(in_image("python3", "-c", probe).stdout)

    assert there == {"torch": False, "deepchecks": False, "airflow": False}


@pytest.fixture
def component(in_image, tmp_path):
    """Run a compiled component in the image as a cluster does: its command, an executor input, a volume."""
    compiled = Path(__file__).parents[2] / "components/lockgate_kfp/yaml"
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o777)  # the image's user is another one than ours

    def call(stem, artifacts, **parameters):
        spec = yaml.safe_load((compiled / f"{stem}.yaml").read_text())
        (declared,) = spec["components"].values()
        (executor,) = spec["deploymentSpec"]["executors"].values()
        there = declared["outputDefinitions"]
        request = {
            "inputs": {
                "parameterValues": parameters,
                "artifacts": {name: _artifact(name, f"/volume/{file}") for name, file in artifacts.items()},
            },
            "outputs": {
                "parameters": {name: {"outputFile": f"/volume/{name}"} for name in there["parameters"]},
                "artifacts": {
                    name: _artifact(name, f"/volume/{name}", made["artifactType"]["schemaTitle"])
                    for name, made in there["artifacts"].items()
                },
                "outputFile": "/volume/executor_output.json",
            },
        }
        words = [*executor["container"]["command"], *executor["container"]["args"]]
        in_image(
            *(word.replace("{{$}}", json.dumps(request)) for word in words), mounts={folder: "/volume:rw"}
        )
        return json.loads((folder / "result_json").read_text())

    call.folder = folder
    return call


def _artifact(name, uri, kind="system.Artifact"):
    return {"artifacts": [{"name": name, "type": {"schemaTitle": kind}, "uri": uri, "metadata": {}}]}


def test_a_component_in_the_image_says_what_the_command_line_says_here(component, tmp_path):
    rows = 400
    table = pa.table({"x": list(range(rows)), "y": [row % 2 for row in range(rows)]})
    pq.write_table(table, component.folder / "data.parquet")
    schema = "version: 1\nlabel: y\ncolumns:\n  x: {type: integer, max: 200}\n  y: {type: integer}\n"
    (component.folder / "schema.yaml").write_text(schema)

    there = component(
        "validate_data", {"data": "data.parquet", "schema": "schema.yaml"}, max_duplicate_share=0.5
    )
    given = {"data": component.folder / "data.parquet", "schema": component.folder / "schema.yaml"}
    here = run("validate-data", {**given, "max_duplicate_share": 0.5}, out=tmp_path / "out")

    assert there["verdict"] == "FAIL"
    assert there["body_digest"] == here.body_digest
    assert (component.folder / "report_html").read_text().startswith("<!")
