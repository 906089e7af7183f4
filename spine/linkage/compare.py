"""Stage 5: how alike the two nodes of each pair are, one level for each comparison.

Put here: how a level is decided, and the facts that anchor or forbid a link whatever the weights
say. Never here: what a level is worth (fit.py, score.py).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from spine.linkage.arrays import Array, Codes, Flags
from spine.linkage.dates import near, one_slip, outlives, parts, two_deaths
from spine.linkage.encode import FORMERS, Encoded
from spine.linkage.facts import anchored, related, thin
from spine.linkage.levels import level
from spine.linkage.similar import one_slip as one_slip_of_the_pen

Levels = npt.NDArray[np.uint8]

#: Jaro-Winkler similarity from which two names count as similar, and as close.
FIRST_NAME_CUTS = (0.75, 0.88)
SURNAME_CUTS = (0.78, 0.90)
#: So many pairs are compared at a time: what they need stays in the processor's cache.
_CHUNK = 1 << 17
#: So many chunks at once.
_AT_ONCE = 2
#: Years between two dates of birth from which two people of one name at one home may be parent and child.
_GENERATION = 14

#: Why a pair may never be linked; position is the code in `Compared.veto`.
VETOES = (
    "none", "verified_nhs_numbers_differ", "twins", "nhs_number_on_another_person", "event_after_death",
    "dates_of_death_differ", "one_record_per_person", "cannot_link",
)  # fmt: skip

_FLAGS = ("home", "anchor", "lookalike", "kin", "thin", "veto")


@dataclass(frozen=True)
class Compared:
    """Comparison levels of pairs.

    Attributes:
        left: places of the first nodes, each before its partner; sorted with `right`.
        right: places of the second nodes.
        levels: for each comparison the level number (see `LEVELS`); one array entry per pair.
        home: both records are at one dwelling.
        anchor: equal NHS numbers, and nothing else speaks against it.
        kin: another forename, and nothing of the person's own speaks for one person: at most relatives.
        thin: between homes, and fewer than three things agree.
        lookalike: two people unless the whole weight says otherwise (twins).
        veto: index into `VETOES`.
    """

    left: Codes
    right: Codes
    levels: dict[str, Levels]
    home: Flags
    anchor: Flags
    lookalike: Flags
    kin: Flags
    thin: Flags
    veto: Levels

    def taken(self, chosen: Codes, number: Codes | None = None) -> Compared:
        """Some of the pairs, with new numbers for their nodes where these are given."""
        left, right = self.left[chosen], self.right[chosen]
        return Compared(
            left=left if number is None else number[left],
            right=right if number is None else number[right],
            levels={name: values[chosen] for name, values in self.levels.items()},
            **{name: getattr(self, name)[chosen] for name in _FLAGS},
        )


@dataclass(frozen=True)
class _Pairs:
    """Both sides' codes of a column, for a given set of pairs."""

    encoded: Encoded
    left: Codes
    right: Codes
    _seen: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def both(self, name: str) -> tuple[Array, Array]:
        if name not in self._seen:
            codes = self.encoded.codes[name]
            self._seen[name] = np.take(codes, self.left), np.take(codes, self.right)
        return self._seen[name]

    def names(self, name: str) -> tuple[Codes, Codes]:
        """As `both`, in the width that places in a dictionary are looked up with."""
        key = f"{name} as places"
        if key not in self._seen:
            a, b = self.both(name)
            self._seen[key] = a.astype(np.intp), b.astype(np.intp)
        return self._seen[key]

    def equal(self, one: str, other: str | None = None) -> Flags:
        """Known and equal; with two columns, crosswise in either direction."""
        if other is None:
            a, b = self.both(one)
            same: Flags = (a == b) & (a != 0)
            return same
        (a, b), (c, d) = self.both(one), self.both(other)
        crossed: Flags = ((a == d) & (a != 0)) | ((b == c) & (b != 0))
        return crossed

    def any_known(self, name: str) -> Flags:
        a, b = self.both(name)
        return (a != 0) | (b != 0)

    def known(self, name: str) -> Flags:
        a, b = self.both(name)
        return (a != 0) & (b != 0)

    @cached_property
    def shared_source(self) -> Flags:
        a, b = self.both("source")
        return (a & b) != 0


