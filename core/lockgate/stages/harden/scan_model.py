"""The stage `scan-model`.

Rules about pickles:
    ``LG-SCAN-001`` imports something that can run code, or reach files or the network.
    ``LG-SCAN-002`` imports something that is not on the lists of what is known to be harmless.
    ``LG-SCAN-003`` uses something of the lists in a way that they do not allow.
    ``LG-SCAN-004`` imports, calls or makes something that is computed while it is loaded.
    ``LG-SCAN-005`` imports by extension codes.
    ``LG-SCAN-007`` holds another pickle in a byte string, which does one of these things.
    ``LG-SCAN-008`` has bytes after its end.
    ``LG-SCAN-009`` carries code.
Rules about archives:
    ``LG-SCAN-020`` a member's name leads outside.
    ``LG-SCAN-021`` a member is a link or a device.
    ``LG-SCAN-022`` two members have one name.
    ``LG-SCAN-023`` members overlap, or have two headers that disagree.
    ``LG-SCAN-024`` a member is not what its checksum and size say.
    ``LG-SCAN-025`` a member unpacks to far more than it is packed to, or reaches a limit of the scan.
    ``LG-SCAN-026`` bytes belong to no member, or the file is two formats at once.
    ``LG-SCAN-027`` a member is marked as encrypted.
Rules about formats:
    ``LG-SCAN-030`` Keras: a layer that holds or loads code.
    ``LG-SCAN-031`` Keras: a class or function that is not Keras's own.
    ``LG-SCAN-032`` Keras: a file that is opened when the model is loaded.
    ``LG-SCAN-040`` TensorFlow, TFLite, Caffe, MXNet: an operator that does more than compute.
    ``LG-SCAN-050`` ONNX: tensors from a path that leads outside.
    ``LG-SCAN-051`` ONNX: operators from outside.
    ``LG-SCAN-052`` ONNX: tensors from another file (only noted).
    ``LG-SCAN-060`` a chat template that reaches beyond its message.
    ``LG-SCAN-061`` a configuration that names code (its own, that of a repository, a command), or files or
        packages from elsewhere.
    ``LG-SCAN-062`` text whose loader makes objects of it (YAML, jsonpickle, LangChain, gin), or calls what
        it names, as Hydra does.
    ``LG-SCAN-070`` safetensors or GGUF: a header that lies.
    ``LG-SCAN-080`` skops: a type that is not on the lists, or an array from elsewhere.
    ``LG-SCAN-090`` TorchScript: code that reaches beyond tensors; torch.export: text that is evaluated.
    ``LG-SCAN-095`` MAR: a handler or requirements that the server runs or installs.
    ``LG-SCAN-100`` an archive that no model is saved in (only noted; it is not opened).
    ``LG-SCAN-101`` a program.
Rules about second opinions:
    ``LG-SCAN-110`` another scanner, which `second_opinion` asks for, found something.
    ``LG-SCAN-111`` another scanner gave up on a file of a kind that it cannot read (only noted).

What this scan cannot see: a changed value where the format has no checksum (weights, thresholds and names in
pickle, joblib, npy, safetensors, GGUF, ONNX, SavedModel, tar, and the trees' own formats). The file reads as
another valid model; only a digest taken before, as by `sign-artifact`, tells them apart. How often that is
was measured: "Damaged model files" in `benchmarks/RESULTS.md`.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from lockgate.outcome import Location, Outcome, Severity
from lockgate.scan.apart import Bounds, Said, scan_files
from lockgate.scan.record import Answer
from lockgate.stage import ModelIn, Threshold, stage
from lockgate.stages.harden import _opinions

_FIXES = {
    "LG-SCAN-0": "Do not load it; ask whoever made it for the weights in safetensors, ONNX or skops.",
    "LG-SCAN-002": "Read what it does when it is loaded; if in doubt, have the model saved without it.",
    "LG-SCAN-02": "Do not unpack or load it; ask for the archive as it was first written.",
    "LG-SCAN-03": "Do not load it; have the model built by code of your own, and load only its weights.",
    "LG-SCAN-04": "Do not serve it; have the graph exported again without this operator.",
    "LG-SCAN-050": "Have the model saved again with its data inside, or beside it in its own folder.",
    "LG-SCAN-051": "Have the model exported with ONNX's own operators only.",
    "LG-SCAN-052": "Scan and sign the folder, not the file alone.",
    "LG-SCAN-060": "Take the template out, or replace it by the one of the model that this one is made from.",
    "LG-SCAN-061": "Use an architecture that the library itself has, and never set trust_remote_code.",
    "LG-SCAN-062": "Read the configuration with a safe loader, and make its objects by code of your own.",
    "LG-SCAN-07": "Have the file written again by the format's own library.",
    "LG-SCAN-100": "Unpack it where nothing can happen, and scan what is in it.",
    "LG-SCAN-11": "Find out what it means before you load the file.",
    "LG-SCAN-101": "Take it out of the model's folder; code is reviewed and deployed as code.",
}


@stage("scan-model", threats=["supply-chain"])
def scan_model(
    model: ModelIn,
    *,
    second_opinion: list[str] | None = None,
    max_seconds: Threshold[Annotated[int, Ge(1)]] = 600,
) -> Outcome:
    """Tell whether loading a model file can run code, without loading it.

    Every file is recognised by its content, never by its name, and taken apart to its last byte:
    pickle, joblib, torch, NumPy, safetensors, skops, Keras, HDF5, TensorFlow, ONNX, GGUF, XGBoost,
    LightGBM, CatBoost, JSON, zip and tar, and these in each other. What is not on the lists of harmless
    things is unsafe; what cannot be read to its end is INCONCLUSIVE.

    A second opinion can make the model fail, and never pass. Each scanner is a check of its own, which is
    INCONCLUSIVE when it is missing, dies, or has no opinion on any file. All of them give up on joblib files
    with arrays in them; fickling doubts every class that is not Python's own.

    Args:
        model: A file, or a folder of which every file is scanned.
        second_opinion: Other scanners to ask, too: picklescan, modelscan, fickling. Each runs in the
            interpreter that LOCKGATE_SECOND_OPINION_PYTHON (or LOCKGATE_PICKLESCAN_PYTHON, ...) names.
        max_seconds: Time for one file, in seconds; a file that takes longer is INCONCLUSIVE.
    """
    outcome = Outcome()
    bounds = Bounds(seconds=max_seconds, cpu_seconds=max_seconds)
    others = _opinions.scanners(second_opinion or [], bounds)
    files = _files(model)
    said = list(scan_files(files, bounds))
    _links(outcome, model)
    referred = {name for one in said for name in _beside(one)}
    counts = dict.fromkeys(Answer, 0)
    for one in said:
        answer = _check(outcome, one, referred)
        counts[answer] += 1
    formats = sorted({name for one in said for name in one.formats})
    outcome.metrics = {
        "files": len(said),
        **{f"{answer}_files": count for answer, count in counts.items()},
        "formats": formats,
        "lists": _lists(),
    }
    outcome.facts["Scanned"] = (
        f"{len(said)} file{'s' * (len(said) != 1)}: {', '.join(formats) or 'nothing known'}"
    )
    for scanner in others:
        _opinions.ask(outcome, scanner, files, {one.id: one for one in said})
    return outcome


def _files(model: Path) -> list[tuple[str, Path]]:
    if not model.is_dir():
        return [(model.name, model)]
    found = (path for path in model.rglob("*") if stat.S_ISREG(path.lstat().st_mode))
    return sorted((path.relative_to(model).as_posix(), path) for path in found)


def _links(outcome: Outcome, model: Path) -> None:
    """Report what is neither file nor folder, for whoever calls this without sealing its inputs first."""
    for path in sorted(model.rglob("*")) if model.is_dir() else ():
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            name = path.relative_to(model).as_posix()
            outcome.check(name, value=str(Answer.UNSAFE), comparator="==", threshold="safe")
            outcome.find(
                "LG-SCAN-021",
                Severity.HIGH,
                "Is a symbolic link." if stat.S_ISLNK(mode) else "Is no regular file.",
                subject="model",
                location=Location(member=name),
                threat="supply-chain",
                fix=_fix("LG-SCAN-021"),
                check=name,
            )


def _check(outcome: Outcome, said: Said, referred: set[str]) -> Answer:
    """Record one file: its check and its findings."""
    answer = said.answer
    if answer is Answer.UNKNOWN and said.id in referred and not said.formats and not said.hits:
        answer = Answer.SAFE  # raw tensors of a model beside it
    if answer is Answer.UNKNOWN:
        outcome.cannot(said.id, said.problems[0] if said.problems else "nothing in it is known", "safe", "==")
    else:
        reason = said.problems[0] if said.problems and answer is Answer.UNSAFE else ""
        outcome.check(said.id, value=str(answer), comparator="==", threshold="safe", reason=reason)
    for hit in said.hits:
        outcome.find(
            hit.rule,
            Severity(hit.severity),
            hit.message,
            subject="model",
            location=Location(member=f"{said.id}!{hit.member}" if hit.member else said.id, offset=hit.offset),
            threat="supply-chain",
            fix=_fix(hit.rule),
            check=said.id,
        )
    return answer


def _beside(said: Said) -> list[str]:
    """Return the files of the same folder that a model says its tensors are in."""
    folder = said.id.rpartition("/")[0]
    names = [hit.name for hit in said.hits if hit.rule == "LG-SCAN-052"]
    return [f"{folder}/{name}" if folder else name for name in names]


def _fix(rule: str) -> str:
    return next(_FIXES[rule[:length]] for length in (11, 10, 9) if rule[:length] in _FIXES)


def _lists() -> list[str]:
    from lockgate.scan.lists import load

    return load().sources
