"""Small inline SVG pictures for table cells; attributes only, so that they work under a strict CSP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

_BAR = (64, 10)
_HISTOGRAM = (132, 30)
_MOST_BINS = 44
_TREND = (180, 44)
_MOST_POINTS = 60


def finite(value: Any) -> float | None:
    """Return a number as a float, and None for anything that cannot be drawn."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        drawn = float(value)
    except OverflowError:
        return None
    return drawn if math.isfinite(drawn) else None


def bar(value: float, full: float, limit: float | None = None) -> Markup:
    """Draw a bar of `value` out of `full`, with a tick at `limit`; past the limit it changes colour."""
    width, height = _BAR
    scale = width / full if full > 0 else 0.0
    length = min(max(value * scale, 0.0), float(width))
    over = " over" if limit is not None and value > limit else ""
    tick = ""
    if limit is not None:
        at = min(max(limit * scale, 0.5), width - 0.5)
        tick = f'<path class="tick" d="M{at:.1f} 0V{height}"/>'
    return Markup(  # noqa: S704 - numbers and our own words only
        f'<svg class="bar{over}" {_size(width, height)} aria-hidden="true">'
        f'<rect class="track" y="2" width="{width}" height="{height - 4}" rx="3"/>'
        f'<rect class="fill" y="2" width="{length:.1f}" height="{height - 4}" rx="3"/>{tick}</svg>'
    )


def is_distribution(value: Any) -> bool:
    """Tell whether a cell is one or two lists of bin heights: ``{"reference": [...], "current": [...]}``."""
    return (
        isinstance(value, Mapping)
        and 1 <= len(value) <= 2  # noqa: PLR2004 - two outlines lie over each other readably, three do not
        and all(isinstance(s, Sequence) and not isinstance(s, str) and s for s in value.values())
        and all(finite(x) is not None for s in value.values() for x in s)
    )


def distribution(series: Mapping[str, Sequence[float]]) -> Markup:
    """Draw one or two distributions over the same bins: the first filled, the second as an outline."""
    width, height = _HISTOGRAM
    heights = [[max(float(x), 0.0) for x in s[:_MOST_BINS]] for s in series.values()]
    top = max((x for s in heights for x in s), default=0.0) or 1.0
    bins = max(len(s) for s in heights)
    paths = []
    for name, values in zip(("first", "second"), heights, strict=False):
        step = width / bins
        tops = (height - 1 - x / top * (height - 3) for x in values)
        points = "".join(f"V{y:.1f}H{place * step:.1f}" for place, y in enumerate(tops, 1))
        paths.append(f'<path class="{name}" d="M0 {height - 1}{points}V{height - 1}"/>')
    label = escape(" against ".join(str(name)[:40] for name in series))
    return Markup(  # noqa: S704 - numbers, and a label that is escaped above
        f'<svg class="dist" {_size(width, height)} role="img" aria-label="distribution of {label}">'
        f"{''.join(paths)}</svg>"
    )


def is_trend(value: Any) -> bool:
    """Tell whether a cell is a row of numbers over time: ``{"trend": [...], "limit": 1.0}``."""
    return isinstance(value, Mapping) and isinstance(value.get("trend"), (list, tuple))


def trend(values: Sequence[Any], limit: float | None = None) -> Markup:
    """Draw numbers over time as a line, the latest as a dot, with a dashed line at `limit`."""
    numbers = [x for x in (finite(v) for v in values[-_MOST_POINTS:]) if x is not None]
    if not numbers:
        return Markup("")
    width, height = _TREND
    low, high = min(0.0, *numbers), max([*numbers, *([limit] if limit is not None else [])])
    scale = (height - 8) / ((high - low) or 1.0)
    step = (width - 10) / max(len(numbers) - 1, 1)
    points = [(5 + i * step, height - 4 - (x - low) * scale) for i, x in enumerate(numbers)]
    over = " over" if limit is not None and numbers[-1] >= limit else ""
    at = "" if limit is None else height - 4 - (limit - low) * scale
    dashed = f'<path class="limit" d="M0 {at:.1f}H{width}"/>' if limit is not None else ""
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(  # noqa: S704 - numbers and our own words only
        f'<svg class="trend{over}" {_size(width, height)} role="img" aria-label="latest {numbers[-1]:.2f}">'
        f'{dashed}<path class="line" d="M{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )


def tally(counts: Sequence[tuple[str, int]], width: int = 1000) -> Markup:
    """Draw how many checks have which verdict as one strip; every verdict that occurs stays visible."""
    counts = [(name, n) for name, n in counts if n]
    total = sum(n for _, n in counts)
    if not total:
        return Markup("")
    least = 14.0
    free = width - least * len(counts)
    at, parts = 0.0, []
    for name, n in counts:
        part = least + free * n / total
        gap = 4 if at + part < width - 1 else 0
        parts.append(f'<rect class="is-{name.lower()}" x="{at:.1f}" width="{part - gap:.1f}" height="10"/>')
        at += part
    return Markup(  # noqa: S704 - numbers and our own words only
        f'<svg class="tally" viewBox="0 0 {width} 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def _size(width: int, height: int) -> str:
    return f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
