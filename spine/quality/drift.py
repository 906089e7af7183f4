"""Whether a delivery looks like the ones before it: volume, missing values, codes and dates.

Put here: what is usual of a source, from the profiles of its deliveries, and how far from it is too far. Never here:
how a profile is measured (spine.extract), or who is told (assets).

Each figure is held against the median of the source's last deliveries by a moderated t statistic (Smyth 2004): its
variance is that of its own past, by the median absolute deviation (Hampel 1974), shrunk towards what any such figure
varies by: chance (binomial) and a floor. The limit of each comparison is set so that all comparisons of a dataset
together raise `FALSE_ALARMS` a year where nothing is wrong (Bonferroni). See docs/quality.md for what it finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from spine.contracts.profile import LEAST, DateProfile, TableProfile

Kind = Literal["volume", "missing_values", "codes", "dates"]
KINDS: Final[tuple[Kind, ...]] = ("volume", "missing_values", "codes", "dates")
Profiles = Mapping[str, TableProfile]

#: So many deliveries before it are looked back on, and at least so many are needed.
DELIVERIES, FIRST = 12, 3
#: Of those, the newest so many say what is usual: a lasting change is usual soon.
RECENT = 6
#: False alarms a year that are aimed at, over all four checks of a dataset; half of what is promised.
FALSE_ALARMS: Final = 0.4
#: What each figure varies by at least (standard deviation): the logarithm of the rows, shares.
FLOORS: Final[Mapping[Kind, float]] = {"volume": 0.016, "missing_values": 0.005, "codes": 0.02, "dates": 0.015}
#: And what the odds of a share vary by.
ODDS: Final = 0.025
#: How the false alarms are shared out: most comparisons are of missing values.
SHARE: Final[Mapping[Kind, float]] = {"volume": 0.15, "missing_values": 0.5, "codes": 0.2, "dates": 0.15}
#: The floor counts as much as this many deliveries.
PRIOR = 8
#: A code vanishes or appears where so many rows of it would be expected, or are there.
CODE_ROWS, CODE_SHARE = 25, 0.005
#: Day and month have changed places where this share of comparable dates has, and so many rows.
SWAPPED_SHARE, SWAPPED_ROWS = 0.02, 10
_NORMAL = 1.4826

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Finding:
    """One figure of a delivery that is not as usual.

    Attributes:
        how: `down` or `up` (volume, a share), `lost` (values of rows that the delivery before holds too), `vanished` or
            `appeared` (a code), `swapped` (dates).
        now: the figure: rows, or a share of rows.
        usual: what it is usually.
        rows: rows that it is a share of.
    """

    kind: Kind
    table: str
    column: str | None
    code: str | None
    how: Literal["down", "up", "lost", "vanished", "appeared", "swapped"]
    now: float
    usual: float
    rows: int


@dataclass(frozen=True)
class Drift:
    """What one of the four checks found in one delivery.

    Attributes:
        earlier: deliveries that it was compared with; with fewer than `FIRST` nothing is compared but swapped dates.
        compared: figures that were compared.
        worst: the largest deviation in units of its limit: an alarm is above 1.
    """

    kind: Kind
    earlier: int
    compared: int
    worst: float
    findings: tuple[Finding, ...]


def drift(now: Profiles, earlier: Sequence[Profiles], per_year: float = 12.0) -> dict[Kind, Drift]:
    """Hold a delivery against those before it.

    Args:
        now: the delivery's profile by table.
        earlier: profiles of accepted deliveries of the same layout, oldest first.
        per_year: deliveries a year, for how often an alarm may be false.
    """
    past = list(earlier)[-DELIVERIES:]
    found: dict[Kind, Drift] = {kind: Drift(kind, len(past), 0, 0.0, ()) for kind in KINDS}
    if len(past) >= FIRST:
        alpha = FALSE_ALARMS / per_year
        figures: dict[Kind, list[_Figures]] = {
            "volume": [_volume(now, past)],
            "missing_values": [part for table in now for part in _missing_values(table, now[table], past)],
            "codes": [_shares(table, now[table], past) for table in now],
            "dates": [_late_days(table, now[table], past) for table in now],
        }
        found = {kind: _judged(kind, parts, len(past), SHARE[kind] * alpha) for kind, parts in figures.items()}
        codes = [finding for table in now for finding in _codes_that_come_and_go(table, now[table], past)]
        found["codes"] = _with(found["codes"], codes)
    found["dates"] = _with(found["dates"], [finding for table in now for finding in _swapped(table, now[table])])
    return found


@dataclass(frozen=True)
class _Figures:
    """Figures of one kind: `now` (m), `before` (deliveries, m; nan where unknown), rows that each is a share of (m)."""

    labels: Sequence[tuple[str, str | None, str | None]]
    now: Floats
    before: Floats
    rows: Floats
    up: Literal["up", "lost"] = "up"


def _judged(kind: Kind, parts: Sequence[_Figures], earlier: int, alpha: float) -> Drift:
    """Deviations of all figures of one kind, and those beyond their limit."""
    parts = [part for part in parts if len(part.labels)]
    known = [np.isfinite(part.before).sum(axis=0) >= FIRST for part in parts]
    tests = int(sum(k.sum() for k in known))
    findings, worst = [], 0.0
    for part, told in zip(parts, known, strict=True):
        if not told.any():
            continue
        usual = _median(part.before[-RECENT:, told])
        deviation = (part.now[told] - usual) / _limit(kind, part.before[:, told], usual, part.rows[told], alpha / tests)
        up_only = kind == "missing_values"
        sizes = deviation if up_only else np.abs(deviation)
        worst = max(worst, float(sizes.max()))
        for place in np.flatnonzero(sizes > 1):
            label = part.labels[int(np.flatnonzero(told)[place])]
            values = (float(part.now[told][place]), float(usual[place]))
            shown = tuple(round(float(np.expm1(v))) for v in values) if kind == "volume" else values
            rows = int(part.rows[told][place])
            findings.append(
                Finding(kind, *label, part.up if deviation[place] > 0 else "down", shown[0], shown[1], rows)
            )
    once = {(finding.table, finding.column, finding.code): finding for finding in reversed(findings)}
    return Drift(kind, earlier, tests, round(worst, 3), tuple(reversed(once.values())))


def _limit(kind: Kind, before: Floats, usual: Floats, rows: Floats, alpha: float) -> Floats:
    """How far from the usual a figure may be: a quantile of Student's t times the moderated deviation."""
    known = np.isfinite(before).sum(axis=0)
    if kind == "volume":
        steps = np.diff(before, axis=0)
        spread = _NORMAL * _median(np.abs(steps - _median(steps)))
        chance = 1.0 / (np.expm1(usual) + 10.0) / 4
    else:
        spread = _NORMAL * _median(np.abs(before - _median(before)))
        shrunk = (usual * rows + 0.5) / (rows + 1)
        chance = shrunk * (1 - shrunk) / np.maximum(rows, 1) * (1 + 1 / np.minimum(known, RECENT))
    freedom = known - 1.0
    odds = 0.0 if kind == "volume" else ODDS * usual * (1 - usual)
    variance = (PRIOR * (FLOORS[kind] ** 2 + odds**2 + chance) + freedom * spread**2) / (PRIOR + freedom)
    variance = np.maximum(variance, chance)
    quantile = _student(alpha if kind == "missing_values" else alpha / 2, PRIOR + freedom)
    return np.asarray(quantile * np.sqrt(variance), dtype=np.float64)


