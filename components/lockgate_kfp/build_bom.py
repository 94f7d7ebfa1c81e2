"""Write the bill of materials of a model: a CycloneDX 1.6 ML-BOM, attached as an attestation.

The KFP component of `lockgate build-bom`, written by `make faces` from
`lockgate.stages.harden.build_bom`.
"""

from typing import NamedTuple, Optional

from kfp import dsl

from lockgate_kfp._base import stage_component


@stage_component()
def build_bom(
    model: dsl.Input[dsl.Model],
    bom: dsl.Output[dsl.Artifact],
    bom_spdx: dsl.Output[dsl.Artifact],
    report_html: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    result_json: dsl.Output[dsl.Artifact],
    attestation_json: dsl.Output[dsl.Artifact],
    card: Optional[dsl.Input[dsl.Artifact]] = None,
    data: Optional[dsl.Input[dsl.Dataset]] = None,
    lock: Optional[dsl.Input[dsl.Artifact]] = None,
    provenance: Optional[dsl.Input[dsl.Artifact]] = None,
    attestations: Optional[dsl.Input[dsl.Artifact]] = None,
    key: Optional[dsl.Input[dsl.Artifact]] = None,
    name: Optional[str] = None,
    version: Optional[str] = None,
    installed: bool = False,
    spdx: bool = False,
    need_card: bool = False,
    need_provenance: bool = False,
    need_libraries: bool = False,
    policy: Optional[dsl.Input[dsl.Artifact]] = None,
) -> NamedTuple("Outputs", [("verdict", str), ("decision", str), ("body_digest", str)]):
    """Write the bill of materials of a model: a CycloneDX 1.6 ML-BOM, attached as an attestation.

    It names the files of the model, its card, what it was trained on, its libraries, how it was trained and
    which signed attestations there are about it, each by digest. What an attestation says counts only if the
    given key signed it and it is about this very model. No model is loaded.

    The same inputs give the same bytes: the bill carries no time of its own, and its serial number follows
    from its content. The predicate of the attestation is the bill itself.

    The step itself succeeds whatever the verdict; close the gate with `require_pass` or `dsl.If`.

    Args:
        model: The model, a file or a folder.
        bom: The bill of materials, JSON in canonical form.
        bom_spdx: With `spdx`, the bill in SPDX 3.0.1.
        report_html: The report page.
        metrics: The stage's numbers.
        result_json: `result.json`.
        attestation_json: The DSSE envelope, signed when LOCKGATE_KEY is set in the step.
        card: What people say of the model, a YAML file: `lockgate.bom.card` shows its keys.
        data: What it was trained on, when no provenance names it.
        lock: The libraries that it runs with: requirement lines, `pylock.toml` or `uv.lock`, or a
            folder: one of these with what it includes, or what is installed (the `site-packages` of an
            environment).
        provenance: The attestation of `record-provenance`.
        attestations: Further attestations about the model: a file, or a folder of them. Numbers
            that they measured become performance metrics.
        key: The public key that must have signed provenance and attestations.
        name: What the model is called; outweighs the card.
        version: Its version; outweighs the card.
        installed: Without a lock, name the libraries that are installed where this stage runs. The
            result then differs from machine to machine.
        spdx: Attach the bill in SPDX 3.0.1 as well, with the model as an AI package. It carries the
            time at which it was written, and so is no part of the result.
        need_card: Whether a missing card is a FAIL.
        need_provenance: Whether missing provenance is a FAIL.
        need_libraries: Whether missing libraries are a FAIL.
        policy: `lockgate.yaml`, when thresholds come from a policy.

    Returns:
        The verdict, the decision (empty when the stage has none) and the body digest.
    """
    from lockgate_kfp._base import run_stage

    return run_stage(
        "lockgate.stages.harden.build_bom:build_bom",
        arguments={
            "model": model,
            "card": card,
            "data": data,
            "lock": lock,
            "provenance": provenance,
            "attestations": attestations,
            "key": key,
            "name": name,
            "version": version,
            "installed": installed,
            "spdx": spdx,
            "need_card": need_card,
            "need_provenance": need_provenance,
            "need_libraries": need_libraries,
        },
        outputs={
            "bom": bom,
            "bom_spdx": bom_spdx,
        },
        policy=policy,
        report_html=report_html,
        metrics=metrics,
        result_json=result_json,
        attestation_json=attestation_json,
    )
