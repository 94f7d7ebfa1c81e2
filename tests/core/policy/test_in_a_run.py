from __future__ import annotations

import fsspec
import pytest

from lockgate.errors import InputError
from lockgate.outcome import Outcome
from lockgate.run import run
from lockgate.stage import FileIn, Threshold, stage


@stage("count-bytes")
def count_bytes(data: FileIn, *, least: Threshold[int] = 1) -> Outcome:
    """Count bytes.

    Args:
        data: The file.
        least: Fewest bytes.
    """
    outcome = Outcome()
    outcome.check("bytes", value=data.stat().st_size, comparator=">=", threshold=least)
    return outcome


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Run the stage under the policy at a URL."""
    from lockgate import stage as stages

    known = stages.find
    monkeypatch.setattr(stages, "find", lambda ref: count_bytes if ref == "count-bytes" else known(ref))
    (tmp_path / "data").write_bytes(b"12345")
    return lambda url: run(count_bytes, {"data": tmp_path / "data"}, out=tmp_path / "out", policy=url)


def test_a_run_takes_its_thresholds_from_a_policy_at_a_url(asked):
    raw = b"version: 1\nstages: {count-bytes: {least: 9}}\n"
    fsspec.filesystem("memory").pipe_file("/runs/lockgate.yaml", raw)
    result = asked("memory://runs/lockgate.yaml")
    assert not result.opens
    assert result.document["policy"]["thresholds"] == {"least": 9}


def test_a_run_whose_policy_is_not_at_its_url_does_not_run_without_it(asked, tmp_path):
    with pytest.raises(InputError, match="there is no file memory://runs/none"):
        asked("memory://runs/none.yaml")
    assert not (tmp_path / "out" / "result.json").exists()
