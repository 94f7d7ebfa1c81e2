"""The membership attack of the Adversarial Robustness Toolbox, for comparison on the same rows.

Its black-box attack (`MembershipInferenceBlackBox`) learns from rows of which membership is known what the
answers of members look like, the same for every row. Half of the rows teach it here, the other
half is scored.
"""

from __future__ import annotations

import warnings
from typing import Any

from lockgate.errors import MissingExtraError
from lockgate.seeds import global_seed


def art_scores(answers: Any, labels: Any, member: Any, *, seed: int) -> tuple[Any, Any]:
    """Return scores of half of the rows, and which rows these are.

    Args:
        answers: Probability of each class by the model: rows by classes.
        labels: Places of the right labels; int array.
        member: Whether each row is a member; bool array.
        seed: Of the split and of the attack's forest; numpy's global state is put back afterwards.

    Raises:
        MissingExtraError: The toolbox is not installed.
    """
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
            from art.estimators.classification import BlackBoxClassifierNeuralNetwork
        except ModuleNotFoundError as error:
            raise MissingExtraError("robustness", error.name or "art") from None
        teach = np.random.default_rng([seed, 5]).permutation(len(member)) % 2 == 0
        own = np.eye(answers.shape[1])[labels]
        stand_in = BlackBoxClassifierNeuralNetwork(lambda x: x, (answers.shape[1],), answers.shape[1])
        with global_seed(seed):
            attack = MembershipInferenceBlackBox(stand_in, attack_model_type="rf")
            inside, outside = teach & member, teach & ~member
            attack.fit(
                x=None,
                y=own[inside],
                test_x=None,
                test_y=own[outside],
                pred=answers[inside].astype(np.float32),
                test_pred=answers[outside].astype(np.float32),
            )
            rest = np.flatnonzero(~teach)
            found = attack.infer(
                x=None, y=own[rest], pred=answers[rest].astype(np.float32), probabilities=True
            )
    return np.asarray(found)[:, -1], rest
