"""Rank rows by how surely the model was trained on them.

Four attacks from the literature, two changed ones, and the plain threshold for comparison:

* ``lira-online`` and ``lira-offline``: the likelihood ratio of the row's score under a normal distribution
  of the scores of models with and without it (Carlini et al. 2022, arXiv:2112.03570, algorithms 1 and 2).
* ``lira-fine``: the online ratio for models that are nearly always sure, such as boosting without a limit.
  Probabilities are told apart down to one in ten million, where few shadow models agree on how sure is sure:
  so the model's scores are first brought to the distribution of the shadow models' scores, rank by rank.
* ``rmia-online`` and ``rmia-offline``: how many other rows the row's probability ratio dominates
  (Zarifzadeh et al. 2024, arXiv:2312.03262, equations 2 to 9).
* ``combined``: those numbers, and how the model answers near the row, weighed by boosted trees that were
  trained on the shadow models, of which is known what they were trained on (Shokri et al. 2017).
* ``confidence``: the probability of the right label alone (Yeom et al. 2018).

With few shadow models the spread of one row's scores is poorly known, so it is drawn towards that of all
rows, as if `_PRIOR` more models had shown it. Which attack judges the model is decided on the shadow models,
never on the model itself: so the choice does not flatter its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lockgate.privacy.shadows import Shadows

ATTACKS = ("lira-online", "lira-offline", "lira-fine", "rmia-online", "rmia-offline", "combined")
CONFIDENCE = "confidence"
_PRIOR = 4.0  # shadow models that the common spread weighs as much as
_CLIP = 0.01  # probabilities nearer to 0 or 1 are not told apart: trees often answer exactly 0 or 1
_FINE = 1e-7  # the same for `lira-fine`
_OFFLINE = 0.3  # the constant `a` of RMIA's offline estimate, by which members are more probable
_NEIGHBOURS = 3
_FPR = 0.01  # what attacks are compared at


@dataclass(frozen=True)
class Ranking:
    """The result of the attacks on the model under test.

    Attributes:
        scores: For each attack a score of each row; higher is more surely a member.
        chosen: The attack that was the strongest on the shadow models.
        on_shadows: Mean true-positive rate at 1 % false positives of each attack on the shadow models.
    """

    scores: dict[str, Any]
    chosen: str
    on_shadows: dict[str, float]


def rank(shadows: Shadows, labels: Any, near: Any, *, seed: int) -> Ranking:
    """Score the attacked rows by every attack.

    Args:
        shadows: What the models said.
        labels: The place of each row's right label among the classes; int array.
        near: For each row the places of a few similar attacked rows; rows by neighbours, int array.
        seed: Of the boosted trees.
    """
    import numpy as np

    count = len(shadows.inside)
    seen = [_Seen.of(shadows.target, shadows.answers, shadows.inside, labels, near)]
    for one in range(count):  # each shadow model in turn stands for the model under test
        others = np.arange(count) // 2 != one // 2  # its twin was trained on just the other rows
        seen.append(
            _Seen.of(shadows.answers[one], shadows.answers[others], shadows.inside[others], labels, near)
        )
    scores = [each.scores() for each in seen]
    learnt = _learnt([each.features() for each in seen], shadows.inside, seed)
    for each, combined in zip(scores, learnt, strict=True):
        each["combined"] = combined
    on_shadows = {
        name: float(np.mean([_power(scores[1 + one][name], shadows.inside[one]) for one in range(count)]))
        for name in (*ATTACKS, CONFIDENCE)
    }
    chosen = max(ATTACKS, key=lambda name: (round(on_shadows[name], 6), -ATTACKS.index(name)))
    return Ranking(scores[0], chosen, on_shadows)


def neighbours(rows: Any) -> Any:
    """Return the places of the rows most like each row: rows by at most three, int array.

    Args:
        rows: A DataFrame of any types: numbers count in standard deviations, all else as equal or not.
    """
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    space = coordinates(rows)
    count = min(_NEIGHBOURS, len(rows) - 1)
    found = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(space).kneighbors(space)[1]
    own = found == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True  # copies of the row can push it out of its own list
    return found[~own].reshape(len(rows), count)


def coordinates(rows: Any) -> Any:
    """Return rows as points, in which equal rows are equal points; rows by columns, float array."""
    import numpy as np
    import pandas as pd

    columns = []
    for name in rows.columns:
        values = rows[name]
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            numbers = np.where(np.isfinite(numbers), numbers, np.nan)
            fill = 0.0 if np.isnan(numbers).all() else float(np.nanmedian(numbers))
            filled = np.where(np.isnan(numbers), fill, numbers)
            columns.append((filled - filled.mean()) / (filled.std() or 1.0))
        else:
            codes = pd.factorize(values.astype(str), sort=True)[0]
            common = np.bincount(codes).argsort()[::-1][:20]
            columns += [(codes == code) / np.sqrt(2.0) for code in common]
    return np.column_stack(columns).astype(float) if columns else np.zeros((len(rows), 1))


# --- One model, seen beside models of which is known what they saw ----------------------------------


@dataclass(frozen=True)
class _Seen:
    """Scores of one model, and means and spreads of those of the models with and without each row."""

    own: Any
    logit: Any
    mean_in: Any
    mean_out: Any
    lira_on: Any
    lira_off: Any
    plain_on: Any
    fine_on: Any
    fine_off: Any
    fine_moved: Any
    near: Any

    @classmethod
    def of(cls, target: Any, answers: Any, inside: Any, labels: Any, near: Any) -> _Seen:
        import numpy as np

        rows = np.arange(len(labels))
        own, others = target[rows, labels], answers[:, rows, labels]
        on, off = _likelihood(_logit(own), _logit(others), inside)
        plain, _ = _likelihood(own, others, inside)
        sure, surely = _logit(own, _FINE), _logit(others, _FINE)
        fine_on, fine_off = _likelihood(_matched(sure, surely), surely, inside)
        fine_moved = _moments(surely, inside)[0] - _moments(surely, ~inside)[0]
        mean_in, _ = _moments(others, inside)
        mean_out, _ = _moments(others, ~inside)
        lift = np.zeros(len(rows))
        for at in near.T:  # what the models say of a similar row about this row's label
            usual, _ = _moments(answers[:, at, labels], ~inside)
            lift += (target[at, labels] - usual) / near.shape[1]
        return cls(own, _logit(own), mean_in, mean_out, on, off, plain, fine_on, fine_off, fine_moved, lift)

    def scores(self) -> dict[str, Any]:
        online = 0.5 * (self.mean_in + self.mean_out)
        offline = 0.5 * ((1 + _OFFLINE) * self.mean_out + 1 - _OFFLINE)
        return {
            "lira-online": self.lira_on,
            "lira-offline": self.lira_off,
            "lira-fine": self.fine_on,
            "rmia-online": _dominated(self.own, online),
            "rmia-offline": _dominated(self.own, offline),
            CONFIDENCE: self.own,
        }

    def features(self) -> Any:
        import numpy as np

        ratio = np.log((self.own + _CLIP) / (0.5 * (self.mean_in + self.mean_out) + _CLIP))
        columns = (
            *(self.lira_on, self.lira_off, self.plain_on, ratio, self.own, self.mean_in, self.mean_out),
            *(self.fine_on, self.fine_off, self.fine_moved),
            *(
                self.own - self.mean_in,
                self.own - self.mean_out,
                self.logit - _logit(self.mean_out),
                self.near,
            ),
        )
        return np.column_stack(columns)


def _likelihood(own: Any, others: Any, inside: Any) -> tuple[Any, Any]:
    """Return the log likelihood ratio (online), and the excess over models without the row (offline)."""
    import numpy as np

    mean_in, var_in = _moments(others, inside)
    mean_out, var_out = _moments(others, ~inside)
    online = (own - mean_out) ** 2 / var_out - (own - mean_in) ** 2 / var_in + np.log(var_out / var_in)
    return online / 2, (own - mean_out) / np.sqrt(var_out)


def _moments(scores: Any, mask: Any) -> tuple[Any, Any]:
    """Return mean and variance of each row's scores over some models; variances drawn to the common one."""
    n = mask.sum(axis=0)
    mean = (scores * mask).sum(axis=0) / n
    around = ((scores - mean) ** 2 * mask).sum(axis=0)
    common = around.sum() / max((n - 1).sum(), 1)
    return mean, (around + _PRIOR * common) / (n - 1 + _PRIOR) + 1e-9


