from __future__ import annotations

import json

import pytest

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
