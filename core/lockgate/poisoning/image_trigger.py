"""LG-POISON-004 and LG-POISON-005 for images: a picture that was set into them, or mixed in.

Threat: a backdoor. Somebody puts a patch at one place, or at another place in each image, or mixes a
faint picture into the whole image, in images of other classes whose label is changed (004) or in images
of one class that keep theirs (005); a model learns that the picture means the label (Gu et al. 2017,
Chen et al. 2017, Turner et al. 2019).

Statistic and null: see `lockgate.poisoning.image_pictures`. Floor: `image_windows.FEWEST` images.

Does not see: pictures that are drawn anew in each image, or that vary by more than an eighth of the
range; faint pictures in photographs or noise, where no pixels repeat; moving pictures of single pixels, or of
a few pixels as a stroke has them; a picture that one of the class's own images in two shows too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockgate.poisoning.evidence import Alarm

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Evidence, Floats
    from lockgate.poisoning.image_lookup import Picture

DRAWN = 32
"""Pixels of the side of a picture in the report, at most."""


def detect(evidence: Evidence, name: str, rule: str, way: str) -> Alarm:
    """Look for pictures in images.

    Args:
        evidence: Images; see `image_groups.is_image`.
        name: Name of the detector.
        rule: Its rule.
        way: ``others`` for changed labels, ``own`` for kept ones.
    """
    import numpy as np

    from lockgate.poisoning.image_pictures import pictures

    alarm = Alarm(name, rule, p_value=1.0, belief=np.zeros(evidence.batch.rows))
    found = pictures(evidence)[way]
    if found is None:
        return alarm
    labelled = evidence.batch.labels[found.rows] == found.label
    belief, within = np.zeros(evidence.batch.rows), np.zeros(evidence.batch.rows, dtype=bool)
    belief[found.rows] = np.where(labelled, 0.95, 0.1)
    within[found.rows[labelled]] = True
    alarm.p_value, alarm.statistic = found.p_value, found.score
    alarm.share, alarm.share_within = float(within.mean()), float(labelled.mean())
    alarm.large_enough = True
    alarm.belief, alarm.within = belief, within
    alarm.columns = tuple(evidence.features.names[j] for j in found.pixels)
    alarm.sets = dict(zip((int(j) for j in found.pixels), (float(v) for v in found.values), strict=True))
    alarm.label = evidence.classes[found.label]
    alarm.shows = _where(evidence, found)
    alarm.groups = [
        {
            "picture": alarm.shows,
            "images": len(found.rows),
            "label": alarm.label,
            "images_with_label": int(labelled.sum()),
            "distance_from_other_classes": round(found.from_others, 2),
            "distance_from_its_own_class": round(found.from_own, 2),
            "p_value": round(found.p_value, 6),
        }
    ]
    alarm.pictures = _drawn(evidence, found, within)
    return alarm


def _where(evidence: Evidence, found: Picture) -> str:
    from lockgate.poisoning.image_lookup import place_of

    top, bottom, left, right = place_of(evidence, found)
    if found.kind == "moving":
        return f"a picture of {found.side} x {found.side} pixels or more, at another place in each image"
    if found.kind == "mixed":
        return f"a picture that is mixed into the whole image ({len(found.pixels)} pixels are told by it)"
    return f"a picture at rows {top} to {bottom} and columns {left} to {right} of the image"


def _drawn(evidence: Evidence, found: Picture, within: object) -> list[tuple[str, list[list[float]]]]:
    """Draw the mean suspect, the mean of the others of its class, what differs, and the found pixels."""
    import numpy as np

    from lockgate.poisoning.image_groups import shape_of
    from lockgate.poisoning.image_lookup import place_of

    height, width, channels = shape_of(evidence)
    values = np.nan_to_num(evidence.features.values)
    theirs = (evidence.batch.labels == found.label) & ~np.asarray(within)
    suspect = values[np.asarray(within)].mean(axis=0)
    other = values[theirs].mean(axis=0) if theirs.any() else values.mean(axis=0)
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 1e-12)
    apart = suspect - other
    most = max(float(np.abs(apart).max()), 1e-12)
    marked = np.full(values.shape[1], 0.5)
    marked[found.pixels] = (found.values - low) / span
    drawn = {
        "mean of the suspects": (suspect - low) / span,
        "others of their class": (other - low) / span,
        "difference": 0.5 + 0.5 * apart / most,
    }
    if found.kind == "moving":
        drawn.pop("difference")
        side = found.side
        picture = ((found.values - low) / span).reshape(side, side, channels).mean(axis=2)
        return [
            *((c, _grid(v, height, width, channels)) for c, v in drawn.items()),
            ("picture", _listed(picture)),
        ]
    drawn["pixels they share"] = marked
    listed = [(caption, _grid(v, height, width, channels)) for caption, v in drawn.items()]
    if found.kind == "fixed":
        top, bottom, left, right = place_of(evidence, found)
        near = marked.reshape(height, width, channels)[top : bottom + 1, left : right + 1]
        listed.append(("close up", _listed(near.mean(axis=2))))
    return listed


def _grid(flat: Floats, height: int, width: int, channels: int) -> list[list[float]]:
    """Return a grey image of at most `DRAWN` pixels a side, by leaving rows and columns out."""
    grey = flat.reshape(height, width, channels).mean(axis=2)
    step = -(-max(height, width) // DRAWN)
    return _listed(grey[::step, ::step])


def _listed(grey: Floats) -> list[list[float]]:
    import numpy as np

    listed: list[list[float]] = np.round(np.clip(grey, 0.0, 1.0), 2).tolist()
    return listed
