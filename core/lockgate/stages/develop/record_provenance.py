"""The stage `record-provenance`.

Rules:
``LG-PROV-001`` nothing that was trained on is named;
``LG-PROV-002`` there is no product;
``LG-PROV-003`` the code's revision is not known;
``LG-PROV-004`` the code differed from its revision;
``LG-PROV-005`` a material is not what the training step read;
``LG-PROV-006`` a product is not what the training step made;
``LG-PROV-007`` the step's record says otherwise of code or parameters;
``LG-PROV-008`` no record of the step binds the materials to the training;
``LG-PROV-009`` a product is one of the materials;
``LG-PROV-010`` nothing says what the training ran in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockgate import artifact
from lockgate.outcome import Outcome, Severity, Verdict
from lockgate.stage import EvidenceIn, FileIn, RunContext, Threshold, stage
from lockgate.stages.develop import _given

if TYPE_CHECKING:
    from lockgate.training.record import StepRecord


@stage(
    "record-provenance",
    threats=["data-poisoning", "supply-chain"],
    signs=True,
    handwritten=True,
    attests="provenance",
)
def record_provenance(
    products: list[FileIn],
    materials: list[FileIn] | None = None,
    pipeline: EvidenceIn | None = None,  # noqa: ARG001 - the run takes its digest
    environment_lock: FileIn | None = None,
    step: EvidenceIn | None = None,
    *,
    code_revision: str | None = None,
    code_repository: str | None = None,
    training_parameters: str | None = None,
    need_step: Threshold[bool] = False,
    need_code: Threshold[bool] = False,
    material_uris: RunContext[list[str]] | None = None,
    builder_id: RunContext[str] = "lockgate:local",
    invocation_id: RunContext[str] | None = None,
    engine: RunContext[str] | None = None,
    started: RunContext[str] | None = None,
    finished: RunContext[str] | None = None,
) -> Outcome:
    """Record which data, code and environment a model was made of, as signed SLSA provenance.

    The attestation names the products as its subjects, and as dependencies the digest of everything
    that was trained on, of the code, the pipeline and the environment. A release gate follows it from
    the model to the very datasets that were validated.

    With the record of the training step (`lockgate.training.training_step`) the materials are those
    whose bytes were read. Without one they are what this stage was told: a WARN.

    Args:
        products: What the training made, the model first.
        materials: What it was trained on. May be left out with `step`, which names them.
        pipeline: The definition of the workflow: the DAG file, the compiled pipeline.
        environment_lock: The lock file that the training's environment was installed from.
        step: The record that `training_step` wrote, `step.json`.
        code_revision: Git commit of the training code, 40 or 64 hexadecimal digits, with `-dirty`
            at its end when the code differed from it.
        code_repository: URL of its repository, without user and password.
        training_parameters: What training was called with, as a JSON object.
        need_step: Whether a missing `step` is a FAIL.
        need_code: Whether code that is not known, or differed from its revision, is a FAIL.
        material_uris: Where the materials are kept, in their order, when that is not where they
            were read.
        builder_id: URI of what ran the training.
        invocation_id: Id of the run that trained.
        engine: What else the engine says of that run, as a JSON object of texts; `name` and
            `version` are those of the engine.
        started: When training started, with zone (RFC 3339). The times of `step` outweigh it.
        finished: When training ended.
    """
    outcome = Outcome()
    record = _given.record_of(step)
    made, used = [artifact.digest(p) for p in products], [artifact.digest(m) for m in materials or []]
    called_with = _given.canonical_text(_given.parameters_of(training_parameters))
    code = _code(outcome, record, code_revision, Verdict.FAIL if need_code else Verdict.WARN)
    _check_bytes(outcome, record, made, used, Verdict.FAIL if need_step else Verdict.WARN)
    if record is not None:
        recorded = _given.canonical_text(record.parameters)
        if training_parameters is not None:
            _agree(outcome, "parameters", called_with == recorded, "what training was called with")
        called_with = recorded
    known = record is not None or environment_lock is not None
    if not outcome.check("environment", value=known, comparator="==", threshold=True, failing=Verdict.WARN):
        outcome.find(
            "LG-PROV-010",
            Severity.MEDIUM,
            "What the training ran in is not known; what is installed here is recorded in its place.",
            fix="Give the lock file as environment_lock, or train inside training_step.",
            check="environment",
        )
    outcome.metrics = {"products": len(made), "materials": len(record.materials if record else used)}
    outcome.context = {
        "builder_id": _given.builder_of(builder_id),
        "material_uris": _given.addresses_of(material_uris, materials or []),
        "engine": _given.engine_of(engine),
        "recorded": {name: dict(digest) for name, digest in (record.materials if record else {}).items()},
        "training": called_with,
        "repository": _given.repository_of(code_repository, record),
        "code": code,
        **_given.ran_in(record, environment_lock is not None),
        **_given.times_of(record, started, finished),
    }
    outcome.facts = {"Made by": builder_id, "Run": invocation_id or "not named"}
    return outcome


# --- Checks -----------------------------------------------------------------------------------------


def _check_bytes(
    outcome: Outcome,
    record: StepRecord | None,
    made: list[artifact.DigestSet],
    used: list[artifact.DigestSet],
    unbound: Verdict,
) -> None:
    """Check that products and materials are there, and are those of the training step."""
    if not outcome.check("products", value=len(made), comparator=">=", threshold=1):
        _find(outcome, "LG-PROV-002", "There is no product.", "products", "Name what the training made.")
    count = len(record.materials) if record else len(used)
    if not outcome.check("materials", value=count, comparator=">=", threshold=1):
        said = "Nothing that was trained on is named, so nothing about the data can be followed."
        _find(outcome, "LG-PROV-001", said, "materials", "Name it, or give the record of the step.")
    read = list(record.materials.values()) if record else used
    same = sum(digest in read for digest in made)
    if not outcome.check("products-differ", value=same, comparator="==", threshold=0):
        said = f"{_count(same, 'product')} the same bytes as something that was trained on."
        _find(outcome, "LG-PROV-009", said, "products-differ", "Give what training made, not what it read.")
    if not outcome.check("step", value=record is not None, comparator="==", threshold=True, failing=unbound):
        outcome.find(
            "LG-PROV-008",
            Severity.HIGH if unbound is Verdict.FAIL else Severity.MEDIUM,
            "Nothing binds the materials to the training: they are what this stage was told.",
            subject="materials",
            fix="Train inside lockgate.training.training_step, and give the record that it writes.",
            check="step",
        )
    if record is None:
        return
    strange = sum(digest not in record.materials.values() for digest in used)
    if not outcome.check("materials-of-step", value=strange, comparator="==", threshold=0):
        said = f"{_count(strange, 'material')} not what the training step read."
        fix = "The bytes trained on are other ones: verify those, or train again on what was verified."
        _find(outcome, "LG-PROV-005", said, "materials-of-step", fix)
    strange = sum(digest not in record.products.values() for digest in made)
    if not outcome.check("products-of-step", value=strange, comparator="==", threshold=0):
        said = f"{_count(strange, 'product')} not what the training step made."
        fix = "It was altered since, or is another file: give what this step made, or train again."
        _find(outcome, "LG-PROV-006", said, "products-of-step", fix)


def _code(
    outcome: Outcome, record: StepRecord | None, given: str | None, failing: Verdict
) -> dict[str, Any] | None:
    """Return the revision of the code, as the step knows it, else as it was given."""
    told = _given.revision_of(given)
    known = record.code if record else None
    if known is not None and told is not None:
        _agree(outcome, "code-of-step", known.revision == told["revision"], "the revision of the code")
    if known is not None:
        dirty = known.dirty or bool(told and told["dirty"])
        told = {"revision": known.revision, "dirty": dirty}
    severity = Severity.HIGH if failing is Verdict.FAIL else Severity.MEDIUM
    if not outcome.check("code", value=told is not None, comparator="==", threshold=True, failing=failing):
        outcome.find(
            "LG-PROV-003",
            severity,
            "The revision of the training code is not known.",
            fix="Give code_revision, or training_step(code=__file__) in a git working tree.",
            check="code",
        )
    elif not outcome.check(
        "working-tree", value=not (told and told["dirty"]), comparator="==", threshold=True, failing=failing
    ):
        outcome.find(
            "LG-PROV-004",
            severity,
            "The training code differed from its revision, so the revision does not tell what ran.",
            fix="Commit the changes, and train again.",
            check="working-tree",
        )
    return told


def _agree(outcome: Outcome, check: str, agrees: bool, what: str) -> None:
    if not outcome.check(check, value=agrees, comparator="==", threshold=True):
        said = f"The record of the training step says otherwise of {what}."
        fix = "Leave it out, for the record has it, or give the record of this run."
        _find(outcome, "LG-PROV-007", said, check, fix)


def _find(outcome: Outcome, rule: str, message: str, check: str, fix: str) -> None:
    subject = check.partition("-")[0]
    about = subject if subject in ("products", "materials") else "step"
    outcome.find(rule, Severity.HIGH, message, subject=about, threat="data-poisoning", fix=fix, check=check)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"
