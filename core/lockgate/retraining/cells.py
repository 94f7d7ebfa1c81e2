"""Where labels contradict the reference: all over, in a source, a pair of classes, a value, or two values.

Each kind of place has a module: `whole`, `sources`, `groups` (values), `planted` (grown values and one
label) and `crowds` (copies, whatever their labels). What honest labels may show stands in `places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lockgate.retraining.betting import Account
from lockgate.retraining.crowds import crowds
from lockgate.retraining.groups import in_values, places_of
from lockgate.retraining.places import ALLOWED, Found, Place
from lockgate.retraining.sources import bet_on_sources
from lockgate.retraining.whole import in_all_rows, in_pairs_of_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lockgate.retraining.surprise import Watched


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
