"""Stage 5: how alike the two nodes of each pair are, one level for each comparison.

Put here: how a level is decided, and the facts that anchor or forbid a link whatever the weights
say. Never here: what a level is worth (fit.py, score.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spine.linkage.arrays import Array, Codes, Flags
from spine.linkage.dates import near, one_slip, outlives, parts, two_deaths
from spine.linkage.encode import FORMERS, Encoded
from spine.linkage.facts import anchored, lookalike, related, thin
from spine.linkage.levels import level
from spine.linkage.pairs import Pairs
from spine.linkage.parallel import by_rows
from spine.linkage.similar import one_slip as one_slip_of_the_pen

Levels = npt.NDArray[np.uint8]

#: Jaro-Winkler similarity from which two names count as similar, and as close.
FIRST_NAME_CUTS = (0.75, 0.88)
SURNAME_CUTS = (0.78, 0.90)
#: So many pairs are compared at a time: two names that come in several pairs are compared once in these.
_AT_A_TIME = 1 << 19
#: Years between two dates of birth from which two people of one name at one home may be parent and child.
_GENERATION = 14
_FIRST_OF_YEAR = 101

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

    def taken(self, chosen: Codes) -> Compared:
        """Some of the pairs."""
        return Compared(
            left=self.left[chosen],
            right=self.right[chosen],
            levels={name: values[chosen] for name, values in self.levels.items()},
            **{name: getattr(self, name)[chosen] for name in _FLAGS},
        )


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
    result = Compared(
        left, right, {name: np.empty(left.size, dtype=np.uint8) for name in encoded.scheme.levels},
        *(np.empty(left.size, dtype=np.uint8 if name == "veto" else bool) for name in _FLAGS),
    )  # fmt: skip

    several = int(np.bitwise_or.reduce(encoded.codes["source"], initial=0)).bit_count() > 1

    def put(some: slice) -> None:
        found = _compare(encoded, left[some], right[some], several)
        for name, values in found.levels.items():
            result.levels[name][some] = values
        for name in _FLAGS:
            getattr(result, name)[some] = getattr(found, name)

    by_rows(put, left.size, _AT_A_TIME)
    return result


def _compare(encoded: Encoded, left: Codes, right: Codes, several_sources: bool) -> Compared:
    pairs = Pairs(encoded, left.astype(np.intp), right.astype(np.intp))
    address = _same_address(pairs)
    home = _at_home(pairs, address)
    swapped = _swapped(pairs)
    first_name = _first_name(pairs, swapped)
    # Names that changed places are told once, by the first name.
    told = swapped | (first_name == level("first_name", "crossed"))
    # Two spellings of one forename are no twins.
    two_names = (first_name == level("first_name", "different")) | (first_name == level("first_name", "similar"))
    levels: dict[str, Levels] = {
        "first_name": first_name,
        "surname": np.where(told, 0, _surname(pairs)),
        "date_of_birth": _date_of_birth(pairs, home & two_names),
        "address": _address(pairs, address, home),
        "middle_name": _middle_name(pairs),
        "other_number": np.maximum(_number(pairs, "nino"), _number(pairs, "upn")),
        "same_source": _same_source(pairs) if several_sources else np.zeros(left.size, dtype=np.uint8),
        "sex": _agreement(pairs, "sex"),
        "phone": _agreement_of_two(pairs, "phone"),
        "email": _agreement_of_two(pairs, "email"),
        "nhs_number": _agreement(pairs, "nhs"),
    }
    nearby = levels["address"] >= level("address", "sector")
    for name, when_nearby in zip(encoded.scheme.extra_comparisons, encoded.scheme.nearby_comparisons, strict=True):
        found = _split_exact(name, pairs, _agreement(pairs, name), encoded.codes[name][pairs.left])
        levels[name], levels[when_nearby] = np.where(nearby, 0, found), np.where(nearby, found, 0)
    anchor = anchored(levels)
    ordered = {comparison: levels[comparison] for comparison in encoded.scheme.levels}
    kin, weak, veto = related(levels, encoded.telling), ~home & thin(levels), _veto(pairs, levels, home, anchor)
    return Compared(left, right, ordered, home, anchor, lookalike(levels), kin, weak, veto)


def _choose(comparison: str, size: int, cases: list[tuple[Flags, str]]) -> Levels:
    """First case that holds, else `different`."""
    result = np.full(size, level(comparison, "different"), dtype=np.uint8)
    for flags, name in reversed(cases):
        np.copyto(result, level(comparison, name), where=flags)
    return result


def _swapped(pairs: Pairs) -> Flags:
    """Forename and surname changed places: one is equal crosswise, and the other equal or close."""
    (first_a, first_b), (last_a, last_b) = pairs.both("first"), pairs.both("surname")
    result = np.zeros(first_a.size, dtype=bool)
    some = np.flatnonzero((first_a == last_b) | (last_a == first_b))
    (first_a, first_b), (last_a, last_b) = pairs.at(some).places("first"), pairs.at(some).places("surname")
    known = (first_a > 0) & (first_b > 0) & (last_a > 0) & (last_b > 0) & (first_a != last_a)
    one, other = known & (first_a == last_b), known & (last_a == first_b)
    names, least = pairs.encoded.names, FIRST_NAME_CUTS[1]
    found = (one & other) | (names.similarity(last_a, first_b, one & ~other, least) >= least)
    result[some] = found | (names.similarity(first_a, last_b, other & ~one, least) >= least)
    return result


def _first_name(pairs: Pairs, swapped: Flags) -> Levels:
    a, b = pairs.both("first")
    known, written_out = (a > 0) & (b > 0), ~np.take(pairs.encoded.names.single, a)
    result = np.zeros(a.size, dtype=np.uint8)
    exact = known & (a == b) & written_out
    result[exact] = level("first_name", "exact")
    rest = np.flatnonzero(known & ~exact)
    result[rest] = _other_first_name(pairs.at(rest), np.take(swapped, rest))
    return _split_exact("first_name", pairs, result, a)


def _other_first_name(pairs: Pairs, swapped: Flags) -> Levels:
    """Levels of forenames that are not the same one, or are one letter."""
    a, b = pairs.places("first")
    names = pairs.encoded.names
    one_letter = np.take(names.single, a) | np.take(names.single, b)
    similarity = names.similarity(a, b, ~one_letter, FIRST_NAME_CUTS[0])
    return _choose(
        "first_name",
        a.size,
        [
            (swapped, "swapped"),
            (one_letter & (np.take(names.initial, a) == np.take(names.initial, b)), "initial"),
            (pairs.equal("first", "surname"), "crossed"),
            (names.nickname(a, b), "nickname"),
            (similarity >= FIRST_NAME_CUTS[1], "close"),
            (names.sound_alike(a, b), "sounds_alike"),
            (pairs.equal("first", "middle") & ~one_letter, "middle_name"),
            (similarity >= FIRST_NAME_CUTS[0], "similar"),
        ],
    )


def _surname(pairs: Pairs) -> Levels:
    a, b = pairs.both("surname")
    known, exact = (a > 0) & (b > 0), a == b
    result = np.where(known & exact, level("surname", "exact"), 0).astype(np.uint8)
    rest = np.flatnonzero(known & ~exact)
    result[rest] = _other_surname(pairs.at(rest))
    return _split_exact("surname", pairs, result, a)


def _other_surname(pairs: Pairs) -> Levels:
    """Levels of surnames that are not the same one."""
    a, b = pairs.places("surname")
    similarity = pairs.encoded.names.similarity(a, b, np.ones(a.size, dtype=bool), SURNAME_CUTS[0])
    former = np.logical_or.reduce([pairs.equal("surname", name) for name in FORMERS])
    part = pairs.equal("surname", "part_1") | pairs.equal("surname", "part_2")
    return _choose(
        "surname",
        a.size,
        [
            (former, "former"),
            (part, "part"),
            (similarity >= SURNAME_CUTS[1], "close"),
            (pairs.encoded.names.sound_alike(a, b), "sounds_alike"),
            (similarity >= SURNAME_CUTS[0], "similar"),
        ],
    )


def _split_exact(comparison: str, pairs: Pairs, result: Levels, codes: Array) -> Levels:
    """Exact agreement by how rare the value is; `codes` are the left side's."""
    exact = np.flatnonzero(result == level(comparison, "exact"))
    result[exact] += np.take(pairs.encoded.rarity[comparison].bucket, np.take(codes, exact))
    return result


