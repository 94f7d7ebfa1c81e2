"""Pictures of a report that are more than a table's cell: curves over two axes, and grids of small images.

    outcome.pictures["Membership"] = Curves(Axis("false positives", log=True, low=1e-3), Axis("found"), [...])

A stage states points; this module draws them as inline SVG, with attributes and the page's own classes only,
so that they work under a strict Content Security Policy, in light and in dark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 490, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 22, 12, 48
_MOST_POINTS = 200  # of a series; more cannot be told apart at this size
_MOST_SERIES = 6  # as many as there are line styles
_MOST_PIXELS = 20_000  # of all images together
_MOST_IMAGES = 24
_GREYS = 12
_SHADES = 6  # of each of red, green and blue
_TEXT = 40  # characters of a label

Pixel: TypeAlias = float | tuple[float, float, float]

_FEW_POWERS = 3  # of ten: a logarithmic axis with fewer names 2 and 5 times them too


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        label: What it counts.
        low: Its lower end; on a logarithmic axis above 0.
        high: Its upper end.
        log: Whether it is logarithmic.
        parts: How many equal parts ticks cut it into; a logarithmic one has one for each power of ten,
            and where these are few, for twice and five times it.
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    parts: int = 4

    def place(self, value: float) -> float:
        """Return where a value lies, from 0 to 1; what lies outside is put on the edge."""
        kept = min(max(value, self.low), self.high)
        if self.log:
            return math.log(kept / self.low) / math.log(self.high / self.low)
        return (kept - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return the values that are named beside the axis."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            powers = [10.0**power for power in range(first, last + 1)]
            if len(powers) >= _FEW_POWERS:
                return powers
            return [
                round(step * 10.0**power, 12)
                for power in range(first - 1, last + 1)
                for step in (1, 2, 5)
                if self.low * (1 - 1e-9) <= step * 10.0**power <= self.high * (1 + 1e-9)
            ]
        return [self.low + (self.high - self.low) * part / self.parts for part in range(self.parts + 1)]


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: What it is.
        points: Pairs of x and y, in the order of x.
        band: For some of the x, lower and upper end of an interval: triples of x, low and high.
        aside: Whether it is there for comparison only.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    aside: bool = False


@dataclass(frozen=True)
class Curves:
    """Lines over two axes.

    Attributes:
        x: The horizontal axis.
        y: The vertical axis.
        series: At most six lines.
        says: One sentence that says what is to be seen.
    """

    x: Axis
    y: Axis
    series: Sequence[Series]
    says: str = ""


@dataclass(frozen=True)
class Images:
    """Small images.

    Attributes:
        pictures: For each its caption and its rows of pixels: values from 0 (dark) to 1, or of red, green and
            blue each.
        says: One sentence that says what is to be seen.
        together: How many of them belong together, and stay side by side however narrow the page is.
    """

    pictures: Sequence[tuple[str, Sequence[Sequence[Pixel]]]]
    says: str = field(default="")
    together: int = 1


Picture: TypeAlias = Curves | Images


def draw(picture: Picture) -> Markup:
    """Return a picture as HTML."""
    return _curves(picture) if isinstance(picture, Curves) else _images(picture)


def _curves(picture: Curves) -> Markup:
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> str:
        return f"{_LEFT + wide * picture.x.place(x):.1f} {_TOP + high * (1 - picture.y.place(y)):.1f}"

    parts = []
    for value in picture.x.ticks():
        x = _LEFT + wide * picture.x.place(value)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{_TOP + high}"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + high + 17}" text-anchor="middle">{_said(value)}</text>')
    for value in picture.y.ticks():
        y = _TOP + high * (1 - picture.y.place(value))
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_LEFT + wide}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_said(value)}</text>')
    middle = _TOP + high / 2
    parts.append(
        f'<text class="axis" x="{_LEFT + wide / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">'
        f"{escape(picture.x.label[:_TEXT])}</text>"
        f'<text class="axis" x="14" y="{middle:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle:.0f})">{escape(picture.y.label[:_TEXT])}</text>'
    )
    shown = list(picture.series)[:_MOST_SERIES]
    for place, series in enumerate(shown, 1):
        band = _thinned(series.band)
        if len(band) > 1:
            edge = [at(x, up) for x, _, up in band] + [at(x, low) for x, low, _ in reversed(band)]
            parts.append(f'<path class="band s{place}" d="M{"L".join(edge)}Z"/>')
        else:
            parts += [
                f'<path class="whisker s{place}" d="M{at(x, low)}L{at(x, up)}"/>' for x, low, up in band
            ]
    for place, series in enumerate(shown, 1):
        points = "L".join(at(x, y) for x, y in _thinned(series.points))
        if points:
            parts.append(f'<path class="line s{place}{" aside" * series.aside}" d="M{points}"/>')
    keys = "".join(
        f'<li><svg viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">'
        f'<path class="line s{place}{" aside" * series.aside}" d="M0 4H22"/></svg>'
        f"{escape(series.name[:_TEXT])}</li>"
        for place, series in enumerate(shown, 1)
    )
    return Markup(  # noqa: S704 - numbers and our own words; names are escaped above
        f'<figure class="curves"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(picture.says or picture.y.label)}">{"".join(parts)}</svg>'
        f'<figcaption><ul class="series">{keys}</ul>{escape(picture.says)}</figcaption></figure>'
    )


def _images(picture: Images) -> Markup:
    drawn: list[str] = []
    left = _MOST_PIXELS
    for caption, rows in list(picture.pictures)[: _MOST_IMAGES // picture.together * picture.together]:
        left -= sum(len(row) for row in rows)
        if left < 0:
            break
        drawn.append(_image(caption, rows))
    each = picture.together
    if each > 1:
        drawn = drawn[: len(drawn) // each * each]
        drawn = [f"<li><ul>{''.join(drawn[at : at + each])}</ul></li>" for at in range(0, len(drawn), each)]
    kind = f' class="groups of{each}"' if each > 1 else ""
    return Markup(  # noqa: S704 - numbers and our own words; captions are escaped below
        f'<figure class="images"><ul{kind}>{"".join(drawn)}</ul>'
        f"<figcaption>{escape(picture.says)}</figcaption></figure>"
    )


def _image(caption: str, rows: Sequence[Sequence[Pixel]]) -> str:
    """Draw an image as one path for each colour; pixels of one colour side by side are one rectangle."""
    width, height = max((len(row) for row in rows), default=0), len(rows)
    paths: dict[str, list[str]] = {}
    for y, row in enumerate(rows):
        x = 0
        for colour, run in itertools.groupby(map(_colour, row)):
            long = len(list(run))
            paths.setdefault(colour, []).append(f"M{x} {y}h{long}v1h-{long}z")
            x += long
    shapes = "".join(f'<path fill="{colour}" d="{"".join(runs)}"/>' for colour, runs in sorted(paths.items()))
    return (
        f'<li><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(caption[:_TEXT])}" '
        f'shape-rendering="crispEdges">{shapes}</svg><span>{escape(caption[:_TEXT])}</span></li>'
    )


def _colour(pixel: Pixel) -> str:
    if isinstance(pixel, tuple):
        shades = (min(max(int(value * _SHADES), 0), _SHADES - 1) * 255 // (_SHADES - 1) for value in pixel)
        return "#" + "".join(f"{shade:02x}" for shade in shades)
    level = min(max(int(pixel * _GREYS), 0), _GREYS - 1)
    return f"hsl(0 0% {round(100 * level / (_GREYS - 1))}%)"


def _thinned(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    kept = [p for p in points if all(math.isfinite(value) for value in p)]
    step = -(-len(kept) // _MOST_POINTS) or 1
    thin = kept[::step]
    return thin if not kept or thin[-1] == kept[-1] else [*thin, kept[-1]]


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"  # noqa: PLR2004 - no decimals from ten on
