"""Read a model without running code that came with it.

The content says what it is (`lockgate.model.recognise`), and each family has an adapter of its own
(`lockgate.model.formats`). Pickles run code when they are read: they are refused, unless `scan-model` has
passed that very file and it is read inside a sandbox (`lockgate.sandbox`). Where a sandbox is in force, every
other format is read in it too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import InputError
from lockgate.model.formats.skops import quiet_skops
from lockgate.model.predictor import Predictor
from lockgate.model.recognise import PICKLES, Found, recognise, refuse_unsafe, unread

if TYPE_CHECKING:
    from lockgate.model.adapter import Adapter
    from lockgate.model.scanned import ScanEvidence

__all__ = ["load", "open_found", "quiet_skops"]

_COMPRESSED = ("gzip", "bzip2", "xz", "lzma", "zlib", "lz4")
_CONVERT = "convert it where you trust it: skops.io.dump(joblib.load('model.pkl'), 'model.skops')"
_CONVERT_TORCH = (
    "convert it where you trust it: safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), "
    "or torch.onnx.export"
)
_OR_CONFINE = "or have scan-model pass it and run with place=Sandbox()"


def load(path: Path, scan: ScanEvidence | None = None) -> Predictor:
    """Read a model file, or the only model file of a folder.

    The format is told by the content; the file's name does not matter.

    Args:
        path: A file or folder that nobody else changes: the private copy that was digested.
        scan: Where an attestation of `scan-model` is, for formats that run code; by default in the evidence
            store of the run.

    Raises:
        InputError: There is no such file, its format is not a safe one and no passing scan is there for it,
            it holds a type that is not on the reviewed list, or it is damaged.
        MissingExtraError: The library of its format is not installed.
        SandboxError: The sandbox that is in force was broken, or cannot be set up.
    """
    from lockgate import sandbox

    found = recognise(path)
    if not found.family:
        raise InputError(f"model {path} {_said(found)}")
    box = sandbox.current()
    if found.family in PICKLES:
        _admit(found, path, scan, confined=box is not None)
    else:
        refuse_unsafe(found, path)
    if box is not None:
        from lockgate.sandbox.confined import ConfinedAdapter

        return Predictor(ConfinedAdapter(box, path, found))
    return Predictor(open_found(found, path))


def open_found(found: Found, called: Path) -> Adapter:
    """Open a file of a known family with its adapter, in this process."""
    file, told, family = found.file, found.told, found.family
    if family == "skops":
        from lockgate.model.formats.sklearn import SklearnAdapter
        from lockgate.model.formats.skops import load_skops

        return SklearnAdapter(load_skops(file.read_bytes(), called))
    if family == "onnx":
        from lockgate.model.formats.onnx import OnnxAdapter

        return OnnxAdapter(file, told)
    if family == "xgboost":
        from lockgate.model.formats.xgboost import XgboostAdapter

        return XgboostAdapter(file, told)
    if family == "lightgbm":
        from lockgate.model.formats.lightgbm import LightgbmAdapter

        return LightgbmAdapter(file, told)
    if family in ("catboost-cbm", "catboost-json"):
        from lockgate.model.formats.catboost import CatboostAdapter

        return CatboostAdapter(file, told, "cbm" if family.endswith("cbm") else "json")
    if family == "torchscript":
        from lockgate.model.formats.torch import open_script

        return open_script(file, told)
    if family == "safetensors":
        from lockgate.model.formats.safetensors import open_safetensors

        return open_safetensors(file, told)
    if family in PICKLES:
        from lockgate.model.formats.pickles import open_pickle

        return open_pickle(file, told, family)
    raise InputError(
        f"model {called} is of torch.export, whose reader runs what the file names; "
        "export it with torch.onnx.export"
    )


def _admit(found: Found, path: Path, scan: ScanEvidence | None, *, confined: bool) -> None:
    """Let a format that runs code pass only with evidence for these bytes and in a sandbox.

    Raises:
        InputError: It says which of the two is missing, and how to convert the model.
    """
    said = f"model {path} {_said(found)}"
    if not confined:
        raise InputError(said)
    from lockgate.artifact import digest
    from lockgate.model.scanned import ScanEvidence

    why = (scan or ScanEvidence()).lacking(digest(path))
    if why:
        raise InputError(f"model {path} {_pickle(found)}, and {why}; {_convert(found)}")


def _pickle(found: Found) -> str:
    formats = found.said.formats if found.said else ()
    packed = next((name for name in formats if name in _COMPRESSED), None)
    if found.family == "torch-pickle":
        return "is a pickle of torch, and reading one runs code"
    if packed:
        return f"is {packed} data, as joblib writes compressed pickles, and unpickling runs code"
    return "is a pickle or joblib file, and reading one runs code"


def _convert(found: Found) -> str:
    return _CONVERT_TORCH if found.family == "torch-pickle" else _CONVERT


def _said(found: Found) -> str:
    """Say what a file is that is not read here as it is, and what to do about it."""
    if found.family in PICKLES:
        return f"{_pickle(found)}; {_convert(found)}, {_OR_CONFINE}"
    said = found.said
    if said is None or not found.file.stat().st_size:
        return "is an empty file; save the model again with skops.io.dump"
    if what := unread(said):
        return f"is {what}, which is not read here; export it to ONNX"
    if said.formats[:1] == ("zip",):
        return "is a zip archive but not a sound skops file; save the model with skops.io.dump"
    packed = next((name for name in said.formats if name in _COMPRESSED), None)
    if packed:
        return f"{_pickle(found)}; {_CONVERT}"
    return "is in no format that is known here; save the model with skops.io.dump, or export it to ONNX"
