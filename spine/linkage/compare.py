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
from rapidfuzz.distance import OSA, JaroWinkler

from spine.linkage.encode import Codes, Encoded
from spine.linkage.levels import level

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
        lookalike: two people unless the whole weight says otherwise (twins).
        veto: index into `VETOES`.
    """

    left: Codes
    right: Codes
    levels: dict[str, Levels]
    home: Flags
    anchor: Flags
    lookalike: Flags
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
    first_name = _first_name(pairs, swapped)
    # A surname where the other record has its forename is a slip of columns, not a sibling.
    twins = home & _other_name(first_name) & ~pairs.equal("first", "surname")
    levels: dict[str, Levels] = {
        "first_name": first_name,
        "surname": _surname(pairs, swapped),
        "date_of_birth": _date_of_birth(pairs, twins),
        "address": _address(pairs, home),
        "middle_name": _middle_name(pairs),
        "other_number": np.maximum(_number(pairs, "nino"), _number(pairs, "upn")),
        "same_source": _same_source(pairs),
        "sex": _agreement(pairs, "sex"),
        "phone": _agreement(pairs, "phone"),
        "email": _agreement(pairs, "email"),
        "nhs_number": _agreement(pairs, "nhs"),
    }
    levels |= {name: _split_exact(name, pairs, _agreement(pairs, name)) for name in encoded.scheme.extra_comparisons}
    anchor = _anchor(levels)
    ordered = {comparison: levels[comparison] for comparison in encoded.scheme.levels}
    lookalike = levels["date_of_birth"] == level("date_of_birth", "exact_other_name")
    return Compared(left, right, ordered, home, anchor, lookalike, _veto(pairs, levels, home, anchor))


def _choose(comparison: str, known: Flags, cases: list[tuple[Flags, str]]) -> Levels:
    """First case that holds, else `different`; `missing` where not both are known."""
    result = np.full(known.size, level(comparison, "different"), dtype=np.uint8)
    for flags, name in reversed(cases):
        result[flags] = level(comparison, name)
    result[~known] = 0
    return result


def _swapped(pairs: _Pairs) -> Flags:
    """Forename and surname changed places: one is equal crosswise, and the other equal or close."""
    (first_a, first_b), (last_a, last_b) = pairs.both("first"), pairs.both("surname")
    known = (first_a > 0) & (first_b > 0) & (last_a > 0) & (last_b > 0) & (first_a != last_a)
    one, other = known & (first_a == last_b), known & (last_a == first_b)
    names = pairs.encoded.names
    result: Flags = (one & other) | (_similarity(names, last_a, first_b, one & ~other) >= FIRST_NAME_CUTS[1])
    result |= _similarity(names, first_a, last_b, other & ~one) >= FIRST_NAME_CUTS[1]
    return result


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


def _split_exact(comparison: str, pairs: _Pairs, result: Levels) -> Levels:
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


def _date_of_birth(pairs: _Pairs, twins: Flags) -> Levels:
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
            (full & year & month & day & twins, "exact_other_name"),
            (full & year & month & day & first_of_year_a, "exact_default"),
            (full & year & month & day, "exact"),
            (full & year & (month_a == day_b) & (day_a == month_b), "swapped"),
            (full & year & (first_of_year_a | first_of_year_b), "default_day"),
            (full & (year.astype(int) + month + day == 2), "one_part"),
            (full & (np.abs(ordinal_a - ordinal_b) <= _NEAR_DAYS), "near"),
            (full & (np.abs(year_a - year_b) == 1), "year_apart"),
        ],
    )


def _other_name(first_name: Levels) -> Flags:
    """Two forenames; two spellings of one are no twins."""
    result: Flags = (first_name == level("first_name", "different")) | (first_name == level("first_name", "similar"))
    return result


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


def _same_source(pairs: _Pairs) -> Levels:
    """Says nothing where there is one source only."""
    several = int(pairs.encoded.codes["source"].max(initial=0)) > 1
    return _agreement(pairs, "source") if several else np.zeros(pairs.left.size, dtype=np.uint8)


def _number(pairs: _Pairs, name: str) -> Levels:
    """Agreement on a number; close where one slip of the pen tells the two apart."""
    a, b = pairs.both(name)
    other = np.flatnonzero((a > 0) & (b > 0) & (a != b))
    text = pairs.encoded.numbers[name]
    slips = process.cpdist(
        [text[i] for i in a[other]], [text[i] for i in b[other]], scorer=OSA.distance, score_cutoff=1, workers=-1
    )
    agree, close = level("other_number", "agree"), level("other_number", "close")
    result = np.where(pairs.known(name), agree, 0).astype(np.uint8)
    result[other] = np.where(slips <= 1, close, level("other_number", "differ"))
    return result


def _middle_name(pairs: _Pairs) -> Levels:
    one_letter = np.logical_or(*(side > 0 for side in pairs.both("middle_is_initial")))
    agree = pairs.equal("middle_first") | (one_letter & pairs.equal("middle_initial"))
    return np.where(pairs.known("middle_first"), 1 + agree, 0).astype(np.uint8)


def _anchor(levels: dict[str, Levels]) -> Flags:
    """Equal NHS numbers, at most one of names and date against it, and date or forename for it.

    An equal number with another date of birth and another forename is someone else's number (a mother's on
    her child's record): the NHS number with a disagreeing date is a matter for review, not a link.
    """
    against = np.zeros(levels["sex"].size, dtype=np.int64)
    supports = np.zeros(levels["sex"].size, dtype=bool)
    decisive: tuple[str, ...] = ("first_name", "surname", "date_of_birth")
    for comparison in decisive:
        values = levels[comparison]
        against += values == level(comparison, "different")
        if comparison != "surname":
            supports |= values > level(comparison, "different")
    anchored: Flags = (levels["nhs_number"] == 2) & (against <= 1) & supports
    return anchored


def _veto(pairs: _Pairs, levels: dict[str, Levels], home: Flags, anchor: Flags) -> Levels:
    verified = pairs.encoded.verified
    both_verified = verified[pairs.left] & verified[pairs.right]
    result = np.zeros(anchor.size, dtype=np.uint8)
    # Two spellings of one name are common between sources; inside one source, born on one day, they are twins.
    close = (levels["first_name"] == level("first_name", "close")) & pairs.equal("source")
    full_birth = levels["date_of_birth"] >= level("date_of_birth", "exact_default")
    number = (levels["nhs_number"] == 2) | (levels["other_number"] >= level("other_number", "close"))
    result[home & full_birth & close & ~number] = VETOES.index("twins")
    result[(levels["nhs_number"] == 2) & ~anchor] = VETOES.index("nhs_number_on_another_person")
    result[both_verified & (levels["nhs_number"] == 1)] = VETOES.index("verified_nhs_numbers_differ")
    return result
