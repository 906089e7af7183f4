"""The names of the comparisons and of their levels: one list for settings, patterns and reports.

Put here: names and numbering of levels. Never here: how a level is decided (compare.py) or what it
is worth (fit.py).
"""

from __future__ import annotations

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
LEVELS: Final[dict[Comparison, tuple[str, ...]]] = {
    "first_name": (
        MISSING, "different", "similar", "close", "initial", "nickname", "middle_name", "swapped", *_EXACT_BY_RARITY,
    ),
    "surname": (MISSING, "different", "similar", "close", "part", "former", "swapped", *_EXACT_BY_RARITY),
    "date_of_birth": (
        MISSING, "different", "year_apart", "near", "one_part", "default_day", "swapped", "partial", "exact_default",
        EXACT,
    ),
    "address": (MISSING, "different", "sector", "street", "postcode", "house_and_street", "same_home"),
    "sex": _AGREE,
    "middle_name": _AGREE,
    "phone": _AGREE,
    "email": _AGREE,
    "nhs_number": _AGREE,
    "other_number": _AGREE,
    "same_source": _AGREE,
}  # fmt: skip
COMPARISONS: Final = tuple(LEVELS)
BY_RARITY: Final[tuple[Comparison, ...]] = ("first_name", "surname")


def level(comparison: Comparison, name: str) -> int:
    """Number of a level within its comparison; a name's `exact` is the first (commonest) bucket."""
    names = LEVELS[comparison]
    return names.index(f"{EXACT}_0" if comparison in BY_RARITY and name == EXACT else name)


def prior_levels(comparison: Comparison) -> tuple[str, ...]:
    """Names under which the settings hold priors: all but `missing`, and `exact` not yet split."""
    split = comparison in BY_RARITY
    named = tuple(name for name in LEVELS[comparison][1:] if not (split and name in _EXACT_BY_RARITY))
    return (*named, EXACT) if split else named
