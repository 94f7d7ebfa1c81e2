from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.suites.apart import run_apart


def apart(module: str, folder: Path, seconds: int = 60) -> str | None:
    folder.mkdir(exist_ok=True)
    return run_apart(sys.executable, module, {"asked": 1}, folder, seconds=seconds, environment={})


def test_a_module_that_fails_is_known_by_its_last_words_and_one_that_succeeds_by_none(tmp_path: Path) -> None:
    assert apart("json.tool", tmp_path) is None
    assert apart("no_such_module", tmp_path) == f"{sys.executable}: No module named no_such_module"


def test_a_file_in_the_folder_of_the_caller_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('planted code ran')")
    monkeypatch.chdir(tmp_path)

    assert "No module named planted" in (apart("planted", tmp_path / "private") or "")


def test_a_module_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text("import time; time.sleep(60)")

    with pytest.raises(subprocess.TimeoutExpired):
        apart("sleepy", tmp_path, seconds=1)