def _date_of_birth(pairs: Pairs, others: Flags) -> Levels:
    """`others`: at one home, of two forenames."""
    a, b = pairs.both("birth")
    known, exact = (a > 0) & (b > 0), (a == b) & (a % 100 > 0)
    result = np.zeros(a.size, dtype=np.uint8)
    result[known & exact] = level("date_of_birth", "exact")
    twins = np.flatnonzero(exact & others)
    # A surname where the other record has its forename is a slip of columns, not a sibling.
    twins = twins[~pairs.at(twins).equal("first", "surname")]
    result[twins] = level("date_of_birth", "exact_other_name")
    result[exact & (a % 10_000 == _FIRST_OF_YEAR)] = level("date_of_birth", "partial")
    rest = np.flatnonzero(known & ~exact)
    result[rest] = _other_date(np.take(a, rest), np.take(b, rest))
    return result


def _other_date(a: Array, b: Array) -> Levels:
    """Levels of dates of birth that are not the same whole one."""
    year_a, month_a, day_a = parts(a)
    year_b, month_b, day_b = parts(b)
    full = (day_a > 0) & (day_b > 0)
    year, month, day = year_a == year_b, month_a == month_b, day_a == day_b
    first_of_year_a = (month_a == 1) & (day_a == 1)
    first_of_year_b = (month_b == 1) & (day_b == 1)
    one_part = full & (year.astype(np.int8) + month + day == 2)
    month_fits = month | (month_a == 0) | (month_b == 0)
    apart = np.abs(year_a - year_b)
    return _choose(
        "date_of_birth",
        a.size,
        [
            (~full & year & month_fits, "partial"),
            (full & year & (month_a == day_b) & (day_a == month_b), "swapped"),
            (full & year & (first_of_year_a | first_of_year_b), "default_day"),
            (one_slip(a, b, one_part), "one_digit"),
            (one_part & (apart < _GENERATION), "one_part"),
            (near(a, b, full), "near"),
            (full & (apart == 1), "year_apart"),
            (apart >= _GENERATION, "generation"),
        ],
    )


