"""Switch every single check of the release gate off in turn, and see whether a test notices.

    make mutate-gate                                     # all of them
    python tests/mutation/mutate_gate.py gate.checks     # the mutants whose name has this in it
    python tests/mutation/mutate_gate.py --sample 40     # a random sample

The tests of gate, policy, ledger and attestations are collected once. A first forked process runs the
fast ones and notes which lines each executes. Then each mutant (`mutants`) gets a forked process of its
own, in which the code of the functions is replaced in place and the tests run that execute its line,
first forty, and if none of them fails, the rest (one that `survivors.txt` explains only meets the
forty). A mutant is noticed when a test fails or does not end.
The exit code is 1 when less than 95 % are noticed, when one survives that `survivors.txt` does not
explain, or when it explains one that does not survive.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import types
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mutants
import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"
TARGETS = (  # from the top down
    *("gate.attestation", "gate.checks", "gate.decision", "gate.ground", "gate.problems", "gate.question"),
    *("gate.release", "gate.remember", "gate.requirement", "gate.waived"),
    *("policy.trust", "policy.signing", "policy.waivers", "policy.memory", "policy.seen"),
    *("ledger.reading", "ledger.checkpoint", "ledger.merkle", "ledger.trie", "ledger.leaf"),
    *("attest.envelope", "attest.fields", "attest.statement", "attest.store", "attest.predicates"),
    *("attest.predicates.test_result", "attest.predicates.provenance"),
    *("attest.predicates.verification_summary", "attest.predicates.waiver"),
    *("attest.predicates.policy_approval", "attest.predicates.cyclonedx"),
)
TESTS = (
    *("tests/core/gate", "tests/core/policy", "tests/core/ledger", "tests/core/attest"),
    *("tests/core/stages/develop/test_record_provenance.py", "tests/core/stages/deploy"),
    "tests/core/retraining/test_state.py",
)
PASSED_OVER = (  # of many threads and processes, or of other libraries than those that a gate uses
    *("ledger/test_concurrent.py", "ledger/test_crash.py", "ledger/test_database.py"),
    *("attest/test_key_services.py", "attest/test_oms.py", "attest/test_interoperability.py"),
)
LEFT_OUT = {  # tests that cannot run in a forked process, with the reason
    "tests/core/policy/test_memory.py::test_two_processes_lose_nothing_of_each_other": (
        "a process that is spawned begins with this program, not with pytest, and finds no test there"
    ),
}
SURVIVORS = Path(__file__).with_name("survivors.txt")
ENOUGH = 0.95
FIRST = 40  # tests that a mutant meets before all the others
LONGEST = 3.0  # seconds; a test that takes longer comes last, and only to mutants of its own package
FEW = 3  # tests that may fail here without any mutant
HOW = "how.txt"
PLACE = "LOCKGATE_MUTATION_PLACE"
LIMIT = 15.0  # seconds a test may take, and four times what it took without a mutant
PATIENCE = 60.0  # seconds more than four times what it took that a batch of tests may take


def path_of(target: str) -> Path:
    """Return the source of a module."""
    place = CORE / "lockgate" / Path(*target.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


# --- Which test executes which line -----------------------------------------------------------------


class Tracer:
    """Notes the lines of the targets that are executed."""

    def __init__(self) -> None:
        self.files = {str(path_of(target)): target for target in TARGETS}
        self.lines: set[tuple[str, int]] = set()
        self.wanted: dict[types.CodeType, set[tuple[str, int]]] = {}

    def __call__(self, frame, _event, _arg):
        target = self.files.get(frame.f_code.co_filename)
        if target is None:
            return None
        self.lines.add((target, frame.f_lineno))
        code = frame.f_code
        wanted = self.wanted.get(code)
        if wanted is None:
            wanted = self.wanted[code] = {(target, line) for _, _, line in code.co_lines() if line}
        return None if wanted <= self.lines else self._line

    def _line(self, frame, event, _):
        if event == "line":
            self.lines.add((self.files[frame.f_code.co_filename], frame.f_lineno))
        return self._line


def note(items: list[pytest.Item], watch: Watch) -> tuple[dict, dict]:
    """Run every test once, in a process of its own; return the lines and the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "notes.json"
        child = fork()
        if not child:
            lines, seconds = {}, {}
            for item, after in zip(items, [*items[1:], None], strict=True):
                tracer, started = Tracer(), time.monotonic()
                sys.settrace(tracer)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                sys.settrace(None)
                lines[item.nodeid], seconds[item.nodeid] = sorted(tracer.lines), time.monotonic() - started
            out.write_text(json.dumps([lines, seconds, watch.failed, watch.how]))
            os._exit(0)
        os.waitpid(child, 0)
        end(child)
        lines, seconds, failed, how = json.loads(out.read_text())
    if len(failed) > FEW:
        raise SystemExit(f"without any mutant, {len(failed)} tests fail, the first of them {failed[0]}")
    for name in failed:  # it starts processes that do not bear to be traced or forked
        print(f"left out, for it fails without any mutant: {name}\n{how}", flush=True)
    found = {name: each for name, each in lines.items() if name not in failed}
    return {name: {(target, line) for target, line in each} for name, each in found.items()}, seconds


