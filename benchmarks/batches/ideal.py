"""Who knows what an attacker did bets on that alone: how much evidence was there to be found at all.

He knows which rows are in the place of the attack, which share of them was planted and how, and takes
the probabilities of the models for true. With the same models and by labels alone nobody who has to look
for the place as well can expect to do better (the likelihood ratio is the most powerful test; Neyman and
Pearson 1933). That a value has become frequent, which is evidence of another kind, is left out.
"""

from __future__ import annotations

import numpy as np

from lockgate.retraining.betting import ALPHA


def could_be_seen(watched: list, sources: list, planted: list, plan: dict) -> bool:
    """Say whether the labels of a stream hold enough evidence for an alarm, for somebody who knows all.

    Args:
        watched: Each batch beside the reference.
        sources: Source of each row of each batch.
        planted: Which rows of each batch were planted.
        plan: What the attacker chose, from `changes.changed`.
    """
    p = np.clip(np.concatenate([w.batch.p for w in watched]), 1e-6, 1.0)
    y = np.concatenate([w.batch.labels for w in watched])
    values = np.concatenate([w.features[1].values for w in watched])
    mine = np.concatenate([rows[w.batch.rows] for rows, w in zip(planted, watched, strict=True)])
    source = np.concatenate([rows[w.batch.rows] for rows, w in zip(sources, watched, strict=True)])
    columns = watched[0].features[0].names
    own = p[np.arange(len(y)), y]
    wrong = (1.0 - own) / (p.shape[1] - 1)
    place = np.ones(len(y), dtype=bool)
    if "source" in plan:
        place = source == plan["source"]
    elif "pair" in plan:
        was, became = (watched[0].classes.index(str(name)) for name in plan["pair"])
        place, share = np.isin(y, (was, became)), mine.sum() / p[:, was].sum()
        wrong = np.where(y == became, own + share * p[:, was], (1.0 - share) * own)
        return bool(np.log(wrong / own)[place].sum() >= -np.log(ALPHA))
    elif "named" in plan:
        column = values[:, columns.index(str(plan["named"]))]
        place = (column >= column[mine].min()) & (column <= column[mine].max())
    elif "where" in plan:
        place = mine
        wrong = (y == np.median(y[mine])).astype(float)
    elif "columns" in plan:
        for name in plan["columns"]:
            column = values[:, columns.index(str(name))]
            place &= column == np.median(column[mine])
        wrong = (y == np.median(y[mine])).astype(float)
    share = min(mine.sum() / max(place.sum(), 1), 0.98)
    ratio = 1.0 - share + share * wrong / own
    return bool(np.log(ratio)[place].sum() >= -np.log(ALPHA))