def _same_address(pairs: Pairs) -> Flags:
    """One UPRN, or one house of a postcode (of a street where there is none) unless two UPRNs tell them apart."""
    (a, b), (house_a, house_b), (uprn_a, uprn_b) = (pairs.both(name) for name in ("postcode", "house", "uprn"))
    door = (house_a == house_b) & (house_a != 0) & (a == b)
    nowhere = np.flatnonzero(door & (a == 0))
    door[nowhere] = pairs.at(nowhere).equal("street")
    one_property = uprn_a == uprn_b
    told = (uprn_a != 0) & (uprn_b != 0)
    result: Flags = (told & one_property) | (door & (one_property | ~told))
    return result


def _at_home(pairs: Pairs, address: Flags) -> Flags:
    """One dwelling. Where more live than a block holds, not every pair is compared, and neighbours are no household."""
    crowded = np.flatnonzero(address & np.take(pairs.encoded.crowded, pairs.left))
    home = address.copy()
    home[crowded] = ~np.take(pairs.encoded.crowded, pairs.right[crowded])
    return home


def _address(pairs: Pairs, address: Flags, home: Flags) -> Levels:
    result = np.where(home, level("address", "same_home"), 0).astype(np.uint8)
    rest = np.flatnonzero(~home)
    others, same = pairs.at(rest), np.take(address, rest)
    street, (a, b), (street_a, street_b) = others.equal("street"), others.both("postcode"), others.both("street")
    found = _choose(
        "address",
        rest.size,
        [
            (same | (street & others.equal("house")), "house_and_street"),
            (others.equal("postcode"), "postcode"),
            (street, "street"),
            (others.equal("sector"), "sector"),
        ],
    )
    known = same | ((a != 0) & (b != 0)) | ((street_a != 0) & (street_b != 0))
    result[rest] = np.where(known, found, 0)
    return result


