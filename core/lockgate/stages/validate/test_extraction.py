"""Steal a classifier by asking it, and say how many questions that takes.

Rules:
    LG-EXTRACT-001: A copy made within the query budget agrees with the model too often.
    LG-EXTRACT-002: A model trained without asking agrees as often.
    LG-EXTRACT-003: The fingerprint tells few copies, or none, from independent models.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockgate.errors import InputError
from lockgate.extraction.judge import THREAT, judge_fingerprint, judge_theft
from lockgate.extraction.outputs import OUTPUTS, Output
from lockgate.model import Predictor, load, one_thread
from lockgate.model.labelled import Labelled, read_labelled
from lockgate.outcome import Outcome
from lockgate.settings import Settings
from lockgate.stage import DatasetIn, EvidenceOut, ModelIn, Seed, SettingsIn, Share, Threshold, stage

_SMALLEST = 50  # queries of the first budget
_STEPS = 4  # budgets tried
_FEWEST = 40  # rows, half for the thief
_TEACHERS = 16  # copies by which the rows of a fingerprint are chosen
_TRIALS = 4  # copies by which it is tried


@stage("test-extraction", threats=[THREAT])
def test_extraction(
    model: ModelIn,
    data: DatasetIn,
    settings: SettingsIn,
    train: DatasetIn | None = None,
    fingerprint: EvidenceOut | None = None,
    *,
    label: str,
    output: Output = "probabilities",
    query_budget: Threshold[int] = 1000,
    max_fidelity: Threshold[Share] = 0.95,
    held_rows: int = 1000,
    fingerprint_rows: int = 400,
    references: int = 12,
    seed: Seed = 0,
) -> Outcome:
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

    Args:
        model: A classifier.
        data: Labelled rows that the model was not trained on; half of them are the thief's.
        settings: Where the key is that signs a fingerprint; given by the run.
        train: The rows that the model was trained on, for a fingerprint that knows a model trained on
            the same rows from a copy.
        fingerprint: Where to write the fingerprint.
        label: The column with the right label.
        output: What the service lets out: probabilities, rounded, temperature, top-1 or labels.
        query_budget: Most questions that one caller may ask.
        max_fidelity: Most of the rows on which a copy may agree with the model.
        held_rows: Most rows to compare copies on.
        fingerprint_rows: Rows of a fingerprint, an even number.
        references: Independent models of each kind that a fingerprint is held against, an even number.
        seed: Of every random choice.

    Raises:
        InputError: A parameter is out of range, the model is no classifier or does not fit the data, or
            a fingerprint is asked for without a key.
    """
    import numpy as np

    _check_parameters(query_budget, held_rows, fingerprint_rows, references)
    signer = _signer(settings) if fingerprint is not None else None
    predictor = load(model)
    rows = read_labelled(predictor, data, label)
    if len(rows) < _FEWEST:
        raise InputError(f"{data} has {len(rows)} labelled rows; give at least {_FEWEST}")
    mixed = rows.take(np.random.default_rng([seed, 0]).permutation(len(rows)))
    half = len(mixed) // 2
    thief, held = mixed.take(np.arange(half)), mixed.take(np.arange(half, min(len(mixed), half + held_rows)))
    outcome = Outcome()
    kind = f"{predictor.kind}, {len(rows.rows.columns)} columns, {len(predictor.classes)} classes"
    outcome.facts["Model"] = kind
    outcome.facts["Answers"] = output if predictor.gives_probabilities else "labels"
    outcome.facts["Thief's own rows"] = str(len(thief))
    with one_thread():
        _steal(outcome, predictor, thief, held, output, query_budget, max_fidelity, seed)
        if fingerprint is not None:
            own = None if train is None else read_labelled(predictor, train, label)
            _fingerprint(
                outcome,
                predictor,
                (mixed, own),
                model,
                fingerprint,
                signer,
                fingerprint_rows,
                references,
                seed,
            )
    return outcome


def _steal(
    outcome: Outcome,
    predictor: Predictor,
    thief: Labelled,
    held: Labelled,
    output: Output,
    budget: int,
    most: float,
    seed: int,
) -> None:
    from lockgate.extraction.fidelity import steal, without_asking

    open_ones = OUTPUTS if predictor.gives_probabilities else ("labels",)
    judged: Output = output if output in open_ones else "labels"
    stolen = steal(predictor, thief.rows, held.rows, open_ones, _budgets(budget), seed=seed)
    first = thief.take(range(min(len(thief), budget)))
    alone = without_asking(predictor, first.rows, first.places, held.rows, seed=seed)
    judge_theft(outcome, stolen, judged, budget, most, alone)


def _fingerprint(
    outcome: Outcome,
    predictor: Predictor,
    rows: tuple[Labelled, Labelled | None],
    model: Path,
    out: Path,
    signer: Any,
    size: int,
    count: int,
    seed: int,
) -> None:
    from lockgate.artifact import digest
    from lockgate.extraction import fingerprint as prints
    from lockgate.extraction.references import references, thieves

    known, own = rows
    taught = None if own is None else (own.rows, own.places)
    others = references(predictor, known.rows, known.places, taught, count, seed=seed)
    copies = thieves(predictor, known.rows, _TEACHERS + _TRIALS, seed=seed)
    teachers, trials = copies[:-_TRIALS], copies[-_TRIALS:]
    found = prints.make(predictor, known.rows, others, teachers, size, seed=seed)
    out.write_bytes(prints.seal(found, dict(digest(model)), signer))
    places = [predictor.classes.index(label) for label in found.labels]
    tried = [prints.chance(found, int((copy(found.rows) == places).sum())) for copy in trials]
    judge_fingerprint(outcome, found, tried)


def _budgets(most: int) -> list[int]:
    """Return at most four numbers of questions up to the budget, in equal ratios."""
    first = min(_SMALLEST, most)
    ratio = (most / first) ** (1 / (_STEPS - 1))
    return sorted({*(round(first * ratio**step) for step in range(_STEPS - 1)), most})


def _signer(settings: Settings) -> Any:
    from lockgate.attest import keys

    if not settings.key:
        raise InputError("a fingerprint needs a signing key; give --key or set LOCKGATE_KEY")
    return keys.load_signer(settings.key, settings.key_passphrase)


def _check_parameters(query_budget: int, held_rows: int, fingerprint_rows: int, references: int) -> None:
    for name, value, least in (
        ("query_budget", query_budget, 10),
        ("held_rows", held_rows, 20),
        ("fingerprint_rows", fingerprint_rows, 40),
        ("references", references, 8),
    ):
        if value < least:
            raise InputError(f"{name} is {value}; give at least {least}")
    for name, value in (("fingerprint_rows", fingerprint_rows), ("references", references)):
        if value % 2:
            raise InputError(f"{name} is {value}; give an even number, for two halves")
