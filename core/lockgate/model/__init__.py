"""Models: read them from safe formats only, and ask every kind the same way.

    predictor = load(Path("model.skops"))
    predictor = load_verified(uri, attestation=..., keys="release.pub.pem", environment="production")
    labels = predictor.predict(table)          # a pyarrow Table or a pandas DataFrame

    save(estimator, Path("model.skops"))       # the same estimator gives the same bytes

Supported today: scikit-learn estimators in the skops format. Pickles of any kind run code when
they are read, and are refused.
"""

from lockgate.model.load import load
from lockgate.model.predictor import Predictor, one_thread
from lockgate.model.save import save
from lockgate.model.verified import load_verified

__all__ = ["Predictor", "load", "load_verified", "one_thread", "save"]
