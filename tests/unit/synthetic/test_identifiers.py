"""National identifiers of the synthetic region hold to their rules, by an independent library where there is one."""

from __future__ import annotations

import nhs_number
import numpy as np
import polars as pl

from spine.synthetic.identifiers import (
    break_check_digit,
    national_insurance_numbers,
    nhs_numbers,
    unique_pupil_numbers,
    uprns,
)


def test_nhs_numbers_are_all_of_the_reserved_range() -> None:
    numbers = nhs_numbers(np.random.default_rng(1))
    assert len(numbers) == 909_090
    assert (np.diff(np.sort(numbers)) > 0).all(), "no number twice"
    assert numbers.min() >= 9_990_000_000
    assert numbers.max() < 9_999_999_999
    sample = [str(number) for number in numbers[:2_000]]
    assert all(nhs_number.is_valid(number) for number in sample)


def test_a_broken_check_digit_never_passes() -> None:
    numbers = pl.DataFrame({"n": [str(number) for number in nhs_numbers(np.random.default_rng(2))[:1_000]]})
    broken = numbers.select(break_check_digit(pl.col("n"))).to_series().to_list()
    assert not any(nhs_number.is_valid(number) for number in broken)


def test_unique_pupil_numbers_have_the_right_check_letter_or_the_next() -> None:
    letters = "ABCDEFGHJKLMNPQRTUVWXYZ"
    valid = np.arange(3_000) % 10 != 0
    upns = unique_pupil_numbers(np.full(3_000, 2015), valid).to_list()
    assert len(set(upns)) == 3_000

    def expected(upn: str) -> str:
        return letters[sum(int(digit) * place for place, digit in enumerate(upn[1:], start=2)) % 23]

    assert all(len(upn) == 13 and upn[1:4] == "990" for upn in upns)
    assert [upn[0] == expected(upn) for upn in upns] == valid.tolist()


def test_uprns_are_distinct_and_of_the_invented_block() -> None:
    drawn = uprns(np.random.default_rng(3), 5_000)
    assert drawn.n_unique() == 5_000
    assert drawn.str.contains(r"^9909\d{8}$").all()


def test_national_insurance_numbers_have_the_form_and_a_prefix_of_nobody() -> None:
    numbers = pl.DataFrame({"person": range(100_000)}).select(national_insurance_numbers(pl.col("person"))).to_series()
    assert numbers.n_unique() == 100_000
    assert numbers.str.contains(r"^X[ABCEGHJ-NPRSTV-Z]\d{6}[A-D]$").all()
