"""Tell whether loading a model file can run code, without loading it.

The KFP component of `lockgate scan-model`, written by `make faces` from
`lockgate.stages.harden.scan_model`.
"""

from typing import List, NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def scan_model(
    model: dsl.Input[dsl.Model],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    second_opinion: Optional[List[str]] = None,
    max_seconds: int = 600,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Tell whether loading a model file can run code, without loading it.

    Every file is recognised by its content, never by its name, and taken apart to its last byte:
    pickle, joblib, torch, NumPy, safetensors, skops, Keras, HDF5, TensorFlow, ONNX, GGUF, XGBoost,
    LightGBM, CatBoost, JSON, zip and tar, and these in each other. What is not on the lists of harmless
    things is unsafe; what cannot be read to its end is INCONCLUSIVE.

    A second opinion can make the model fail, and never pass. Each scanner is a check of its own, which is
    INCONCLUSIVE when it is missing, dies, or has no opinion on any file. All of them give up on joblib files
    with arrays in them; fickling doubts every class that is not Python's own.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: A file, or a folder of which every file is scanned.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        second_opinion: Other scanners to ask, too: picklescan, modelscan, fickling. Each runs in
            the interpreter that LOCKGATE_SECOND_OPINION_PYTHON (or LOCKGATE_PICKLESCAN_PYTHON, ...)
            names.
        max_seconds: Time for one file, in seconds; a file that takes longer is INCONCLUSIVE.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.harden.scan_model:scan_model",
        arguments={
            "model": model,
            "second_opinion": second_opinion,
            "max_seconds": max_seconds,
        },
        outputs={},
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
