"""The pictures of a linkage report: how match weights spread, and what another threshold would do.

Put here: which figures of a report are drawn, and what is said to those who do not see them. Never here:
shapes (svg), the page around them (linkage), or a figure that the report does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spine.reports.svg import COLOURS, Picture

#: Panels of the histogram: key of the series and what it is called.
SERIES = {"home": "at one home", "elsewhere": "elsewhere", "vetoed": "may never be linked"}
#: Lines of the threshold curve: key and what it is called.
CURVES = {
    "expected_precision": "links that are right (expected)",
    "expected_found": "matches that are found (expected)",
    "precision": "links that are right (measured)",
    "found": "matches that are found (measured)",
}
_PANEL, _GAP = 84, 26


def score_histogram_svg(report: Mapping[str, Any], *, standalone: bool = False) -> str:
    """Candidate pairs by match weight, one panel for each stratum, as SVG.

    Heights are by square root, so that a few pairs near the threshold are seen beside many far from it.

    Args:
        report: as `LinkageResult.report`.
        standalone: see `Picture.render`.
    """
    bars, threshold, band = report["score_histogram"], report["link_bits"], report["clerical"]
    starts, step = bars["from_bits"], bars["bin_bits"]
    picture = Picture(
        "scores",
        "Candidate pairs by match weight",
        _histogram_words(report),
        starts[0],
        starts[-1] + step,
        height=72 + len(SERIES) * (_PANEL + _GAP),
    )
    picture.band(band["from_bits"], band["to_bits"], "")
    for number, (key, name) in enumerate(SERIES.items()):
        base = picture.top + (number + 1) * (_PANEL + _GAP)
        most = max(*bars[key], 1)
        picture.level(base - _PANEL, f"{most:,}")
        picture.level(base, "0")
        for start, count in zip(starts, bars[key], strict=True):
            if count:
                picture.bar(start, start + step, base, _PANEL * (count / most) ** 0.5, COLOURS[number])
        picture.text(picture.x(starts[0]) + 4, base - _PANEL - 6, f"Pairs {name}: {sum(bars[key]):,}")
    picture.mark(threshold, "linked from here on")
    picture.axis("match weight in bits (above 0: more likely one person than two)", range(-40, 41, 10))
    return picture.render(standalone=standalone)


def threshold_curve_svg(report: Mapping[str, Any], *, standalone: bool = False) -> str:
    """What each threshold would do: share of links that are right and of matches that are found, as SVG.

    Args:
        report: as `LinkageResult.report`; with `measured_curve` also what the truth says.
        standalone: see `Picture.render`.
    """
    lines = curves_of(report)
    lowest = min((value for points in lines.values() for _, value in points), default=0.0)
    floor = min(int(lowest * 10) / 10, 0.9)
    first, last = (report["threshold_curve"][place]["threshold_bits"] for place in (0, -1))
    picture = Picture(
        "thresholds",
        "What another threshold would do",
        _curve_words(report),
        first,
        last,
        height=344 + 20 * len(lines),
        foot=48 + 20 * len(lines),
    )

    def y(value: float) -> float:
        return picture.bottom - (picture.bottom - picture.top) * (value - floor) / (1 - floor)

    picture.band(report["clerical"]["from_bits"], report["clerical"]["to_bits"], "")
    for tenth in range(round(floor * 10), 11):
        picture.level(y(tenth / 10), f"{tenth * 10} %")
    for series, points in enumerate(lines.values()):
        picture.curve([(bits, y(value)) for bits, value in points], series)
        picture.key(series, list(lines)[series], series)
    picture.mark(report["link_bits"], "threshold")
    picture.axis("threshold in bits", range(first, last + 1, 5))
    return picture.render(standalone=standalone)


def curves_of(report: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """The lines of the threshold curve by their name: points of (threshold in bits, share)."""
    rows: dict[str, Sequence[Mapping[str, float]]] = dict.fromkeys(CURVES, report["threshold_curve"])
    rows |= {key: report.get("measured_curve", ()) for key in ("precision", "found")}
    return {name: [(row["threshold_bits"], row[key]) for row in rows[key]] for key, name in CURVES.items() if rows[key]}


def _histogram_words(report: Mapping[str, Any]) -> str:
    bars, threshold = report["score_histogram"], report["link_bits"]
    parts = [f"{sum(bars[key]):,} pairs {name}" for key, name in SERIES.items()]
    middle = bars["from_bits"][max(range(len(bars["home"])), key=lambda i: bars["elsewhere"][i] + bars["home"][i])]
    return (
        f"Three rows of bars from {bars['from_bits'][0]} to {bars['from_bits'][-1] + bars['bin_bits']} bits: "
        f"{', '.join(parts)}. Most pairs weigh {middle} to {middle + bars['bin_bits']} bits. Pairs of "
        f"{threshold:g} bits or more are linked. The shaded band around it is where a person might decide otherwise. "
        "Heights are by square root. The table below holds the figures."
    )


def _curve_words(report: Mapping[str, Any]) -> str:
    threshold = report["link_bits"]
    said = []
    for name, points in curves_of(report).items():
        at = min(points, key=lambda point: abs(point[0] - threshold))
        said.append(f"{name}: {points[0][1]:.1%} at the left end, {at[1]:.1%} at the threshold")
    return (
        f"Lines over thresholds from {report['threshold_curve'][0]['threshold_bits']} to "
        f"{report['threshold_curve'][-1]['threshold_bits']} bits. {'; '.join(said)}. The table below holds the figures."
    )
