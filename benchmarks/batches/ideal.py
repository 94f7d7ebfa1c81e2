"""Who knows what an attacker did bets on that alone: how much evidence was there to be found at all.

He knows which rows are in the place of the attack, which share of them was planted and how, and takes
the probabilities of the models for true. With the same models and by labels alone nobody who has to look
for the place as well can expect to do better (the likelihood ratio is the most powerful test; Neyman and
Pearson 1933). That a value has become frequent, which is evidence of another kind, is left out.
"""

from __future__ import annotations

import numpy as np


def place_of(plan: dict) -> str:
    """Return the kind of place of an attack, by which a gate that does not know it divides its level."""
    kinds = {"source": "source", "pair": "labels", "named": "value", "where": "crowd", "columns": "planted"}
    return next((kind for name, kind in kinds.items() if name in plan), "all")


def calibrated(p: np.ndarray, known: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return probabilities as often as they came true in the reference, by steps of 1 in log odds."""
    found = np.empty_like(p)
    for k in range(p.shape[1]):
        now, before = (
            np.clip(np.rint(np.log(q / (1.0 - q))), -9, 9).astype(int) + 9 for q in (p[:, k], known[:, k])
        )
        rows, hits = np.bincount(before, minlength=19), np.bincount(before[labels == k], minlength=19)
        found[:, k] = ((hits + 0.5) / (rows + 1.0))[now]
    return found / found.sum(axis=1, keepdims=True)


def evidence(watched: list, sources: list, planted: list, plan: dict, trusted: bool = True) -> float:
    """Return the evidence in the labels of a stream, in nats, for somebody who knows all.

    Args:
        watched: Each batch beside the reference.
        sources: Source of each row of each batch.
        planted: Which rows of each batch were planted.
        plan: What the attacker chose, from `changes.changed`.
        trusted: Whether the models' probabilities are taken for true, or as the reference shows them to be.
    """
    p = np.clip(np.concatenate([w.batch.p for w in watched]), 1e-6, 1.0)
    if not trusted:
        known = watched[0].reference
        p = calibrated(*(np.clip(q, 1e-6, 1.0 - 1e-6) for q in (p, known.p)), known.labels)
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
        return float(np.log(wrong / own)[place].sum())
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
    return float(np.log(ratio)[place].sum())
