"""Pictures as SVG text: axes, bars and lines, drawn by hand so that a page needs no library and no other host.

Put here: shapes and scales. Never here: what is drawn (spine.reports.linkage).

Series differ in shade and in dash, since not everybody tells colours apart; every picture has a title and a
description for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 720
#: Space around the plot: right, top.
_RIGHT, _TOP = 16, 28
COLOURS: Final = ("#1d70b8", "#7a4a00", "#505a5f", "#0b0c0c")
DASHES: Final = ("", "8 4", "2 3", "10 3 2 3")
_INK, _LINE, _SHADE = "#0b0c0c", "#b1b4b6", "#f3f2f1"


@dataclass
class Picture:
    """A picture with one horizontal axis.

    Attributes:
        name: id of the picture on its page.
        title: what it shows, in a few words.
        description: what one sees in it, in sentences.
        low: value at the left end of the axis.
        high: value at the right end.
        height: of the whole picture, in pixels.
        left: where the axis begins, in pixels; what stands beside the plot goes there.
        foot: pixels below the axis, for its label and the names of lines.
        shapes: what is drawn so far.
    """

    name: str
    title: str
    description: str
    low: float
    high: float
    height: int
    left: int = 64
    foot: int = 44
    shapes: list[str] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Pixels from the left of a value of the axis."""
        inner = WIDTH - self.left - _RIGHT
        return self.left + inner * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)

    @property
    def top(self) -> float:
        """Upper end of the plot."""
        return float(_TOP)

    @property
    def bottom(self) -> float:
        """Lower end of the plot."""
        return float(self.height - self.foot)

    def axis(self, label: str, ticks: Sequence[float]) -> None:
        """The horizontal axis at the bottom, with its ticks and label."""
        self.line((self.left, self.bottom), (WIDTH - _RIGHT, self.bottom), _INK)
        for tick in ticks:
            self.line((self.x(tick), self.bottom), (self.x(tick), self.bottom + 5), _INK)
            self.text(self.x(tick), self.bottom + 18, f"{tick:g}", anchor="middle")
        self.text((self.left + WIDTH - _RIGHT) / 2, self.bottom + 36, label, anchor="middle")

    def band(self, start: float, end: float, label: str) -> None:
        """A shaded stretch of the axis."""
        left, right = self.x(start), self.x(end)
        self.shapes.append(
            f'<rect x="{left:.1f}" y="{self.top:.1f}" width="{right - left:.1f}" '
            f'height="{self.bottom - self.top:.1f}" fill="{_SHADE}"/>'
        )
        self.text(right + 4, self.top + 10, label)

    def mark(self, at: float, label: str) -> None:
        """An upright line with its label above the plot."""
        self.line((self.x(at), self.top - 8), (self.x(at), self.bottom), _INK, width=2)
        self.text(self.x(at), self.top - 13, label, anchor="middle")

    def level(self, y: float, label: str) -> None:
        """A faint line across the plot with its label at the left."""
        self.line((self.left, y), (WIDTH - _RIGHT, y), _LINE)
        self.text(self.left - 6, y + 4, label, anchor="end")

    def bar(self, start: float, end: float, base: float, height: float, colour: str) -> None:
        """A bar from `start` to `end` of the axis, `height` pixels above `base`."""
        left, right = self.x(start), self.x(end)
        self.shapes.append(
            f'<rect x="{left + 0.5:.1f}" y="{base - height:.1f}" width="{max(right - left - 1, 0.5):.1f}" '
            f'height="{height:.1f}" fill="{colour}"/>'
        )

    def curve(self, points: Sequence[tuple[float, float]], series: int) -> None:
        """A line through points of (value of the axis, pixels from the top)."""
        path = " ".join(f"{self.x(value):.1f},{y:.1f}" for value, y in points)
        self.shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[series]}" stroke-width="2.5" '
            f'stroke-dasharray="{DASHES[series] or "none"}"/>'
        )

    def key(self, place: int, label: str, series: int) -> None:
        """A stretch of a series' line with its name, in the row `place` below the axis."""
        start, y = self.left, self.bottom + 58 + 20 * place
        self.shapes.append(
            f'<line x1="{start}" y1="{y:.1f}" x2="{start + 44}" y2="{y:.1f}" stroke="{COLOURS[series]}" '
            f'stroke-width="2.5" stroke-dasharray="{DASHES[series] or "none"}"/>'
        )
        self.text(start + 52, y + 4, label)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, width: float = 1) -> None:
        """A straight line between two points in pixels."""
        self.shapes.append(
            f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
            f'stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def text(self, x: float, y: float, words: str, anchor: str = "start") -> None:
        """Words at a point in pixels."""
        self.shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def render(self, *, standalone: bool = False) -> str:
        """The picture as one SVG element.

        Args:
            standalone: with the namespace that a file or an image address needs, and a page does not.
        """
        namespace = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
        return (
            f'<svg{namespace} viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}" role="img" '
            f'aria-labelledby="{self.name}-title {self.name}-desc" style="max-width:100%;height:auto" '
            f'font-family="Arial, Helvetica, sans-serif" font-size="13" fill="{_INK}">'
            f'<title id="{self.name}-title">{escape(self.title)}</title>'
            f'<desc id="{self.name}-desc">{escape(self.description)}</desc>{"".join(self.shapes)}</svg>'
        )
