"""skops: scikit-learn's estimators without pickle.

A skops file names the types of the objects in it. skops itself accepts scikit-learn's public
estimators and numpy's arrays; what else a file may hold is the list below, which was reviewed
type by type and is never taken from the file. Two of the types, scikit-learn's trees, index into
memory with numbers from the file, so `lockgate.model.trees` checks those before anyone predicts.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from lockgate.errors import InputError, MissingExtraError
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


def load_skops(data: bytes, path: Path) -> Any:
    """Read an estimator, of types that were reviewed and with trees that were checked.

    Raises:
        InputError: It holds another type, or is damaged.
        MissingExtraError: skops or scikit-learn is not installed.
    """
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
