"""Stage 4: how alike the two records of each pair are, one level for each comparison.

Put here: how a level is decided, and the facts that anchor or forbid a link whatever the weights
say. Never here: what a level is worth (fit.py, score.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from nicknames import NickNamer
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from spine.linkage.encode import Codes, Encoded
from spine.linkage.levels import COMPARISONS, Comparison, level

Flags = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.uint8]

#: Jaro-Winkler similarity from which two names count as similar, and as close.
FIRST_NAME_CUTS = (0.75, 0.88)
SURNAME_CUTS = (0.78, 0.90)
_NEAR_DAYS = 31

#: Why a pair may never be linked; position is the code in `Compared.veto`.
VETOES = ("none", "verified_nhs_numbers_differ", "twins", "nhs_number_on_another_person")


@dataclass(frozen=True)
class Compared:
    """Comparison levels of pairs.

    Attributes:
        left: positions of the first records, each before its partner; sorted with `right`.
        right: positions of the second records.
        levels: for each comparison the level number (see `LEVELS`); one array entry per pair.
        home: both records are at one dwelling.
        anchor: equal NHS numbers, and nothing else speaks against it.
        veto: index into `VETOES`.
    """

    left: Codes
    right: Codes
    levels: dict[Comparison, Levels]
    home: Flags
    anchor: Flags
    veto: Levels


@dataclass(frozen=True)
class _Pairs:
    """Both sides' codes of a column, for a given set of pairs."""

    encoded: Encoded
    left: Codes
    right: Codes

    def both(self, name: str) -> tuple[Codes, Codes]:
        codes = self.encoded.codes[name]
        return codes[self.left], codes[self.right]

    def equal(self, one: str, other: str | None = None) -> Flags:
        """Known and equal; with two columns, crosswise in either direction."""
        if other is None:
            a, b = self.both(one)
            same: Flags = (a == b) & (a > 0)
            return same
        (a, b), (c, d) = self.both(one), self.both(other)
        crossed: Flags = ((a == d) & (a > 0)) | ((b == c) & (b > 0))
        return crossed

    def known(self, name: str) -> Flags:
        a, b = self.both(name)
        return (a > 0) & (b > 0)


def compare(encoded: Encoded, left: Codes, right: Codes) -> Compared:
    """Compare pairs of records.

    Args:
        encoded: the records.
        left: positions of the first records.
        right: positions of the second records, as many.
    """
    pairs = _Pairs(encoded, left, right)
    home = _same_home(pairs)
    swapped = _swapped(pairs)
    levels: dict[Comparison, Levels] = {
        "first_name": _first_name(pairs, swapped),
        "surname": _surname(pairs, swapped),
        "date_of_birth": _date_of_birth(pairs),
        "address": _address(pairs, home),
        "middle_name": _middle_name(pairs),
        "other_number": _either(_agreement(pairs, "nino"), _agreement(pairs, "upn")),
        "same_source": _agreement(pairs, "source"),
        "sex": _agreement(pairs, "sex"),
        "phone": _agreement(pairs, "phone"),
        "email": _agreement(pairs, "email"),
        "nhs_number": _agreement(pairs, "nhs"),
    }
    anchor = _anchor(levels)
    ordered = {comparison: levels[comparison] for comparison in COMPARISONS}
    return Compared(left, right, ordered, home, anchor, _veto(pairs, levels, home, anchor))


def _choose(comparison: Comparison, known: Flags, cases: list[tuple[Flags, str]]) -> Levels:
    """First case that holds, else `different`; `missing` where not both are known."""
    result = np.full(known.size, level(comparison, "different"), dtype=np.uint8)
    for flags, name in reversed(cases):
        result[flags] = level(comparison, name)
    result[~known] = 0
    return result


def _swapped(pairs: _Pairs) -> Flags:
    """Forename and surname changed places: both cross-equalities are needed."""
    (first_a, first_b), (last_a, last_b) = pairs.both("first"), pairs.both("surname")
    cross: Flags = (first_a == last_b) & (last_a == first_b) & (first_a > 0) & (first_b > 0) & (first_a != last_a)
    return cross


