"""National identifiers, made in columns: NHS numbers, unique pupil numbers and UPRNs that are nobody's.

Put here: numbers and their check digits. Never here: who holds them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from spine.synthetic.draws import Ints, Mask

#: Most residents that the reserved range serves, with room for superseded and wrong numbers.
MAX_RESIDENTS = 800_000

_UPN_LETTERS = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"))
#: No authority has been given UPRNs that begin with 9909.
_UPRN_BASE = 990_900_000_000


def nhs_numbers(rng: np.random.Generator) -> Ints:
    """Every valid NHS number of the reserved 999 range, shuffled: 909,090 numbers of ten digits.

    The range is never issued to anyone. The check digit is 11 less the weighted sum (weights 10
    to 2) modulo 11, 11 becomes 0 and 10 is no number; 9999999999 passes and is left out, because
    repeated digits are placeholders.
    """
    first_nine = np.arange(999_000_000, 1_000_000_000, dtype=np.int64)
    thousand = np.arange(1_000, dtype=np.int64)
    # 999 stands first; digits 4 to 6 and 7 to 9 each go through a thousand values.
    total = 9 * (10 + 9 + 8) + _weighted(thousand, 7)[:, None] + _weighted(thousand, 4)[None, :]
    check = (11 - total.ravel() % 11) % 11
    numbers = (first_nine * 10 + check)[check < 10]
    return np.asarray(rng.permutation(numbers[numbers != 9_999_999_999]), dtype=np.int64)


def _weighted(three_digits: Ints, weight: int) -> Ints:
    """The sum of three digits times `weight` and the two weights below it."""
    total: Ints = (
        three_digits // 100 * weight + three_digits // 10 % 10 * (weight - 1) + three_digits % 10 * (weight - 2)
    )
    return total


def break_check_digit(number: pl.Expr) -> pl.Expr:
    """NHS numbers (text) with the last digit moved on by one, which never passes the check."""
    last = (number.str.slice(9, 1).cast(pl.Int64, strict=False) + 1) % 10
    return number.str.slice(0, 9) + last.cast(pl.String)


def unique_pupil_numbers(birth_years: Ints, is_valid: Mask) -> pl.Series:
    """One unique pupil number for each birth year, of the fictional authority 990, all different.

    The check letter is the sum of characters 2 to 13, each times its position, modulo 23. Where
    `is_valid` is False the letter is the next one on, which fails.

    Raises:
        ValueError: more rows than the authority has numbers.
    """
    size = len(birth_years)
    if size > 8_000_000:
        raise ValueError("more pupils than unique pupil numbers")
    index = np.arange(size, dtype=np.int64)
    digits = 990 * 10**9 + (2000 + index // 1000) * 10**5 + (birth_years + 4) % 100 * 1000 + index % 1000
    total = np.zeros(size, dtype=np.int64)
    for position in range(2, 14):
        total += (digits // 10 ** (13 - position) % 10) * position
    letters = _UPN_LETTERS[(total + ~is_valid) % 23]
    return pl.Series("upn", letters) + pl.Series(digits).cast(pl.String)


def uprns(rng: np.random.Generator, size: int) -> pl.Series:
    """Unique property reference numbers (text, 12 digits) from the block 9909, all different."""
    return pl.Series("uprn", _UPRN_BASE + 1_000 + rng.permutation(size * 3)[:size]).cast(pl.String)


def national_insurance_numbers(index: pl.Expr) -> pl.Expr:
    """A number for each index below 20 million, all different, in the form of a National Insurance number.

    Prefixes begin with X: the form allows it, and none is known to have been issued.
    """
    mixed = (index.cast(pl.Int64) * 7_654_321 + 1_234_567) % 20_000_000
    letters = pl.lit(pl.Series("letter", list("ABCEGHJKLMNPRSTVWXYZ")))
    suffix = pl.lit(pl.Series("suffix", list("ABCD"))).gather(mixed % 4)
    return "X" + letters.gather(mixed // 1_000_000) + (mixed % 1_000_000).cast(pl.String).str.zfill(6) + suffix
