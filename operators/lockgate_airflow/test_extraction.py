"""Steal a classifier by asking it, in every way that is open, and make its fingerprint.

The Airflow operator of `lockgate test-extraction`, written by `make faces` from
`lockgate.stages.validate.test_extraction`.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate_airflow.base import StageOperator


class TestExtractionOperator(StageOperator):
    """Steal a classifier by asking it, in every way that is open, and make its fingerprint.

    A thief with rows of the same kind asks the model and trains a copy on the answers. Three ways to
    choose the questions (columns made up one by one, own rows, rows where the copy is unsure) are
    crossed with five kinds of answers (all probabilities, in tenths, softened, the likeliest label
    with its probability, labels alone) and four budgets. Fidelity is the share of held-out rows on
    which the copy gives the model's label. It is judged for ``output`` at ``query_budget``, the best
    copy by its 95 % Wilson interval: PASS when all of it is within the threshold, FAIL when the share
    is above it, WARN in between. The table tells what other answers and fewer questions would change.

    With ``fingerprint`` a signed file of made-up rows and answers is written, by which
    `match-fingerprint` later knows a copy; it holds no row of the data. It is tried on copies that had
    no part in making it: WARN when fewer than half of them are noticed, INCONCLUSIVE when not even the
    model itself could be told from an independent one, as where any model of such data is nearly the same.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A classifier.
        data: Labelled rows that the model was not trained on; half of them are the thief's.
        train: The rows that the model was trained on, for a fingerprint that knows a model trained
            on the same rows from a copy.
        fingerprint: Where to write the fingerprint.
        label: The column with the right label.
        output: What the service lets out: probabilities, rounded, temperature, top-1 or labels.
        query_budget: Most questions that one caller may ask.
        max_fidelity: Most of the rows on which a copy may agree with the model.
        held_rows: Most rows to compare copies on.
        fingerprint_rows: Rows of a fingerprint, an even number.
        references: Independent models of each kind that a fingerprint is held against, an even
            number.
        seed: Of every random choice.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.validate.test_extraction:test_extraction"

    def __init__(
        self,
        *,
        model: str,
        data: str,
        train: str | None = None,
        fingerprint: str | None = None,
        label: str,
        output: Literal["probabilities", "rounded", "temperature", "top-1", "labels"] = "probabilities",
        query_budget: int | str = 1000,
        max_fidelity: float | str = 0.95,
        held_rows: int | str = 1000,
        fingerprint_rows: int | str = 400,
        references: int | str = 12,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "data": data,
                "train": train,
                "fingerprint": fingerprint,
                "label": label,
                "output": output,
                "query_budget": query_budget,
                "max_fidelity": max_fidelity,
                "held_rows": held_rows,
                "fingerprint_rows": fingerprint_rows,
                "references": references,
                "seed": seed,
            },
            **kwargs,
        )
