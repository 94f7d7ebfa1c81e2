from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lockgate.poisoning.evidence import Evidence, Labelled
from lockgate.poisoning.features import Features


@pytest.fixture
def unlearnt() -> Callable[[Features, np.ndarray], Evidence]:
    """Rows and labels of which no model has learnt anything: every class is as likely everywhere."""

    def made(features: Features, y: np.ndarray) -> Evidence:
        classes = int(y.max()) + 1
        return Evidence(
            batch=Labelled(y, np.full((len(y), classes), 1 / classes)),
            baseline=None,
            classes=tuple(str(k) for k in range(classes)),
            source=None,
            sources=(),
            seed=0,
            min_share=0.02,
            draws=999,
            features=features,
        )

    return made
