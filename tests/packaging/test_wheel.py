from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "lockgate": ROOT / "core",
    "lockgate_airflow": ROOT / "operators",
    "lockgate_kfp": ROOT / "components",
}
FORGOTTEN = re.compile(r"__pycache__|\.py[co]$|~$|\.swp$")


@pytest.fixture(scope="session")
def installed(wheel, command, install, tmp_path_factory) -> dict:
    """An environment with the wheel and its locked requirements alone, and what the wheel added."""
    folder = tmp_path_factory.mktemp("empty") / "environment"
    command(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python3*/site-packages")
    install(folder, "--require-hashes", "-r", ROOT / "requirements/core.txt")
    before = set(site.iterdir())
    install(folder, "--no-deps", wheel)
    return {"bin": folder / "bin", "added": {entry.name for entry in set(site.iterdir()) - before}}


def test_the_wheel_puts_its_three_packages_into_site_packages_and_nothing_else(installed):
    assert {re.sub(r"-[0-9].*\.dist-info$", "-dist-info", name) for name in installed["added"]} == {
        *PACKAGES,
        "lockgate-dist-info",
    }


def test_the_installed_command_prints_its_help_with_the_core_requirements_alone(installed, command, tmp_path):
    assert "detect-poisoning" in command(installed["bin"] / "lockgate", "--help", cwd=tmp_path).stdout


def test_the_installed_core_imports_without_airflow_and_kfp(installed, command, tmp_path):
    probe = (
        "import importlib.util as u, lockgate; "
        "print(lockgate.__file__, [u.find_spec(n) for n in ('airflow', 'kfp', 'sklearn', 'pandas')])"
    )

    path, _, engines = command(installed["bin"] / "python", "-c", probe, cwd=tmp_path).stdout.partition(" ")

    assert str(installed["bin"].parent) in path
    assert engines == "[None, None, None, None]\n"


def test_the_wheel_holds_every_file_of_the_three_packages_templates_and_schemas_included(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        dist_info = {name.rpartition("/")[2] for name in archive.namelist() if ".dist-info/" in name}
    there = {
        str(file.relative_to(root))
        for package, root in PACKAGES.items()
        for file in (root / package).rglob("*")
        if file.is_file() and not FORGOTTEN.search(str(file))
    }

    assert packed == there
    assert {"METADATA", "entry_points.txt", "LICENSE"} <= dist_info


def test_airflow_is_told_of_the_provider_and_the_plugin(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        entries = archive.read(name).decode()

    assert "[apache_airflow_provider]\nprovider_info = lockgate_airflow:get_provider_info" in entries
    assert "[airflow.plugins]\nlockgate = lockgate_airflow.plugin:LockgatePlugin" in entries