def _first_name(pairs: _Pairs, swapped: Flags) -> Levels:
    a, b = pairs.both("first")
    known, exact = (a > 0) & (b > 0), a == b
    initial_a, initial_b = pairs.both("first_initial")
    one_letter = np.logical_or(*(side > 0 for side in pairs.both("first_is_initial")))
    similarity = _similarity(pairs.encoded.names, a, b, known & ~exact & ~one_letter)
    result = _choose(
        "first_name",
        known,
        [
            (exact & ~one_letter, "exact"),
            (swapped, "swapped"),
            (one_letter & (initial_a == initial_b), "initial"),
            (_nicknames(pairs.encoded.names, a, b), "nickname"),
            (similarity >= FIRST_NAME_CUTS[1], "close"),
            (pairs.equal("first", "middle_first") & ~one_letter, "middle_name"),
            (similarity >= FIRST_NAME_CUTS[0], "similar"),
        ],
    )
    return _split_exact("first_name", pairs, result)


def _surname(pairs: _Pairs, swapped: Flags) -> Levels:
    a, b = pairs.both("surname")
    known, exact = (a > 0) & (b > 0), a == b
    similarity = _similarity(pairs.encoded.names, a, b, known & ~exact)
    formers = [f"former_{i}" for i in range(3)]
    former = np.logical_or.reduce([pairs.equal("surname", name) for name in formers])
    part = pairs.equal("surname", "part_1") | pairs.equal("surname", "part_2")
    result = _choose(
        "surname",
        known,
        [
            (exact, "exact"),
            (swapped, "swapped"),
            (former, "former"),
            (part, "part"),
            (similarity >= SURNAME_CUTS[1], "close"),
            (similarity >= SURNAME_CUTS[0], "similar"),
        ],
    )
    return _split_exact("surname", pairs, result)


def _split_exact(comparison: Comparison, pairs: _Pairs, result: Levels) -> Levels:
    exact = result == level(comparison, "exact")
    bucket = pairs.encoded.rarity[comparison].bucket[pairs.left[exact]]
    result[exact] += bucket.astype(np.uint8)
    return result


def _similarity(names: list[str], a: Codes, b: Codes, wanted: Flags) -> npt.NDArray[np.float32]:
    """Jaro-Winkler similarity, computed once for each distinct pair of names; 0 where not wanted."""
    result = np.zeros(a.size, dtype=np.float32)
    low, high = np.minimum(a[wanted], b[wanted]), np.maximum(a[wanted], b[wanted])
    distinct, place = np.unique(low * len(names) + high, return_inverse=True)
    one, other = np.divmod(distinct, len(names))
    scores = process.cpdist(
        [names[i] for i in one],
        [names[i] for i in other],
        scorer=JaroWinkler.normalized_similarity,
        dtype=np.float32,
        workers=-1,
    )
    result[wanted] = scores[place]
    return result


@cache
def _known_nicknames() -> frozenset[tuple[str, str]]:
    lookup = NickNamer().nickname_lookup
    return frozenset((name.upper(), nick.upper()) for name, nicks in lookup.items() for nick in nicks)


def _nicknames(names: list[str], a: Codes, b: Codes) -> Flags:
    """One is a nickname of the other, by the table of the `nicknames` library."""
    code = {name: i for i, name in enumerate(names) if name}
    known = [(code[one], code[other]) for one, other in _known_nicknames() if one in code and other in code]
    keys = np.array([min(pair) * len(names) + max(pair) for pair in known], dtype=np.int64)
    return np.isin(np.minimum(a, b) * len(names) + np.maximum(a, b), keys)


