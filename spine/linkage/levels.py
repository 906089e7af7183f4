"""The names of the comparisons and of their levels: one list for settings, patterns and reports.

Put here: names and numbering of levels. Never here: how a level is decided (compare.py) or what it
is worth (fit.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

Comparison = Literal[
    "first_name", "surname", "date_of_birth", "address", "sex", "middle_name", "phone", "email", "nhs_number",
    "other_number", "same_source",
]  # fmt: skip
Stratum = Literal["home", "elsewhere"]
STRATA: Final[tuple[Stratum, ...]] = ("home", "elsewhere")

#: Exact agreement on a name is split by how rare the name is: bucket b holds names shared by about
#: one person in 2 ** (BUCKET_BITS * b). The model keeps buckets only, never a name.
BUCKETS: Final = 9
BUCKET_BITS: Final = 1.5
EXACT: Final = "exact"
MISSING: Final = "missing"

_EXACT_BY_RARITY = tuple(f"{EXACT}_{bucket}" for bucket in range(BUCKETS))
_AGREE = (MISSING, "differ", "agree")

#: Level 0 is always "one of the two is not known" and carries no weight.
LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "first_name": (
        MISSING, "different", "similar", "sounds_alike", "close", "crossed", "initial", "nickname", "middle_name",
        "swapped", *_EXACT_BY_RARITY,
    ),
    "surname": (
        MISSING, "different", "similar", "sounds_alike", "close", "part", "former", *_EXACT_BY_RARITY,
    ),
    "date_of_birth": (
        MISSING, "generation", "different", "year_apart", "near", "one_part", "one_digit", "default_day", "swapped",
        "partial", "exact_other_name", EXACT,
    ),
    "address": (MISSING, "different", "sector", "street", "postcode", "house_and_street", "same_home"),
    "sex": _AGREE,
    "middle_name": _AGREE,
    "phone": _AGREE,
    "email": _AGREE,
    "nhs_number": _AGREE,
    "other_number": (MISSING, "differ", "close", "agree"),
    "same_source": _AGREE,
}  # fmt: skip
EXTRA_LEVELS: Final = (MISSING, "differ", *_EXACT_BY_RARITY)
COMPARISONS: Final = tuple(LEVELS)
BY_RARITY: Final[tuple[str, ...]] = ("first_name", "surname")

#: Comparisons of numbers that stand for one person: that two people share one is a slip, at home as elsewhere.
NUMBERS: Final[tuple[str, ...]] = ("nhs_number", "other_number")
_EXTRA, _NEARBY = "extra_", "nearby_"


@dataclass(frozen=True)
class Scheme:
    """The comparisons of one run: the fixed ones, and one for each further column that was asked for.

    Attributes:
        extras: names of further columns; each is compared exactly, split by how rare the value is. A value that
            two records of one address share may be the household's or the district's: such pairs have a comparison of
            their own.
    """

    extras: tuple[str, ...] = ()

    @cached_property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Names of the levels by comparison; level 0 is `missing`."""
        return {**LEVELS, **dict.fromkeys((*self.extra_comparisons, *self.nearby_comparisons), EXTRA_LEVELS)}

    @cached_property
    def features(self) -> tuple[tuple[str, str], ...]:
        """Every level of every comparison but `missing`, which carries no weight."""
        return tuple((comparison, name) for comparison, names in self.levels.items() for name in names[1:])

    @cached_property
    def start(self) -> dict[str, int]:
        """First feature of each comparison."""
        return {c: next(i for i, (name, _) in enumerate(self.features) if name == c) for c in self.levels}

    @cached_property
    def splits(self) -> dict[str, slice]:
        """Features of exact agreement, by comparison that splits it by rarity."""
        split = (*BY_RARITY, *self.extra_comparisons, *self.nearby_comparisons)
        first = {c: self.start[c] + self.levels[c].index(f"{EXACT}_0") - 1 for c in split}
        return {c: slice(place, place + BUCKETS) for c, place in first.items()}

    @property
    def extra_comparisons(self) -> tuple[str, ...]:
        """Names of the comparisons of further columns between addresses that differ or are not known."""
        return tuple(f"{_EXTRA}{name}" for name in self.extras)

    @property
    def nearby_comparisons(self) -> tuple[str, ...]:
        """Names of the comparisons of further columns between addresses that agree in full or in part."""
        return tuple(f"{_NEARBY}{name}" for name in self.extras)


def level(comparison: str, name: str) -> int:
    """Number of a level within its comparison; a name's `exact` is the first (commonest) bucket."""
    names = EXTRA_LEVELS if comparison.startswith((_EXTRA, _NEARBY)) else LEVELS[comparison]
    return names.index(f"{EXACT}_0" if name == EXACT and EXACT not in names else name)


def prior_levels(comparison: str) -> tuple[str, ...]:
    """Names under which the settings hold priors: all but `missing`, and `exact` not yet split."""
    split = comparison in BY_RARITY
    named = tuple(name for name in LEVELS[comparison][1:] if not (split and name in _EXACT_BY_RARITY))
    return (*named, EXACT) if split else named
