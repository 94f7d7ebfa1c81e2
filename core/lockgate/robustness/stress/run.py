"""What `test-robustness` calls: all stress tests of some rows, or of some images."""

from __future__ import annotations

from typing import Any

from lockgate.model import Predictor
from lockgate.robustness.images import Images
from lockgate.robustness.space import Space
from lockgate.robustness.stress.measure import Stressed, measure
from lockgate.robustness.stress.severity import JUDGED
from lockgate.robustness.stress.tables import table_tests


def stress_rows(
    predictor: Predictor,
    frame: Any,
    truth: Any,
    *,
    noise: float,
    share: float,
    severity: int = JUDGED,
    seed: int = 0,
) -> list[Stressed]:
    """Measure a model's accuracy on spoiled copies of table rows.

    Args:
        predictor: The model.
        frame: The rows, a DataFrame of the model's columns.
        truth: The right label of each row.
        noise: Standard deviation of the noise at severity 3, in standard deviations of the column.
        share: Share of the cells that each other test spoils at severity 3, 0 to 1.
        severity: The one that is judged.
        seed: Of the choice of cells, the noise, units and typos.
    """
    tests = table_tests(frame, Space.of(frame), noise=noise, share=share)
    return measure(predictor, frame, truth, tests, judged=severity, seed=seed)


def stress_images(
    predictor: Predictor, images: Images, *, severity: int = JUDGED, seed: int = 0
) -> list[Stressed]:
    """Measure a model's accuracy on corrupted copies of images.

    Args:
        predictor: The model, asked for such images; see `lockgate.robustness.images.read_images`.
        images: The images.
        severity: The one that is judged.
        seed: Of the noise.

    Raises:
        MissingExtraError: Pillow, which writes the JPEGs, is not installed.
    """
    from lockgate.robustness.stress.corruptions import corruptions

    return measure(predictor, images.pixels, images.labels, corruptions(images), judged=severity, seed=seed)