def _date_of_birth(pairs: _Pairs) -> Levels:
    (year_a, year_b), (month_a, month_b) = pairs.both("birth_year"), pairs.both("birth_month")
    (day_a, day_b), (ordinal_a, ordinal_b) = pairs.both("birth_day"), pairs.both("birth_ordinal")
    full = (day_a > 0) & (day_b > 0)
    year, month, day = year_a == year_b, month_a == month_b, day_a == day_b
    first_of_year_a = (month_a == 1) & (day_a == 1)
    first_of_year_b = (month_b == 1) & (day_b == 1)
    month_fits = month | (month_a == 0) | (month_b == 0)
    return _choose(
        "date_of_birth",
        (year_a > 0) & (year_b > 0),
        [
            (~full & year & month_fits, "partial"),
            (full & year & month & day & first_of_year_a, "exact_default"),
            (full & year & month & day, "exact"),
            (full & year & (month_a == day_b) & (day_a == month_b), "swapped"),
            (full & year & (first_of_year_a | first_of_year_b), "default_day"),
            (full & (year.astype(int) + month + day == 2), "one_part"),
            (full & (np.abs(ordinal_a - ordinal_b) <= _NEAR_DAYS), "near"),
            (full & (np.abs(year_a - year_b) == 1), "year_apart"),
        ],
    )


def _same_home(pairs: _Pairs) -> Flags:
    """One UPRN, or one postcode and house unless two UPRNs tell them apart."""
    other_property = pairs.known("uprn") & ~pairs.equal("uprn")
    return pairs.equal("uprn") | (pairs.equal("postcode") & pairs.equal("house") & ~other_property)


def _address(pairs: _Pairs, home: Flags) -> Levels:
    street = pairs.equal("street")
    return _choose(
        "address",
        home | pairs.known("postcode") | pairs.known("street"),
        [
            (home, "same_home"),
            (street & pairs.equal("house"), "house_and_street"),
            (pairs.equal("postcode"), "postcode"),
            (street, "street"),
            (pairs.equal("sector"), "sector"),
        ],
    )


def _agreement(pairs: _Pairs, name: str) -> Levels:
    """0 not both known, 1 differ, 2 agree."""
    return np.where(pairs.known(name), 1 + pairs.equal(name), 0).astype(np.uint8)


def _either(one: Levels, other: Levels) -> Levels:
    """Agreement on either number; a difference only where no number agrees."""
    return np.maximum(one, other)


def _middle_name(pairs: _Pairs) -> Levels:
    one_letter = np.logical_or(*(side > 0 for side in pairs.both("middle_is_initial")))
    agree = pairs.equal("middle_first") | (one_letter & pairs.equal("middle_initial"))
    return np.where(pairs.known("middle_first"), 1 + agree, 0).astype(np.uint8)


def _anchor(levels: dict[Comparison, Levels]) -> Flags:
    """Equal NHS numbers, at most one of names and date against it, and date or forename for it.

    An equal number with another date of birth and another forename is someone else's number (a mother's on
    her child's record): the NHS number with a disagreeing date is a matter for review, not a link.
    """
    against = np.zeros(levels["sex"].size, dtype=np.int64)
    supports = np.zeros(levels["sex"].size, dtype=bool)
    decisive: tuple[Comparison, ...] = ("first_name", "surname", "date_of_birth")
    for comparison in decisive:
        values = levels[comparison]
        against += values == level(comparison, "different")
        if comparison != "surname":
            supports |= values > level(comparison, "different")
    anchored: Flags = (levels["nhs_number"] == 2) & (against <= 1) & supports
    return anchored


def _veto(pairs: _Pairs, levels: dict[Comparison, Levels], home: Flags, anchor: Flags) -> Levels:
    verified = pairs.encoded.verified
    both_verified = verified[pairs.left] & verified[pairs.right]
    names = levels["first_name"]
    full_birth = levels["date_of_birth"] >= level("date_of_birth", "exact_default")
    other_name = (names == level("first_name", "different")) | (names == level("first_name", "similar"))
    # Two spellings of one name are common between sources; inside one source they are two people.
    other_name |= (names == level("first_name", "close")) & (levels["same_source"] == 2)
    result = np.zeros(home.size, dtype=np.uint8)
    result[home & full_birth & other_name & (levels["nhs_number"] != 2)] = VETOES.index("twins")
    result[(levels["nhs_number"] == 2) & ~anchor] = VETOES.index("nhs_number_on_another_person")
    result[both_verified & (levels["nhs_number"] == 1)] = VETOES.index("verified_nhs_numbers_differ")
    return result
