"""Who lives with whom: households of ten kinds and care homes, with ages, sexes and deaths.

Put here: composition. Never here: names, addresses or what a source knows.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spine.synthetic.draws import Draws, Floats, Ints, Mask, chance, pick

LONE, LONE_OLD, COUPLE, COUPLE_OLD, FAMILY, LONE_PARENT, GROWN_UP, SHARED, THREE_GENERATIONS, NO_ABODE, CARE_HOME = (
    range(11)
)
HEAD, PARTNER, CHILD, ADULT_CHILD, GRANDPARENT, SHARER, CARE_RESIDENT = range(7)

_WEIGHTS = (0.16, 0.13, 0.17, 0.11, 0.19, 0.08, 0.06, 0.04, 0.03, 0.002)
_HEAD_AGES = (
    (20, 38, 65),
    (65, 76, 99),
    (20, 40, 65),
    (64, 71, 94),
    (22, 39, 56),
    (18, 34, 52),
    (46, 54, 68),
    (18, 22, 40),
    (28, 42, 55),
    (18, 38, 64),
    (66, 87, 104),
)
_IS_COUPLE = np.isin(np.arange(11), (COUPLE, COUPLE_OLD, FAMILY, GROWN_UP, THREE_GENERATIONS))
_HEAD_IS_FEMALE = np.array([0.48, 0.66, 0.4, 0.4, 0.4, 0.87, 0.4, 0.5, 0.4, 0.2, 0.68])
_CARE_SHARE = 0.0075
_CARE_HOME_SIZE = 32
#: Nothing happens in the last days before the as-of date, so that every delivery can know of it.
SETTLED_DAYS = 8


def build_people(draws: Draws) -> pl.DataFrame:
    """One row per resident, households together and heads first.

    Returns:
        household (index), kind, role, is_female, date_of_birth, age (years), died_on, twin (True for
        the second of a pair).
    """
    household, kind, place, counts = _members(draws)
    role = _roles(kind, place, counts[household])
    age, twin = _ages(draws, household, kind, role, place)
    days = np.floor(age * 365.2425).astype(np.int64) + SETTLED_DAYS
    born = draws.before() - days.astype("timedelta64[D]")
    rng = draws.stream("deaths")
    died = chance(rng, len(age), np.minimum(np.exp(-10.2 + 0.09 * age), 0.4))
    ago = SETTLED_DAYS + np.minimum(rng.integers(0, 365, len(age)), days - SETTLED_DAYS)
    died_on = np.where(died, draws.before() - ago.astype("timedelta64[D]"), np.datetime64("NaT", "D"))
    return pl.DataFrame(
        {
            "household": household,
            "kind": kind,
            "role": role,
            "is_female": _sexes(draws, household, kind, role),
            "date_of_birth": born,
            "age": age,
            "died_on": died_on,
            "twin": twin,
        }
    ).with_columns(pl.col("died_on").cast(pl.Date))


def _members(draws: Draws) -> tuple[Ints, Ints, Ints, Ints]:
    """Household, its kind and the place in it for each resident, and each household's size."""
    rng = draws.stream("households")
    care_people = round(draws.residents * _CARE_SHARE)
    homes = -(-care_people // _CARE_HOME_SIZE)
    ordinary = draws.residents - care_people
    kind = pick(rng, ordinary // 2 + 20, _WEIGHTS)
    adults = (
        np.where(_IS_COUPLE[kind], 2, 1)
        + np.where(kind == SHARED, rng.integers(2, 6, len(kind)), 0)
        + (kind == THREE_GENERATIONS)
    )
    has_children = np.isin(kind, (FAMILY, LONE_PARENT, THREE_GENERATIONS))
    children = np.where(has_children, 1 + pick(rng, len(kind), (0.42, 0.4, 0.14, 0.04)), 0) + np.where(
        kind == GROWN_UP, 1 + pick(rng, len(kind), (0.75, 0.25)), 0
    )
    size = adults + children
    last = int(np.searchsorted(np.cumsum(size), ordinary)) + 1
    size, kind = size[:last], kind[:last]
    size[-1] -= int(size.sum()) - ordinary
    care_sizes = np.full(homes, _CARE_HOME_SIZE, dtype=np.int64)
    if homes:
        care_sizes[-1] -= int(care_sizes.sum()) - care_people
    counts = np.concatenate((size, care_sizes))
    kinds = np.concatenate((kind, np.full(homes, CARE_HOME, dtype=np.int64)))
    household = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(household)) - np.repeat(np.cumsum(counts) - counts, counts)
    return household, kinds[household], place, counts


def _roles(kind: Ints, place: Ints, size: Ints) -> Ints:
    couple = _IS_COUPLE[kind]
    role = np.where(kind == GROWN_UP, ADULT_CHILD, CHILD)
    role = np.where(kind == SHARED, SHARER, role)
    role = np.where((kind == THREE_GENERATIONS) & (place == size - 1), GRANDPARENT, role)
    role = np.where(couple & (place == 1), PARTNER, role)
    role = np.where(place == 0, HEAD, role)
    return np.where(kind == CARE_HOME, CARE_RESIDENT, role)


def _ages(draws: Draws, household: Ints, kind: Ints, role: Ints, place: Ints) -> tuple[Floats, Mask]:
    rng = draws.stream("ages")
    size = len(kind)
    low, mode, high = (np.array(column, dtype=np.float64)[kind] for column in zip(*_HEAD_AGES, strict=True))
    own = rng.triangular(low, mode, high)
    first = np.flatnonzero(place == 0)
    head = own[first][household]
    # the random year keeps those at a limit from sharing one birthday
    floor = np.where(kind == COUPLE_OLD, 60.0, 18.1) + rng.random(size)
    partner = np.maximum(head + rng.normal(-1, 4, size), floor)
    child = rng.random(size) * np.clip(head - 17, 1, 17.95)
    grown = 18.05 + rng.random(size) * np.clip(head - 38, 1, 12)
    elder = head + rng.triangular(19, 27, 36, size)
    sharer = np.clip(head + rng.normal(0, 3, size), 18.05 + rng.random(size), 45 + rng.random(size))
    age = np.select(
        [role == PARTNER, role == CHILD, role == ADULT_CHILD, role == GRANDPARENT, role == SHARER],
        [partner, child, grown, elder, sharer],
        own,
    )
    previous = np.concatenate(([0], np.arange(size - 1)))
    young = np.isin(role, (CHILD, ADULT_CHILD))
    follows = young & young[previous] & (household == household[previous])
    first_pair = follows & ~np.concatenate(([False], follows[:-1]))
    twin = first_pair & chance(rng, size, 0.04)
    return np.where(twin, age[previous], age), twin


def _sexes(draws: Draws, household: Ints, kind: Ints, role: Ints) -> Mask:
    rng = draws.stream("sexes")
    own = chance(rng, len(kind), np.where(np.isin(role, (HEAD, CARE_RESIDENT)), _HEAD_IS_FEMALE[kind], 0.495))
    first = np.searchsorted(household, np.arange(household[-1] + 1))
    opposite = ~own[first][household] ^ chance(rng, len(kind), 0.025)
    return np.asarray(np.where(role == PARTNER, opposite, own), dtype=np.bool_)
