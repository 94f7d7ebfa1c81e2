"""A damaged file that is still called safe is one that its own library reads, to the same structure."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_COUNTS = {"flips": 60, "cuts": 15, "fuzzed": 40, "blocks": 24, "appended": 12, "every": 30}

SEEDS = 5, 635554919  # the same in every run; damage.py takes any other


def _module(name: str):
    spec = importlib.util.spec_from_file_location(name, _HERE / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


damage = _module("damage")
FORMATS = list(_module("damage_formats").available())


def test_damage_is_damage_and_made_from_the_seed():
    data = bytes(range(256)) * 8
    for make in (*damage.KINDS.values(), *damage.EVERY.values()):
        first, again, other = (list(make(data, random.Random(seed), 30)) for seed in (1, 1, 2))
        assert first == again != other
        assert all(made != data for _, made in first)


def damaged(kind: str, seed: int) -> dict[str, dict[str, int]]:
    """Return what became of damaged files, by damage; in a process that holds no threads of other tests."""
    words = [sys.executable, str(_HERE / "damage.py"), "--formats", kind, "--seeds", str(seed)]
    words += [word for what, count in _COUNTS.items() for word in (f"--{what}", str(count))]
    around = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=around)
    assert done.returncode == 0, (seed, done.stderr[-2000:])
    head, _, *rows = ([cell.strip() for cell in row.split("|")[2:-1]] for row in done.stdout.splitlines())
    return {row[0]: dict(zip(head[1:], map(int, row[1:]), strict=True)) for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind.name for kind in FORMATS])
def test_what_is_called_safe_is_read_by_its_library(kind):
    for seed in SEEDS:
        found = damaged(kind, seed)
        assert set(found) == {*damage.KINDS, *damage.EVERY}
        for what, told in found.items():
            assert not told["scan stopped"], (seed, what, told)
            assert not told["library refuses"], (seed, what, told)
            assert told["other structure"] <= (what in damage.KINDS and what != "cuts"), (seed, what, told)
