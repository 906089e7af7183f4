"""How two dates compare: births as YYYYMMDD, other dates as days since 1970, 0 where not known.

Put here: arithmetic on arrays of dates. Never here: what a result is called or worth.
"""

from __future__ import annotations

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags

_NEAR_DAYS = 31
#: A move is written down some time after it; what starts so many days after a death is another person's.
_DAYS_AFTER_DEATH = 92


def one_slip(a: Array, b: Array, one_part: Flags) -> Flags:
    """Of dates that differ in one part: one digit is wrong, or two neighbours changed places."""
    result = one_part.copy()
    place = np.flatnonzero(one_part)
    tens = 10 ** np.arange(8)
    one, other = (side[place, None] // tens % 10 for side in (a, b))
    wrong = one != other
    turned = wrong[:, 1:] & wrong[:, :-1] & (one[:, 1:] == other[:, :-1]) & (one[:, :-1] == other[:, 1:])
    result[place] = (wrong.sum(axis=1) == 1) | ((wrong.sum(axis=1) == 2) & turned.any(axis=1))
    return result


def parts(birth: Array) -> tuple[Array, Array, Array]:
    """Year, month and day of YYYYMMDD."""
    # A product and a difference are cheaper than a second division.
    year = birth // 10_000
    month_and_day = birth - year * 10_000
    month = month_and_day // 100
    day = month_and_day - month * 100
    return year, month, day


def near(a: Array, b: Array, full: Flags) -> Flags:
    """Two whole dates within a month of each other."""
    result = full & (np.abs(a - b) < 10_000)
    place = np.flatnonzero(result)
    result[place] = np.abs(_day_number(a[place]) - _day_number(b[place])) <= _NEAR_DAYS
    return result


def _day_number(birth: Array) -> Codes:
    year, month, day = parts(birth.astype(np.int64))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day


def outlives(death: Array, start: Array) -> Flags:
    """Whether something started well after a death; days, 0 where not known."""
    result: Flags = (death != 0) & (start != 0) & (start > death.astype(np.int64) + _DAYS_AFTER_DEATH)
    return result


def two_deaths(a: Array, b: Array) -> Flags:
    """Two dates of death that are no two readings of one; days, 0 where not known."""
    result: Flags = (a != 0) & (b != 0) & (np.abs(a.astype(np.int64) - b) > _NEAR_DAYS)
    return result
