"""Find out what a classifier gives away about the rows that it was trained on.

Rules:
    LG-PRIVACY-001: Training rows can be told from others by the model's answers.
    LG-PRIVACY-002: The model helps to guess a hidden column of its training rows.
    LG-PRIVACY-003: Repeated training rows are known by heart.
    LG-PRIVACY-004: Rows of the test are in the training data.
    LG-PRIVACY-005: Differentially private training spent more than is allowed.
    LG-PRIVACY-006: The accountant's record claims less than its own steps give.
    LG-PRIVACY-007: Delta is too large for so few rows.
"""

from __future__ import annotations

import math
from pathlib import Path

from lockgate.errors import InputError
from lockgate.model import Predictor, load, one_thread
from lockgate.model.labelled import Labelled, read_labelled
from lockgate.outcome import Outcome
from lockgate.privacy.judge import (
    THREAT,
    Attacked,
    judge_attributes,
    judge_budget,
    judge_duplicates,
    judge_membership,
    show_inversion,
)
from lockgate.privacy.shadows import FEWEST, Pool, Shadows, Train, cloning, named_trainer, train_shadows
from lockgate.stage import DatasetIn, FileIn, ModelIn, Seed, Share, Threshold, stage

_FEWEST_ROWS = 20  # of each kind, so that a shadow model has something to learn from
_MOST_CLASSES = 12  # drawn