def _student(alpha: float, freedom: Floats) -> Floats:
    """Upper quantile of Student's t by its expansion in the normal one (Abramowitz and Stegun 26.7.5)."""
    z = -NormalDist().inv_cdf(alpha)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return np.asarray(z + first / freedom + second / freedom**2 + third / freedom**3, dtype=np.float64)


def _median(values: Floats) -> Floats:
    """Median over deliveries, passing over what is not known."""
    return np.asarray(np.nanmedian(values, axis=0), dtype=np.float64)


def _volume(now: Profiles, past: Sequence[Profiles]) -> _Figures:
    tables = list(now)
    before = [[_or_nan(p, t, np.log1p(p[t].rows) if t in p else 0.0) for t in tables] for p in past]
    rows = np.array([now[table].rows for table in tables], dtype=np.float64)
    return _Figures([(table, None, None) for table in tables], np.log1p(rows), _array(before, len(tables)), rows)


def _or_nan(profiles: Profiles, table: str, value: float) -> float:
    return float(value) if table in profiles else float("nan")


def _missing_values(table: str, now: TableProfile, past: Sequence[Profiles]) -> tuple[_Figures, _Figures]:
    """Shares of rows without a value, and of kept rows that lost theirs.

    The second varies by what is corrected from one delivery to the next, not by who is in it: in a small table it tells
    apart what the first cannot.
    """
    return _missing(table, now, past), _lost(table, now, past)


def _lost(table: str, now: TableProfile, past: Sequence[Profiles]) -> _Figures:
    rows, lost = (now.kept.rows, now.kept.lost) if now.kept is not None and now.kept.rows else (0, {})
    columns = list(lost)
    before = [[_lost_share(p.get(table), c) for c in columns] for p in past]
    rates = np.array([lost[c] / rows for c in columns], dtype=np.float64)
    labels = [(table, c, None) for c in columns]
    return _Figures(labels, rates, _array(before, len(columns)), _full(columns, rows), "lost")


