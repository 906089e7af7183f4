"""Numbers that stand for one person: the check digit, successors, and numbers that are nobody's."""

from __future__ import annotations

import nhs_number
import numpy as np
import pytest

from spine.linkage.identifiers import drop_failing, follow_superseded, held_by_few, passes_check_digit


def whole(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_the_check_digit_is_that_of_the_nhs_number_library() -> None:
    numbers = np.random.default_rng(4).integers(9_990_000_000, 9_999_999_990, 4000)
    expected = [nhs_number.is_valid(str(number)) for number in numbers]
    assert any(expected)
    assert passes_check_digit(numbers).tolist() == expected


@pytest.mark.parametrize(
    "number", [0, 9_990_000_019, 999_000_001, 99_900_000_018, 9_999_999_999, 1_111_111_111, 413_693_536_559_359_573]
)
def test_what_is_no_nhs_number(number: int) -> None:
    assert not passes_check_digit(whole(number)).any()


def test_failing_numbers_are_dropped_where_most_pass_and_kept_where_most_fail() -> None:
    good, bad = (9_990_000_018, 9_990_000_026), (9_990_000_019, 9_990_000_027)
    numbers, facts = drop_failing(whole(*good, bad[0], 0))
    assert numbers.tolist() == [*good, 0, 0]
    assert facts == {"nhs_numbers_failing_check": 1, "nhs_numbers_obey_check": 1}
    many = whole(*good * 5, *bad * 5, 0)
    of_another_kind, facts = drop_failing(many)
    assert of_another_kind.tolist() == many.tolist()
    assert facts == {"nhs_numbers_failing_check": 10, "nhs_numbers_obey_check": 0}
    few, facts = drop_failing(whole(*bad))
    assert (few.tolist(), facts["nhs_numbers_obey_check"]) == ([0, 0], 1)  # too few to tell of what kind they are


def test_a_number_may_begin_with_nought() -> None:
    health_numbers = np.arange(101_990_000, 101_994_000)
    expected = [nhs_number.calculate_checksum(f"{number:010d}"[:9]) == number % 10 for number in health_numbers]
    assert passes_check_digit(health_numbers).tolist() == expected


@pytest.mark.parametrize(("obey", "kept"), [(1, 0), (0, 9_990_000_019)])
def test_what_was_found_of_all_records_holds_for_those_that_join_them(obey: int, kept: int) -> None:
    assert drop_failing(whole(9_990_000_019), {"nhs_numbers_obey_check": obey})[0].tolist() == [kept]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([2], [1], [1, 1, 3, 4]),
        ([2, 3, 4], [1, 2, 3], [1, 1, 1, 1]),  # a chain
        ([2, 2], [1, 3], [1, 2, 3, 4]),  # two claim one number
        ([2, 2], [1, 1], [1, 1, 3, 4]),  # one claim on two records
        ([2, 0, 4], [0, 1, 4], [1, 2, 3, 4]),  # nothing is told, or of oneself
        ([2, 4, 4], [1, 2, 3], [1, 1, 3, 4]),  # a double claim stops no other
        ([], [], [1, 2, 3, 4]),
    ],
)
def test_superseded_numbers_lead_to_their_successors(old: list[int], new: list[int], expected: list[int]) -> None:
    assert follow_superseded(whole(1, 2, 3, 4), whole(*old), whole(*new)).tolist() == expected


def test_two_numbers_that_supersede_each_other_stay_two() -> None:
    assert len(set(follow_superseded(whole(1, 2), whole(1, 2), whole(2, 1)).tolist())) == 2


def test_a_number_is_nobodys_by_its_holders_and_not_by_its_records() -> None:
    numbers = np.array([7] * 30 + [8] * 4 + [0, 9])
    holder = np.array([1] * 30 + [1, 2, 3, 4] + [5, 6], dtype=np.uint64)
    assert held_by_few(numbers, holder, 3).tolist() == [7] * 30 + [0] * 4 + [0, 9]
    assert held_by_few(numbers, holder, 4).tolist() == numbers.tolist()
    assert held_by_few(whole(0, 0), np.array([1, 2], dtype=np.uint64), 2).tolist() == [0, 0]
