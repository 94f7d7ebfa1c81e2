"""Tell whether loading a model file can run code, without loading it.

The Airflow operator of `lockgate scan-model`, written by `make faces` from
`lockgate.stages.harden.scan_model`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class ScanModelOperator(StageOperator):
    """Tell whether loading a model file can run code, without loading it.

    Every file is recognised by its content, never by its name, and taken apart to its last byte:
    pickle, joblib, torch, NumPy, safetensors, skops, Keras, HDF5, TensorFlow, ONNX, GGUF, XGBoost,
    LightGBM, CatBoost, JSON, zip and tar, and these in each other. What is not on the lists of harmless
    things is unsafe; what cannot be read to its end is INCONCLUSIVE.

    A second opinion can make the model fail, and never pass. Each scanner is a check of its own, which is
    INCONCLUSIVE when it is missing, dies, or has no opinion on any file. All of them give up on joblib files
    with arrays in them; fickling doubts every class that is not Python's own.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A file, or a folder of which every file is scanned.
        second_opinion: Other scanners to ask, too: picklescan, modelscan, fickling. Each runs in
            the interpreter that LOCKGATE_SECOND_OPINION_PYTHON (or LOCKGATE_PICKLESCAN_PYTHON, ...)
            names.
        max_seconds: Time for one file, in seconds; a file that takes longer is INCONCLUSIVE.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.harden.scan_model:scan_model"

    def __init__(
        self,
        *,
        model: str,
        second_opinion: list[str] | str | None = None,
        max_seconds: int | str = 600,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "second_opinion": second_opinion,
                "max_seconds": max_seconds,
            },
            **kwargs,
        )
