"""Decide on a new batch: KEEP the model, RETRAIN it, or QUARANTINE the batch.

The KFP component of `lockgate gate-retraining`, written by `make faces` from
`lockgate.stages.retrain.gate_retraining`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component(gate=True)
def gate_retraining(
    reference: dsl.Input[dsl.Dataset],
    current: dsl.Input[dsl.Dataset],
    label: str,
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    model: Optional[dsl.Input[dsl.Model]] = None,
    source: Optional[str] = None,
    ignore: Optional[List[str]] = None,
    alpha: float = 0.01,
    max_psi: float = 0.1,
    max_js: float = 0.06,
    max_drifted_share: float = 0.0,
    max_accuracy_loss: float = 0.02,
    poisoning_alpha: float = 0.01,
    min_planted_share: float = 0.02,
    min_rows: int = 500,
    seed: int = 0,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Decide on a new batch: KEEP the model, RETRAIN it, or QUARANTINE the batch.

    QUARANTINE (FAIL): the batch trips the poisoning alarm, with the reference as the clean baseline.
    It goes before everything else, because drift is what a poisoned batch looks like. Where features
    have drifted, an alarm counts only if it is raised with these features and without them, or by
    the batch on its own. Labels that moved while no feature explains it are an alarm, not drift.

    RETRAIN: a feature or the label has drifted, or the model does worse on the batch than on the
    reference.

    KEEP: neither. Also when the gate stays closed for another reason: columns are missing, new or
    retyped (FAIL), or something could not be decided (INCONCLUSIVE). A gate that could not look
    must not start a training, and does not accuse a batch.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        reference: Clean rows to compare with, for example those that the model was trained on.
        current: The new batch, with labels.
        label: Column with the class of each row.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        model: The model in service; without it, its performance is not looked at.
        source: Column that says where a row came from; a source's planted labels are found with it.
        ignore: Columns that are neither features nor compared.
        alpha: Chance of a false reason to train again, for drift and for performance each, above 0
            and below 1.
        max_psi: Largest Population Stability Index without drift, 0 or more.
        max_js: Largest Jensen-Shannon distance (base 2) without drift, 0 to 1.
        max_drifted_share: Largest share of drifted columns without training again, 0 to 1. The
            label is not counted here: if it has drifted, that is reason enough.
        max_accuracy_loss: Largest loss of balanced accuracy without training again, 0 to 1. On rows
            that the model was trained on its accuracy is flattered; hold some out as reference.
        poisoning_alpha: How often a clean batch may raise the poisoning alarm, 0 to 1.
        min_planted_share: Smallest share of planted labels that raises it, 0 to 1.
        min_rows: Fewest rows of each table for an answer about drift, 1 or more.
        seed: Seed of the poisoning detectors.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.retrain.gate_retraining:gate_retraining",
        arguments={
            "reference": reference,
            "current": current,
            "model": model,
            "label": label,
            "source": source,
            "ignore": ignore,
            "alpha": alpha,
            "max_psi": max_psi,
            "max_js": max_js,
            "max_drifted_share": max_drifted_share,
            "max_accuracy_loss": max_accuracy_loss,
            "poisoning_alpha": poisoning_alpha,
            "min_planted_share": min_planted_share,
            "min_rows": min_rows,
            "seed": seed,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