def _agreement(pairs: Pairs, name: str) -> Levels:
    """0 not both known, 1 differ, 2 agree."""
    a, b = pairs.both(name)
    return (((a != 0) & (b != 0)) * (1 + (a == b).view(np.uint8))).astype(np.uint8, copy=False)


def _agreement_of_two(pairs: Pairs, name: str) -> Levels:
    """As `_agreement`, where a node may hold two values: one in common is enough."""
    result = _agreement(pairs, name)
    if f"{name}_2" in pairs.encoded.codes:
        differ = np.flatnonzero(result == 1)
        some = pairs.at(differ)
        result[differ[some.equal(name, f"{name}_2") | some.equal(f"{name}_2")]] = 2
    return result


def _same_source(pairs: Pairs) -> Levels:
    """Whether two nodes have a source in common."""
    a, b = pairs.both("source")
    return np.where((a != 0) & (b != 0), 1 + pairs.shared_source, 0).astype(np.uint8)


def _number(pairs: Pairs, name: str) -> Levels:
    """Agreement on a number; close where one slip of the pen tells the two apart."""
    result = np.zeros(pairs.left.size, dtype=np.uint8)
    place, a, b = pairs.known(name)
    result[place] = level("other_number", "agree")
    differ = a != b
    slips = one_slip_of_the_pen(pairs.encoded.dictionaries[name], a[differ], b[differ])
    result[place[differ]] = np.where(slips, level("other_number", "close"), level("other_number", "differ"))
    return result


def _middle_name(pairs: Pairs) -> Levels:
    place, a, b = pairs.known("middle")
    initial, single = pairs.encoded.names.initial, pairs.encoded.names.single
    result = np.zeros(pairs.left.size, dtype=np.uint8)
    result[place] = 1 + ((a == b) | ((single[a] | single[b]) & (initial[a] == initial[b])))
    return result


def _twins(pairs: Pairs, levels: dict[str, Levels], home: Flags) -> Codes:
    """Positions of pairs born on one day at one home who are two: by their forenames, or by what one source knows.

    Two spellings of one name are common between sources; inside one source, born on one day, they are twins.
    """
    number = (levels["nhs_number"] == 2) | (levels["other_number"] >= level("other_number", "close"))
    full_birth = levels["date_of_birth"] >= level("date_of_birth", "exact_other_name")
    born = np.flatnonzero(home & full_birth & ~number & pairs.shared_source)
    some, first_name = pairs.at(born), np.take(levels["first_name"], born)
    close = (first_name == level("first_name", "close")) | (first_name == level("first_name", "sounds_alike"))
    (a, b), (second_a, second_b), length = some.both("first"), some.places("middle"), pairs.encoded.names.length
    # Both second names are written out, and they are two.
    second = (length[second_a] > 1) & (length[second_b] > 1) & (second_a != second_b)
    result: Codes = born[close | ((a == 0) & (b == 0)) | second]
    return result


def _veto(pairs: Pairs, levels: dict[str, Levels], home: Flags, anchor: Flags) -> Levels:
    encoded = pairs.encoded
    result = np.zeros(anchor.size, dtype=np.uint8)
    result[_twins(pairs, levels, home)] = VETOES.index("twins")
    result[(levels["nhs_number"] == 2) & ~anchor] = VETOES.index("nhs_number_on_another_person")
    death_a, death_b = pairs.both("death")
    dead = np.flatnonzero((death_a != 0) | (death_b != 0))
    (death_a, death_b), (start_a, start_b) = (pairs.at(dead).both(name) for name in ("death", "start"))
    result[dead[outlives(death_a, start_b) | outlives(death_b, start_a)]] = VETOES.index("event_after_death")
    result[dead[two_deaths(death_a, death_b) & ~anchor[dead]]] = VETOES.index("dates_of_death_differ")
    if encoded.promised:
        source_a, source_b = pairs.both("source")
        result[(source_a & source_b & encoded.promised) != 0] = VETOES.index("one_record_per_person")
    differ = np.flatnonzero(levels["nhs_number"] == 1)
    differ = differ[np.take(encoded.verified, pairs.left[differ])]
    differ = differ[np.take(encoded.verified, pairs.right[differ])]
    result[differ] = VETOES.index("verified_nhs_numbers_differ")
    return result
