"""Steal a classifier by asking it, in every way that is open, and make its fingerprint.

The KFP component of `lockgate test-extraction`, written by `make faces` from
`lockgate.stages.validate.test_extraction`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def test_extraction(
    model: dsl.Input[dsl.Model],
    data: dsl.Input[dsl.Dataset],
    label: str,
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    train: Optional[dsl.Input[dsl.Dataset]] = None,
    output: str = "probabilities",
    query_budget: int = 1000,
    max_fidelity: float = 0.95,
    held_rows: int = 1000,
    fingerprint_rows: int = 400,
    references: int = 12,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
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

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: A classifier.
        data: Labelled rows that the model was not trained on; half of them are the thief's.
        label: The column with the right label.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        train: The rows that the model was trained on, for a fingerprint that knows a model trained
            on the same rows from a copy.
        output: What the service lets out: probabilities, rounded, temperature, top-1 or labels.
        query_budget: Most questions that one caller may ask.
        max_fidelity: Most of the rows on which a copy may agree with the model.
        held_rows: Most rows to compare copies on.
        fingerprint_rows: Rows of a fingerprint, an even number.
        references: Independent models of each kind that a fingerprint is held against, an even
            number.
        seed: Of every random choice.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.validate.test_extraction:test_extraction",
        arguments={
            "model": model,
            "data": data,
            "train": train,
            "label": label,
            "output": output,
            "query_budget": query_budget,
            "max_fidelity": max_fidelity,
            "held_rows": held_rows,
            "fingerprint_rows": fingerprint_rows,
            "references": references,
            "seed": seed,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