class Watch:
    """Remembers which tests failed, and how the last of them did."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.how = ""

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)
            self.how = f"{report.nodeid} ({report.when})\n{report.longreprtext}"


# --- One mutant -------------------------------------------------------------------------------------


def room(process: int) -> Path:
    """Return the folder that is one forked process's alone: pytest empties the one that it finds."""
    return Path(os.environ[PLACE]) / str(process)


def end(child: int, *, read: bool = False) -> str:
    """End what a forked process has left running, and remove its folder; return how a test failed in it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    how = room(child) / HOW
    told = how.read_text("utf-8") if read and how.exists() else ""
    shutil.rmtree(room(child), ignore_errors=True)
    return told


def fork() -> int:
    """Fork; the child is silent, has a folder of its own, and leads a group of processes that end with it."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.setsid()
        room(os.getpid()).mkdir()
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(room(os.getpid()))
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (1, 2):
            os.dup2(quiet, stream)
    return child


def meet(mutant: mutants.Mutant, items: list[pytest.Item], watch: Watch) -> int:
    """Fork a process in which a mutant meets some tests; return its id. It exits with 0 when all pass."""
    child = fork()
    if child:
        return child
    code = 99
    try:
        put_on(mutant)
        for item, after in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if watch.failed:
                break
        if watch.failed:
            (room(os.getpid()) / HOW).write_text(watch.how, "utf-8")
        code = int(bool(watch.failed))
    finally:
        os._exit(code)


def put_on(mutant: mutants.Mutant) -> None:
    """Change the module in place: its functions keep their identity, whoever has imported them."""
    module = sys.modules[mutant.module]
    if mutant.registry:
        name, index = mutant.registry
        entries = getattr(module, name)
        setattr(module, name, entries[:index] + entries[index + 1 :])
        return
    code = compile(mutant.source, module.__file__, "exec", dont_inherit=True)
    _replace(module, code)


def _replace(holder, code: types.CodeType) -> None:
    for inner in (const for const in code.co_consts if isinstance(const, types.CodeType)):
        live = vars(holder).get(inner.co_name)
        if isinstance(live, type):
            _replace(live, inner)
        elif (function := _function(live)) is not None:
            function.__code__ = inner


def _function(live):
    if isinstance(live, property):
        live = live.fget
    if isinstance(live, functools.cached_property):
        live = live.func
    live = getattr(live, "__func__", live)
    while hasattr(live, "__wrapped__"):
        live = live.__wrapped__
    return live if isinstance(live, types.FunctionType) else None


# --- All of them ------------------------------------------------------------------------------------


def order(mutant: mutants.Mutant, lines: dict, seconds: dict) -> list[str]:
    """Return the tests of a mutant, those that execute its line: the narrow ones of its package first."""
    target = mutant.module.removeprefix("lockgate.")
    own = f"tests/core/{target.partition('.')[0]}/"
    near = [test for test in lines if seconds[test] <= LONGEST or test.startswith(own)]
    found = [test for test in near if (target, mutant.line) in lines[test]]
    if mutant.registry or not found:  # executed on import, or by no test of its own
        found = [test for test in near if any(t == target for t, _ in lines[test])]

    def rank(test: str) -> tuple:
        return seconds[test] > LONGEST, not test.startswith(own), len(lines[test]), seconds[test]

    return sorted(found, key=rank)


def run(all_, items, watch, lines: dict, seconds: dict, workers: int) -> list[tuple[mutants.Mutant, bool]]:
    """Let every mutant meet its tests, first a few and then the rest; return whether each was noticed."""
    known = explained()
    waiting = [
        (mutant, tests[:FIRST], [] if known.get(mutant.name) else tests[FIRST:])
        for mutant in all_
        for tests in [order(mutant, lines, seconds)]
    ]
    waiting.reverse()
    by_name = {item.nodeid: item for item in items}
    running: dict[int, tuple] = {}
    done: list[tuple[mutants.Mutant, bool]] = []
    while waiting or running:
        while waiting and len(running) < workers:
            mutant, first, rest = waiting.pop()
            if not first:
                done.append((mutant, False))
                continue
            limit = time.monotonic() + PATIENCE + 4 * sum(seconds[test] for test in first)
            running[meet(mutant, [by_name[test] for test in first], watch)] = (mutant, rest, limit)
        time.sleep(0.02)
        for child in list(running):
            mutant, rest, limit = running[child]
            ended, status = os.waitpid(child, os.WNOHANG)
            if not ended and time.monotonic() < limit:
                continue
            if not ended:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            told = end(child, read=not mutant.line)
            if told:
                print(f"\r{told}", flush=True)
            del running[child]
            code = os.waitstatus_to_exitcode(status) if ended else 1
            if code == 99:
                raise SystemExit(f"could not be put on: {mutant.name}")
            if code == 0 and rest:
                waiting.append((mutant, rest, []))
                continue
            done.append((mutant, code != 0))
            noticed = sum(found for _, found in done)
            print(f"\r{len(done)}/{len(all_)} mutants, {noticed} noticed ", end="", flush=True)
            if code == 0 and mutant.line:
                print(f"\rsurvived  {mutant.name} (line {mutant.line})", flush=True)
    print()
    return done


