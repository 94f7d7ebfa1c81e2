"""Write the bill of materials of a model: a CycloneDX 1.6 ML-BOM, attached as an attestation.

The Airflow operator of `lockgate build-bom`, written by `make faces` from
`lockgate.stages.harden.build_bom`.
"""

from __future__ import annotations

from typing import Any

from lockgate_airflow.base import StageOperator


class BuildBomOperator(StageOperator):
    """Write the bill of materials of a model: a CycloneDX 1.6 ML-BOM, attached as an attestation.

    It names the files of the model, its card, what it was trained on, its libraries, how it was trained and
    which signed attestations there are about it, each by digest. What an attestation says counts only if the
    given key signed it and it is about this very model. No model is loaded.

    The same inputs give the same bytes: the bill carries no time of its own, and its serial number follows
    from its content. The predicate of the attestation is the bill itself.

    Every argument of the stage may be a template or the output of another task.

    Args:
        model: The model, a file or a folder.
        bom: The bill of materials, JSON in canonical form.
        bom_spdx: With `spdx`, the bill in SPDX 3.0.1.
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
        kwargs: `out`, `policy`, `place`, `fail_on`, `sarif`, `junit` and `lockgate_conn_id` of
            `StageOperator`, and what every Airflow operator takes.
    """

    stage = "lockgate.stages.harden.build_bom:build_bom"

    def __init__(
        self,
        *,
        model: str,
        bom: str | None = None,
        bom_spdx: str | None = None,
        card: str | None = None,
        data: str | None = None,
        lock: str | None = None,
        provenance: str | None = None,
        attestations: str | None = None,
        key: str | None = None,
        name: str | None = None,
        version: str | None = None,
        installed: bool | str = False,
        spdx: bool | str = False,
        need_card: bool | str = False,
        need_provenance: bool | str = False,
        need_libraries: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments={
                "model": model,
                "bom": bom,
                "bom_spdx": bom_spdx,
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
            **kwargs,
        )
