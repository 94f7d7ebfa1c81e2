"""What other scanners say about the files that `scan-model` judged: one check for each scanner."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lockgate.errors import InputError
from lockgate.outcome import Location, Outcome, Severity, of_severity
from lockgate.scan.apart import Bounds, Said
from lockgate.scan.opinions import SCANNERS, Opinion, Scanner
from lockgate.scan.record import Answer, clip

# By the formats of which a file consists; the first that it has says what it is.
_SUFFIX = {
    "torch": ".pt", "torch legacy": ".pt", "TorchScript": ".pt", "joblib": ".joblib", "HDF5": ".h5",
    "zip": ".zip", "pickle": ".pkl", "npy": ".npy",
}  # fmt: skip
_READ_BY_OTHERS = frozenset(["pickle", "zip"])  # formats of which a scanner that gives up says something


def scanners(names: list[str], bounds: Bounds) -> list[Scanner]:
    """Return the scanners that are asked for, each once.

    Raises:
        InputError: One is not known, or its interpreter is not there.
    """
    for name in names:
        if name not in SCANNERS:
            raise InputError(
                f"second_opinion names {clip(name)!r}, which is no scanner that is known here; "
                f"choose from {', '.join(SCANNERS)}"
            )
    return [Scanner(name, bounds) for name in dict.fromkeys(names)]


def ask(outcome: Outcome, scanner: Scanner, files: list[tuple[str, Path]], ours: Mapping[str, Said]) -> None:
    """Record what a scanner says about all files. It can add a failure; it takes none away."""
    check = f"second-opinion:{scanner.name}"
    counts = {"safe": 0, "unsafe": 0, "no_opinion": 0, "error": 0}
    errors: list[str] = []
    with _named(files, ours) as named:
        opinions = list(scanner.opinions(named))
    for opinion in opinions:
        kind = _kind(opinion, ours[opinion.id])
        counts[kind] += 1
        _find(outcome, scanner, opinion, check)
        if kind == "error":
            errors.append(f"{scanner.name} {scanner.version} could not read {opinion.id}: {opinion.reason}")
        elif kind == "no_opinion" and opinion.verdict == "error":
            outcome.find(
                "LG-SCAN-111",
                Severity.LOW,
                f"{scanner.name} {scanner.version} gave up on {opinion.id} ({opinion.reason}); "
                "it has no opinion on such files.",
                subject="model",
                location=Location(member=opinion.id),
                threat="supply-chain",
                fix="Rely on the other scanners for it, or save the model as safetensors, ONNX or skops.",
                check=check,
            )
    if scanner.problem:
        outcome.cannot(check, scanner.problem, "safe", "==")
    elif counts["unsafe"]:
        outcome.check(check, value="unsafe", comparator="==", threshold="safe")
    elif errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        outcome.cannot(check, clip(errors[0]) + more, "safe", "==")
    elif not counts["safe"]:
        reason = f"{scanner.name} {scanner.version} has no opinion on any of the files"
        outcome.cannot(check, reason, "safe", "==")
    else:
        outcome.check(check, value="safe", comparator="==", threshold="safe")
    said = f"{scanner.name} {scanner.version}".strip()
    numbers = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items() if count)
    outcome.facts[f"Says {said}"] = numbers or "nothing"
    outcome.metrics.setdefault("second_opinions", {})[scanner.name] = {"version": scanner.version, **counts}


@contextmanager
def _named(files: list[tuple[str, Path]], ours: Mapping[str, Said]) -> Iterator[list[tuple[str, Path]]]:
    """Give files without a suffix, as a run hands a single one over, the one that their content asks for.

    Other scanners go by it, and would have no opinion at all.
    """
    with tempfile.TemporaryDirectory(prefix="lockgate-named-") as folder:
        named = []
        for number, (name, path) in enumerate(files):
            suffix = next((_SUFFIX[kind] for kind in _SUFFIX if kind in ours[name].formats), "")
            if suffix and not path.suffix:
                link = Path(folder) / f"{number}{suffix}"
                link.symlink_to(path.absolute())
                path = link  # noqa: PLW2901 - the same file
            named.append((name, path))
        yield named


def _kind(opinion: Opinion, said: Said) -> str:
    """Return what an opinion counts as.

    Giving up is none where nobody could expect one: where our own reader came to the end of the file,
    found it safe, and either met no pickle, or met what joblib writes between the opcodes of one, which
    none of them reads.
    """
    if any(of_severity(found.severity) is of_severity(Severity.HIGH) for found in opinion.found):
        return "unsafe"
    if opinion.verdict != "error":
        return "no_opinion" if opinion.verdict == "silent" else "safe"
    formats = set(said.formats)
    expected = said.answer is not Answer.SAFE or (formats & _READ_BY_OTHERS and "joblib" not in formats)
    return "error" if expected else "no_opinion"


def _find(outcome: Outcome, scanner: Scanner, opinion: Opinion, check: str) -> None:
    for found in opinion.found:
        message = f"{scanner.name} {scanner.version} says of {opinion.id}: {found.message.rstrip('.')}."
        outcome.find(
            "LG-SCAN-110",
            Severity(found.severity),
            message,
            subject="model",
            location=Location(member=f"{opinion.id}!{found.member}" if found.member else opinion.id),
            threat="supply-chain",
            fix="Find out what it means before you load the file; ask whoever made it for another format.",
            check=check,
        )
