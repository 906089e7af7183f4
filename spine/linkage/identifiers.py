"""Numbers that stand for one person: their check digit, their successors, and how many may hold one.

Put here: rules on arrays of numbers, 0 where there is none. Never here: reading of text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from spine.linkage.arrays import SIFT_BITS, Array, Codes, Flags, Hashes, coarse, factorise, mixed

_NHS_DIGITS = 10
_ONES = 1_111_111_111
#: Numbers that begin with 0 are written with their zero, and lose it as integers.
_FIRST_NHS = 10**8
_SUPERSESSION_STEPS = 8
#: Fewer numbers are counted before the sieve is made.
_WORTH_A_SIEVE = 10_000
_ENOUGH_TO_TELL = 20
#: A column with more distinct values than this for each record that holds one is like a number,
_VALUES_PER_HOLDER = 0.15
#: unless more than this share of the values on several records are plainly on two people.
_SHARED_BY_TWO = 0.25


def passes_check_digit(numbers: Codes) -> Flags:
    """Whether an integer is an NHS number by its length and modulus 11 check digit (NHS Data Dictionary)."""
    passes = (numbers >= _FIRST_NHS) & (numbers < 10**_NHS_DIGITS) & (numbers % _ONES != 0)
    whole = numbers[passes]
    rest, last = np.divmod(whole, 10)
    rest = rest.astype(np.uint32)  # half the width, twice the speed
    total = np.zeros(rest.size, dtype=np.uint32)
    for weight in range(2, _NHS_DIGITS + 1):
        rest, digit = np.divmod(rest, 10)
        total += weight * digit
    passes[passes] = (11 - total % 11) % 11 == last
    return passes


def drop_failing(numbers: Codes, known: Mapping[str, int] | None = None) -> tuple[Codes, dict[str, int]]:
    """Numbers without those that fail the check digit, and what was found.

    Where of many no more than half pass, the numbers are of another kind, and the rule is not theirs; what was found of
    the records that were `known` before holds for those that join them.
    """
    failing = (numbers != 0) & ~passes_check_digit(numbers)
    count = int(failing.sum())
    several = np.count_nonzero(numbers)
    held = known["nhs_numbers_obey_check"] if known else int(several < _ENOUGH_TO_TELL or 2 * count < several)
    facts = {"nhs_numbers_failing_check": count, "nhs_numbers_obey_check": held}
    return (np.where(failing, 0, numbers) if held else numbers), facts


def follow_superseded(numbers: Codes, old: Codes, new: Codes) -> Codes:
    """Replace superseded numbers by their successors.

    A number that two different numbers claim to have superseded leads nowhere: following it would make two
    people's numbers equal.

    Args:
        numbers: the records' numbers.
        old: superseded numbers.
        new: the numbers of the records that name them.
    """
    told = (old != 0) & (new != 0) & (old != new)
    claims = np.unique(np.stack([old[told], new[told]], axis=1), axis=0)
    if not claims.size:
        return numbers
    names, claimants = np.unique(claims[:, 0], return_counts=True)
    claims = claims[np.isin(claims[:, 0], names[claimants == 1])]
    if not claims.size:
        return numbers
    for _ in range(_SUPERSESSION_STEPS):
        place = np.minimum(np.searchsorted(claims[:, 0], numbers), len(claims) - 1)
        numbers = np.where(claims[place, 0] == numbers, claims[place, 1], numbers)
    return numbers


def held_by_few(numbers: Array, holder: Hashes, most: int) -> Array:
    """Numbers without those that more than `most` different holders have: they belong to nobody in particular."""
    held = np.flatnonzero(numbers)
    # A number of many holders stands on many records: few numbers do, judged by some bits of a hash.
    if held.size > _WORTH_A_SIEVE:
        place = coarse(numbers[held])
        held = held[np.bincount(place, minlength=1 << SIFT_BITS)[place] > most]
    if not held.size:
        return numbers
    codes, where = factorise(numbers[held])
    _, one_each = factorise(mixed([codes, holder[held].view(np.int64)]))
    holders = np.bincount(codes[one_each], minlength=where.size)
    many = held[holders[codes] > most]
    if not many.size:
        return numbers
    result = numbers.copy()
    result[many] = 0
    return result


def of_one_person(values: Array, initial: Array, birth: Array) -> bool:
    """Whether a column's values stand for one person each, like a number, and not for a household or a district.

    Args:
        values: code of each record's value, 0 where not known.
        initial: of its forename, 0 where not known.
        birth: its date of birth as a number, 0 where not known.
    """
    held = pl.DataFrame({"value": values, "initial": initial, "birth": birth}).filter(pl.col("value") != 0)
    known = [pl.col(name).replace(0, None).drop_nulls().n_unique().alias(name) for name in ("initial", "birth")]
    of_value = held.group_by("value").agg(*known, holders=pl.len())
    if of_value.height <= _VALUES_PER_HOLDER * held.height:
        return False
    several = of_value.filter(pl.col("holders") > 1)
    two_people = several.filter((pl.col("initial") > 1) & (pl.col("birth") != 1))
    return two_people.height <= _SHARED_BY_TWO * several.height