def _dominated(own: Any, usual: Any) -> Any:
    """Return the share of rows whose ratio a row's ratio reaches; ties are ranked by the ratio itself."""
    import numpy as np

    ratio = own / np.maximum(usual, 1e-9)
    share = np.searchsorted(np.sort(ratio), ratio, side="right") / len(ratio)
    return share + 1e-9 * ratio


def _matched(own: Any, others: Any) -> Any:
    """Return scores moved to the distribution of other models' scores, the order kept; ties stay ties."""
    import numpy as np
    from scipy.stats import rankdata

    usual = np.sort(others, axis=None)
    return np.interp((rankdata(own) - 0.5) / len(own), (np.arange(len(usual)) + 0.5) / len(usual), usual)


def _logit(probability: Any, clip: float = _CLIP) -> Any:
    import numpy as np

    kept = np.clip(probability, clip, 1 - clip)
    return np.log(kept / (1 - kept))


def _learnt(features: list[Any], inside: Any, seed: int) -> list[Any]:
    """Weigh the features by trees that were trained on shadow models, never on the one that they score."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier

    def fitted(which: Any) -> Any:
        rows = np.concatenate([features[1 + one] for one in which])
        trees = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=8, min_samples_leaf=100, early_stopping=False, random_state=seed
        )
        return trees.fit(rows, np.concatenate([inside[one] for one in which]))

    everyone = np.arange(len(inside))
    even, odd = (fitted(everyone[everyone // 2 % 2 == side]) for side in (0, 1))
    by = [fitted(everyone), *(odd if one // 2 % 2 == 0 else even for one in everyone)]
    return [trees.decision_function(rows) for trees, rows in zip(by, features, strict=True)]


def _power(scores: Any, member: Any) -> float:
    import numpy as np

    others = np.sort(scores[~member])[::-1]
    return float((scores[member] > others[int(_FPR * len(others))]).mean())
