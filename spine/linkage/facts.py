"""What the levels of a pair say together, beyond the weight of each: an anchor, relatives, too little.

Put here: facts that follow from comparison levels alone, for arrays of pairs as for one explained pair. Never here:
how a level is decided (compare.py), or what a fact does to a weight (score.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from spine.linkage.arrays import Flags
from spine.linkage.levels import LEVELS, level

Levels = npt.NDArray[np.uint8]

#: So many attributes agree between two records of one person, or what agrees must be rare indeed.
_ENOUGH = 3
#: A further column's value counts among them where about one person in eight holds it, or fewer do.
_UNCOMMON = "exact_2"


def anchored(levels: Mapping[str, Levels]) -> Flags:
    """Equal NHS numbers, at most one of names and date against it, and date or forename for it.

    An equal number with another date of birth and another forename is someone else's number (a mother's on
    her child's record): the NHS number with a disagreeing date is a matter for review, not a link.
    """
    against = np.zeros(levels["sex"].size, dtype=np.int64)
    supports = np.zeros(levels["sex"].size, dtype=bool)
    decisive: tuple[str, ...] = ("first_name", "surname", "date_of_birth")
    for comparison in decisive:
        values = levels[comparison]
        against += (values > 0) & (values <= level(comparison, "different"))
        if comparison != "surname":
            supports |= values > level(comparison, "different")
    result: Flags = (levels["nhs_number"] == 2) & (against <= 1) & supports
    return result


def lookalike(levels: Mapping[str, Levels]) -> Flags:
    """Born on one day at one home under two forenames: two people unless the whole weight says otherwise (twins)."""
    return levels["date_of_birth"] == level("date_of_birth", "exact_other_name")


def related(levels: Mapping[str, Levels], telling: tuple[str, ...]) -> Flags:
    """Two forenames, and neither a date of birth nor a number that agrees.

    A surname, an address, a telephone and a mailbox are a family's; without anything of one person alone they say
    that two people are related, not that they are one.
    """
    born = levels["date_of_birth"]
    own = (born >= level("date_of_birth", "one_digit")) | (levels["nhs_number"] == 2)
    own |= levels["other_number"] >= level("other_number", "close")
    for name in telling:
        own |= levels[name] >= level(name, "exact")
    result: Flags = (levels["first_name"] == level("first_name", "different")) & ~own
    return result


def thin(levels: Mapping[str, Levels]) -> Flags:
    """Fewer than three of a person's attributes agree: a full name alone, or a forename and a birthday.

    It weakens pairs between homes only.
    """
    agreeing = {
        "first_name": "sounds_alike",
        "surname": "sounds_alike",
        "date_of_birth": "one_digit",
        "address": "postcode",
    }
    count = sum((levels[name] >= level(name, least)).astype(np.int8) for name, least in agreeing.items())
    count = count + (levels["first_name"] == level("first_name", "swapped"))
    for name in ("middle_name", "phone", "email", "nhs_number"):
        count = count + (levels[name] == level(name, "agree"))
    count = count + (levels["other_number"] >= level("other_number", "close"))
    for name in levels.keys() - LEVELS.keys():
        count = count + (levels[name] >= level(name, _UNCOMMON)) * (not name.startswith("nearby_"))
    result: Flags = count < _ENOUGH
    return result