@stage("test-privacy", threats=[THREAT])
def test_privacy(
    model: ModelIn,
    train: DatasetIn,
    test: DatasetIn,
    accountant: FileIn | None = None,
    *,
    label: str,
    max_tpr_at_1pct_fpr: Threshold[Share] = 0.1,
    max_attribute_gap: Threshold[Share] = 0.1,
    max_memorised_share: Threshold[Share] = 0.001,
    max_epsilon: Threshold[float] = 8.0,
    delta: Threshold[Share] = 1e-5,
    attributes: list[str] | None = None,
    row_key: str | None = None,
    image_shape: list[int] | None = None,
    trainer: str | None = None,
    shadows: int = 12,
    attack_rows: int = 1000,
    compare_art: bool = False,
    seed: Seed = 0,
) -> Outcome:
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

    Args:
        model: A classifier.
        train: The rows that it was trained on.
        test: Rows of the same kind that it was not trained on; the more, the surer the result.
        accountant: JSON of what opacus' accountant returns as ``state_dict()``, or the fields
            ``spent_budget`` and ``slack`` of diffprivlib's.
        label: The column with the right label, in both tables.
        max_tpr_at_1pct_fpr: Most of the training rows that may be found at 1 % false positives.
        max_attribute_gap: Most by which the model may help to guess a hidden column of training rows.
        max_memorised_share: Most of the training rows that may be repeated and known by heart.
        max_epsilon: Most that training may have spent, when an accountant's record is given.
        delta: The delta that epsilon is computed for.
        attributes: Columns that are nobody's business, to be guessed; by default none.
        row_key: A column that names rows in findings; by default their numbers from 0.
        image_shape: Height and width, for models whose columns are pixels: draws what classes look like.
        trainer: A function that trains such a model, as module:function, called with rows, labels and a
            seed; by default a copy of the model's scikit-learn estimator is trained. It runs with the
            rights of this process.
        shadows: How many shadow models to train, an even number; more are stronger and slower.
        attack_rows: Most training rows to attack, and as many others.
        compare_art: Run the black-box attack of the Adversarial Robustness Toolbox for comparison.
        seed: Of every random choice.

    Raises:
        InputError: A parameter is out of range, the model is no classifier or does not fit the data,
            a shadow model cannot be trained, or the accountant's record cannot be read.
        MissingExtraError: A library is missing.
    """
    _check_parameters(shadows, attack_rows, delta, max_epsilon)
    predictor = load(model)
    known, others = (read_labelled(predictor, data, label, row_key) for data in (train, test))
    _check_columns(attributes, known, "attributes")
    train_again = named_trainer(trainer) if trainer else cloning(predictor.estimator)
    outcome = Outcome()
    outcome.facts["Model"] = (
        f"{predictor.kind}, {len(known.rows.columns)} columns, {len(predictor.classes)} classes"
    )
    outcome.facts["Shadow models"] = (
        f"{shadows}, {'by ' + trainer if trainer else 'copies of the model, trained again'}"
    )
    if accountant is not None:
        _judge_record(outcome, accountant, delta, max_epsilon, len(known))
    with one_thread():
        kept_known, kept_others = _without_repeats(outcome, predictor, known, others, max_memorised_share)
        few = min(len(kept_known), len(kept_others), attack_rows)
        if few < _FEWEST_ROWS:
            why = f"{few} rows of each kind that stand there once are too few to attack; give {_FEWEST_ROWS}"
            outcome.cannot("membership-tpr-at-1pct-fpr", why, max_tpr_at_1pct_fpr, "<=")
        else:
            members, strangers, rest = _dealt(kept_known, known, kept_others, few, seed)
            attacked = _attack(
                predictor,
                (members, strangers, rest),
                train_again,
                shadows,
                compare_art=compare_art,
                seed=seed,
            )
            judge_membership(outcome, attacked, max_tpr_at_1pct_fpr)
            _guess(outcome, predictor, members, kept_others, attributes, max_attribute_gap, seed)
        if image_shape is not None:
            _draw(outcome, predictor, known, image_shape, seed)
    return outcome


# --- Parts ------------------------------------------------------------------------------------------


def _attack(
    predictor: Predictor,
    rows: tuple[Labelled, Labelled, Labelled],
    train_again: Train,
    count: int,
    *,
    compare_art: bool,
    seed: int,
) -> Attacked:
    import numpy as np
    import pandas as pd

    from lockgate.privacy.membership import neighbours, rank
    from lockgate.privacy.peers import art_scores

    members, strangers, rest = rows
    member = np.arange(len(members) + len(strangers)) < len(members)
    mix = np.random.default_rng([seed, 6]).permutation(len(member))  # so that no order tells who is who
    frame = pd.concat([members.rows, strangers.rows], ignore_index=True).iloc[mix].reset_index(drop=True)
    labels = np.concatenate([members.labels, strangers.labels])[mix]
    places = np.concatenate([members.places, strangers.places])[mix]
    keys = [[*members.keys, *strangers.keys][at] for at in mix]
    member = member[mix]
    everything = pd.concat([frame, rest.rows], ignore_index=True)
    pool = Pool(everything, np.concatenate([labels, rest.labels]), member)
    said: Shadows = train_shadows(predictor, pool, train_again, count=count, seed=seed)
    ranking = rank(said, places, neighbours(frame), seed=seed)
    art = art_scores(said.target, places, member, seed=seed) if compare_art else None
    return Attacked(member, keys, ranking, art)


def _without_repeats(
    outcome: Outcome, predictor: Predictor, known: Labelled, others: Labelled, most: float
) -> tuple[Labelled, Labelled]:
    """Judge repeated rows, and return both tables without those that have an equal among the training rows.

    A row is left out on either side for the same reason, that another training row equals it: so both
    sides stay alike.
    """
    from lockgate.privacy.duplicates import find_duplicates, memorised

    found = find_duplicates(known.rows, known.labels, others.rows, others.labels)
    by_heart = memorised(predictor, known, found.repeated)
    judge_duplicates(outcome, known, found, by_heart, most, others)
    return known.take(~found.repeated), others.take(~found.shared)


def _dealt(
    kept: Labelled, known: Labelled, others: Labelled, few: int, seed: int
) -> tuple[Labelled, Labelled, Labelled]:
    """Draw the rows to attack, and return them with the rest of the training rows."""
    import numpy as np

    rng = np.random.default_rng([seed, 7])
    chosen = np.sort(rng.permutation(len(kept))[:few])
    members = kept.take(chosen)
    strangers = others.take(np.sort(rng.permutation(len(others))[:few]))
    position = {key: at for at, key in enumerate(known.keys)}
    attacked = np.zeros(len(known), dtype=bool)
    attacked[[position[key] for key in members.keys]] = True
    return members, strangers, known.take(~attacked)


def _guess(
    outcome: Outcome,
    predictor: Predictor,
    members: Labelled,
    others: Labelled,
    attributes: list[str] | None,
    most: float,
    seed: int,
) -> None:
    from lockgate.privacy.attributes import guess

    labels = (members.places, others.places)
    guesses = [
        guess(predictor, members.rows, others.rows, column, labels, seed=seed) for column in attributes or ()
    ]
    judge_attributes(outcome, guesses, attributes or (), most)


def _draw(outcome: Outcome, predictor: Predictor, known: Labelled, shape: list[int], seed: int) -> None:
    from lockgate.privacy.inversion import check_shape, invert

    size = check_shape(shape, len(known.rows.columns))
    drawn = invert(predictor, known.rows, known.places, size, most=_MOST_CLASSES, seed=seed)
    show_inversion(outcome, drawn)


def _judge_record(outcome: Outcome, accountant: Path, delta: float, most: float, rows: int) -> None:
    from lockgate.privacy.budget import read_budget

    judge_budget(outcome, read_budget(accountant, delta), most, rows)


def _check_parameters(shadows: int, attack_rows: int, delta: float, max_epsilon: float) -> None:
    if shadows < FEWEST or shadows % 2:
        raise InputError(f"shadows is {shadows}; give an even number of at least {FEWEST}")
    if attack_rows < _FEWEST_ROWS:
        raise InputError(f"attack_rows is {attack_rows}; give at least {_FEWEST_ROWS}")
    if not 0 < delta < 1:
        raise InputError(f"delta is {delta:g}; give a number above 0 and below 1, for example 1e-5")
    if not (max_epsilon > 0 and math.isfinite(max_epsilon)):
        raise InputError(f"max_epsilon is {max_epsilon:g}; give a positive number, for example 8")


def _check_columns(named: list[str] | None, known: Labelled, what: str) -> None:
    for name in named or ():
        if name not in known.rows.columns:
            raise InputError(f"{what} names {name!r}, which the model does not read; name its columns")
