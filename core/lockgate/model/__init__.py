"""Models: read them from safe formats only, and ask every kind the same way.

    predictor = load(Path("model.skops"))
    predictor = load_verified(uri, attestation=..., keys="release.pub.pem", environment="production")
    labels = predictor.predict(table)          # a pyarrow Table or a pandas DataFrame

    save(estimator, Path("model.skops"))       # the same estimator gives the same bytes

ONNX, skops, the native formats of XGBoost, LightGBM and CatBoost, TorchScript, safetensors with a named
architecture, and folders of MLflow with one of these in them. Pickles of any kind run code when they are
read: only after a passing `scan-model` of that very file, and only in a sandbox (`lockgate.sandbox`).
"""

from lockgate.model.load import load
from lockgate.model.predictor import Predictor, one_thread
from lockgate.model.save import save
from lockgate.model.scanned import ScanEvidence
from lockgate.model.verified import load_verified

__all__ = ["Predictor", "ScanEvidence", "load", "load_verified", "one_thread", "save"]
