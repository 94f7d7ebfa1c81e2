"""Attack a classifier's training data: membership, hidden columns, repeated rows, privacy budget.

The Airflow operator of `lockgate test-privacy`, written by `make faces` from
`lockgate.stages.validate.test_privacy`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class TestPrivacyOperator(StageOperator):
    """Attack a classifier's training data: membership, hidden columns, repeated rows, privacy budget.

    Membership: models like this one are trained, each row in half of them, and six attacks (LiRA,
    arXiv:2112.03570, and RMIA, arXiv:2312.03262, online and offline, and a combination) rank rows by
    how surely the model was trained on them. The attack that is the strongest on those shadow models
    judges the model, by the share of training rows that it finds at 1 % false positives: PASS when
    the whole 95 % interval is within the threshold, FAIL when the measured share is above it, WARN in
    between. Fewer than 100 rows of either kind are INCONCLUSIVE.

    Hidden columns named in ``attributes`` are guessed from the model's answers; what a guess without
    the model gets right, and what is guessed of rows never seen, is taken off. An accountant's record
    of differentially private training is recomputed, not believed.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: A classifier.
        train: The rows that it was trained on.
        test: Rows of the same kind that it was not trained on; the more, the surer the result.
        accountant: JSON of what opacus' accountant returns as ``state_dict()``, or the fields
            ``spent_budget`` and ``slack`` of diffprivlib's.
        label: The column with the right label, in both tables.
        max_tpr_at_1pct_fpr: Most of the training rows that may be found at 1 % false positives.
        max_attribute_gap: Most by which the model may help to guess a hidden column of training
            rows.
        max_memorised_share: Most of the training rows that may be repeated and known by heart.
        max_epsilon: Most that training may have spent, when an accountant's record is given.
        delta: The delta that epsilon is computed for.
        attributes: Columns that are nobody's business, to be guessed; by default none.
        row_key: A column that names rows in findings; by default their numbers from 0.
        image_shape: Height and width, for models whose columns are pixels: draws what classes look
            like.
        trainer: A function that trains such a model, as module:function, called with rows, labels
            and a seed; by default a copy of the model's scikit-learn estimator is trained. It runs with
            the rights of this process.
        shadows: How many shadow models to train, an even number; more are stronger and slower.
        attack_rows: Most training rows to attack, and as many others.
        compare_art: Run the black-box attack of the Adversarial Robustness Toolbox for comparison.
        seed: Of every random choice.
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.validate.test_privacy:test_privacy"

    def __init__(
        self,
        *,
        model: str,
        train: str,
        test: str,
        accountant: str | None = None,
        label: str,
        max_tpr_at_1pct_fpr: float | str = 0.1,
        max_attribute_gap: float | str = 0.1,
        max_memorised_share: float | str = 0.001,
        max_epsilon: float | str = 8.0,
        delta: float | str = 1e-05,
        attributes: list[str] | str | None = None,
        row_key: str | None = None,
        image_shape: list[int] | str | None = None,
        trainer: str | None = None,
        shadows: int | str = 12,
        attack_rows: int | str = 1000,
        compare_art: bool | str = False,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "train": train,
                "test": test,
                "accountant": accountant,
                "label": label,
                "max_tpr_at_1pct_fpr": max_tpr_at_1pct_fpr,
                "max_attribute_gap": max_attribute_gap,
                "max_memorised_share": max_memorised_share,
                "max_epsilon": max_epsilon,
                "delta": delta,
                "attributes": attributes,
                "row_key": row_key,
                "image_shape": image_shape,
                "trainer": trainer,
                "shadows": shadows,
                "attack_rows": attack_rows,
                "compare_art": compare_art,
                "seed": seed,
            },
            **kwargs,
        )