def _lost_share(profile: TableProfile | None, column: str) -> float:
    if profile is None or profile.kept is None or not profile.kept.rows or column not in profile.kept.lost:
        return float("nan")
    return profile.kept.lost[column] / profile.kept.rows


def _missing(table: str, now: TableProfile, past: Sequence[Profiles]) -> _Figures:
    columns = list(now.nulls) if now.rows else []
    before = [[_share(p.get(table), c) for c in columns] for p in past]
    rates = np.array([now.nulls[c] / now.rows for c in columns], dtype=np.float64)
    return _Figures([(table, c, None) for c in columns], rates, _array(before, len(columns)), _full(columns, now.rows))


def _share(profile: TableProfile | None, column: str) -> float:
    if profile is None or not profile.rows or column not in profile.nulls:
        return float("nan")
    return profile.nulls[column] / profile.rows


def _shares(table: str, now: TableProfile, past: Sequence[Profiles]) -> _Figures:
    """Each code's share of the column's rows with a value."""
    labels, rates, filled = [], [], []
    for column, counts in now.codes.items():
        rows = now.rows - now.nulls.get(column, 0)
        seen = {code for p in past if table in p for code in p[table].codes.get(column, {})} | set(counts)
        for code in sorted(seen) if rows else ():
            labels.append((table, column, code))
            rates.append(counts.get(code, 0) / rows)
            filled.append(float(rows))
    before = [[_code_share(p.get(table), column, code) for _, column, code in labels] for p in past]
    return _Figures(labels, np.array(rates), _array(before, len(labels)), np.array(filled))


def _code_share(profile: TableProfile | None, column: str | None, code: str | None) -> float:
    if profile is None or column not in profile.codes or column is None:
        return float("nan")
    rows = profile.rows - profile.nulls.get(column, 0)
    return profile.codes[column].get(code or "", 0) / rows if rows else float("nan")


def _late_days(table: str, now: TableProfile, past: Sequence[Profiles]) -> _Figures:
    """Share of dates on a day above 12."""
    columns = [column for column, dates in now.dates.items() if dates.dates]
    before = [[_late(p[table].dates.get(c) if table in p else None) for c in columns] for p in past]
    rates = np.array([_late(now.dates[c]) for c in columns], dtype=np.float64)
    rows = np.array([now.dates[c].dates for c in columns], dtype=np.float64)
    return _Figures([(table, c, None) for c in columns], rates, _array(before, len(columns)), rows)


def _late(dates: DateProfile | None) -> float:
    return dates.late_days / dates.dates if dates is not None and dates.dates else float("nan")


def _codes_that_come_and_go(table: str, now: TableProfile, past: Sequence[Profiles]) -> list[Finding]:
    """Codes with many rows in every delivery before and none now, and the other way round."""
    found = []
    for column, counts in now.codes.items():
        before = [p[table] for p in past if table in p and column in p[table].codes]
        rows = now.rows - now.nulls.get(column, 0)
        if len(before) < FIRST or not rows:
            continue
        for code in sorted({code for profile in before for code in profile.codes[column]} | set(counts)):
            had = [profile.codes[column].get(code, 0) for profile in before]
            usual = float(np.median([_code_share(profile, column, code) for profile in before]))
            here = counts.get(code, 0)
            if not here and min(had) >= LEAST and usual * rows >= CODE_ROWS:
                found.append(Finding("codes", table, column, code, "vanished", 0.0, usual, rows))
            elif not any(had) and here >= CODE_ROWS and here >= CODE_SHARE * rows:
                found.append(Finding("codes", table, column, code, "appeared", here / rows, 0.0, rows))
    return found


def _swapped(table: str, now: TableProfile) -> list[Finding]:
    return [
        Finding("dates", table, column, None, "swapped", dates.swapped / dates.compared, 0.0, dates.compared)
        for column, dates in now.dates.items()
        if dates.swapped >= SWAPPED_ROWS and dates.swapped >= SWAPPED_SHARE * dates.compared
    ]


def _with(drift: Drift, more: Sequence[Finding]) -> Drift:
    """A sure finding goes before one that is a matter of limits, and no column or code is told of twice."""
    told = {(f.table, f.column, f.code) for f in more}
    others = [f for f in drift.findings if (f.table, f.column, f.code) not in told]
    worst = max(drift.worst, 1.001) if more else drift.worst
    return Drift(drift.kind, drift.earlier, drift.compared, worst, (*more, *others))


def _array(rows: Sequence[Sequence[float]], width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _full(labels: Sequence[str], value: float) -> Floats:
    return np.full(len(labels), float(value))
