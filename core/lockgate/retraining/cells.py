"""Where labels contradict the reference: all over, in a source, a pair of classes, a value, or two values.

Each kind of place has a module: `whole`, `sources`, `groups` (values), `planted` (grown values and one
label) and `crowds` (copies, whatever their labels). What honest labels may show stands in `places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.retraining.betting import Account
from lockgate.retraining.crowds import crowds
from lockgate.retraining.groups import in_values, parts_of, places_of
from lockgate.retraining.places import ALLOWED, Found, Place
from lockgate.retraining.planted import GROWN
from lockgate.retraining.sources import bet_on_sources
from lockgate.retraining.whole import in_all_rows, in_pairs_of_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched


def as_without(found: Found, watched: Watched, without: Watched) -> Found:
    """Keep of a drifted batch only what models without the drifted columns see in its labels as well.

    All rows and pairs of classes have nothing in the batch to be held against. So where a column that
    says much of the label is measured otherwise, or has risen for everybody, all labels that go with it
    look wrong. Of the two accounts of such a place the one with less evidence is kept: what either models
    allow is honest. Nor was a part of its measurements planted where the whole column has moved there.

    Args:
        found: What the batch shows with all columns.
        watched: The batch and the reference, judged with all columns.
        without: The same batch and reference, judged without the columns that have drifted.
    """
    other = dict(in_all_rows(without)) | in_pairs_of_classes(without)
    accounts = dict(found.accounts)
    for place in [p for p in accounts if p[0] in ("all", "labels")]:
        if place not in other:
            del accounts[place]
        elif other[place].log_evidence < accounts[place].log_evidence:
            accounts[place] = other[place]
    parts = parts_of(watched, set(watched.features[0].names) - set(without.features[0].names))
    for place in [p for p, mine in accounts.items() if p[0] == "planted" or mine.grown >= GROWN]:
        if not parts.isdisjoint(place[-1].split("+")):
            del accounts[place]
    return Found(accounts, found.weights)


def look(
    watched: Watched,
    source: NDArray[np.object_] | None = None,
    known_source: NDArray[np.object_] | None = None,
    kept: Mapping[Place, Account] | None = None,
) -> Found:
    """Return what a batch shows in every place that surprises, or that has an account already.

    Args:
        watched: The batch beside its reference.
        source: Source of each row of the batch's table, None for a row without; None without a column.
        known_source: The same of the reference's table.
        kept: Accounts of former batches: what they lose now has to be booked, too.
    """
    kept = kept or {}
    rows = watched.batch.rows
    found: dict[Place, Account] = dict(in_all_rows(watched))
    found |= in_pairs_of_classes(watched)
    if source is not None:
        known = None if known_source is None else known_source[watched.reference.rows]
        found |= {
            ("source", name): mine for name, mine in bet_on_sources(watched, source[rows], known).items()
        }
    found |= in_values(watched, kept)
    crowded = crowds(watched, {place[1]: mine for place, mine in kept.items() if place[0] == "crowd"})
    found |= {("crowd", key): mine for key, mine in crowded.items()}
    classes = len(watched.classes)
    number = {
        "all": 1,
        "labels": max(1, classes * (classes - 1)),
        "source": max(1, sum(place[0] == "source" for place in found)),
        "crowd": 2 * len(watched.reference.rows),
        **places_of(len(watched.features[0].names)),
    }
    number["planted"] = classes * (number["value"] + number["values"])
    return Found(found, {kind: ALLOWED[kind].weight / number[kind] for kind in number})