def explained() -> dict[str, str]:
    """Return the survivors that are known, with the reason: a line each, the reason on the next, indented."""
    found: dict[str, str] = defaultdict(str)
    name = ""
    for line in SURVIVORS.read_text("utf-8").splitlines() if SURVIVORS.exists() else ():
        if line.startswith("    "):
            found[name] += line.strip() + " "
        elif line and not line.startswith("#"):
            name = line
            found[name] += ""
    return dict(found)


class Session:
    """A pytest plugin: instead of running the tests that were collected, let the mutants meet them."""

    def __init__(self, all_: list[mutants.Mutant], workers: int) -> None:
        self.all, self.workers = all_, workers
        self.done: list[tuple[mutants.Mutant, bool]] = []
        self.watch = Watch()

    def pytest_configure(self):
        import hypothesis  # not before pytest, which prepares it

        # The same examples for every mutant, and none that a mutant made fail is kept for the next.
        hypothesis.settings.register_profile("mutation", derandomize=True, database=None)
        hypothesis.settings.load_profile("mutation")

    def pytest_runtestloop(self, session):
        session.config.pluginmanager.register(self.watch)
        started = time.monotonic()
        print(f"{len(self.all)} mutants; first every test once, to see what it executes", flush=True)
        lines, seconds = note(session.items, self.watch)
        print(f"{len(lines)} tests in {time.monotonic() - started:.0f} s", flush=True)
        for item in session.items:
            item.add_marker(pytest.mark.timeout(LIMIT + 4 * seconds[item.nodeid]))
        first = {mutant.module.split(".")[1]: mutant.module for mutant in reversed(self.all)}
        controls = [
            mutants.control(module, path_of(module.removeprefix("lockgate.")).read_text("utf-8"))
            for module in first.values()
        ]
        for control, noticed in run(controls, session.items, self.watch, lines, seconds, self.workers):
            if noticed:
                raise SystemExit(f"tests fail on a module that is as it was: {control.module}")
        self.done = run(self.all, session.items, self.watch, lines, seconds, self.workers)
        return True


def main() -> int:
    """Run, tell, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="parts of names of mutants, as a run prints them")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="a random sample of N mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    os.chdir(ROOT)
    all_ = [
        mutant
        for target in TARGETS
        for mutant in mutants.of(f"lockgate.{target}", path_of(target).read_text("utf-8"))
        if not args.only or any(part in mutant.name for part in args.only)
    ]
    for target in TARGETS:
        importlib.import_module(f"lockgate.{target}")
    if args.sample:
        all_ = random.Random(args.seed).sample(all_, min(args.sample, len(all_)))
    groups = {"gate", *(mutant.module.split(".")[1] for mutant in all_)}
    session = Session(all_, args.workers)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        os.environ[PLACE] = folder
        # A time that is over ends the process: hypothesis would take an exception for one more example.
        words = ["-q", "-s", "-p", "no:cacheprovider", "-m", "not slow", "--timeout=60"]
        words += ["-o", "timeout_method=thread"]
        words += [f"--ignore=tests/core/{name}" for name in PASSED_OVER]
        words += [f"--deselect={name}" for name in LEFT_OUT]
        code = pytest.main(
            [*words, *(test for test in TESTS if test.split("/")[2] in {*groups, "stages", "retraining"})],
            plugins=[session],
        )
    if code or not session.done:
        return int(code) or 1
    known = explained()
    survived = [mutant for mutant, noticed in session.done if not noticed]
    strange = [mutant for mutant in survived if not known.get(mutant.name)]
    share = 1 - len(survived) / len(session.done)
    noticed = len(session.done) - len(survived)
    print(f"{noticed} of {len(session.done)} noticed ({share:.1%}) in {time.monotonic() - started:.0f} s")
    for mutant in strange:
        print(f"not explained: {mutant.name}")
    # An explanation that nothing needs any more would cover whatever is called so one day.
    left = set(known) - {mutant.name for mutant in survived}
    if args.only or args.sample:
        left &= {mutant.name for mutant, _ in session.done}
    for name in sorted(left):
        print(f"explained, and noticed or not there: {name}")
    return int(share < ENOUGH or bool(strange or left))


def _memory() -> str | None:
    """Return a folder in memory, where there is one: the tests write small files all the time."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a place, not a file


if __name__ == "__main__":
    sys.exit(main())