def stack(*parts: Compared) -> Compared:
    """The pairs of all parts, in their order."""
    return Compared(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", *_FLAGS)},
        levels={name: np.concatenate([part.levels[name] for part in parts]) for name in parts[0].levels},
    )


def compare(encoded: Encoded, left: Codes, right: Codes) -> Compared:
    """Compare pairs of records.

    Args:
        encoded: the nodes (or records).
        left: places of the first ones.
        right: places of the second ones, as many.
    """
    parts = max(1, -(-left.size // _CHUNK))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        chunks = pool.map(partial(_compare, encoded), np.array_split(left, parts), np.array_split(right, parts))
        return stack(*chunks)


def _compare(encoded: Encoded, left: Codes, right: Codes) -> Compared:
    pairs = _Pairs(encoded, left.astype(np.intp), right.astype(np.intp))
    address = _same_address(pairs)
    # Where more live than one block holds, not every pair is compared, and neighbours are no household.
    home = address & ~(encoded.crowded[pairs.left] & encoded.crowded[pairs.right])
    swapped = _swapped(pairs)
    first_name = _first_name(pairs, swapped)
    # Names that changed places are told once, by the first name.
    crossed = first_name == level("first_name", "crossed")
    # A surname where the other record has its forename is a slip of columns, not a sibling.
    twins = home & _other_name(first_name) & ~pairs.equal("first", "surname")
    levels: dict[str, Levels] = {
        "first_name": first_name,
        "surname": np.where(swapped | crossed, 0, _surname(pairs)),
        "date_of_birth": _date_of_birth(pairs, twins),
        "address": _address(pairs, address, home),
        "middle_name": _middle_name(pairs),
        "other_number": np.maximum(_number(pairs, "nino"), _number(pairs, "upn")),
        "same_source": _same_source(pairs),
        "sex": _agreement(pairs, "sex"),
        "phone": _agreement_of_two(pairs, "phone"),
        "email": _agreement_of_two(pairs, "email"),
        "nhs_number": _agreement(pairs, "nhs"),
    }
    for name in encoded.scheme.extra_comparisons:
        levels[name] = _split_exact(name, pairs, _agreement(pairs, name), encoded.codes[name][pairs.left])
    anchor = anchored(levels)
    ordered = {comparison: levels[comparison] for comparison in encoded.scheme.levels}
    lookalike = levels["date_of_birth"] == level("date_of_birth", "exact_other_name")
    kin, weak, veto = related(levels, encoded.telling), ~home & thin(levels), _veto(pairs, levels, home, anchor)
    return Compared(left, right, ordered, home, anchor, lookalike, kin, weak, veto)


def _choose(comparison: str, known: Flags, cases: list[tuple[Flags, str]]) -> Levels:
    """First case that holds, else `different`; `missing` where not both are known."""
    result = np.full(known.size, level(comparison, "different"), dtype=np.uint8)
    for flags, name in reversed(cases):
        np.copyto(result, level(comparison, name), where=flags)
    np.copyto(result, 0, where=~known)
    return result


def _swapped(pairs: _Pairs) -> Flags:
    """Forename and surname changed places: one is equal crosswise, and the other equal or close."""
    (first_a, first_b), (last_a, last_b) = pairs.names("first"), pairs.names("surname")
    known = (first_a > 0) & (first_b > 0) & (last_a > 0) & (last_b > 0) & (first_a != last_a)
    one, other = known & (first_a == last_b), known & (last_a == first_b)
    least = FIRST_NAME_CUTS[1]
    result: Flags = (one & other) | (pairs.encoded.names.similarity(last_a, first_b, one & ~other, least) >= least)
    result |= pairs.encoded.names.similarity(first_a, last_b, other & ~one, least) >= least
    return result


def _first_name(pairs: _Pairs, swapped: Flags) -> Levels:
    a, b = pairs.names("first")
    known, exact = (a > 0) & (b > 0), a == b
    initial, single = pairs.encoded.names.initial, pairs.encoded.names.single
    one_letter = single[a] | single[b]
    similarity = pairs.encoded.names.similarity(a, b, known & ~exact & ~one_letter, FIRST_NAME_CUTS[0])
    result = _choose(
        "first_name",
        known,
        [
            (exact & ~one_letter, "exact"),
            (swapped, "swapped"),
            (one_letter & (initial[a] == initial[b]), "initial"),
            (pairs.equal("first", "surname"), "crossed"),
            (pairs.encoded.names.nickname(a, b), "nickname"),
            (similarity >= FIRST_NAME_CUTS[1], "close"),
            (pairs.encoded.names.sound_alike(a, b), "sounds_alike"),
            (pairs.equal("first", "middle") & ~one_letter, "middle_name"),
            (similarity >= FIRST_NAME_CUTS[0], "similar"),
        ],
    )
    return _split_exact("first_name", pairs, result, a)


def _surname(pairs: _Pairs) -> Levels:
    a, b = pairs.names("surname")
    known, exact = (a > 0) & (b > 0), a == b
    similarity = pairs.encoded.names.similarity(a, b, known & ~exact, SURNAME_CUTS[0])
    former = np.logical_or.reduce([pairs.equal("surname", name) for name in FORMERS])
    part = pairs.equal("surname", "part_1") | pairs.equal("surname", "part_2")
    result = _choose(
        "surname",
        known,
        [
            (exact, "exact"),
            (former, "former"),
            (part, "part"),
            (similarity >= SURNAME_CUTS[1], "close"),
            (pairs.encoded.names.sound_alike(a, b), "sounds_alike"),
            (similarity >= SURNAME_CUTS[0], "similar"),
        ],
    )
    return _split_exact("surname", pairs, result, a)


def _split_exact(comparison: str, pairs: _Pairs, result: Levels, codes: Array) -> Levels:
    """Exact agreement by how rare the value is; `codes` are the left side's."""
    exact = result == level(comparison, "exact")
    result[exact] += pairs.encoded.rarity[comparison].bucket[codes[exact]]
    return result


def _date_of_birth(pairs: _Pairs, twins: Flags) -> Levels:
    a, b = pairs.both("birth")
    year_a, month_a, day_a = parts(a)
    year_b, month_b, day_b = parts(b)
    full = (day_a > 0) & (day_b > 0)
    year, month, day = year_a == year_b, month_a == month_b, day_a == day_b
    exact = full & (a == b)
    first_of_year_a = (month_a == 1) & (day_a == 1)
    first_of_year_b = (month_b == 1) & (day_b == 1)
    one_part = full & (year.astype(np.int8) + month + day == 2)
    month_fits = month | (month_a == 0) | (month_b == 0)
    return _choose(
        "date_of_birth",
        (a > 0) & (b > 0),
        [
            ((~full & year & month_fits) | (exact & first_of_year_a), "partial"),
            (exact & twins, "exact_other_name"),
            (exact, "exact"),
            (full & year & (month_a == day_b) & (day_a == month_b), "swapped"),
            (full & year & (first_of_year_a | first_of_year_b), "default_day"),
            (one_slip(a, b, one_part), "one_digit"),
            (one_part & (np.abs(year_a - year_b) < _GENERATION), "one_part"),
            (near(a, b, full), "near"),
            (full & (np.abs(year_a - year_b) == 1), "year_apart"),
            (np.abs(year_a - year_b) >= _GENERATION, "generation"),
        ],
    )


def _other_name(first_name: Levels) -> Flags:
    """Two forenames; two spellings of one are no twins."""
    result: Flags = (first_name == level("first_name", "different")) | (first_name == level("first_name", "similar"))
    return result


def _same_address(pairs: _Pairs) -> Flags:
    """One UPRN, or one house of a postcode (of a street where there is none) unless two UPRNs tell them apart."""
    other_property = pairs.known("uprn") & ~pairs.equal("uprn")
    (a, b), house = pairs.both("postcode"), pairs.equal("house")
    door = house & (((a == b) & (a != 0)) | ((a == 0) & (b == 0) & pairs.equal("street")))
    return pairs.equal("uprn") | (door & ~other_property)


def _address(pairs: _Pairs, address: Flags, home: Flags) -> Levels:
    street = pairs.equal("street")
    return _choose(
        "address",
        address | pairs.known("postcode") | pairs.known("street"),
        [
            (home, "same_home"),
            (address | (street & pairs.equal("house")), "house_and_street"),
            (pairs.equal("postcode"), "postcode"),
            (street, "street"),
            (pairs.equal("sector"), "sector"),
        ],
    )


def _agreement(pairs: _Pairs, name: str) -> Levels:
    """0 not both known, 1 differ, 2 agree."""
    return np.where(pairs.known(name), 1 + pairs.equal(name), 0).astype(np.uint8)


def _agreement_of_two(pairs: _Pairs, name: str) -> Levels:
    """As `_agreement`, where a node may hold two values: one in common is enough."""
    result = _agreement(pairs, name)
    if f"{name}_2" in pairs.encoded.codes:
        agree = pairs.equal(name, f"{name}_2") | pairs.equal(f"{name}_2")
        np.copyto(result, 2, where=agree)
    return result


def _same_source(pairs: _Pairs) -> Levels:
    """Whether two nodes have a source in common; says nothing where there is one source only."""
    source = pairs.encoded.codes["source"]
    several = int(np.bitwise_or.reduce(source, initial=0)).bit_count() > 1
    both = pairs.known("source")
    return np.where(both, 1 + pairs.shared_source, 0).astype(np.uint8) if several else np.zeros_like(both, np.uint8)


def _number(pairs: _Pairs, name: str) -> Levels:
    """Agreement on a number; close where one slip of the pen tells the two apart."""
    a, b = pairs.both(name)
    other = np.flatnonzero((a > 0) & (b > 0) & (a != b))
    agree, close = level("other_number", "agree"), level("other_number", "close")
    result = np.where((a > 0) & (b > 0), agree, 0).astype(np.uint8)
    slips = one_slip_of_the_pen(pairs.encoded.dictionaries[name], a[other], b[other])
    result[other] = np.where(slips, close, level("other_number", "differ"))
    return result


def _middle_name(pairs: _Pairs) -> Levels:
    a, b = pairs.names("middle")
    initial, single = pairs.encoded.names.initial, pairs.encoded.names.single
    agree = (a == b) | ((single[a] | single[b]) & (initial[a] == initial[b]))
    return np.where((a > 0) & (b > 0), 1 + agree, 0).astype(np.uint8)


def _other_second_name(pairs: _Pairs) -> Flags:
    """Both middle names are written out, and they are two."""
    a, b = pairs.names("middle")
    length = pairs.encoded.names.length
    result: Flags = (length[a] > 1) & (length[b] > 1) & (a != b)
    return result


def _veto(pairs: _Pairs, levels: dict[str, Levels], home: Flags, anchor: Flags) -> Levels:
    encoded = pairs.encoded
    both_verified = encoded.verified[pairs.left] & encoded.verified[pairs.right]
    result = np.zeros(anchor.size, dtype=np.uint8)
    # Two spellings of one name are common between sources; inside one source, born on one day, they are twins.
    alike = (level("first_name", "close"), level("first_name", "sounds_alike"))
    close = np.isin(levels["first_name"], alike) & pairs.shared_source
    full_birth = levels["date_of_birth"] >= level("date_of_birth", "exact_other_name")
    number = (levels["nhs_number"] == 2) | (levels["other_number"] >= level("other_number", "close"))
    nameless = pairs.shared_source & ~pairs.any_known("first")
    second = pairs.shared_source & _other_second_name(pairs)
    result[home & full_birth & (close | nameless | second) & ~number] = VETOES.index("twins")
    result[(levels["nhs_number"] == 2) & ~anchor] = VETOES.index("nhs_number_on_another_person")
    (death_a, death_b), (start_a, start_b) = pairs.both("death"), pairs.both("start")
    result[outlives(death_a, start_b) | outlives(death_b, start_a)] = VETOES.index("event_after_death")
    result[two_deaths(death_a, death_b) & ~anchor] = VETOES.index("dates_of_death_differ")
    source_a, source_b = pairs.both("source")
    result[(source_a & source_b & encoded.promised) != 0] = VETOES.index("one_record_per_person")
    result[both_verified & (levels["nhs_number"] == 1)] = VETOES.index("verified_nhs_numbers_differ")
    return result
