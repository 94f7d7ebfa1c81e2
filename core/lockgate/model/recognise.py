"""Which file of what was given is the model, and of what family it is: by content, as `scan-model` sees it.

    found = recognise(Path("model"))
    found.family, found.file

The scan is that of `lockgate.scan`: in a child process, with limits, to the last byte. What it calls unsafe
or cannot judge is refused here, with its first reason, whatever library would read it.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from lockgate.errors import InputError
from lockgate.model import describe
from lockgate.model.describe import Description
from lockgate.model.formats import mlflow
from lockgate.scan.apart import Said, scan_files
from lockgate.scan.record import Answer

PICKLES = frozenset(["pickle", "torch-pickle"])
"""Families whose reading runs code."""
_UNREAD = {
    "HDF5": "a Keras or HDF5 file",
    "Keras": "a Keras file",
    "SavedModel": "a TensorFlow SavedModel",
    "graph": "a TensorFlow graph",
    "GGUF": "a GGUF file",
    "npy": "a numpy array",
    "NeMo": "a NeMo archive",
    "MAR": "a TorchServe archive",
}
_FIRST = {
    "ONNX": "onnx",
    "safetensors": "safetensors",
    "UBJSON": "xgboost",
    "LightGBM": "lightgbm",
    "CatBoost": "catboost-cbm",
    "pickle": "pickle",
    "joblib": "pickle",
}
_PACKED = frozenset(["zlib", "gzip", "bzip2", "xz", "lzma", "lz4"])
_MAX_BYTES = 2**31  # of all members of a skops file unpacked; a model of a table is far smaller
_MAX_MEMBERS = 100_000
_MOST_JSON = 1 << 30


@dataclass(frozen=True)
class Found:
    """A model file that was recognised.

    Attributes:
        file: The file.
        family: ``skops``, ``onnx``, ``xgboost``, ``lightgbm``, ``catboost-cbm``, ``catboost-json``,
            ``torchscript``, ``torch-export``, ``safetensors``, ``pickle`` or ``torch-pickle``; or nothing.
        told: What lies beside it about it.
        said: What the scan said; None for skops, whose loader judges every type itself.
    """

    file: Path
    family: str
    told: Description = field(default_factory=Description)
    said: Said | None = None


def recognise(path: Path) -> Found:
    """Find the model in a file, a folder, or a folder of MLflow.

    Raises:
        InputError: There is none, or more than one.
    """
    if not path.is_dir():
        return of_file(path, path)
    told = describe.read(path / describe.NAME) if (path / describe.NAME).is_file() else Description()
    if (path / mlflow.NAME).is_file():
        found = of_file(mlflow.model_file(path), path)
        if told.features is None:
            told = replace(told, features=mlflow.description(path).features)
        return replace(found, told=told)
    return replace(_only(path), told=told)


def of_file(file: Path, called: Path) -> Found:
    """Recognise one file; a family of "" is none that is read here.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(4)
    except OSError as error:
        raise InputError(f"model {called} cannot be read: {error.strerror}; check the path") from None
    if head == b"PK\x03\x04" and is_skops(file):
        return Found(file, "skops")
    said = next(scan_files([(file.name, file)]))
    return Found(file, _family(said, file), said=said)


def refuse_unsafe(found: Found, called: Path) -> None:
    """Refuse a file that the scan does not call safe.

    Raises:
        InputError: It says why not.
    """
    said = found.said
    if said is None or said.answer is Answer.SAFE or found.family == "torch-export":
        return  # of the last, whoever opens it says that it is not read
    if said.answer is Answer.UNSAFE:
        hit = next((hit for hit in said.hits if hit.unsafe), None)
        why = f"{hit.message.rstrip('.')} ({hit.rule})" if hit else "it is unsafe"
        raise InputError(f"model {called} is refused: {why}; look at it with `lockgate scan-model`")
    why = said.problems[0] if said.problems else "nothing in it is known"
    raise InputError(f"model {called} cannot be judged: it {why}; look at it with `lockgate scan-model`")


def is_skops(file: Path) -> bool:
    """Whether a file is a zip archive with a ``schema.json`` whose members are few, plain and small."""
    try:
        data = file.read_bytes()
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    names = [m.filename for m in members]
    return (
        "schema.json" in names
        and len(set(names)) == len(names) <= _MAX_MEMBERS
        and sum(m.file_size for m in members) <= _MAX_BYTES
    )


def unread(said: Said) -> str:
    """Return what a file is that no adapter reads, or nothing when that is not known."""
    return next((_UNREAD[name] for name in said.formats if name in _UNREAD), "")


def _family(said: Said, file: Path) -> str:
    formats = said.formats
    if "TorchScript" in formats:
        return "torchscript"
    if formats[:1] == ("zip",) and _is_export(file):
        return "torch-export"
    if formats[:2] == ("zip", "torch") or "torch legacy" in formats:
        return "torch-pickle"
    if formats[:1] == ("JSON",):
        return _of_json(file)
    if formats[:1] and formats[0] in _PACKED:
        return "pickle" if {"pickle", "joblib"} & set(formats) else ""
    return _FIRST.get(formats[0], "") if formats else ""


def _is_export(file: Path) -> bool:
    """Whether an archive is what ``torch.export.save`` writes."""
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return any(n.count("/") == 1 and n.endswith("/archive_format") for n in names) and any(
        n.split("/")[1:2] == ["models"] and n.endswith(".json") for n in names
    )


def _of_json(file: Path) -> str:
    if file.stat().st_size > _MOST_JSON:
        return ""
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    if {"learner", "version"} <= document.keys():
        return "xgboost"
    if "model_info" in document and document.keys() & {"oblivious_trees", "trees"}:
        return "catboost-json"
    return ""


def _only(folder: Path) -> Found:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p != folder / describe.NAME]
    found = [of_file(file, folder) for file in files]
    models = [each for each in found if each.family]
    if len(models) == 1:
        return models[0]
    if not models and len(files) == 1:
        return found[0]  # the sentence about that one file is the better one
    kinds = sorted({each.family for each in models})
    name = f"{kinds[0]} files" if len(kinds) == 1 else "model files"
    what = f"holds {len(models)} {name}" if models else "holds no model file that is read here"
    raise InputError(f"model folder {folder} {what}; give a folder with exactly one, or name the file")
