"""Read a model without running code that came with it.

A skops file names the types of the objects in it. skops itself accepts scikit-learn's public
estimators and numpy's arrays; what else a file may hold is the list below, which was reviewed
type by type and is never taken from the file. Two of the types, scikit-learn's trees, index into
memory with numbers from the file, so `lockgate.model.trees` checks those before anyone predicts.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from lockgate.errors import InputError, MissingExtraError
from lockgate.model.predictor import Predictor
from lockgate.model.trees import check_trees

_REVIEWED = frozenset(
    {
        # Bare type references and empty markers: building them runs nothing.
        "builtins.object",
        "numpy.dtype",
        "numpy.number",
        # Plain containers and settings of scikit-learn: attributes only, no call at load time.
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        # Trees: raw indices, checked by `check_trees` after loading.
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)
# Left out on purpose: KDTree and BallTree, whose index arrays scikit-learn follows unchecked and
# which are not simple to check; KNeighborsClassifier(algorithm="brute") needs neither.

_MAX_BYTES = 2**31  # of all members unpacked; a model of a table is far smaller
_MAX_MEMBERS = 100_000
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"x\x01": "zlib",
    b"x\x5e": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
    b"\x04\x22\x4d\x18": "lz4",
}
_CONVERT = "convert it where you trust it: skops.io.dump(joblib.load('model.pkl'), 'model.skops')"


def load(path: Path) -> Predictor:
    """Read a model file, or the only model file of a folder.

    The format is told by the content; the file's name does not matter.

    Raises:
        InputError: There is no such file, its format is not a safe one, it holds a type that is
            not on the reviewed list, or it is damaged.
        MissingExtraError: skops or scikit-learn is not installed.
    """
    file = _only_file(path) if path.is_dir() else path
    try:
        data = file.read_bytes()  # once, so that what is judged is what is loaded
    except OSError as error:
        raise InputError(f"model {path} cannot be read: {error.strerror}; check the path") from None
    if not _is_skops(data):
        raise InputError(f"model {path} {_said(data)}")
    return Predictor(_load_skops(data, path))


@contextlib.contextmanager
def quiet_skops() -> Iterator[ModuleType]:
    """Give ``skops.io``, and keep its tours of other packages' deprecated names quiet inside.

    skops looks for the home of a function in every loaded module, which trips the lazy names of
    packages such as Airflow: over a thousand warnings that say nothing about a model.

    Raises:
        MissingExtraError: skops or scikit-learn is not installed.
    """
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        try:
            import skops.io
        except ModuleNotFoundError as error:
            raise MissingExtraError("robustness", error.name or "skops") from None
        yield skops.io


def _load_skops(data: bytes, path: Path) -> Any:
    with quiet_skops() as skops:
        try:
            unknown = set(skops.get_untrusted_types(data=data))
        except Exception as error:  # noqa: BLE001 - the content is hostile until judged, and raises what it likes
            raise InputError(_damaged(path, error)) from None
        refused = sorted(unknown - _REVIEWED)
        if refused:
            more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""  # noqa: PLR2004 - fits a line
            raise InputError(
                f"model {path} holds types that are not on the reviewed list: "
                f"{', '.join(refused[:3])}{more}; "
                "build it from scikit-learn's own estimators"
            )
        try:
            estimator = skops.loads(data, trusted=sorted(unknown & _REVIEWED))
            check_trees(estimator)
        except InputError as error:
            raise InputError(f"model {path} {error}") from None
        except Exception as error:  # noqa: BLE001 - see above
            raise InputError(_damaged(path, error)) from None
        return estimator


def _damaged(path: Path, error: Exception) -> str:
    return f"model {path} is a damaged skops file ({type(error).__name__}); save it again with skops.io.dump"


def _is_skops(data: bytes) -> bool:
    """Whether it is a zip archive with a ``schema.json`` whose members are few, plain and small."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    names = [m.filename for m in members]
    return (
        "schema.json" in names
        and len(set(names)) == len(names) <= _MAX_MEMBERS
        and sum(m.file_size for m in members) <= _MAX_BYTES
    )


def _said(data: bytes) -> str:
    """Say what a file is that is not a skops file, and what to do about it."""
    packed = next((kind for magic, kind in _COMPRESSED.items() if data.startswith(magic)), None)
    if packed:
        return f"is {packed} data, as joblib writes compressed pickles, and unpickling runs code; {_CONVERT}"
    if _is_pickle(data):
        return f"is a pickle or joblib file, and reading one runs code; {_CONVERT}"
    if data.startswith(b"PK"):
        return "is a zip archive but not a sound skops file; save the model with skops.io.dump"
    if not data:
        return "is an empty file; save the model again with skops.io.dump"
    return "is in no format that is known here; save the model with skops.io.dump"


def _is_pickle(data: bytes) -> bool:
    """Whether the bytes look like a pickle: protocol 2 and later by its head, older ones by their opcodes."""
    if data[:1] == b"\x80" and data[1:2] <= b"\x05":
        return True
    import pickletools

    try:
        for count, _ in enumerate(pickletools.genops(data[:100_000])):
            if count > 50:  # noqa: PLR2004 - no other format reads as so many opcodes by chance
                return True
    except Exception:  # noqa: BLE001 - anything but a pickle raises something here
        return False
    return True


def _only_file(folder: Path) -> Path:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    found = []
    for file in files:
        with file.open("rb") as opened:
            head = opened.read(4)
        if head == b"PK\x03\x04" and _is_skops(file.read_bytes()):
            found.append(file)
    if len(found) == 1:
        return found[0]
    if not found and len(files) == 1:
        return files[0]  # the sentence about that one file is the better one
    what = f"holds {len(found)} skops files" if found else "holds no skops file"
    raise InputError(f"model folder {folder} {what}; give a folder with exactly one, or name the file")
