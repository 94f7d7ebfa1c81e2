from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lockgate.scan.record import Record
from lockgate.scan.worker import scan_path


@pytest.fixture(scope="session")
def corpus() -> ModuleType:
    """The module that writes malicious files; test folders are no packages."""
    spec = importlib.util.spec_from_file_location("scan_corpus", Path(__file__).with_name("corpus.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def judged(tmp_path):
    """Judge bytes as the content of a file, in this process."""

    def judge(data: bytes, name: str = "model.bin") -> Record:
        path = tmp_path / "judged"
        path.write_bytes(data)
        return scan_path(str(path), name)

    return judge


def rules(record: Record) -> set[str]:
    """Return the rules of the hits of a scan."""
    return {hit.rule for hit in record.hits}
