"""Importing a face costs what its engine costs, and nothing more: heavy libraries wait for the call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = [
    "art", "cleanlab", "deepchecks", "duckdb", "evidently", "mlflow", "numpy", "pandas", "pyarrow", "pyspark",
    "scipy", "skops", "sklearn", "torch",
]  # fmt: skip
# Imports the engine, then one module after the other, and names those after which a heavy library is there.
PROBE = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
engine, modules, heavy = json.loads(sys.argv[1])
exec(engine)
there = {name for name in heavy if name in sys.modules}
engines_own = sorted(there)
guilty = {}
for module in modules:
    importlib.import_module(module)
    brought = {name for name in heavy if name in sys.modules} - there
    if brought:
        guilty[module] = sorted(brought)
        there |= brought
print(json.dumps([engines_own, guilty]))
"""


def test_no_module_of_the_core_loads_a_heavy_library_when_imported():
    assert brought_by("lockgate", ROOT / "core/lockgate") == {}


def test_the_package_that_airflow_itself_loads_for_the_provider_is_light():
    assert guilty(["lockgate_airflow"]) == {}


@pytest.mark.slow  # airflow.sdk alone takes up to ten seconds
def test_no_operator_loads_a_heavy_library_that_airflow_has_not_loaded():
    engine = "from airflow.sdk import Asset, BaseHook, BaseOperator, BaseOperatorLink"

    assert brought_by("lockgate_airflow", ROOT / "operators/lockgate_airflow", engine) == {}


def test_no_component_loads_a_heavy_library_that_kfp_has_not_loaded():
    assert brought_by("lockgate_kfp", ROOT / "components/lockgate_kfp", "import kfp.dsl, kfp.compiler") == {}


def test_a_module_that_loads_numpy_is_named(tmp_path, monkeypatch):
    (tmp_path / "heavy_one.py").write_text("import numpy\n")
    (tmp_path / "light_one.py").write_text("import json\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert guilty(["light_one", "heavy_one"]) == {"heavy_one": ["numpy"]}


def brought_by(package: str, folder: Path, engine: str = "") -> dict:
    """Which modules of a package bring which heavy libraries, the engine's own aside."""
    return guilty(modules(package, folder), engine)


def modules(package: str, folder: Path) -> list[str]:
    """The dotted names of every module in a package's folder, the package itself first."""
    names = {package}
    for file in folder.rglob("*.py"):
        parts = file.relative_to(folder).with_suffix("").parts
        if parts[-1] != "__main__":
            names.add(".".join((package, *parts)).removesuffix(".__init__"))
    return sorted(names)


def guilty(names: list[str], engine: str = "") -> dict:
    """Import the names in an interpreter of its own and return those that brought a heavy library."""
    words = [sys.executable, "-c", PROBE, json.dumps([engine, names, HEAVY])]
    with tempfile.TemporaryDirectory() as home:  # Airflow writes its configuration when it is imported
        environment = {**os.environ, "AIRFLOW_HOME": home}
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=300, check=False, env=environment
        )
    assert done.returncode == 0, done.stderr
    engines_own, found = json.loads(done.stdout.splitlines()[-1])
    # An engine that brings these itself would make the comparison blind.
    assert not {"art", "evidently", "deepchecks", "torch", "sklearn"} & set(engines_own)
    return found
