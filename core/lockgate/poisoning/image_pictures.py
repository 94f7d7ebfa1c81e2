"""The picture that is explained least by what else its images show, and whether nature could have made it.

A natural part of an image goes with the rest of it: strokes go on. A planted picture was set into images
that somebody chose without regard to what else they show. So the rest of the images of a group is held
against the rest of other images: against those of other classes (were they taken from there, and the label
changed?), and against the others of their class (were some of them chosen, and the label kept?).

Measured on the main directions of all images (principal components), without the pixels of the picture
itself: the squared distance d² of the group's mean from the others' mean, in standard deviations
(Mahalanobis), less what chance alone adds. Kept labels: planted pictures lie near their own class, natural
ones less so; the score of a group of n images is n (`OF_OWN` - d²), so that many images count for more than
few. Changed labels: the images lie nearer to other classes than to their own, and than half of the way of
their class from the others; the score is n times how much nearer, up to `OF_OTHERS`.

A picture that is mixed into whole images changes what else they show, so d² misleads. It also shows in all
pixels that are alike in the class, by hundreds, where natural groups share few that the rest of their class
has not. Its score: n times the share of pixels that are shared, over 1 + d², in the unit `MIXED`; none
beyond `FAR`.

Only groups count that stand alone and vary (`lockgate.poisoning.image_groups`).

Null: each class is searched alike, each kind of picture (fixed, moving, mixed) apart, and a planted picture
is tied to one class. The best scores of the classes are maxima over many groups; were all natural, the
largest would exceed the second by an exponential amount (Rényi 1953), whose scale is the spread of the
classes' best scores, at least `SCALE`. p value: how often it would exceed it by as much, times the kinds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from lockgate.poisoning.evidence import some_of
from lockgate.poisoning.image_content import Content
from lockgate.poisoning.image_groups import Group, Images, shape_of
from lockgate.poisoning.image_lookup import Picture, looked_up
from lockgate.poisoning.image_windows import Window, windows

if TYPE_CHECKING:
    from lockgate.poisoning.evidence import Evidence
    from lockgate.poisoning.image_content import Floats

MOST_ROWS = 6_000
"""Of more images, so many are drawn with the seed; what is found is then looked up in all of them."""
MOST_NUMBERS = 12_000_000
"""Rows times pixels that are looked at; of larger images, fewer are drawn."""
MOST_WINDOWS = 1_200
"""Of more windows, those of the most images of each class are looked at."""
OF_OTHERS, OF_OWN = 3.0, 1.5
"""Limits of d² against other classes, and against the own class."""
SCALE, MOST_SCALE = 3.0, 10.0
"""Smallest and largest scale of what the best class of clean images exceeds the second by."""
MIXED = 13.0
"""Brings the spread of the scores of mixed pictures in clean images to that of the others."""
FAR = 8.0
"""d² from which on a picture that was mixed in is no reason for images to be so far from all others."""
MOST_FEW = 4
"""Of so many classes the spread of their best scores says nothing."""
HALF_WAY = 0.5
KINDS = ("fixed", "moving", "mixed")
"""What is searched apart."""

Scored: TypeAlias = tuple[float, Group, float, float]
"""A score, the group, and d² from other classes and from its own."""


def pictures(evidence: Evidence) -> dict[str, Picture | None]:
    """Find the picture that is explained least, for changed labels (`others`) and kept ones (`own`)."""
    if "pictures" not in evidence.cache:
        evidence.cache["pictures"] = _find(evidence)
    found: dict[str, Picture | None] = evidence.cache["pictures"]
    return found


def gap_p(best: Floats) -> float:
    """Return how often the largest of some natural classes' best scores would exceed the second by as much.

    Args:
        best: Best score of each class; shape (classes,), two or more.
    """
    import numpy as np

    ordered = np.sort(best)
    spread = float(ordered[:-1].std(ddof=1)) if len(ordered) > MOST_FEW else 0.0
    return float(np.exp(-(ordered[-1] - ordered[-2]) / max(SCALE, min(spread, MOST_SCALE))))


def most_rows(pixels: int) -> int:
    """Return how many images are looked at, at most."""
    return min(MOST_ROWS, max(500, MOST_NUMBERS // pixels))


def _find(evidence: Evidence) -> dict[str, Picture | None]:
    import numpy as np

    everything = np.nan_to_num(evidence.features.values)
    most = most_rows(everything.shape[1])
    sample = some_of(np.arange(len(everything)), most, evidence.random("pictures"))
    images = Images(everything[sample], evidence.batch.labels[sample], shape_of(evidence))
    known = None if evidence.known is None else np.nan_to_num(evidence.known.values)
    classes = len(evidence.classes)
    found: dict[str, Picture | None] = {"others": None, "own": None}
    for way, held in _best(images, known, classes, evidence.seed):
        scored = np.array([held[label][0] if label in held else 0.0 for label in range(classes)])
        p_value = min(1.0, len(KINDS) * gap_p(scored))
        score, group, others, own = held[int(scored.argmax())]
        other = found[way]
        if other is None or (p_value, -score) < (other.p_value, -other.score):
            found[way] = looked_up(images, group, everything, sample, score, p_value, (others, own))
    return found


def _best(
    images: Images, known: Floats | None, classes: int, seed: int
) -> list[tuple[str, dict[int, Scored]]]:
    """Return the best group of each class, for each way and each kind that has one; the way comes with it."""
    import numpy as np

    content = Content(images.flat, images.labels)
    none = np.zeros(0, dtype=np.int64)
    apart = [content.distances(images.labels == k, k, none, none)[0] for k in range(classes)]
    scored: dict[tuple[str, str, int], list[Scored]] = {}
    for window in _chosen(windows(images.grid, images.labels, classes, seed), classes):
        group = images.grown(window)
        if known is not None and window.pixels and images.is_known(group, known):
            continue
        others, own = content.distances(group.inside, window.label, group.box, group.edge)
        for way, score in _scores(images, group, others, own, apart[window.label]).items():
            if score > 0:
                scored.setdefault((way, group.kind, window.label), []).append((score, group, others, own))
    best: dict[tuple[str, str], dict[int, Scored]] = {}
    for (way, kind, label), groups in scored.items():
        groups.sort(key=lambda held: -held[0])
        planted = (held for held in groups if images.varies(held[1]) and images.stands_alone(held[1]))
        first = next(planted, None)
        if first is not None:
            best.setdefault((way, kind), {})[label] = first
    return [(way, best[way, kind]) for way in ("others", "own") for kind in KINDS if (way, kind) in best]


def _scores(images: Images, group: Group, others: float, own: float, apart: float) -> dict[str, float]:
    """Return how little explains a group, for changed labels (`others`) and for kept ones (`own`)."""
    nearer = others < own
    count = int((group.inside & (images.labels == group.window.label)).sum())
    if group.kind == "mixed":
        if min(others, own) > FAR:
            return {}
        shared = count * len(group.columns) / images.flat.shape[1]
        return {"others" if nearer else "own": MIXED * shared / (1 + max(min(others, own), 0.0))}
    found = {"own": count * (OF_OWN - own)}
    if nearer and others < HALF_WAY * apart:
        found["others"] = count * min(OF_OTHERS, own - others)
    return found


def _chosen(found: Iterable[Window], classes: int) -> list[Window]:
    """Keep one window for each set of images, and of each class those of the most images."""
    import numpy as np

    kept: dict[tuple[int, bytes], Window] = {}
    for window in found:
        key = (window.label, np.sort(window.rows).tobytes())
        if key not in kept or window.side > kept[key].side:
            kept[key] = window
    chosen: list[Window] = []
    for label in range(classes):
        of_class = [window for window in kept.values() if window.label == label]
        of_class.sort(key=lambda window: -len(window.rows))
        chosen += of_class[: max(1, MOST_WINDOWS // classes)]
    return chosen
