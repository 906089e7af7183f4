"""A small picture of a rule's past: one point for each delivery.

Put here: that drawing. Never here: what was measured, or when a rule is broken (spine.quality.trend).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

_WIDTH, _HEIGHT, _EDGE = 320, 64, 10
_INK, _LINE, _BROKEN = "#0b0c0c", "#1d70b8", "#7a4a00"
#: Of a long past, the newest so many deliveries are drawn.
MOST = 24


def sparkline(dates: Sequence[date], values: Sequence[float | None], broken: Sequence[bool]) -> str:
    """Percentages over deliveries as SVG: a dot where the rule holds, a square where it is broken.

    The axis begins at 0. A delivery on which the rule could not run has a square at the bottom and no line.

    Args:
        dates: oldest first, at least one; the last `MOST` are drawn.
        values: percent, as many as dates.
        broken: as many as dates.
    """
    dates, values, broken = dates[-MOST:], values[-MOST:], broken[-MOST:]
    highest = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (_WIDTH - 2 * _EDGE) / max(len(dates) - 1, 1)
    places = [
        (_EDGE + n * step, _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * (value or 0.0) / highest)
        for n, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for (x, y), value in zip(places, values, strict=True) if value is not None)
    shapes = [f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="1.5"/>']
    for (x, y), is_broken in zip(places, broken, strict=True):
        shapes.append(
            f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{_BROKEN}"/>'
            if is_broken
            else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{_INK}"/>'
        )
    words = (
        f"{len(dates)} deliveries from {dates[0]} to {dates[-1]}, 0 to {highest:g} percent; "
        f"{sum(broken)} break the rule as it reads today (squares)."
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img"><title>{escape(words)}</title>{"".join(shapes)}</svg>'
    )
